#include "async.h"

#include <cstring>

#include "grid.h"

namespace wwsim {

static void perform(const Copy &copy) {
    std::memcpy(copy.to, copy.from, copy.source_bytes);
    std::memset(static_cast<char *>(copy.to) + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
}

template <class Choose> static void perform_some(Lane &lane, Choose choose) {
    size_t kept = 0;
    for (const Copy &copy : lane.copies) {
        if (choose(copy)) {
            perform(copy);
        } else {
            lane.copies[kept++] = copy;
        }
    }
    lane.copies.resize(kept);
}

// Gives what is in flight another chance to happen.
static void drift(Lane &lane) {
    Block &block = this_block();
    if (lane.copies.empty() || block.grid->schedule.timing != Timing::seeded) return;
    perform_some(lane, [&](const Copy &) { return block.random.one_in(2); });
}

void finish_copies(Lane &lane, unsigned group) {
    if (lane.copies.empty()) return;
    perform_some(lane, [&](const Copy &copy) { return group == 0 || copy.group < group; });
}

void async_copy(void *shared, const void *global, unsigned bytes, unsigned source_bytes) {
    WWSIM_NOTE_SITE();
    Lane &lane = this_lane();
    drift(lane);
    Copy copy{shared, global, bytes, source_bytes, lane.copy_group};
    check::Operation operation = check::begin("cp.async", &lane, false);
    if (source_bytes) check::touches(operation, {global, source_bytes, Effect::read});
    check::touches(operation, {shared, bytes, Effect::write});
    lane.copy_interval = operation.interval;
    if (this_block().grid->schedule.timing == Timing::early) {
        perform(copy);
    } else {
        lane.copies.push_back(copy);
    }
}

void async_commit() {
    Lane &lane = this_lane();
    drift(lane);
    lane.copy_group++;
    if (this_block().history.races) lane.group_ends.push_back(lane.copy_interval);
}

void async_wait(unsigned groups_in_flight) {
    WWSIM_NOTE_SITE();
    Lane &lane = this_lane();
    drift(lane);
    if (lane.copy_group > groups_in_flight) finish_copies(lane, lane.copy_group - groups_in_flight);
    if (lane.group_ends.size() > groups_in_flight) {
        auto done = lane.group_ends.end() - groups_in_flight;
        check::copies_done(done[-1]);
        lane.group_ends.erase(lane.group_ends.begin(), done);
    }
}

} // namespace wwsim
