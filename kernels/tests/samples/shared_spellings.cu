// The forms in which people declare shared memory.
#include "check.h"

template <class T> __device__ T reversed(const T *in) {
    static __shared__ T plain[64];
    __shared__ alignas(16) T aligned[64];
    alignas(32) __shared__ T before[64];
    __shared__ __align__(128) T attribute[64];
    static __shared__ __align__(16) T both[64];
    T __shared__ behind[64];
    T *const all[] = {plain, aligned, before, attribute, both, behind};
    const unsigned alignments[] = {1, 16, 32, 128, 16, 1};
    T sum = 0;
    for (int i = 0; i < 6; i++) {
        if (reinterpret_cast<unsigned long long>(all[i]) % alignments[i]) return T(-1);
        all[i][threadIdx.x] = in[threadIdx.x];
        __syncthreads();
        sum += all[i][63 - threadIdx.x];
    }
    return sum;
}

__global__ void kernel(const int *in, int *out) { out[threadIdx.x] = reversed(in); }

int main() {
    int *in, *out;
    CHECK(cudaMallocManaged(&in, 64 * sizeof(int)));
    CHECK(cudaMallocManaged(&out, 64 * sizeof(int)));
    for (int i = 0; i < 64; i++) in[i] = i * i;
    kernel<<<1, 64>>>(in, out);
    CHECK(cudaDeviceSynchronize());
    for (int i = 0; i < 64; i++) EXPECT(out[i] == 6 * (63 - i) * (63 - i), "thread %d: %d", i, out[i]);
    return 0;
}
