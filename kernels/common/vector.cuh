// Rows of elements of any type, 16 bytes per access, kept in registers as they lie in memory and widened to f32 where they are
// used.
//
// A row is cut into vectors of 16 bytes, and `threads` threads share it. Vector v of all of them together is a tile of
// threads * width elements that lie side by side. Inside the tile there are two orders:
//   packed       thread t has elements t * width ... t * width + width - 1;
//   interleaved  thread t has elements t, t + threads, t + 2 * threads, ...
// Rows of whole vectors are packed: one access of 16 bytes where they are aligned, and the same elements one by one, which the
// L1 cache joins, where they are not. Other rows are interleaved, in accesses of one element, those of a warp side by side. So
// the order depends on the shape alone, and a sum comes out the same to the bit wherever a row lies; an absent element, past
// the row's end, is 0 in registers. Whether rows are aligned is found out by the host, once per launch and for all rows of it,
// its weights too (`aligned_rows`).
#pragma once

#include "ptx/memory.cuh"
#include "ptx/registers.cuh"

namespace WW_NAMESPACE {

using bf16 = __nv_bfloat16;
using f16 = __half;

// 16 bytes of elements of T.
template <typename T> struct Pack {
    static constexpr int width = 16 / sizeof(T);
    uint32_t words[4];

    __device__ __forceinline__ void widen(float (&x)[width]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if constexpr (std::is_same_v<T, float>) {
                memcpy(&x[i], &words[i], 4);
            } else if constexpr (std::is_same_v<T, bf16>) {
                // bf16 is the upper half of an f32.
                const uint32_t low = words[i] << 16, high = words[i] & 0xFFFF0000u;
                memcpy(&x[2 * i], &low, 4);
                memcpy(&x[2 * i + 1], &high, 4);
            } else {
                __half2 pair;
                memcpy(&pair, &words[i], 4);
                const float2 wide = __half22float2(pair);
                x[2 * i] = wide.x;
                x[2 * i + 1] = wide.y;
            }
        }
    }

    // Between two passes over the same vectors: else the first pass's widened values are kept for the second, in twice the registers.
    __device__ __forceinline__ void stay_packed() {
#pragma unroll
        for (int i = 0; i < 4; ++i) forget_derived(words[i]);
    }

    static __device__ __forceinline__ Pack round(const float (&x)[width]) {
        Pack pack;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if constexpr (std::is_same_v<T, float>) {
                memcpy(&pack.words[i], &x[i], 4);
            } else if constexpr (std::is_same_v<T, bf16>) {
                const __nv_bfloat162 pair = __floats2bfloat162_rn(x[2 * i], x[2 * i + 1]);
                memcpy(&pack.words[i], &pair, 4);
            } else {
                const __half2 pair = __floats2half2_rn(x[2 * i], x[2 * i + 1]);
                memcpy(&pack.words[i], &pair, 4);
            }
        }
        return pack;
    }
};

// A vector of shared memory in one access: copied as one structure, and aligned as one. Words that are taken one by one have bank
// conflicts, each the same 16 bytes from the next lane's.
template <typename T> __device__ __forceinline__ Pack<T> load_shared(const Pack<T> *address) {
    const uint4 x = *static_cast<const uint4 *>(static_cast<const void *>(address));
    return {{x.x, x.y, x.z, x.w}};
}
template <typename T> __device__ __forceinline__ void store_shared(Pack<T> *address, const Pack<T> &pack) {
    const uint4 x = {pack.words[0], pack.words[1], pack.words[2], pack.words[3]};
    *static_cast<uint4 *>(static_cast<void *>(address)) = x;
}

// Which elements of a row of `columns` a thread has, in vectors of `width`.
template <int width> struct RowSlice {
    int columns;
    int thread; // 0 ... threads - 1
    int threads;
    bool aligned; // and packed

    __device__ __forceinline__ bool packed() const { return columns % width == 0; }
    // The column of the vector's element 0, and the distance to that of the next.
    __device__ __forceinline__ int first(int vector) const {
        return packed() ? (vector * threads + thread) * width : vector * width * threads + thread;
    }
    __device__ __forceinline__ int step() const { return packed() ? 1 : threads; }
    __device__ __forceinline__ int column(int vector, int element) const { return first(vector) + element * step(); }
    // A packed vector is there as a whole or not at all.
    __device__ __forceinline__ bool has(int vector, int element) const { return column(vector, element) < columns; }

    // f(element) for each element of the vector that the row has.
    template <typename F> __device__ __forceinline__ void each(int vector, F f) const {
        if (has(vector, width - 1)) {
#pragma unroll
            for (int e = 0; e < width; ++e) f(e);
        } else if (!packed()) {
#pragma unroll
            for (int e = 0; e < width; ++e) {
                if (has(vector, e)) f(e);
            }
        }
    }
};

// What may be assumed of memory that is loaded in whole vectors.
enum class Reads {
    once,     // nobody writes it while the kernel runs, and only this thread reads it
    in_place, // this thread writes the same addresses later in the kernel
    again,    // other rows read it too: keep it in L1
};

template <Reads reads, typename T> __device__ __forceinline__ T load_as(const T *address) {
    if constexpr (reads == Reads::once) return load_once(address);
    if constexpr (reads == Reads::in_place) return load_l2(address);
    return load(address);
}

