// Layer norm and RMS norm, forward and backward. The contract, with formulas and shapes, is at `ww_norm` in include/warpweave.h.
//
// Forward. s = x, or s = residual + dropout(x), of [rows, columns]:
//     mean = sum(s) / C,   rstd = 1 / sqrt(sum((s - mean)^2) / C + eps),   y = (s - mean) * rstd * gamma + beta
// A row is read once, into registers, 16 bytes per access, and summed there twice. The second sum finds both the variance around
// the f32 mean and the rounding error of that mean, which is taken out of y, so a large mean costs no accuracy.
// It is bound by memory: it moves 2 elements per element (4 with a residual), for about 10 operations. A row belongs to a few
// lanes, a warp, a block or a cluster (`forward_shapes`); a block has one row, or one for each group of lanes, in hand, and the
// hardware keeps many blocks in flight. gamma and beta come from L1.
//
// Backward. n = (x - mean) * rstd and g = dy * gamma:
//     dx = rstd * (g - mean(g) - n * mean(g * n)) + residual_grad,   dgamma = sum over rows of dy * n,   dbeta = of dy
// It moves 3 elements per element (4 with residual_grad or dbranch, 5 with both), for about 20 operations. The sums over rows
// are why blocks stay: block or cluster p of P takes the row groups p, p + P, p + 2P, ..., keeps its part of dgamma and dbeta in
// registers, and writes it to the workspace at the end; a second kernel adds up the P parts in order. Registers are full of these
// sums, so what is in flight waits in shared memory: each thread copies its part of the rows ahead there (cp.async) and reads it
// back itself, without barriers. P comes from `backward_shapes` and the number of rows, never from the device, so the order of all
// sums depends on the shape alone.
// A row too wide for a block takes a cluster. Without clusters, before sm_90, two kernels read x and dy once each: one for the
// means, a block for a row, one for dx and the sums over rows, a thread for a column's vector. Order and bits are the same.
//
// Instantiations: 4 forward kernels, 2 backward, 2 of the path without clusters, for each of 3 types, and 1 for the last sums: 25.
// Other choices (type of gamma, beta, residual, dropout, alignment, which norm) are branches that all threads take alike.
#include "common/launch.cuh"
#include "common/philox.cuh"
#include "common/ptx/async_copy.cuh"
#include "common/reduce.cuh"
#include "common/status.cuh"
#include "common/vector.cuh"

