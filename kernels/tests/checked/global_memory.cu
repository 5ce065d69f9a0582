// Global memory: addresses that belong to no allocation, memory that is gone or is not the device's, and alignment.
#include "cases.cuh"

// case: store_past_end: out of bounds ... thread (48,0,0)
// `<=` where `<` is right.
template <bool mistake> __global__ void store_past_end(int *out, int n) {
    const int i = threadIdx.x;
    if (mistake ? i <= n : i < n) out[i] = i; // caught: store_past_end
}
CASE(store_past_end) {
    Buffer<int> out(48);
    LAUNCH(store_past_end, ({1, 64}), out.device(), 48);
    expect_bytes("out", counting<int>(48), out.host());
}

// case: load_before_begin: out of bounds ... block (0,0,0), thread (0,0,0)
// A stencil that forgets the first element's missing neighbor.
template <bool mistake> __global__ void load_before_begin(const int *in, int *out) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    const int left = mistake || i > 0 ? in[i - 1] : 0; // caught: load_before_begin
    out[i] = in[i] - left;
}
CASE(load_before_begin) {
    std::vector<int> expected(128, 1);
    expected[0] = 0;
    Buffer<int> in(counting<int>(128)), out(128);
    LAUNCH(load_before_begin, ({2, 64}), in.device(), out.device());
    expect_bytes("out", expected, out.host());
}

// case: load_far_away: illegal address ... where no memory is
// An offset in bytes taken for one in elements.
template <bool mistake> __global__ void load_far_away(const float *in, float *out, int row_bytes) {
    const int row = blockIdx.x, column = threadIdx.x;
    const float *start = mistake ? in + (1LL << 33) * row * row_bytes : in + row * row_bytes / 4;
    out[row * 32 + column] = start[column]; // caught: load_far_away
}
CASE(load_far_away) {
    Buffer<float> in(counting<float>(128)), out(128);
    LAUNCH(load_far_away, ({4, 32}), in.device(), out.device(), 128);
    expect_bytes("out", in.host(), out.host());
}

// case: store_into_gap: out of bounds
// Rows that are thought to be padded: the last one's padding lies behind the allocation, in what its alignment leaves free.
template <bool mistake> __global__ void store_into_gap(char *out, int columns) {
    const int column = threadIdx.x;
    if (mistake || column < columns) out[blockIdx.x * columns + column] = 1; // caught: store_into_gap
}
CASE(store_into_gap) {
    Buffer<char> out(3 * 30);
    LAUNCH(store_into_gap, ({3, 32}), out.device(), 30);
    expect_all<char>("out", 1, out.host());
}

// case: vector_load_past_end: out of bounds ... thread (7,0,0)
// The last 16 bytes are only half there.
template <bool mistake> __global__ void vector_load_past_end(const float *in, float *out, int n) {
    const int i = 4 * threadIdx.x;
    if (mistake || i + 4 <= n) {
        const float4 four = *reinterpret_cast<const float4 *>(in + i); // caught: vector_load_past_end
        out[i] = four.x, out[i + 1] = four.y;
        if (i + 4 <= n) out[i + 2] = four.z, out[i + 3] = four.w;
    } else {
        for (int j = i; j < n; j++) out[j] = in[j];
    }
}
CASE(vector_load_past_end) {
    Buffer<float> in(counting<float>(30)), out(30);
    LAUNCH(vector_load_past_end, ({1, 8}), in.device(), out.device(), 30);
    expect_bytes("out", in.host(), out.host());
}

// case: atomic_past_end: out of bounds ... thread (31,0,0)
// A histogram whose last value has no bin.
template <bool mistake> __global__ void atomic_past_end(int *bins, int count) {
    int bin = (threadIdx.x + 1) / 2;
    if (!mistake) bin = min(bin, count - 1);
    atomicAdd(&bins[bin], 1); // caught: atomic_past_end
}
CASE(atomic_past_end) {
    Buffer<int> bins(16);
    LAUNCH(atomic_past_end, ({1, 32}), bins.device(), 16);
    std::vector<int> expected(16, 2);
    expected[0] = 1, expected[15] = 3;
    expect_bytes("bins", expected, bins.host());
}

// case: after_free: use after free
template <bool mistake> __global__ void after_free(const int *in, int *out) {
    out[threadIdx.x] = in[threadIdx.x]; // caught: after_free
}
CASE(after_free) {
    int *in = allocate<int>(32);
    check_cuda(cudaMemset(in, 0, 32 * sizeof(int)), "cudaMemset");
    Buffer<int> out(32);
    if (mistake) cudaFree(in);
    LAUNCH(after_free, ({1, 32}), in, out.device());
    if (!mistake) cudaFree(in);
    expect_all("out", 0, out.host());
}

// case: freed_between_launches: use after free
// The first launch is right. Another allocation has come in between, perhaps to the same place.
template <bool mistake> __global__ void freed_between_launches(int *counter) {
    atomicAdd(counter, 1); // caught: freed_between_launches
}
CASE(freed_between_launches) {
    int *first = allocate<int>(1), *counter = first;
    check_cuda(cudaMemset(first, 0, sizeof(int)), "cudaMemset");
    LAUNCH(freed_between_launches, ({1, 32}), counter);
    expect_all("counter", 32, copy_out(counter, 1));
    cudaFree(first);
    int *second = allocate<int>(1);
    check_cuda(cudaMemset(second, 0, sizeof(int)), "cudaMemset");
    if (!mistake) counter = second;
    LAUNCH(freed_between_launches, ({1, 32}), counter);
    expect_all("counter", 32, copy_out(second, 1));
}

