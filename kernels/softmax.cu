// Masked softmax over rows, and its gradient in place. The contract is in include/warpweave.h.
//
//   forward    s = scale * x + bias, y = exp(s - max(s)) / sum(exp(s - max(s))) over the keys that a query sees, 0 elsewhere
//   backward   dx = scale * y * (dy - sum(y * dy)), written over dy; y = 0 gives 0
//   x, y, dy   [B, H, Tq, Tk], Tk without gaps; bias and allowed of the same shape, with any strides
//
// How the work is split. A row is held in registers from the one time that it is read until it is written: 32 elements in each
// thread as f32 scores (forward), or four vectors of y and four of dy as they lie in memory (backward). So its width says how many
// threads share it: some lanes of a warp, a block, or a cluster of blocks that meet through distributed shared memory (`tiers`
// below). The keys that a query sees through causal, window and key-length masks are one span: what is outside it is written as
// zeros without being read, and a thread's vectors lie far apart, so that all threads have a like part of it. The greatest score and the
// sum are found in one exchange between warps: each sums exp(s - m) for the greatest score m of its own, and all of them join the
// pairs (m, sum) in the same order. Rows for which the device has no cluster wide enough are read in several chunks, and all but
// the last of these a second time, when they are mostly still in L2.
//
// What it costs, for each element that is seen, of e bytes: e read and e written, and what bias and allowed have; outside the span e
// written. Backward: 2 e read, e written. Forward takes about 12 instructions, one of them an ex2 on the special function unit; an
// H100 has time for 38 between one 16-bit element and the next at its memory's pace, 76 for f32. Memory bounds both directions.
//
// Instantiations: one kernel for each direction and type, 6 in all. Masks, bias types and tiers are branches that all threads of a
// block take alike.
#include <algorithm>

#include "common/divisor.cuh"
#include "common/launch.cuh"
#include "common/ragged.cuh"
#include "common/reduce.cuh"
#include "common/status.cuh"
#include "common/ptx/math.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int64_t most_columns = 262144;
constexpr float log2_e = 1.44269504f;

struct Shape {
    int64_t batch, heads, queries, keys;
};

// ---- Who shares a row

// 64 registers for each of 1024 threads: 32 of them hold a row.
constexpr int most_threads = 1024;
constexpr int most_warps = 16 * most_threads / 32;
// The rows that share a warp share a block of this size; small, so that no warp waits long for another one's registers.
constexpr int narrow_block_threads = 128;
// Blocks or clusters of a grid: what fills an H100 seven times over. Where there are more rows, they take several each.
constexpr int most_gangs = 8192;
// Of one launch: few enough that 31 bits number them, and those that a gang looks at past the end.
constexpr int64_t most_rows = int64_t{1} << 30;

// Scores that a thread holds. Where bias or allowed are read as well, half of the registers go to that.
template <bool extras> constexpr int held_scores = extras ? 16 : 32;
template <typename T, bool extras> constexpr int forward_vectors = held_scores<extras> / Pack<T>::width;
constexpr int backward_vectors = 4;

// Where lanes of one warp no longer do: the most threads of each block, and the blocks of the cluster. The first that holds the row is
// taken. Within it, as few threads as do.
struct Tier {
    int threads;
    int blocks;
};
constexpr Tier tiers[] = {
    {512, 1},           // two or more on a multiprocessor: one loads while the other waits at its barrier or stores
    {512, 2},  {512, 4}, {512, 8},
    {most_threads, 1},  // without clusters: one read up to 32768 columns rather than 16384
    {most_threads, 8},  // 8 blocks are what every GPU with clusters can do
    {most_threads, 16}, // f32 backward beyond 131072 columns, which holds two rows
};

// How one launch goes about it. Kernels take it as a parameter: what is known here needs no register there.
struct Plan {
    RowTeam team;
    int row_threads;   // team.threads()
    int block_threads;
    int chunks;
    int shifted;       // whether rows begin anywhere; else position 0 is the row's first element, whatever its address
    int rows_at_once;  // by a block, or a cluster
    int gangs;         // blocks, or clusters
    int rows;
    int heads, queries;
    Divisor by_heads, by_queries;
};

