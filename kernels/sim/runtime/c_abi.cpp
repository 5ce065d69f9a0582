// The C ABI of sim.h: streams that are GPUs of their own.
#include "../sim.h"

#include <atomic>
#include <utility>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "copy.h"
#include "limits.h"
#include "memory.h"

using namespace wwsim;

namespace {

// Whether there ever was a stream of compute capability 9.0.
std::atomic<bool> has_isolated_90{false};

// `body(Stream &)` on a stream of this file. Its errors are returned, and not remembered for cudaGetLastError.
template <class Body> int32_t with_stream(ww_stream handle, Body &&body) {
    Stream *stream = handle ? stream_of(static_cast<Stream *>(handle)) : nullptr;
    if (!stream || stream->gpu == &standalone_gpu())
        return cudaErrorInvalidResourceHandle;
    return call_on(*stream->gpu, [&](Gpu &) { return body(*stream); });
}

} // namespace

int wwsim::largest_opt_in_shared_bytes() {
    return limits_of(has_isolated_90 ? 90 : standalone_gpu().options.compute_capability).opt_in_shared_bytes;
}

extern "C" {

int32_t ww_sim_stream_create(ww_stream *stream, const ww_sim_options *options) {
    if (!stream || !options || options->timing < WW_SIM_EARLY || options->timing > WW_SIM_SEEDED ||
        !is_known(options->compute_capability) || (options->watch & ~uint64_t(WW_SIM_CHECK | WW_SIM_COUNT)))
        return cudaErrorInvalidValue;
    const Timing timings[] = {Timing::early, Timing::late, Timing::seeded};
    if (options->compute_capability == 90)
        has_isolated_90 = true;
    const Watch watch{(options->watch & WW_SIM_CHECK) != 0, (options->watch & WW_SIM_COUNT) != 0};
    auto *gpu = new Gpu({options->seed, timings[options->timing], options->compute_capability, workers_from_environment(), watch});
    *stream = gpu->create_stream(cudaStreamNonBlocking);
    return cudaSuccess;
}

int32_t ww_sim_stream_destroy(ww_stream handle) {
    Stream *stream = handle ? stream_of(static_cast<Stream *>(handle)) : nullptr;
    if (!stream || stream->gpu == &standalone_gpu())
        return cudaErrorInvalidResourceHandle;
    Gpu *gpu = stream->gpu;
    cudaError_t error;
    {
        std::lock_guard lock(gpu->mutex);
        error = gpu->finish(*stream);
        gpu->remove_stream(stream);
    }
    delete gpu;
    return error;
}

int32_t ww_sim_stream_synchronize(ww_stream stream) {
    return with_stream(stream, [](Stream &s) {
        for (const Promise &promise : std::exchange(s.gpu->promises, {}))
            s.gpu->enqueue(s, [=](Gpu &) {
                return check_written(Fault::unwritten, "a promised output", promise.address, promise.bytes, nullptr);
            });
        return s.gpu->finish(s);
    });
}

int32_t ww_sim_malloc(void **address, int64_t bytes, ww_stream stream) {
    if (bytes < 0)
        return cudaErrorInvalidValue;
    return with_stream(stream, [&](Stream &s) {
        return allocate(address, size_t(bytes), MemoryKind::device, s.gpu->options.watch.check, true);
    });
}

int32_t ww_sim_free(void *address, ww_stream handle) {
    if (!address)
        return cudaSuccess;
    bool works = false;
    int32_t error = with_stream(handle, [&](Stream &stream) {
        works = true;
        return enqueue_free(stream, address);
    });
    // After a fault no work is left that could use the memory.
    if (!works && error != cudaErrorInvalidResourceHandle && retire(address, false) == cudaSuccess)
        release(address);
    return error;
}

int32_t ww_sim_copy(void *to, const void *from, int64_t bytes, int32_t direction, ww_stream stream) {
    static_assert(WW_SIM_HOST_TO_DEVICE == cudaMemcpyHostToDevice && WW_SIM_DEVICE_TO_HOST == cudaMemcpyDeviceToHost &&
                  WW_SIM_DEVICE_TO_DEVICE == cudaMemcpyDeviceToDevice);
    if (bytes < 0 || direction < WW_SIM_HOST_TO_DEVICE || direction > WW_SIM_DEVICE_TO_DEVICE)
        return cudaErrorInvalidValue;
    return with_stream(stream, [&](Stream &s) {
        return enqueue_copy(s, to, from, one_row(size_t(bytes)), cudaMemcpyKind(direction), false);
    });
}

int32_t ww_sim_fill(void *to, int32_t byte, int64_t bytes, ww_stream stream) {
    if (bytes < 0)
        return cudaErrorInvalidValue;
    return with_stream(stream, [&](Stream &s) { return enqueue_fill(s, to, byte, one_row(size_t(bytes)), true); });
}

int32_t ww_sim_promise(const void *address, int64_t bytes, ww_stream stream) {
    if (bytes < 0)
        return cudaErrorInvalidValue;
    return with_stream(stream, [&](Stream &s) {
        std::optional<Allocation> where;
        if (cudaError_t error = locate(address, size_t(bytes), &where))
            return error;
        if (!where || !where->written)
            return where ? cudaSuccess : cudaErrorInvalidValue;
        s.gpu->promises.push_back({address, size_t(bytes)});
        s.gpu->enqueue(s, [=](Gpu &) {
            where->written->clear(size_t(static_cast<const char *>(address) - reinterpret_cast<const char *>(where->address)), size_t(bytes));
            return Outcome{};
        });
        return cudaSuccess;
    });
}

const char *ww_sim_message(ww_stream handle) {
    Stream *stream = handle ? stream_of(static_cast<Stream *>(handle)) : nullptr;
    if (!stream)
        return "";
    std::lock_guard lock(stream->gpu->mutex);
    return stream->gpu->message.c_str();
}

int32_t ww_sim_counters_read(ww_stream stream, const ww_sim_counters **counters, int64_t *count) {
    if (!counters || !count)
        return cudaErrorInvalidValue;
    return with_stream(stream, [&](Stream &s) {
        cudaError_t error = s.gpu->finish(s);
        s.gpu->counters_report = count::Report(s.gpu->counters);
        *counters = s.gpu->counters_report.kernels.data();
        *count = int64_t(s.gpu->counters_report.kernels.size());
        return error;
    });
}

int32_t ww_sim_counters_reset(ww_stream stream) {
    return with_stream(stream, [](Stream &s) {
        cudaError_t error = s.gpu->finish(s);
        s.gpu->counters.clear();
        return error;
    });
}

const char *ww_sim_error_name(int32_t error) { return cudaGetErrorName(cudaError_t(error)); }
const char *ww_sim_error_string(int32_t error) { return cudaGetErrorString(cudaError_t(error)); }

} // extern "C"
