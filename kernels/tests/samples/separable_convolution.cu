// Rows, then columns, convolved with a filter in constant memory.
#include <vector>

#include "check.h"

constexpr int radius = 4, width = 96, height = 64, tile_width = 32, tile_height = 8;

__constant__ float filter[2 * radius + 1];

template <bool ROWS>
__global__ void convolve(float *out, const float *in) {
    __shared__ float tile[tile_height + 2 * radius][tile_width + 2 * radius];
    const int x0 = blockIdx.x * tile_width - (ROWS ? radius : 0), y0 = blockIdx.y * tile_height - (ROWS ? 0 : radius);
    const int tile_w = tile_width + (ROWS ? 2 * radius : 0), tile_h = tile_height + (ROWS ? 0 : 2 * radius);
    for (int y = threadIdx.y; y < tile_h; y += blockDim.y) {
        for (int x = threadIdx.x; x < tile_w; x += blockDim.x) {
            bool inside = x0 + x >= 0 && x0 + x < width && y0 + y >= 0 && y0 + y < height;
            tile[y][x] = inside ? in[(y0 + y) * width + x0 + x] : 0.0f;
        }
    }
    __syncthreads();
    float sum = 0;
    for (int k = 0; k <= 2 * radius; k++)
        sum += filter[k] * (ROWS ? tile[threadIdx.y][threadIdx.x + k] : tile[threadIdx.y + k][threadIdx.x]);
    out[(blockIdx.y * tile_height + threadIdx.y) * width + blockIdx.x * tile_width + threadIdx.x] = sum;
}

int main() {
    float host_filter[2 * radius + 1];
    for (int i = 0; i <= 2 * radius; i++) host_filter[i] = static_cast<float>((i * 5) % 7 - 2);
    std::vector<float> image(width * height), rows(image.size(), 0.0f), expected(image.size(), 0.0f), result(image.size());
    for (size_t i = 0; i < image.size(); i++) image[i] = static_cast<float>(i * 31 % 17);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = -radius; k <= radius; k++)
                if (x + k >= 0 && x + k < width) rows[y * width + x] += host_filter[k + radius] * image[y * width + x + k];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = -radius; k <= radius; k++)
                if (y + k >= 0 && y + k < height) expected[y * width + x] += host_filter[k + radius] * rows[(y + k) * width + x];

    const size_t bytes = image.size() * sizeof(float);
    float *a, *b;
    CHECK(cudaMalloc(&a, bytes));
    CHECK(cudaMalloc(&b, bytes));
    CHECK(cudaMemcpyToSymbol(filter, host_filter, sizeof(host_filter)));
    CHECK(cudaMemcpy(a, image.data(), bytes, cudaMemcpyHostToDevice));
    dim3 grid(width / tile_width, height / tile_height), block(tile_width, tile_height);
    convolve<true><<<grid, block>>>(b, a);
    convolve<false><<<grid, block>>>(a, b);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(result.data(), a, bytes, cudaMemcpyDeviceToHost));
    for (size_t i = 0; i < result.size(); i++) EXPECT(result[i] == expected[i], "pixel %zu: %f, not %f", i, result[i], expected[i]);
    CHECK(cudaFree(a));
    CHECK(cudaFree(b));
    return 0;
}
