// Twins of common/ptx/grid.cuh. A grid starts when the one ahead of it in its stream has ended, the latest that is allowed: so there is
// nothing to wait for.
#pragma once

#include "check.h"

namespace wwsim::isa {

inline void griddepcontrol(const char *instruction) {
    needs_capability(90, instruction);
    forget_memory();
}

} // namespace wwsim::isa
