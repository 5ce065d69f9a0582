// What the instructions ask of their addresses, and who must take part.
#pragma once

#include "../count/count.h"
#include "../include/device_functions.h"

namespace wwsim::isa {

// Around every instruction that reads or writes memory for others, or waits for them: the compiler could think that nobody else
// sees a kernel's `__shared__` variables.
using detail::forget_memory;

__forceinline__ void check_aligned(const char *instruction, const void *address, size_t bytes) {
    if (reinterpret_cast<uintptr_t>(address) % bytes != 0)
        fault(Fault::misaligned_address, "%s: address %p is not a multiple of %zu bytes", instruction, address, bytes);
}

__forceinline__ void check_shared(const char *instruction, const void *address, size_t bytes) {
    if (!is_shared(address) || !is_shared(static_cast<const char *>(address) + bytes - 1))
        fault(Fault::illegal_address, "%s: %zu bytes at %p are not in shared memory", instruction, bytes, address);
}

// map_shared as a part of another instruction: the kernel's line stays noted.
inline void *map_shared_within(const void *address, unsigned rank) {
    const void *site = current->site;
    void *mapped = map_shared(address, rank);
    current->site = site;
    return mapped;
}

// For .sync.aligned instructions: a collective of all 32 lanes. `Operand` has what one lane hands over, and a `work` for all.
template <typename Operand> __forceinline__ void rendezvous_of_warp(const char *instruction, Operand &operand) {
    constexpr unsigned all = 0xffffffffu;
    if (lane().active != all)
        fault(Fault::illegal_instruction, "%s: needs 32 lanes, the warp has lanes 0x%08x", instruction, lane().active);
    operand.instruction = instruction;
    forget_memory();
    rendezvous(instruction, all, &operand, [](void *const operands[warp_size], unsigned lanes) {
        Operand *lane_operands[warp_size];
        for (unsigned i = 0; i < warp_size; i++) lane_operands[i] = static_cast<Operand *>(operands[i]);
        if (lanes != all) {
            const unsigned first = static_cast<unsigned>(__builtin_ctz(lanes));
            fault(Fault::illegal_instruction, "%s: needs 32 lanes, only 0x%08x came and the others have exited",
                  lane_operands[first]->instruction, lanes);
        }
        for (const Operand *other : lane_operands) {
            if (other->instruction != lane_operands[0]->instruction)
                fault(Fault::illegal_instruction, "%s: other lanes of the warp are in %s", other->instruction,
                      lane_operands[0]->instruction);
        }
        Operand::work(lane_operands);
    });
    forget_memory();
}

} // namespace wwsim::isa
