// A captured stream becomes a graph that can be launched again and again; what can't be captured is refused.
#include <thread>

#include <cuda_runtime.h>

#include "check.h"

__global__ void set(float *x, float value) { x[threadIdx.x] = value; }
__global__ void add(float *x, const float *y) { x[threadIdx.x] += y[threadIdx.x]; }
__global__ void scale(float *x, float factor) { x[threadIdx.x] *= factor; }

static void CUDART_CB count_up(void *number) { ++*static_cast<int *>(number); }

constexpr int n = 32;
static float *a, *b, *pinned;

static float result() {
    float x[n];
    CHECK(cudaMemcpy(x, a, sizeof x, cudaMemcpyDeviceToHost));
    for (int i = 1; i < n; i++)
        EXPECT(x[i] == x[0], "element %d is %g, not %g", i, x[i], x[0]);
    return x[0];
}

static void fork_and_join() {
    cudaStream_t stream, side;
    cudaEvent_t forked, joined;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking));
    CHECK(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming));
    CHECK(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming));
    int runs = 0;
    float factor = 2;
    cudaStreamCaptureStatus status;

    set<<<1, n>>>(a, 0);
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    CHECK(cudaMemcpyAsync(b, pinned, n * sizeof(float), cudaMemcpyHostToDevice, stream));
    CHECK(cudaEventRecord(forked, stream));
    CHECK(cudaStreamWaitEvent(side, forked, 0));
    scale<<<1, n, 0, side>>>(b, factor);
    scale<<<1, n, 0, stream>>>(a, 10);
    CHECK(cudaEventRecord(joined, side));
    CHECK(cudaStreamWaitEvent(stream, joined, 0));
    CHECK(cudaStreamIsCapturing(side, &status));
    EXPECT(status == cudaStreamCaptureStatusActive, "status %d", status);
    add<<<1, n, 0, stream>>>(a, b);
    CHECK(cudaLaunchHostFunc(stream, count_up, &runs));
    cudaGraph_t graph;
    CHECK(cudaStreamEndCapture(stream, &graph));
    factor = 1000; // arguments were copied
    CHECK(cudaStreamIsCapturing(side, &status));
    EXPECT(status == cudaStreamCaptureStatusNone, "status %d", status);

    size_t nodes = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &nodes));
    EXPECT(nodes == 5, "%zu nodes", nodes);
    cudaGraphExec_t exec;
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaDeviceSynchronize());
    EXPECT(result() == 0 && runs == 0, "capture ran something: %g", result());

    // Each launch: a = 10 a + 2 pinned. Pinned memory is read when the graph runs.
    for (int i = 0; i < n; i++)
        pinned[i] = 1;
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(result() == 22, "got %g", result());
    for (int i = 0; i < n; i++)
        pinned[i] = 3;
    CHECK(cudaGraphLaunch(exec, side));
    CHECK(cudaStreamSynchronize(side));
    EXPECT(result() == 226 && runs == 3, "got %g, %d runs", result(), runs);

    // A graph within a graph.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    set<<<1, n, 0, stream>>>(a, 1);
    CHECK(cudaGraphLaunch(exec, stream));
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t outer;
    CHECK(cudaGraphInstantiate(&outer, graph, 0));
    CHECK(cudaGraphLaunch(outer, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(result() == 16, "got %g", result());

    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphExecDestroy(outer));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaEventDestroy(forked));
    CHECK(cudaEventDestroy(joined));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaStreamDestroy(side));
}

static void what_is_refused() {
    cudaStream_t stream, side;
    cudaEvent_t event;
    cudaGraph_t graph;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaStreamCreate(&side));
    CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    EXPECT_ERROR(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorIllegalState);

    // Waiting for work that doesn't run.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    EXPECT_ERROR(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaErrorIllegalState);
    EXPECT_ERROR(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
    scale<<<1, n, 0, stream>>>(a, 2);
    EXPECT_ERROR(cudaPeekAtLastError(), cudaErrorStreamCaptureInvalidated);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT(graph == nullptr, "got %p", static_cast<void *>(graph));

    // The default stream would wait for the captured one.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    scale<<<1, n>>>(a, 2);
    EXPECT_ERROR(cudaPeekAtLastError(), cudaErrorStreamCaptureImplicit);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);

    // A fork that isn't joined.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    CHECK(cudaEventRecord(event, stream));
    CHECK(cudaStreamWaitEvent(side, event, 0));
    scale<<<1, n, 0, side>>>(a, 2);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnjoined);

    // A captured event stands for no work that can be waited for.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    CHECK(cudaEventRecord(event, stream));
    EXPECT_ERROR(cudaEventSynchronize(event), cudaErrorCapturedEvent);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);

    // Work from outside of the capture.
    CHECK(cudaEventRecord(event, side));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    EXPECT_ERROR(cudaStreamWaitEvent(stream, event, 0), cudaErrorStreamCaptureIsolation);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);

    // Another thread may allocate and wait while this one captures for itself, but not end the capture.
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    std::thread([&] {
        float *memory;
        CHECK(cudaMalloc(&memory, sizeof(float)));
        CHECK(cudaFree(memory));
        EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureWrongThread);
    }).join();
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    float *memory;
    EXPECT_ERROR(cudaMalloc(&memory, sizeof(float)), cudaErrorStreamCaptureUnsupported);
    EXPECT_ERROR(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);

    // The stream is as good as before.
    set<<<1, n, 0, stream>>>(a, 5);
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(result() == 5, "got %g", result());
    CHECK(cudaEventDestroy(event));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaStreamDestroy(side));
}

int main() {
    CHECK(cudaMalloc(&a, n * sizeof(float)));
    CHECK(cudaMalloc(&b, n * sizeof(float)));
    CHECK(cudaMallocHost(&pinned, n * sizeof(float)));
    fork_and_join();
    what_is_refused();
    CHECK(cudaFree(a));
    CHECK(cudaFree(b));
    CHECK(cudaFreeHost(pinned));
    return 0;
}
