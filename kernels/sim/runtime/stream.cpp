// Streams.
#include <algorithm>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "capture.h"

namespace wwsim {
namespace {

constexpr int greatest_priority = -5; // the lower number is the higher priority

} // namespace

inline namespace api {

cudaError_t cudaStreamCreate(cudaStream_t *stream) { return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) { return cudaStreamCreateWithPriority(stream, flags, 0); }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority) {
    return call([&](Gpu &gpu) {
        if (!stream || (flags & ~unsigned(cudaStreamNonBlocking)))
            return cudaErrorInvalidValue;
        *stream = gpu.create_stream(flags, std::clamp(priority, greatest_priority, 0));
        return cudaSuccess;
    });
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
    if (handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread)
        return remember(cudaErrorInvalidResourceHandle);
    return call_stream(handle, [](Stream &stream) {
        Gpu &gpu = *stream.gpu;
        if (stream.capture)
            stream.capture->leave(stream);
        cudaError_t error = gpu.finish(stream);
        gpu.remove_stream(&stream);
        return error;
    });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    return call_stream(handle, [](Stream &stream) {
        if (cudaError_t error = refuse_capture(stream))
            return error;
        return stream.gpu->finish_stream(stream);
    });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
    return call_stream(handle, [](Stream &stream) {
        if (cudaError_t error = refuse_capture(stream))
            return error;
        stream.gpu->poll(stream, UINT64_MAX, stream.polls);
        if (stream.gpu->fault != cudaSuccess)
            return stream.gpu->fault;
        return stream.queue.empty() ? cudaSuccess : cudaErrorNotReady;
    });
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned *flags) {
    return call_stream(handle, [&](Stream &stream) {
        *flags = stream.flags;
        return cudaSuccess;
    });
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int *priority) {
    return call_stream(handle, [&](Stream &stream) {
        *priority = stream.priority;
        return cudaSuccess;
    });
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int *device) {
    return call_stream(handle, [&](Stream &stream) {
        *device = stream.gpu == &standalone_gpu() ? 0 : stream.gpu->options.compute_capability;
        return cudaSuccess;
    });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void *data) {
    return call_stream(handle, [&](Stream &stream) {
        if (!function)
            return cudaErrorInvalidValue;
        if (cudaError_t error = check_enqueue(stream))
            return error;
        stream.gpu->enqueue(stream, [=](Gpu &) {
            HostFunction mark;
            function(data);
            return Outcome{};
        });
        return cudaSuccess;
    });
}

cudaError_t cudaStreamAddCallback(cudaStream_t handle, cudaStreamCallback_t callback, void *data, unsigned flags) {
    return call_stream(handle, [&](Stream &stream) {
        if (!callback || flags != 0)
            return cudaErrorInvalidValue;
        if (cudaError_t error = refuse_capture(stream))
            return error;
        if (cudaError_t error = check_enqueue(stream))
            return error;
        stream.gpu->enqueue(stream, [=](Gpu &) {
            HostFunction mark;
            callback(handle, cudaSuccess, data);
            return Outcome{};
        });
        return cudaSuccess;
    });
}

} // namespace api
} // namespace wwsim
