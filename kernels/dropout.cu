// Dropout. The contract is at `ww_dropout_apply`, and which elements are dropped at `ww_dropout`, in include/warpweave.h.
//
//   y = dropout(x), or y = residual + dropout(x)
//   x, residual, y  of one shape, with any strides but the last; y may be x
//
// How the work is split. A thread has one vector of 16 bytes (common/elementwise.cuh), loads it and its residual, and draws random
// numbers while they are on their way: with 38 registers a multiprocessor has 12 blocks, and 24 KiB in flight, where an H100's
// memory asks for 10. One Philox draw serves four elements that follow each other: a vector of a 16-bit type takes two. Where a
// vector does not begin with an element whose number is a multiple of four, or is not one access, each element has a draw of its
// own: the same mask, at several times the arithmetic.
//
// What it costs. 2 elements moved for each, 3 with a residual. A draw's ten rounds are 20 products of 64 bits, 20 exclusive ors of
// three and carries; the keys are the same for all threads. With comparisons and products that makes about 26 instructions for an
// element, and finding, converting and storing it 17 more in a 16-bit type, 30 in f32. At the pace of its memory an H100 has time
// for 34 for an element of 16 bits and for 68 for an f32, half more with a residual. So memory bounds f32 and what has a residual;
// plain 16-bit dropout is bound by arithmetic, at about four fifths of memory's pace.
//
// Instantiations: 3 types.
#include <algorithm>

#include "common/elementwise.cuh"
#include "common/philox.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

template <typename T>
__global__ void __launch_bounds__(element_threads) apply_dropout(ww_dropout_apply_params p, ElementPlan plan, Dropout dropout) {
    constexpr int width = Pack<T>::width;
    Place at[1];
    find_places<width>(at, plan);
    Pack<T> x[1], residual[1];
    load_places<Reads::in_place>(x, static_cast<const T *>(p.x), p.x_strides, at);
    if (p.residual != nullptr) load_places(residual, static_cast<const T *>(p.residual), p.residual_strides, at);
    if (at[0].count == 0) return;
    float y[width];
    x[0].widen(y);
    if (dropout.p != 0.0f) dropout.apply(y, static_cast<uint64_t>(element_number(plan, at[0])), at[0].step);
    if (p.residual != nullptr) {
        float wide[width];
        residual[0].widen(wide);
#pragma unroll
        for (int e = 0; e < width; ++e) y[e] = __fadd_rn(y[e], wide[e]);
    }
    store_place(Pack<T>::round(y), static_cast<T *>(p.y), p.y_strides, at[0]);
}

} // namespace

extern "C" int32_t WW_FUNCTION(dropout_apply)(const ww_dropout_apply_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_dropout_apply_params &p = *params;
    if (!is_rows(p.rows) || !is_dropout(p.dropout)) return WW_ERROR_ARGUMENT;
    if (!is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    const int64_t bytes = element_bytes(p.dtype);
    if (!is_input(p.rows, p.x, bytes) || !is_output(p.rows, p.y, p.y_strides, bytes)) return WW_ERROR_ARGUMENT;
    if (p.residual != nullptr && !is_input(p.rows, p.residual, bytes)) return WW_ERROR_ARGUMENT;
    if (p.x == p.y && !std::equal(p.x_strides, p.x_strides + 3, p.y_strides)) return WW_ERROR_ARGUMENT;
    const bool aligned = is_aligned(p.rows, p.x, p.x_strides, bytes) && is_aligned(p.rows, p.y, p.y_strides, bytes) &&
                         is_aligned(p.rows, p.residual, p.residual_strides, bytes);
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        return for_element_parts(p.rows, [&](const ElementPart &part) {
            ww_dropout_apply_params q = p;
            q.x = part.moved(p.x, p.x_strides, bytes);
            q.residual = part.moved(p.residual, p.residual_strides, bytes);
            q.y = part.moved(p.y, p.y_strides, bytes);
            return launch_elements<Pack<T>::width, 1>(apply_dropout<T>, q, part, aligned, stream, Dropout(p.dropout));
        });
    });
}

} // namespace WW_NAMESPACE
