// c = a + b, with every call checked, as the first program in every CUDA course does it.
#include <vector>

#include "check.h"

__global__ void vector_add(const float *a, const float *b, float *c, int n) {
    int i = blockDim.x * blockIdx.x + threadIdx.x;
    if (i < n) c[i] = a[i] + b[i];
}

int main() {
    const int n = 5001;
    const size_t bytes = n * sizeof(float);
    std::vector<float> a(n), b(n), c(n);
    for (int i = 0; i < n; i++) {
        a[i] = 0.5f * i;
        b[i] = 1000.0f - i;
    }
    float *device_a = nullptr, *device_b = nullptr, *device_c = nullptr;
    CHECK(cudaMalloc((void **)&device_a, bytes));
    CHECK(cudaMalloc((void **)&device_b, bytes));
    CHECK(cudaMalloc(&device_c, bytes));
    CHECK(cudaMemcpy(device_a, a.data(), bytes, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(device_b, b.data(), bytes, cudaMemcpyHostToDevice));

    int threads = 256;
    int blocks = (n + threads - 1) / threads;
    vector_add<<<blocks, threads>>>(device_a, device_b, device_c, n);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(c.data(), device_c, bytes, cudaMemcpyDeviceToHost));
    for (int i = 0; i < n; i++) EXPECT(c[i] == a[i] + b[i], "element %d is %f", i, c[i]);

    // A launch of no blocks is an error that the next call of cudaGetLastError returns, once.
    vector_add<<<0, threads>>>(device_a, device_b, device_c, n);
    cudaError_t error = cudaGetLastError();
    EXPECT(error == cudaErrorInvalidConfiguration, "got %s", cudaGetErrorName(error));
    CHECK(cudaGetLastError());

    CHECK(cudaFree(device_a));
    CHECK(cudaFree(device_b));
    CHECK(cudaFree(device_c));
    CHECK(cudaDeviceReset());
    return 0;
}