namespace WW_NAMESPACE {
namespace {

// How a row of up to `max_columns` is shared. By columns, not bytes: sums have the same order in all types.
struct Shape {
    int max_columns;
    RowTeam team;           // the cluster is one block of its warps where there are no clusters
    int columns_per_thread; // 8 or 32: those of 1 or 4 vectors of 16-bit elements, of 2 or 8 of f32
    int block_threads;
    int max_partials; // of the backward pass: the blocks, or clusters, that share the rows
};

// With 32 columns a thread takes about 80 registers: 3 blocks of 256 threads share an SM, and some load while others sum. So a
// row gets as few threads as hold it (fewer partial sums, no barrier up to 1024 columns), and its cluster as few blocks.
constexpr Shape forward_shapes[] = {
    {64, {8, 1, 1}, 8, 128, 0},      // the rows of heads: with a warp each, most lanes would idle
    {128, {16, 1, 1}, 8, 128, 0},    //
    {256, {32, 1, 1}, 8, 128, 0},    //
    {1024, {32, 1, 1}, 32, 128, 0},  // GPT-2's 768; a row in 2 or 4 KiB
    {2048, {32, 2, 1}, 32, 64, 0},   //
    {4096, {32, 4, 1}, 32, 128, 0},  //
    {8192, {32, 8, 1}, 32, 256, 0},  // larger blocks would leave an SM with one or two, which load and sum by turns
    {16384, {32, 8, 2}, 32, 256, 0}, //
    {32768, {32, 8, 4}, 32, 256, 0}, //
    {65536, {32, 8, 8}, 32, 256, 0}, // 8 blocks: the most that every device with clusters takes
};

// The sums over rows take 2 registers per column. max_partials is one wave on 132 SMs with 2 blocks each, with clusters fitted
// into GPCs of 16 SMs; devices of other sizes run the same blocks.
constexpr Shape backward_shapes[] = {
    {64, {8, 1, 1}, 8, 256, 264},      //
    {128, {16, 1, 1}, 8, 256, 264},    //
    {256, {32, 1, 1}, 8, 256, 264},    //
    {1024, {32, 1, 1}, 32, 256, 264},  // no barrier per row
    {2048, {32, 8, 1}, 8, 256, 264},   // few columns per thread: a row's latency is short
    {8192, {32, 8, 1}, 32, 256, 264},  //
    {16384, {32, 8, 2}, 32, 256, 132}, //
    {32768, {32, 8, 4}, 32, 256, 64},  //
    {65536, {32, 8, 8}, 32, 256, 32},  //
};

constexpr int64_t max_columns = 65536;

template <int count> const Shape &shape_of(const Shape (&shapes)[count], int64_t columns) {
    int i = 0;
    while (shapes[i].max_columns < columns) ++i;
    return shapes[i];
}

// ------------------------------------------------------------------------------------------------------------ Forward

// A row's vectors in registers: those of one thread of the row, or, where a block without a cluster is too small for the widest
// rows, of two, the second one's in shared memory.
template <typename T, int vectors, bool doubled> struct HeldRow {
    static constexpr int width = Pack<T>::width;
    Pack<T> first[vectors];
    Pack<T> *second; // [vectors][threads of the block], or null
    RowSlice<width> slice;

    template <typename F> __device__ __forceinline__ void each_vector(F f) {
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            f(slice, v, first[v], 0);
            first[v].stay_packed();
        }
        if constexpr (doubled) {
            if (second == nullptr) return;
            RowSlice<width> other = slice;
            other.thread += blockDim.x;
#pragma unroll 1
            for (int v = 0; v < vectors; ++v) f(other, v, second[v * blockDim.x + threadIdx.x], 1);
        }
    }
};

// Sums over a row of what each of its threads has: x[0], and x[1] of the second one.
template <int parts, int values>
__device__ __forceinline__ void sum_row(float (&x)[parts][values], const RowTeam &team, bool both, RowSlots<values> &slots) {
    if (parts == 2 && both) {
        const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
#pragma unroll
        for (int part = 0; part < parts; ++part) {
            reduce_lanes<Sum>(x[part]);
            leave(x[part], team, slots, warp + part * warps);
        }
        __syncthreads();
        gather<Sum>(x[0], slots, 2 * warps);
    } else {
        reduce_row<Sum>(x[0], team, slots);
    }
}

template <typename T, int columns_per_thread, int max_threads>
__global__ void __launch_bounds__(max_threads) norm_forward(const ww_norm_params p, const Dropout dropout, const RowTeam team,
                                                            const int threads_per_row, const bool aligned) {
    constexpr int width = Pack<T>::width, vectors = columns_per_thread / width;
    constexpr bool doubled = max_threads == 1024;
    constexpr int parts = doubled ? 2 : 1;
    __shared__ RowSlots<1> slots_of_mean;
    __shared__ RowSlots<2> slots_of_squares;
    cluster_begins(team);

    const int64_t row = static_cast<int64_t>(blockIdx.x / team.blocks) * team.rows(blockDim.x) + team.row();
    const bool live = row < p.rows; // the last block may have more groups than rows: they go on as rows of no columns
    const bool both = doubled && threads_per_row > team.threads();
    HeldRow<T, vectors, doubled> s;
    s.slice = {live ? static_cast<int>(p.columns) : 0, team.thread(), threads_per_row, aligned};
    s.second = both ? dynamic_shared<Pack<T>>() : nullptr;

    const T *x = static_cast<const T *>(p.x) + row * p.x_stride;
    load_vectors(s.first, x, s.slice);
    if constexpr (doubled) {
        s.each_vector([&](const auto &slice, int v, Pack<T> &pack, int part) {
            if (part == 1) pack = load_vector(x, slice, v);
        });
    }
    if (p.residual != nullptr) {
        const T *residual = static_cast<const T *>(p.residual) + row * p.residual_stride;
        T *sum = static_cast<T *>(p.sum) + row * p.sum_stride;
        s.each_vector([&](const auto &slice, int v, Pack<T> &pack, int) {
            float branch[width], before[width];
            pack.widen(branch);
            load_vector(residual, slice, v).widen(before);
            if (dropout.p != 0.0f) dropout.apply(branch, row, slice, v);
#pragma unroll
            for (int e = 0; e < width; ++e) branch[e] += before[e];
            pack = Pack<T>::round(branch);
            store_vector(sum, slice, v, pack);
        });
    }

    cluster_has_begun(team);
    const float count = static_cast<float>(p.columns);
    float center = 0.0f;
    if (p.kind == WW_NORM_LAYER) {
        float total[parts][1] = {};
        s.each_vector([&](const auto &, int, const Pack<T> &pack, int part) {
            float value[width];
            pack.widen(value);
#pragma unroll
            for (int e = 0; e < width; ++e) total[part][0] += value[e];
        });
        sum_row(total, team, both, slots_of_mean);
        center = total[0][0] / count;
    }
    float moments[parts][2] = {}; // of s - center: its sum and that of its square
    s.each_vector([&](const auto &slice, int v, const Pack<T> &pack, int part) {
        float value[width];
        pack.widen(value);
        slice.each(v, [&](int e) {
            const float deviation = value[e] - center;
            moments[part][0] += deviation;
            moments[part][1] = fmaf(deviation, deviation, moments[part][1]);
        });
    });
    sum_row(moments, team, both, slots_of_squares);
    // By which the rounded center misses the mean. RMS norm has no mean to miss.
    const float missed = p.kind == WW_NORM_LAYER ? moments[0][0] / count : 0.0f;
    const float variance = fmaf(-missed, missed, moments[0][1] / count);
    const float rstd = 1.0f / sqrtf((variance < 0.0f ? 0.0f : variance) + p.eps); // fmaxf would turn NaN into 0
    if (live && team.thread() == 0) {
        store(p.mean + row, center + missed);
        store(p.rstd + row, rstd);
    }

    T *y = static_cast<T *>(p.y) + row * p.y_stride;
    const float shift = -missed * rstd;
    s.each_vector([&](const auto &slice, int v, const Pack<T> &pack, int) {
        float value[width], gamma[width], beta[width] = {};
        pack.widen(value);
        load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
        if (p.beta != nullptr) load_weights(beta, p.beta, p.weight_dtype, slice, v);
#pragma unroll
        for (int e = 0; e < width; ++e) value[e] = fmaf(fmaf(value[e] - center, rstd, shift), gamma[e], beta[e]);
        store_vector(y, slice, v, Pack<T>::round(value));
    });
}

template <typename T> int32_t launch_forward(const ww_norm_params &p, ww_stream stream, bool aligned) {
    const Shape &shape = shape_of(forward_shapes, p.columns);
    RowTeam team = shape.team;
    const int threads_per_row = team.threads();
    LaunchShape launch_shape;
    launch_shape.block = shape.block_threads;
    if (team.blocks > 1) {
        bool clusters = false;
        if (const int32_t status = has_clusters(stream, clusters)) return status;
        if (!clusters) {
            team = {32, std::min(team.warps * team.blocks, 32), 1};
            launch_shape.block = team.threads();
            if (threads_per_row > team.threads()) launch_shape.shared_bytes = team.threads() * 32 * sizeof(T);
        }
    }
    const int64_t rows = team.rows(launch_shape.block.x), blocks = (p.rows + rows - 1) / rows * team.blocks;
    if (blocks > INT32_MAX) return WW_ERROR_UNSUPPORTED;
    launch_shape.grid = static_cast<unsigned>(blocks);
    launch_shape.cluster = team.blocks;
    auto *kernel = launch_shape.block.x > 256       ? norm_forward<T, 32, 1024>
                   : shape.columns_per_thread == 32 ? norm_forward<T, 32, 256>
                                                    : norm_forward<T, 8, 256>;
    return launch(kernel, launch_shape, stream, p, Dropout(p.dropout), team, threads_per_row, aligned);
}

// ----------------------------------------------------------------------------------------------------------- Backward

// What the backward pass knows of a row: its statistics, and the means of g and g * n once they are summed.
struct RowGrad {
    float mean, rstd, mean_g, mean_gn;

