#include "signals.h"

#include <csignal>
#include <cstdlib>

#include "grid.h"

namespace wwsim {

static struct sigaction previous_segv, previous_bus;

// The instruction that faulted is a lane's. It is not gone back to: `fault` leaves for the host's stack, and the next launch
// begins the fiber anew.
static void handle(int signal, siginfo_t *info, void *context) {
    if (current) {
        if (this_block().fiber_stacks().is_guard(info->si_addr)) {
            fault(Fault::launch_failure, "stack overflow: a thread has %zu bytes; raise it with cudaDeviceSetLimit(cudaLimitStackSize, bytes)",
                  stack_bytes());
        }
        fault(Fault::illegal_address, "access to %p", info->si_addr);
    }
    // Not ours: whoever handled it before shall.
    const struct sigaction &previous = signal == SIGSEGV ? previous_segv : previous_bus;
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
        sigaction(signal, &previous, nullptr); // and the instruction faults again
    } else {
        previous.sa_handler(signal);
    }
}

void watch_for_faults() {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_sigaction = handle;
        // SA_NODEFER: the handler is left without returning, so the signal must not stay blocked.
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigaction(SIGSEGV, &action, &previous_segv);
        sigaction(SIGBUS, &action, &previous_bus);
        return true;
    }();
    (void)installed;
    // After an overflow there is no room on the stack that overflowed.
    static thread_local const bool has_stack = [] {
        stack_t now;
        if (sigaltstack(nullptr, &now) == 0 && !(now.ss_flags & SS_DISABLE)) return true;
        constexpr size_t bytes = 64 * 1024;
        stack_t own = {};
        own.ss_sp = std::malloc(bytes);
        own.ss_size = bytes;
        return own.ss_sp && sigaltstack(&own, nullptr) == 0;
    }();
    (void)has_stack;
}

} // namespace wwsim
