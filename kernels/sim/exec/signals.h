// Turns a segmentation fault of device code into the fault of a launch, as a GPU's memory unit would.
#pragma once

namespace wwsim {

// Installs the handler (once) and gives this OS thread a stack for it to run on (once for each thread).
void watch_for_faults();

} // namespace wwsim