    __device__ __forceinline__ float n(float x) const { return __fmul_rn(x - mean, rstd); }
    // Rounded by itself, so that every path to the same sum has the same bits.
    static __device__ __forceinline__ float g(float dy, float gamma) { return __fmul_rn(dy, gamma); }

    __device__ __forceinline__ void take_means(const ww_norm_backward_params &p, const float (&sums)[2]) {
        const float count = static_cast<float>(p.columns);
        mean_g = p.kind == WW_NORM_LAYER ? sums[0] / count : 0.0f;
        mean_gn = sums[1] / count;
    }
};

__device__ __forceinline__ RowGrad row_grad(const ww_norm_backward_params &p, int64_t row) {
    return row < p.rows ? RowGrad{load(p.mean + row), load(p.rstd + row), 0.0f, 0.0f} : RowGrad{};
}

// sums += g and g * n over one vector.
template <typename T>
__device__ __forceinline__ void sum_vector(const ww_norm_backward_params &p, const RowGrad &row,
                                           const RowSlice<Pack<T>::width> &slice, int v, const Pack<T> &x, const Pack<T> &dy,
                                           float (&sums)[2]) {
    constexpr int width = Pack<T>::width;
    float input[width], grad[width], gamma[width];
    x.widen(input);
    dy.widen(grad);
    load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
    slice.each(v, [&](int e) {
        const float g = RowGrad::g(grad[e], gamma[e]);
        sums[0] += g;
        sums[1] = fmaf(g, row.n(input[e]), sums[1]);
    });
}

// dx and dbranch of one vector, and its part of dgamma and dbeta. Absent elements add dy = 0 to sums that nobody reads.
template <typename T>
__device__ __forceinline__ void finish_vector(const ww_norm_backward_params &p, const Dropout &dropout, int64_t row,
                                              const RowGrad &known, const RowSlice<Pack<T>::width> &slice, int v, const Pack<T> &x,
                                              const Pack<T> &dy, const Pack<T> &residual_grad, float *dgamma, float *dbeta) {
    constexpr int width = Pack<T>::width;
    float input[width], grad[width], gamma[width], dx[width];
    x.widen(input);
    dy.widen(grad);
    residual_grad.widen(dx);
    load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
#pragma unroll
    for (int e = 0; e < width; ++e) {
        const float n = known.n(input[e]);
        const float centered = RowGrad::g(grad[e], gamma[e]) - known.mean_g;
        dx[e] = fmaf(known.rstd, fmaf(-n, known.mean_gn, centered), dx[e]);
        dgamma[e] = fmaf(grad[e], n, dgamma[e]);
        dbeta[e] += grad[e];
    }
    store_vector(static_cast<T *>(p.dx) + row * p.dx_stride, slice, v, Pack<T>::round(dx));
    if (p.dbranch != nullptr) {
        if (dropout.p != 0.0f) dropout.apply(dx, row, slice, v);
        store_vector(static_cast<T *>(p.dbranch) + row * p.dbranch_stride, slice, v, Pack<T>::round(dx));
    }
}

// Where part `part` of the sums over rows lies in the workspace, of parts x [dgamma, dbeta] x columns.
__device__ __forceinline__ float *partial_sums(const ww_norm_backward_params &p, int part, int which) {
    return static_cast<float *>(p.workspace) + (int64_t{2} * part + which) * p.columns;
}

template <int width, int count>
__device__ __forceinline__ void store_partial_sums(const ww_norm_backward_params &p, int part, const RowSlice<width> &slice,
                                                   const float (&dgamma)[count][width], const float (&dbeta)[count][width]) {
#pragma unroll
    for (int v = 0; v < count; ++v) {
        store_floats(partial_sums(p, part, 0), slice, v, dgamma[v]);
        if (p.dbeta != nullptr) store_floats(partial_sums(p, part, 1), slice, v, dbeta[v]);
    }
}

// Vectors of rows ahead that wait in shared memory: one row of 8 vectors a thread, two of 4, ...
__host__ __device__ constexpr int staged_vectors(int columns_per_thread) { return columns_per_thread == 32 ? 8 : 4; }

// x, dy and residual_grad.
__host__ __device__ inline int staged_operands(const ww_norm_backward_params &p) { return p.residual_grad == nullptr ? 2 : 3; }

// Adds up `x` over the groups of lanes, then over the warps, of a block whose groups had different rows. The last warp has the sum.
template <int count> __device__ __forceinline__ void join_groups(float (&x)[count], int lanes) {
    float *joined = dynamic_shared<float>(); // [count][32]
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    for (int distance = lanes; distance < 32; distance *= 2) {
#pragma unroll
        for (int i = 0; i < count; ++i) x[i] += __shfl_xor_sync(0xFFFFFFFFu, x[i], distance);
    }
    for (int turn = 0; turn < warps; ++turn) {
        __syncthreads(); // the first one for what was in this memory before
        if (turn != warp) continue;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            if (turn > 0) x[i] += joined[i * 32 + lane];
            joined[i * 32 + lane] = x[i];
        }
    }
}

