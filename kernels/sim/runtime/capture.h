// What a captured stream becomes: operations, each with those that it follows.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "gpu.h"

namespace wwsim {

struct Node {
    Action action;
    std::vector<size_t> follows; // earlier nodes
};

// Runs the nodes in an order that their dependencies allow: as captured, the newest first, or drawn from the seed.
Outcome run_nodes(Gpu &gpu, const std::vector<Node> &nodes);

// A capture under way, shared by the streams that are part of it.
struct Capture {
    Stream *origin;
    cudaStreamCaptureMode mode;
    std::thread::id thread = std::this_thread::get_id(); // that began it
    bool invalid = false;
    std::vector<Node> nodes{};
    std::vector<Stream *> streams{}; // that joined, the origin among them

    Capture(Stream *origin, cudaStreamCaptureMode mode) : origin(origin), mode(mode) {}
    // Whether calls that could synchronize with a captured stream are forbidden to this thread.
    bool forbids_synchronizing() const;
    void add(Stream &stream, Action action);
    // Makes the stream's next node follow these nodes, and the stream part of the capture.
    cudaError_t join(Stream &stream, const std::vector<size_t> &after);
    // Takes a stream out that is being destroyed.
    void leave(Stream &stream);
    // Gives the streams back to their own work, and forgets the capture.
    void end();
    // Whether all nodes come before what the origin would do next.
    bool is_joined() const;
};

struct Graph {
    std::shared_ptr<const std::vector<Node>> nodes;
};
struct GraphExec {
    std::shared_ptr<const std::vector<Node>> nodes;
};

struct Event {
    unsigned flags;
    std::shared_ptr<Record> record{};   // the last one, or null
    std::shared_ptr<Capture> capture{}; // where it was recorded in a captured stream: in which, and after what
    std::vector<size_t> follows{};

    explicit Event(unsigned flags) : flags(flags) {}
};

} // namespace wwsim
