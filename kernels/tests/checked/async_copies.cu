// cp.async: when its bytes are there, for whom, and what may not be touched meanwhile.
#include "../../common/ptx/async_copy.cuh"

#include "cases.cuh"

constexpr int threads = 64;

// Each thread copies 16 bytes of tile `tile`.
__device__ inline void start_copy(float4 *stage, const float4 *in, int tile) {
    async_copy_cg(&stage[threadIdx.x], &in[tile * threads + threadIdx.x]); // caught: stage_reused_in_flight
}

// case: read_before_wait: used in flight
template <bool mistake> __global__ void read_before_wait(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: read_before_wait
    async_commit();
    if (!mistake) async_wait<0>();
    out[threadIdx.x] = stage[threadIdx.x].x; // caught: read_before_wait
}
CASE(read_before_wait) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(read_before_wait, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 63, 252, static_cast<uint64_t>(out.host()[63]));
}

// case: waits_for_the_group_before: used in flight
// Two groups are in flight, and the wait leaves one of them so: the one that is read.
template <bool mistake> __global__ void waits_for_the_group_before(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    start_copy(stage, in, 0);
    async_commit();
    async_copy_cg(&stage[threads + threadIdx.x], &in[threads + threadIdx.x]); // caught: waits_for_the_group_before
    async_commit();
    async_wait<mistake ? 1 : 0>();
    out[threadIdx.x] = stage[threads + threadIdx.x].x; // caught: waits_for_the_group_before
}
CASE(waits_for_the_group_before) {
    Buffer<float> in(counting<float>(512)), out(64);
    LAUNCH(waits_for_the_group_before, ({1, threads, 2048}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 0, 256, static_cast<uint64_t>(out.host()[0]));
}

// case: waits_without_commit: used in flight
// The wait is for groups, and the copy belongs to none.
template <bool mistake> __global__ void waits_without_commit(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: waits_without_commit
    if (!mistake) async_commit();
    async_wait<0>();
    out[threadIdx.x] = stage[threadIdx.x].x; // caught: waits_without_commit
}
CASE(waits_without_commit) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(waits_without_commit, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 63, 252, static_cast<uint64_t>(out.host()[63]));
}

// case: no_barrier_after_wait: race | used in flight
// A thread's wait is for its own copies: those of the others need a barrier, too.
template <bool mistake> __global__ void no_barrier_after_wait(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    stage[threadIdx.x] = make_float4(0, 0, 0, 0);
    __syncthreads();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: no_barrier_after_wait
    async_commit();
    async_wait<0>();
    if (!mistake) __syncthreads();
    out[threadIdx.x] = stage[threads - 1 - threadIdx.x].x; // caught: no_barrier_after_wait
}
CASE(no_barrier_after_wait) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(no_barrier_after_wait, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 0, 252, static_cast<uint64_t>(out.host()[0]));
}

// case: barrier_before_wait: used in flight
// In this order the barrier says nothing about copies.
template <bool mistake> __global__ void barrier_before_wait(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: barrier_before_wait
    async_commit();
    if (mistake) __syncthreads();
    async_wait<0>();
    if (!mistake) __syncthreads();
    out[threadIdx.x] = stage[threads - 1 - threadIdx.x].x; // caught: barrier_before_wait
}
CASE(barrier_before_wait) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(barrier_before_wait, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 0, 252, static_cast<uint64_t>(out.host()[0]));
}

// case: stage_reused_in_flight: race
// A ring of stages: the copy into a stage may begin when all threads have read what it held. One barrier per tile does both: it
// publishes this tile's stage and frees the one that was read before it.
template <bool mistake> __global__ void stage_reused_in_flight(const float4 *in, float *out, int tiles) {
    constexpr int stages = 3;
    float4 *ring = dynamic_shared<float4>();
    for (int tile = 0; tile < stages - 1; tile++) {
        start_copy(ring + tile * threads, in, tile);
        async_commit();
    }
    float sum = 0;
    for (int tile = 0; tile < tiles; tile++) {
        async_wait<stages - 2>();
        __syncthreads();
        const int next = tile + stages - 1;
        // With the mistake this is the stage that is being read now.
        if (next < tiles) start_copy(ring + (mistake ? tile : next) % stages * threads, in, next);
        async_commit();
        sum += ring[tile % stages * threads + threads - 1 - threadIdx.x].x; // caught: stage_reused_in_flight
    }
    out[threadIdx.x] = sum;
}
CASE(stage_reused_in_flight) {
    Buffer<float> in(std::vector<float>(6 * 256, 1.0f)), out(64);
    LAUNCH(stage_reused_in_flight, ({1, threads, 3 * 1024}), reinterpret_cast<float4 *>(in.device()), out.device(), 6);
    if (!mistake) expect_all("out", 6.0f, out.host());
}

// case: source_overwritten: used in flight
// The copy may read its source at any time until the wait.
template <bool mistake> __global__ void source_overwritten(float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: source_overwritten
    async_commit();
    if (!mistake) async_wait<0>();
    in[threadIdx.x] = make_float4(0, 0, 0, 0); // caught: source_overwritten
    if (mistake) async_wait<0>();
    out[threadIdx.x] = stage[threadIdx.x].x;
}
CASE(source_overwritten) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(source_overwritten, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 1, 4, static_cast<uint64_t>(out.host()[1]));
}

// case: target_written_in_flight: used in flight
// The padding behind a short row is cleared while the copy, which writes zeros there itself, is under way.
template <bool mistake> __global__ void target_written_in_flight(const float4 *in, float *out) {
    float4 *stage = dynamic_shared<float4>();
    async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x], 12); // caught: target_written_in_flight
    if (mistake) stage[threadIdx.x].w = 0; // caught: target_written_in_flight
    async_wait_all();
    out[threadIdx.x] = stage[threadIdx.x].z + stage[threadIdx.x].w;
}
CASE(target_written_in_flight) {
    Buffer<float> in(counting<float>(256)), out(64);
    LAUNCH(target_written_in_flight, ({1, threads, 1024}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 1, 6, static_cast<uint64_t>(out.host()[1]));
}
