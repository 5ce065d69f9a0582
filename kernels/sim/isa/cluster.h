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

inline void *mapa(const void *address, unsigned rank) {
    check_shared("mapa", address, 1);
    if (rank >= cluster_size())
        fault(Fault::illegal_address, "mapa: rank %u in a cluster of %u blocks", rank, cluster_size());
    return map_shared(address, rank);
}

} // namespace wwsim::isa
