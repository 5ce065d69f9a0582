// Asynchronous operations: actors that begin with what their thread knows, and whose end only those know who wait for it.
#include "../exec/grid.h"
#include "races.h"
#include "verify.h"

namespace wwsim::check {

Operation begin(const char *instruction, const void *queue, bool async_proxy) {
    Lane &lane = this_lane();
    BlockHistory &block = this_block().history;
    Races *races = block.races;
    if (!races) return {};
    races->settle();
    uint32_t actor = first_copier + lane.rank;
    if (async_proxy) {
        // Should there be more queues than numbers, some share one: then an operation may count as done too early.
        constexpr uint32_t most_queues = actor_count - first_queue;
        auto next = first_queue + static_cast<uint32_t>(block.queues.size()) % most_queues;
        actor = block.queues.try_emplace(queue, next).first->second;
    }
    return {races, instruction, races->next_interval(block), actor};
}

void touches(const Operation &operation, const Access &access) {
    if (!operation.races) return;
    visit(operation, access);
    verify_ahead(operation.instruction, access);
    Touch touch{reinterpret_cast<uintptr_t>(access.address),
                access.bytes,
                access.effect,
                access.order,
                false,
                this_block().gang->holds_shared(this_block(), access.address),
                {access.site ? access.site : current->site, operation.instruction}};
    operation.races->access_later(this_lane(), this_block().history, operation, touch);
}

void complete(const Operation &operation, Clock &into) {
    if (!operation.races) return;
    changeable(into.known).change(operation.races->block_of(operation.interval)).raise(operation.queue, operation.interval);
}

} // namespace wwsim::check
