#include "lifetime.h"

#include "../exec/grid.h"
#include "races.h"

namespace wwsim::check {
namespace {

constexpr char not_started[] = "which may not have started: no barrier of the cluster before this access";
constexpr char exited[] = "which may have exited: no barrier of the cluster after this access";

bool has_neighbors(const Block &block) { return block.cluster_dim.x * block.cluster_dim.y * block.cluster_dim.z > 1; }

void visit(const Access &access, const char *instruction, uint32_t actor, uint32_t interval) {
    Block &block = this_block();
    if (!has_neighbors(block)) return;
    Block *owner = block.gang->owner(block, access.address, 1);
    if (!owner || owner == &block) return;
    block.history.races->settle();
    const Lane &lane = this_lane();
    const Visit made{&lane, instruction, access.effect, access.address, access.bytes, access.site ? access.site : lane.site, interval};
    // Whatever is known of a block was done by its threads: it has begun.
    const bool is_known = lane.history.known && lane.history.known->of(number_of(*owner));
    if (!is_known || owner->finished()) {
        tell(made, is_known ? exited : not_started);
        block.abandon();
    }
    owner->history.visits[{block.history.id, actor}] = made;
}

} // namespace

void visit(const Access &access) {
    if (this_block().history.races) visit(access, access.instruction, this_lane().rank, this_lane().history.interval);
}

void visit(const Operation &operation, const Access &access) {
    visit(access, operation.instruction, operation.queue, operation.interval);
}

void end_visits(Lane &lane) {
    Block &block = static_cast<Block &>(const_cast<BlockView &>(*lane.block));
    if (!has_neighbors(block)) return;
    BlockHistory &history = block.history;
    learn_pending(lane);
    if (history.at_end != lane.history.known) history.at_end = joined(history.at_end, lane.history.known);
    if (block.live > 1) return;
    for (const auto &[actor, last] : history.visits) {
        const Part *part = history.at_end ? history.at_end->of(actor.first) : nullptr;
        if (part && last.interval <= part->of(actor.second)) continue;
        tell(last, exited);
        block.abandon();
    }
}

} // namespace wwsim::check
