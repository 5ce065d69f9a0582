// A histogram of bytes: each warp counts into its own bins in shared memory, and the block adds them to the global ones.
#include <vector>

#include "check.h"

constexpr int bins = 64, warps = 4;

__global__ void histogram(const uchar4 *data, int n, unsigned *result) {
    __shared__ unsigned counts[warps][bins];
    for (int i = threadIdx.x; i < warps * bins; i += blockDim.x) (&counts[0][0])[i] = 0;
    __syncthreads();
    unsigned *mine = counts[threadIdx.x / 32];
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        uchar4 four = __ldg(&data[i]);
        atomicAdd(mine + (four.x >> 2), 1);
        atomicAdd(mine + (four.y >> 2), 1);
        atomicAdd(mine + (four.z >> 2), 1);
        atomicInc(mine + (four.w >> 2), 0xffffffff);
    }
    __syncthreads();
    for (int bin = threadIdx.x; bin < bins; bin += blockDim.x) {
        unsigned sum = 0;
        for (auto &warp : counts) sum += warp[bin];
        atomicAdd(&result[bin], sum);
    }
}

int main() {
    const int n = 2500; // of four bytes each
    std::vector<uchar4> data(n);
    unsigned expected[bins] = {}, counted[bins];
    unsigned state = 12345;
    for (uchar4 &four : data) {
        unsigned char bytes[4];
        for (unsigned char &byte : bytes) {
            state = state * 1664525 + 1013904223;
            byte = static_cast<unsigned char>(state >> 24);
            expected[byte >> 2]++;
        }
        four = make_uchar4(bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    uchar4 *device_data;
    unsigned *device_result;
    CHECK(cudaMalloc(&device_data, n * sizeof(uchar4)));
    CHECK(cudaMalloc(&device_result, sizeof(counted)));
    CHECK(cudaMemcpy(device_data, data.data(), n * sizeof(uchar4), cudaMemcpyHostToDevice));
    CHECK(cudaMemset(device_result, 0, sizeof(counted)));
    histogram<<<6, warps * 32>>>(device_data, n, device_result);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(counted, device_result, sizeof(counted), cudaMemcpyDeviceToHost));
    for (int bin = 0; bin < bins; bin++) EXPECT(counted[bin] == expected[bin], "bin %d: %u, not %u", bin, counted[bin], expected[bin]);
    CHECK(cudaFree(device_data));
    CHECK(cudaFree(device_result));
    return 0;
}
