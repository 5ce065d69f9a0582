// Statistics of rows in one read. The contract is at `ww_reduce` in include/warpweave.h.
//
//   x [rows, columns] -> sum, mean, sum_of_squares, min, max, max_abs, non_finite of each row
//
// What it costs: each element is read once, 16 bytes per access where rows are aligned and of whole vectors, and takes about 7
// instructions: an addition, a fused multiply-add, a minimum, a maximum, two for what is not finite, and one to widen it. At the
// pace of its memory an H100 has time for 70 for a 16-bit element. Memory bounds it, so all statistics are found whether they are
// asked for or not. NaN needs no instruction of its own: a sum of squares is NaN where an element is, and nowhere else.
//
// How the work is split. Up to 1024 columns a row is a warp's; wider ones are cut into parts, each of which is a block's (`parts_of`).
// Where a row has several parts, each leaves its statistics in the workspace, 20 bytes, and a second kernel joins them: in a warp, or
// in a block where they are many. So a single row of 10^8 elements keeps a whole GPU busy, and no number is the sum of more than a
// few hundred others before it is added to a like one: the error of a sum stays that of a few hundred terms. Which elements and parts
// are added in which order depends on rows and columns alone.
//
// Instantiations: the first kernel for three types, and the second: 4.
#include "common/launch.cuh"
#include "common/reduce.cuh"
#include "common/status.cuh"
#include "common/vector.cuh"

#include <algorithm>

namespace WW_NAMESPACE {
namespace {

constexpr int block_threads = 256;
constexpr int block_warps = block_threads / 32;
// A thread's loads in flight: 64 bytes, 16 KiB of a block.
constexpr int vectors_at_once = 4;

// Up to here a warp's 32 lanes have no more than 32 elements each, and need no barrier.
constexpr int64_t most_warp_columns = 1024;
// Parts of a row: small where there are few rows, so that all multiprocessors have some; else large, for fewer of them to join. All are
// multiples of a vector.
constexpr int64_t small_part = 16384, large_part = 65536;
constexpr int64_t few_rows = 512; // an H100 runs about 1000 such blocks at once
// Parts that a warp joins; more of them are a block's.
constexpr int64_t most_warp_parts = 128;
// Of a grid: what fills a GPU many times over. Blocks take turns beyond.
constexpr int64_t most_blocks = 1 << 16;

struct Stats {
    float sum, squares, min, max;
    uint32_t non_finite;

    static __device__ __forceinline__ Stats none() { return {0.0f, 0.0f, INFINITY, -INFINITY, 0}; }
    __device__ __forceinline__ void add(float x) {
        sum += x;
        squares = __fmaf_rn(x, x, squares);
        min = fminf(min, x);
        max = fmaxf(max, x);
        non_finite += !(fabsf(x) < INFINITY);
    }
    __device__ __forceinline__ void join(const Stats &other) {
        sum += other.sum;
        squares += other.squares;
        min = fminf(min, other.min);
        max = fmaxf(max, other.max);
        non_finite += other.non_finite;
    }
};

// The statistics of parts, each kind side by side.
struct PartStats {
    float *sum, *squares, *min, *max;
    uint32_t *non_finite;
};

// How one launch goes about it: `units`, parts of rows or rows, are a warp's or a block's each.
struct UnitPlan {
    int threads; // 32 or block_threads
    int64_t units, parts, part_columns;

