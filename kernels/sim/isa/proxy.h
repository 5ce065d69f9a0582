// Twins of common/ptx/proxy.cuh. Memory has no proxies here; the checks know of them.
#pragma once

#include "../check/check.h"
#include "check.h"

namespace wwsim::isa {

inline void fence_proxy_async(const char *instruction, bool shared = true, bool global = true) {
    needs_capability(90, instruction);
    forget_memory();
    check::fence_proxy_async(shared, global);
    yield();
    forget_memory();
}

inline void fence_mbarrier_init() {
    fence_proxy_async("fence.mbarrier_init", true, false);
    check::fence();
}

} // namespace wwsim::isa