int divide_up(int64_t a, int64_t b) { return static_cast<int>((a + b - 1) / b); }

Plan plan_rows(const Shape &s, int width, int held_vectors, bool aligned, int most_blocks) {
    Plan plan = {};
    plan.rows = static_cast<int>(s.batch * s.heads * s.queries);
    plan.heads = static_cast<int>(s.heads);
    plan.queries = static_cast<int>(s.queries);
    plan.by_heads = Divisor::of(s.heads);
    plan.by_queries = Divisor::of(s.queries);
    plan.chunks = 1;
    plan.shifted = !aligned;
    // A row of its own alignment may touch one vector more.
    int vectors = divide_up(s.keys + (aligned ? 0 : width - 1), width);
    if (vectors <= 32 * held_vectors) {
        // No fewer than 8 lanes, if they have something to do: what they read at once is a line of 128 bytes.
        int lanes = 1;
        while (lanes * held_vectors < vectors || (lanes < 8 && lanes < vectors)) lanes *= 2;
        plan.team = RowTeam{lanes, 1, 1};
        plan.block_threads = narrow_block_threads;
    } else {
        const auto capacity = [&](const Tier &tier) { return tier.threads * tier.blocks * held_vectors; };
        Tier tier = tiers[0];
        for (const Tier &wider : tiers) {
            if (capacity(tier) >= vectors) break;
            if (wider.blocks <= most_blocks) tier = wider;
        }
        // One vector more must not cost a second read.
        const int least_vectors = divide_up(s.keys, width);
        if (capacity(tier) == least_vectors) {
            plan.shifted = 0;
            vectors = least_vectors;
        }
        plan.chunks = divide_up(vectors, capacity(tier));
        const int warps = divide_up(vectors, int64_t{32} * tier.blocks * held_vectors * plan.chunks);
        plan.team = RowTeam{32, warps, tier.blocks};
        plan.block_threads = 32 * warps;
    }
    plan.row_threads = plan.team.threads();
    plan.rows_at_once = plan.team.rows(plan.block_threads);
    plan.gangs = std::min((plan.rows - 1) / plan.rows_at_once + 1, most_gangs);
    return plan;
}

// ---- The rows

struct RowIndex {
    int batch, head, query;
};

__device__ __forceinline__ RowIndex row_index(int row, const Plan &plan) {
    const int slice = plan.by_queries.divide(row), batch = plan.by_heads.divide(slice);
    return {batch, slice - batch * plan.heads, row - slice * plan.queries};
}

__device__ __forceinline__ int64_t offset(const RowIndex &at, const int64_t *strides) {
    return at.batch * strides[0] + at.head * strides[1] + at.query * strides[2];
}

// Calls f(row, is_first) for the rows of this thread's team, one after the other. Threads that share a block with the last rows' have some
// past the end.
template <typename F> __device__ __forceinline__ void for_rows(const Plan &plan, F f) {
    cluster_begins(plan.team);
    const int gang = blockIdx.x >> (__ffs(plan.team.blocks) - 1), step = plan.gangs * plan.rows_at_once;
    // All threads of a block take as many turns as that with its first row.
    for (int row = gang * plan.rows_at_once + plan.team.row(); row - plan.team.row() < plan.rows; row += step) f(row, row < step);
}

// From a thread's first vector in one pass to that in the next: passes go through all chunks to read them, then back to write them,
// so that the last one is still in registers.
__device__ __forceinline__ int next_chunk(int pass, int chunk_vectors, const Plan &plan) {
    if (pass + 1 < plan.chunks) return chunk_vectors;
    return pass + 1 == plan.chunks ? 0 : -chunk_vectors;
}

// Waits until others' slots may be written to: before the first row, until the cluster's blocks run; after it, until all have read
// what the row before left.
__device__ __forceinline__ void slots_are_free(const RowTeam &team, bool is_first) {
    if (is_first) {
        cluster_has_begun(team);
    } else if (team.warps * team.blocks > 1) {
        row_barrier(team);
    }
}

