// Turns what the host's processor refuses in device code (an address, an instruction, a division by zero) into the fault of a launch.
#pragma once

namespace wwsim {

// While it lives, a lane that computes for too long without a switch ends the launch: it waits in a loop on plain memory, most likely
// for another thread, which doesn't get to run. Counts the processor time of the OS thread that made it.
class SpinWatch {
  public:
    SpinWatch();
    ~SpinWatch();
    SpinWatch(const SpinWatch &) = delete;
};

// Installs the handlers (once) and gives this OS thread a stack for them to run on (once for each thread).
void watch_for_faults();

} // namespace wwsim
