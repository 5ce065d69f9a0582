// nvcc: --extended-lambda
// Generic kernels that take what to do as an argument: functors, and lambdas with what they captured.
#include <vector>

#include "check.h"

template <class Function>
__global__ void for_each(int n, Function function) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) function(i);
}

template <class T, class Function>
__global__ void __launch_bounds__(256) transform(const T *in, T *out, int n, Function function) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = function(in[i]);
}

template <class T>
struct Axpy {
    T a;
    const T *x;
    T *y;
    __device__ void operator()(int i) const { y[i] = a * x[i] + y[i]; }
};

template <class... Ts>
__global__ void sum_of(double *out, Ts... values) {
    *out = (static_cast<double>(values) + ... + 0.0);
}

template <class Function>
void launch(int n, Function function) {
    for_each<<<(n + 255) / 256, 256>>>(n, function);
    CHECK(cudaGetLastError());
}

int main() {
    const int n = 700;
    float *x, *y;
    std::vector<float> host(n);
    CHECK(cudaMalloc(&x, n * sizeof(float)));
    CHECK(cudaMalloc(&y, n * sizeof(float)));
    launch(n, [=] __device__(int i) {
        x[i] = static_cast<float>(i);
        y[i] = 1;
    });
    launch(n, Axpy<float>{2, x, y});
    const float offset = 0.5f;
    transform<<<3, 256>>>(y, x, n, [offset] __device__(float value) { return value - offset; });
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(host.data(), x, n * sizeof(float), cudaMemcpyDeviceToHost));
    for (int i = 0; i < n; i++) EXPECT(host[i] == 2 * i + 0.5f, "element %d is %f", i, host[i]);

    double *device_sum, sum;
    CHECK(cudaMalloc(&device_sum, sizeof(double)));
    sum_of<<<1, 1>>>(device_sum, 1, 2.5f, 4.0, short(8));
    CHECK(cudaMemcpy(&sum, device_sum, sizeof(sum), cudaMemcpyDeviceToHost));
    EXPECT(sum == 15.5, "the sum is %f", sum);
    CHECK(cudaFree(x));
    CHECK(cudaFree(y));
    CHECK(cudaFree(device_sum));
    return 0;
}
