// Events order streams, stand for what was enqueued when they were recorded, and tell time.
#include <cuda_runtime.h>

#include "check.h"

// list[0] counts what follows it.
__global__ void append(int *list, int value) { list[++list[0]] = value; }

// Two streams that take turns.
static void turns() {
    constexpr int rounds = 200;
    cudaStream_t streams[2];
    cudaEvent_t events[2];
    int *list, host[rounds + 1];
    CHECK(cudaMalloc(&list, sizeof host));
    CHECK(cudaMemset(list, 0, sizeof host));
    CHECK(cudaDeviceSynchronize());
    for (int s = 0; s < 2; s++) {
        CHECK(cudaStreamCreateWithFlags(&streams[s], cudaStreamNonBlocking));
        CHECK(cudaEventCreateWithFlags(&events[s], cudaEventDisableTiming));
    }
    for (int i = 0; i < rounds; i++) {
        if (i > 0)
            CHECK(cudaStreamWaitEvent(streams[i % 2], events[(i + 1) % 2], 0));
        append<<<1, 1, 0, streams[i % 2]>>>(list, i);
        CHECK(cudaEventRecord(events[i % 2], streams[i % 2]));
    }
    CHECK(cudaEventSynchronize(events[(rounds - 1) % 2]));
    CHECK(cudaMemcpy(host, list, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == rounds, "ran %d", host[0]);
    for (int i = 0; i < rounds; i++)
        EXPECT(host[1 + i] == i, "place %d: %d", i, host[1 + i]);
    for (int s = 0; s < 2; s++) {
        CHECK(cudaStreamDestroy(streams[s]));
        CHECK(cudaEventDestroy(events[s]));
    }
    CHECK(cudaFree(list));
}

// A wait is for the last record before it; destroying the event doesn't end the wait.
static void recorded_again() {
    cudaStream_t a, b;
    cudaEvent_t event;
    int *list;
    CHECK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    CHECK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    CHECK(cudaEventCreate(&event));
    CHECK(cudaMallocHost(&list, 8 * sizeof(int)));
    list[0] = 0;
    CHECK(cudaStreamWaitEvent(b, event, 0)); // never recorded: nothing to wait for
    CHECK(cudaEventQuery(event));
    CHECK(cudaEventSynchronize(event));
    append<<<1, 1, 0, a>>>(list, 1);
    CHECK(cudaEventRecord(event, a));
    append<<<1, 1, 0, a>>>(list, 2);
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaStreamWaitEvent(b, event, 0));
    CHECK(cudaEventDestroy(event));
    append<<<1, 1, 0, b>>>(list, 3);
    CHECK(cudaStreamSynchronize(b));
    EXPECT(list[0] == 3 && list[1] == 1 && list[2] == 2 && list[3] == 3, "ran %d: %d, %d, %d", list[0], list[1], list[2], list[3]);
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
    CHECK(cudaFreeHost(list));
}

static void polling() {
    cudaEvent_t event;
    int *list;
    CHECK(cudaMallocHost(&list, 64 * sizeof(int)));
    list[0] = 0;
    CHECK(cudaEventCreate(&event));
    for (int i = 0; i < 20; i++)
        append<<<1, 1>>>(list, i);
    CHECK(cudaEventRecord(event));
    cudaError_t status;
    while ((status = cudaEventQuery(event)) == cudaErrorNotReady)
        cudaGetLastError();
    CHECK(status);
    EXPECT(list[0] == 20, "ran %d", list[0]);
    CHECK(cudaEventDestroy(event));
    CHECK(cudaFreeHost(list));
}

static void times() {
    cudaEvent_t start, end, timeless;
    float milliseconds = -1;
    int *list;
    CHECK(cudaMalloc(&list, 8 * sizeof(int)));
    CHECK(cudaMemset(list, 0, 8 * sizeof(int)));
    CHECK(cudaEventCreate(&start));
    CHECK(cudaEventCreate(&end));
    CHECK(cudaEventCreateWithFlags(&timeless, cudaEventDisableTiming));
    CHECK(cudaEventRecord(start));
    EXPECT_ERROR(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorInvalidResourceHandle); // not recorded
    append<<<1, 1>>>(list, 1);
    CHECK(cudaEventRecord(end));
    CHECK(cudaEventRecord(timeless));
    CHECK(cudaEventSynchronize(timeless));
    EXPECT_ERROR(cudaEventElapsedTime(&milliseconds, start, timeless), cudaErrorInvalidResourceHandle);
    CHECK(cudaEventElapsedTime(&milliseconds, start, end));
    EXPECT(milliseconds >= 0 && milliseconds < 60000, "%g ms", milliseconds);
    EXPECT_ERROR(cudaEventCreateWithFlags(&end, 0x80), cudaErrorInvalidValue);
    for (cudaEvent_t event : {start, end, timeless})
        CHECK(cudaEventDestroy(event));
    CHECK(cudaFree(list));
}

int main() {
    turns();
    recorded_again();
    polling();
    times();
    return 0;
}
