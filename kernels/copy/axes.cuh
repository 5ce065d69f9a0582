// Two operands of one shape and any strides, and how a launch finds the elements of both: what all kernels of copy.cu share.
#pragma once

#include <algorithm>

#include "../common/divisor.cuh"
#include "../common/launch.cuh"
#include "../common/status.cuh"
#include "../common/ptx/memory.cuh"

namespace WW_NAMESPACE {

// Axes of an operand.
constexpr int most_rank = std::extent_v<decltype(ww_strided_copy_params::sizes)>;

// A copy's or a fill's operands, without axes of size 1. The last axis always is there.
struct Operands {
    int rank;
    int64_t sizes[most_rank];
    const char *x;
    char *y;
    int64_t x_strides[most_rank], y_strides[most_rank];
    int x_bytes, y_bytes; // of an element

    int64_t elements() const {
        int64_t n = 1;
        for (int axis = 0; axis < rank; ++axis) n *= sizes[axis];
        return n;
    }
    // The same from element `start` of an axis on, `size` of them.
    Operands narrowed(int axis, int64_t start, int64_t size) const {
        Operands part = *this;
        part.x += start * x_strides[axis] * x_bytes;
        part.y += start * y_strides[axis] * y_bytes;
        part.sizes[axis] = size;
        return part;
    }
};

// Of one launch: 31 bits then number elements and what threads look at past the end.
constexpr int64_t most_copied = int64_t{1} << 29;

// Calls f(part) for parts that one launch can do.
template <typename F> int32_t for_parts(const Operands &all, F f, int axis = 0) {
    const int64_t elements = all.elements();
    if (elements == 0) return WW_OK;
    if (elements <= most_copied) return f(all);
    // As many of this axis as fit; one by one, and split along the next axis, where a single one does not.
    const int64_t step = std::max<int64_t>(1, most_copied / (elements / all.sizes[axis]));
    for (int64_t start = 0; start < all.sizes[axis]; start += step) {
        const Operands part = all.narrowed(axis, start, std::min(step, all.sizes[axis] - start));
        if (const int32_t status = for_parts(part, f, axis + 1)) return status;
    }
    return WW_OK;
}

// Fills in the axes of `p`, a ww_strided_copy_params or a ww_strided_fill_params. False where no kernel can run with it.
template <typename Params> bool read_axes(const Params &p, Operands &operands) {
    if (p.rank < 0 || p.rank > most_rank) return false;
    const bool empty = std::count(p.sizes, p.sizes + p.rank, 0) > 0;
    int64_t elements = 1;
    for (int axis = 0; axis < p.rank; ++axis) {
        const int64_t size = p.sizes[axis];
        if (size < 0 || p.y_strides[axis] < 0 || (size > 1 && p.y_strides[axis] == 0 && !empty)) return false;
        if (size != 0 && elements > INT64_MAX / size) return false;
        elements *= std::max<int64_t>(size, 1);
        if (size == 1) continue;
        operands.sizes[operands.rank] = size;
        operands.y_strides[operands.rank++] = p.y_strides[axis];
    }
    if (operands.rank == 0) {
        operands.rank = 1;
        operands.sizes[0] = operands.x_strides[0] = operands.y_strides[0] = 1;
    }
    return true;
}

// Those axes over which a kernel does the same again: all but the one or two that it is about.
struct OuterAxes {
    int count;
    int sizes[most_rank];
    Divisor by[most_rank];
    int64_t x_strides[most_rank], y_strides[most_rank];

