// Events.
#include <chrono>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "capture.h"

namespace wwsim {
namespace {

// `body(Gpu &, Event &)`; events are the stand-alone GPU's.
template <class Body> cudaError_t call_event(cudaEvent_t handle, Body &&body) {
    return call([&](Gpu &gpu) { return events().holds(handle) ? body(gpu, *handle) : cudaErrorInvalidResourceHandle; });
}

// A captured event stands for nodes of a graph, and nobody can wait for those here.
cudaError_t refuse_captured(Event &event) {
    if (!event.capture)
        return cudaSuccess;
    event.capture->invalid = true;
    return cudaErrorCapturedEvent;
}

} // namespace

inline namespace api {

cudaError_t cudaEventCreate(cudaEvent_t *event, unsigned flags) { return cudaEventCreateWithFlags(event, flags); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    return call([&](Gpu &) {
        // Between processes an event has no time.
        bool interprocess = flags & cudaEventInterprocess;
        if (!event || (flags & ~7u) || (interprocess && !(flags & cudaEventDisableTiming)))
            return cudaErrorInvalidValue;
        *event = events().add(new Event(flags));
        return cudaSuccess;
    });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    return call([&](Gpu &) { return events().remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
    return cudaEventRecordWithFlags(handle, stream_handle, cudaEventRecordDefault);
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t handle, cudaStream_t stream_handle, unsigned flags) {
    Stream *stream = stream_of(stream_handle);
    if (!stream || stream->gpu != &standalone_gpu())
        return remember(cudaErrorInvalidResourceHandle);
    return call_event(handle, [&](Gpu &gpu, Event &event) {
        if (flags != cudaEventRecordDefault)
            return flags == cudaEventRecordExternal ? cudaErrorNotSupported : cudaErrorInvalidValue;
        if (cudaError_t error = check_enqueue(*stream))
            return error;
        event.capture = stream->capture;
        event.follows = stream->follows;
        event.record = stream->capture ? nullptr : gpu.record(*stream);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t handle, unsigned flags) {
    Stream *stream = stream_of(stream_handle);
    if (!stream || stream->gpu != &standalone_gpu())
        return remember(cudaErrorInvalidResourceHandle);
    return call_event(handle, [&](Gpu &gpu, Event &event) {
        if (flags != cudaEventWaitDefault)
            return flags == cudaEventWaitExternal ? cudaErrorNotSupported : cudaErrorInvalidValue;
        if (event.capture)
            return event.capture->join(*stream, event.follows);
        if (stream->capture) {
            // What was enqueued outside can't be waited for when the graph runs, unless there was nothing.
            if (!event.record)
                return cudaSuccess;
            stream->capture->invalid = true;
            return cudaErrorStreamCaptureIsolation;
        }
        if (cudaError_t error = check_enqueue(*stream))
            return error;
        if (event.record && !event.record->done)
            gpu.wait_for(*stream, event.record);
        return cudaSuccess;
    });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
    return call_event(handle, [](Gpu &gpu, Event &event) {
        if (cudaError_t error = refuse_captured(event))
            return error;
        if (!event.record || event.record->done)
            return cudaSuccess;
        return gpu.finish(*event.record->stream, event.record->ticket);
    });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
    return call_event(handle, [](Gpu &gpu, Event &event) {
        if (cudaError_t error = refuse_captured(event))
            return error;
        if (!event.record || event.record->done)
            return cudaSuccess;
        gpu.poll(*event.record->stream, event.record->ticket, event.record->polls);
        if (gpu.fault != cudaSuccess)
            return gpu.fault;
        return event.record->done ? cudaSuccess : cudaErrorNotReady;
    });
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    return call([&](Gpu &) {
        if (!milliseconds)
            return cudaErrorInvalidValue;
        for (cudaEvent_t event : {start, end})
            if (!events().holds(event) || !event->record || (event->flags & cudaEventDisableTiming))
                return cudaErrorInvalidResourceHandle;
        if (!start->record->done || !end->record->done)
            return cudaErrorNotReady;
        *milliseconds = std::chrono::duration<float, std::milli>(end->record->time - start->record->time).count();
        return cudaSuccess;
    });
}

} // namespace api
} // namespace wwsim
