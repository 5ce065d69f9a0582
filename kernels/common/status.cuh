// What launchers share: choosing a kernel by type, and looking at the parameters that they don't trust.
#pragma once

#include "config.cuh"

namespace WW_NAMESPACE {

template <typename T> struct Type {
    using type = T;
};

// f(Type<T>{}) for the element type that `dtype` names.
template <typename F> int32_t with_type(ww_dtype dtype, F f) {
    switch (dtype) {
    case WW_F32: return f(Type<float>{});
    case WW_BF16: return f(Type<__nv_bfloat16>{});
    case WW_F16: return f(Type<__half>{});
    default: return WW_ERROR_UNSUPPORTED;
    }
}

inline bool is_dtype(ww_dtype dtype) { return dtype == WW_F32 || dtype == WW_BF16 || dtype == WW_F16; }
inline int64_t element_bytes(ww_dtype dtype) { return dtype == WW_F32 ? 4 : 2; }

// Whether a kernel can access [count] elements of this size from `start` on: it is there, and on an element's boundary.
inline bool is_vector(const void *start, int64_t count, int64_t bytes) {
    return count == 0 || (start != nullptr && reinterpret_cast<uintptr_t>(start) % bytes == 0);
}

// The same of [rows, columns], and that rows do not overlap.
inline bool is_matrix(const void *start, int64_t rows, int64_t columns, int64_t stride, int64_t bytes) {
    return is_vector(start, rows * columns, bytes) && (rows <= 1 || stride >= columns);
}

// The probability of dropping: below 1, so that what stays can be scaled.
inline bool is_dropout(const ww_dropout &dropout) { return dropout.p >= 0.0f && dropout.p < 1.0f; }

} // namespace WW_NAMESPACE
