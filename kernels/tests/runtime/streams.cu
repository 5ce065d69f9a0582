// A stream keeps its order, whatever runs when; host functions and callbacks take their turn in it.
#include <thread>
#include <vector>

#include <cuda_runtime.h>

#include "check.h"

// list[0] counts what follows it.
__global__ void append(int *list, int value) { list[++list[0]] = value; }

static void order_within_a_stream() {
    constexpr int count = 3000; // more than fits into a queue
    cudaStream_t streams[3];
    int *lists[3];
    std::vector<int> host(count + 1);
    for (int s = 0; s < 3; s++) {
        CHECK(cudaStreamCreateWithFlags(&streams[s], s == 0 ? cudaStreamDefault : cudaStreamNonBlocking));
        CHECK(cudaMalloc(&lists[s], (count + 1) * sizeof(int)));
        CHECK(cudaMemsetAsync(lists[s], 0, (count + 1) * sizeof(int), streams[s]));
    }
    for (int i = 0; i < count; i++)
        for (int s = 0; s < 3; s++)
            append<<<1, 1, 0, streams[s]>>>(lists[s], i + s);
    for (int s = 2; s >= 0; s--) {
        CHECK(cudaStreamSynchronize(streams[s]));
        CHECK(cudaStreamQuery(streams[s]));
        CHECK(cudaMemcpy(host.data(), lists[s], (count + 1) * sizeof(int), cudaMemcpyDeviceToHost));
        EXPECT(host[0] == count, "stream %d ran %d", s, host[0]);
        for (int i = 0; i < count; i++)
            EXPECT(host[1 + i] == i + s, "stream %d, place %d: %d", s, i, host[1 + i]);
        CHECK(cudaStreamDestroy(streams[s]));
        CHECK(cudaFree(lists[s]));
    }
}

// Whoever polls sees the work done some day, and all of it.
static void polling() {
    cudaStream_t stream;
    int *pinned;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMallocHost(&pinned, 128 * sizeof(int)));
    pinned[0] = 0;
    for (int i = 0; i < 100; i++)
        append<<<1, 1, 0, stream>>>(pinned, i);
    cudaError_t status;
    while ((status = cudaStreamQuery(stream)) == cudaErrorNotReady)
        cudaGetLastError();
    CHECK(status);
    EXPECT(pinned[0] == 100, "ran %d", pinned[0]);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaStreamDestroy(stream));
}

struct Seen {
    int *pinned;
    int value;
    cudaError_t inside;
};

static void CUDART_CB look(void *data) {
    auto *seen = static_cast<Seen *>(data);
    seen->value = seen->pinned[0];
    seen->inside = cudaStreamSynchronize(nullptr); // not allowed here
}

static void CUDART_CB look_back(cudaStream_t, cudaError_t status, void *data) {
    auto *seen = static_cast<Seen *>(data);
    seen->value = seen->pinned[0];
    seen->inside = status;
}

static void host_functions() {
    cudaStream_t stream;
    int *pinned;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMallocHost(&pinned, 16 * sizeof(int)));
    pinned[0] = 0;
    Seen first{pinned, -1, cudaSuccess}, second{pinned, -1, cudaErrorUnknown};
    append<<<1, 1, 0, stream>>>(pinned, 1);
    CHECK(cudaLaunchHostFunc(stream, look, &first));
    append<<<1, 1, 0, stream>>>(pinned, 2);
    CHECK(cudaStreamAddCallback(stream, look_back, &second, 0));
    append<<<1, 1, 0, stream>>>(pinned, 3);
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaGetLastError());
    EXPECT(first.value == 1 && first.inside == cudaErrorNotPermitted, "saw %d, %s", first.value, cudaGetErrorName(first.inside));
    EXPECT(second.value == 2 && second.inside == cudaSuccess, "saw %d, %s", second.value, cudaGetErrorName(second.inside));
    EXPECT(pinned[0] == 3, "ran %d", pinned[0]);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaStreamDestroy(stream));
}

// Destroying a stream takes nothing back of what it was given.
static void destroyed_with_work() {
    cudaStream_t stream;
    int *list, host[5];
    CHECK(cudaMalloc(&list, sizeof host));
    CHECK(cudaMemset(list, 0, sizeof host));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    for (int i = 0; i < 4; i++)
        append<<<1, 1, 0, stream>>>(list, i);
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaMemcpy(host, list, sizeof host, cudaMemcpyDeviceToHost));
    EXPECT(host[0] == 4 && host[4] == 3, "ran %d", host[0]);
    CHECK(cudaFree(list));
}

static void what_streams_are() {
    int least = -1, greatest = 1, priority = 1;
    unsigned flags = 0;
    CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    EXPECT(greatest < least, "%d to %d", least, greatest);
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest));
    CHECK(cudaStreamGetPriority(stream, &priority));
    CHECK(cudaStreamGetFlags(stream, &flags));
    EXPECT(priority == greatest && flags == cudaStreamNonBlocking, "priority %d, flags %u", priority, flags);
    CHECK(cudaStreamDestroy(stream));
    EXPECT_ERROR(cudaStreamCreateWithFlags(&stream, 0x80), cudaErrorInvalidValue);
}

// Each host thread has a stream of its own under one name.
static void streams_of_threads() {
    int *lists;
    CHECK(cudaMalloc(&lists, 4 * 64 * sizeof(int)));
    CHECK(cudaMemset(lists, 0, 4 * 64 * sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([=] {
            int *list = lists + 64 * t, host[64];
            for (int i = 0; i < 50; i++)
                append<<<1, 1, 0, cudaStreamPerThread>>>(list, i);
            CHECK(cudaMemcpyAsync(host, list, sizeof host, cudaMemcpyDeviceToHost, cudaStreamPerThread));
            EXPECT(host[0] == 50 && host[50] == 49, "thread %d ran %d", t, host[0]);
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(cudaFree(lists));
}

int main() {
    order_within_a_stream();
    polling();
    host_functions();
    destroyed_with_work();
    what_streams_are();
    streams_of_threads();
    return 0;
}
