// Inclusive prefix sum in one pass (decoupled look-back): each block scans its tile, publishes its sum, and looks back over the
// tiles before it until it meets one whose prefix is known. Tiles are handed out by a ticket, so a block only waits for blocks
// that already run.
#include <vector>

#include "check.h"

constexpr unsigned threads = 128, per_thread = 4, tile_size = threads * per_thread;

enum Status : unsigned { empty = 0, sum_known = 1, prefix_known = 2 };

// Status in the upper half, value in the lower: one 64-bit word is written and read at once.
__device__ unsigned long long pack(Status status, unsigned value) { return (unsigned long long)status << 32 | value; }

// The work-efficient scan of one value per thread: up-sweep and down-sweep over a tree in shared memory. Exclusive.
__device__ unsigned block_scan(unsigned value, unsigned *tree, unsigned &total) {
    unsigned thread = threadIdx.x;
    tree[thread] = value;
    for (unsigned stride = 1; stride < threads; stride *= 2) {
        __syncthreads();
        unsigned i = (thread + 1) * stride * 2 - 1;
        if (i < threads) tree[i] += tree[i - stride];
    }
    __syncthreads();
    total = tree[threads - 1];
    __syncthreads();
    if (thread == 0) tree[threads - 1] = 0;
    for (unsigned stride = threads / 2; stride > 0; stride /= 2) {
        __syncthreads();
        unsigned i = (thread + 1) * stride * 2 - 1;
        if (i < threads) {
            unsigned left = tree[i - stride];
            tree[i - stride] = tree[i];
            tree[i] += left;
        }
    }
    __syncthreads();
    return tree[thread];
}

__global__ void scan(const unsigned *in, unsigned *out, unsigned n, volatile unsigned long long *tiles, unsigned *ticket) {
    __shared__ unsigned tree[threads];
    __shared__ unsigned tile, before;
    if (threadIdx.x == 0) tile = atomicAdd(ticket, 1);
    __syncthreads();

    unsigned first = tile * tile_size + threadIdx.x * per_thread;
    unsigned values[per_thread], sum = 0;
    for (unsigned i = 0; i < per_thread; i++) {
        values[i] = first + i < n ? in[first + i] : 0;
        sum += values[i];
    }
    unsigned total, prefix = block_scan(sum, tree, total);

    if (threadIdx.x == 0) {
        unsigned exclusive = 0;
        if (tile > 0) {
            tiles[tile] = pack(sum_known, total);
            __threadfence();
            for (unsigned i = tile; i-- > 0;) {
                unsigned long long word;
                while ((word = tiles[i]) >> 32 == empty) __threadfence();
                exclusive += (unsigned)word;
                if (word >> 32 == prefix_known) break;
            }
        }
        tiles[tile] = pack(prefix_known, exclusive + total);
        __threadfence();
        before = exclusive;
    }
    __syncthreads();
    unsigned running = before + prefix;
    for (unsigned i = 0; i < per_thread; i++) {
        running += values[i];
        if (first + i < n) out[first + i] = running;
    }
}

int main() {
    const unsigned n = 20000, tiles = (n + tile_size - 1) / tile_size;
    std::vector<unsigned> in(n), out(n);
    for (unsigned i = 0; i < n; i++) in[i] = i * 2654435761u >> 20;
    unsigned *device_in, *device_out, *ticket;
    unsigned long long *status;
    CHECK(cudaMalloc(&device_in, n * sizeof(unsigned)));
    CHECK(cudaMalloc(&device_out, n * sizeof(unsigned)));
    CHECK(cudaMalloc(&ticket, sizeof(unsigned)));
    CHECK(cudaMalloc(&status, tiles * sizeof(unsigned long long)));
    CHECK(cudaMemcpy(device_in, in.data(), n * sizeof(unsigned), cudaMemcpyHostToDevice));
    CHECK(cudaMemset(ticket, 0, sizeof(unsigned)));
    CHECK(cudaMemset(status, 0, tiles * sizeof(unsigned long long)));
    scan<<<tiles, threads>>>(device_in, device_out, n, status, ticket);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(out.data(), device_out, n * sizeof(unsigned), cudaMemcpyDeviceToHost));
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++) {
        sum += in[i];
        EXPECT(out[i] == sum, "element %u is %u, not %u", i, out[i], sum);
    }
    for (void *p : {(void *)device_in, (void *)device_out, (void *)ticket, (void *)status}) CHECK(cudaFree(p));
    return 0;
}
