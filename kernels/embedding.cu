// Embeddings, forward and backward, and the sinusoidal positions. The contract, with formulas and shapes, is at `ww_embedding` in
// include/warpweave.h. N = B * T tokens, C columns.
//
// Forward: y[b, t] = dropout(scale * table[tokens[b, t]] + positions[p]). A thread has one vector of 16 bytes of place t in four
// sequences: their four rows of the table are in flight together, and the position's row is read once for them.
// Bytes, with elements of e bytes: e * C for a token's row each time that it is used, e * C for its row of y, e * C / 4 for its
// position (from L2 but for the first), and 4 for the token. Operations: 2 for each element, 25 more with dropout. Memory bounds it.
//
// Backward: dtable[v] += scale * sum of dropout(dy[b, t]) over the tokens v; dpositions[p] += sum over the tokens at p. Floating-point
// atomics would add in any order. Instead:
//   1. (token, row) pairs are sorted by token, stably, by the bits that the vocabulary has: sort.cuh. Positions from ids are sorted
//      like tokens; those that count up need no sorting, since where they would stand is known.
//   2. The sorted list is cut into chunks of so many rows. Threads of a chunk, each with a vector of columns, add up its rows. Where
//      a run of equal tokens lies in one chunk, its sum goes straight to dtable; a chunk's parts of at most two others, which
//      began before it or go on after it, go to the workspace.
//   3. A second kernel adds up these parts, a block for each run, eight warps side by side.
// So one token that fills the whole batch is summed by as many threads as a batch of different ones, no row of dy is read twice for
// one table, dtable's untouched rows are not touched, dropout is drawn on the fly, and the order of each sum follows from the shape
// and the tokens. Sums over runs, not buckets of the vocabulary: with those, the work of a block would depend on how often its
// tokens are used, which differs by orders of magnitude. Not all ranks at once by looking back at other blocks (onesweep): a block
// that waits for another one must know that it runs.
// dtable and dpositions each read dy: the two orders of its rows have nothing in common.
// Bytes: e * C for a row of dy, and 8 * C for each touched row of a table. Of the sort, per token: 4 read to count, 4 read and 8
// written to sort in the first pass, 4, 8 and 8 in each other one, and 8 read when rows are added up: 44 with a vocabulary of 50,257,
// two passes, where a row of 768 bf16 and its row of dtable take 7680. A batch that fits one tile, 4096 tokens, takes 4 + 8 + 8.
// Each part of a run: 8 * C. A chunk has two at most, so they are at most 16 / (e * rows of a chunk) of dy: 25 % for 16 rows of f32, 0.4 %
// for the 2048 rows of bf16 that chunks of a million tokens of 768 columns have.
// Operations: 1 for each element, 25 more with dropout. Memory bounds it; below about 16,384 tokens the launches do, of which there
// are 3 for one tile and 2 + 3 for each pass for more.
// Shared memory: the sort's places and ranks have bank conflicts that depend on the tokens; nothing else has any.
//
// Sinusoids: sin and cos in f64, of half turns, whose arguments sinpi reduces exactly and without local memory. Bytes: e for each
// element; operations: about 60 in f64, which bound it. It is done once for a model.
//
// Instantiations: the forward kernel for each of 3 types; 1 each for the sums over rows, their join, the sort's three and the sinusoids:
// 9. The types of tables and of dy, absent positions, ids, dropout and alignment are branches that all threads take alike.
#include <algorithm>

#include "common/launch.cuh"
#include "common/status.cuh"
#include "embedding/forward.cuh"
#include "embedding/scatter.cuh"
#include "embedding/sort.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int64_t max_tokens = INT32_MAX;
constexpr int64_t max_rows = int64_t{1} << 31; // of a table: 2^32 - 1 is then no token of it
constexpr int64_t max_columns = int64_t{1} << 20;

// How the vectors of a row lie on threads and blocks.
struct Teams {
    int threads_per_row;
    int of_block;
    unsigned vectors_of_thread; // each a block of its own along y

    Teams(int64_t columns, int width) {
        const int64_t vectors = divide_up(columns, width);
        threads_per_row = static_cast<int>(std::min<int64_t>(vectors, row_block_threads));
        of_block = row_block_threads / threads_per_row;
        vectors_of_thread = static_cast<unsigned>(divide_up(vectors, threads_per_row));
    }
    LaunchShape shape(int64_t teams) const {
        return {dim3(static_cast<unsigned>(divide_up(teams, of_block)), vectors_of_thread), dim3(of_block * threads_per_row)};
    }
};

