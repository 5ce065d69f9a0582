// The sixteen barriers of a block.
#include "grid.h"

namespace wwsim {

bool Block::is_complete(const Barrier &barrier) const { return barrier.arrived == (barrier.expected ? barrier.expected : live); }

Barrier &Block::arrive(const char *name, unsigned id, unsigned count, Reduction reduction, int predicate) {
    if (id >= most_barriers) fault(Fault::illegal_instruction, "%s: barrier %u: a block has %u", name, id, most_barriers);
    if (count % warp_size != 0 || count > (threads + warp_size - 1) / warp_size * warp_size) {
        fault(Fault::illegal_instruction, "%s: barrier %u for %u threads: expected a multiple of 32 up to the block's %u", name, id,
              count, threads);
    }
    Barrier &barrier = barriers[id];
    // A last warp that is not full counts as a full one.
    unsigned expected = count > threads ? threads : count;
    if (barrier.arrived == 0) {
        barrier.expected = expected;
        barrier.count = 0;
    } else if (barrier.expected != expected) {
        fault(Fault::illegal_instruction, "%s: barrier %u for %u threads (0: all), where others wait in %s for %u", name, id, expected,
              barrier.name, barrier.expected);
    }
    barrier.name = name;
    barrier.reduction = reduction == Reduction::none ? barrier.reduction : reduction;
    barrier.count += predicate != 0;
    barrier.arrived++;
    return barrier;
}

// A GPU lets the others go on, as here; what they did together before the barrier may be missing.
void Block::check_nobody_left(const Barrier &barrier) {
    if (barrier.expected != 0 || live == threads || !grid->schedule.watch.check) return;
    unsigned rank = 0;
    while (!(barrier.waiting[rank / warp_size] >> rank % warp_size & 1)) rank++;
    fail(lanes[rank], Fault::barrier, std::string(barrier.name) + ": " + std::to_string(threads - live) + " of the block's " +
                                          std::to_string(threads) + " threads have exited without coming to barrier " +
                                          std::to_string(&barrier - barriers));
    abandon();
}

void Block::complete(Barrier &barrier) {
    check_nobody_left(barrier);
    unsigned waiting_threads = 0;
    for (unsigned w = 0; w < warp_count; w++) waiting_threads += static_cast<unsigned>(__builtin_popcount(barrier.waiting[w]));
    check::meet(*this, 0, warp_count, barrier.waiting, barrier.clock, waiting_threads == threads);
    barrier.clock = {};
    int result = barrier.count;
    if (barrier.reduction == Reduction::all) result = static_cast<unsigned>(barrier.count) == barrier.arrived;
    if (barrier.reduction == Reduction::any) result = barrier.count > 0;
    for (unsigned w = 0; w < warp_count; w++) {
        unsigned waiting = barrier.waiting[w];
        make_ready(w, waiting);
        for (unsigned bits = waiting; bits && barrier.reduction != Reduction::none; bits &= bits - 1) {
            lanes[w * warp_size + static_cast<unsigned>(__builtin_ctz(bits))].reduced = result;
        }
        barrier.waiting[w] = 0;
    }
    barrier.arrived = 0;
    barrier.reduction = Reduction::none;
    grid->progress();
}

int Block::barrier(const char *name, unsigned id, unsigned count, Reduction reduction, int predicate) {
    count::instruction(count::Kind::barrier, name);
    Lane &lane = this_lane();
    Barrier &barrier = arrive(name, id, count, reduction, predicate);
    const unsigned w = lane.rank / warp_size;
    barrier.waiting[w] |= 1u << lane.lane;
    if ((barrier.waiting[w] | warps[w].exited) == ~0u) cut_logs(w);
    if (is_complete(barrier)) {
        complete(barrier);
        // All are ready, this lane too: which warp is first after a barrier is drawn.
        change_warp();
        switch_to_next(lane);
    } else {
        wait(Waiting::barrier, name, id);
    }
    return lane.reduced;
}

void Block::barrier_arrive(const char *name, unsigned id, unsigned count) {
    if (count == 0) fault(Fault::illegal_instruction, "%s: barrier %u: bar.arrive needs a number of threads", name, id);
    count::instruction(count::Kind::barrier, name);
    Barrier &barrier = arrive(name, id, count, Reduction::none, 0);
    check::release(this_lane(), barrier.clock);
    if (is_complete(barrier)) complete(barrier);
}

int barrier(const char *name, unsigned id, unsigned threads, Reduction reduction, int predicate) {
    WWSIM_NOTE_SITE();
    return this_block().barrier(name, id, threads, reduction, predicate);
}

void barrier_arrive(const char *name, unsigned id, unsigned threads) {
    WWSIM_NOTE_SITE();
    this_block().barrier_arrive(name, id, threads);
}

} // namespace wwsim
