// Sums and maxima of arrays of several types: dynamic shared memory of the element's type, then shuffles in the last warp.
#include <vector>

#include "check.h"

// One name per type, because two `extern __shared__` declarations of one name would need one type.
template <class T>
struct SharedMemory;

template <>
struct SharedMemory<int> {
    __device__ static int *get() {
        extern __shared__ int shared_int[];
        return shared_int;
    }
};

template <>
struct SharedMemory<float> {
    __device__ operator float *() {
        extern __shared__ float shared_float[];
        return shared_float;
    }
    __device__ static float *get() { return SharedMemory(); }
};

template <>
struct SharedMemory<double> {
    __device__ static double *get() {
        extern __shared__ __align__(8) double shared_double[];
        return shared_double;
    }
};

struct Sum {
    template <class T>
    __host__ __device__ T operator()(T a, T b) const {
        return a + b;
    }
};

struct Max {
    template <class T>
    __host__ __device__ T operator()(T a, T b) const {
        return a > b ? a : b;
    }
};

template <class T, unsigned BLOCK, class Operation>
__global__ void reduce(const T *in, T *out, unsigned n, Operation operation, T identity) {
    T *shared = SharedMemory<T>::get();
    unsigned thread = threadIdx.x;
    T mine = identity;
    for (unsigned i = blockIdx.x * BLOCK + thread; i < n; i += BLOCK * gridDim.x) mine = operation(mine, in[i]);
    shared[thread] = mine;
    __syncthreads();
    if (BLOCK >= 512 && thread < 256) shared[thread] = mine = operation(mine, shared[thread + 256]);
    __syncthreads();
    if (BLOCK >= 256 && thread < 128) shared[thread] = mine = operation(mine, shared[thread + 128]);
    __syncthreads();
    if (BLOCK >= 128 && thread < 64) shared[thread] = mine = operation(mine, shared[thread + 64]);
    __syncthreads();
    if (thread < 32) {
        mine = operation(mine, shared[thread + 32]);
        for (int offset = warpSize / 2; offset > 0; offset /= 2) mine = operation(mine, __shfl_down_sync(0xffffffff, mine, offset));
    }
    if (thread == 0) out[blockIdx.x] = mine;
}

// The same memory under a name at namespace scope, with another type.
extern __shared__ unsigned char bytes[];

__global__ void reverse_bytes(unsigned char *data) {
    bytes[threadIdx.x] = data[threadIdx.x];
    __syncthreads();
    data[threadIdx.x] = bytes[blockDim.x - 1 - threadIdx.x];
}

template <class T, unsigned BLOCK, class Operation>
void test(unsigned n, unsigned blocks, Operation operation, T identity) {
    std::vector<T> values(n), partial(blocks);
    T expected = identity;
    for (unsigned i = 0; i < n; i++) {
        values[i] = static_cast<T>(i * 37 % 101) - 50;
        expected = operation(expected, values[i]);
    }
    T *in, *out;
    CHECK(cudaMalloc(&in, n * sizeof(T)));
    CHECK(cudaMalloc(&out, blocks * sizeof(T)));
    CHECK(cudaMemcpy(in, values.data(), n * sizeof(T), cudaMemcpyHostToDevice));
    reduce<T, BLOCK><<<blocks, BLOCK, BLOCK * sizeof(T)>>>(in, out, n, operation, identity);
    CHECK(cudaGetLastError());
    reduce<T, 64, Operation><<<1, 64, 64 * sizeof(T)>>>(out, out, blocks, operation, identity);
    CHECK(cudaGetLastError());
    T result;
    CHECK(cudaMemcpy(&result, out, sizeof(T), cudaMemcpyDeviceToHost));
    EXPECT(result == expected, "got %f, not %f", static_cast<double>(result), static_cast<double>(expected));
    CHECK(cudaFree(in));
    CHECK(cudaFree(out));
}

int main() {
    test<int, 256>(10000, 7, Sum(), 0);
    test<float, 512>(5000, 3, Sum(), 0.0f);
    test<double, 128>(777, 5, Sum(), 0.0);
    test<int, 512>(10000, 4, Max(), -1000);
    test<float, 64>(100, 1, Max(), -1000.0f);

    unsigned char text[] = "desserts", *device;
    CHECK(cudaMalloc(&device, 8));
    CHECK(cudaMemcpy(device, text, 8, cudaMemcpyHostToDevice));
    reverse_bytes<<<1, 8, 8>>>(device);
    CHECK(cudaMemcpy(text, device, 8, cudaMemcpyDeviceToHost));
    EXPECT(text[0] == 's' && text[7] == 'd', "got '%s'", text);
    CHECK(cudaFree(device));
    return 0;
}
