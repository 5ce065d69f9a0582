// One memory instruction of a warp: what its lanes' addresses cost.
#pragma once

#include <cstdint>

#include "../exec/device.h"
#include "counters.h"

namespace wwsim::count {

// The lanes that take part, in order.
struct Request {
    struct Part {
        unsigned lane;
        uint32_t bytes;
        uintptr_t address;
    };
    Part parts[warp_size];
    unsigned count = 0;
};

// The sectors that the lanes touch and the bytes that they use of them.
Global cost_of_global(const Request &request);
// How often the banks of shared memory must work.
Shared cost_of_shared(const Request &request, bool atomic);

} // namespace wwsim::count
