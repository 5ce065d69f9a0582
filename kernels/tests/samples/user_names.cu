// A program may call its own things what the simulator calls its own: only CUDA's names are taken.
#include "check.h"

constexpr unsigned block = 96, warps = block / 32;
int run, current, detail, exec, api;
__device__ int lane;

struct Launch {
    int value;
};
struct Kernel {};
struct Warp {};
struct Block {};
struct Stream {};
struct Event {};
enum class Fault { none };
enum Timing { early, late, seeded };

__device__ void barrier() { __syncthreads(); }
__device__ void yield() {}
__device__ int rendezvous(int value) { return value + 1; }

__global__ void kernel(int *out, Launch launch) {
    Timing timing = late;
    barrier();
    yield();
    if (threadIdx.x == 0) lane = rendezvous(launch.value);
    barrier();
    if (threadIdx.x == block - 1) *out = lane + timing;
}

int main() {
    int *out, result;
    CHECK(cudaMalloc(&out, sizeof(int)));
    kernel<<<1, block>>>(out, Launch{40});
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(&result, out, sizeof(int), cudaMemcpyDeviceToHost));
    EXPECT(result == 42 && warps == 3, "got %d", result);
    CHECK(cudaFree(out));
    return 0;
}
