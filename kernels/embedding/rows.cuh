// Rows that are looked up, for both passes of ../embedding.cu.
#pragma once

#include "../common/vector.cuh"

namespace WW_NAMESPACE {
namespace {

// A block of either pass has at most so many threads: those of one row, side by side, then those of the next.
constexpr int row_block_threads = 256;

// Calls f(slice) with what is known of its alignment known to the compiler, too: without a branch around each load of f, all of
// them are in flight together.
template <int width, typename F> __device__ __forceinline__ void by_alignment(RowSlice<width> slice, F f) {
    if (slice.aligned) {
        slice.aligned = true;
        f(slice);
    } else {
        slice.aligned = false;
        f(slice);
    }
}

// A vector of 16-bit elements, packed as it lies in memory: unpacked, each would wait for its load before the next one begins.
template <int width> struct Bits {
    uint32_t words[width / 2];

    __device__ __forceinline__ float widen(int e, ww_dtype dtype) const {
        const uint32_t bits = e % 2 == 0 ? words[e / 2] & 0xFFFFu : words[e / 2] >> 16;
        return dtype == WW_F16 ? __half2float(__ushort_as_half(static_cast<uint16_t>(bits))) : __uint_as_float(bits << 16);
    }
};

template <Reads reads, int width>
__device__ __forceinline__ Bits<width> load_bits(const uint16_t *row, const RowSlice<width> &slice, int v) {
    Bits<width> bits = {};
    if (slice.aligned) {
        const int column = slice.first(v);
        if (column < slice.columns) bits = load_as<reads>(reinterpret_cast<const Bits<width> *>(row + column));
    } else {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (slice.has(v, e)) bits.words[e / 2] |= static_cast<uint32_t>(load(row + slice.column(v, e))) << (16 * (e % 2));
        }
    }
    return bits;
}

// Vector `v` of the rows that begin at `offset` elements of f32 or 16 bits from `start`, in f32; 0 of those that are not there.
template <Reads reads, int width, int count>
__device__ __forceinline__ void gather_rows(float (&x)[count][width], const void *start, ww_dtype dtype,
                                            const int64_t (&offset)[count], const bool (&there)[count], const RowSlice<width> &slice,
                                            int v) {
    // Of 8 f32 a thread has two pieces of 16 bytes, and each access of a warp the half of every sector: the other half comes from L1.
    constexpr Reads reads_f32 = width * sizeof(float) > 16 ? Reads::again : reads;
    by_alignment(slice, [&](const RowSlice<width> &known) {
        if (dtype == WW_F32) {
#pragma unroll
            for (int k = 0; k < count; ++k) {
#pragma unroll
                for (int e = 0; e < width; ++e) x[k][e] = 0.0f;
                if (there[k]) load_under<reads_f32>(x[k], static_cast<const float *>(start) + offset[k], known, v);
            }
            return;
        }
        Bits<width> bits[count] = {};
#pragma unroll
        for (int k = 0; k < count; ++k) {
            if (there[k]) bits[k] = load_bits<reads>(static_cast<const uint16_t *>(start) + offset[k], known, v);
        }
#pragma unroll
        for (int k = 0; k < count; ++k) {
#pragma unroll
            for (int e = 0; e < width; ++e) x[k][e] = bits[k].widen(e, dtype);
        }
    });
}

} // namespace
} // namespace WW_NAMESPACE
