// Shuffles: every width and distance, every type, parts of a warp, and a last warp that is not full.
// Expected is what the CUDA programming guide says of each function, for a segment of `width` lanes.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "check.h"

constexpr int widths[] = {1, 2, 4, 8, 16, 32};

// [width][distance][lane], four results each
__global__ void all_widths(int4 *results) {
    const int lane = threadIdx.x;
    for (int w = 0; w < 6; w++) {
        const int width = 1 << w;
        for (int distance = 0; distance < 32; distance++) {
            int4 &result = results[(w * 32 + distance) * 32 + lane];
            result.x = __shfl_sync(0xFFFFFFFF, 100 + lane, distance, width);
            result.y = __shfl_up_sync(0xFFFFFFFF, 100 + lane, distance, width);
            result.z = __shfl_down_sync(0xFFFFFFFF, 100 + lane, distance, width);
            result.w = __shfl_xor_sync(0xFFFFFFFF, 100 + lane, distance, width);
        }
    }
}

void check_all_widths() {
    int4 *results = managed<int4>(6 * 32 * 32);
    all_widths<<<1, 32>>>(results);
    finish();
    for (int w = 0; w < 6; w++)
        for (int distance = 0; distance < 32; distance++)
            for (int lane = 0; lane < 32; lane++) {
                const int width = widths[w], first = lane / width * width, end = first + width;
                const int4 got = results[(w * 32 + distance) * 32 + lane];
                expect("__shfl_sync", 100 + first + distance % width, got.x, width, distance * 100 + lane);
                expect("__shfl_up_sync", 100 + (lane - distance < first ? lane : lane - distance), got.y, width, distance * 100 + lane);
                expect("__shfl_down_sync", 100 + (lane + distance >= end ? lane : lane + distance), got.z, width, distance * 100 + lane);
                // Lanes of an earlier segment can be read, those of a later one can't.
                expect("__shfl_xor_sync", 100 + ((lane ^ distance) >= end ? lane : lane ^ distance), got.w, width, distance * 100 + lane);
            }
}

template <class T> __global__ void rotate(T *values) {
    const int lane = threadIdx.x;
    values[lane] = __shfl_sync(0xFFFFFFFF, values[lane], lane + 1);
    values[lane] = __shfl_up_sync(0xFFFFFFFF, values[lane], 1);
    values[lane] = __shfl_down_sync(0xFFFFFFFF, values[lane], 1);
    values[lane] = __shfl_xor_sync(0xFFFFFFFF, values[lane], 1);
}

template <class T> void check_type(const char *type) {
    T *values = managed<T>(32);
    unsigned char before[32][sizeof(T)];
    for (int lane = 0; lane < 32; lane++)
        for (size_t i = 0; i < sizeof(T); i++) before[lane][i] = (unsigned char)(lane * 7 + i * 5 + 1);
    std::memcpy(static_cast<void *>(values), before, sizeof before);
    rotate<<<1, 32>>>(values);
    finish();
    int at[32]; // the lane whose value this lane has
    for (int lane = 0; lane < 32; lane++) at[lane] = (lane + 1) % 32;
    for (int lane = 31; lane > 0; lane--) at[lane] = at[lane - 1];
    for (int lane = 0; lane < 31; lane++) at[lane] = at[lane + 1];
    for (int lane = 0; lane < 32; lane += 2) {
        const int first = at[lane];
        at[lane] = at[lane + 1];
        at[lane + 1] = first;
    }
    for (int lane = 0; lane < 32; lane++)
        expect(type, 0, std::memcmp(static_cast<void *>(&values[lane]), before[at[lane]], sizeof(T)), lane);
}

// Both sides of a branch shuffle at their own pace; the lanes that are left out take no part.
__global__ void divergent(int *results) {
    const int lane = threadIdx.x;
    if (lane % 3 == 0) {
        const unsigned mask = 0x49249249; // multiples of 3
        results[lane] = __shfl_sync(mask, lane, 30) + __shfl_sync(mask, lane + 1, 0) * 100;
    } else if (lane % 3 == 1) {
        results[lane] = __shfl_xor_sync(0x92492492, lane, 0);
    } else {
        results[lane] = -1;
    }
}

__global__ void short_warp(int *results) {
    const unsigned lane = threadIdx.x % 32;
    if (threadIdx.x >= 32) results[lane] = __shfl_down_sync((1u << 8) - 1, (int)lane * 10, 4, 8);
}

int main() {
    check_all_widths();
    check_type<int>("int");
    check_type<unsigned>("unsigned");
    check_type<long>("long");
    check_type<unsigned long>("unsigned long");
    check_type<long long>("long long");
    check_type<unsigned long long>("unsigned long long");
    check_type<float>("float");
    check_type<double>("double");
    check_type<__half>("__half");
    check_type<__half2>("__half2");
    check_type<__nv_bfloat16>("__nv_bfloat16");
    check_type<__nv_bfloat162>("__nv_bfloat162");

    int *results = managed<int>(32);
    divergent<<<1, 32>>>(results);
    finish();
    for (int lane = 0; lane < 32; lane++) expect("divergent", lane % 3 == 0 ? 130 : lane % 3 == 1 ? lane : -1, results[lane], lane);

    short_warp<<<1, 40>>>(results);
    finish();
    for (int lane = 0; lane < 8; lane++) expect("short warp", 10 * (lane < 4 ? lane + 4 : lane), results[lane], lane);
    return verdict();
}
