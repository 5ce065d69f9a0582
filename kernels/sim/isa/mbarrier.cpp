#include "mbarrier.h"

#include <cinttypes>
#include <memory>

#include "../count/count.h"
#include "../exec/async.h"
#include "../exec/grid.h"

namespace wwsim {

namespace {

constexpr uint32_t spurious = 8; // once in so many times a suspended wait gives up for no reason, where the schedule is drawn

void expect_well(const char *instruction, std::string problem) {
    if (problem.empty()) return;
    problem.insert(0, ": ").insert(0, instruction);
    fault(Fault::illegal_instruction, std::move(problem));
}

void check_count(const char *instruction, unsigned count) {
    if (count == 0 || count > most_mbarrier_count)
        fault(Fault::illegal_instruction, "%s: count %u: expected 1 to %u", instruction, count, most_mbarrier_count);
}

int checked_bytes(const char *instruction, unsigned bytes) {
    if (bytes > most_mbarrier_count)
        fault(Fault::illegal_instruction, "%s: %u bytes: expected at most %u", instruction, bytes, most_mbarrier_count);
    return static_cast<int>(bytes);
}

// An arrival under way to another block's mbarrier.
class RemoteArrival final : public Transfer {
  public:
    RemoteArrival(const char *instruction, const void *at, Block &owner, mbarrier::Arrival arrival)
        : Transfer(instruction), at(at), owner(owner), arrival(arrival) {
        check::release(lane, released);
    }
    bool perform(Random *) override {
        Mbarriers &objects = block.gang->mbarriers;
        std::string problem;
        if (Mbarrier *object = objects.find(at, problem)) {
            check::join(object->arrived, released);
            problem = objects.arrive(owner, at, arrival.count, static_cast<int>(arrival.expected_bytes), arrival.drop);
        }
        if (!problem.empty()) fail(Fault::illegal_instruction, problem);
        return true;
    }
    bool uses(const Block &other) const override { return &owner == &other; }
    bool is_ordinary() const override { return true; }

  private:
    const void *at;
    Block &owner;
    mbarrier::Arrival arrival;
    check::Clock released;
};

// The arrival that follows a thread's cp.async.
class ArrivalAfterCopies final : public Transfer {
  public:
    ArrivalAfterCopies(const char *instruction, const void *at)
        : Transfer(instruction), at(at), last_group(lane.copy_group), copies(check::begin(instruction, &lane, false)) {}
    bool perform(Random *) override {
        finish_copies(lane, last_group + 1);
        Mbarriers &objects = block.gang->mbarriers;
        std::string problem;
        if (Mbarrier *object = objects.find(at, problem)) {
            check::complete(copies, object->arrived);
            problem = objects.arrive(block, at, 1);
        }
        if (!problem.empty()) fail(Fault::illegal_instruction, problem);
        return true;
    }
    bool uses(const Block &other) const override { return &block == &other; }

