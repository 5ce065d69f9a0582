// A 5-point stencil on rows that cudaMallocPitch aligned, with two-dimensional copies in and out.
#include <algorithm>
#include <vector>

#include "check.h"

__global__ void stencil(const char *in, char *out, size_t pitch, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= width || y >= height) return;
    auto at = [=](int x, int y) {
        x = x < 0 ? 0 : x >= width ? width - 1 : x;
        y = y < 0 ? 0 : y >= height ? height - 1 : y;
        return reinterpret_cast<const float *>(in + y * pitch)[x];
    };
    float *row = reinterpret_cast<float *>(out + y * pitch);
    row[x] = at(x, y) * 4 - at(x - 1, y) - at(x + 1, y) - at(x, y - 1) - at(x, y + 1);
}

int main() {
    const int width = 61, height = 37;
    std::vector<float> in(width * height), out(width * height);
    for (int i = 0; i < width * height; i++) in[i] = static_cast<float>(i * i % 97);
    char *device_in, *device_out;
    size_t pitch, same;
    CHECK(cudaMallocPitch(&device_in, &pitch, width * sizeof(float), height));
    CHECK(cudaMallocPitch((void **)&device_out, &same, width * sizeof(float), height));
    EXPECT(pitch == same && pitch >= width * sizeof(float) && pitch % 32 == 0, "pitches %zu and %zu", pitch, same);
    const size_t row = width * sizeof(float);
    CHECK(cudaMemset2D(device_out, pitch, 0, row, height));
    CHECK(cudaMemcpy2D(device_in, pitch, in.data(), row, row, height, cudaMemcpyHostToDevice));
    dim3 block(16, 16), grid((width + block.x - 1) / block.x, (height + block.y - 1) / block.y);
    stencil<<<grid, block>>>(device_in, device_out, pitch, width, height);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy2D(out.data(), row, device_out, pitch, row, height, cudaMemcpyDeviceToHost));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            auto at = [&](int x, int y) { return in[std::min(std::max(y, 0), height - 1) * width + std::min(std::max(x, 0), width - 1)]; };
            float expected = at(x, y) * 4 - at(x - 1, y) - at(x + 1, y) - at(x, y - 1) - at(x, y + 1);
            EXPECT(out[y * width + x] == expected, "(%d, %d): %f, not %f", x, y, out[y * width + x], expected);
        }
    }
    CHECK(cudaFree(device_in));
    CHECK(cudaFree(device_out));
    return 0;
}