// One block, or cluster, for each of the `parts`. Dynamic shared memory: [operands * staged_vectors][threads] of vectors.
template <typename T, int columns_per_thread>
__global__ void __launch_bounds__(256, 2) norm_backward(const ww_norm_backward_params p, const Dropout dropout, const RowTeam team,
                                                        const int parts, const bool aligned) {
    constexpr int width = Pack<T>::width, vectors = columns_per_thread / width;
    constexpr int stages = staged_vectors(columns_per_thread) / vectors;
    __shared__ RowSlots<2> slots[2];
    cluster_begins(team);

    // Rows and groups of them are below 2^31, and no sum below reaches 2^32.
    const uint32_t part = blockIdx.x / team.blocks, rows_at_once = team.rows(blockDim.x);
    const uint32_t groups = (static_cast<uint32_t>(p.rows) + rows_at_once - 1) / rows_at_once;
    const RowSlice<width> whole{static_cast<int>(p.columns), team.thread(), team.threads(), aligned};
    const auto row_of = [&](uint32_t group) { return int64_t{group * rows_at_once + team.row()}; };
    // This thread's part of a row: none of one past the last.
    const auto slice_of = [&](int64_t row) {
        RowSlice<width> slice = whole;
        if (row >= p.rows) slice.columns = 0;
        // Here and below: or the addresses of all columns' weights, which do not depend on the row, would be kept in registers.
        forget_derived(slice.thread);
        return slice;
    };
    const int operands = staged_operands(p);
    const auto staged = [&](int stage, int operand, int v) -> Pack<T> & {
        return dynamic_shared<Pack<T>>()[((stage * operands + operand) * vectors + v) * blockDim.x + threadIdx.x];
    };
    const auto fetch_row = [&](const T *start, const RowSlice<width> &slice, int stage, int operand) {
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            if (aligned) {
                // What is absent becomes zeros, read from nowhere.
                const bool there = slice.has(v, 0);
                async_copy_cg(&staged(stage, operand, v), there ? start + slice.first(v) : static_cast<const T *>(p.x), there ? 16 : 0);
            } else {
                staged(stage, operand, v) = load_vector<Reads::in_place>(start, slice, v);
            }
        }
    };
    const auto fetch = [&](uint32_t group, int stage) {
        if (group < groups) {
            const int64_t row = row_of(group);
            const RowSlice<width> slice = slice_of(row);
            fetch_row(static_cast<const T *>(p.x) + row * p.x_stride, slice, stage, 0);
            fetch_row(static_cast<const T *>(p.dy) + row * p.dy_stride, slice, stage, 1);
            if (operands == 3) {
                fetch_row(static_cast<const T *>(p.residual_grad) + row * p.residual_grad_stride, slice, stage, 2);
            }
        }
        async_commit();
    };
    for (int stage = 0; stage < stages; ++stage) fetch(part + stage * parts, stage);

    float dgamma[vectors][width] = {}, dbeta[vectors][width] = {};
    RowGrad next = row_grad(p, row_of(part));
    cluster_has_begun(team);
    int stage = 0, turn = 0;
    for (uint32_t group = part; group < groups; group += parts) {
        const int64_t row = row_of(group);
        RowSlice<width> slice = slice_of(row);
        RowGrad known = next;
        next = row_grad(p, row_of(group + parts));
        async_wait<stages - 1>();

        float sums[2] = {};
#pragma unroll
        for (int v = 0; v < vectors; ++v) sum_vector(p, known, slice, v, staged(stage, 0, v), staged(stage, 1, v), sums);
        reduce_row<Sum>(sums, team, slots[turn]);
        known.take_means(p, sums);
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            forget_derived(slice.thread);
            const Pack<T> residual_grad = operands == 3 ? staged(stage, 2, v) : Pack<T>{};
            finish_vector(p, dropout, row, known, slice, v, staged(stage, 0, v), staged(stage, 1, v), residual_grad, dgamma[v], dbeta[v]);
        }
        // Nobody else reads what this thread has staged.
        fetch(group + stages * parts, stage);
        stage = stage + 1 == stages ? 0 : stage + 1;
        turn ^= 1;
    }

    if (rows_at_once > 1) {
        float flat[2 * columns_per_thread];
        memcpy(flat, dgamma, sizeof(dgamma));
        memcpy(flat + columns_per_thread, dbeta, sizeof(dbeta));
        join_groups(flat, team.lanes);
        if (threadIdx.x / 32 + 1 < blockDim.x / 32 || threadIdx.x % 32 >= team.lanes) return;
        memcpy(dgamma, flat, sizeof(dgamma));
        memcpy(dbeta, flat + columns_per_thread, sizeof(dbeta));
    }
    store_partial_sums(p, part, whole, dgamma, dbeta);
}

