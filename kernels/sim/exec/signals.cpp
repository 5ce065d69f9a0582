#include "signals.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iterator>

#include "grid.h"

namespace wwsim {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction previous[std::size(signals)];

// The instruction that faulted is a lane's. It is not gone back to: `fault` leaves for the host's stack, and the next launch
// begins the fiber anew.
static void handle(int signal, siginfo_t *info, void *context) {
    if (current) {
        if (this_block().fiber_stacks().is_guard(info->si_addr)) {
            fault(Fault::launch_failure, "stack overflow: a thread has %zu bytes; raise it with cudaDeviceSetLimit(cudaLimitStackSize, bytes)",
                  stack_bytes());
        }
        // A GPU's division gives some number; in C++ it has no meaning.
        if (signal == SIGFPE) fault(Fault::launch_failure, "an integer is divided by zero, or the lowest one by -1");
        if (signal == SIGILL) fault(Fault::illegal_instruction, "an instruction that the host's processor does not have, at %p", info->si_addr);
        fault(Fault::illegal_address, "access to %p", info->si_addr);
    }
    // Not ours: whoever handled it before shall.
    const struct sigaction &other = previous[std::find(std::begin(signals), std::end(signals), signal) - signals];
    if (other.sa_flags & SA_SIGINFO) {
        other.sa_sigaction(signal, info, context);
    } else if (other.sa_handler == SIG_DFL || other.sa_handler == SIG_IGN) {
        sigaction(signal, &other, nullptr); // and the instruction faults again
    } else {
        other.sa_handler(signal);
    }
}

namespace {

// The stack on which an OS thread handles signals: after an overflow there is no room on the one that overflowed. Rust's threads and
// sanitizers bring one, which may be too small to write a message on.
class SignalStack {
  public:
    SignalStack() {
        stack_t now;
        if (sigaltstack(nullptr, &now) == 0 && !(now.ss_flags & SS_DISABLE) && now.ss_size >= bytes) return;
        stack_t own = {};
        own.ss_sp = memory = std::malloc(bytes);
        own.ss_size = bytes;
        if (memory) sigaltstack(&own, nullptr);
    }
    ~SignalStack() {
        stack_t now;
        if (memory && sigaltstack(nullptr, &now) == 0 && now.ss_sp == memory) {
            stack_t none = {};
            none.ss_flags = SS_DISABLE;
            sigaltstack(&none, nullptr);
        }
        std::free(memory);
    }
    SignalStack(const SignalStack &) = delete;

  private:
    static constexpr size_t bytes = 64 * 1024;
    void *memory = nullptr;
};

} // namespace

void watch_for_faults() {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_sigaction = handle;
        // SA_NODEFER: the handler is left without returning, so the signal must not stay blocked.
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (size_t i = 0; i < std::size(signals); i++) sigaction(signals[i], &action, &previous[i]);
        return true;
    }();
    (void)installed;
    static thread_local const SignalStack stack;
    (void)stack;
}

} // namespace wwsim
