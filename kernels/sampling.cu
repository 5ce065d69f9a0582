// Drawing a token for each row of logits. The contract, with the weights and the filters, is at `ww_sample` in
// include/warpweave.h.
//
//   logits [rows, vocab_size] -> tokens [rows]
//   m = max(logits), w = floor(2^40 * exp((logit - m) / temperature)); the token at which running sums of w pass u * sum(w)
//
// Why integers. A CPU and a GPU add in different orders, and of two sums that differ in the last bit one may be past the drawn
// point and one not yet. Sums of integers are the same in any order, and what makes the integers (sampling/weights.cuh) rounds
// alike everywhere. So the split below is free to follow the number of rows, the GPU and the alignment: no token depends on it.
//
// How the work is split. A row belongs to the warps of a block or a cluster, each of which has a contiguous part of it, tile after
// tile of 32 vectors of 16 bytes; vectors lie on multiples of 16 wherever the row begins. A pass over the row is one loop of each
// warp over its part, then one exchange between warps:
//   1. the greatest key, an integer in the order of logits, with the lowest token that has it; temperature 0 ends here;
//   2. for top-k and top-p a descent each: a histogram of counts or weights over a digit of 8 bits, in shared memory, says into
//      which bin the cut falls, and the next pass looks into that bin; what ties at the last digit is cut by the token's number;
//   3. the sum of each warp's kept weights. Each warp then knows where in the running sums its own part begins and ends;
//      the one that has the drawn point goes through its tiles once more, by prefix sums over lanes.
// Passes: 1 for temperature 0, 2 plainly, and for each of top-k and top-p 4 more in f32, 3 in f16, 2 in bf16, whose numbers have no
// more digits.
//
// What it costs. Bytes: the row once, 4 for the token. A thread keeps up to 4 vectors in registers through all passes; so a row is
// read once up to 131,072 elements in f32 and 262,144 in 16 bits with clusters, an eighth of that without. In longer rows each pass
// reads again, out of L1 or L2: a row has no more than a few MB. Operations for an element: about 10 in the first pass, 35 in each
// other one, 64-bit sums included. At the pace of its memory an H100 has time for 71 in f32 and 35 in 16 bits: memory bounds
// argmax, and both together plain sampling. One row of a common vocabulary takes a few microseconds, of which the latency of
// launch, memory and exchanges is most: so few rows get more and smaller blocks each (`block_warps`).
// Shared memory: the histograms' atomics meet in bins, as they must; a warp's exchange with the other blocks of a cluster writes to
// one place in each of them; all else is free of conflicts.
//
// Instantiations: one for each of 3 types. The filters are branches that all threads of a row take alike.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "common/launch.cuh"
#include "common/philox.cuh"
#include "common/status.cuh"
#include "sampling/select.cuh"

namespace WW_NAMESPACE {
namespace {

// Of a row that is not one to draw from.
constexpr uint32_t no_token = 0xFFFFFFFFu;

// A call, as the kernel takes it.
struct Call {
    const void *logits;
    int64_t stride;
    uint32_t *tokens;
    int64_t first_row; // of this launch
    uint64_t seed, draw;
    uint64_t top_p;        // times 2^64; 0 for all
    uint64_t least_weight; // min_p
    uint32_t top_k;        // 0 for all
    int columns;
    float scale;           // of `Weights`; 0 for the greatest logit's token
};

// What filters keep of some tokens in a row: the weights of those above the cutoff, and how many have its key.
struct Kept {
    uint64_t sum;
    uint32_t ties;
};

// How a final choice weighs tokens.
struct Choice {
    Weights weights;
    uint64_t least_weight;
    Cutoff cutoff;
    uint64_t tie_weight;

    __device__ __forceinline__ Choice(const Weights &weights, uint64_t least_weight, Cutoff cutoff)
        : weights(weights), least_weight(least_weight), cutoff(cutoff), tie_weight(0) {
        if (cutoff.ties != 0) tie_weight = above_least(weights.of(logit_of(cutoff.key)));
    }
    __device__ __forceinline__ uint64_t above_least(uint64_t weight) const { return weight >= least_weight ? weight : 0; }