// ---- Forward

// Positions in a row.
struct Span {
    int begin, end;
};

// The keys that causal and window masks let query 0 see, counted from key 0; query i sees those i further on.
struct Diagonal {
    int64_t begin, end;
};

// The keys that a query sees, but for `allowed`, as positions in a row that begins at 0.
__device__ __forceinline__ Span seen_keys(const ww_softmax_params &p, const Diagonal &diagonal, const RowIndex &at) {
    int length = static_cast<int>(p.seq_len_k);
    if (p.key_lengths != nullptr) length = static_cast<int>(min(static_cast<uint32_t>(length), load(p.key_lengths + at.batch)));
    const int64_t first = diagonal.begin + at.query, last = diagonal.end + at.query;
    const int begin = first < 0 ? 0 : first < length ? static_cast<int>(first) : length;
    const int end = last < begin ? begin : last < length ? static_cast<int>(last) : length;
    return {begin, end};
}

__device__ __forceinline__ float widened(float x, ww_dtype) { return x; }
__device__ __forceinline__ float widened(uint16_t bits, ww_dtype dtype) {
    return dtype == WW_F16 ? __half2float(__ushort_as_half(bits)) : __uint_as_float(uint32_t{bits} << 16);
}

// s = scale * s + bias. `bias` is where position 0 has its own: floats, or the bits of a 16-bit type.
template <int width, int count, typename B>
__device__ __forceinline__ void add_bias(float (&s)[count * width], const B *bias, ww_dtype dtype, int64_t stride, float scale, Span span,
                                         uint32_t seen, int first, int step) {
    bias += first * width * stride;
#pragma unroll
    for (int k = 0; k < count; ++k, bias += step * width * stride) {
        const int v = first + k * step;
        const uint32_t bits = seen >> (k * width) & whole_vector<width>;
        if (bits != 0) {
            B elements[width];
            load_elements(elements, bias, stride, bits, is_within<width>(span.begin, span.end, v));
#pragma unroll
            for (int e = 0; e < width; ++e) s[k * width + e] = __fmaf_rn(scale, s[k * width + e], widened(elements[e], dtype));
        }
    }
}

// The scores of vectors first, first + step, ... of row `index`: -inf where a key is not seen. Returns which are, a bit for each.
template <typename T, bool extras, int held>
__device__ __forceinline__ uint32_t load_scores(float (&s)[held], const ww_softmax_params &p, const Diagonal &diagonal, const Plan &plan,
                                                int index, int first) {
    constexpr int width = Pack<T>::width, count = forward_vectors<T, extras>;
    const int step = plan.row_threads;
    const RowIndex at = row_index(index, plan);
    const T *x = static_cast<const T *>(p.x) + offset(at, p.x_strides);
    const int shift = plan.shifted ? misalignment(x) : 0;
    Span span = {0, 0};
    if (index < plan.rows) span = seen_keys(p, diagonal, at);
    span.begin += shift;
    span.end += shift;
    Pack<T> packs[count];
    load_span(packs, x - shift, span.begin, span.end, first, step);
    uint32_t seen = 0;
#pragma unroll
    for (int k = 0; k < count; ++k) seen |= span_bits<width>(span.begin, span.end, first + k * step) << (k * width);
    if (extras && p.allowed != nullptr) {
        const int64_t stride = p.allowed_strides[3];
        const uint8_t *allowed = p.allowed + offset(at, p.allowed_strides) + (first * width - shift) * stride;
#pragma unroll
        for (int k = 0; k < count; ++k, allowed += step * width * stride) {
            const uint32_t bits = seen >> (k * width) & whole_vector<width>;
            if (bits != 0) {
                uint8_t bytes[width];
                load_elements(bytes, allowed, stride, bits, bits == whole_vector<width>);
#pragma unroll
                for (int e = 0; e < width; ++e) {
                    if (bytes[e] == 0) seen &= ~(1u << (k * width + e));
                }
            }
        }
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float wide[width];
        packs[k].widen(wide);
#pragma unroll
        for (int e = 0; e < width; ++e) s[k * width + e] = wide[e];
    }
    if (!extras || p.bias == nullptr) {
        // Not to be fused with the subtraction of the greatest: of a product that overflows, it must be subtracted as it was found.
#pragma unroll
        for (int i = 0; i < held; ++i) s[i] = __fmul_rn(p.scale, s[i]);
    } else {
        const int64_t stride = p.bias_strides[3], start = offset(at, p.bias_strides) - shift * stride;
        if (p.bias_dtype == WW_F32) {
            const float *bias = static_cast<const float *>(p.bias) + start;
            add_bias<width, count>(s, bias, p.bias_dtype, stride, p.scale, span, seen, first, step);
        } else {
            const uint16_t *bias = static_cast<const uint16_t *>(p.bias) + start;
            add_bias<width, count>(s, bias, p.bias_dtype, stride, p.scale, span, seen, first, step);
        }
    }
#pragma unroll
    for (int i = 0; i < held; ++i) s[i] = seen >> i & 1 ? s[i] : -INFINITY;
    return seen;
}

