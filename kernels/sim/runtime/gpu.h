// A simulated GPU: its streams, and what of the work in them has run.
//
// No thread of its own works for a GPU. Enqueued operations wait in their streams, and run in a host thread that waits for them or
// that enqueues another, when and as far as `Timing` says. Every operation has a ticket, and depends on operations with
// lower tickets alone: so the oldest can always run, and nothing waits forever.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../count/report.h"
#include "../exec/launch.h"
#include "../exec/random.h"
#include "../include/driver_types.h"

namespace wwsim {

class Gpu;
struct Capture;

struct Options {
    uint64_t seed = 0;
    Timing timing = Timing::seeded;
    int compute_capability = 90;
    unsigned workers = 0; // 0: one for each core
    Watch watch = {};
};

// What an operation does when its turn has come.
using Action = std::function<Outcome(Gpu &)>;

// One cudaEventRecord.
struct Record {
    Stream *stream;
    uint64_t ticket = 0;
    bool done = false;
    unsigned polls = 0; // how often somebody asked whether it is done
    std::chrono::steady_clock::time_point time{};

    explicit Record(Stream *stream) : stream(stream) {}
};

struct Operation {
    uint64_t ticket;
    Action action;                     // may be empty
    std::shared_ptr<Record> waits_for; // what must be done first, or null
    std::shared_ptr<Record> records;   // what is done with it, or null
};

struct Stream {
    Gpu *gpu;
    unsigned flags;
    int priority = 0;
    std::deque<Operation> queue{};
    unsigned polls = 0;
    // While it is captured: into what, and the nodes that its next one follows.
    std::shared_ptr<Capture> capture{};
    std::vector<size_t> follows{};

    Stream(Gpu *gpu, unsigned flags) : gpu(gpu), flags(flags) {}
    bool blocking() const { return !(flags & cudaStreamNonBlocking); }
};

// Memory that work enqueued since shall have written when its stream is synchronized.
struct Promise {
    const void *address;
    size_t bytes;
};

class Gpu {
  public:
    explicit Gpu(const Options &options) : options(options), random(options.seed), legacy(this, cudaStreamDefault) {}
    Gpu(const Gpu &) = delete;

    // All that follows is used with the mutex held. An operation runs with it held, too.
    std::mutex mutex;
    const Options options;
    Random random;
    Stream legacy;                                // the default stream
    std::vector<std::unique_ptr<Stream>> streams; // the others, in the order of their creation
    cudaError_t fault = cudaSuccess;              // sticky
    std::string message;                          // of the fault
    uint64_t launches = 0;
    std::vector<Promise> promises;
    count::CountersByKernel counters;             // of the launches that were counted
    count::Report counters_report;                // as it was last asked for
    std::vector<std::shared_ptr<Capture>> captures; // under way

    Stream *create_stream(unsigned flags, int priority = 0);
    void remove_stream(Stream *stream);

    // Returns the operation's ticket.
    uint64_t enqueue(Stream &stream, Action action);
    std::shared_ptr<Record> record(Stream &stream);
    void wait_for(Stream &stream, std::shared_ptr<Record> record);

    // Runs what must run until the stream has nothing left up to the ticket. Returns the fault.
    cudaError_t finish(Stream &stream, uint64_t ticket = UINT64_MAX);
    // The default stream is done when the blocking streams are done, too.
    cudaError_t finish_stream(Stream &stream);
    cudaError_t finish_all();
    // What somebody who polls brings about: that one operation runs, now and then, and all of them in the end.
    void poll(Stream &stream, uint64_t ticket, unsigned &polls);
    // Does what cudaDeviceReset does to a GPU's work: forgets it.
    void reset();

  private:
    uint64_t push(Stream &stream, Operation &&operation);
    // The stream whose next operation must run before the next one of `stream` can, or null.
    Stream *holds_up(Stream &stream, uint64_t *ticket);
    void run_next(Stream &stream);
    bool run_any();
    void fail(Outcome &&outcome);
    void clear();

    uint64_t tickets = 0;
};

// The GPU of a stand-alone program, whose options come from the environment:
// WARPWEAVE_SIM_SEED, WARPWEAVE_SIM_TIMING=early|late|seeded, WARPWEAVE_SIM_ARCH=80|86|90, WARPWEAVE_SIM_WORKERS.
Gpu &standalone_gpu();
unsigned workers_from_environment();

// The largest dynamic shared memory that a kernel may be given. Attributes are set before it is known which GPU the kernel will run
// on, so it is that of the largest GPU there is in the process.
int largest_opt_in_shared_bytes();

// The stream that a handle stands for, or null. The default handle is the stand-alone GPU's.
Stream *stream_of(cudaStream_t handle);
// Makes a handle valid, and invalid again.
void register_stream(Stream *stream);
void unregister_stream(Stream *stream);

} // namespace wwsim
