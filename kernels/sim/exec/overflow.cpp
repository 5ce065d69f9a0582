#include "overflow.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "grid.h"

namespace wwsim {

static struct sigaction before;

static void handle(int signal, siginfo_t *info, void *context) {
    if (current && this_block().fiber_stacks().is_guard(info->si_addr)) {
        char text[256];
        int length = std::snprintf(text, sizeof text,
                                   "simulated GPU: stack overflow in kernel %s: a thread has %zu bytes; raise it with "
                                   "cudaDeviceSetLimit(cudaLimitStackSize, bytes)\n",
                                   this_block().grid->launch.kernel, stack_bytes());
        if (write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) {}
        std::_Exit(1);
    }
    // Not ours: whoever handled it before shall.
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal, info, context);
    } else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
        sigaction(signal, &before, nullptr);
    } else {
        before.sa_handler(signal);
    }
}

void watch_for_overflow() {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_sigaction = handle;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(SIGSEGV, &action, &before);
        return true;
    }();
    (void)installed;
    // The handler cannot run on the stack that has overflowed.
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