// Without clusters: the means of each row, to `means`. A block plays all threads of the row's cluster, in turns, and leaves the same
// sums for the same warps.
template <typename T>
__global__ void __launch_bounds__(512) norm_backward_means(const ww_norm_backward_params p, float2 *means, const int threads_per_row,
                                                            const bool aligned) {
    constexpr int vectors = 32 / Pack<T>::width;
    __shared__ RowSlots<2> slots;
    const RowTeam team{32, static_cast<int>(blockDim.x / 32), 1};
    const int64_t row = blockIdx.x;
    RowGrad known = row_grad(p, row);
    float sums[2];
    for (int thread = threadIdx.x; thread < threads_per_row; thread += blockDim.x) {
        const RowSlice<Pack<T>::width> slice{static_cast<int>(p.columns), thread, threads_per_row, aligned};
        Pack<T> x[vectors], dy[vectors];
        load_vectors(x, static_cast<const T *>(p.x) + row * p.x_stride, slice);
        load_vectors(dy, static_cast<const T *>(p.dy) + row * p.dy_stride, slice);
        sums[0] = sums[1] = 0.0f;
#pragma unroll
        for (int v = 0; v < vectors; ++v) sum_vector(p, known, slice, v, x[v], dy[v], sums);
        reduce_lanes<Sum>(sums);
        leave(sums, team, slots, thread / 32);
    }
    __syncthreads();
    gather<Sum>(sums, slots, threads_per_row / 32);
    known.take_means(p, sums);
    if (threadIdx.x == 0) store(means + row, float2{known.mean_g, known.mean_gn});
}

