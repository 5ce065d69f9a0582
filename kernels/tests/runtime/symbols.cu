// __device__ and __constant__ variables by name: copies in and out, with offsets, in stream order; addresses and sizes.
#include <cuda_runtime.h>

#include "check.h"

__constant__ float coefficients[4];
__device__ int counter = 5;
__device__ double table[3][2];
struct Settings {
    int width;
    float scale;
};
__constant__ Settings settings;

__global__ void evaluate(float x, float *out) {
    float sum = 0;
    for (int i = 3; i >= 0; i--)
        sum = sum * x + coefficients[i];
    *out = sum * settings.scale + settings.width;
    atomicAdd(&counter, 1);
}

__global__ void increment(int *number) { ++*number; }

int main() {
    const float values[4] = {1, 2, 3, 4};
    CHECK(cudaMemcpyToSymbol(coefficients, values, sizeof values));
    const float replacement = 5;
    CHECK(cudaMemcpyToSymbol(coefficients, &replacement, sizeof(float), 2 * sizeof(float)));
    const Settings host_settings = {100, 2.0f};
    CHECK(cudaMemcpyToSymbol(settings, &host_settings, sizeof host_settings));

    float *out, result;
    CHECK(cudaMalloc(&out, sizeof(float)));
    evaluate<<<1, 1>>>(2.0f, out);
    CHECK(cudaMemcpy(&result, out, sizeof(float), cudaMemcpyDeviceToHost));
    EXPECT(result == (1 + 4 + 20 + 32) * 2.0f + 100, "got %g", result);

    int count;
    CHECK(cudaMemcpyFromSymbol(&count, counter, sizeof(int)));
    EXPECT(count == 6, "got %d", count);

    void *address;
    size_t bytes;
    CHECK(cudaGetSymbolAddress(&address, counter));
    CHECK(cudaGetSymbolSize(&bytes, table));
    EXPECT(bytes == 48, "got %zu", bytes);
    increment<<<1, 1>>>(static_cast<int *>(address));
    CHECK(cudaMemcpy(&count, address, sizeof(int), cudaMemcpyDeviceToHost));
    EXPECT(count == 7, "got %d", count);

    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    double rows[2] = {1.5, 2.5}, back = 0;
    CHECK(cudaMemcpyToSymbolAsync(table, rows, sizeof rows, 2 * sizeof(double), cudaMemcpyHostToDevice, stream));
    rows[0] = rows[1] = 0;
    CHECK(cudaMemcpyFromSymbolAsync(&back, table, sizeof(double), 3 * sizeof(double), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(back == 2.5, "got %g", back);

    EXPECT_ERROR(cudaMemcpyToSymbol(coefficients, values, sizeof values, sizeof(float)), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemcpyFromSymbol(&count, counter, sizeof(int), 1), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemcpyToSymbol(coefficients, values, sizeof values, 0, cudaMemcpyDeviceToHost), cudaErrorInvalidMemcpyDirection);
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(out));
    return 0;
}
