// Visits all elements of operands of one shape, whatever their strides: what one thread loads, computes with and stores.
//
// The host hands over [sizes[0], sizes[1], sizes[2], columns] (`ww_rows`), axes merged as far as all operands allow: operands
// without gaps are one row. A row is cut into vectors of `width` elements, and a thread has `count` vectors, which its block's
// other threads stand between: their loads are in flight together.
//   aligned      every row of every operand begins on a multiple of the access's bytes: a vector is one access, of 16 bytes where
//                the kernel's type is `Pack`; the last one of a row may be cut short, and is then accessed element by element.
//   not aligned  `lanes` neighboring threads share lanes * width elements side by side, thread t of them t, t + lanes, ...:
//                accesses of one element, those of a warp next to each other.
// Where a vector lies takes three multiplications by reciprocals (divisor.cuh), about 15 instructions, and none in a single row.
// What fills memory's pace is 35 instructions for an element of 16 bits, so nothing more is done about it.
#pragma once

#include <algorithm>

#include "divisor.cuh"
#include "launch.cuh"
#include "vector.cuh"

namespace WW_NAMESPACE {

// Small blocks: they end early and make room, and few threads idle where there is little to do.
constexpr int element_threads = 128;
// Of one launch: few enough that 31 bits number them.
constexpr int64_t most_elements = int64_t{1} << 30;

// How one launch goes about it.
struct ElementPlan {
    int rows, columns;
    int size1, size2; // rows are numbered as [size0, size1, size2]
    int lanes;        // 1 where rows are aligned
    int groups;       // of lanes * width elements, in a row
    int slots;        // vectors that are visited, some of them past a row's end: rows * groups * lanes
    int aligned;
    Divisor by_groups, by_size1, by_size2;
    int64_t first; // the number of the first element among those of all launches, in row-major order
};

// ---- On the device

// The elements of one thread's vector: `count` of them in this row, `step` columns apart.
struct Place {
    int row;
    int index[3]; // of the row
    int column;   // of the first element
    int step;
    int count;  // at most the vector's width; 0 past the end
    bool whole; // one access
};

__device__ __forceinline__ int64_t offset(const Place &at, const int64_t *strides) {
    return at.index[0] * strides[0] + at.index[1] * strides[1] + at.index[2] * strides[2] + at.column;
}

// The first element's number in row-major order; the others are `step` further each.
__device__ __forceinline__ int64_t element_number(const ElementPlan &plan, const Place &at) {
    return plan.first + int64_t{at.row} * plan.columns + at.column;
}

template <int width> __device__ __forceinline__ Place place_of(const ElementPlan &plan, int slot) {
    Place at = {};
    int group = slot >> (__ffs(plan.lanes) - 1);
    const int lane = slot & (plan.lanes - 1);
    if (plan.rows > 1) {
        at.row = plan.by_groups.divide(group);
        group -= at.row * plan.groups;
        const int slice = plan.by_size2.divide(at.row);
        at.index[0] = plan.by_size1.divide(slice);
        at.index[1] = slice - at.index[0] * plan.size1;
        at.index[2] = at.row - slice * plan.size2;
    }
    at.column = group * plan.lanes * width + lane;
    at.step = plan.lanes;
    const int left = slot < plan.slots ? plan.columns - at.column : 0;
    at.count = min(max(plan.aligned ? left : (left + plan.lanes - 1) >> (__ffs(plan.lanes) - 1), 0), width);
    at.whole = plan.aligned && at.count == width;
    return at;
}

// The places of this thread's vectors.
template <int width, int count> __device__ __forceinline__ void find_places(Place (&at)[count], const ElementPlan &plan) {
    const int first = static_cast<int>(blockIdx.x) * (element_threads * count) + threadIdx.x;
#pragma unroll
    for (int k = 0; k < count; ++k) at[k] = place_of<width>(plan, first + k * element_threads);
}

// The elements at these places of an operand, V holding as many as a vector has: `Pack<T>`, or another type of up to 16 bytes. What
// is not there is 0.
template <Reads reads = Reads::once, typename V, typename T, int count>
__device__ __forceinline__ void load_places(V (&x)[count], const T *start, const int64_t *strides, const Place (&at)[count]) {
    constexpr int width = sizeof(V) / sizeof(T);
    // All whole vectors first, so that they are in flight together.
#pragma unroll
    for (int k = 0; k < count; ++k) {
        x[k] = V{};
        if (at[k].whole) x[k] = load_as<reads>(reinterpret_cast<const V *>(start + offset(at[k], strides)));
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
        if (at[k].whole || at[k].count == 0) continue;
        const T *from = start + offset(at[k], strides);
        T elements[width] = {};
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (e < at[k].count) elements[e] = load(from + e * at[k].step);
        }
        memcpy(static_cast<void *>(&x[k]), elements, sizeof(V));
    }
}

