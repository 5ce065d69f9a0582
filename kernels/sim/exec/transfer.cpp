#include "transfer.h"

#include <cinttypes>

#include "grid.h"

namespace wwsim {

// How often a moment at which something may happen is one at which something does.
constexpr uint32_t drift_period = 4;
// How often threads yield, with nothing else happening, before something in flight must.
constexpr unsigned patience = 4096;

Transfer::Transfer(const char *instruction) : instruction(instruction), lane(this_lane()), block(this_block()) {}

std::string Transfer::describe() const {
    char text[160];
    const uint3 b = block.block_idx, t = lane.thread_idx;
    std::snprintf(text, sizeof text, "%s of block (%u,%u,%u), thread (%u,%u,%u)", instruction, b.x, b.y, b.z, t.x, t.y, t.z);
    return text;
}

void Transfer::fail(Fault fault, const std::string &problem) const {
    char text[160];
    const uint3 b = block.block_idx, t = lane.thread_idx;
    std::snprintf(text, sizeof text, ", block (%u,%u,%u), thread (%u,%u,%u): ", b.x, b.y, b.z, t.x, t.y, t.z);
    block.grid->fail(fault, "kernel " + std::string(block.grid->launch.kernel) + text + instruction + ": " + problem);
}

void Transfers::start(std::unique_ptr<Transfer> transfer) {
    if (this_block().grid->schedule.timing == Timing::early) {
        transfer->perform(nullptr);
    } else {
        in_flight.push_back(std::move(transfer));
    }
    spins = 0;
}

void Transfers::drift(Random &random) {
    if (!random.one_in(drift_period)) return;
    const size_t i = random.below(static_cast<uint32_t>(in_flight.size()));
    if (in_flight[i]->perform(&random)) in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(i));
}

void Transfers::perform_one(Random &random) {
    spins = 0;
    const size_t i = random.below(static_cast<uint32_t>(in_flight.size()));
    in_flight[i]->perform(nullptr);
    in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(i));
}

void Transfers::spun(Random &random) {
    if (any() && ++spins >= patience) perform_one(random);
}

template <class Choose> void Transfers::finish_if(Choose choose) {
    size_t kept = 0;
    for (std::unique_ptr<Transfer> &transfer : in_flight) {
        if (choose(*transfer)) {
            transfer->perform(nullptr);
        } else {
            in_flight[kept++] = std::move(transfer);
        }
    }
    in_flight.resize(kept);
}

void Transfers::finish_groups(const Lane &lane, unsigned group, bool reads_only) {
    auto is_waited_for = [&](const Transfer &transfer) {
        return &transfer.lane == &lane && transfer.group != Transfer::no_group && transfer.group < group;
    };
    if (!reads_only) return finish_if(is_waited_for);
    for (std::unique_ptr<Transfer> &transfer : in_flight) {
        if (is_waited_for(*transfer) && !transfer->has_read()) transfer->read();
    }
}

void Transfers::finish_ordinary(const Block &block, const Lane *lane) {
    finish_if([&](const Transfer &transfer) {
        return transfer.is_ordinary() && &transfer.block == &block && (!lane || &transfer.lane == lane);
    });
}

void Transfers::finish() {
    finish_if([](const Transfer &) { return true; });
}

const Transfer *Transfers::user_of(const Block &block) const {
    for (const std::unique_ptr<Transfer> &transfer : in_flight) {
        if (transfer->uses(block)) return transfer.get();
    }
    return nullptr;
}

void bulk_commit() {
    needs_capability(90, "cp.async.bulk.commit_group");
    this_lane().bulk_group++;
}

void bulk_wait(unsigned groups_in_flight, bool reads_only) {
    needs_capability(90, "cp.async.bulk.wait_group");
    Lane &lane = this_lane();
    if (lane.bulk_group <= groups_in_flight) return;
    const unsigned end = lane.bulk_group - groups_in_flight;
    this_block().gang->transfers.finish_groups(lane, end, reads_only);
    size_t kept = 0;
    for (BulkGroup &group : lane.bulk_groups) {
        if (group.number < end) {
            check::acquire(lane, group.read);
            group.is_read = true;
        }
        if (group.number < end && !reads_only) {
            check::acquire(lane, group.done);
        } else {
            lane.bulk_groups[kept++] = std::move(group);
        }
    }
    lane.bulk_groups.resize(kept);
}

} // namespace wwsim
