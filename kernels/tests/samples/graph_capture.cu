// A stream's work captured as a graph and launched many times.
#include "check.h"

__global__ void add(float *x, float value, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] += value;
}

__global__ void scale(float *x, const float *factor, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] *= *factor;
}

int main() {
    const int n = 300;
    float *x, *factor, host[n], two = 2;
    CHECK(cudaMalloc(&x, sizeof(host)));
    CHECK(cudaMalloc(&factor, sizeof(float)));
    CHECK(cudaMemset(x, 0, sizeof(host)));
    CHECK(cudaMemcpy(factor, &two, sizeof(float), cudaMemcpyHostToDevice));
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaDeviceSynchronize());

    cudaGraph_t graph;
    cudaGraphExec_t executable;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    add<<<3, 128, 0, stream>>>(x, 1.0f, n);
    scale<<<3, 128, 0, stream>>>(x, factor, n);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiate(&executable, graph, 0));

    // Capturing ran nothing.
    CHECK(cudaMemcpy(host, x, sizeof(host), cudaMemcpyDeviceToHost));
    EXPECT(host[0] == 0, "got %f before the graph's launch", host[0]);
    float expected = 0;
    for (int round = 0; round < 5; round++) {
        CHECK(cudaGraphLaunch(executable, stream));
        expected = (expected + 1) * 2;
    }
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaMemcpy(host, x, sizeof(host), cudaMemcpyDeviceToHost));
    for (int i = 0; i < n; i++) EXPECT(host[i] == expected, "element %d is %f, not %f", i, host[i], expected);
    CHECK(cudaGraphExecDestroy(executable));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(x));
    CHECK(cudaFree(factor));
    return 0;
}