    void add(const Operands &o, int axis) {
        sizes[count] = static_cast<int>(o.sizes[axis]);
        by[count] = Divisor::of(o.sizes[axis]);
        x_strides[count] = o.x_strides[axis];
        y_strides[count++] = o.y_strides[axis];
    }
    // The product of the sizes.
    int number() const {
        int n = 1;
        for (int axis = 0; axis < count; ++axis) n *= sizes[axis];
        return n;
    }
    // Moves both operands' offsets to element `index` of these axes, in row-major order.
    __device__ __forceinline__ void seek(uint32_t index, int64_t &x, int64_t &y) const {
        for (int axis = count - 1; axis >= 0; --axis) {
            const uint32_t rest = by[axis].divide(index), at = index - rest * sizes[axis];
            x += at * x_strides[axis];
            y += at * y_strides[axis];
            index = rest;
        }
    }
};

// ---- Elements whose types are known when the kernel runs: all threads take the same branches, and no instantiation is needed.

// What happens to an element between its load and its store.
struct Conversion {
    int x_bytes, y_bytes;
    int cast; // else bits are copied as they are
    ww_dtype x_dtype, y_dtype;
};

__device__ __forceinline__ uint32_t load_bits(const void *x, int64_t index, int bytes) {
    switch (bytes) {
    case 1: return load(static_cast<const uint8_t *>(x) + index);
    case 2: return load(static_cast<const uint16_t *>(x) + index);
    default: return load(static_cast<const uint32_t *>(x) + index);
    }
}

__device__ __forceinline__ void store_bits(void *y, int64_t index, int bytes, uint32_t bits) {
    switch (bytes) {
    case 1: store(static_cast<uint8_t *>(y) + index, static_cast<uint8_t>(bits)); break;
    case 2: store(static_cast<uint16_t *>(y) + index, static_cast<uint16_t>(bits)); break;
    default: store(static_cast<uint32_t *>(y) + index, bits);
    }
}

__device__ __forceinline__ uint32_t converted_bits(uint32_t bits, const Conversion &conversion) {
    if (!conversion.cast) return bits;
    float wide = __uint_as_float(bits);
    if (conversion.x_dtype == WW_BF16) wide = __uint_as_float(bits << 16);
    if (conversion.x_dtype == WW_F16) wide = __half2float(__ushort_as_half(static_cast<uint16_t>(bits)));
    if (conversion.y_dtype == WW_BF16) return __bfloat16_as_ushort(__float2bfloat16_rn(wide));
    if (conversion.y_dtype == WW_F16) return __half_as_ushort(__float2half_rn(wide));
    return __float_as_uint(wide);
}

// ---- Elements whose types are known to the compiler

// Elements side by side, of 16 bytes or less: one access.
template <typename T, int n> struct Elements {
    T at[n];
};

// The elements of an access on the side where they take more bytes: 16 there.
template <typename X, typename Y> constexpr int access_width = 16 / (sizeof(X) > sizeof(Y) ? sizeof(X) : sizeof(Y));

template <typename T> __device__ __forceinline__ float widened(T x) {
    if constexpr (std::is_same_v<T, float>) return x;
    if constexpr (std::is_same_v<T, __nv_bfloat16>) return __bfloat162float(x);
    if constexpr (std::is_same_v<T, __half>) return __half2float(x);
}

template <typename Y, typename X> __device__ __forceinline__ Y converted(X x) {
    if constexpr (std::is_same_v<X, Y>) return x;
    if constexpr (!std::is_same_v<X, Y>) {
        const float wide = widened(x);
        if constexpr (std::is_same_v<Y, float>) return wide;
        if constexpr (std::is_same_v<Y, __nv_bfloat16>) return __float2bfloat16_rn(wide);
        if constexpr (std::is_same_v<Y, __half>) return __float2half_rn(wide);
    }
}

// f(Type<X>, Type<Y>) for the types of a conversion: three sizes that are copied, six casts.
template <typename F> int32_t with_types(const Conversion &conversion, F f) {
    if (!conversion.cast) {
        switch (conversion.x_bytes) {
        case 1: return f(Type<uint8_t>{}, Type<uint8_t>{});
        case 2: return f(Type<uint16_t>{}, Type<uint16_t>{});
        default: return f(Type<uint32_t>{}, Type<uint32_t>{});
        }
    }
    return with_type(conversion.x_dtype, [&](auto x) {
        return with_type(conversion.y_dtype, [&](auto y) -> int32_t {
            if constexpr (std::is_same_v<decltype(x), decltype(y)>) return WW_ERROR_ARGUMENT;
            else return f(x, y);
        });
    });
}

} // namespace WW_NAMESPACE
