// Twins of setmaxnreg in common/ptx/registers.cuh.
#pragma once

namespace wwsim::isa {

// n: registers a thread.
void setmaxnreg_inc(unsigned n);
void setmaxnreg_dec(unsigned n);

} // namespace wwsim::isa
