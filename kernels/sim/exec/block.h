// A block: its warps, its barriers, and which of its lanes runs next.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../count/recorder.h"
#include "lane.h"
#include "launch.h"
#include "random.h"
#include "stacks.h"

namespace wwsim {

class Grid;
class Gang;
class SharedMemory;
struct Warpgroup; // isa/warpgroup.h

constexpr unsigned most_threads = 1024;
constexpr unsigned most_warps = most_threads / warp_size;
constexpr unsigned most_barriers = 16;

// A collective that some lanes of a warp have come to and others have not.
struct Meeting {
    unsigned mask;
    unsigned arrived;
    Work work;
    const char *name;
    void *operands[warp_size];
};

struct Warp {
    unsigned exited = 0; // and those that it never had
    unsigned ready = 0; // the lanes that can run
    unsigned cursor = 0; // the lane to begin the search for the next one at
    unsigned meeting_count = 0;
    Meeting meetings[warp_size];
};

struct Barrier {
    unsigned expected = 0; // threads; 0: all that have not exited
    unsigned arrived = 0;
    int count = 0; // of those whose predicate was true
    Reduction reduction = Reduction::none;
    const char *name = nullptr;
    unsigned waiting[most_warps] = {};
    check::Clock clock; // of those that have come and don't wait
};

class Block : public BlockView {
  public:
    Block();
    ~Block();
    // Runs this block to its end, on the calling OS thread. A block object serves one block after another.
    void run(Grid &grid, Gang &gang, unsigned rank_in_gang, uint3 idx);

    // The following are called by the lane that runs.

    void rendezvous(const char *name, unsigned mask, void *operand, Work work);
    int barrier(const char *name, unsigned id, unsigned threads, Reduction reduction, int predicate);
    void barrier_arrive(const char *name, unsigned id, unsigned threads);
    // Leaves the running lane, which waits for what `waiting` says, until something makes it ready.
    void wait(Waiting waiting, const char *in, unsigned waiting_for);
    void yield();
    // The running lane's end.
    [[noreturn]] void exit_lane();
    // Goes back to `run` and never returns to the lane: the launch has failed.
    [[noreturn]] void abandon();
    // The running lane's log of what is counted is full: lets the others of its warp come as far.
    void let_warp_catch_up();
    long long clock() { return time += 32; }

    // The following are called by other blocks of the gang while they have its turn.

    bool can_run() const { return ready_warps != 0; }
    bool finished() const { return live == 0; }
    // Makes lanes ready that wait for a barrier of the gang, or for another warp of their warpgroup.
    void release(Waiting waiting);
    // Makes those ready that wait for this mbarrier of the block; null: for any. Whether there were some.
    bool release_mbarrier(const void *at);
    // What this block's lanes wait for, for the report of a deadlock.
    std::string describe() const;
    // "kernel k, block (0,0,0), thread (0,0,0)"
    std::string describe(const Lane &lane) const;
    // Ends the launch with an error of that lane, on the line that it is in.
    void fail(const Lane &lane, Fault kind, const std::string &text);

    Gang *gang = nullptr;
    Grid *grid = nullptr;
    unsigned rank_in_gang = 0;
    unsigned live = 0; // threads that have not exited
    unsigned free_registers = 0; // that a warp gave back, for each of its threads
    Random random;
    count::Recorder recorder; // of what the launch costs, if that is counted
    // Where the `__shared__` variables of this OS thread lie: its thread-local storage, module by module.
    struct Span {
        char *begin;
        size_t bytes;
    };
    std::vector<Span> static_shared;
    std::unique_ptr<SharedMemory> shared_memory; // since the OS thread first ran a block of a watched launch

    const Stacks &fiber_stacks() const { return stacks; }
    Lane &lane(unsigned rank) { return lanes[rank]; }
    // Whether it's in this block's shared memory, dynamic or static.
    bool holds_shared(const void *address) const;
    check::BlockHistory history;

    // Whether a lane does the work of a collective for all, on operands that lie on others' stacks.
    bool works_for_all = false;

    // The warpgroup of a lane; its last warps may be missing.
    Warpgroup &warpgroup(const Lane &lane);

    // For the watch over lanes that never switch: whether one has switched since this was last asked, and how often none had.
    bool switched_since_tick() {
        bool switched = time != time_at_tick;
        idle_ticks = switched ? 0 : idle_ticks + 1;
        time_at_tick = time;
        return switched;
    }
    unsigned ticks_without_switch() const { return idle_ticks; }

  private:
    friend void start_lane();

    void start(Grid &grid, Gang &gang, unsigned rank_in_gang, uint3 idx);
    Lane &next();
    void switch_to_next(Lane &from, bool last = false);
    void change_warp();
    void make_ready(unsigned warp, unsigned lanes);
    void complete(unsigned warp, unsigned meeting);
    Barrier &arrive(const char *name, unsigned id, unsigned threads, Reduction reduction, int predicate);
    bool is_complete(const Barrier &barrier) const;
    void complete(Barrier &barrier);
    void check_nobody_left(const Barrier &barrier);
    void check_transfers(Lane &lane);
    void cut_logs(unsigned warp) {
        if (recorder.active()) recorder.cut(warp);
    }

    Warp warps[most_warps];
    std::unique_ptr<Warpgroup[]> warpgroups;
    Stacks stacks;
    std::vector<Lane> lanes;
    std::unique_ptr<char, void (*)(void *)> shared;
    Barrier barriers[most_barriers];
    Context host; // the OS thread's own stack
    unsigned ready_warps = 0;
    unsigned running = 0; // the warp whose lane ran last
    unsigned warp_count = 0;
    unsigned yields = 0;
    long long time = 0;
    long long time_at_tick = -1;
    unsigned idle_ticks = 0;
};

// The block that this OS thread runs.
inline Block &this_block() { return *static_cast<Block *>(const_cast<BlockView *>(current->block)); }

} // namespace wwsim