    __device__ __forceinline__ void add(Kept &kept, float logit) const {
        const uint32_t key = key_of(logit);
        if (key > cutoff.key) kept.sum += above_least(weights.of(logit));
        kept.ties += key == cutoff.key;
    }
    // The weight of the tokens from the row's first one on, counted so far.
    __device__ __forceinline__ uint64_t weight(const Kept &kept) const {
        return kept.sum + min(kept.ties, cutoff.ties) * tie_weight;
    }
};

struct Shared {
    Slots<uint64_t> greatest, sums;
    Slots<uint32_t> ties;
    Selection selection;
};

// Where top-k and top-p cut.
template <typename T>
__device__ __forceinline__ Cutoff find_cutoff(const Call &call, const RowPart<T> &part, Pack<T> (&x)[held_vectors],
                                              const Weights &weights, const RowTeam &team, Selection &shared) {
    Cutoff cutoff = keep_all;
    uint64_t excess = 0; // what tokens with the cutoff's key weigh that top-k leaves out
    int turn = 0;
    if (call.top_k != 0) {
        const Descent kth = descend(part, x, weights, team, shared, turn, 0, [](uint64_t) { return uint64_t{1}; },
                                    [&](uint64_t) { return uint64_t{call.top_k}; });
        if (kth.bin != bins) {
            cutoff = {kth.bin, static_cast<uint32_t>(kth.remaining)};
            excess = (kth.sum - kth.remaining) * weights.of(logit_of(kth.bin));
        }
    }
    if (call.top_p != 0) {
        const auto share = [&](uint64_t sum) {
            const uint64_t whole = sum - excess;
            return __umul64hi(call.top_p, whole) + (call.top_p * whole != 0 ? 1 : 0);
        };
        const auto value = [](uint64_t weight) { return weight; };
        const Descent last = descend(part, x, weights, team, shared, turn, cutoff.key, value, share);
        const uint64_t weight = weights.of(logit_of(last.bin));
        cutoff = {last.bin, static_cast<uint32_t>((last.remaining - 1) / weight + 1)};
    }
    return cutoff;
}

template <typename T>
__global__ void __launch_bounds__(32 * most_block_warps) sample(const Call call, const RowTeam team, const int tiles) {
    constexpr int width = RowPart<T>::width;
    __shared__ Shared shared;
    cluster_begins(team);
    const int64_t row = call.first_row + blockIdx.x / team.blocks;
    const int warp = team.thread() / 32, warps = team.warps * team.blocks, lane = threadIdx.x % 32;
    const RowPart<T> part(static_cast<const T *>(call.logits) + row * call.stride, call.columns, warp, tiles);

    // The greatest logit, and of those that have it the first.
    Pack<T> x[held_vectors];
    uint32_t key = 0, token = 0;
    part.each_tile(x, true, [&](int tile, const float(&logits)[width]) {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            const uint32_t other = key_of(logits[e]);
            if (other > key) {
                key = other;
                token = part.token(tile, e);
            }
        }
    });
    uint64_t greatest = warp_greatest(uint64_t{key} << 32 | ~token);
    cluster_has_begun(team);
    shared.greatest.leave(greatest, team, warp);
    shared.selection.histograms[0].clear();
    row_barrier(team);
    greatest = 0;
    for (int other = lane; other < warps; other += 32) greatest = max(greatest, shared.greatest.of_warp[other]);
    greatest = warp_greatest(greatest);
    key = static_cast<uint32_t>(greatest >> 32);
    const bool drawable = key > key_of_nothing && key < key_of_infinity;
    if (!drawable || call.scale == 0.0f) {
        if (team.thread() == 0) store(call.tokens + row, drawable ? ~static_cast<uint32_t>(greatest) : no_token);
        return;
    }

    const Weights weights{logit_of(key), call.scale};
    const Cutoff cutoff = find_cutoff(call, part, x, weights, team, shared.selection);
    const Choice choice(weights, call.least_weight, cutoff);

    // What each warp's tokens weigh, and so which warp has the drawn one.
    Kept own = {0, 0};
    part.each_tile(x, false, [&](int, const float(&logits)[width]) {
#pragma unroll
        for (const float logit : logits) choice.add(own, logit);
    });
    own = {warp_total(own.sum), warp_total(own.ties)};
    shared.sums.leave(own.sum, team, warp);
    shared.ties.leave(own.ties, team, warp);
    row_barrier(team);
    Kept all = {0, 0}, before = {0, 0};
    for (int other = lane; other < warps; other += 32) {
        const Kept part_of_row = {shared.sums.of_warp[other], shared.ties.of_warp[other]};
        all = {all.sum + part_of_row.sum, all.ties + part_of_row.ties};
        if (other < warp) before = {before.sum + part_of_row.sum, before.ties + part_of_row.ties};
    }
    all = {warp_total(all.sum), warp_total(all.ties)};
    before = {warp_total(before.sum), warp_total(before.ties)};
    const uint4 word = philox(call.seed, uint4{static_cast<uint32_t>(call.draw), static_cast<uint32_t>(call.draw >> 32),
                                               static_cast<uint32_t>(row), static_cast<uint32_t>(row >> 32) + (1u << 30)});
    const uint64_t drawn = __umul64hi(uint64_t{word.x} << 32 | word.y, choice.weight(all));
    const auto has_drawn = [&](const Kept &from, const Kept &to) {
        return choice.weight(from) <= drawn && drawn < choice.weight(to);
    };
    if (!has_drawn(before, {before.sum + own.sum, before.ties + own.ties})) return;

