// Memory: giving it out and taking it back.
#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "copy.h"
#include "memory.h"

namespace wwsim {
namespace {

constexpr size_t pitch_alignment = 512;

cudaError_t allocate_for_call(void **address, size_t bytes, MemoryKind kind) {
    return call([&](Gpu &gpu) {
        if (cudaError_t error = refuse_any_capture(gpu))
            return error;
        return allocate(address, bytes, kind, gpu.options.watch.check);
    });
}

// Frees once all work is done, as the runtime does where no stream is named.
cudaError_t free_for_call(void *address, bool host) {
    return call([&](Gpu &gpu) {
        if (!address)
            return cudaSuccess;
        if (cudaError_t error = refuse_any_capture(gpu))
            return error;
        if (cudaError_t error = gpu.finish_all())
            return error;
        cudaError_t error = retire(address, host);
        if (error == cudaSuccess)
            release(address);
        return error;
    });
}

cudaError_t check_managed(const void *address, size_t bytes) {
    std::optional<Allocation> where;
    if (cudaError_t error = locate(address, bytes, &where))
        return error;
    return where && where->kind == MemoryKind::managed ? cudaSuccess : cudaErrorInvalidValue;
}

} // namespace

inline namespace api {

cudaError_t cudaMalloc(void **address, size_t bytes) { return allocate_for_call(address, bytes, MemoryKind::device); }

cudaError_t cudaMallocPitch(void **address, size_t *pitch, size_t width, size_t height) {
    size_t row = (width + pitch_alignment - 1) / pitch_alignment * pitch_alignment;
    if (!pitch || row < width || (height != 0 && row > SIZE_MAX / height))
        return remember(cudaErrorInvalidValue);
    *pitch = row;
    return allocate_for_call(address, row * height, MemoryKind::device);
}

cudaError_t cudaMallocManaged(void **address, size_t bytes, unsigned flags) {
    if (bytes == 0 || (flags != cudaMemAttachGlobal && flags != cudaMemAttachHost))
        return remember(cudaErrorInvalidValue);
    return allocate_for_call(address, bytes, MemoryKind::managed);
}

cudaError_t cudaMallocAsync(void **address, size_t bytes, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &stream) {
        if (cudaError_t error = refuse_capture(stream))
            return error;
        return allocate(address, bytes, MemoryKind::device, stream.gpu->options.watch.check);
    });
}

cudaError_t cudaFree(void *address) { return free_for_call(address, false); }

cudaError_t cudaFreeAsync(void *address, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &stream) {
        if (!address)
            return cudaErrorInvalidValue;
        if (cudaError_t error = refuse_capture(stream))
            return error;
        return enqueue_free(stream, address);
    });
}

cudaError_t cudaMallocHost(void **address, size_t bytes, unsigned) {
    return allocate_for_call(address, bytes, MemoryKind::pinned);
}

cudaError_t cudaHostAlloc(void **address, size_t bytes, unsigned flags) {
    if (flags & ~7u)
        return remember(cudaErrorInvalidValue);
    return cudaMallocHost(address, bytes, flags);
}

cudaError_t cudaFreeHost(void *address) { return free_for_call(address, true); }

cudaError_t cudaHostRegister(void *address, size_t bytes, unsigned) {
    return call([&](Gpu &) { return register_host(address, bytes); });
}

cudaError_t cudaHostUnregister(void *address) {
    return call([&](Gpu &gpu) {
        if (cudaError_t error = gpu.finish_all())
            return error;
        return unregister_host(address);
    });
}

cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned flags) {
    return call([&](Gpu &) {
        std::optional<Allocation> found = find_allocation(host);
        if (!device || flags != 0 || !found || !found->live || !found->on_host())
            return cudaErrorInvalidValue;
        *device = host;
        return cudaSuccess;
    });
}

cudaError_t cudaHostGetFlags(unsigned *flags, void *host) {
    return call([&](Gpu &) {
        std::optional<Allocation> found = find_allocation(host);
        if (!flags || !found || !found->live || !found->on_host())
            return cudaErrorInvalidValue;
        *flags = cudaHostAllocMapped;
        return cudaSuccess;
    });
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
    return call([&](Gpu &) {
        if (!free || !total)
            return cudaErrorInvalidValue;
        *total = device_memory_bytes;
        *free = device_memory_bytes - device_bytes_in_use();
        return cudaSuccess;
    });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *address) {
    return call([&](Gpu &) {
        if (!attributes)
            return cudaErrorInvalidValue;
        std::optional<Allocation> found = find_allocation(address);
        void *pointer = const_cast<void *>(address);
        if (!found || !found->live)
            *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, pointer};
        else if (found->on_device())
            *attributes = {cudaMemoryTypeDevice, 0, pointer, nullptr};
        else
            *attributes = {found->on_host() ? cudaMemoryTypeHost : cudaMemoryTypeManaged, 0, pointer, pointer};
        return cudaSuccess;
    });
}

cudaError_t cudaMemPrefetchAsync(const void *address, size_t bytes, cudaMemLocation, unsigned, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &) { return check_managed(address, bytes); });
}

cudaError_t cudaMemPrefetchAsync(const void *address, size_t bytes, int, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &) { return check_managed(address, bytes); });
}

cudaError_t cudaMemAdvise(const void *address, size_t bytes, cudaMemoryAdvise, cudaMemLocation) {
    return call([&](Gpu &) { return check_managed(address, bytes); });
}

cudaError_t cudaMemAdvise(const void *address, size_t bytes, cudaMemoryAdvise, int) {
    return call([&](Gpu &) { return check_managed(address, bytes); });
}

} // namespace api
} // namespace wwsim