// case: freed_in_stream: use after free
// In the stream's order the memory is freed before the kernel that uses it.
template <bool mistake> __global__ void freed_in_stream(int *scratch, int *out) {
    scratch[threadIdx.x] = threadIdx.x; // caught: freed_in_stream
    out[threadIdx.x] = scratch[threadIdx.x];
}
CASE(freed_in_stream) {
    Buffer<int> out(32);
    void *scratch;
    check_cuda(cudaMallocAsync(&scratch, 32 * sizeof(int), nullptr), "cudaMallocAsync");
    if (mistake) cudaFreeAsync(scratch, nullptr);
    LAUNCH(freed_in_stream, ({1, 32}), static_cast<int *>(scratch), out.device());
    if (!mistake) cudaFreeAsync(scratch, nullptr);
    expect_bytes("out", counting<int>(32), out.host());
}

// case: freed_in_kernel: use after free
// A kernel's own heap. The same code has used the memory before it was freed.
__device__ __noinline__ void store(int *to, int value) {
    *to = value; // caught: freed_in_kernel
}
template <bool mistake> __global__ void freed_in_kernel(int **scratch, int *out) {
    *scratch = static_cast<int *>(malloc(sizeof(int)));
    store(*scratch, 1);
    *out = **scratch;
    if (mistake) free(*scratch);
    store(*scratch, 2);
    *out += **scratch;
    if (!mistake) free(*scratch);
}
CASE(freed_in_kernel) {
    int **const scratch = allocate<int *>(1);
    Buffer<int> out(1);
    LAUNCH(freed_in_kernel, ({1, 1}), scratch, out.device());
    expect_all("out", 3, out.host());
}

// case: host_pointer: host memory used on the device
// A host's array, given as it is.
template <bool mistake> __global__ void host_pointer(const int *in, int *out) {
    out[threadIdx.x] = in[threadIdx.x]; // caught: host_pointer
}
CASE(host_pointer) {
    const int host[32] = {};
    Buffer<int> in(32), out(32);
    LAUNCH(host_pointer, ({1, 32}), mistake ? host : in.device(), out.device());
    expect_all("out", 0, out.host());
}

// case: stack_of_another_thread: local
// Every thread's locals are its own: the address of one means nothing to another.
template <bool mistake> __global__ void stack_of_another_thread(int *out) {
    __shared__ const int *published;
    __shared__ int value;
    int local = 7;
    if (threadIdx.x == 0) {
        value = local;
        published = mistake ? &local : &value;
    }
    __syncthreads();
    out[threadIdx.x] = *published; // caught: stack_of_another_thread
    __syncthreads();
}
CASE(stack_of_another_thread) {
    Buffer<int> out(32);
    LAUNCH(stack_of_another_thread, ({1, 32}), out.device());
    expect_all("out", 7, out.host());
}

// case: constant_store: constant memory written
__constant__ int table[32];
template <bool mistake> __global__ void constant_store(int *out) {
    int *target = mistake ? const_cast<int *>(table) : out;
    target[threadIdx.x] = table[threadIdx.x] + 1; // caught: constant_store
}
CASE(constant_store) {
    check_cuda(cudaMemcpyToSymbol(table, counting<int>(32).data(), sizeof table), "cudaMemcpyToSymbol");
    Buffer<int> out(32);
    LAUNCH(constant_store, ({1, 32}), out.device());
    expect_equal("out", 31, 32, out.host()[31]);
}

// case: load4_misaligned: misaligned address ... thread (1,0,0)
// Numbers in a stream of bytes, three apart.
template <bool mistake> __global__ void load4_misaligned(const unsigned char *in, uint32_t *out) {
    const unsigned char *at = in + (mistake ? 3 : 4) * threadIdx.x;
    out[threadIdx.x] = *reinterpret_cast<const uint32_t *>(at); // caught: load4_misaligned
}
CASE(load4_misaligned) {
    Buffer<unsigned char> in(64);
    Buffer<uint32_t> out(2);
    LAUNCH(load4_misaligned, ({1, 2}), in.device(), out.device());
    expect_all<uint32_t>("out", 0, out.host());
}

// case: load8_misaligned: misaligned address
template <bool mistake> __global__ void load8_misaligned(const float *in, float *out) {
    *reinterpret_cast<float2 *>(out) = *reinterpret_cast<const float2 *>(in + (mistake ? 1 : 2)); // caught: load8_misaligned
}
CASE(load8_misaligned) {
    Buffer<float> in(counting<float>(8)), out(2);
    LAUNCH(load8_misaligned, ({1, 1}), in.device(), out.device());
    expect_bytes("out", {2.0f, 3.0f}, out.host());
}

// case: store16_misaligned: misaligned address
// Rows of 33 floats begin where no 16 bytes do.
template <bool mistake> __global__ void store16_misaligned(const float4 *in, float *out) {
    const int columns = mistake ? 33 : 36;
    float4 *at = reinterpret_cast<float4 *>(out + columns * blockIdx.x);
    at[threadIdx.x] = in[threadIdx.x]; // caught: store16_misaligned
}
CASE(store16_misaligned) {
    Buffer<float4> in(8);
    Buffer<float> out(2 * 36);
    LAUNCH(store16_misaligned, ({2, 8}), in.device(), out.device());
    expect_all("out", 0.0f, out.host());
}

// case: load16_at_8: misaligned address ... which is not a multiple of 16
// Half of what 16 bytes need is no less wrong.
template <bool mistake> __global__ void load16_at_8(const float *in, float *out) {
    const float4 four = *reinterpret_cast<const float4 *>(in + (mistake ? 2 : 4)); // caught: load16_at_8
    *out = four.x + four.w;
}
CASE(load16_at_8) {
    Buffer<float> in(counting<float>(8)), out(1);
    LAUNCH(load16_at_8, ({1, 1}), in.device(), out.device());
    expect_all("out", 11.0f, out.host());
}
