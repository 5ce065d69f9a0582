// Layer norm and RMS norm, forward and backward. The contract, with formulas and shapes, is at `ww_norm` in include/warpweave.h.
//
// Forward. s = x, or s = residual + dropout(x), of [rows, columns]:
//     mean = sum(s) / C,   rstd = 1 / sqrt(sum((s - mean)^2) / C + eps),   y = (s - mean) * rstd * gamma + beta
// A row is read once, into registers, 16 bytes per access, and summed there twice. The second sum finds both the variance around
// the f32 mean and the rounding error of that mean, which is taken out of y, so a large mean costs no accuracy.
// Bytes: 2 elements for each (4 with a residual), and 8 per row. Operations: about 10 for each element, 25 more with dropout.
// Memory bounds it. A row belongs to a few lanes, a warp, a block or a cluster (`forward_shapes`). A block ends with its row,
// or its rows, and the hardware keeps many in flight; gamma and beta come from L1.
// Without clusters (before sm_90, or on a part of a GPU that has no room for one) the widest rows have one block of as many
// warps, at most 1024 threads: each then plays two threads of a row of more than 32768 columns, the second one's elements in
// shared memory, 128 KiB for f32. Where a block has less, on an sm_86 or sm_89, each pass reads again what did not fit. Order and
// bits are those of the cluster.
//
// Backward. n = (x - mean) * rstd and g = dy * gamma:
//     dx = rstd * (g - mean(g) - n * mean(g * n)) + residual_grad,   dgamma = sum over rows of dy * n,   dbeta = of dy
// Bytes: 3 elements for each (4 with residual_grad or dbranch, 5 with both), and 16 per column and part of the sums.
// Operations: about 25 for each element. Memory bounds it, as long as enough is in flight. The sums over rows are why blocks
// stay: block or cluster p of P takes row groups p, p + P, p + 2P, ..., keeps its part of dgamma and dbeta in registers, and
// writes it to the workspace at the end; a second kernel adds up the P parts in order. These sums fill the registers, so rows
// ahead wait in shared memory: each thread copies its own elements there (cp.async) and reads them back itself, without
// barriers. P comes from `backward_shapes` and the number of rows, never from the device, so the order of all sums depends on
// the shape alone.
// Without clusters, wide rows are read twice: by a kernel that finds their means, a block for a row, and by one for dx and the
// sums over rows, a thread for a vector of columns. Order and bits are those of the cluster.
//
// Shared memory: no access has bank conflicts. (The sums that the blocks of a cluster leave for each other are stores of a lane for
// each block, which the simulated GPU counts as if they went to one memory.)
//
// Instantiations: 3 forward kernels, 2 backward ones and 2 for wide rows without clusters, for each of 3 types, and 1 for the
// last sums: 22. All else (types of gamma and beta, residual, dropout, alignment, which norm) are branches that all threads
// take alike.
#include <algorithm>

#include "common/column_sums.cuh"
#include "common/launch.cuh"
#include "common/status.cuh"
#include "norm/backward.cuh"
#include "norm/forward.cuh"

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

// With 32 columns a thread takes about 75 registers: 3 blocks of 256 threads share an SM, and some load while others sum. So a
// row gets as few threads as hold it (fewer partial sums, no barrier up to 1024 columns), and its cluster as few blocks.
constexpr Shape forward_shapes[] = {
    {64, {8, 1, 1}, 8, 128, 0},      // heads of 64: with a warp each, most lanes would idle
    {128, {16, 1, 1}, 8, 128, 0},    // heads of 128: the same
    {256, {32, 1, 1}, 8, 128, 0},    // one access of 16-bit elements per lane
    {1024, {32, 1, 1}, 32, 128, 0},  // still no barrier; GPT-2's 768
    {2048, {32, 2, 1}, 32, 64, 0},   // a barrier of few warps; small blocks end and make room soon
    {4096, {32, 4, 1}, 32, 128, 0},  // the same
    {8192, {32, 8, 1}, 32, 256, 0},  // larger blocks would leave an SM with one or two, which load and sum by turns
    {16384, {32, 8, 2}, 32, 256, 0}, // so more columns take more blocks
    {32768, {32, 8, 4}, 32, 256, 0}, // the same
    {65536, {32, 8, 8}, 32, 256, 0}, // 8: the largest cluster that every whole GPU with clusters takes
};

// The sums over rows take 2 registers per column. max_partials is one wave on 132 SMs with 2 blocks each, with clusters fitted
// into GPCs of 16 SMs; devices of other sizes run the same blocks.
constexpr Shape backward_shapes[] = {
    {64, {8, 1, 1}, 8, 256, 264},      // as forward
    {128, {16, 1, 1}, 8, 256, 264},    // as forward
    {256, {32, 1, 1}, 8, 256, 264},    // as forward
    {1024, {32, 1, 1}, 32, 256, 264},  // as forward: no barrier per row
    {2048, {32, 8, 1}, 8, 256, 264},   // not 2 warps of 32 columns: more blocks would mean more parts in the workspace
    {8192, {32, 8, 1}, 32, 256, 264},  // 4096 to 8192 columns fill the sums' registers
    {16384, {32, 8, 2}, 32, 256, 132}, // as forward: more columns take more blocks
    {32768, {32, 8, 4}, 32, 256, 64},  // 8 clusters in a GPC
    {65536, {32, 8, 8}, 32, 256, 32},  // 4 clusters in a GPC
};

constexpr int64_t max_columns = 65536;

template <int count> const Shape &shape_of(const Shape (&shapes)[count], int64_t columns) {
    int i = 0;
    while (shapes[i].max_columns < columns) ++i;
    return shapes[i];
}