// Without clusters: what is left once the means are known. A thread has one vector of columns, a block row blockIdx.y of the parts.
template <typename T>
__global__ void __launch_bounds__(256) norm_backward_columns(const ww_norm_backward_params p, const Dropout dropout,
                                                             const float2 *means, const bool aligned) {
    constexpr int width = Pack<T>::width;
    const RowSlice<width> slice{static_cast<int>(p.columns), static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x),
                                static_cast<int>(gridDim.x * blockDim.x), aligned};
    float dgamma[1][width] = {}, dbeta[1][width] = {};
    for (int64_t row = blockIdx.y; row < p.rows; row += gridDim.y) {
        RowGrad known = row_grad(p, row);
        const float2 mean = load(means + row);
        known.mean_g = mean.x;
        known.mean_gn = mean.y;
        Pack<T> residual_grad = {};
        if (p.residual_grad != nullptr) {
            residual_grad = load_vector<Reads::in_place>(static_cast<const T *>(p.residual_grad) + row * p.residual_grad_stride, slice, 0);
        }
        finish_vector(p, dropout, row, known, slice, 0, load_vector(static_cast<const T *>(p.x) + row * p.x_stride, slice, 0),
                      load_vector(static_cast<const T *>(p.dy) + row * p.dy_stride, slice, 0), residual_grad, dgamma[0], dbeta[0]);
    }
    store_partial_sums(p, blockIdx.y, slice, dgamma, dbeta);
}

