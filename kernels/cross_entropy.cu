// Softmax and cross-entropy in one, and the logits' gradient in place. The contract is in include/warpweave.h.
//
//   lse = log(sum(exp(x))),   loss = weight * (sum(q * (lse - x)) + z * lse^2),   dx = g * ((1 + 2 z lse) * exp(x - lse) - q)
//   x, dx      [R, Vp], the first V columns of which take part; q is (1 - eps) at the target, plus eps / V everywhere
//
// How the work is split. As softmax does it: a row is held in registers, 32 elements in each thread, from the one time that it is
// read until its gradient is written, by some lanes of a warp, a block or a cluster, as its width asks for
// (common/held_rows.cuh). Warps meet once: each has found the greatest logit m of its own, and relative to that
//     sum = sum(exp(x - m)),   below = sum(q * (m - x)),   mass = sum(q)
// and all of them join these four numbers in the same order. What is near to each other is subtracted first, so a large offset
// that all logits share costs no accuracy, and a loss near 0 keeps its absolute error near 1e-7. The target's logit is taken from the
// registers of the thread that holds it, as is its place in the gradient.
//
// What it costs. With elements of e bytes: e read for each of the V that take part, and e written for each of the Vp where a
// gradient is wanted; 4 bytes a row for its target, which every warp of the row reads, from L1 all but once, 4 for its loss. A row
// that is ignored is written, but not read. About 26 instructions for an element, one of them an ex2 on the special function
// unit; label smoothing takes 3 more. An H100 has time for 35 of them for a 16-bit element that is read and written, and for 71 for an
// f32. So memory bounds it. Rows that begin anywhere (V = 50257) are cut where addresses are multiples of 16: all accesses but
// those of a row's two ends take whole vectors.
// Bank conflicts: none, but that each warp of a cluster leaves its four numbers at the same place in all of the cluster's blocks.
// Without clusters (before sm_90) a row of more than 32768 elements is read in chunks, and all but the last chunk a second time, mostly
// from L2, if a gradient is wanted.
//
// Instantiations: one kernel for each of three types, and one that counts targets: 4. All else is a branch that all threads of a row
// take alike.
#include <algorithm>

#include "common/held_rows.cuh"
#include "common/ragged.cuh"
#include "common/softmax.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int64_t most_columns = 262144;
constexpr int held = 32;
template <typename T> constexpr int held_vectors = held / Pack<T>::width;

// ---- One row

// What q is made of.
struct Distribution {
    float certain; // 1 - label_smoothing: at the target
    float uniform; // label_smoothing / V: everywhere
};

struct RowTarget {
    int column;   // -1 if there is none
    float weight; // 0: nothing of the row is read; NaN: the target is no column
};

__device__ __forceinline__ RowTarget row_target(const ww_cross_entropy_params &p, const RowPlan &plan, int &row) {
    forget_derived(row);
    if (row >= plan.rows) return {-1, 0.0f};
    const uint32_t target = load(p.targets + row);
    if (target == p.ignore_index) return {-1, 0.0f};
    const float weight = p.weights == nullptr ? 1.0f : load(p.weights + row);
    if (target < static_cast<uint32_t>(p.vocab_size)) return {static_cast<int>(target), weight};
    return {-1, weight == 0.0f ? 0.0f : NAN};
}

template <typename T> struct LogitsRow {
    T *start;  // of position 0
    int begin; // the position of column 0
};

template <typename T>
__device__ __forceinline__ LogitsRow<T> logits_row(const ww_cross_entropy_params &p, const RowPlan &plan, int &row) {
    forget_derived(row);
    T *start = static_cast<T *>(p.logits) + row * p.logits_stride;
    const int begin = plan.shifted ? misalignment(start) : 0;
    return {start - begin, begin};
}

// f(k, e) for the element of a thread's vectors that stands at `position`, if it is among them.
template <int width, int count, typename F> __device__ __forceinline__ void at_position(int position, int first, int step, F f) {
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const int element = position - (first + k * step) * width;
        if (static_cast<unsigned>(element) < width) {
#pragma unroll
            for (int e = 0; e < width; ++e) {
                if (e == element) f(k * width + e);
            }
        }
    }
}

