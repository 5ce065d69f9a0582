// What device code can ask of the scheduler: who it is, and to wait for others.
//
// A CUDA thread is a fiber (`Lane`) with its own stack; 32 make a warp, the warps a block, and the blocks that must be
// resident together (a cluster, or the whole grid of a cooperative launch) a gang. One OS thread runs a block from start to
// end, so the fibers of a block never run at the same time and switch only inside the functions below.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../watch/watch.h"
#include "dim3.h"

namespace wwsim {

constexpr unsigned warp_size = 32;

// The part of a block that device code reads; exec/block.h has the rest.
struct BlockView {
    uint3 block_idx;
    dim3 block_dim;
    dim3 grid_dim;
    dim3 cluster_dim;
    uint3 cluster_idx;       // of the cluster in the grid
    uint3 block_in_cluster;  // of the block in its cluster
    unsigned cluster_rank;   // the same as a number
    unsigned threads;        // in the block
    char *dynamic_shared;    // 1024-byte aligned
    size_t dynamic_shared_bytes;
    int compute_capability;  // of the GPU: 80, 86 or 90
};

// The part of a fiber that device code reads; exec/lane.h has the rest.
struct LaneView {
    uint3 thread_idx;
    unsigned rank;   // of the thread in its block: x first, then y, then z
    unsigned lane;   // rank % 32
    unsigned active; // the lanes of the warp that exist: all 32 but in the last warp
    const BlockView *block;
    const void *site; // where in the kernel's code it was last, as far as it told: WWSIM_NOTE_SITE
};

extern __thread LaneView *current;

inline const LaneView &lane() { return *current; }
inline const BlockView &block() { return *current->block; }

// CUDA's built-in variables, for the block that this OS thread runs. Not macros like threadIdx and blockIdx: programs have members and
// variables of these names, cudaLaunchConfig_t among them.
extern __thread dim3 blockDim, gridDim;

// ---- Warp collectives

// Does the work of a collective for all its lanes. operands[i] is what lane i handed to `rendezvous`, for each i in `lanes`.
using Work = void (*)(void *const operands[warp_size], unsigned lanes);

// Waits until every lane of `mask` that has not exited has come here with the same mask and the same `work`; the last one to come
// runs `work`, once for all. `operand` usually points to a structure on the lane's own stack, with inputs and outputs.
// A lane outside its own mask, and lanes that meet with different `work`, are faults. `name` is what a report calls it.
void rendezvous(const char *name, unsigned mask, void *operand, Work work);

// ---- Barriers of a block

enum class Reduction { none, count, all, any };

// bar.sync / bar.red: waits at barrier `id` (0 to 15) for `threads` threads, 0 for all that have not exited. Returns the reduction of
// `predicate` over those that waited.
int barrier(const char *name, unsigned id, unsigned threads, Reduction reduction = Reduction::none, int predicate = 0);
// bar.arrive: counts at barrier `id` without waiting.
void barrier_arrive(const char *name, unsigned id, unsigned threads);

// ---- Barriers of a gang

void cluster_arrive();
void cluster_arrive_relaxed();
void cluster_wait();
// The barrier of all threads of a cooperative grid. A fault in any other launch.
void grid_barrier();
// Where `address`, in this block's shared memory, static or dynamic, lies in that of block `rank` of the cluster.
void *map_shared(const void *address, unsigned rank);
bool is_shared(const void *address);
// The address of shared memory in the block's window of 256 KiB, as descriptors have it; a fault for other memory. Equal to `address` modulo
// 1024, as far as swizzles see; the first KiB is the system's, as on sm_90.
uint32_t shared_address(const void *address);
// Where that many bytes at an address of the window lie; null where they are not all shared memory of the block.
char *shared_pointer(uint32_t address, size_t bytes);

// ---- Asynchronous copies of a thread (cp.async). exec/async.h says when they happen.

void async_copy(void *shared, const void *global, unsigned bytes, unsigned source_bytes);
void async_commit();
void async_wait(unsigned groups_in_flight);

// ---- Time

// Lets others run. Every operation through which a thread can wait for another without a barrier must call it: atomics, fences,
// volatile loads of a wrapper, __nanosleep. Otherwise a spin loop never ends.
void yield();
// Cycles since the launch began: they grow, and mean nothing else.
long long cycles();

// ---- The end of a kernel that went wrong

enum class Fault {
    launch_failure,
    illegal_address,
    misaligned_address,
    illegal_instruction,
    assertion,
    trap,
    deadlock,
    // Found in checked launches alone:
    barrier,    // that some threads never come to
    collective, // that is misused
    out_of_bounds,
    use_after_free,
    host_memory, // on the device
    constant_memory, // written
    uninitialized, // memory is read
    unwritten, // an output that was promised
    in_flight, // memory or registers of an asynchronous operation are used
    race,
};

// Ends the launch with an error. The message is completed by kernel, block and thread.
[[noreturn]] void fault(Fault kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same for another lane of the warp, for which the running one does the work of a collective.
[[noreturn]] void fault_of(unsigned lane, Fault kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Whether the launch is checked.
bool is_checked();
// A fault on a GPU whose compute capability is lower.
void needs_capability(int capability, const char *instruction);

} // namespace wwsim