// exp(from - to), with from <= to: what turns a sum relative to `from` into one relative to `to`. Both may be infinite.
__device__ __forceinline__ float rescale(float from, float to) { return from == to ? 1.0f : exp2_approx((from - to) * log2_e); }

// s = exp(s - greatest). Scores of -inf alone have no greatest to subtract; NaN still reaches the sum.
template <int held> __device__ __forceinline__ void exponentials(float (&s)[held], float greatest) {
    const float base = greatest == -INFINITY ? 0.0f : greatest;
#pragma unroll
    for (int i = 0; i < held; ++i) s[i] = exp2_approx((s[i] - base) * log2_e);
}

// What e^(s - greatest) of this warp's scores is to be multiplied by: over all warps of the row, greatest scores and sums are joined.
template <int capacity>
__device__ __forceinline__ float join_warps(float greatest, float sum, const RowTeam &team, RowSlots<2, capacity> &slots) {
    float all[1] = {greatest}, total[1] = {sum};
    const int warps = team.warps * team.blocks;
    if (warps > 1) {
        leave<2>({greatest, sum}, team, slots, team.thread() / 32);
        row_barrier(team);
        for (int warp = threadIdx.x % 32; warp < warps; warp += 32) all[0] = fmaxf(all[0], slots.of_warp[0][warp]);
        reduce_lanes<Max>(all);
        total[0] = 0.0f;
        for (int warp = threadIdx.x % 32; warp < warps; warp += 32) {
            total[0] += slots.of_warp[1][warp] * rescale(slots.of_warp[0][warp], all[0]);
        }
        reduce_lanes<Sum>(total);
    }
    // 0 only where no score is above -inf.
    return total[0] == 0.0f ? 0.0f : rescale(greatest, all[0]) * rcp_approx(total[0]);
}

