// Turns what the host's processor refuses in device code (an address, an instruction, a division by zero) into the fault of a launch.
#pragma once

namespace wwsim {

// Installs the handlers (once) and gives this OS thread a stack for them to run on (once for each thread).
void watch_for_faults();

} // namespace wwsim