template <typename T> int32_t launch_forward(const ww_embedding_params &p, ww_stream stream, bool aligned) {
    const Teams teams(p.columns, Pack<T>::width);
    const int64_t count = divide_up(p.batch, sequences_at_once) * p.seq_len;
    return launch(embedding_forward<T>, teams.shape(count), stream, p, Dropout(p.dropout), Divisor::of(p.seq_len), count,
                  teams.threads_per_row, aligned);
}

// Rows of a chunk. By the shape alone, so the order of sums is, too.
uint32_t chunk_rows(int64_t tokens, int64_t columns) {
    // 2^17 threads: a little more than an H100 holds at once.
    constexpr int64_t elements_at_once = (int64_t{1} << 17) * sum_width;
    constexpr int64_t most_chunks = 4096; // parts of one run that eight warps still add up soon
    int64_t rows = 16;                    // fewer, and parts would be as large as what they are sums of
    while (rows * elements_at_once < tokens * columns || rows * most_chunks < tokens) rows *= 2;
    return static_cast<uint32_t>(rows);
}

// By position: whole positions, if it is not many sequences that share them.
uint32_t chunk_rows_by_position(int64_t batch, int64_t seq_len, int64_t columns) {
    const int64_t rows = chunk_rows(batch * seq_len, columns);
    return static_cast<uint32_t>(batch > 2 * rows ? rows : batch * std::max<int64_t>(rows / batch, 1));
}

// Where everything lies in the workspace: bytes from its start, each a multiple of 16.
struct Workspace {
    int64_t keys[2], rows[2], counts, totals, partials, bytes;

    explicit Workspace(const ww_embedding_backward_params &p) {
        const int64_t tokens = p.batch * p.seq_len, tiles = divide_up(tokens, tile_items);
        bytes = 0;
        const bool passes = tiles > 1; // one tile is sorted in shared memory
        for (int which = 0; which < 2; ++which) {
            keys[which] = take(which == 0 || passes ? tokens : 0);
            rows[which] = take(which == 0 || passes ? tokens : 0);
        }
        counts = take(passes ? tiles * max_digits : 0);
        totals = take(passes ? max_digits : 0);
        int64_t chunks = divide_up(tokens, chunk_rows(tokens, p.columns));
        if (p.dpositions != nullptr && p.position_ids == nullptr) {
            chunks = std::max(chunks, divide_up(tokens, chunk_rows_by_position(p.batch, p.seq_len, p.columns)));
        }
        partials = take(chunks * 2 * p.columns);
    }

  private:
    // Of 4 bytes each.
    int64_t take(int64_t elements) {
        const int64_t start = bytes;
        bytes += divide_up(elements, 4) * 16;
        return start;
    }
};

// Sorts `indices`, of which those from `limit` on count as `limit`, and tells the list where the keys and rows are.
int32_t sort(const ww_embedding_backward_params &p, const uint32_t *start, int64_t stride, ww_stream stream, List &list) {
    const Workspace workspace(p);
    const auto at = [&](int64_t offset) { return reinterpret_cast<uint32_t *>(static_cast<char *>(p.workspace) + offset); };
    int bits = 1;
    while (list.limit >> bits != 0) ++bits;
    const int passes = (bits + max_digit_bits - 1) / max_digit_bits;
    Digit digit{0, (bits + passes - 1) / passes};
    SortInput in{{start, stride, list.seq_len, list.limit, Divisor::of(p.seq_len)}, nullptr, nullptr, list.count};
    const unsigned tiles = static_cast<unsigned>(divide_up(list.count, tile_items));
    const uint32_t *none = nullptr;
    uint32_t *counts = at(workspace.counts), *totals = at(workspace.totals);
    const int launches = tiles == 1 ? 1 : passes;
    for (int pass = 0; pass < launches; ++pass) {
        uint32_t *keys = at(workspace.keys[pass % 2]), *rows = at(workspace.rows[pass % 2]);
        int32_t status = WW_OK;
        if (tiles == 1) {
            status = launch(embedding_sort, {1, sort_threads}, stream, in, digit, passes, none, none, keys, rows);
        } else {
            status = launch(embedding_count, {tiles, sort_threads}, stream, in, digit, counts);
            if (status != WW_OK) return status;
            status = launch(embedding_scan, {1u << digit.bits, sort_threads}, stream, counts, tiles, totals);
            if (status != WW_OK) return status;
            status = launch(embedding_sort, {tiles, sort_threads}, stream, in, digit, 1, counts, totals, keys, rows);
        }
        if (status != WW_OK) return status;
        in.keys = list.keys = keys;
        in.rows = list.rows = rows;
        digit.shift += digit.bits;
    }
    return WW_OK;
}

