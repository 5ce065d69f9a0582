#include "gang.h"

#include <utility>

#include "grid.h"

namespace wwsim {

// How often threads that wait at mbarriers may look for something else to do before nobody comes further.
constexpr unsigned patience = 64;

Gang::Gang(unsigned size, unsigned cluster_size, uint64_t seed)
    : members(size), cluster_size(cluster_size), clusters(size / cluster_size), random(seed) {
    turn = random.below(size);
}

void Gang::join(Block &block) {
    std::unique_lock lock(mutex);
    members[block.rank_in_gang].block = &block;
    clusters[cluster_of(block)].live += block.live;
    whole.live += block.live;
    if (size() == 1) return;
    if (++joined == size()) members[turn].wake.notify_one();
    members[block.rank_in_gang].wake.wait(lock, [&] { return joined == size() && turn == block.rank_in_gang; });
}

unsigned Gang::choose(unsigned rank, bool only_runnable) {
    unsigned offset = random.below(size());
    for (unsigned i = 0; i < size(); i++) {
        unsigned other = (offset + i) % size();
        const Member &member = members[other];
        if (other != rank && !member.finished && (!only_runnable || member.block->can_run())) return other;
    }
    return size();
}

void Gang::give_turn(unsigned rank) {
    turn = rank;
    members[rank].wake.notify_one();
}

bool Gang::pass(Block &block) {
    if (size() == 1) return false;
    std::unique_lock lock(mutex);
    unsigned other = choose(block.rank_in_gang, true);
    if (other == size()) return false;
    give_turn(other);
    members[block.rank_in_gang].wake.wait(lock, [&] { return turn == block.rank_in_gang; });
    return true;
}

bool Gang::revive() {
    if (transfers.any()) {
        timeouts = 0;
        transfers.perform_one(random);
        return true;
    }
    if (timeouts++ == patience) return false;
    bool any = false;
    for (Member &member : members) {
        if (!member.finished) any |= member.block->release_mbarrier(nullptr);
    }
    return any;
}

void Gang::leave(Block &block) {
    if (size() == 1) {
        if (!block.grid->failed()) transfers.finish();
        return;
    }
    std::unique_lock lock(mutex);
    members[block.rank_in_gang].finished = true;
    unsigned other = choose(block.rank_in_gang, true);
    if (other == size()) other = choose(block.rank_in_gang, false);
    if (other != size()) give_turn(other);
    if (++left == size()) {
        if (!block.grid->failed()) transfers.finish();
        for (Member &member : members) member.wake.notify_all();
    }
    members[block.rank_in_gang].wake.wait(lock, [&] { return left == size(); });
}

void WideBarrier::complete() {
    arrived = 0;
    phase++;
    check::join(arriving, exited);
    completed = std::exchange(arriving, {});
}

void Gang::check_cluster(unsigned cluster) {
    WideBarrier &barrier = clusters[cluster];
    if (barrier.arrived != barrier.live) return;
    barrier.complete();
    for (unsigned i = 0; i < cluster_size; i++) members[cluster * cluster_size + i].block->release(Waiting::cluster);
}

void Gang::check_grid() {
    if (whole.arrived != whole.live) return;
    whole.complete();
    for (Member &member : members) member.block->release(Waiting::grid);
}

void Gang::cluster_arrive(Lane &lane, bool releases) {
    if (lane.cluster_arrived) fault(Fault::illegal_instruction, "barrier.cluster.arrive: a second time without barrier.cluster.wait");
    if (releases) transfers.finish_ordinary(this_block(), nullptr);
    unsigned cluster = cluster_of(this_block());
    lane.cluster_arrived = true;
    lane.cluster_phase = clusters[cluster].phase;
    if (releases)
        check::release(lane, clusters[cluster].arriving);
    else
        check::release_fenced(lane, clusters[cluster].arriving);
    clusters[cluster].arrived++;
    check_cluster(cluster);
}

void Gang::cluster_wait(Lane &lane) {
    if (!lane.cluster_arrived) fault(Fault::illegal_instruction, "barrier.cluster.wait: without barrier.cluster.arrive before it");
    Block &block = this_block();
    const WideBarrier &barrier = clusters[cluster_of(block)];
    while (barrier.phase == lane.cluster_phase) block.wait(Waiting::cluster, "barrier.cluster.wait", 0);
    lane.cluster_arrived = false;
    check::acquire(lane, barrier.completed);
    block.grid->progress();
}

void Gang::grid_barrier() {
    Block &block = this_block();
    if (!block.grid->launch.cooperative) fault(Fault::illegal_instruction, "a barrier of the grid in a launch that is not cooperative");
    unsigned phase = whole.phase;
    check::release(this_lane(), whole.arriving);
    whole.arrived++;
    check_grid();
    while (whole.phase == phase) block.wait(Waiting::grid, "grid.sync", 0);
    check::acquire(this_lane(), whole.completed);
    block.grid->progress();
}

void Gang::exited(Lane &lane) {
    unsigned cluster = cluster_of(this_block());
    WideBarrier &barrier = clusters[cluster];
    if (lane.cluster_arrived && lane.cluster_phase == barrier.phase) barrier.arrived--;
    barrier.live--;
    whole.live--;
    if (size() > 1) {
        check::release(lane, barrier.exited);
        check::release(lane, whole.exited);
    }
    if (barrier.arrived) check_cluster(cluster);
    if (whole.arrived) check_grid();
}

std::string Gang::describe() const {
    std::string text;
    for (const Member &member : members) {
        if (!member.finished) text += member.block->describe();
    }
    return text;
}

void needs_capability(int capability, const char *instruction) {
    int own = block().compute_capability;
    if (own < capability) {
        fault(Fault::illegal_instruction, "%s: needs compute capability %d.%d, this GPU has %d.%d", instruction, capability / 10,
              capability % 10, own / 10, own % 10);
    }
}

void cluster_arrive() {
    WWSIM_NOTE_SITE();
    needs_capability(90, "barrier.cluster.arrive");
    count::instruction(count::Kind::barrier, "barrier.cluster.arrive");
    this_block().gang->cluster_arrive(this_lane(), true);
}

void cluster_arrive_relaxed() {
    WWSIM_NOTE_SITE();
    needs_capability(90, "barrier.cluster.arrive.relaxed");
    count::instruction(count::Kind::barrier, "barrier.cluster.arrive.relaxed");
    this_block().gang->cluster_arrive(this_lane(), false);
}
void cluster_wait() {
    WWSIM_NOTE_SITE();
    needs_capability(90, "barrier.cluster.wait");
    count::instruction(count::Kind::barrier, "barrier.cluster.wait");
    this_block().gang->cluster_wait(this_lane());
}
void grid_barrier() {
    WWSIM_NOTE_SITE();
    count::instruction(count::Kind::barrier, "grid.sync");
    this_block().gang->grid_barrier();
}

} // namespace wwsim
