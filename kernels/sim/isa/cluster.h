// Twins of common/ptx/cluster.cuh.
#pragma once

#include "check.h"

namespace wwsim::isa {

__forceinline__ unsigned cluster_rank() {
    needs_capability(90, "%cluster_ctarank");
    return block().cluster_rank;
}

__forceinline__ unsigned cluster_size() {
    needs_capability(90, "%cluster_nctarank");
    const dim3 dim = block().cluster_dim;
    return dim.x * dim.y * dim.z;
}

__forceinline__ void barrier_cluster_arrive() {
    forget_memory();
    cluster_arrive();
    forget_memory();
}

__forceinline__ void barrier_cluster_arrive_relaxed() { cluster_arrive_relaxed(); }

__forceinline__ void barrier_cluster_wait() {
    forget_memory();
    cluster_wait();
    forget_memory();
}

} // namespace wwsim::isa
