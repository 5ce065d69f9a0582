// Memory that is read before anything has written it, in global and in shared memory, by kernels and by copies to the host.
#include "../../common/ptx/async_copy.cuh"

#include "cases.cuh"

// case: global_never_written: uninitialized memory read
// An accumulator that nobody has set to zero.
template <bool mistake> __global__ void global_never_written(int *sum) {
    *sum += 1; // caught: global_never_written
}
CASE(global_never_written) {
    int *sum = allocate<int>(1);
    if (!mistake) check_cuda(cudaMemset(sum, 0, sizeof(int)), "cudaMemset");
    LAUNCH(global_never_written, ({1, 1}), sum);
    expect_all("sum", 1, copy_out(sum, 1));
}

// case: global_atomic_on_unwritten: uninitialized memory read
template <bool mistake> __global__ void global_atomic_on_unwritten(int *sum) {
    atomicAdd(sum, 1); // caught: global_atomic_on_unwritten
}
CASE(global_atomic_on_unwritten) {
    int *sum = allocate<int>(1);
    if (!mistake) check_cuda(cudaMemset(sum, 0, sizeof(int)), "cudaMemset");
    LAUNCH(global_atomic_on_unwritten, ({1, 32}), sum);
    expect_all("sum", 32, copy_out(sum, 1));
}

// case: global_partly_set: uninitialized memory read
// cudaMemset counts bytes.
template <bool mistake> __global__ void global_partly_set(const int *in, int *out) {
    out[threadIdx.x] = in[threadIdx.x]; // caught: global_partly_set
}
CASE(global_partly_set) {
    int *in = allocate<int>(32);
    check_cuda(cudaMemset(in, 0, mistake ? 32 : 32 * sizeof(int)), "cudaMemset");
    Buffer<int> out(32);
    LAUNCH(global_partly_set, ({1, 32}), in, out.device());
    expect_all("out", 0, out.host());
}

// case: vector_partly_written: uninitialized memory read
// Two of four floats are written, and all four read.
template <bool mistake> __global__ void vector_partly_written(float *points, float *out) {
    float *mine = points + 4 * threadIdx.x;
    mine[0] = 1, mine[1] = 2;
    if (!mistake) mine[2] = 3, mine[3] = 0;
    const float4 point = *reinterpret_cast<const float4 *>(mine); // caught: vector_partly_written
    out[threadIdx.x] = point.x + point.y + point.z + point.w;
}
CASE(vector_partly_written) {
    Buffer<float> out(32);
    LAUNCH(vector_partly_written, ({1, 32}), allocate<float>(128), out.device());
    expect_all("out", 6.0f, out.host());
}

// case: shared_never_written: uninitialized memory read
// Shared memory does not begin as zeros.
template <bool mistake> __global__ void shared_never_written(int *out) {
    __shared__ int count;
    if (!mistake && threadIdx.x == 0) count = 0;
    __syncthreads();
    if (threadIdx.x == 0) count += 5; // caught: shared_never_written
    __syncthreads();
    out[threadIdx.x] = count;
}
CASE(shared_never_written) {
    Buffer<int> out(32);
    LAUNCH(shared_never_written, ({1, 32}), out.device());
    if (!mistake) expect_all("out", 5, out.host());
}

// case: dynamic_partly_loaded: uninitialized memory read
// The last tile is half full, and the sum runs over all of it.
template <bool mistake> __global__ void dynamic_partly_loaded(const float *in, float *out, int n) {
    float *tile = dynamic_shared<float>();
    const int i = threadIdx.x;
    if (i < n) tile[i] = in[i];
    if (!mistake && i >= n) tile[i] = 0;
    __syncthreads();
    if (i == 0) {
        float sum = 0;
        for (int j = 0; j < 64; j++) sum += tile[j]; // caught: dynamic_partly_loaded
        *out = sum;
    }
}
CASE(dynamic_partly_loaded) {
    Buffer<float> in(counting<float>(40)), out(1);
    LAUNCH(dynamic_partly_loaded, ({1, 64, 64 * sizeof(float)}), in.device(), out.device(), 40);
    expect_all("out", 780.0f, out.host());
}