template <typename T, bool extras>
__global__ void __launch_bounds__(most_threads) softmax_forward(ww_softmax_params p, Plan plan, Diagonal diagonal) {
    constexpr int held = held_scores<extras>, width = Pack<T>::width, count = forward_vectors<T, extras>;
    __shared__ RowSlots<2, most_warps> slots;
    for_rows(plan, [&](int index, bool is_first) {
        float s[held], greatest[1] = {-INFINITY}, sum[1] = {0.0f}, weight = 0.0f;
        uint32_t seen = 0;
        int first = plan.team.thread();
        for (int pass = 0; pass < 2 * plan.chunks; first += next_chunk(pass++, count * plan.row_threads, plan)) {
            if (pass != plan.chunks) seen = load_scores<T, extras>(s, p, diagonal, plan, index, first);
            if (pass < plan.chunks) {
                const float before = greatest[0];
#pragma unroll
                for (int i = 0; i < held; ++i) greatest[0] = fmaxf(greatest[0], s[i]);
                reduce_lanes<Max>(greatest, plan.team.lanes);
                sum[0] *= rescale(before, greatest[0]);
            }
            if (pass != plan.chunks) exponentials(s, greatest[0]);
            if (pass < plan.chunks) {
#pragma unroll
                for (int i = 0; i < held; ++i) sum[0] += s[i];
                continue;
            }
            if (pass == plan.chunks) {
                reduce_lanes<Sum>(sum, plan.team.lanes);
                slots_are_free(plan.team, is_first);
                weight = join_warps(greatest[0], sum[0], plan.team, slots);
            }
            // Where a key is not seen, s is 0, and so is y, but in a row that is NaN.
            if (weight != weight) {
#pragma unroll
                for (int i = 0; i < held; ++i) s[i] = seen >> i & 1 ? s[i] * weight : 0.0f;
            } else {
#pragma unroll
                for (int i = 0; i < held; ++i) s[i] *= weight;
            }
            if (index >= plan.rows) continue;
            const RowIndex at = row_index(index, plan);
            // Positions are those of x.
            const int begin = plan.shifted ? misalignment(static_cast<const T *>(p.x) + offset(at, p.x_strides)) : 0;
            const int end = begin + static_cast<int>(p.seq_len_k);
            T *row = static_cast<T *>(p.y) + offset(at, p.y_strides) - begin;
            forget_parts(row);
#pragma unroll
            for (int k = 0; k < count; ++k) {
                float y[width];
#pragma unroll
                for (int e = 0; e < width; ++e) y[e] = s[k * width + e];
                store_span(Pack<T>::round(y), row, begin, end, first + k * plan.row_threads);
            }
        }
    });
}

// ---- Backward

template <typename T>
__global__ void __launch_bounds__(most_threads) softmax_backward(ww_softmax_backward_params p, Plan plan) {
    constexpr int width = Pack<T>::width, count = backward_vectors;
    __shared__ RowSlots<1, most_warps> slots;
    for_rows(plan, [&](int index, bool is_first) {
        Pack<T> y_packs[count], dy_packs[count];
        float sum[1] = {0.0f};
        int first = plan.team.thread();
        for (int pass = 0; pass < 2 * plan.chunks; first += next_chunk(pass++, count * plan.row_threads, plan)) {
            const RowIndex at = row_index(index, plan);
            T *grad = static_cast<T *>(p.grad) + offset(at, p.grad_strides);
            const int begin = plan.shifted ? misalignment(grad) : 0;
            const int end = begin + (index < plan.rows ? static_cast<int>(p.seq_len_k) : 0);
            grad -= begin;
            const T *y = static_cast<const T *>(p.y) + offset(at, p.y_strides) - begin;
            if (pass != plan.chunks) {
                load_span(y_packs, y, begin, end, first, plan.row_threads);
                load_span(dy_packs, grad, begin, end, first, plan.row_threads);
            } else {
                slots_are_free(plan.team, is_first);
                reduce_row<Sum>(sum, plan.team, slots);
            }
#pragma unroll
            for (int k = 0; k < count; ++k) {
                float y_wide[width], dy_wide[width];
                y_packs[k].widen(y_wide);
                dy_packs[k].widen(dy_wide);
                if (pass < plan.chunks) {
#pragma unroll
                    for (int e = 0; e < width; ++e) sum[0] += y_wide[e] == 0.0f ? 0.0f : y_wide[e] * dy_wide[e];
                } else {
                    float dx[width];
#pragma unroll
                    for (int e = 0; e < width; ++e) dx[e] = y_wide[e] == 0.0f ? 0.0f : p.scale * y_wide[e] * (dy_wide[e] - sum[0]);
                    store_span(Pack<T>::round(dx), grad, begin, end, first + k * plan.row_threads);
                }
            }
        }
    });
}

// ---- Launchers

