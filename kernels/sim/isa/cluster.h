// Twins of common/ptx/cluster.cuh.
#pragma once

#include "check.h"

namespace wwsim::isa {

inline unsigned cluster_size() {
    const dim3 dim = block().cluster_dim;
    return dim.x * dim.y * dim.z;
}

inline void barrier_cluster_arrive() {
    forget_memory();
    cluster_arrive();
    forget_memory();
}

inline void barrier_cluster_wait() {
    forget_memory();
    cluster_wait();
    forget_memory();
}

} // namespace wwsim::isa
