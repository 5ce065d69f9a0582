// Bitonic sort of keys with their values: in shared memory while pairs lie in one block, in global memory where they don't.
#include <algorithm>
#include <vector>

#include "check.h"

constexpr unsigned tile = 256;

struct Pair {
    unsigned key, value;
};

__device__ void order(Pair &a, Pair &b, bool ascending) {
    if ((a.key > b.key) == ascending) {
        Pair t = a;
        a = b;
        b = t;
    }
}

// All steps with a stride below `tile`, of the merges of `first` to `last` elements.
__global__ void __launch_bounds__(tile / 2, 4) sort_shared(Pair *data, unsigned first, unsigned last) {
    __shared__ Pair pairs[tile];
    unsigned base = blockIdx.x * tile;
    pairs[threadIdx.x] = data[base + threadIdx.x];
    pairs[threadIdx.x + tile / 2] = data[base + threadIdx.x + tile / 2];
    for (unsigned size = first; size <= last; size *= 2) {
        for (unsigned stride = min(size, tile) / 2; stride > 0; stride /= 2) {
            __syncthreads();
            unsigned i = 2 * threadIdx.x - (threadIdx.x & (stride - 1));
            order(pairs[i], pairs[i + stride], ((base + i) & size) == 0);
        }
    }
    __syncthreads();
    data[base + threadIdx.x] = pairs[threadIdx.x];
    data[base + threadIdx.x + tile / 2] = pairs[threadIdx.x + tile / 2];
}

__global__ void merge_global(Pair *data, unsigned size, unsigned stride) {
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned i = 2 * thread - (thread & (stride - 1));
    order(data[i], data[i + stride], (i & size) == 0);
}

int main() {
    const unsigned n = 2048;
    std::vector<Pair> data(n);
    for (unsigned i = 0; i < n; i++) data[i] = {i * 2654435761u >> 16, i};
    std::vector<Pair> original = data;
    Pair *device;
    CHECK(cudaMalloc(&device, n * sizeof(Pair)));
    CHECK(cudaMemcpy(device, data.data(), n * sizeof(Pair), cudaMemcpyHostToDevice));
    sort_shared<<<n / tile, tile / 2>>>(device, 2, tile);
    for (unsigned size = 2 * tile; size <= n; size *= 2) {
        for (unsigned stride = size / 2; stride >= tile; stride /= 2) merge_global<<<n / tile, tile / 2>>>(device, size, stride);
        sort_shared<<<n / tile, tile / 2>>>(device, size, size);
    }
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(data.data(), device, n * sizeof(Pair), cudaMemcpyDeviceToHost));
    std::vector<bool> seen(n);
    for (unsigned i = 0; i < n; i++) {
        EXPECT(i == 0 || data[i - 1].key <= data[i].key, "keys %u and %u are out of order", i - 1, i);
        EXPECT(data[i].value < n && !seen[data[i].value], "value %u is there twice", data[i].value);
        EXPECT(original[data[i].value].key == data[i].key, "key %u has another's value", i);
        seen[data[i].value] = true;
    }
    CHECK(cudaFree(device));
    return 0;
}
