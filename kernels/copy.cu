// Strided copies, transposes, casts and fills. The contract is at `ww_strided_copy` in include/warpweave.h.
//
//   y = x, converted to y's type where that is another one; or y = value. Any strides, up to 6 axes.
//
// What it costs: each element is read once and written once, in whole sectors of 32 bytes where the layouts allow it, and costs
// 2 to 15 instructions. Memory bounds it. What there is to decide is how to find many bytes side by side in both operands.
// `along` is y's last axis, where its elements lie closest:
//
//   kernel         taken where                                          accesses
//   copy_rows      both operands have stride 1 along, and the rows of   16 bytes of the wider type, lanes side by side; elements
//                  both begin alike between multiples of 16 bytes       at a row's two ends
//   copy_squares   x has stride 1 across another axis; both operands    16 bytes of the wider type (8 of bytes); a warp's lie 32
//                  are aligned, and sizes multiples, of a square        to 128 bytes side by side
//   copy_tiles     the same, of any alignment and size                  an element; lanes side by side
//   copy_elements  all else: gaps, repeated elements, rows that begin   an element; lanes side by side in y
//                  differently, rows and columns of a few elements
//
// copy_squares transposes without shared memory: a thread reads a square of 8 by 8 elements (4 by 4 where one type has 4 bytes)
// in 8 vectors, and writes it in 8 vectors the other way round, so that transposing is a choice of registers, or for narrow types
// a permutation of bytes. The tile of copy_tiles is 64 by 64 elements, a word each, in rows of 65 words: no bank conflicts.
//
// Element numbers are 32 bits wide, and indices come from multiplications (common/divisor.cuh): operands of more than 2^29 elements
// are copied by several launches.
//
// Instantiations: 3 sizes of elements and 6 casts of copy_rows and of copy_squares; the others find out about types when they
// run. 21 with the fill.
#include "copy/axes.cuh"
#include "copy/rows.cuh"
#include "copy/transpose.cuh"

namespace WW_NAMESPACE {
namespace {

// Whether the rows of both operands can be copied in vectors of `width`, and whether some of them don't begin with one.
bool has_wide_rows(const Operands &o, int width, bool &shifted) {
    const int last = o.rank - 1;
    const auto shift = [&](const void *start, int bytes) { return reinterpret_cast<uintptr_t>(start) / bytes % width; };
    bool alike = o.x_strides[last] == 1 && o.y_strides[last] == 1 && shift(o.x, o.x_bytes) == shift(o.y, o.y_bytes);
    shifted = shift(o.y, o.y_bytes) != 0;
    for (int axis = 0; axis < last; ++axis) {
        alike = alike && (o.x_strides[axis] - o.y_strides[axis]) % width == 0;
        shifted = shifted || o.y_strides[axis] % width != 0;
    }
    // Where most vectors would be a row's end, elements are better.
    return alike && o.sizes[last] >= (shifted ? 4 * width : width);
}

// The axis other than the last along which x has stride 1: of several the longest, or -1.
int across_axis(const Operands &o) {
    int found = -1;
    if (o.x_strides[o.rank - 1] == 1 || o.y_strides[o.rank - 1] != 1) return found;
    for (int axis = 0; axis + 1 < o.rank; ++axis) {
        if (o.x_strides[axis] == 1 && (found < 0 || o.sizes[axis] > o.sizes[found])) found = axis;
    }
    return found;
}

// Whether both operands consist of squares whose rows are one access each.
bool has_squares(const Operands &o, int across, int side) {
    const int last = o.rank - 1;
    if (o.sizes[across] % side != 0 || o.sizes[last] % side != 0) return false;
    if (reinterpret_cast<uintptr_t>(o.x) % (side * o.x_bytes) != 0) return false;
    if (reinterpret_cast<uintptr_t>(o.y) % (side * o.y_bytes) != 0) return false;
    for (int axis = 0; axis < o.rank; ++axis) {
        if (axis != across && o.x_strides[axis] % side != 0) return false;
        if (axis != last && o.y_strides[axis] % side != 0) return false;
    }
    return true;
}

// How many of a block's warps lie side by side across: the block is about as high as it is wide, but no warp lies past the end of one
// axis where there is something to do along the other.
int warps_across_of(const Operands &o, int across, int warp_across, int warp_along) {
    constexpr int warps = tile_threads / 32;
    int n = 4;
    while (n > 1 && n / 2 * warp_across >= o.sizes[across]) n /= 2;
    while (n < warps && warps / n / 2 * warp_along >= o.sizes[o.rank - 1]) n *= 2;
    return n;
}

LaunchShape launch_shape(const TilesPlan &plan) { return {dim3(static_cast<unsigned>(plan.total)), dim3(tile_threads)}; }

template <typename X, typename Y>
int32_t launch_copy(const Operands &o, const Conversion &conversion, int across, ww_stream stream) {
    bool shifted = false;
    if (has_wide_rows(o, access_width<X, Y>, shifted)) {
        const RowsPlan plan = plan_rows(o, access_width<X, Y>, shifted);
        return launch(copy_rows<X, Y>, launch_shape(plan), stream, plan);
    }
    constexpr int side = square_side<X, Y>, warp_across = squares_across<X, Y> * side, warp_along = squares_along<X, Y> * side;
    if (across >= 0 && has_squares(o, across, side)) {
        const int warps_across = warps_across_of(o, across, warp_across, warp_along);
        const int warps_along = tile_threads / 32 / warps_across;
        TilesPlan plan = plan_tiles(o, across, warps_across * warp_across, warps_along * warp_along);
        plan.warps_across = warps_across;
        return launch(copy_squares<X, Y>, launch_shape(plan), stream, plan);
    }
    // A tile of which less would be used reads x no better than elements do.
    constexpr int least = 8;
    if (across >= 0 && o.sizes[across] >= least && o.sizes[o.rank - 1] >= least) {
        const TilesPlan plan = plan_tiles(o, across, tile_side, tile_side);
        return launch(copy_tiles, launch_shape(plan), stream, plan, conversion);
    }
    const RowsPlan plan = plan_rows(o, 1, false);
    return launch(copy_elements, launch_shape(plan), stream, plan, conversion);
}

bool is_element_size(int bytes) { return bytes == 1 || bytes == 2 || bytes == 4; }

} // namespace
} // namespace WW_NAMESPACE