// What some of a row's logits amount to, relative to the greatest of them.
struct Part {
    float greatest, sum, below, mass;
};

// Makes `part` relative to a greatest logit that is no less than its own.
__device__ __forceinline__ void rebase(Part &part, float greatest) {
    part.sum *= rescale(part.greatest, greatest);
    part.below += part.mass * (base_of(greatest) - base_of(part.greatest));
    part.greatest = greatest;
}

// The logits of vectors first, first + step, ... of a row; -inf where it has none.
template <typename T>
__device__ __forceinline__ void load_logits(float (&s)[held], const LogitsRow<T> &row, int end, int first, int step) {
    constexpr int width = Pack<T>::width, count = held_vectors<T>;
    // In two parts: the addresses of all vectors at once are more than there are registers for.
#pragma unroll
    for (int half = 0; half < count; half += count / 2) {
        Pack<T> packs[count / 2];
        load_span(packs, static_cast<const T *>(row.start), row.begin, end, first + half * step, step);
#pragma unroll
        for (int k = 0; k < count / 2; ++k) {
            float wide[width];
            packs[k].widen(wide);
#pragma unroll
            for (int e = 0; e < width; ++e) s[(half + k) * width + e] = wide[e];
        }
    }
    forget_derived(first);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const uint32_t bits = span_bits<width>(row.begin, end, first + k * step);
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (!(bits >> e & 1)) s[k * width + e] = -INFINITY;
        }
    }
}

// sum(q * (base - x)) and sum(q) of the same logits.
template <typename T>
__device__ __forceinline__ void add_targets(Part &part, const float (&s)[held], const Distribution &q, int target, int begin, int end,
                                            int first, int step) {
    constexpr int width = Pack<T>::width, count = held_vectors<T>;
    const float base = base_of(part.greatest);
    // What the loads found out of each vector is not worth its registers.
    forget_derived(first);
    if (q.certain > 0.0f && target >= 0) {
        float below = 0.0f;
        bool is_here = false;
        at_position<width, count>(begin + target, first, step, [&](int i) {
            below = base - s[i];
            is_here = true;
        });
        if (is_here) {
            part.below += q.certain * below;
            part.mass += q.certain;
        }
    }
    if (q.uniform > 0.0f) {
        forget_derived(first);
        float sum = 0.0f;
        int elements = 0;
#pragma unroll
        for (int k = 0; k < count; ++k) {
            const uint32_t bits = span_bits<width>(begin, end, first + k * step);
            elements += __popc(bits);
            if (bits == whole_vector<width>) {
#pragma unroll
                for (int e = 0; e < width; ++e) sum += base - s[k * width + e];
            } else {
#pragma unroll
                for (int e = 0; e < width; ++e) sum += bits >> e & 1 ? base - s[k * width + e] : 0.0f;
            }
        }
        part.below += q.uniform * sum;
        part.mass += q.uniform * static_cast<float>(elements);
    }
}

// Joins what all warps of a row have found, each of which is reduced over its lanes.
template <int capacity>
__device__ __forceinline__ Part join_warps(const Part &part, const RowTeam &team, RowSlots<4, capacity> &slots) {
    const int warps = team.warps * team.blocks;
    if (warps == 1) return part;
    leave<4>({part.greatest, part.sum, part.below, part.mass}, team, slots, team.thread() / 32);
    row_barrier(team);
    float greatest[1] = {-INFINITY}, sums[2] = {0.0f, 0.0f};
    for (int warp = threadIdx.x % 32; warp < warps; warp += 32) greatest[0] = fmaxf(greatest[0], slots.of_warp[0][warp]);
    reduce_lanes<Max>(greatest);
    for (int warp = threadIdx.x % 32; warp < warps; warp += 32) {
        Part other = {slots.of_warp[0][warp], slots.of_warp[1][warp], slots.of_warp[2][warp], slots.of_warp[3][warp]};
        rebase(other, greatest[0]);
        sums[0] += other.sum;
        sums[1] += other.below;
    }
    reduce_lanes<Sum>(sums);
    return {greatest[0], sums[0], sums[1], 1.0f};
}

