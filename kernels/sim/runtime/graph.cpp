// Graphs, by capture of streams.
#include <algorithm>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "capture.h"

namespace wwsim {

// ---- The capture

bool Capture::forbids_synchronizing() const {
    return mode == cudaStreamCaptureModeGlobal ||
           (mode == cudaStreamCaptureModeThreadLocal && thread == std::this_thread::get_id());
}

void Capture::add(Stream &stream, Action action) {
    nodes.push_back({std::move(action), std::move(stream.follows)});
    stream.follows = {nodes.size() - 1};
}

cudaError_t Capture::join(Stream &stream, const std::vector<size_t> &after) {
    auto self = std::find_if(stream.gpu->captures.begin(), stream.gpu->captures.end(), [&](auto &c) { return c.get() == this; });
    if (self == stream.gpu->captures.end())
        return cudaErrorCapturedEvent; // of a capture that has ended
    if (stream.capture && stream.capture.get() != this) {
        invalid = stream.capture->invalid = true;
        return cudaErrorStreamCaptureMerge;
    }
    if (!stream.capture) {
        stream.capture = *self;
        streams.push_back(&stream);
    }
    for (size_t node : after)
        if (std::find(stream.follows.begin(), stream.follows.end(), node) == stream.follows.end())
            stream.follows.push_back(node);
    return cudaSuccess;
}

void Capture::leave(Stream &stream) {
    invalid = true;
    std::shared_ptr<Capture> alive = stream.capture;
    streams.erase(std::find(streams.begin(), streams.end(), &stream));
    stream.capture = nullptr;
    stream.follows.clear();
    if (&stream == origin)
        end();
}

void Capture::end() {
    std::vector<std::shared_ptr<Capture>> &all = origin->gpu->captures;
    auto self = std::find_if(all.begin(), all.end(), [&](auto &c) { return c.get() == this; });
    std::shared_ptr<Capture> alive = *self;
    all.erase(self);
    for (Stream *stream : streams) {
        stream->capture = nullptr;
        stream->follows.clear();
    }
    streams.clear();
}

bool Capture::is_joined() const {
    std::vector<bool> reached(nodes.size());
    std::vector<size_t> open = origin->follows;
    while (!open.empty()) {
        size_t node = open.back();
        open.pop_back();
        if (!reached[node]) {
            reached[node] = true;
            open.insert(open.end(), nodes[node].follows.begin(), nodes[node].follows.end());
        }
    }
    return std::all_of(reached.begin(), reached.end(), [](bool r) { return r; });
}

cudaError_t refuse_capture(Stream &stream) {
    if (!stream.capture)
        return cudaSuccess;
    stream.capture->invalid = true;
    return cudaErrorStreamCaptureUnsupported;
}

cudaError_t refuse_any_capture(Gpu &gpu) {
    cudaError_t result = cudaSuccess;
    for (auto &capture : gpu.captures)
        if (capture->forbids_synchronizing()) {
            capture->invalid = true;
            result = cudaErrorStreamCaptureUnsupported;
        }
    return result;
}

cudaError_t check_enqueue(Stream &stream) {
    if (stream.capture)
        return stream.capture->invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
    if (&stream != &stream.gpu->legacy)
        return cudaSuccess;
    for (auto &capture : stream.gpu->captures)
        for (Stream *captured : capture->streams)
            if (captured->blocking()) {
                capture->invalid = true;
                return cudaErrorStreamCaptureImplicit;
            }
    return cudaSuccess;
}

inline namespace api {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    return call_stream(handle, [&](Stream &stream) {
        if (&stream == &stream.gpu->legacy)
            return cudaErrorStreamCaptureUnsupported;
        if (stream.capture)
            return cudaErrorIllegalState;
        stream.capture = std::make_shared<Capture>(&stream, mode);
        stream.capture->streams.push_back(&stream);
        stream.gpu->captures.push_back(stream.capture);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *graph) {
    return call_stream(handle, [&](Stream &stream) {
        std::shared_ptr<Capture> capture = stream.capture;
        if (!graph)
            return cudaErrorInvalidValue;
        *graph = nullptr;
        if (!capture)
            return cudaErrorIllegalState;
        if (capture->origin != &stream) {
            capture->invalid = true;
            return cudaErrorStreamCaptureUnmatched;
        }
        if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
            return cudaErrorStreamCaptureWrongThread;
        bool joined = capture->is_joined();
        capture->end();
        if (capture->invalid)
            return cudaErrorStreamCaptureInvalidated;
        if (!joined)
            return cudaErrorStreamCaptureUnjoined;
        *graph = graphs().add(new Graph{std::make_shared<const std::vector<Node>>(std::move(capture->nodes))});
        return cudaSuccess;
    });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus *status) {
    return call_stream(handle, [&](Stream &stream) {
        if (!status)
            return cudaErrorInvalidValue;
        *status = !stream.capture          ? cudaStreamCaptureStatusNone
                  : stream.capture->invalid ? cudaStreamCaptureStatusInvalidated
                                            : cudaStreamCaptureStatusActive;
        return cudaSuccess;
    });
}

} // namespace api

// ---- The graph

Outcome run_nodes(Gpu &gpu, const std::vector<Node> &nodes) {
    std::vector<unsigned> waits(nodes.size()); // for so many nodes each
    std::vector<std::vector<size_t>> followers(nodes.size());
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size(); i++) {
        waits[i] = unsigned(nodes[i].follows.size());
        for (size_t before : nodes[i].follows)
            followers[before].push_back(i);
        if (waits[i] == 0)
            ready.push_back(i);
    }
    while (!ready.empty()) {
        auto next = ready.end() - 1;
        if (gpu.options.timing == Timing::early)
            next = std::min_element(ready.begin(), ready.end());
        else if (gpu.options.timing == Timing::seeded)
            next = ready.begin() + gpu.random.below(uint32_t(ready.size()));
        size_t node = *next;
        ready.erase(next);
        Outcome outcome = nodes[node].action(gpu);
        if (!outcome.ok)
            return outcome;
        for (size_t follower : followers[node])
            if (--waits[follower] == 0)
                ready.push_back(follower);
    }
    return {};
}

inline namespace api {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
    return call([&](Gpu &) {
        if (!exec || !graphs().holds(graph))
            return cudaErrorInvalidValue;
        *exec = graph_execs().add(new GraphExec{graph->nodes});
        return cudaSuccess;
    });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, cudaGraphNode_t *error_node, char *log, size_t log_bytes) {
    if (error_node)
        *error_node = nullptr;
    if (log && log_bytes > 0)
        *log = 0;
    return cudaGraphInstantiate(exec, graph);
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags) {
    return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
    return call([&](Gpu &) {
        if (!count || !graphs().holds(graph))
            return cudaErrorInvalidValue;
        size_t all = graph->nodes->size();
        for (size_t i = 0; nodes && i < *count; i++)
            nodes[i] = i < all ? &(*graph->nodes)[i] : nullptr;
        *count = nodes ? std::min(*count, all) : all;
        return cudaSuccess;
    });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &stream) {
        if (stream.gpu != &standalone_gpu() || !graph_execs().holds(exec))
            return cudaErrorInvalidValue;
        if (cudaError_t error = check_enqueue(stream))
            return error;
        stream.gpu->enqueue(stream, [nodes = exec->nodes](Gpu &gpu) { return run_nodes(gpu, *nodes); });
        return cudaSuccess;
    });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t handle) {
    return call_stream(handle, [&](Stream &stream) {
        bool valid = stream.gpu == &standalone_gpu() && graph_execs().holds(exec);
        return valid ? cudaSuccess : cudaErrorInvalidValue;
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    return call([&](Gpu &) { return graphs().remove(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    return call([&](Gpu &) { return graph_execs().remove(exec) ? cudaSuccess : cudaErrorInvalidValue; });
}

} // namespace api
} // namespace wwsim
