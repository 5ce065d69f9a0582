#include "elect.h"

#include "../count/count.h"
#include "../exec/grid.h"
#include "check.h"

namespace wwsim::isa {

bool elect(unsigned mask) {
    WWSIM_NOTE_SITE();
    needs_capability(90, "elect.sync");
    count::instruction(count::Kind::collective, "elect.sync");
    bool elected = false;
    forget_memory();
    rendezvous("elect.sync", mask, &elected, [](void *const operands[warp_size], unsigned lanes) {
        Random random(this_block().grid->schedule.seed, lanes);
        uint32_t others = random.below(static_cast<uint32_t>(__builtin_popcount(lanes)));
        for (; others; others--) lanes &= lanes - 1;
        *static_cast<bool *>(operands[__builtin_ctz(lanes)]) = true;
    });
    forget_memory();
    return elected;
}

} // namespace wwsim::isa
