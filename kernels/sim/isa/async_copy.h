// Twins of common/ptx/async_copy.cuh; exec/async.h says when the copies happen.
#pragma once

#include "check.h"

namespace wwsim::isa {

__forceinline__ void cp_async(const char *instruction, void *shared, const void *global, unsigned bytes, unsigned source_bytes) {
    check_aligned(instruction, shared, bytes);
    check_aligned(instruction, global, bytes);
    check_shared(instruction, shared, bytes);
    if (source_bytes > bytes)
        fault(Fault::illegal_instruction, "%s: reads %u bytes for a copy of %u", instruction, source_bytes, bytes);
    if (source_bytes != 0) count::access(instruction, Effect::read, global, source_bytes);
    count::access(instruction, Effect::write, shared, bytes);
    forget_memory();
    async_copy(shared, global, bytes, source_bytes);
    forget_memory();
}

__forceinline__ void cp_async_commit() {
    async_commit();
    forget_memory();
}

__forceinline__ void cp_async_wait(unsigned groups_in_flight) {
    async_wait(groups_in_flight);
    forget_memory();
}

} // namespace wwsim::isa
