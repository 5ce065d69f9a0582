// Functions of the C library that mean something else in a kernel.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "../exec/device.h"
#include "../include/assert.h"

extern "C" clock_t wwsim_clock() { return wwsim::current ? (clock_t)wwsim::cycles() : std::clock(); }

namespace wwsim::detail {

void assertion_failed(const char *condition, const char *file, unsigned line, const char *function) {
    if (!current) {
        fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, condition);
        abort();
    }
    const uint3 block_idx = block().block_idx, thread_idx = lane().thread_idx;
    fprintf(stderr, "%s:%u: %s: block: [%u,%u,%u], thread: [%u,%u,%u] Assertion `%s` failed.\n", file, line, function, block_idx.x,
            block_idx.y, block_idx.z, thread_idx.x, thread_idx.y, thread_idx.z, condition);
    fault(Fault::assertion, "%s:%u: Assertion `%s` failed", file, line, condition);
}

} // namespace wwsim::detail
