// Atomics, volatile accesses and fences: how threads order things by memory that they share.
//
// A release writes what its thread knows beside the variable; an acquire that reads it knows it then. A fence splits both: relaxed writes
// after a fence publish what was known at the fence, and what relaxed reads are told is known from the next fence on. Read-modify-writes
// pass on what was there. A fence counts for those that meet its thread at a barrier afterwards: all write and fence, and behind the
// barrier one of them sets a flag; for fences (fence.sc) are in one order, in which that of who reads the flag comes later. This is PTX's
// memory model with one leniency: a barrier does as the fence of a reader, as NVIDIA's own samples expect where the last block to count
// itself sums up what all have written.
#include "races.h"

namespace wwsim::check {

void Races::synchronize(Lane &lane, BlockHistory &block, const Touch &touch) {
    LaneHistory &history = lane.history;
    bool reads = touch.effect != Effect::write, writes = touch.effect != Effect::read;
    bool releases = writes && (touch.order == Order::release || touch.order == Order::acquire_release);
    bool acquires = reads && (touch.order == Order::acquire || touch.order == Order::acquire_release);
    if (variables.empty() && !releases && !history.published) return;

    auto at = variables.find(touch.address);
    // Shared memory, and what it says, is gone when its block has ended.
    if (at != variables.end() && touch.shared && at->second.since < block.first) {
        variables.erase(at);
        at = variables.end();
    }
    if (reads && at != variables.end()) {
        if (acquires) {
            learn(lane, at->second.known);
        } else {
            history.pending = joined(history.pending, at->second.known);
        }
    }
    if (!writes) return;
    Known published = releases ? so_far(lane) : history.published;
    if (!reads && at != variables.end()) {
        variables.erase(at);
        at = variables.end();
    }
    if (!published) return;
    if (at == variables.end()) {
        variables[touch.address] = {published, block.newest};
    } else {
        changeable(at->second.known).join(*published);
        at->second.since = block.newest;
    }
}

void fence() {
    if (!current) return;
    Lane &lane = this_lane();
    Races *races = this_block().history.races;
    if (!races) return;
    races->settle();
    learn_pending(lane);
    lane.history.published = so_far(lane);
}

} // namespace wwsim::check
