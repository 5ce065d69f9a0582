// Warp collectives: the last lane to come does the work for all.
#include "block.h"

namespace wwsim {

// Once in so many times the warp that has completed a collective makes room for another, as a GPU's scheduler might.
constexpr uint32_t preemption = 8;

void Block::complete(unsigned w, unsigned index) {
    Warp &warp = warps[w];
    Meeting &meeting = warp.meetings[index];
    if ((meeting.mask | ~this_lane().active) == ~0u) cut_logs(w);
    works_for_all = true;
    meeting.work(meeting.operands, meeting.arrived);
    works_for_all = false;
    unsigned arrived = meeting.arrived;
    warp.meeting_count--;
    if (index != warp.meeting_count) meeting = warp.meetings[warp.meeting_count];
    make_ready(w, arrived);
}

void Block::rendezvous(const char *name, unsigned mask, void *operand, Work work) {
    Lane &lane = this_lane();
    unsigned w = lane.rank / warp_size, bit = 1u << lane.lane;
    Warp &warp = warps[w];
    if (!(mask & bit)) {
        fault(Fault::illegal_instruction, "%s: lane %u is not in the mask 0x%08x that it gave", name, lane.lane, mask);
    }
    unsigned index = 0;
    while (index < warp.meeting_count && warp.meetings[index].mask != mask) index++;
    Meeting &meeting = warp.meetings[index];
    if (index == warp.meeting_count) {
        warp.meeting_count++;
        meeting.mask = mask;
        meeting.arrived = 0;
        meeting.work = work;
        meeting.name = name;
    } else if (meeting.work != work) {
        fault(Fault::illegal_instruction, "%s: lanes 0x%08x of the same mask 0x%08x wait in %s", name, meeting.arrived, mask,
              meeting.name);
    }
    meeting.operands[lane.lane] = operand;
    meeting.arrived |= bit;
    if (((meeting.arrived | warp.exited) & mask) != mask) {
        wait(Waiting::collective, name, mask);
        return;
    }
    complete(w, index);
    if (random.one_in(preemption)) {
        change_warp();
        switch_to_next(lane);
        return;
    }
    warp.ready &= ~bit;
    if (!warp.ready) ready_warps &= ~(1u << w);
}

void rendezvous(const char *name, unsigned mask, void *operand, Work work) { this_block().rendezvous(name, mask, operand, work); }

} // namespace wwsim
