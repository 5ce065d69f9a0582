// What the checks keep of each thread and block, and what the scheduler tells them. Everything but `Launch` does nothing in a launch that
// is not checked.
//
// Blocks of a checked launch run one after the other, and those of a gang hand on the turn: so nothing here needs a lock. What is called
// for a block is called while it has the turn.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "check.h"
#include "lifetime.h"

namespace wwsim {

class Block;
struct BlockView;

namespace check {

class Part;

struct LaneHistory {
    uint32_t interval = 0;   // of what it does now
    // Of `known` for its own block: everything that threads did in the `count` intervals from `from` on is known.
    uint32_t from = 0, count = 0;
    uint32_t copies = 0;     // its cp.async up to this interval are done, which `known` need not say
    std::shared_ptr<const Knowledge> known;
    const Part *own = nullptr;                  // its part for the own block
    std::shared_ptr<const Knowledge> published; // what its relaxed writes tell others: all up to its last fence, and up to those
                                                // of threads that it has met at a barrier since
    std::shared_ptr<const Knowledge> pending;   // what its relaxed reads were told: known from its next fence or barrier on
};

struct BlockHistory {
    Races *races = nullptr; // null: not checked
    uint32_t id = 0;        // number_of(block)
    uint32_t first = 0;     // intervals before it are of earlier blocks, which had this shared memory before
    uint32_t from = 0;      // this block's intervals, as many as follow each other without another's,
    uint32_t newest = 0;    // the newest of them,
    uint32_t last = 0;      // and the last that it may use before it asks for more
    std::unordered_map<const void *, uint32_t> queues;
    // The last answer of `acquire`, which the threads of a block ask for one after the other.
    std::shared_ptr<const Knowledge> asked_known, asked_clock, answer;
    // The last one of each actor of other blocks, by their number: who knows of it knows of those before.
    std::map<std::pair<uint32_t, uint32_t>, Visit> visits;
    std::shared_ptr<const Knowledge> at_end; // what the threads knew that have exited
};

// The checks of a launch with blocks of `threads` threads.
std::shared_ptr<Races> check_launch(unsigned threads);

// The block's number in its grid.
uint32_t number_of(const BlockView &block);

// All threads of the block are at its beginning, or at their end.
void begin_block(Block &block);
void end_block(Block &block);
// A thread's end: what it did is known after barriers that complete without it.
void exit_lane(Lane &lane);

// The threads of `waiting`, a mask for each warp from `first_warp` on, know of each other, and of what is in `arrived`; with `everyone`
// they are all threads of the block. What their fences have published, each of them publishes.
void meet(Block &block, unsigned first_warp, unsigned warps, const unsigned *waiting, const Clock &arrived, bool everyone);

// What the lane knows and has done, a new interval of it begins.
std::shared_ptr<const Knowledge> so_far(Lane &lane);
// The lane knows this from now on; and what its relaxed reads were told.
void learn(Lane &lane, const std::shared_ptr<const Knowledge> &what);
void learn_pending(Lane &lane);

// The running lane's cp.async: up to `interval`, they are done.
void copies_done(uint32_t interval);

} // namespace check
} // namespace wwsim