// dx = softmax * exp(x - m) - uniform, and `certain` less at the target, for the greatest logit m of this warp.
struct Gradient {
    float softmax, uniform, certain;
};

// Writes the row's loss and lse, and says what its gradient is made of.
__device__ __forceinline__ Gradient finish_row(const ww_cross_entropy_params &p, const RowPlan &plan, const Distribution &q, int &row,
                                               float greatest, const Part &all) {
    const RowTarget target = row_target(p, plan, row);
    const bool writes = row < plan.rows && plan.team.thread() == 0, reads = target.weight != 0.0f;
    float loss = 0.0f, lse = 0.0f;
    if (reads && (writes || p.z_loss != 0.0f)) {
        // Not an approximation: near 1, where losses are near 0, its error would be the greatest part of theirs.
        const float log_sum = logf(all.sum);
        lse = all.greatest + log_sum;
        loss = log_sum + all.below;
        if (p.z_loss != 0.0f) loss += p.z_loss * lse * lse;
        loss *= target.weight;
    }
    if (writes) {
        store(p.losses + row, loss);
        if (p.lse != nullptr) store(p.lse + row, lse);
    }
    if (!reads) return {0.0f, 0.0f, 0.0f};
    float scale = p.grad_scale * target.weight;
    if (p.device_scale != nullptr) scale *= load(p.device_scale);
    const float softmax = scale * (1.0f + 2.0f * p.z_loss * lse);
    return {softmax * rescale(greatest, all.greatest) * rcp_approx(all.sum), scale * q.uniform, scale * q.certain};
}

// Writes it where exp(x - m) was `s`.
template <typename T>
__device__ __forceinline__ void store_gradient(float (&s)[held], const Gradient &gradient, const ww_cross_entropy_params &p,
                                               const RowPlan &plan, int &index, int first) {
    constexpr int width = Pack<T>::width, count = held_vectors<T>;
    const int step = plan.row_threads;
    const LogitsRow<T> row = logits_row<T>(p, plan, index);
    const RowTarget target = row_target(p, plan, index);
    const int end = row.begin + (target.weight == 0.0f ? 0 : static_cast<int>(p.vocab_size));
    const int stored_end = row.begin + static_cast<int>(p.columns);
#pragma unroll
    for (int i = 0; i < held; ++i) s[i] = __fmaf_rn(s[i], gradient.softmax, -gradient.uniform);
    if (target.column >= 0) {
        at_position<width, count>(row.begin + target.column, first, step, [&](int i) { s[i] -= gradient.certain; });
    }
    forget_derived(first);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const uint32_t bits = span_bits<width>(row.begin, end, first + k * step);
        float dx[width];
#pragma unroll
        for (int e = 0; e < width; ++e) dx[e] = bits >> e & 1 ? s[k * width + e] : 0.0f;
        store_span(Pack<T>::round(dx), row.start, row.begin, stored_end, first + k * step);
    }
}

// ---- The kernels

