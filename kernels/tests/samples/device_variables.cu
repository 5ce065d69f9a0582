// Variables in device memory: initialized, arrays, structures, copied by symbol in whole and in part, in order of a stream.
#include "check.h"

struct Settings {
    int offset;
    double scale;
};

__device__ int counter = 40;
__device__ float table[8] = {1, 2, 3};
__constant__ Settings settings;
static __device__ unsigned total;
namespace nested {
__device__ int4 quadruple;
}

__global__ void use(double *out) {
    atomicAdd(&counter, 1);
    atomicMax(&total, threadIdx.x);
    if (threadIdx.x < 8) {
        table[threadIdx.x] += 0.5f;
        out[threadIdx.x] = table[threadIdx.x] * settings.scale + settings.offset;
    }
    if (threadIdx.x == 0) nested::quadruple = make_int4(1, 2, 3, 4);
}

int main() {
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    Settings host = {7, 0.25};
    CHECK(cudaMemcpyToSymbol(settings, &host.offset, sizeof(int)));
    CHECK(cudaMemcpyToSymbolAsync(settings, &host.scale, sizeof(double), sizeof(double), cudaMemcpyHostToDevice, stream));
    const float tail[2] = {10, 20};
    CHECK(cudaMemcpyToSymbol(table, tail, sizeof(tail), 6 * sizeof(float)));
    double *device, out[8];
    CHECK(cudaMalloc(&device, sizeof(out)));
    use<<<1, 64, 0, stream>>>(device);
    CHECK(cudaGetLastError());
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaMemcpy(out, device, sizeof(out), cudaMemcpyDeviceToHost));
    const float before[8] = {1, 2, 3, 0, 0, 0, 10, 20};
    for (int i = 0; i < 8; i++) EXPECT(out[i] == (before[i] + 0.5) * 0.25 + 7, "element %d is %f", i, out[i]);

    int count;
    unsigned largest;
    CHECK(cudaMemcpyFromSymbol(&count, counter, sizeof(count)));
    CHECK(cudaMemcpyFromSymbol(&largest, total, sizeof(largest), 0, cudaMemcpyDeviceToHost));
    EXPECT(count == 104, "counter is %d", count);
    EXPECT(largest == 63, "total is %u", largest);
    int4 quadruple;
    CHECK(cudaMemcpyFromSymbol(&quadruple, nested::quadruple, sizeof(quadruple)));
    EXPECT(quadruple.x == 1 && quadruple.w == 4, "got %d, %d", quadruple.x, quadruple.w);

    void *address;
    size_t size;
    CHECK(cudaGetSymbolAddress(&address, table));
    CHECK(cudaGetSymbolSize(&size, table));
    EXPECT(size == sizeof(float) * 8, "table has %zu bytes", size);
    CHECK(cudaMemset(address, 0, size));
    float first = -1;
    CHECK(cudaMemcpyFromSymbol(&first, table, sizeof(first)));
    EXPECT(first == 0, "table starts with %f", first);
    CHECK(cudaFree(device));
    CHECK(cudaStreamDestroy(stream));
    return 0;
}
