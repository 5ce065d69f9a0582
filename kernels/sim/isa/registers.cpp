#include "registers.h"

#include "../exec/block.h"
#include "check.h"
#include "warpgroup.h"

namespace wwsim::isa {

namespace {

struct Resize {
    const char *instruction;
    bool increase;
    unsigned registers; // a thread

    static void work(Resize *const lanes[warp_size]);
};

// All warps of a warpgroup change their registers in the same way.
void check_same_in_group(Warpgroup &group, unsigned m, const Resize &resize) {
    Member &member = group.members[m];
    const Warpgroup::Resize own{resize.increase, resize.registers};
    if (member.resizes == group.resizes.size()) {
        for (unsigned other = 0; other < warps_of_group; other++) {
            if (group.members[other].ended)
                fault(Fault::illegal_instruction, "%s %u: warp %u of the warpgroup has ended without it", resize.instruction, own.registers,
                      other);
        }
        group.resizes.push_back(own);
    }
    const Warpgroup::Resize &first = group.resizes[member.resizes++];
    if (first.increase != own.increase || first.registers != own.registers)
        fault(Fault::illegal_instruction, "%s %u: by warp %u of the warpgroup, where another executed setmaxnreg.%s %u", resize.instruction,
              own.registers, m, first.increase ? "inc" : "dec", first.registers);
}

void Resize::work(Resize *const lanes[warp_size]) {
    Block &block = this_block();
    const Lane &lane = this_lane();
    const Resize &resize = *lanes[0];
    Warpgroup &group = block.warpgroup(lane);
    Member &member = group.members[member_of(lane)];
    for (unsigned l = 1; l < warp_size; l++) {
        if (lanes[l]->registers != resize.registers)
            fault(Fault::illegal_instruction, "%s: lanes 0 and %u ask for %u and %u registers", resize.instruction, l, resize.registers,
                  lanes[l]->registers);
    }
    check_same_in_group(group, member_of(lane), resize);
    if (resize.increase ? resize.registers < member.registers : resize.registers > member.registers)
        fault(Fault::illegal_instruction, "%s %u: the warp has %u registers a thread: expected at %s as many", resize.instruction,
              resize.registers, member.registers, resize.increase ? "least" : "most");
    if (resize.increase) {
        member.registers_awaited = resize.registers - member.registers;
    } else {
        block.free_registers += member.registers - resize.registers;
        block.release(Waiting::registers);
    }
    member.registers = resize.registers;
}

void setmaxnreg(const char *instruction, bool increase, unsigned n) {
    needs_capability(90, "setmaxnreg");
    check_whole_warpgroup(instruction);
    Resize resize{nullptr, increase, n};
    rendezvous_of_warp(instruction, resize);
    Block &block = this_block();
    Member &member = block.warpgroup(this_lane()).members[member_of(this_lane())];
    // The first lane that finds enough of them takes what its warp waits for.
    while (member.registers_awaited > block.free_registers) block.wait(Waiting::registers, instruction, n);
    block.free_registers -= member.registers_awaited;
    member.registers_awaited = 0;
}

} // namespace

void setmaxnreg_inc(unsigned n) {
    WWSIM_NOTE_SITE();
    setmaxnreg("setmaxnreg.inc", true, n);
}

void setmaxnreg_dec(unsigned n) {
    WWSIM_NOTE_SITE();
    setmaxnreg("setmaxnreg.dec", false, n);
}

} // namespace wwsim::isa
