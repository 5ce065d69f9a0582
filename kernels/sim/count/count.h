// What a launch costs, counted exactly: memory traffic, bank conflicts, and the instructions that matter. What twins and the scheduler
// tell comes in here; recorder.h makes instructions of warps of it, and counters.h holds the result.
#pragma once

#include "../watch/watch.h"

namespace wwsim::count {

// What the running thread's instruction is counted as. Accesses to memory, atomics among them, are not told of here: `observe` does.
enum class Kind : unsigned char {
    tensor,     // mma, wgmma
    special,    // of the special function unit, by its operation: ex2, rcp
    barrier,    // of a block, a cluster or a grid
    collective, // of a warp: shuffles, votes, matches, reductions
    copy,       // asynchronous copies of more than a thread's own: cp.async.bulk
};
constexpr unsigned kinds = 5;

// The running thread's access in a counted launch.
void record_access(const Access &access, Space space);
void record_access(const Access &access);
void record_instruction(Kind kind, const char *name, unsigned lanes);

// An access of the running thread's instruction that something else makes, later: `observe` shall not take it for the thread's own.
inline void access(const char *instruction, Effect effect, const void *address, size_t bytes) {
    if (__builtin_expect(watched_launches != 0, 0)) record_access({address, bytes, effect, Order::plain, false, instruction, nullptr});
}

// The running thread's instruction, called by its twin: once by each lane, or once for all that take part, with their number as
// `lanes`. `name` is a literal.
inline void instruction(Kind kind, const char *name, unsigned lanes = 1) {
    if (__builtin_expect(watched_launches != 0, 0)) record_instruction(kind, name, lanes);
}

// What the running warpgroup's multiplication reads of shared memory.
void record_matrices(size_t bytes);
inline void matrices(size_t bytes) {
    if (__builtin_expect(watched_launches != 0, 0)) record_matrices(bytes);
}

// The running thread's operations of the special function unit.
template <class... Names> void special(Names... operations) { (instruction(Kind::special, operations), ...); }

} // namespace wwsim::count
