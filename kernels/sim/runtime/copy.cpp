// Memory: copies and fills.
#include "copy.h"

#include <cstdio>
#include <cstring>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "memory.h"

namespace wwsim {
namespace {

// What one side of a copy may lie in.
bool suits(const std::optional<Allocation> &where, bool device) {
    if (where && where->kind == MemoryKind::managed)
        return true;
    return device == (where && where->on_device());
}

cudaError_t locate_rows(const void *address, const Rows &rows, size_t pitch, std::optional<Allocation> *where) {
    if (rows.height > 1 && pitch > SIZE_MAX / rows.height)
        return cudaErrorInvalidValue;
    return locate(address, (rows.height - 1) * pitch + rows.width, where);
}

void copy_rows(void *to, const void *from, const Rows &rows) {
    for (size_t i = 0; i < rows.height; i++)
        std::memmove(static_cast<char *>(to) + i * rows.to_pitch, static_cast<const char *>(from) + i * rows.from_pitch, rows.width);
}

// A copy within a stream. The host must not read what nothing wrote; `site` is where in its code it asked for the copy.
Outcome perform_copy(void *to, const void *from, const Rows &rows, bool to_host, const void *site) {
    copy_rows(to, from, rows);
    for (size_t i = 0; i < rows.height; i++) {
        const char *row = static_cast<const char *>(from) + i * rows.from_pitch;
        if (!to_host)
            note_copied(static_cast<char *>(to) + i * rows.to_pitch, row, rows.width);
        else if (Outcome outcome = check_written(Fault::uninitialized, "a copy to the host", row, rows.width, site); !outcome.ok)
            return outcome;
    }
    return {};
}

cudaError_t check_pitch(const Rows &rows) {
    return rows.height > 1 && (rows.width > rows.to_pitch || rows.width > rows.from_pitch) ? cudaErrorInvalidPitchValue : cudaSuccess;
}

cudaError_t copy(void *to, const void *from, const Rows &rows, cudaMemcpyKind kind, cudaStream_t handle, bool async,
                 const void *site) {
    return call_stream(handle, [&](Stream &stream) { return enqueue_copy(stream, to, from, rows, kind, async, site); });
}

cudaError_t fill(void *to, int byte, const Rows &rows, cudaStream_t handle, bool async) {
    return call_stream(handle, [&](Stream &stream) { return enqueue_fill(stream, to, byte, rows, async); });
}

} // namespace

cudaError_t enqueue_copy(Stream &stream, void *to, const void *from, const Rows &rows, cudaMemcpyKind kind, bool async,
                         const void *site) {
    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
        return cudaErrorInvalidMemcpyDirection;
    if (cudaError_t error = check_pitch(rows))
        return error;
    if (cudaError_t error = check_enqueue(stream))
        return error;
    if (rows.width == 0 || rows.height == 0)
        return cudaSuccess;
    std::optional<Allocation> target, source;
    if (cudaError_t error = locate_rows(to, rows, rows.to_pitch, &target))
        return error;
    if (cudaError_t error = locate_rows(from, rows, rows.from_pitch, &source))
        return error;
    if (kind != cudaMemcpyDefault &&
        (!suits(target, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) ||
         !suits(source, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice)))
        return cudaErrorInvalidValue;

    Gpu &gpu = *stream.gpu;
    if (async && !source && target && !stream.capture) {
        Rows packed = rows;
        packed.from_pitch = rows.width;
        std::shared_ptr<char[]> staged(new char[rows.width * rows.height]);
        copy_rows(staged.get(), from, {rows.width, rows.height, rows.width, rows.from_pitch});
        gpu.enqueue(stream, [=](Gpu &) { return perform_copy(to, staged.get(), packed, false, site); });
        return cudaSuccess;
    }
    const bool to_host = !target || target->on_host();
    uint64_t ticket = gpu.enqueue(stream, [=](Gpu &) { return perform_copy(to, from, rows, to_host, site); });
    bool on_device = target && target->on_device() && source && source->on_device();
    bool on_host = (!target || target->on_host()) && (!source || source->on_host());
    bool waits = async ? !target || on_host : !on_device;
    return waits && !stream.capture ? gpu.finish(stream, ticket) : cudaSuccess;
}

Outcome check_written(Fault fault, const char *what, const void *address, size_t bytes, const void *site) {
    const std::optional<Allocation> where = find_allocation(address);
    if (!where || !where->written) // freed since, or not tracked
        return {};
    const size_t offset = reinterpret_cast<uintptr_t>(address) - where->address;
    const size_t gap = where->written->first_gap(offset, bytes);
    if (gap == bytes)
        return {};
    const size_t length = where->written->gap_length(offset + gap, bytes - gap);
    char text[256];
    std::snprintf(text, sizeof text,
                  "%s of %zu bytes at %p: nothing has written %zu of them from number %zu on, at offset %zu of the allocation of %zu bytes at %p",
                  what, bytes, address, length, gap, offset + gap, where->bytes, reinterpret_cast<void *>(where->address));
    return {false, fault, message_of(fault, text, site)};
}

cudaError_t enqueue_fill(Stream &stream, void *to, int byte, const Rows &rows, bool async) {
    if (cudaError_t error = check_pitch(rows))
        return error;
    if (cudaError_t error = check_enqueue(stream))
        return error;
    if (rows.width == 0 || rows.height == 0)
        return cudaSuccess;
    std::optional<Allocation> target;
    if (cudaError_t error = locate_rows(to, rows, rows.to_pitch, &target))
        return error;
    if (!target)
        return cudaErrorInvalidValue;
    uint64_t ticket = stream.gpu->enqueue(stream, [=](Gpu &) {
        for (size_t i = 0; i < rows.height; i++) {
            std::memset(static_cast<char *>(to) + i * rows.to_pitch, byte, rows.width);
            note_written(static_cast<char *>(to) + i * rows.to_pitch, rows.width);
        }
        return Outcome{};
    });
    return !async && !target->on_device() && !stream.capture ? stream.gpu->finish(stream, ticket) : cudaSuccess;
}

cudaError_t enqueue_free(Stream &stream, void *address) {
    if (cudaError_t error = retire(address, false))
        return error;
    // Freed with the operation: when it has run, or was dropped because of a fault.
    std::shared_ptr<void> memory(address, [](void *freed) { release(freed); });
    stream.gpu->enqueue(stream, [memory](Gpu &) { return Outcome{}; });
    return cudaSuccess;
}

inline namespace api {

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    return copy(to, from, one_row(bytes), kind, nullptr, false, __builtin_return_address(0));
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, one_row(bytes), kind, stream, true, __builtin_return_address(0));
}

cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                         cudaMemcpyKind kind) {
    return copy(to, from, {width, height, to_pitch, from_pitch}, kind, nullptr, false, __builtin_return_address(0));
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, {width, height, to_pitch, from_pitch}, kind, stream, true, __builtin_return_address(0));
}

cudaError_t cudaMemcpyPeer(void *to, int to_device, const void *from, int from_device, size_t bytes) {
    if (to_device != 0 || from_device != 0)
        return remember(cudaErrorInvalidDevice);
    return cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToDevice);
}

cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, cudaStream_t stream) {
    if (to_device != 0 || from_device != 0)
        return remember(cudaErrorInvalidDevice);
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream);
}

cudaError_t cudaMemset(void *to, int byte, size_t bytes) { return fill(to, byte, one_row(bytes), nullptr, false); }

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream) {
    return fill(to, byte, one_row(bytes), stream, true);
}

cudaError_t cudaMemset2D(void *to, size_t pitch, int byte, size_t width, size_t height) {
    return fill(to, byte, {width, height, pitch, pitch}, nullptr, false);
}

cudaError_t cudaMemset2DAsync(void *to, size_t pitch, int byte, size_t width, size_t height, cudaStream_t stream) {
    return fill(to, byte, {width, height, pitch, pitch}, stream, true);
}

} // namespace api

// ---- Symbols

cudaError_t symbol_address(void **address, const void *symbol, size_t bytes) {
    return call([&](Gpu &) {
        if (!address)
            return cudaErrorInvalidValue;
        register_symbol(symbol, bytes);
        *address = const_cast<void *>(symbol);
        return cudaSuccess;
    });
}

static cudaError_t check_symbol(size_t symbol_bytes, size_t bytes, size_t offset) {
    return offset <= symbol_bytes && bytes <= symbol_bytes - offset ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t copy_to_symbol(const void *symbol, size_t symbol_bytes, const void *from, size_t bytes, size_t offset,
                           cudaMemcpyKind kind, cudaStream_t stream, bool async) {
    if (cudaError_t error = check_symbol(symbol_bytes, bytes, offset))
        return remember(error);
    if (kind == cudaMemcpyHostToHost || kind == cudaMemcpyDeviceToHost)
        return remember(cudaErrorInvalidMemcpyDirection);
    register_symbol(symbol, symbol_bytes);
    return copy(static_cast<char *>(const_cast<void *>(symbol)) + offset, from, one_row(bytes), kind, stream, async,
                __builtin_return_address(0));
}

cudaError_t copy_from_symbol(void *to, const void *symbol, size_t symbol_bytes, size_t bytes, size_t offset, cudaMemcpyKind kind,
                             cudaStream_t stream, bool async) {
    if (cudaError_t error = check_symbol(symbol_bytes, bytes, offset))
        return remember(error);
    if (kind == cudaMemcpyHostToHost || kind == cudaMemcpyHostToDevice)
        return remember(cudaErrorInvalidMemcpyDirection);
    register_symbol(symbol, symbol_bytes);
    return copy(to, static_cast<const char *>(symbol) + offset, one_row(bytes), kind, stream, async,
                __builtin_return_address(0));
}

} // namespace wwsim
