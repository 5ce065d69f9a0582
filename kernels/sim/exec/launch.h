// Runs a grid. Host side: called by the runtime when a launch's turn in its stream has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "device.h"

namespace wwsim {

namespace count {
struct Counters;
}

// When asynchronous work completes.
enum class Timing {
    early,  // at once, where it is started
    late,   // where the programming model first forces it
    seeded, // at a moment between, drawn from the seed
};

// One of the orders in which the hardware could do things. The same schedule gives the same order, block by block.
struct Schedule {
    uint64_t seed = 0;
    Timing timing = Timing::seeded;
    Watch watch = {};
};

// The kernel, with its arguments: called once for each thread.
class Body {
  public:
    virtual ~Body() = default;
    virtual void run() const = 0;
    // What it takes in memory, the arguments included.
    virtual size_t bytes() const = 0;
};

struct Launch {
    const char *kernel; // its name in reports
    dim3 grid, block, cluster;
    size_t dynamic_shared_bytes;
    bool cooperative;
    int compute_capability = 90;
};

// How a launch ended: with a fault, or well.
struct Outcome {
    bool ok = true;
    Fault fault{};
    std::string message; // kind, kernel, block, thread, and what happened
    std::shared_ptr<const count::Counters> counters = nullptr; // what it cost, if that was counted
};

// "kind: text", and the line of source at `site`.
std::string message_of(Fault fault, const std::string &text, const void *site);

// Runs all threads to their end, on up to `workers` OS threads, this one among them (0: one for each core). The sizes were checked
// by the caller.
Outcome run(const Launch &launch, const Body &body, const Schedule &schedule, unsigned workers = 0);

// The stack of each CUDA thread from the next launch on. 64 KiB unless set.
void set_stack_bytes(size_t bytes);
size_t stack_bytes();

} // namespace wwsim