// case: shared_of_the_block_before: uninitialized memory read
// What one block leaves in shared memory is not there for the next, even on the same multiprocessor.
template <bool mistake> __global__ void shared_of_the_block_before(int *out) {
    int *shared = dynamic_shared<int>();
    if (!mistake || blockIdx.x == 0) shared[threadIdx.x] = 3;
    out[blockIdx.x * 32 + threadIdx.x] = shared[threadIdx.x]; // caught: shared_of_the_block_before
}
CASE(shared_of_the_block_before) {
    Buffer<int> out(64);
    LAUNCH(shared_of_the_block_before, ({2, 32, 32 * sizeof(int)}), out.device());
    if (!mistake) expect_all("out", 3, out.host());
}

// case: cp_async_from_unwritten: uninitialized memory read
template <bool mistake> __global__ void cp_async_from_unwritten(const float *in, float *out) {
    float *shared = dynamic_shared<float>();
    async_copy_cg(shared + 4 * threadIdx.x, in + 4 * threadIdx.x); // caught: cp_async_from_unwritten
    async_wait_all();
    out[threadIdx.x] = shared[4 * threadIdx.x];
}
CASE(cp_async_from_unwritten) {
    float *in = allocate<float>(128);
    if (!mistake) check_cuda(cudaMemset(in, 0, 128 * sizeof(float)), "cudaMemset");
    Buffer<float> out(32);
    LAUNCH(cp_async_from_unwritten, ({1, 32, 128 * sizeof(float)}), in, out.device());
    if (!mistake) expect_all("out", 0.0f, out.host());
}

// case: output_left_unwritten: uninitialized memory read ... a copy to the host of 400 bytes ... nothing has written 16 of them
// The grid is rounded down, so nobody writes the output's tail; the host copies all of it.
template <bool mistake> __global__ void write_below(int *out, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = i;
}
CASE(output_left_unwritten) {
    int *out = allocate<int>(100);
    LAUNCH(write_below, ({mistake ? 100 / 32 : (100 + 31) / 32, 32}), out, 100);
    expect_bytes("out", counting<int>(100), copy_out(out, 100));
}

// case: copied_before_written: uninitialized memory read ... a copy to the host of 128 bytes ... nothing has written 128 of them
// Copies between device memories carry on what is unwritten, and the one to the host tells.
template <bool mistake> __global__ void write_all(int *out) {
    out[threadIdx.x] = threadIdx.x;
}
CASE(copied_before_written) {
    int *from = allocate<int>(32), *to = allocate<int>(32);
    const auto copy = [&] { check_cuda(cudaMemcpy(to, from, 32 * sizeof(int), cudaMemcpyDeviceToDevice), "cudaMemcpy"); };
    if (mistake) copy();
    LAUNCH(write_all, ({1, 32}), from);
    if (!mistake) copy();
    expect_bytes("to", counting<int>(32), copy_out(to, 32));
}

// case: padding_holds_nothing: uninitialized memory read
// A structure's padding may stay unwritten, also when the whole is copied; its members may not.
struct Padded {
    char tag;
    int value;
    char last;
};
template <bool mistake> __global__ void padding_holds_nothing(Padded *first, Padded *second, int *out) {
    first[threadIdx.x].tag = 1;
    if (!mistake) first[threadIdx.x].value = threadIdx.x;
    first[threadIdx.x].last = 2;
    second[threadIdx.x] = first[threadIdx.x];
    out[threadIdx.x] = first[threadIdx.x].value; // caught: padding_holds_nothing
}
CASE(padding_holds_nothing) {
    Padded *first = allocate<Padded>(32), *second = allocate<Padded>(32);
    Buffer<int> out(32);
    LAUNCH(padding_holds_nothing, ({1, 32}), first, second, out.device());
    expect_bytes("out", counting<int>(32), out.host());
    expect_equal("value", 31, 31, copy_out(second, 32)[31].value);
}
