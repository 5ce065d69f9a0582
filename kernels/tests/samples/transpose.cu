// A matrix transpose through a shared tile with a column of padding, so that neither side has bank conflicts.
#include <vector>

#include "check.h"

const int tile_size = 32, block_rows = 8;

__global__ void transpose(float *out, const float *__restrict__ in, int width, int height) {
    __shared__ float tile[tile_size][tile_size + 1];
    int x = blockIdx.x * tile_size + threadIdx.x, y = blockIdx.y * tile_size + threadIdx.y;
    for (int j = 0; j < tile_size; j += block_rows)
        if (x < width && y + j < height) tile[threadIdx.y + j][threadIdx.x] = in[(y + j) * width + x];
    __syncthreads();
    x = blockIdx.y * tile_size + threadIdx.x;
    y = blockIdx.x * tile_size + threadIdx.y;
    for (int j = 0; j < tile_size; j += block_rows)
        if (x < height && y + j < width) out[(y + j) * height + x] = tile[threadIdx.x][threadIdx.y + j];
}

int main() {
    const int width = 100, height = 70;
    std::vector<float> in(width * height), out(width * height);
    for (int i = 0; i < width * height; i++) in[i] = static_cast<float>(i);
    const size_t bytes = in.size() * sizeof(float);
    float *device_in, *device_out;
    CHECK(cudaMalloc(&device_in, bytes));
    CHECK(cudaMalloc(&device_out, bytes));
    CHECK(cudaMemcpy(device_in, in.data(), bytes, cudaMemcpyHostToDevice));
    dim3 grid((width + tile_size - 1) / tile_size, (height + tile_size - 1) / tile_size), block(tile_size, block_rows);
    transpose<<<grid, block>>>(device_out, device_in, width, height);
    CHECK(cudaPeekAtLastError());
    CHECK(cudaMemcpy(out.data(), device_out, bytes, cudaMemcpyDeviceToHost));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) EXPECT(out[x * height + y] == in[y * width + x], "at row %d, column %d", y, x);
    CHECK(cudaFree(device_in));
    CHECK(cudaFree(device_out));
    return 0;
}
