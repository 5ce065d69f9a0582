// Reductions written with cooperative groups: tiles of a warp, the block, and a whole grid that waits for itself.
#include <cooperative_groups.h>

#include <vector>

#include "check.h"

namespace cg = cooperative_groups;

template <class Group>
__device__ int reduce(Group group, int value) {
    for (int offset = group.size() / 2; offset > 0; offset /= 2) value += group.shfl_down(value, offset);
    return value;
}

// Sums of 8 neighbors, and how many of each half warp are odd.
__global__ void tiles(const int *in, int *sums, int *odd) {
    cg::thread_block block = cg::this_thread_block();
    cg::thread_block_tile<8> tile = cg::tiled_partition<8>(block);
    int value = in[block.thread_rank()];
    int sum = reduce(tile, value);
    if (tile.thread_rank() == 0) sums[block.thread_rank() / 8] = sum;

    auto half = cg::tiled_partition<16>(block);
    unsigned ballot = half.ballot(value & 1);
    if (half.thread_rank() == 0) odd[block.thread_rank() / 16] = __popc(ballot);
}

// One thread of those that take a branch together adds for all of them.
__global__ void aggregated_count(const int *in, int n, int *count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && in[i] % 3 == 0) {
        cg::coalesced_group active = cg::coalesced_threads();
        if (active.thread_rank() == 0) atomicAdd(count, static_cast<int>(active.size()));
    }
}

// Each block's sum into scratch; when the whole grid has come there, block 0 adds them up.
__global__ void grid_sum(const int *in, int n, int *scratch, int *out) {
    cg::grid_group grid = cg::this_grid();
    cg::thread_block block = cg::this_thread_block();
    extern __shared__ int partial[];
    int mine = 0;
    for (int i = grid.thread_rank(); i < n; i += grid.size()) mine += in[i];
    auto warp = cg::tiled_partition<32>(block);
    mine = reduce(warp, mine);
    if (warp.thread_rank() == 0) partial[block.thread_rank() / 32] = mine;
    block.sync();
    if (block.thread_rank() == 0) {
        int sum = 0;
        for (unsigned i = 0; i < block.size() / 32; i++) sum += partial[i];
        scratch[block.group_index().x] = sum;
    }
    grid.sync();
    if (grid.thread_rank() == 0) {
        int sum = 0;
        for (unsigned i = 0; i < gridDim.x; i++) sum += scratch[i];
        *out = sum;
    }
}

// As many threads as a whole card holds wait for each other.
__global__ void all_arrive(unsigned *arrived, unsigned *late) {
    const cg::grid_group grid = cg::this_grid();
    atomicAdd(arrived, 1u);
    grid.sync();
    if (*(volatile unsigned *)arrived != grid.size()) atomicAdd(late, 1u);
}

int main() {
    int supported = 0;
    CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrCooperativeLaunch, 0));
    EXPECT(supported == 1, "no cooperative launches");
    int n = 1000, total = 0, threes = 0;
    std::vector<int> values(n);
    for (int i = 0; i < n; i++) {
        values[i] = i * 7 % 23;
        total += values[i];
        threes += values[i] % 3 == 0;
    }
    int *in, *sums, *odd, *out;
    CHECK(cudaMalloc(&in, n * sizeof(int)));
    CHECK(cudaMalloc(&sums, 64 * sizeof(int)));
    CHECK(cudaMalloc(&odd, 64 * sizeof(int)));
    CHECK(cudaMalloc(&out, 2 * sizeof(int)));
    CHECK(cudaMemcpy(in, values.data(), n * sizeof(int), cudaMemcpyHostToDevice));

    tiles<<<1, 128>>>(in, sums, odd);
    CHECK(cudaGetLastError());
    int host_sums[16], host_odd[8];
    CHECK(cudaMemcpy(host_sums, sums, sizeof(host_sums), cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(host_odd, odd, sizeof(host_odd), cudaMemcpyDeviceToHost));
    for (int t = 0; t < 16; t++) {
        int sum = 0;
        for (int i = 0; i < 8; i++) sum += values[t * 8 + i];
        EXPECT(host_sums[t] == sum, "tile %d: %d, not %d", t, host_sums[t], sum);
    }
    for (int t = 0; t < 8; t++) {
        int count = 0;
        for (int i = 0; i < 16; i++) count += values[t * 16 + i] & 1;
        EXPECT(host_odd[t] == count, "half warp %d: %d, not %d", t, host_odd[t], count);
    }

    int result = 0;
    CHECK(cudaMemset(out, 0, sizeof(int)));
    aggregated_count<<<5, 200>>>(in, n, out);
    CHECK(cudaMemcpy(&result, out, sizeof(int), cudaMemcpyDeviceToHost));
    EXPECT(result == threes, "%d multiples of three, not %d", result, threes);

    int per_processor = 0;
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, grid_sum, 64, 2 * sizeof(int)));
    EXPECT(per_processor * properties.multiProcessorCount >= 4, "four blocks don't fit");
    void *arguments[] = {&in, &n, &sums, &out};
    CHECK(cudaLaunchCooperativeKernel((void *)grid_sum, dim3(4), dim3(64), arguments, 2 * sizeof(int), nullptr));
    CHECK(cudaMemcpy(&result, out, sizeof(int), cudaMemcpyDeviceToHost));
    EXPECT(result == total, "the sum is %d, not %d", result, total);

    CHECK(cudaMemset(out, 0, 2 * sizeof(int)));
    int *late = out + 1;
    void *counters[] = {&out, &late};
    CHECK(cudaLaunchCooperativeKernel((void *)all_arrive, dim3(48), dim3(1024), counters, 0, nullptr));
    int counted[2];
    CHECK(cudaMemcpy(counted, out, sizeof counted, cudaMemcpyDeviceToHost));
    EXPECT(counted[0] == 48 * 1024 && counted[1] == 0, "%d threads came, %d left early", counted[0], counted[1]);
    for (int *p : {in, sums, odd, out}) CHECK(cudaFree(p));
    return 0;
}