extern "C" int32_t WW_FUNCTION(strided_copy)(const ww_strided_copy_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_strided_copy_params &p = *params;
    Conversion conversion = {p.element_bytes, p.element_bytes, 0, p.x_dtype, p.y_dtype};
    if (p.element_bytes == 0) {
        if (!is_dtype(p.x_dtype) || !is_dtype(p.y_dtype)) return WW_ERROR_UNSUPPORTED;
        conversion.x_bytes = static_cast<int>(element_bytes(p.x_dtype));
        conversion.y_bytes = static_cast<int>(element_bytes(p.y_dtype));
        conversion.cast = p.x_dtype != p.y_dtype;
    } else if (!is_element_size(p.element_bytes)) {
        return WW_ERROR_UNSUPPORTED;
    }
    Operands o = {};
    o.x = static_cast<const char *>(p.x);
    o.y = static_cast<char *>(p.y);
    o.x_bytes = conversion.x_bytes;
    o.y_bytes = conversion.y_bytes;
    if (!read_axes(p, o)) return WW_ERROR_ARGUMENT;
    for (int axis = 0, kept = 0; axis < p.rank; ++axis) {
        if (p.x_strides[axis] < 0) return WW_ERROR_ARGUMENT;
        if (p.sizes[axis] != 1) o.x_strides[kept++] = p.x_strides[axis];
    }
    const int64_t elements = o.elements();
    if (!is_vector(o.x, elements, o.x_bytes) || !is_vector(o.y, elements, o.y_bytes)) return WW_ERROR_ARGUMENT;
    const int across = across_axis(o);
    return for_parts(o, [&](const Operands &part) {
        return with_types(conversion, [&](auto x, auto y) {
            return launch_copy<typename decltype(x)::type, typename decltype(y)::type>(part, conversion, across, stream);
        });
    });
}

extern "C" int32_t WW_FUNCTION(strided_fill)(const ww_strided_fill_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_strided_fill_params &p = *params;
    if (!is_element_size(p.element_bytes)) return WW_ERROR_UNSUPPORTED;
    Operands o = {};
    o.y = static_cast<char *>(p.y);
    o.y_bytes = p.element_bytes;
    if (!read_axes(p, o) || !is_vector(o.y, o.elements(), o.y_bytes)) return WW_ERROR_ARGUMENT;
    // As a copy of rows that lie like y's.
    for (int axis = 0; axis < o.rank; ++axis) o.x_strides[axis] = o.y_strides[axis];
    o.x = o.y;
    o.x_bytes = o.y_bytes;
    uint32_t word = p.bits;
    if (p.element_bytes == 1) word = (word & 0xFF) * 0x01010101u;
    if (p.element_bytes == 2) word = (word & 0xFFFF) * 0x00010001u;
    return for_parts(o, [&](const Operands &part) {
        const int width = 16 / part.y_bytes;
        bool shifted = false;
        const int wide = has_wide_rows(part, width, shifted);
        const RowsPlan plan = plan_rows(part, wide ? width : 1, wide && shifted);
        return launch(fill_rows, launch_shape(plan), stream, plan, word, part.y_bytes, wide);
    });
}
