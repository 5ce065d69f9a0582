// Copies and kernels overlapped on several streams, with pinned memory; events order and time them.
#include "check.h"

__global__ void add_constant(int *data, int constant, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] += constant;
}

__global__ void combine(const int *a, const int *b, int *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = 3 * a[i] - b[i];
}

static void CUDART_CB count_call(void *calls) { ++*static_cast<int *>(calls); }

int main() {
    const int n = 4096, streams = 4, part = n / streams;
    int *host, *device;
    CHECK(cudaMallocHost((void **)&host, n * sizeof(int)));
    CHECK(cudaMalloc((void **)&device, n * sizeof(int)));
    for (int i = 0; i < n; i++) host[i] = i;

    cudaStream_t stream[streams];
    for (cudaStream_t &s : stream) CHECK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    cudaEvent_t start, stop;
    CHECK(cudaEventCreate(&start));
    CHECK(cudaEventCreateWithFlags(&stop, cudaEventBlockingSync));
    CHECK(cudaEventRecord(start, stream[0]));
    int calls = 0;
    for (int s = 0; s < streams; s++) {
        int *at = device + s * part;
        CHECK(cudaMemcpyAsync(at, host + s * part, part * sizeof(int), cudaMemcpyHostToDevice, stream[s]));
        for (int times = 0; times < 3; times++) add_constant<<<part / 128, 128, 0, stream[s]>>>(at, s + 1, part);
        CHECK(cudaGetLastError());
        CHECK(cudaMemcpyAsync(host + s * part, at, part * sizeof(int), cudaMemcpyDeviceToHost, stream[s]));
    }
    CHECK(cudaLaunchHostFunc(stream[0], count_call, &calls));
    CHECK(cudaEventRecord(stop, stream[0]));
    CHECK(cudaEventSynchronize(stop));
    EXPECT(calls == 1, "the host function ran %d times", calls);
    float milliseconds = -1;
    CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
    EXPECT(milliseconds >= 0, "%f ms", milliseconds);
    for (cudaStream_t s : stream) CHECK(cudaStreamSynchronize(s));
    for (int i = 0; i < n; i++) EXPECT(host[i] == i + 3 * (i / part + 1), "element %d is %d", i, host[i]);
    CHECK(cudaStreamQuery(stream[0]));

    // Two streams that meet in a third, by events alone.
    cudaEvent_t ready[2];
    CHECK(cudaMemset(device, 0, n * sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    for (int s = 0; s < 2; s++) {
        CHECK(cudaEventCreateWithFlags(&ready[s], cudaEventDisableTiming));
        add_constant<<<part / 128, 128, 0, stream[s]>>>(device + s * part, 5 + s, part);
        CHECK(cudaEventRecord(ready[s], stream[s]));
        CHECK(cudaStreamWaitEvent(stream[2], ready[s], 0));
    }
    combine<<<part / 128, 128, 0, stream[2]>>>(device, device + part, device + 2 * part, part);
    CHECK(cudaMemcpyAsync(host, device + 2 * part, part * sizeof(int), cudaMemcpyDeviceToHost, stream[2]));
    CHECK(cudaStreamSynchronize(stream[2]));
    for (int i = 0; i < part; i++) EXPECT(host[i] == 3 * 5 - 6, "element %d is %d", i, host[i]);

    for (cudaEvent_t event : {start, stop, ready[0], ready[1]}) CHECK(cudaEventDestroy(event));
    for (cudaStream_t s : stream) CHECK(cudaStreamDestroy(s));
    CHECK(cudaFreeHost(host));
    CHECK(cudaFree(device));
    return 0;
}
