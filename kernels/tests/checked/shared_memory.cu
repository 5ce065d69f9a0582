// Shared memory: addresses outside of what the block has, and alignment.
// arch: 90
#include "../../common/ptx/async_copy.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/matrix.cuh"

#include "cases.cuh"

// case: dynamic_past_end: out of bounds ... thread (63,0,0)
// The launch asks for 64 floats, and the kernel shifts by one.
template <bool mistake> __global__ void dynamic_past_end(float *out) {
    float *shared = dynamic_shared<float>();
    const int i = threadIdx.x;
    shared[mistake ? i + 1 : (i + 1) % 64] = i; // caught: dynamic_past_end
    __syncthreads();
    out[i] = shared[(i + 1) % 64];
}
CASE(dynamic_past_end) {
    Buffer<float> out(64);
    LAUNCH(dynamic_past_end, ({1, 64, 64 * sizeof(float)}), out.device());
    if (!mistake) expect_bytes("out", counting<float>(64), out.host());
}

// case: dynamic_never_asked_for: out of bounds
// The launch forgets to ask for shared memory.
template <bool mistake> __global__ void dynamic_never_asked_for(int *out) {
    int *shared = dynamic_shared<int>();
    shared[threadIdx.x] = threadIdx.x; // caught: dynamic_never_asked_for
    __syncthreads();
    out[threadIdx.x] = shared[31 - threadIdx.x];
}
CASE(dynamic_never_asked_for) {
    Buffer<int> out(32);
    LAUNCH(dynamic_never_asked_for, ({1, 32, mistake ? 0 : 32 * sizeof(int)}), out.device());
    expect_equal("out", 0, 31, out.host()[0]);
}

// case: dynamic_before_begin: out of bounds ... thread (0,0,0)
template <bool mistake> __global__ void dynamic_before_begin(int *out) {
    int *shared = dynamic_shared<int>();
    const int i = threadIdx.x;
    shared[i] = i;
    __syncthreads();
    out[i] = mistake || i > 0 ? shared[i - 1] : 0; // caught: dynamic_before_begin
}
CASE(dynamic_before_begin) {
    Buffer<int> out(32);
    LAUNCH(dynamic_before_begin, ({1, 32, 32 * sizeof(int)}), out.device());
    expect_equal("out", 31, 30, out.host()[31]);
}

// case: static_past_end: out of bounds ... past the end of the shared variable
// One row too far.
template <bool mistake> __global__ void static_past_end(int *out) {
    __shared__ int rows[4][32];
    const int row = mistake ? 4 : 3;
    rows[row][threadIdx.x] = threadIdx.x; // caught: static_past_end
    out[threadIdx.x] = rows[row][threadIdx.x];
}
CASE(static_past_end) {
    Buffer<int> out(32);
    LAUNCH(static_past_end, ({1, 32}), out.device());
    expect_bytes("out", counting<int>(32), out.host());
}

// case: neighbor_past_end: out of bounds
// Past the end of the neighbor's shared memory.
template <bool mistake> __global__ void neighbor_past_end(int *out) {
    int *shared = dynamic_shared<int>();
    const unsigned rank = cluster_rank();
    shared[threadIdx.x] = 100 * rank + threadIdx.x;
    cluster_sync();
    const int *theirs = map_shared(shared, rank ^ 1);
    out[32 * rank + threadIdx.x] = theirs[mistake ? threadIdx.x + 1 : 31 - threadIdx.x]; // caught: neighbor_past_end
    cluster_sync();
}
CASE(neighbor_past_end) {
    Buffer<int> out(64);
    LAUNCH(neighbor_past_end, ({2, 32, 32 * sizeof(int), 2}), out.device());
    expect_equal("out", 0, 131, out.host()[0]);
}

