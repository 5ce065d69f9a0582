// What every function of the API does around its work: it lets one thread at a time into the GPU, returns what went wrong in the
// GPU before, and remembers the error that it returns.
#pragma once

#include <unordered_set>

#include "gpu.h"

namespace wwsim {

// Set while a host function or callback of a stream runs in this thread: it may not call the API.
extern thread_local bool in_host_function;

// Marks that time. On a GPU such functions run in a thread of the driver's, so they leave no error in this one.
class HostFunction {
  public:
    HostFunction();
    ~HostFunction();
    HostFunction(const HostFunction &) = delete;

  private:
    cudaError_t error_;
};

// Keeps the error for cudaGetLastError, and returns it.
cudaError_t remember(cudaError_t error);

template <class Body> cudaError_t call_on(Gpu &gpu, Body &&body) {
    if (in_host_function)
        return cudaErrorNotPermitted;
    std::lock_guard lock(gpu.mutex);
    return gpu.fault != cudaSuccess ? gpu.fault : body(gpu);
}

// `body(Gpu &)` on the GPU of a stand-alone program.
template <class Body> cudaError_t call(Body &&body) { return remember(call_on(standalone_gpu(), body)); }

// `body(Stream &)` on the stream's GPU.
template <class Body> cudaError_t call_stream(cudaStream_t handle, Body &&body) {
    Stream *stream = stream_of(handle);
    return remember(stream ? call_on(*stream->gpu, [&](Gpu &) { return body(*stream); }) : cudaErrorInvalidResourceHandle);
}

// What must not happen while a stream is captured, because it synchronizes with the host, or could. Ends the capture as invalid.
cudaError_t refuse_capture(Stream &stream);
cudaError_t refuse_any_capture(Gpu &gpu);
// Whether work may be enqueued in this stream: not in the default stream while a blocking stream is captured.
cudaError_t check_enqueue(Stream &stream);

// The handles that are valid: a set of pointers, guarded by the stand-alone GPU's mutex.
template <class T> class Handles {
  public:
    T *add(T *object) { return *objects_.insert(object).first; }
    bool holds(T *object) const { return objects_.count(object) != 0; }
    bool remove(T *object) {
        if (objects_.erase(object) == 0)
            return false;
        delete object;
        return true;
    }
    void clear() {
        for (T *object : objects_)
            delete object;
        objects_.clear();
    }

  private:
    std::unordered_set<T *> objects_;
};

Handles<Event> &events();
Handles<Graph> &graphs();
Handles<GraphExec> &graph_execs();

} // namespace wwsim
