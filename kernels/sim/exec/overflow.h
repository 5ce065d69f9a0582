// Says which kernel has overflowed its stack, where the system would only say "segmentation fault".
#pragma once

namespace wwsim {

// Installs the handler (once) and gives this OS thread a stack for it to run on (once for each thread).
void watch_for_overflow();

} // namespace wwsim