    // Tile after tile, the lane that has it.
    part.each_tile(x, false, [&](int tile, const float(&logits)[width]) {
        Kept mine = {0, 0};
#pragma unroll
        for (const float logit : logits) choice.add(mine, logit);
        const Kept running = {warp_running(mine.sum), warp_running(mine.ties)};
        const Kept end = {before.sum + running.sum, before.ties + running.ties};
        Kept now = {end.sum - mine.sum, end.ties - mine.ties};
        if (has_drawn(now, end)) {
            int element = -1;
#pragma unroll
            for (int e = 0; e < width; ++e) {
                const bool passed = drawn < choice.weight(now);
                if (!passed) {
                    choice.add(now, logits[e]);
                    element = e;
                }
            }
            store(call.tokens + row, static_cast<uint32_t>(part.token(tile, element)));
        }
        before = {__shfl_sync(0xFFFFFFFFu, end.sum, 31), __shfl_sync(0xFFFFFFFFu, end.ties, 31)};
    });
}

// ---- Launcher

constexpr int64_t most_columns = int64_t{1} << 23;
// Of one launch: their blocks must be few enough for a grid.
constexpr int64_t most_rows = int64_t{1} << 27;

// With up to so many rows, they alone don't fill the GPU.
constexpr int64_t few_rows = 16;
// The warps of a block before a row takes more blocks: where rows are few, more multiprocessors read and compute for each.
constexpr int64_t block_warps(int64_t rows) { return rows <= few_rows ? 4 : 16; }

RowTeam team_of(int64_t rows, int64_t vectors, bool clusters) {
    const int64_t warps = divide_up(vectors, 32 * held_vectors);
    int blocks = 1;
    while (clusters && blocks < most_blocks && block_warps(rows) * blocks < warps) blocks *= 2;
    return {32, static_cast<int>(std::min<int64_t>(divide_up(warps, blocks), most_block_warps)), blocks};
}

template <typename T> int32_t launch_sample(const ww_sample_params &p, Call call, ww_stream stream) {
    // A row may begin one element before a multiple of 16 bytes.
    const int64_t vectors = divide_up(p.vocab_size + Pack<T>::width - 1, Pack<T>::width);
    bool clusters = false;
    if (vectors > 32 * held_vectors) {
        if (const int32_t status = has_clusters(sample<T>, stream, clusters)) return status;
    }
    const RowTeam team = team_of(p.rows, vectors, clusters);
    const int tiles = static_cast<int>(divide_up(vectors, team.threads()));
    for (; call.first_row < p.rows; call.first_row += most_rows) {
        LaunchShape shape;
        shape.grid = dim3(static_cast<unsigned>(std::min(p.rows - call.first_row, most_rows) * team.blocks));
        shape.block = dim3(32 * team.warps);
        shape.cluster = team.blocks;
        if (const int32_t status = launch(sample<T>, shape, stream, call, team, tiles)) return status;
    }
    return WW_OK;
}

} // namespace
} // namespace WW_NAMESPACE

extern "C" int32_t WW_FUNCTION(sample)(const ww_sample_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_sample_params &p = *params;
    if (p.rows < 0 || p.vocab_size < 1 || p.top_k < 1) return WW_ERROR_ARGUMENT;
    if (!(p.temperature >= 0.0f && p.temperature <= FLT_MAX)) return WW_ERROR_ARGUMENT;
    if (!(p.top_p > 0.0f && p.top_p <= 1.0f && p.min_p >= 0.0f && p.min_p <= 1.0f)) return WW_ERROR_ARGUMENT;
    if (p.vocab_size > most_columns || !is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (p.rows == 0) return WW_OK;
    if (!is_vector(p.logits, p.vocab_size, element_bytes(p.dtype)) || !is_vector(p.tokens, p.rows, 4)) return WW_ERROR_ARGUMENT;
    Call call = {};
    call.logits = p.logits;
    call.stride = p.logits_stride;
    call.tokens = p.tokens;
    call.seed = p.seed;
    call.draw = p.draw;
    if (p.top_p < 1.0f) call.top_p = std::max<uint64_t>(static_cast<uint64_t>(static_cast<double>(p.top_p) * 0x1p64), 1);
    call.least_weight = static_cast<uint64_t>(std::ceil(static_cast<double>(p.min_p) * static_cast<double>(whole_weight)));
    call.top_k = p.top_k < p.vocab_size ? static_cast<uint32_t>(p.top_k) : 0;
    call.columns = static_cast<int>(p.vocab_size);
    constexpr double log2_e = 1.4426950408889634;
    const double scale = log2_e / static_cast<double>(p.temperature);
    if (p.temperature > 0.0f) call.scale = static_cast<float>(std::min(scale, double{FLT_MAX}));
    return with_type(p.dtype, [&](auto type) { return launch_sample<typename decltype(type)::type>(p, call, stream); });
}
