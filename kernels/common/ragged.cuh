// Rows that start and end anywhere, 16 bytes per access.
//
// A row is cut where addresses are multiples of 16, not where it begins: its first element stands at position `shift`, counted
// from such an address, and vector v holds positions v * width ... v * width + width - 1. So each vector that lies in the row is
// one access; only those that the row, or the span of it that is wanted, cuts through are accessed element by element: two at
// most. An operand whose rows lie otherwise than those that positions were counted for is accessed so throughout. Which elements
// of a vector are meant is a number with a bit for each.
#pragma once

#include "vector.cuh"

namespace WW_NAMESPACE {

// How many elements `row` lies past a multiple of 16 bytes.
template <typename T> __host__ __device__ __forceinline__ int misalignment(const T *row) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(row) % 16 / sizeof(T));
}

template <int width> constexpr uint32_t whole_vector = (1u << width) - 1;

// The elements of vector `v` whose positions are at least `begin` and below `end`. begin <= end.
template <int width> __device__ __forceinline__ uint32_t span_bits(int begin, int end, int v) {
    const int low = min(max(begin - v * width, 0), width), high = min(max(end - v * width, 0), width);
    return (1u << high) - (1u << low);
}

// Those of the `width` elements at `address`, `stride` apart, that `bits` names; the others are 0. `whole` says that all of them
// may be read: then it takes as few accesses as their alignment allows.
template <typename T, int width>
__device__ __forceinline__ void load_elements(T (&x)[width], const T *address, int64_t stride, uint32_t bits, bool whole) {
    constexpr int per_access = width * sizeof(T) < 16 ? width : 16 / sizeof(T);
    struct Access {
        T elements[per_access];
    };
    if (whole && stride == 1 && reinterpret_cast<uintptr_t>(address) % sizeof(Access) == 0) {
#pragma unroll
        for (int e = 0; e < width; e += per_access) {
            const Access access = load(reinterpret_cast<const Access *>(address + e));
#pragma unroll
            for (int i = 0; i < per_access; ++i) x[e + i] = access.elements[i];
        }
    } else {
#pragma unroll
        for (int e = 0; e < width; ++e, address += stride) {
            x[e] = T{};
            if (bits >> e & 1) x[e] = load(address);
        }
    }
}

// Whether vector `v` lies between positions `begin` and `end`, as a whole or in part.
template <int width> __device__ __forceinline__ bool is_within(int begin, int end, int v) {
    return (v * width >= begin) & (v * width + width <= end);
}
template <int width> __device__ __forceinline__ bool is_touched(int begin, int end, int v) {
    return (v * width + width > begin) & (v * width < end);
}

// Vectors first, first + step, ... of the row whose position 0 is at `row`: of each the elements from position `begin` to before
// `end`; the others are 0. Nothing else is read.
template <typename T, int count>
__device__ __forceinline__ void load_span(Pack<T> (&x)[count], const T *row, int begin, int end, int first, int step) {
    constexpr int width = Pack<T>::width;
    forget_parts(row);
    const bool aligned = misalignment(row) == 0;
    // All whole vectors first, so that they are in flight together.
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const int v = first + k * step;
        x[k] = Pack<T>{};
        if (aligned & is_within<width>(begin, end, v)) x[k] = load_l2(reinterpret_cast<const Pack<T> *>(row) + v);
    }
    // What was found out above is not worth its registers.
    forget_derived(begin);
    forget_derived(end);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const int v = first + k * step;
        if (is_touched<width>(begin, end, v) & !(aligned & is_within<width>(begin, end, v))) {
            T elements[width] = {};
#pragma unroll
            for (int e = 0; e < width; ++e) {
                if (v * width + e >= begin && v * width + e < end) elements[e] = load(row + v * width + e);
            }
            memcpy(&x[k], elements, sizeof(x[k]));
        }
    }
}

// Stores the elements of vector `v` from position `begin` to before `end`.
template <typename T> __device__ __forceinline__ void store_span(const Pack<T> &x, T *row, int begin, int end, int v) {
    constexpr int width = Pack<T>::width;
    if ((misalignment(row) == 0) & is_within<width>(begin, end, v)) {
        store(reinterpret_cast<Pack<T> *>(row) + v, x);
    } else if (is_touched<width>(begin, end, v)) {
        T elements[width];
        memcpy(static_cast<void *>(elements), &x, sizeof(x));
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (v * width + e >= begin && v * width + e < end) store(row + v * width + e, elements[e]);
        }
    }
}

} // namespace WW_NAMESPACE
