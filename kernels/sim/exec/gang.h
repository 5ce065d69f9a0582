// The blocks that must be resident together: a cluster, or the whole grid of a cooperative launch. Each has an OS thread of its own,
// and of those one has the turn: so the order within a gang follows from the seed too, and no state here needs a lock.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "block.h"
#include "mbarrier.h"
#include "transfer.h"

namespace wwsim {

// A barrier over all threads of several blocks.
struct WideBarrier {
    unsigned live = 0; // threads that have not exited
    unsigned arrived = 0;
    unsigned phase = 0;
    check::Clock arriving, exited, completed; // what those know that have arrived, have exited, had arrived in the last phase
    void complete();
};

class Gang {
  public:
    Gang(unsigned size, unsigned cluster_size, uint64_t seed);

    unsigned size() const { return static_cast<unsigned>(members.size()); }

    // Called by each block's thread: returns when all blocks are in place and this one has the turn.
    void join(Block &block);
    // Ends a block's part and gives the turn away. Returns when all have ended, since its shared memory may be in use until then.
    void leave(Block &block);
    // Gives the turn to another block that can run, and returns when it has come back. False where no other block can run.
    bool pass(Block &block);

    void cluster_arrive(Lane &lane, bool releases);
    void cluster_wait(Lane &lane);
    void grid_barrier();
    // A thread's end counts as its arrival at every barrier from now on.
    void exited(Lane &lane);
    // The block with that rank in the cluster of `block`.
    Block &neighbor(const Block &block, unsigned rank) const { return *members[cluster_of(block) * cluster_size + rank].block; }
    // The block of the cluster of `block` in whose shared memory all these bytes lie; null if there is none.
    Block *owner(const Block &block, const void *address, size_t bytes) const;
    Block &member(unsigned rank) { return *members[rank].block; }
    // Whether it's in the shared memory of the block or of a neighbor.
    bool holds_shared(const Block &block, const void *address) const;
    // Called when no thread of the gang can run. Performs a transfer in flight or, where there is none, ends the waits that may end for
    // no reason: those of mbarrier.try_wait. False where neither helps.
    bool revive();
    // A thread has come further by what it waited for.
    void progress() { timeouts = 0; }
    // What all threads of the gang wait for.
    std::string describe() const;

    Mbarriers mbarriers;
    Transfers transfers;
    uint32_t first_interval = 0; // of all its blocks, for the checks

  private:
    struct Member {
        Block *block = nullptr;
        bool finished = false;
        std::condition_variable wake;
    };

    unsigned cluster_of(const Block &block) const { return block.rank_in_gang / cluster_size; }
    // A random unfinished block other than `rank`, one that can run if any can. The gang's size if there is none.
    unsigned choose(unsigned rank, bool only_runnable);
    void give_turn(unsigned rank);
    void check_cluster(unsigned cluster);
    void check_grid();

    std::mutex mutex;
    std::vector<Member> members;
    const unsigned cluster_size;
    std::vector<WideBarrier> clusters;
    WideBarrier whole;
    unsigned joined = 0, left = 0;
    unsigned turn;
    unsigned timeouts = 0; // since a thread last came further
    Random random;
};

} // namespace wwsim