// case: shared16_misaligned: misaligned address ... thread (1,0,0)
// Rows of 33 floats, padded against bank conflicts, are no place for 16 bytes.
template <bool mistake> __global__ void shared16_misaligned(const float4 *in, float *out) {
    float *shared = dynamic_shared<float>();
    float *row = shared + (mistake ? 33 : 36) * threadIdx.x;
    *reinterpret_cast<float4 *>(row) = in[threadIdx.x]; // caught: shared16_misaligned
    out[threadIdx.x] = row[3];
}
CASE(shared16_misaligned) {
    Buffer<float4> in(2);
    Buffer<float> out(2);
    LAUNCH(shared16_misaligned, ({1, 2, 2 * 36 * sizeof(float)}), in.device(), out.device());
    expect_all("out", 0.0f, out.host());
}

// case: cp_async_misaligned: misaligned address
template <bool mistake> __global__ void cp_async_misaligned(const float *in, float *out) {
    float *shared = dynamic_shared<float>();
    async_copy_cg(shared + 4 * threadIdx.x, in + 4 * threadIdx.x + (mistake ? 2 : 0)); // caught: cp_async_misaligned
    async_wait_all();
    out[threadIdx.x] = shared[4 * threadIdx.x];
}
CASE(cp_async_misaligned) {
    Buffer<float> in(counting<float>(132)), out(32);
    LAUNCH(cp_async_misaligned, ({1, 32, 128 * sizeof(float)}), in.device(), out.device());
    expect_equal("out", 31, 124, static_cast<uint64_t>(out.host()[31]));
}

// case: ldmatrix_misaligned: misaligned address
template <bool mistake> __global__ void ldmatrix_misaligned(uint32_t *out) {
    uint32_t *shared = dynamic_shared<uint32_t>();
    for (int i = threadIdx.x; i < 8 * 5; i += 32) shared[i] = i;
    __syncwarp();
    uint32_t fragment[1];
    ldmatrix<1>(fragment, shared + (mistake ? 5 : 4) * (threadIdx.x % 8)); // caught: ldmatrix_misaligned
    out[threadIdx.x] = fragment[0];
}
CASE(ldmatrix_misaligned) {
    Buffer<uint32_t> out(32);
    LAUNCH(ldmatrix_misaligned, ({1, 32, 8 * 5 * sizeof(uint32_t)}), out.device());
    expect_bytes("out", counting<uint32_t>(32), out.host());
}

// case: ldmatrix_past_end: out of bounds ... ldmatrix
// The last rows of a tile that has only 8.
template <bool mistake> __global__ void ldmatrix_past_end(uint32_t *out) {
    uint32_t *shared = dynamic_shared<uint32_t>();
    shared[threadIdx.x] = threadIdx.x;
    __syncwarp();
    uint32_t fragment[2];
    ldmatrix<2>(fragment, shared + 4 * (threadIdx.x % (mistake ? 16 : 8))); // caught: ldmatrix_past_end
    out[threadIdx.x] = fragment[0] + fragment[1];
}
CASE(ldmatrix_past_end) {
    Buffer<uint32_t> out(32);
    LAUNCH(ldmatrix_past_end, ({1, 32, 32 * sizeof(uint32_t)}), out.device());
    expect_equal("out", 31, 62, out.host()[31]);
}

// case: structure_misaligned: misaligned address ... read of ... which is not a multiple of 8 ... at offset
// Pairs behind a count of 4 bytes. A compiler may read each pair as two numbers, which are aligned, or as 8 bytes, which are not.
struct alignas(8) Candidate {
    float score;
    int index;
};
template <bool mistake> __global__ void structure_misaligned(float *out) {
    int *shared = dynamic_shared<int>();
    for (int i = threadIdx.x; i < 66; i += 32) shared[i] = i;
    __syncwarp();
    const Candidate *candidates = reinterpret_cast<const Candidate *>(shared + (mistake ? 1 : 2));
    const Candidate own = candidates[threadIdx.x]; // caught: structure_misaligned
    out[threadIdx.x] = own.index + 0 * own.score;
}
CASE(structure_misaligned) {
    Buffer<float> out(32);
    LAUNCH(structure_misaligned, ({1, 32, 66 * sizeof(int)}), out.device());
    expect_equal("out", 31, 65, static_cast<uint64_t>(out.host()[31]));
}