// Vectors first_vector ... first_vector + count - 1 of a row.
template <Reads reads = Reads::once, int count, typename T>
__device__ __forceinline__ void load_vectors(Pack<T> (&x)[count], const T *row, const RowSlice<Pack<T>::width> &slice,
                                             int first_vector = 0) {
    constexpr int width = Pack<T>::width;
    // One branch around all loads, so that they are in flight together.
    if (slice.aligned) {
#pragma unroll
        for (int v = 0; v < count; ++v) {
            x[v] = Pack<T>{};
            const int column = slice.first(first_vector + v);
            if (column < slice.columns) x[v] = load_as<reads>(reinterpret_cast<const Pack<T> *>(row + column));
        }
    } else {
#pragma unroll
        for (int v = 0; v < count; ++v) {
            T elements[width] = {};
#pragma unroll
            for (int e = 0; e < width; ++e) {
                if (slice.has(first_vector + v, e)) elements[e] = load(row + slice.column(first_vector + v, e));
            }
            memcpy(&x[v], elements, sizeof(x[v]));
        }
    }
}

// One vector of a row.
template <Reads reads = Reads::once, typename T>
__device__ __forceinline__ Pack<T> load_vector(const T *row, const RowSlice<Pack<T>::width> &slice, int vector) {
    Pack<T> x[1];
    load_vectors<reads>(x, row, slice, vector);
    return x[0];
}

template <typename T>
__device__ __forceinline__ void store_vector(T *row, const RowSlice<Pack<T>::width> &slice, int vector, const Pack<T> &x) {
    constexpr int width = Pack<T>::width;
    if (slice.aligned) {
        const int column = slice.first(vector);
        if (column < slice.columns) store(reinterpret_cast<Pack<T> *>(row + column), x);
    } else {
        T elements[width];
        memcpy(static_cast<void *>(elements), &x, sizeof(x));
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (slice.has(vector, e)) store(row + slice.column(vector, e), elements[e]);
        }
    }
}

// Elements that lie side by side, in as few accesses as hold them: 8 bytes of 16-bit weights under f32 elements, else 16 bytes once
// or twice.
template <Reads reads, int width, typename Element>
__device__ __forceinline__ void load_side_by_side(Element (&w)[width], const Element *from) {
    constexpr int per_access = width * sizeof(Element) < 16 ? width : 16 / sizeof(Element);
    struct Access {
        Element elements[per_access];
    };
#pragma unroll
    for (int e = 0; e < width; e += per_access) {
        const Access access = load_as<reads>(reinterpret_cast<const Access *>(from + e));
        memcpy(&w[e], &access, sizeof(access));
    }
}

// The elements of [columns] that lie under one vector of a row, as they lie in memory; 0 past the end.
template <Reads reads, int width, typename Element>
__device__ __forceinline__ void load_under(Element (&w)[width], const Element *weights, const RowSlice<width> &slice, int vector) {
#pragma unroll
    for (int e = 0; e < width; ++e) w[e] = Element{};
    if (slice.aligned) {
        const int column = slice.first(vector);
        if (column < slice.columns) load_side_by_side<reads>(w, weights + column);
    } else {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (slice.has(vector, e)) w[e] = load(weights + slice.column(vector, e));
        }
    }
}

// Weights of a type that is known when the kernel runs: all threads take the same branch, and no instantiation is needed.
// `where` is what `load_under` takes: a slice of a row and the number of a vector, say.
template <Reads reads = Reads::again, int width, typename... Where>
__device__ __forceinline__ void load_weights(float (&w)[width], const void *weights, ww_dtype dtype, const Where &...where) {
    if (dtype == WW_F32) {
        load_under<reads>(w, static_cast<const float *>(weights), where...);
        return;
    }
    uint16_t bits[width];
    load_under<reads>(bits, static_cast<const uint16_t *>(weights), where...);
#pragma unroll
    for (int e = 0; e < width; ++e) {
        const uint32_t wide = static_cast<uint32_t>(bits[e]) << 16;
        memcpy(&w[e], &wide, 4);
        if (dtype == WW_F16) w[e] = __half2float(__ushort_as_half(bits[e]));
    }
}

// The f32 that belong to one vector of a row of any type.
template <int width>
__device__ __forceinline__ void store_floats(float *row, const RowSlice<width> &slice, int vector, const float (&x)[width]) {
    if (slice.aligned) {
        const int column = slice.first(vector);
        if (column < slice.columns) {
#pragma unroll
            for (int e = 0; e < width; e += 4) {
                store(reinterpret_cast<float4 *>(row + column + e), float4{x[e], x[e + 1], x[e + 2], x[e + 3]});
            }
        }
    } else {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (slice.has(vector, e)) store(row + slice.column(vector, e), x[e]);
        }
    }
}

// Whether rows of whole vectors that begin at `start`, `stride_bytes` apart, can be accessed 16 bytes at a time. Those of an
// operand that is absent can.
inline bool aligned_rows(const void *start, int64_t rows, int64_t stride_bytes) {
    return start == nullptr || (reinterpret_cast<uintptr_t>(start) % 16 == 0 && (rows <= 1 || stride_bytes % 16 == 0));
}

} // namespace WW_NAMESPACE