bool is_shape(const Shape &s) {
    if (s.batch < 0 || s.heads < 0 || s.queries < 0 || s.keys < 0) return false;
    // The number of elements must be one.
    int64_t elements = 1;
    for (const int64_t size : {s.batch, s.heads, s.queries, s.keys}) {
        if (size != 0 && elements > INT64_MAX / size) return false;
        elements *= size == 0 ? 1 : size;
    }
    return true;
}

bool is_empty(const Shape &s) { return s.batch == 0 || s.heads == 0 || s.queries == 0 || s.keys == 0; }

// Whether rows of `keys` elements so far apart do not overlap, as what is written must not. Enough to look at is each axis alone.
bool is_apart(const Shape &s, const int64_t *strides) {
    return (s.batch <= 1 || strides[0] >= s.keys) && (s.heads <= 1 || strides[1] >= s.keys) &&
           (s.queries <= 1 || strides[2] >= s.keys);
}

template <typename T> bool is_aligned(const Shape &s, const void *start, const int64_t *strides) {
    constexpr int64_t width = Pack<T>::width;
    return reinterpret_cast<uintptr_t>(start) % 16 == 0 && (s.batch <= 1 || strides[0] % width == 0) &&
           (s.heads <= 1 || strides[1] % width == 0) && (s.queries <= 1 || strides[2] % width == 0);
}

// The most blocks of a cluster there.
int32_t most_cluster_blocks(ww_stream stream, int &blocks) {
    bool clusters = false;
    int major = 0;
    int32_t status = has_clusters(stream, clusters);
    if (status == WW_OK) status = device_attribute(stream, cudaDevAttrComputeCapabilityMajor, major);
    // 16 are not promised by the programming model; the data center's GPUs of these two generations have them.
    blocks = !clusters ? 1 : major == 9 || major == 10 ? 16 : 8;
    return status;
}

template <typename T, typename Params, typename... More>
int32_t launch_rows(void (*kernel)(Params, Plan, More...), const Params &p, const Shape &s, int held_vectors, bool aligned,
                    ww_stream stream, const More &...more) {
    int most_blocks = 1;
    int32_t status = most_cluster_blocks(stream, most_blocks);
    if (status != WW_OK) return status;
    const Plan plan = plan_rows(s, Pack<T>::width, held_vectors, aligned, most_blocks);
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(plan.gangs * plan.team.blocks));
    shape.block = dim3(static_cast<unsigned>(plan.block_threads));
    shape.cluster = static_cast<unsigned>(plan.team.blocks);
    if (plan.team.blocks > 8) {
        status = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
        if (status != WW_OK) return status;
    }
    return launch(kernel, shape, stream, p, plan, more...);
}

// Calls f(first, part) for parts of [batch, heads, queries] that have no more than `most_rows` rows.
template <typename F> int32_t for_parts(const Shape &s, F f) {
    const int64_t queries = std::min(s.queries, most_rows);
    const int64_t heads = std::min(s.heads, most_rows / queries);
    const int64_t batch = std::min(s.batch, most_rows / (queries * heads));
    for (int64_t b = 0; b < s.batch; b += batch) {
        for (int64_t h = 0; h < s.heads; h += heads) {
            for (int64_t q = 0; q < s.queries; q += queries) {
                const Shape part = {std::min(batch, s.batch - b), std::min(heads, s.heads - h), std::min(queries, s.queries - q), s.keys};
                const int32_t status = f(Shape{b, h, q, 0}, part);
                if (status != WW_OK) return status;
            }
        }
    }
    return WW_OK;
}

// `start`, moved to where a part begins. A null pointer stays one.
template <typename V> V *moved(V *start, const Shape &first, const int64_t *strides, int64_t bytes) {
    using Byte = std::conditional_t<std::is_const_v<V>, const char, char>;
    if (start == nullptr) return nullptr;
    const int64_t elements = first.batch * strides[0] + first.heads * strides[1] + first.queries * strides[2];
    return reinterpret_cast<V *>(reinterpret_cast<Byte *>(start) + elements * bytes);
}

