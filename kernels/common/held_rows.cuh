// Rows of [batch, heads, queries, keys] that are held in registers between their only read and their write: how many threads
// share a row, and which rows and elements are whose.
//
// A row is cut into vectors of 16 bytes (ragged.cuh). Each thread holds `held_vectors` of them at a time, one out of as many as
// threads share the row; so the width of a row says how many those are. They are lanes of a warp, a block, or a cluster of
// blocks that meet through distributed shared memory. Where the device has no cluster wide enough, rows are read in chunks, and
// all but the last chunk a second time, mostly from L2, when they are written.
#pragma once

#include <algorithm>

#include "divisor.cuh"
#include "launch.cuh"
#include "reduce.cuh"
#include "vector.cuh"

namespace WW_NAMESPACE {

// Positions in a row.
struct Span {
    int begin, end;
};

struct RowShape {
    int64_t batch, heads, queries, keys;
};

// 64 registers for each of 1024 threads: 32 of them hold a row.
constexpr int most_threads = 1024;
constexpr int most_warps = 16 * most_threads / 32;
// The rows that share a warp share a block of this size; small, so that no warp waits long for another one's registers.
constexpr int narrow_block_threads = 128;
// Blocks or clusters of a grid: what fills an H100 seven times over. Where there are more rows, they take several each.
constexpr int most_gangs = 8192;
// Of one launch: few enough that 31 bits number them, and those that a gang looks at past the end.
constexpr int64_t most_rows = int64_t{1} << 30;

// Where lanes of one warp no longer do: the most threads of each block, and the blocks of the cluster. The first that holds the
// row is taken, and within it as few threads as do.
struct RowTier {
    int threads;
    int blocks;
};
constexpr RowTier row_tiers[] = {
    {512, 1}, // two or more on a multiprocessor: one loads while the other waits at its barrier or stores
    {512, 2},
    {512, 4},
    {512, 8},           // 8 blocks are what every whole GPU with clusters can do
    {most_threads, 1},  // without clusters: twice the width in one read
    {most_threads, 8},  // the widest rows, where threads hold 32 elements
    {most_threads, 16}, // and where they hold 16
};

// How one launch goes about it. Kernels take it as a parameter: what is known here needs no register there.
struct RowPlan {
    RowTeam team;
    int row_threads;   // team.threads()
    int block_threads;
    int chunks;
    int shifted;       // whether rows begin anywhere; else position 0 is the row's first element, whatever its address
    int chunk_vectors; // that all threads of a row hold
    int rows_at_once;  // by a block, or a cluster; a power of two
    int gangs;         // blocks, or clusters
    int rows_per_turn; // by all gangs
    int rows;
    int heads, queries;
    Divisor by_heads, by_queries;
};

inline RowPlan plan_rows(const RowShape &s, int width, int held_vectors, bool aligned, int most_blocks) {
    RowPlan plan = {};
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
        const auto capacity = [&](const RowTier &tier) { return tier.threads * tier.blocks * held_vectors; };
        RowTier tier = row_tiers[0];
        for (const RowTier &wider : row_tiers) {
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
    plan.chunk_vectors = plan.row_threads * held_vectors;
    plan.rows_at_once = plan.team.rows(plan.block_threads);
    plan.gangs = std::min((plan.rows - 1) / plan.rows_at_once + 1, most_gangs);
    plan.rows_per_turn = plan.gangs * plan.rows_at_once;
    return plan;
}

// ---- On the device

struct RowIndex {
    int batch, head, query;
};

// Found anew wherever it is called: there are no registers to keep it from one place to the next.
__device__ __forceinline__ RowIndex row_index_anew(int &row, const RowPlan &plan) {
    forget_derived(row);
    const int slice = plan.by_queries.divide(row), batch = plan.by_heads.divide(slice);
    return {batch, slice - batch * plan.heads, row - slice * plan.queries};
}

__device__ __forceinline__ int64_t offset(const RowIndex &at, const int64_t *strides) {
    return at.batch * strides[0] + at.head * strides[1] + at.query * strides[2];
}

// Calls f(row) for the rows of this thread's team, one after the other. Threads that share a block with the last rows' have some
// past the end.
template <typename F> __device__ __forceinline__ void for_rows(const RowPlan &plan, F f) {
    cluster_begins(plan.team);
    const int gang = blockIdx.x >> (__ffs(plan.team.blocks) - 1);
    // All threads of a block take as many turns as that with its first row, to which the masked number belongs.
    int row = gang * plan.rows_at_once + plan.team.row();
    for (; (row & -plan.rows_at_once) < plan.rows; row += plan.rows_per_turn) f(row);
}

// From a thread's first vector in one pass to that in the next: passes go through all chunks to read them, then back to write
// them, so that the last one is still in registers.
__device__ __forceinline__ int next_chunk(int pass, const RowPlan &plan) {
    if (pass + 1 < plan.chunks) return plan.chunk_vectors;
    return pass + 1 == plan.chunks ? 0 : -plan.chunk_vectors;
}

// Waits until others' slots may be written to: for the first row, until the cluster's blocks run; for those after it, until all
// have read what the row before left.
__device__ __forceinline__ void slots_are_free(const RowPlan &plan, int row) {
    if (row < plan.rows_per_turn) {
        cluster_has_begun(plan.team);
    } else if (plan.team.warps * plan.team.blocks > 1) {
        row_barrier(plan.team);
    }
}

// ---- Launching

inline bool is_shape(const RowShape &s) {
    if (s.batch < 0 || s.heads < 0 || s.queries < 0 || s.keys < 0) return false;
    // The number of elements must be one.
    int64_t elements = 1;
    for (const int64_t size : {s.batch, s.heads, s.queries, s.keys}) {
        if (size != 0 && elements > INT64_MAX / size) return false;
        elements *= size == 0 ? 1 : size;
    }
    return true;
}

inline bool is_empty(const RowShape &s) { return s.batch == 0 || s.heads == 0 || s.queries == 0 || s.keys == 0; }

// Whether rows of `keys` elements so far apart do not overlap, as what is written must not. Enough to look at is each axis alone.
inline bool is_apart(const RowShape &s, const int64_t *strides) {
    return (s.batch <= 1 || strides[0] >= s.keys) && (s.heads <= 1 || strides[1] >= s.keys) &&
           (s.queries <= 1 || strides[2] >= s.keys);
}

template <typename T> bool is_aligned(const RowShape &s, const void *start, const int64_t *strides) {
    constexpr int64_t width = Pack<T>::width;
    return reinterpret_cast<uintptr_t>(start) % 16 == 0 && (s.batch <= 1 || strides[0] % width == 0) &&
           (s.heads <= 1 || strides[1] % width == 0) && (s.queries <= 1 || strides[2] % width == 0);
}

// The most blocks of a cluster of this kernel there.
template <typename... Parameters>
int32_t most_cluster_blocks(void (*kernel)(Parameters...), ww_stream stream, int &blocks) {
    bool clusters = false;
    int major = 0;
    int32_t status = has_clusters(kernel, stream, clusters);
    if (status == WW_OK) status = device_attribute(stream, cudaDevAttrComputeCapabilityMajor, major);
    // 16 are not promised by the programming model; the data center's GPUs of these two generations have them.
    blocks = !clusters ? 1 : major == 9 || major == 10 ? 16 : 8;
    return status;
}

inline LaunchShape launch_shape(const RowPlan &plan) {
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(plan.gangs * plan.team.blocks));
    shape.block = dim3(static_cast<unsigned>(plan.block_threads));
    shape.cluster = static_cast<unsigned>(plan.team.blocks);
    return shape;
}

template <typename T, typename Params, typename... More>
int32_t launch_rows(void (*kernel)(Params, RowPlan, More...), const Params &p, const RowShape &s, int held_vectors, bool aligned,
                    ww_stream stream, const More &...more) {
    constexpr int width = Pack<T>::width;
    int most_blocks = 1;
    if (s.keys + width > int64_t{row_tiers[0].threads} * held_vectors * width) {
        if (const int32_t status = most_cluster_blocks(kernel, stream, most_blocks)) return status;
    }
    RowPlan plan = plan_rows(s, width, held_vectors, aligned, most_blocks);
    while (plan.team.blocks > 1) {
        bool fits = false;
        if (const int32_t status = fits_cluster(kernel, launch_shape(plan), stream, fits)) return status;
        if (fits) break;
        plan = plan_rows(s, width, held_vectors, aligned, plan.team.blocks / 2);
    }
    return launch(kernel, launch_shape(plan), stream, p, plan, more...);
}

// Calls f(first, part) for parts of [batch, heads, queries] that have no more than `most_rows` rows.
template <typename F> int32_t for_parts(const RowShape &s, F f) {
    const int64_t queries = std::min(s.queries, most_rows);
    const int64_t heads = std::min(s.heads, most_rows / queries);
    const int64_t batch = std::min(s.batch, most_rows / (queries * heads));
    for (int64_t b = 0; b < s.batch; b += batch) {
        for (int64_t h = 0; h < s.heads; h += heads) {
            for (int64_t q = 0; q < s.queries; q += queries) {
                const RowShape part = {std::min(batch, s.batch - b), std::min(heads, s.heads - h),
                                       std::min(queries, s.queries - q), s.keys};
                const int32_t status = f(RowShape{b, h, q, 0}, part);
                if (status != WW_OK) return status;
            }
        }
    }
    return WW_OK;
}

// `start`, moved to where a part begins. A null pointer stays one.
template <typename V> V *moved(V *start, const RowShape &first, const int64_t *strides, int64_t bytes) {
    using Byte = std::conditional_t<std::is_const_v<V>, const char, char>;
    if (start == nullptr) return nullptr;
    const int64_t elements = first.batch * strides[0] + first.heads * strides[1] + first.queries * strides[2];
    return reinterpret_cast<V *>(reinterpret_cast<Byte *>(start) + elements * bytes);
}

} // namespace WW_NAMESPACE