// dgamma (blockIdx.y = 0) and dbeta (1), 32 columns a block: warp w adds up parts w, w + 16, ..., the first one the 16 sums.
constexpr int sum_warps = 16;

__global__ void __launch_bounds__(32 * sum_warps) norm_backward_sums(const ww_norm_backward_params p, const int parts) {
    __shared__ float of_warp[sum_warps][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t column = int64_t{32} * blockIdx.x + lane;
    float sum = 0.0f;
    if (column < p.columns) {
#pragma unroll 4
        for (int part = warp; part < parts; part += sum_warps) sum += load_once(partial_sums(p, part, blockIdx.y) + column);
    }
    of_warp[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || column >= p.columns) return;
#pragma unroll
    for (int other = 1; other < sum_warps; ++other) sum += of_warp[other][lane];
    float *grad = (blockIdx.y == 0 ? p.dgamma : p.dbeta) + column;
    store(grad, p.beta_acc == 0.0f ? sum : fmaf(p.beta_acc, load(grad), sum));
}

// In how many parts the sums over rows are taken: two groups of rows or more in each, so that fewer bytes go to the workspace than
// come from the operands.
int parts_of(const Shape &shape, int64_t rows) {
    const int64_t rows_of_two = 2 * shape.team.rows(shape.block_threads);
    return static_cast<int>(std::min<int64_t>((rows + rows_of_two - 1) / rows_of_two, shape.max_partials));
}

int64_t partials_bytes(int64_t columns, int parts) { return int64_t{parts} * 2 * columns * int64_t{sizeof(float)}; }

template <typename T> int32_t launch_backward(const ww_norm_backward_params &p, ww_stream stream, bool aligned) {
    const Shape &shape = shape_of(backward_shapes, p.columns);
    const RowTeam team = shape.team;
    const int parts = parts_of(shape, p.rows);
    const Dropout dropout(p.dropout);
    bool clusters = true;
    if (team.blocks > 1) {
        if (const int32_t status = has_clusters(stream, clusters)) return status;
    }
    int32_t status = WW_OK;
    if (parts == 0) {
        // Without rows the sums are zeros.
    } else if (clusters) {
        LaunchShape launch_shape;
        launch_shape.grid = parts * team.blocks;
        launch_shape.block = shape.block_threads;
        launch_shape.cluster = team.blocks;
        launch_shape.shared_bytes =
            sizeof(Pack<T>) * staged_operands(p) * staged_vectors(shape.columns_per_thread) * shape.block_threads;
        auto *kernel = shape.columns_per_thread == 32 ? norm_backward<T, 32> : norm_backward<T, 8>;
        status = launch(kernel, launch_shape, stream, p, dropout, team, parts, aligned);
    } else {
        auto *means = reinterpret_cast<float2 *>(static_cast<char *>(p.workspace) + partials_bytes(p.columns, parts));
        const int threads = team.threads();
        status = launch(norm_backward_means<T>, {dim3(static_cast<unsigned>(p.rows)), dim3(std::min(threads, 512))}, stream, p, means,
                        threads, aligned);
        if (status != WW_OK) return status;
        constexpr int columns_per_block = 256 * Pack<T>::width;
        const unsigned blocks = static_cast<unsigned>((p.columns + columns_per_block - 1) / columns_per_block);
        status = launch(norm_backward_columns<T>, {dim3(blocks, parts), dim3(256)}, stream, p, dropout, means, aligned);
    }
    if (status != WW_OK) return status;
    const unsigned blocks = static_cast<unsigned>((p.columns + 31) / 32);
    return launch(norm_backward_sums, {dim3(blocks, p.dbeta == nullptr ? 1 : 2), dim3(32 * sum_warps)}, stream, p, parts);
}

// ---------------------------------------------------------------------------------------------------------- Launchers

// What both passes' parameters have in common.
template <typename Params> int32_t check_shape(const Params *p) {
    if (p == nullptr || p->rows < 0 || p->columns < 1) return WW_ERROR_ARGUMENT;
    if (p->kind != WW_NORM_LAYER && p->kind != WW_NORM_RMS) return WW_ERROR_ARGUMENT;
    if (p->columns > max_columns || p->rows > INT32_MAX) return WW_ERROR_UNSUPPORTED;
    return is_dtype(p->dtype) && is_dtype(p->weight_dtype) ? WW_OK : WW_ERROR_UNSUPPORTED;
}

// The operands [rows, columns] of a call: those that are there are well-formed, and whether all are aligned.
template <typename Params> class Rows {
  public:
    explicit Rows(const Params &p) : p_(p), aligned_(p.columns * element_bytes(p.dtype) % 16 == 0) {}

    bool add(const void *start, int64_t stride) {
        const int64_t bytes = element_bytes(p_.dtype);
        aligned_ = aligned_ && aligned_rows(start, p_.rows, stride * bytes);
        return is_matrix(start, p_.rows, p_.columns, stride, bytes);
    }
    bool add_optional(const void *start, int64_t stride) { return start == nullptr || add(start, stride); }
    bool add_weights(const void *start) {
        aligned_ = aligned_ && aligned_rows(start, 1, 0);
        return is_vector(start, p_.columns, element_bytes(p_.weight_dtype));
    }
    bool aligned() const { return aligned_; }

  private:
    const Params &p_;
    bool aligned_;
};

} // namespace
} // namespace WW_NAMESPACE