Diagonal diagonal_of(const ww_softmax_params &p, int64_t first_query) {
    // Further than any key from any query, and far from what an int64_t holds when a query is added.
    constexpr int64_t far = INT64_MAX / 4;
    const int64_t position = first_query + p.seq_len_k - p.seq_len_q;
    Diagonal diagonal = {-far, far};
    if (p.window_left >= 0) diagonal.begin = position - std::min(p.window_left, far);
    if (p.window_right >= 0) diagonal.end = position + std::min(p.window_right, far) + 1;
    if (p.causal != 0) diagonal.end = std::min(diagonal.end, position + 1);
    return diagonal;
}

} // namespace

extern "C" int32_t WW_FUNCTION(softmax)(const ww_softmax_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_softmax_params &p = *params;
    const Shape s = {p.batch, p.heads, p.seq_len_q, p.seq_len_k};
    if (!is_shape(s)) return WW_ERROR_ARGUMENT;
    if (s.keys > most_columns || !is_dtype(p.dtype) || (p.bias != nullptr && !is_dtype(p.bias_dtype))) return WW_ERROR_UNSUPPORTED;
    if (is_empty(s)) return WW_OK;
    const int64_t bytes = element_bytes(p.dtype);
    if (!is_vector(p.x, 1, bytes) || !is_vector(p.y, 1, bytes) || !is_apart(s, p.y_strides)) return WW_ERROR_ARGUMENT;
    if (p.x == p.y && !std::equal(p.x_strides, p.x_strides + 3, p.y_strides)) return WW_ERROR_ARGUMENT;
    if (p.bias != nullptr && !is_vector(p.bias, 1, element_bytes(p.bias_dtype))) return WW_ERROR_ARGUMENT;
    if (p.key_lengths != nullptr && !is_vector(p.key_lengths, 1, 4)) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        const bool aligned = is_aligned<T>(s, p.x, p.x_strides) && is_aligned<T>(s, p.y, p.y_strides);
        return for_parts(s, [&](const Shape &first, const Shape &part) {
            ww_softmax_params q = p;
            q.x = moved(p.x, first, p.x_strides, bytes);
            q.y = moved(p.y, first, p.y_strides, bytes);
            q.key_lengths = p.key_lengths == nullptr ? nullptr : p.key_lengths + first.batch;
            q.allowed = moved(p.allowed, first, p.allowed_strides, 1);
            q.bias = moved(p.bias, first, p.bias_strides, element_bytes(p.bias_dtype));
            const Diagonal diagonal = diagonal_of(p, first.queries);
            if (p.bias != nullptr || p.allowed != nullptr) {
                return launch_rows<T>(softmax_forward<T, true>, q, part, forward_vectors<T, true>, aligned, stream, diagonal);
            }
            return launch_rows<T>(softmax_forward<T, false>, q, part, forward_vectors<T, false>, aligned, stream, diagonal);
        });
    });
}

extern "C" int32_t WW_FUNCTION(softmax_backward)(const ww_softmax_backward_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_softmax_backward_params &p = *params;
    const Shape s = {p.batch, p.heads, p.seq_len_q, p.seq_len_k};
    if (!is_shape(s)) return WW_ERROR_ARGUMENT;
    if (s.keys > most_columns || !is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (is_empty(s)) return WW_OK;
    const int64_t bytes = element_bytes(p.dtype);
    if (!is_vector(p.y, 1, bytes) || !is_vector(p.grad, 1, bytes) || !is_apart(s, p.grad_strides)) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        const bool aligned = is_aligned<T>(s, p.y, p.y_strides) && is_aligned<T>(s, p.grad, p.grad_strides);
        return for_parts(s, [&](const Shape &first, const Shape &part) {
            ww_softmax_backward_params q = p;
            q.y = moved(p.y, first, p.y_strides, bytes);
            q.grad = moved(p.grad, first, p.grad_strides, bytes);
            return launch_rows<T>(softmax_backward<T>, q, part, backward_vectors, aligned, stream);
        });
    });
}

} // namespace WW_NAMESPACE