template <typename V, typename T>
__device__ __forceinline__ void store_place(const V &x, T *start, const int64_t *strides, const Place &at) {
    constexpr int width = sizeof(V) / sizeof(T);
    T *to = start + offset(at, strides);
    if (at.whole) {
        store(reinterpret_cast<V *>(to), x);
    } else if (at.count > 0) {
        T elements[width];
        memcpy(static_cast<void *>(elements), &x, sizeof(V));
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (e < at.count) store(to + e * at.step, elements[e]);
        }
    }
}

// The elements of [columns] that lie under those at a place, as they lie in memory; 0 past the end. For `load_weights`.
template <Reads reads, int width, typename Element>
__device__ __forceinline__ void load_under(Element (&w)[width], const Element *weights, const Place &at) {
    if (at.whole) {
        load_side_by_side<reads>(w, weights + at.column);
        return;
    }
#pragma unroll
    for (int e = 0; e < width; ++e) {
        w[e] = Element{};
        if (e < at.count) w[e] = load(weights + at.column + e * at.step);
    }
}

// ---- Launching

// Whether these are sizes, and the number of elements is one.
inline bool is_rows(const ww_rows &rows) {
    int64_t elements = 1;
    for (const int64_t size : {rows.sizes[0], rows.sizes[1], rows.sizes[2], rows.columns}) {
        if (size < 0 || (size != 0 && elements > INT64_MAX / size)) return false;
        elements *= size == 0 ? 1 : size;
    }
    return true;
}

inline bool is_empty(const ww_rows &rows) {
    return rows.sizes[0] == 0 || rows.sizes[1] == 0 || rows.sizes[2] == 0 || rows.columns == 0;
}

// Whether a kernel can read an operand of so many bytes an element.
inline bool is_input(const ww_rows &rows, const void *start, int64_t bytes) {
    return is_empty(rows) || (start != nullptr && reinterpret_cast<uintptr_t>(start) % bytes == 0);
}

// The same, and that rows do not overlap. Enough to look at is each axis alone.
inline bool is_output(const ww_rows &rows, const void *start, const int64_t *strides, int64_t bytes) {
    bool apart = true;
    for (int axis = 0; axis < 3; ++axis) apart = apart && (rows.sizes[axis] <= 1 || strides[axis] >= rows.columns);
    return is_input(rows, start, bytes) && apart;
}

// Whether all rows begin on a multiple of what one access takes. Those of an operand that is absent do.
inline bool is_aligned(const ww_rows &rows, const void *start, const int64_t *strides, int64_t bytes, int64_t access_bytes = 16) {
    bool aligned = reinterpret_cast<uintptr_t>(start) % access_bytes == 0;
    for (int axis = 0; axis < 3; ++axis) aligned = aligned && (rows.sizes[axis] <= 1 || strides[axis] * bytes % access_bytes == 0);
    return start == nullptr || aligned;
}

