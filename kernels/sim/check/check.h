// What the checks know of the order of things: who has seen what of whom. Everything here is called by the scheduler and by twins, in
// every launch; in one that is not checked it does nothing, and a Clock stays empty.
//
// The model is happens-before. A thread's work is cut into intervals, each with a number; a Clock says for each thread, and for each
// queue of asynchronous work, up to which interval its holder has seen it. `release` puts what a thread has seen and done into a Clock,
// `acquire` takes it from one. Every way to synchronize is made of the two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "../watch/watch.h"

namespace wwsim {

struct Lane;

namespace check {

class Knowledge; // what a Clock holds
class Races;

// What is known to have happened. Lies in what threads synchronize by: a barrier, an mbarrier.
struct Clock {
    std::shared_ptr<const Knowledge> known;
    std::shared_ptr<const Knowledge> included; // what was joined last: threads that release one after the other often know the same
};

// What the lane did up to now, and what it knew, is known to those who acquire `into` from now on.
void release(Lane &lane, Clock &into);
// The same for what it did up to its last fence, as a relaxed operation releases it: from the rest, only that its block has started.
void release_fenced(Lane &lane, Clock &into);
// The lane knows what `from` holds.
void acquire(Lane &lane, const Clock &from);
// What `from` holds is in `into`, too.
void join(Clock &into, const Clock &from);

// Fences of the running lane. Scope is not modeled: all are the GPU's.
void fence();
// fence.proxy.async: what the lane has seen and done in the generic proxy is ordered before asynchronous operations that know of the fence.
// The fence is for accesses to these spaces.
void fence_proxy_async(bool shared = true, bool global = true);

// ---- Asynchronous operations: actors of their own. Ordered after what their thread did before them; their end is known only to who
// waits for it.

// An operation in flight. Empty in a launch that is not checked.
struct Operation {
    Races *races = nullptr;
    const char *instruction = nullptr;
    uint32_t interval = 0;
    uint32_t queue = 0;
};

// Begins an operation of the running lane. `queue` is the address of something whose operations count as done in the order they were begun:
// a lane's cp.async groups, an mbarrier, a warpgroup's wgmma. `async_proxy` is false for cp.async alone.
Operation begin(const char *instruction, const void *queue, bool async_proxy);
// It will touch this memory at some time before its end. Called once for each range, when the operation is begun, in its thread.
void touches(const Operation &operation, const Access &access);
// The operation is done as far as those who acquire `into` from now on can tell.
void complete(const Operation &operation, Clock &into);

} // namespace check
} // namespace wwsim