template <typename T> int32_t launch_forward(const ww_norm_params &p, ww_stream stream, bool aligned) {
    const Shape &shape = shape_of(forward_shapes, p.columns);
    RowTeam team = shape.team;
    const int threads_per_row = team.threads();
    int shared_vectors = 0;
    LaunchShape launch_shape;
    launch_shape.block = shape.block_threads;
    if (team.blocks > 1) {
        launch_shape.grid = launch_shape.cluster = team.blocks;
        bool clusters = false;
        if (const int32_t status = fits_cluster(norm_forward<T, 32, 256>, launch_shape, stream, clusters)) return status;
        if (!clusters) {
            team = {32, std::min(team.warps * team.blocks, 32), 1};
            launch_shape.block = team.threads();
        }
        if (threads_per_row > team.threads()) {
            const int vector_bytes = team.threads() * static_cast<int>(sizeof(Pack<T>));
            int most = 0;
            if (const int32_t status = most_shared_bytes(norm_forward<T, 32, 1024>, stream, most)) return status;
            shared_vectors = std::min(32 / Pack<T>::width, most / vector_bytes);
            launch_shape.shared_bytes = shared_vectors * vector_bytes;
        }
    }
    const int64_t rows = team.rows(launch_shape.block.x), blocks = (p.rows + rows - 1) / rows * team.blocks;
    if (blocks > INT32_MAX) return WW_ERROR_UNSUPPORTED;
    launch_shape.grid = static_cast<unsigned>(blocks);
    launch_shape.cluster = team.blocks;
    auto *kernel = launch_shape.block.x > 256       ? norm_forward<T, 32, 1024>
                   : shape.columns_per_thread == 32 ? norm_forward<T, 32, 256>
                                                    : norm_forward<T, 8, 256>;
    return launch(kernel, launch_shape, stream, p, Dropout(p.dropout), team, threads_per_row, shared_vectors, aligned);
}

// In how many parts the sums over rows are taken: two groups of rows or more in each, so that fewer bytes go to the workspace than
// come from the operands.
int parts_of(const Shape &shape, int64_t rows) {
    const int64_t rows_of_two = 2 * shape.team.rows(shape.block_threads);
    return static_cast<int>(std::min<int64_t>((rows + rows_of_two - 1) / rows_of_two, shape.max_partials));
}

int64_t partials_bytes(int64_t columns, int parts) { return int64_t{parts} * 2 * padded_columns(columns) * int64_t{sizeof(float)}; }

template <typename T> int32_t launch_backward(const ww_norm_backward_params &p, ww_stream stream, bool aligned) {
    const Shape &shape = shape_of(backward_shapes, p.columns);
    const RowTeam team = shape.team;
    const int parts = parts_of(shape, p.rows);
    const Dropout dropout(p.dropout);
    LaunchShape launch_shape;
    launch_shape.grid = parts * team.blocks;
    launch_shape.block = shape.block_threads;
    launch_shape.cluster = team.blocks;
    launch_shape.shared_bytes =
        sizeof(Pack<T>) * staged_operands(p) * staged_vectors(shape.columns_per_thread) * shape.block_threads;
    bool clusters = true;
    if (parts > 0 && team.blocks > 1) {
        if (const int32_t status = fits_cluster(norm_backward<T, 32>, launch_shape, stream, clusters)) return status;
    }
    int32_t status = WW_OK;
    if (parts == 0) {
        // Without rows the sums are zeros.
    } else if (clusters) {
        auto *kernel = shape.columns_per_thread == 32 ? norm_backward<T, 32> : norm_backward<T, 8>;
        status = launch(kernel, launch_shape, stream, p, dropout, team, parts, aligned);
    } else {
        auto *means = reinterpret_cast<float2 *>(static_cast<char *>(p.workspace) + partials_bytes(p.columns, parts));
        const int threads = team.threads();
        const LaunchShape row_blocks{dim3(static_cast<unsigned>(p.rows)), dim3(std::min(threads, 512))};
        status = launch(norm_backward_means<T>, row_blocks, stream, p, means, threads, aligned);
        if (status != WW_OK) return status;
        constexpr int columns_per_block = 256 * Pack<T>::width;
        const unsigned blocks = static_cast<unsigned>((p.columns + columns_per_block - 1) / columns_per_block);
        status = launch(norm_backward_columns<T>, {dim3(blocks, parts), dim3(256)}, stream, p, dropout, means, aligned);
    }
    if (status != WW_OK) return status;
    return launch_sums({static_cast<const float *>(p.workspace), 2, parts, p.columns, p.dgamma, p.dbeta, p.beta_acc}, stream);
}

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
    // What is only read may overlap: one row for all, by a stride of 0.
    bool add_input(const void *start, int64_t stride) {
        const int64_t bytes = element_bytes(p_.dtype);
        aligned_ = aligned_ && aligned_rows(start, p_.rows, stride * bytes);
        return is_vector(start, p_.rows * p_.columns, bytes);
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
    const bool well_formed = rows.add_input(p.x, p.x_stride) && rows.add(p.y, p.y_stride) &&
                             (!residual || rows.add_input(p.residual, p.residual_stride)) && rows.add_optional(p.sum, p.sum_stride) &&
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
        rows.add_input(p.x, p.x_stride) && rows.add_input(p.dy, p.dy_stride) &&
        (p.residual_grad == nullptr || rows.add_input(p.residual_grad, p.residual_grad_stride)) && rows.add(p.dx, p.dx_stride) &&
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