// The elements of one launch: from here on, so many.
struct ElementPart {
    int64_t begin[3], begin_column;
    ww_rows rows;
    int64_t first; // the number of the first of them

    // `start`, moved to the first of them. A null pointer stays one.
    template <typename P> P *moved(P *start, const int64_t *strides, int64_t bytes) const {
        using Byte = std::conditional_t<std::is_const_v<P>, const char, char>;
        if (start == nullptr) return nullptr;
        const int64_t elements = begin[0] * strides[0] + begin[1] * strides[1] + begin[2] * strides[2] + begin_column;
        return reinterpret_cast<P *>(reinterpret_cast<Byte *>(start) + elements * bytes);
    }
    // The same of [columns].
    template <typename P> P *moved_columns(P *start, int64_t bytes) const {
        constexpr int64_t none[3] = {};
        return moved(start, none, bytes);
    }
};

// Calls f(part) for parts of no more than `most_elements`: one, but for tensors of gigabytes.
template <typename F> int32_t for_element_parts(const ww_rows &all, F f) {
    if (is_empty(all)) return WW_OK;
    const int64_t columns = std::min(all.columns, most_elements), size2 = std::min(all.sizes[2], most_elements / columns),
                  size1 = std::min(all.sizes[1], most_elements / (columns * size2)),
                  size0 = std::min(all.sizes[0], most_elements / (columns * size2 * size1));
    for (int64_t a = 0; a < all.sizes[0]; a += size0) {
        for (int64_t b = 0; b < all.sizes[1]; b += size1) {
            for (int64_t c = 0; c < all.sizes[2]; c += size2) {
                for (int64_t d = 0; d < all.columns; d += columns) {
                    const ww_rows rows = {{std::min(size0, all.sizes[0] - a), std::min(size1, all.sizes[1] - b),
                                           std::min(size2, all.sizes[2] - c)},
                                          std::min(columns, all.columns - d)};
                    const int64_t first = ((a * all.sizes[1] + b) * all.sizes[2] + c) * all.columns + d;
                    if (const int32_t status = f(ElementPart{{a, b, c}, d, rows, first})) return status;
                }
            }
        }
    }
    return WW_OK;
}

template <int width> ElementPlan plan_elements(const ElementPart &part, bool aligned) {
    const ww_rows &rows = part.rows;
    ElementPlan plan = {};
    plan.rows = static_cast<int>(rows.sizes[0] * rows.sizes[1] * rows.sizes[2]);
    plan.columns = static_cast<int>(rows.columns);
    plan.size1 = static_cast<int>(rows.sizes[1]);
    plan.size2 = static_cast<int>(rows.sizes[2]);
    plan.lanes = 1;
    while (!aligned && plan.lanes < 32 && plan.lanes * width < plan.columns) plan.lanes *= 2;
    plan.groups = (plan.columns - 1) / (plan.lanes * width) + 1;
    plan.slots = plan.rows * plan.groups * plan.lanes;
    plan.aligned = aligned;
    plan.by_groups = Divisor::of(plan.groups);
    plan.by_size1 = Divisor::of(plan.size1);
    plan.by_size2 = Divisor::of(plan.size2);
    plan.first = part.first;
    return plan;
}

// Launches a kernel on a part, whose threads have `count` vectors of `width` elements each: it begins with `find_places`.
template <int width, int count, typename Params, typename... More>
int32_t launch_elements(void (*kernel)(Params, ElementPlan, More...), const Params &p, const ElementPart &part, bool aligned,
                        ww_stream stream, const More &...more) {
    const ElementPlan plan = plan_elements<width>(part, aligned);
    LaunchShape shape;
    shape.grid = static_cast<unsigned>((plan.slots - 1) / (element_threads * count) + 1);
    shape.block = element_threads;
    return launch(kernel, shape, stream, p, plan, more...);
}

} // namespace WW_NAMESPACE