    int64_t blocks() const { return std::min(threads == 32 ? (units - 1) / block_warps + 1 : units, most_blocks); }
};

// Calls f(unit, thread, whether it is the first) for each of a warp's or block's units; f's result is joined over all threads and
// handed to g(unit, stats) in one of them.
template <typename F, typename G> __device__ __forceinline__ void for_units(const UnitPlan &plan, F f, G g) {
    __shared__ Stats of_warp[block_warps];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const bool alone = plan.threads == 32;
    const int64_t step = alone ? int64_t{gridDim.x} * block_warps : gridDim.x;
    for (int64_t unit = alone ? int64_t{blockIdx.x} * block_warps + warp : blockIdx.x; unit < plan.units; unit += step) {
        Stats stats = f(unit, alone ? lane : static_cast<int>(threadIdx.x));
        const auto join_lanes = [&](int lanes) {
            for (int distance = lanes / 2; distance > 0; distance /= 2) {
                stats.join({__shfl_xor_sync(0xFFFFFFFFu, stats.sum, distance), __shfl_xor_sync(0xFFFFFFFFu, stats.squares, distance),
                            __shfl_xor_sync(0xFFFFFFFFu, stats.min, distance), __shfl_xor_sync(0xFFFFFFFFu, stats.max, distance),
                            __shfl_xor_sync(0xFFFFFFFFu, stats.non_finite, distance)});
            }
        };
        join_lanes(32);
        if (alone) {
            if (lane == 0) g(unit, stats);
            continue;
        }
        if (lane == 0) of_warp[warp] = stats;
        __syncthreads();
        if (warp == 0) {
            stats = of_warp[lane % block_warps];
            join_lanes(block_warps);
            if (lane == 0) g(unit, stats);
        }
        __syncthreads();
    }
}

__device__ __forceinline__ void store_row(const ww_reduce_params &p, int64_t row, const Stats &stats) {
    const bool nan = stats.squares != stats.squares;
    if (p.sum != nullptr) store(p.sum + row, stats.sum);
    if (p.mean != nullptr) store(p.mean + row, stats.sum / static_cast<float>(p.columns));
    if (p.sum_of_squares != nullptr) store(p.sum_of_squares + row, stats.squares);
    if (p.min != nullptr) store(p.min + row, nan ? stats.squares : stats.min);
    if (p.max != nullptr) store(p.max + row, nan ? stats.squares : stats.max);
    if (p.max_abs != nullptr) store(p.max_abs + row, nan ? stats.squares : fmaxf(0.0f, fmaxf(-stats.min, stats.max)));
    if (p.non_finite != nullptr) store(p.non_finite + row, stats.non_finite);
}

template <typename T> __device__ __forceinline__ Stats stats_of(const T *x, const RowSlice<Pack<T>::width> &slice) {
    constexpr int width = Pack<T>::width;
    Stats stats = Stats::none();
    for (int vector = 0; slice.first(vector) < slice.columns; vector += vectors_at_once) {
        Pack<T> packs[vectors_at_once];
        load_vectors(packs, x, slice, vector);
#pragma unroll
        for (int v = 0; v < vectors_at_once; ++v) {
            float wide[width];
            packs[v].widen(wide);
            slice.each(vector + v, [&](int e) { stats.add(wide[e]); });
        }
    }
    return stats;
}

template <typename T>
__global__ void __launch_bounds__(block_threads) reduce_rows(ww_reduce_params p, UnitPlan plan, PartStats parts) {
    constexpr int width = Pack<T>::width;
    for_units(
        plan,
        [&](int64_t unit, int thread) {
            const int64_t row = plan.parts == 1 ? unit : unit / plan.parts, start = (unit - row * plan.parts) * plan.part_columns;
            const T *x = static_cast<const T *>(p.x) + row * p.x_stride + start;
            const int columns = static_cast<int>(min(p.columns - start, plan.part_columns));
            const bool aligned = reinterpret_cast<uintptr_t>(x) % 16 == 0 && columns % width == 0;
            return stats_of(x, RowSlice<width>{columns, thread, plan.threads, aligned});
        },
        [&](int64_t unit, const Stats &stats) {
            if (plan.parts == 1) return store_row(p, unit, stats);
            store(parts.sum + unit, stats.sum);
            store(parts.squares + unit, stats.squares);
            store(parts.min + unit, stats.min);
            store(parts.max + unit, stats.max);
            store(parts.non_finite + unit, stats.non_finite);
        });
}

__global__ void __launch_bounds__(block_threads) reduce_parts(ww_reduce_params p, UnitPlan plan, PartStats parts) {
    for_units(
        plan,
        [&](int64_t row, int thread) {
            Stats stats = Stats::none();
            for (int64_t part = thread; part < plan.parts; part += plan.threads) {
                const int64_t at = row * plan.parts + part;
                stats.join({load(parts.sum + at), load(parts.squares + at), load(parts.min + at), load(parts.max + at),
                            load(parts.non_finite + at)});
            }
            return stats;
        },
        [&](int64_t row, const Stats &stats) { store_row(p, row, stats); });
}

UnitPlan rows_plan(const ww_reduce_params &p) {
    if (p.columns <= most_warp_columns) return {32, p.rows, 1, most_warp_columns};
    const int64_t part = p.rows < few_rows ? small_part : large_part, parts = (p.columns - 1) / part + 1;
    return {block_threads, p.rows * parts, parts, part};
}

int32_t check(const ww_reduce_params *p) {
    if (p == nullptr || p->rows < 0 || p->columns < 0) return WW_ERROR_ARGUMENT;
    // The number of elements must be one.
    if (p->columns != 0 && p->rows > INT64_MAX / p->columns) return WW_ERROR_ARGUMENT;
    return is_dtype(p->dtype) ? WW_OK : WW_ERROR_UNSUPPORTED;
}

} // namespace
} // namespace WW_NAMESPACE

extern "C" int64_t WW_FUNCTION(reduce_workspace)(const ww_reduce_params *params) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check(params)) return status;
    const UnitPlan plan = rows_plan(*params);
    return plan.parts == 1 ? 0 : plan.units * int64_t{sizeof(Stats)};
}

extern "C" int32_t WW_FUNCTION(reduce)(const ww_reduce_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check(params)) return status;
    const ww_reduce_params &p = *params;
    const bool well_formed = is_vector(p.x, p.rows * p.columns, element_bytes(p.dtype)) && p.x_stride >= 0 &&
                             (p.non_finite == nullptr || p.columns <= UINT32_MAX) &&
                             reinterpret_cast<uintptr_t>(p.workspace) % 16 == 0;
    if (!well_formed) return WW_ERROR_ARGUMENT;
    if (p.rows == 0) return WW_OK;
    const int64_t needed = WW_FUNCTION(reduce_workspace)(params);
    if (p.workspace_bytes < needed) return WW_ERROR_WORKSPACE;
    if (p.workspace == nullptr && needed > 0) return WW_ERROR_ARGUMENT;
    const UnitPlan plan = rows_plan(p);
    float *memory = static_cast<float *>(p.workspace);
    const auto kind = [&](int i) { return memory + (needed > 0 ? i * plan.units : 0); };
    const PartStats parts = {kind(0), kind(1), kind(2), kind(3), reinterpret_cast<uint32_t *>(kind(4))};
    const auto shape = [](const UnitPlan &units) {
        return LaunchShape{dim3(static_cast<unsigned>(units.blocks())), dim3(block_threads)};
    };
    const int32_t status = with_type(
        p.dtype, [&](auto type) { return launch(reduce_rows<typename decltype(type)::type>, shape(plan), stream, p, plan, parts); });
    if (status != WW_OK || plan.parts == 1) return status;
    const UnitPlan joins = {plan.parts <= most_warp_parts ? 32 : block_threads, p.rows, plan.parts, 0};
    return launch(reduce_parts, shape(joins), stream, p, joins, parts);
}
