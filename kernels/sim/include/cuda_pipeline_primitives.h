// Asynchronous copies from global to shared memory, by the thread that starts them.
#pragma once

#include <cstddef>

#include "device_functions.h"

namespace wwsim {
inline namespace api {

// Copies `bytes` (4, 8 or 16), of which the last `zero_bytes` become zeros instead.
inline void __pipeline_memcpy_async(void *shared, const void *global, size_t bytes, size_t zero_bytes = 0) {
    async_copy(shared, global, (unsigned)bytes, (unsigned)(bytes - zero_bytes));
}

// Ends a group of copies.
inline void __pipeline_commit() { async_commit(); }

// Waits until at most so many of the last groups are in flight.
inline void __pipeline_wait_prior(size_t groups) {
    detail::forget_memory();
    async_wait((unsigned)groups);
    detail::forget_memory();
}

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