extern "C" int32_t WW_FUNCTION(norm)(const ww_norm_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    const ww_norm_params &p = *params;
    const bool residual = p.residual != nullptr;
    Rows rows(p);
    const bool well_formed = stream != nullptr && rows.add(p.x, p.x_stride) && rows.add(p.y, p.y_stride) &&
                             rows.add_optional(p.residual, p.residual_stride) && rows.add_optional(p.sum, p.sum_stride) &&
                             rows.add_weights(p.gamma) && (p.beta == nullptr || rows.add_weights(p.beta)) &&
                             is_vector(p.mean, p.rows, sizeof(float)) && is_vector(p.rstd, p.rows, sizeof(float)) &&
                             is_dropout(p.dropout) && (residual ? p.sum != nullptr : p.sum == nullptr && p.dropout.p == 0.0f);
    if (p.rows == 0) return WW_OK;
    if (!well_formed) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) { return launch_forward<typename decltype(type)::type>(p, stream, rows.aligned()); });
}

extern "C" int64_t WW_FUNCTION(norm_backward_workspace)(const ww_norm_backward_params *params) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    const Shape &shape = shape_of(backward_shapes, params->columns);
    // Rows that take a cluster have their means here where there are none.
    const int64_t means_bytes = shape.team.blocks > 1 ? params->rows * int64_t{sizeof(float2)} : 0;
    return partials_bytes(params->columns, parts_of(shape, params->rows)) + means_bytes;
}

extern "C" int32_t WW_FUNCTION(norm_backward)(const ww_norm_backward_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    const ww_norm_backward_params &p = *params;
    Rows rows(p);
    const bool well_formed =
        stream != nullptr && rows.add(p.x, p.x_stride) && rows.add(p.dy, p.dy_stride) &&
        rows.add_optional(p.residual_grad, p.residual_grad_stride) && rows.add(p.dx, p.dx_stride) &&
        rows.add_optional(p.dbranch, p.dbranch_stride) && rows.add_weights(p.gamma) && is_vector(p.mean, p.rows, sizeof(float)) &&
        is_vector(p.rstd, p.rows, sizeof(float)) && is_vector(p.dgamma, p.columns, sizeof(float)) &&
        is_vector(p.dbeta, p.dbeta == nullptr ? 0 : p.columns, sizeof(float)) && is_dropout(p.dropout) &&
        reinterpret_cast<uintptr_t>(p.workspace) % 16 == 0;
    if (!well_formed) return WW_ERROR_ARGUMENT;
    const int64_t needed = WW_FUNCTION(norm_backward_workspace)(params);
    if (p.workspace_bytes < needed) return WW_ERROR_WORKSPACE;
    if (p.workspace == nullptr && needed > 0) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) { return launch_backward<typename decltype(type)::type>(p, stream, rows.aligned()); });
}
