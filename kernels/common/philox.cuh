// Dropout: which elements it drops is defined at `ww_dropout`, by Philox 4x32-10.
// Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. src/random.rs is the same on the CPU.
#pragma once

#include "vector.cuh"

namespace WW_NAMESPACE {

// Ten rounds of Philox 4x32: four random words for a key and a counter.
__device__ __forceinline__ uint4 philox(uint64_t key, uint4 counter) {
    uint32_t key_low = static_cast<uint32_t>(key), key_high = static_cast<uint32_t>(key >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const uint64_t first = uint64_t{0xD2511F53u} * counter.x, second = uint64_t{0xCD9E8D57u} * counter.z;
        counter = uint4{static_cast<uint32_t>(second >> 32) ^ counter.y ^ key_low, static_cast<uint32_t>(second),
                        static_cast<uint32_t>(first >> 32) ^ counter.w ^ key_high, static_cast<uint32_t>(first)};
        key_low += 0x9E3779B9u;
        key_high += 0xBB67AE85u;
    }
    return counter;
}

// `ww_dropout` with what all elements share.
struct Dropout {
    uint64_t seed, site;
    float p;
    float scale; // 1 / (1 - p)

    explicit Dropout(const ww_dropout &dropout)
        : seed(dropout.seed), site(dropout.site), p(dropout.p), scale(1.0f / (1.0f - dropout.p)) {}

    // The words of elements 4 * block ... 4 * block + 3.
    __device__ __forceinline__ uint4 words(uint64_t block) const {
        return philox(seed, uint4{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), static_cast<uint32_t>(site),
                                  static_cast<uint32_t>(site >> 32)});
    }

    __device__ __forceinline__ bool drops(uint32_t word) const { return static_cast<float>(word >> 8) * 0x1p-24f < p; }
    // A dropped element is 0 even where it was NaN. Rounded by itself: a product and a sum must not become one fused operation on
    // one device and two on another.
    __device__ __forceinline__ float apply(float x, bool dropped) const { return dropped ? 0.0f : __fmul_rn(x, scale); }

    // One vector of row `row` of an operand with slice.columns columns.
    template <int width>
    __device__ __forceinline__ void apply(float (&x)[width], int64_t row, const RowSlice<width> &slice, int vector) const {
        const uint64_t start = static_cast<uint64_t>(row) * slice.columns + slice.first(vector);
        if (slice.packed()) {
            apply_blocks(x, start);
        } else {
            apply_each(x, start, slice.threads);
        }
    }

    // Elements start, start + step, ... of an operand.
    template <int width> __device__ __forceinline__ void apply(float (&x)[width], uint64_t start, int step) const {
        if (step == 1 && start % 4 == 0) {
            apply_blocks(x, start);
        } else {
            apply_each(x, start, step);
        }
    }

    // Elements that are whole blocks of Philox.
    template <int width> __device__ __forceinline__ void apply_blocks(float (&x)[width], uint64_t start) const {
        static_assert(width % 4 == 0, "a packed vector is made of whole blocks of Philox");
#pragma unroll
        for (int e = 0; e < width; e += 4) {
            const uint4 word = words((start + e) / 4);
            x[e] = apply(x[e], drops(word.x));
            x[e + 1] = apply(x[e + 1], drops(word.y));
            x[e + 2] = apply(x[e + 2], drops(word.z));
            x[e + 3] = apply(x[e + 3], drops(word.w));
        }
    }

    // One loop for all blocks of Philox, which are long, and one over registers, which have no indices.
    template <int width> __device__ __forceinline__ void apply_each(float (&x)[width], uint64_t start, int step) const {
        uint32_t dropped = 0;
#pragma unroll 1
        for (int e = 0; e < width; ++e) {
            const uint64_t i = start + static_cast<uint64_t>(e) * step;
            const uint4 word = words(i / 4);
            const uint32_t low = i % 2 == 0 ? word.x : word.y, high = i % 2 == 0 ? word.z : word.w;
            dropped |= static_cast<uint32_t>(drops(i % 4 < 2 ? low : high)) << e;
        }
#pragma unroll
        for (int e = 0; e < width; ++e) x[e] = apply(x[e], (dropped >> e) % 2 != 0);
    }
};

} // namespace WW_NAMESPACE
