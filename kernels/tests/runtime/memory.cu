// Memory is given out aligned, told apart by kind, and taken back once.
#include <cstdint>
#include <cstdlib>

#include <cuda_runtime.h>

#include "check.h"

static cudaMemoryType type_of(const void *address) {
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, address));
    return attributes.type;
}

__global__ void store(int *out, int value) { *out = value; }

static void device_memory() {
    char *some[8];
    for (int i = 0; i < 8; i++) {
        CHECK(cudaMalloc(&some[i], 100 + i));
        EXPECT(reinterpret_cast<uintptr_t>(some[i]) % 256 == 0, "got %p", static_cast<void *>(some[i]));
        EXPECT(type_of(some[i]) == cudaMemoryTypeDevice && type_of(some[i] + 50) == cudaMemoryTypeDevice, "allocation %d", i);
    }
    EXPECT_ERROR(cudaFree(some[0] + 1), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaFreeHost(some[0]), cudaErrorInvalidValue);
    for (char *memory : some)
        CHECK(cudaFree(memory));
    EXPECT_ERROR(cudaFree(some[0]), cudaErrorInvalidValue);
    CHECK(cudaFree(nullptr));

    void *empty = some;
    CHECK(cudaMalloc(&empty, 0));
    EXPECT(empty == nullptr, "got %p", empty);
    EXPECT_ERROR(cudaMalloc(&empty, size_t(1) << 50), cudaErrorMemoryAllocation);
    EXPECT_ERROR(cudaMalloc(&empty, SIZE_MAX), cudaErrorMemoryAllocation);
    EXPECT_ERROR(cudaMalloc(static_cast<void **>(nullptr), 1), cudaErrorInvalidValue);
    int host = 0;
    EXPECT_ERROR(cudaFree(&host), cudaErrorInvalidValue);

    size_t free = 0, total = 0;
    CHECK(cudaMemGetInfo(&free, &total));
    EXPECT(free > 0 && free <= total, "%zu of %zu bytes", free, total);
}

static void host_memory() {
    int *pinned = nullptr, *device = nullptr, local = 0;
    CHECK(cudaMallocHost(&pinned, sizeof(int)));
    EXPECT(type_of(pinned) == cudaMemoryTypeHost, "type %d", type_of(pinned));
    EXPECT(type_of(&local) == cudaMemoryTypeUnregistered, "type %d", type_of(&local));
    CHECK(cudaHostGetDevicePointer(&device, pinned, 0));
    store<<<1, 1>>>(device, 7);
    CHECK(cudaDeviceSynchronize());
    EXPECT(*pinned == 7, "got %d", *pinned);
    EXPECT_ERROR(cudaFree(pinned), cudaErrorInvalidValue);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaFreeHost(nullptr));

    CHECK(cudaHostAlloc(&pinned, sizeof(int), cudaHostAllocMapped | cudaHostAllocPortable));
    CHECK(cudaFreeHost(pinned));
    EXPECT_ERROR(cudaHostAlloc(&pinned, sizeof(int), 0x80), cudaErrorInvalidValue);

    void *own = std::aligned_alloc(4096, 8192);
    CHECK(cudaHostRegister(own, 8192, cudaHostRegisterDefault));
    EXPECT(type_of(static_cast<char *>(own) + 5000) == cudaMemoryTypeHost, "type %d", type_of(own));
    EXPECT_ERROR(cudaHostRegister(own, 4096, cudaHostRegisterDefault), cudaErrorHostMemoryAlreadyRegistered);
    CHECK(cudaHostUnregister(own));
    EXPECT_ERROR(cudaHostUnregister(own), cudaErrorHostMemoryNotRegistered);
    EXPECT(type_of(own) == cudaMemoryTypeUnregistered, "type %d", type_of(own));
    std::free(own);
}

static void managed_memory() {
    int *managed;
    CHECK(cudaMallocManaged(&managed, 2 * sizeof(int)));
    EXPECT(type_of(managed) == cudaMemoryTypeManaged, "type %d", type_of(managed));
    managed[1] = 3;
    store<<<1, 1>>>(managed, 4);
    CHECK(cudaDeviceSynchronize());
    EXPECT(managed[0] == 4 && managed[1] == 3, "got %d, %d", managed[0], managed[1]);
    CHECK(cudaFree(managed));
}

// Memory of a stream may be used by what is enqueued before it is freed, and by nothing after.
static void stream_ordered_memory() {
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    int *pinned, *memory;
    CHECK(cudaMallocHost(&pinned, sizeof(int)));
    for (int i = 0; i < 50; i++) {
        CHECK(cudaMallocAsync(&memory, sizeof(int), stream));
        store<<<1, 1, 0, stream>>>(memory, i);
        CHECK(cudaMemcpyAsync(pinned, memory, sizeof(int), cudaMemcpyDeviceToHost, stream));
        CHECK(cudaFreeAsync(memory, stream));
    }
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(*pinned == 49, "got %d", *pinned);
    EXPECT_ERROR(cudaFreeAsync(memory, stream), cudaErrorInvalidValue);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaStreamDestroy(stream));
}

int main() {
    device_memory();
    host_memory();
    managed_memory();
    stream_ordered_memory();
    return 0;
}