int32_t launch_scatter(const Scatter &s, const ww_dropout &dropout, ww_stream stream) {
    const bool target_aligned =
        s.columns % sum_width == 0 && aligned_rows(s.target, s.list.limit, s.target_stride * int64_t{sizeof(float)});
    // 16 bits have accesses of 8 bytes.
    const int64_t bytes = element_bytes(s.dtype), tokens = s.list.count;
    const auto on_boundary = [&](int64_t x) { return x % (sum_width * bytes) == 0; };
    const bool aligned = target_aligned && on_boundary(reinterpret_cast<intptr_t>(s.dy)) &&
                         (tokens == s.seq_len || on_boundary(s.dy_strides[0] * bytes)) &&
                         (s.seq_len == 1 || on_boundary(s.dy_strides[1] * bytes));
    const Teams teams(s.columns, sum_width);
    const int32_t status =
        launch(embedding_scatter, teams.shape(s.chunks), stream, s, Dropout(dropout), teams.threads_per_row, aligned);
    // Where chunks end with positions, no run goes on.
    const bool whole = s.list.keys == nullptr && s.chunk % s.list.batch == 0;
    if (status != WW_OK || s.chunks == 1 || whole) return status;
    const unsigned blocks = static_cast<unsigned>(divide_up(s.columns, sum_width * 32));
    return launch(embedding_join, {dim3(s.chunks - 1, blocks), dim3(32 * join_warps)}, stream, s, target_aligned);
}

int32_t launch_backward(const ww_embedding_backward_params &p, ww_stream stream) {
    Scatter s = {};
    s.list.count = static_cast<uint32_t>(p.batch * p.seq_len);
    s.list.batch = static_cast<uint32_t>(p.batch);
    s.list.seq_len = s.seq_len = static_cast<uint32_t>(p.seq_len);
    s.list.by_batch = Divisor::of(p.batch);
    s.by_seq_len = Divisor::of(p.seq_len);
    s.dy = p.dy;
    s.dtype = p.dtype;
    std::copy(p.dy_strides, p.dy_strides + 2, s.dy_strides);
    s.columns = static_cast<int>(p.columns);
    s.partials = reinterpret_cast<float *>(static_cast<char *>(p.workspace) + Workspace(p).partials);
    const auto scatter = [&](uint32_t chunk, float *target, int64_t stride, float scale) {
        s.chunk = chunk;
        s.chunks = static_cast<uint32_t>(divide_up(s.list.count, chunk));
        s.target = target;
        s.target_stride = stride;
        s.scale = scale;
        return launch_scatter(s, p.dropout, stream);
    };
    const uint32_t chunk = chunk_rows(s.list.count, p.columns);
    int32_t status = WW_OK;
    if (p.dpositions != nullptr) {
        s.list.limit = static_cast<uint32_t>(p.position_count);
        s.list.first_position = static_cast<uint32_t>(p.first_position);
        const bool ids = p.position_ids != nullptr;
        if (ids) status = sort(p, p.position_ids, p.position_ids_stride, stream, s.list);
        const uint32_t rows = ids ? chunk : chunk_rows_by_position(p.batch, p.seq_len, p.columns);
        if (status == WW_OK) status = scatter(rows, p.dpositions, p.dpositions_stride, 1.0f);
    }
    s.list.limit = static_cast<uint32_t>(p.vocab_size);
    if (status == WW_OK) status = sort(p, p.tokens, p.tokens_stride, stream, s.list);
    return status != WW_OK ? status : scatter(chunk, p.dtable, p.dtable_stride, p.scale);
}

// What both passes' parameters have in common.
template <typename Params> int32_t check_shape(const Params *p) {
    if (p == nullptr || p->batch < 0 || p->seq_len < 0 || p->columns < 1 || p->vocab_size < 0 || p->position_count < 0 ||
        p->first_position < 0) {
        return WW_ERROR_ARGUMENT;
    }
    if (p->columns > max_columns || p->vocab_size > max_rows || p->position_count > max_rows) return WW_ERROR_UNSUPPORTED;
    if (p->seq_len > 0 && p->batch > max_tokens / p->seq_len) return WW_ERROR_UNSUPPORTED;
    return is_dtype(p->dtype) ? WW_OK : WW_ERROR_UNSUPPORTED;
}