  private:
    const void *at;
    unsigned last_group;
    check::Operation copies; // comes after them
};

bool wait(const char *instruction, const uint64_t *at, bool (*is_complete)(const Mbarrier &, uint64_t), uint64_t what, unsigned parity,
          bool suspends) {
    Block &block = this_block();
    Lane &lane = this_lane();
    if (!suspends) block.yield();
    Mbarrier *object = &find_mbarrier(instruction, at, false).object;
    if (suspends && !is_complete(*object, what)) {
        if (block.grid->schedule.timing == Timing::seeded && block.random.one_in(spurious)) {
            block.yield();
        } else {
            lane.waiting_at = at;
            block.wait(Waiting::mbarrier, instruction, parity);
        }
        object = &find_mbarrier(instruction, at, false).object; // it may have become invalid
    }
    if (!is_complete(*object, what)) return false;
    check::acquire(lane, object->completed);
    count::instruction(count::Kind::barrier, instruction);
    block.gang->progress();
    return true;
}

} // namespace

namespace mbarrier {

void init(const char *instruction, uint64_t *at, unsigned count) {
    WWSIM_NOTE_SITE();
    needs_capability(90, instruction);
    if (reinterpret_cast<uintptr_t>(at) % sizeof(uint64_t) != 0)
        fault(Fault::misaligned_address, "%s: %p is not a multiple of 8 bytes", instruction, static_cast<void *>(at));
    if (!is_shared(at)) fault(Fault::illegal_address, "%s: %p is not in shared memory of this block", instruction, static_cast<void *>(at));
    observe(instruction, Effect::write, at, sizeof *at);
    expect_well(instruction, this_block().gang->mbarriers.init(at, count));
}

void invalidate(const char *instruction, uint64_t *at) {
    WWSIM_NOTE_SITE();
    find_mbarrier(instruction, at, false);
    observe(instruction, Effect::write, at, sizeof *at);
    expect_well(instruction, this_block().gang->mbarriers.invalidate(at));
    if (this_block().release_mbarrier(at))
        fault(Fault::illegal_instruction, "%s: threads wait at the mbarrier at %p", instruction, static_cast<void *>(at));
}

uint64_t arrive(const char *instruction, uint64_t *at, Arrival arrival) {
    WWSIM_NOTE_SITE();
    const auto [object, owner] = find_mbarrier(instruction, at, false);
    check_count(instruction, arrival.count);
    if (!arrival.completes && arrival.count == object.pending && object.bytes == 0)
        fault(Fault::illegal_instruction, "%s: completes the phase of the mbarrier at %p, which .noComplete must not", instruction,
              static_cast<void *>(at));
    const uint64_t state = (object.word & ~uint64_t{0xffffffff}) | object.phase;
    check::release(this_lane(), object.arrived);
    count::instruction(count::Kind::barrier, instruction);
    expect_well(instruction, owner.gang->mbarriers.arrive(owner, at, arrival.count, checked_bytes(instruction, arrival.expected_bytes),
                                                          arrival.drop));
    return state;
}

void arrive_remote(const char *instruction, uint64_t *at, unsigned rank, Arrival arrival) {
    WWSIM_NOTE_SITE();
    const void *there = isa::map_shared_within(at, rank);
    const auto [object, owner] = find_mbarrier(instruction, there, true);
    check_count(instruction, arrival.count);
    checked_bytes(instruction, arrival.expected_bytes);
    count::instruction(count::Kind::barrier, instruction);
    owner.gang->transfers.start(std::make_unique<RemoteArrival>(instruction, there, owner, arrival));
}

void expect_bytes(const char *instruction, uint64_t *at, unsigned bytes) {
    WWSIM_NOTE_SITE();
    const auto [object, owner] = find_mbarrier(instruction, at, false);
    expect_well(instruction, owner.gang->mbarriers.add_bytes(owner, at, checked_bytes(instruction, bytes)));
}

void complete_bytes(const char *instruction, uint64_t *at, unsigned bytes) {
    WWSIM_NOTE_SITE();
    const auto [object, owner] = find_mbarrier(instruction, at, false);
    expect_well(instruction, owner.gang->mbarriers.add_bytes(owner, at, -checked_bytes(instruction, bytes)));
}

void arrive_after_copies(const char *instruction, uint64_t *at, bool counted) {
    WWSIM_NOTE_SITE();
    const auto [object, owner] = find_mbarrier(instruction, at, false);
    if (counted) {
        if (object.pending == most_mbarrier_count)
            fault(Fault::illegal_instruction, "%s: more than %u arrivals are pending", instruction, most_mbarrier_count);
        object.pending++;
    }
    owner.gang->transfers.start(std::make_unique<ArrivalAfterCopies>(instruction, at));
}

bool wait_state(const char *instruction, const uint64_t *at, uint64_t state, bool suspends) {
    WWSIM_NOTE_SITE();
    const uint32_t phase = static_cast<uint32_t>(state);
    const Mbarrier &object = find_mbarrier(instruction, at, false).object;
    if (state >> 32 != object.word >> 32)
        fault(Fault::illegal_instruction, "%s: the state 0x%016" PRIx64 " is not of the mbarrier at %p", instruction, state,
              static_cast<const void *>(at));
    if (object.phase - phase > 1)
        fault(Fault::illegal_instruction, "%s: the state is of phase %u, the mbarrier at %p is in phase %u: it knows the phase before, only",
              instruction, phase, static_cast<const void *>(at), object.phase);
    return wait(instruction, at, [](const Mbarrier &it, uint64_t of) { return it.phase != static_cast<uint32_t>(of); }, phase, phase & 1,
                suspends);
}

bool wait_parity(const char *instruction, const uint64_t *at, unsigned parity, bool suspends) {
    WWSIM_NOTE_SITE();
    if (parity > 1) fault(Fault::illegal_instruction, "%s: parity %u: expected 0 or 1", instruction, parity);
    return wait(instruction, at, [](const Mbarrier &it, uint64_t of) { return (it.phase & 1) != of; }, parity, parity, suspends);
}

} // namespace mbarrier
} // namespace wwsim