template <typename T>
__global__ void __launch_bounds__(most_threads) cross_entropy(ww_cross_entropy_params p, RowPlan plan, Distribution q) {
    __shared__ RowSlots<4, most_warps> slots;
    const int step = plan.row_threads;
    for_rows(plan, [&](int index) {
        float s[held];
        Part part = {-INFINITY, 0.0f, 0.0f, 0.0f};
        int first = plan.team.thread();
        for (int pass = 0; pass < 2 * plan.chunks; first += next_chunk(pass++, plan)) {
            if (pass != plan.chunks) {
                const LogitsRow<T> row = logits_row<T>(p, plan, index);
                const RowTarget target = row_target(p, plan, index);
                const int end = row.begin + (target.weight == 0.0f ? 0 : static_cast<int>(p.vocab_size));
                load_logits(s, row, end, first, step);
                if (pass < plan.chunks) {
                    float greatest[1] = {part.greatest};
#pragma unroll
                    for (int i = 0; i < held; ++i) greatest[0] = fmaxf(greatest[0], s[i]);
                    reduce_lanes<Max>(greatest, plan.team.lanes);
                    rebase(part, greatest[0]);
                    add_targets<T>(part, s, q, target.column, row.begin, end, first, step);
                }
                const float base = base_of(part.greatest);
#pragma unroll
                for (int i = 0; i < held; ++i) s[i] = exp2_approx((s[i] - base) * log2_e);
            }
            if (pass < plan.chunks) {
#pragma unroll
                for (int i = 0; i < held; ++i) part.sum += s[i];
                continue;
            }
            if (pass == plan.chunks) {
                float sums[3] = {part.sum, part.below, part.mass};
                reduce_lanes<Sum>(sums, plan.team.lanes);
                slots_are_free(plan, index);
                const Part all = join_warps({part.greatest, sums[0], sums[1], sums[2]}, plan.team, slots);
                // The sums have served, and there are no registers for both: from here on the gradient's factors are in their place.
                const Gradient found = finish_row(p, plan, q, index, part.greatest, all);
                part = {part.greatest, found.softmax, found.uniform, found.certain};
            }
            if (p.gradient == 0) break;
            if (index >= plan.rows) continue;
            store_gradient<T>(s, {part.sum, part.below, part.mass}, p, plan, index, first);
        }
    });
}

// One block: a batch's targets are a few hundred KiB at most, and a sum of integers is the same in every order.
__global__ void __launch_bounds__(most_threads) reciprocal_count(ww_reciprocal_count_params p) {
    __shared__ unsigned long long counted;
    if (threadIdx.x == 0) counted = 0;
    __syncthreads();
    unsigned long long mine = 0;
    for (int64_t i = threadIdx.x; i < p.count; i += blockDim.x) mine += load(p.targets + i) != p.ignore_index;
    atomicAdd(&counted, mine);
    __syncthreads();
    if (threadIdx.x == 0) store(p.reciprocal, 1.0f / static_cast<float>(counted == 0 ? 1 : counted));
}

} // namespace

// ---- Launchers

extern "C" int32_t WW_FUNCTION(cross_entropy)(const ww_cross_entropy_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_cross_entropy_params &p = *params;
    const RowShape s = {1, 1, p.rows, p.columns};
    if (!is_shape(s) || p.vocab_size < 1 || p.vocab_size > p.columns) return WW_ERROR_ARGUMENT;
    if (p.columns > most_columns || !is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (!(p.label_smoothing >= 0.0f && p.label_smoothing <= 1.0f)) return WW_ERROR_ARGUMENT;
    if (is_empty(s)) return WW_OK;
    const int64_t bytes = element_bytes(p.dtype), strides[3] = {0, 0, p.logits_stride};
    if (!is_vector(p.logits, 1, bytes) || (p.gradient != 0 && !is_apart(s, strides))) return WW_ERROR_ARGUMENT;
    if (!is_vector(p.targets, p.rows, 4) || !is_vector(p.losses, p.rows, 4)) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        const bool aligned = is_aligned<T>(s, p.logits, strides);
        const Distribution target = {1.0f - p.label_smoothing, p.label_smoothing / static_cast<float>(p.vocab_size)};
        return for_parts(s, [&](const RowShape &first, const RowShape &part) {
            constexpr int64_t one[3] = {0, 0, 1};
            ww_cross_entropy_params q = p;
            q.logits = moved(p.logits, first, strides, bytes);
            q.targets = moved(p.targets, first, one, 4);
            q.weights = moved(p.weights, first, one, 4);
            q.losses = moved(p.losses, first, one, 4);
            q.lse = moved(p.lse, first, one, 4);
            return launch_rows<T>(cross_entropy<T>, q, part, held_vectors<T>, aligned, stream, target);
        });
    });
}

extern "C" int32_t WW_FUNCTION(reciprocal_count)(const ww_reciprocal_count_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_reciprocal_count_params &p = *params;
    if (p.count < 0 || !is_vector(p.targets, p.count, 4) || !is_vector(p.reciprocal, 1, 4)) return WW_ERROR_ARGUMENT;
    LaunchShape shape;
    shape.grid = 1;
    shape.block = most_threads;
    return launch(reciprocal_count, shape, stream, p);
}

} // namespace WW_NAMESPACE