// Tokens, ids, and that positions which count up are there.
template <typename Params> bool check_indices(const Params &p, bool positions) {
    const bool ids = p.position_ids != nullptr;
    if (!is_vector(p.tokens, 1, sizeof(uint32_t)) || !is_vector(p.position_ids, ids ? 1 : 0, sizeof(uint32_t))) return false;
    return positions ? ids || p.first_position <= p.position_count - p.seq_len : !ids;
}

} // namespace
} // namespace WW_NAMESPACE

extern "C" int32_t WW_FUNCTION(embedding)(const ww_embedding_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    const ww_embedding_params &p = *params;
    if (!is_dtype(p.weight_dtype)) return WW_ERROR_UNSUPPORTED;
    if (p.batch == 0 || p.seq_len == 0) return WW_OK;
    const int64_t bytes = element_bytes(p.weight_dtype);
    const int64_t y_bytes = element_bytes(p.dtype), b_stride = p.y_strides[0], t_stride = p.y_strides[1];
    const bool apart = (p.batch == 1 || b_stride >= p.columns) && (p.seq_len == 1 || t_stride >= p.columns);
    const bool well_formed = check_indices(p, p.positions != nullptr) && is_vector(p.y, 1, y_bytes) && apart &&
                             is_vector(p.table, p.vocab_size, bytes) &&
                             is_vector(p.positions, p.positions == nullptr ? 0 : 1, bytes) && is_dropout(p.dropout);
    if (!well_formed) return WW_ERROR_ARGUMENT;
    const bool aligned = p.columns * y_bytes % 16 == 0 && aligned_rows(p.table, p.vocab_size, p.table_stride * bytes) &&
                         aligned_rows(p.positions, p.position_count, p.positions_stride * bytes) &&
                         aligned_rows(p.y, p.batch, b_stride * y_bytes) && aligned_rows(p.y, p.seq_len, t_stride * y_bytes);
    return with_type(p.dtype, [&](auto type) { return launch_forward<typename decltype(type)::type>(p, stream, aligned); });
}

extern "C" int64_t WW_FUNCTION(embedding_backward_workspace)(const ww_embedding_backward_params *params) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    return params->batch == 0 || params->seq_len == 0 ? 0 : Workspace(*params).bytes;
}

extern "C" int32_t WW_FUNCTION(embedding_backward)(const ww_embedding_backward_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_shape(params)) return status;
    const ww_embedding_backward_params &p = *params;
    if (p.batch == 0 || p.seq_len == 0) return WW_OK;
    const bool positions = p.dpositions != nullptr;
    const bool well_formed =
        check_indices(p, positions) && is_vector(p.dy, 1, element_bytes(p.dtype)) &&
        is_matrix(p.dtable, p.vocab_size, p.columns, p.dtable_stride, sizeof(float)) &&
        (!positions || is_matrix(p.dpositions, p.position_count, p.columns, p.dpositions_stride, sizeof(float))) &&
        is_dropout(p.dropout) && p.workspace != nullptr && reinterpret_cast<uintptr_t>(p.workspace) % 16 == 0;
    if (!well_formed) return WW_ERROR_ARGUMENT;
    if (p.workspace_bytes < WW_FUNCTION(embedding_backward_workspace)(params)) return WW_ERROR_WORKSPACE;
    return launch_backward(p, stream);
}

extern "C" int32_t WW_FUNCTION(sinusoidal_positions)(const ww_sinusoidal_positions_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr || params->rows < 0 || params->columns < 0) return WW_ERROR_ARGUMENT;
    const ww_sinusoidal_positions_params &p = *params;
    if (!is_dtype(p.dtype) || p.columns > max_columns) return WW_ERROR_UNSUPPORTED;
    if (p.rows == 0 || p.columns == 0) return WW_OK;
    if (!is_matrix(p.positions, p.rows, p.columns, p.positions_stride, element_bytes(p.dtype))) return WW_ERROR_ARGUMENT;
    // Few enough rows of blocks that a column's frequency is found for many positions.
    constexpr int64_t most_blocks = 512;
    const int64_t blocks = std::min(divide_up(p.rows, sinusoid_rows), most_blocks);
    const dim3 grid(static_cast<unsigned>(divide_up(p.columns, 32)), static_cast<unsigned>(blocks));
    return launch(embedding_sinusoids, {grid, dim3(32, sinusoid_rows)}, stream, p);
}
