// Copies and fills move what they say, of what they say, when they say; ranges are held against the allocations.
#include <cstring>
#include <vector>

#include <cuda_runtime.h>

#include "check.h"

__global__ void add_one(int *numbers, int count) {
    for (int i = threadIdx.x; i < count; i += blockDim.x)
        numbers[i]++;
}

static void ranges_and_kinds() {
    char *a, *b, host[64] = {}, other[64] = {};
    CHECK(cudaMalloc(&a, 64));
    CHECK(cudaMalloc(&b, 64));
    EXPECT_ERROR(cudaMemcpy(host, host, 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemcpy(host, other, 64, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemcpy(a, host, 64, static_cast<cudaMemcpyKind>(7)), cudaErrorInvalidMemcpyDirection);
    EXPECT_ERROR(cudaMemcpy(nullptr, host, 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaMemset(host, 0, 64), cudaErrorInvalidValue);
    CHECK(cudaMemcpy(a, host, 0, cudaMemcpyHostToDevice));

    for (int i = 0; i < 64; i++)
        host[i] = char(i);
    CHECK(cudaMemcpy(a, host, 64, cudaMemcpyDefault));
    CHECK(cudaMemcpy(b, a, 64, cudaMemcpyDefault));
    CHECK(cudaMemset(b + 10, 99, 4));
    CHECK(cudaMemcpy(other, b, 64, cudaMemcpyDefault));
    for (int i = 0; i < 64; i++)
        EXPECT(other[i] == (i >= 10 && i < 14 ? 99 : i), "byte %d is %d", i, other[i]);
    CHECK(cudaMemcpy(host, other, 64, cudaMemcpyHostToHost));
    EXPECT(host[10] == 99, "got %d", host[10]);
    CHECK(cudaFree(a));
    CHECK(cudaFree(b));
}

// Pageable memory may be overwritten as soon as the call returns, and holds the result as soon as the call returns.
static void pageable_memory_is_free_on_return() {
    constexpr int count = 1000;
    int *device;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaMalloc(&device, count * sizeof(int)));
    std::vector<int> numbers(count), back(count);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < count; i++)
            numbers[i] = i * round;
        CHECK(cudaMemcpyAsync(device, numbers.data(), count * sizeof(int), cudaMemcpyHostToDevice, stream));
        numbers.assign(count, -1);
        add_one<<<1, 128, 0, stream>>>(device, count);
        CHECK(cudaMemcpyAsync(back.data(), device, count * sizeof(int), cudaMemcpyDeviceToHost, stream));
        for (int i = 0; i < count; i++)
            EXPECT(back[i] == i * round + 1, "round %d, number %d is %d", round, i, back[i]);
    }
    CHECK(cudaFree(device));
    CHECK(cudaStreamDestroy(stream));
}

// Pinned memory is read when the stream gets there.
static void pinned_memory_is_read_in_stream_order() {
    int *pinned, *out, *device;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaMalloc(&device, sizeof(int)));
    CHECK(cudaMallocHost(&pinned, sizeof(int)));
    CHECK(cudaMallocHost(&out, sizeof(int)));
    *pinned = 1;
    add_one<<<1, 1, 0, stream>>>(pinned, 1);
    CHECK(cudaMemcpyAsync(device, pinned, sizeof(int), cudaMemcpyHostToDevice, stream));
    add_one<<<1, 1, 0, stream>>>(pinned, 1);
    CHECK(cudaMemcpyAsync(out, device, sizeof(int), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    EXPECT(*out == 2 && *pinned == 3, "got %d, %d", *out, *pinned);
    CHECK(cudaFreeHost(pinned));
    CHECK(cudaFreeHost(out));
    CHECK(cudaFree(device));
    CHECK(cudaStreamDestroy(stream));
}

static void pitched_copies() {
    constexpr size_t width = 5, height = 4;
    char host[height][8], back[height][width], *device;
    size_t pitch;
    std::memset(host, 7, sizeof host);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            host[y][x] = char(10 * y + x);
    CHECK(cudaMallocPitch(&device, &pitch, width, height));
    EXPECT(pitch >= width, "pitch %zu", pitch);
    CHECK(cudaMemset2D(device, pitch, 1, width, height));
    CHECK(cudaMemcpy2D(device, pitch, host, 8, 3, height, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy2D(back, width, device, pitch, width, height, cudaMemcpyDeviceToHost));
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            EXPECT(back[y][x] == (x < 3 ? char(10 * y + x) : 1), "row %zu, column %zu is %d", y, x, back[y][x]);
    EXPECT_ERROR(cudaMemcpy2D(device, pitch, host, 2, 3, height, cudaMemcpyHostToDevice), cudaErrorInvalidPitchValue);
    EXPECT_ERROR(cudaMemcpy2D(device, 2, host, 8, 3, height, cudaMemcpyHostToDevice), cudaErrorInvalidPitchValue);
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMemset2DAsync(device, pitch, 3, width, height, stream));
    CHECK(cudaMemcpy2DAsync(device + 1, pitch, host, 8, 2, height, cudaMemcpyHostToDevice, stream));
    std::memset(host, 0, sizeof host);
    CHECK(cudaMemcpy2DAsync(back, width, device, pitch, width, height, cudaMemcpyDeviceToHost, stream));
    EXPECT(back[3][0] == 3 && back[3][1] == 30 && back[3][2] == 31 && back[3][3] == 3, "got %d %d %d %d", back[3][0], back[3][1],
           back[3][2], back[3][3]);
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaFree(device));
}

int main() {
    ranges_and_kinds();
    pageable_memory_is_free_on_return();
    pinned_memory_is_read_in_stream_order();
    pitched_copies();
    return 0;
}
