// The default stream waits for the blocking streams, and they for it; non-blocking streams don't.
#include <cuda_runtime.h>

#include "check.h"

// list[0] counts what follows it.
__global__ void append(int *list, int value) { list[++list[0]] = value; }

int main() {
    constexpr int rounds = 40;
    cudaStream_t a, b, apart;
    CHECK(cudaStreamCreate(&a));
    CHECK(cudaStreamCreate(&b));
    CHECK(cudaStreamCreateWithFlags(&apart, cudaStreamNonBlocking));
    int *list, *other, host[3 * rounds + 1];
    CHECK(cudaMalloc(&list, sizeof host));
    CHECK(cudaMalloc(&other, sizeof host));
    CHECK(cudaMemset(list, 0, sizeof host));
    CHECK(cudaMemsetAsync(other, 0, sizeof host, apart));

    // a, default, b, default, a, ...: one list, and no synchronization but that of the default stream.
    for (int i = 0; i < rounds; i++) {
        append<<<1, 1, 0, i % 2 ? b : a>>>(list, 2 * i);
        append<<<1, 1>>>(list, 2 * i + 1);
        append<<<1, 1, 0, apart>>>(other, i);
    }
    CHECK(cudaMemcpy(host, list, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == 2 * rounds, "ran %d", host[0]);
    for (int i = 0; i < 2 * rounds; i++)
        EXPECT(host[1 + i] == i, "place %d: %d", i, host[1 + i]);
    CHECK(cudaStreamSynchronize(apart));
    CHECK(cudaMemcpy(host, other, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == rounds && host[rounds] == rounds - 1, "ran %d", host[0]);

    // A blocking copy waits for the blocking streams' work; a thread's own stream is one of them.
    append<<<1, 1, 0, a>>>(list, 1000);
    append<<<1, 1, 0, cudaStreamPerThread>>>(other, 1001);
    CHECK(cudaMemcpy(host, list, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == 2 * rounds + 1, "ran %d", host[0]);
    CHECK(cudaMemcpy(host, other, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == rounds + 1, "ran %d", host[0]);

    // An event of the default stream comes after the blocking streams' work.
    cudaEvent_t event;
    CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    append<<<1, 1, 0, b>>>(list, 1002);
    CHECK(cudaEventRecord(event, cudaStreamLegacy));
    CHECK(cudaStreamWaitEvent(apart, event, 0));
    append<<<1, 1, 0, apart>>>(list, 1003);
    CHECK(cudaMemcpyAsync(host, list, sizeof host, cudaMemcpyDeviceToHost, apart));
    EXPECT(host[0] == 2 * rounds + 3 && host[2 * rounds + 2] == 1002 && host[2 * rounds + 3] == 1003, "ran %d", host[0]);

    CHECK(cudaEventDestroy(event));
    for (cudaStream_t stream : {a, b, apart})
        CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(list));
    CHECK(cudaFree(other));
    return 0;
}
