#include "signals.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <sys/syscall.h>
#include <unistd.h>

#include "grid.h"

#ifndef sigev_notify_thread_id // older C libraries lack the name
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace wwsim {

// The timeout is looked at so often: a lane that spins ends within one and a quarter of it.
constexpr unsigned ticks_in_timeout = 4;

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

// A tick of the timer: nothing in the lane's code changes the block's time, so that it stands still says that the lane does not switch.
static void tick(int) {
    if (!current || this_block().switched_since_tick() || this_block().ticks_without_switch() < ticks_in_timeout) return;
    fault(Fault::deadlock,
          "this thread has run for %g s without a point where others can: does it wait in a loop on plain memory? An atomic, a fence or "
          "__nanosleep in the loop lets others run. WARPWEAVE_SIM_TIMEOUT sets the time",
          timeout_seconds());
}

namespace {

class Timer {
  public:
    Timer() {
        sigevent event = {};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGVTALRM;
        event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
        made = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
    }
    ~Timer() {
        if (made) timer_delete(timer);
    }
    Timer(const Timer &) = delete;

    void set(double seconds) {
        if (!made) return;
        itimerspec spec = {};
        spec.it_interval.tv_sec = static_cast<time_t>(seconds);
        spec.it_interval.tv_nsec = static_cast<long>((seconds - std::floor(seconds)) * 1e9);
        spec.it_value = spec.it_interval;
        timer_settime(timer, 0, &spec, nullptr);
    }

  private:
    timer_t timer;
    bool made;
};

Timer &own_timer() {
    static thread_local Timer timer;
    return timer;
}

} // namespace

SpinWatch::SpinWatch() { own_timer().set(timeout_seconds() / ticks_in_timeout); }
SpinWatch::~SpinWatch() { own_timer().set(0); }

void watch_for_faults() {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_sigaction = handle;
        // SA_NODEFER: the handler is left without returning, so the signal must not stay blocked.
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (size_t i = 0; i < std::size(signals); i++) sigaction(signals[i], &action, &previous[i]);
        action.sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART;
        action.sa_handler = tick;
        sigaction(SIGVTALRM, &action, nullptr);
        return true;
    }();
    (void)installed;
    static thread_local const SignalStack stack;
    (void)stack;
}

} // namespace wwsim
