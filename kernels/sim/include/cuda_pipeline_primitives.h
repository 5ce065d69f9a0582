// Asynchronous copies from global to shared memory, by the thread that starts them.
#pragma once

#include <cstddef>

#include "../isa/async_copy.h"

namespace wwsim {
inline namespace api {

// Copies `bytes` (4, 8 or 16), of which the last `zero_bytes` become zeros instead.
inline void __pipeline_memcpy_async(void *shared, const void *global, size_t bytes, size_t zero_bytes = 0) {
    if ((bytes != 4 && bytes != 8 && bytes != 16) || zero_bytes > bytes)
        fault(Fault::illegal_instruction, "__pipeline_memcpy_async: %zu bytes, %zu of them zeros: expected 4, 8 or 16", bytes, zero_bytes);
    isa::cp_async("__pipeline_memcpy_async", shared, global, (unsigned)bytes, (unsigned)(bytes - zero_bytes));
}

// Ends a group of copies.
inline void __pipeline_commit() { isa::cp_async_commit(); }

// Waits until at most so many of the last groups are in flight.
inline void __pipeline_wait_prior(size_t groups) {
    isa::cp_async_wait((unsigned)groups);
}

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
