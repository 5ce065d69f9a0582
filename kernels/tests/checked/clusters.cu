// Clusters: shared memory of other blocks, and when it may be touched.
// arch: 90
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/shared.cuh"

#include "cases.cuh"

// case: neighbor_without_cluster_barrier: race
// __syncthreads waits for the own block only.
template <bool mistake> __global__ void neighbor_without_cluster_barrier(int *out) {
    __shared__ int values[32];
    values[threadIdx.x] = 0;
    cluster_sync();
    values[threadIdx.x] = threadIdx.x; // caught: neighbor_without_cluster_barrier
    if (mistake)
        __syncthreads();
    else
        cluster_sync();
    out[32 * blockIdx.x + threadIdx.x] = *map_shared(&values[31 - threadIdx.x], cluster_rank() ^ 1); // caught: neighbor_without_cluster_barrier
    cluster_sync();
}
CASE(neighbor_without_cluster_barrier) {
    Buffer<int> out(64);
    LAUNCH(neighbor_without_cluster_barrier, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_equal("out", 63, 0, out.host()[63]);
}

// case: read_between_arrive_and_wait: race
template <bool mistake> __global__ void read_between_arrive_and_wait(int *out) {
    __shared__ int value;
    if (threadIdx.x == 0) value = 0;
    cluster_sync();
    if (threadIdx.x == 0) value = 9; // caught: read_between_arrive_and_wait
    cluster_arrive();
    int read = 0;
    if (mistake) read = *map_shared(&value, cluster_rank() ^ 1); // caught: read_between_arrive_and_wait
    cluster_wait();
    if (!mistake) read = *map_shared(&value, cluster_rank() ^ 1);
    out[32 * blockIdx.x + threadIdx.x] = read;
    cluster_sync();
}
CASE(read_between_arrive_and_wait) {
    Buffer<int> out(64);
    LAUNCH(read_between_arrive_and_wait, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_all("out", 9, out.host());
}

// case: remote_sum_without_atomics: race
template <bool mistake> __global__ void remote_sum_without_atomics(int *out) {
    __shared__ int sum;
    if (threadIdx.x == 0) sum = 0;
    cluster_sync();
    int *const first = map_shared(&sum, 0);
    if (threadIdx.x == 0) {
        if (mistake)
            *first += 1; // caught: remote_sum_without_atomics
        else
            atomicAdd(first, 1);
    }
    cluster_sync();
    if (cluster_rank() == 0 && threadIdx.x == 0) *out = sum;
}
CASE(remote_sum_without_atomics) {
    Buffer<int> out(1);
    LAUNCH(remote_sum_without_atomics, ({4, 32, 0, 4}), out.device());
    if (!mistake) expect_all("out", 4, out.host());
}

// case: cluster_barrier_not_reached: deadlock
// One block waits for its cluster, and the other for threads of its own that are at the cluster's barrier.
template <bool mistake> __global__ void cluster_barrier_not_reached(int *out) {
    if (mistake && blockIdx.x == 1 && threadIdx.x < 32) __syncthreads();
    cluster_sync();
    out[64 * blockIdx.x + threadIdx.x] = 1;
}
CASE(cluster_barrier_not_reached) {
    Buffer<int> out(128);
    LAUNCH(cluster_barrier_not_reached, ({2, 64, 0, 2}), out.device());
    expect_all("out", 1, out.host());
}

// case: neighbor_not_started: race ... updates 4 bytes ... value (4 bytes) of block (0,0,0), which may not have started
// A sum in the first block's shared memory, to which the second one adds whether or not there is a first one yet.
template <bool mistake> __global__ void neighbor_not_started(int *out) {
    __shared__ int value;
    if (cluster_rank() == 0 && threadIdx.x == 0) value = 0;
    if (mistake)
        __syncthreads();
    else
        cluster_sync();
    if (cluster_rank() == 1) atomicAdd(map_shared(&value, 0), 1); // caught: neighbor_not_started
    cluster_sync();
    if (cluster_rank() == 0) out[threadIdx.x] = value;
}
CASE(neighbor_not_started) {
    Buffer<int> out(32);
    LAUNCH(neighbor_not_started, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_all("out", 32, out.host());
}

// case: neighbor_exited: race ... reads 4 bytes ... value (4 bytes) of block (1,0,0), which may have exited
// The last thing that the first block does is to read what the second one has.
template <bool mistake> __global__ void neighbor_exited(int *out) {
    __shared__ int value;
    if (threadIdx.x == 0) value = 10 + blockIdx.x;
    cluster_sync();
    if (cluster_rank() == 0) out[threadIdx.x] = *map_shared(&value, 1); // caught: neighbor_exited
    if (!mistake) cluster_sync();
}
CASE(neighbor_exited) {
    Buffer<int> out(32);
    LAUNCH(neighbor_exited, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_all("out", 11, out.host());
}

// case: relaxed_arrival: race ... no barrier of the cluster between them
// To know that the neighbor has started, the relaxed arrival is enough. It takes nothing along of what was written.
template <bool mistake> __global__ void relaxed_arrival(int *out) {
    __shared__ int values[32];
    cluster_arrive_relaxed();
    cluster_wait();
    *map_shared(&values[threadIdx.x], cluster_rank() ^ 1) = threadIdx.x; // caught: relaxed_arrival
    if (mistake)
        cluster_arrive_relaxed();
    else
        cluster_arrive();
    cluster_wait();
    out[32 * blockIdx.x + threadIdx.x] = values[threadIdx.x]; // caught: relaxed_arrival
}
CASE(relaxed_arrival) {
    Buffer<int> out(64);
    LAUNCH(relaxed_arrival, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_equal("out", 63, 31, out.host()[63]);
}
