// The stable radix sort of ../embedding.cu: which rows of dy belong to which token, in the order of the tokens and, of one token, of
// the rows.
//
// From the least digit to the greatest, each pass counts the digits of each tile of keys, adds up the counts over the tiles before,
// and puts each tile's keys where these sums say. Within a tile a key's place comes from its rank among those of its warp
// (match.any), which hold neighboring keys, and from the counts of the warps before: shared memory has the tile in order before it
// is written, so that neighbors go to neighbors. What fits one tile is sorted there in one launch.
#pragma once

#include "../common/divisor.cuh"
#include "../common/ptx/memory.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int sort_warps = 16, sort_threads = 32 * sort_warps;
// Of a thread: its key, row and rank stay in registers.
constexpr int sort_items = 8;
constexpr uint32_t tile_items = sort_threads * sort_items;
// Below, thread d has digit d in hand.
constexpr int max_digit_bits = 8, max_digits = 1 << max_digit_bits;
static_assert(max_digits <= sort_threads);

// Tokens, or positions, [batch, seq_len], numbered in row-major order.
struct Indices {
    const uint32_t *start;
    int64_t stride;
    uint32_t seq_len;
    uint32_t limit; // what is greater counts as this
    Divisor by_seq_len;

    __device__ __forceinline__ uint32_t at(uint32_t i) const {
        const uint32_t b = by_seq_len.divide(i);
        return min(load(start + b * stride + (i - b * seq_len)), limit);
    }
};

// What a pass reads: the pass before's keys and rows, or the indices themselves, whose rows are their numbers.
struct SortInput {
    Indices indices;
    const uint32_t *keys; // null in the first pass
    const uint32_t *rows;
    uint32_t count;

    __device__ __forceinline__ uint32_t key(uint32_t i) const { return keys == nullptr ? indices.at(i) : load(keys + i); }
    __device__ __forceinline__ uint32_t row(uint32_t i) const { return keys == nullptr ? i : load(rows + i); }
};

// A digit of a key.
struct Digit {
    int shift, bits;

    __device__ __forceinline__ uint32_t of(uint32_t key) const { return key >> shift & ((1u << bits) - 1); }
};

// The sum of `x` over the threads before this one, and in `total` over all.
__device__ __forceinline__ uint32_t sum_before(uint32_t x, uint32_t (&of_warp)[sort_warps], uint32_t &total) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint32_t sum = x;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const uint32_t below = __shfl_up_sync(0xFFFFFFFFu, sum, distance);
        if (lane >= distance) sum += below;
    }
    __syncthreads(); // for who still reads the call before's
    if (lane == 31) of_warp[warp] = sum;
    __syncthreads();
    uint32_t before = 0;
    total = 0;
#pragma unroll
    for (int other = 0; other < sort_warps; ++other) {
        if (other < warp) before += of_warp[other];
        total += of_warp[other];
    }
    return before + sum - x;
}

// counts: [digits][tiles]
__global__ void __launch_bounds__(sort_threads) embedding_count(const SortInput in, const Digit digit, uint32_t *counts) {
    __shared__ uint32_t of_digit[max_digits];
    if (threadIdx.x < max_digits) of_digit[threadIdx.x] = 0;
    __syncthreads();
    const uint32_t first = blockIdx.x * tile_items, items = min(in.count - first, tile_items);
#pragma unroll 4
    for (uint32_t i = threadIdx.x; i < items; i += sort_threads) atomicAdd(&of_digit[digit.of(in.key(first + i))], 1u);
    __syncthreads();
    if (threadIdx.x < 1u << digit.bits) store(counts + int64_t{threadIdx.x} * gridDim.x + blockIdx.x, of_digit[threadIdx.x]);
}

// One block for each digit: its counts become the sums over the tiles before, and their total goes to `totals`.
__global__ void __launch_bounds__(sort_threads) embedding_scan(uint32_t *counts, const uint32_t tiles, uint32_t *totals) {
    __shared__ uint32_t of_warp[sort_warps];
    uint32_t *of_tile = counts + int64_t{blockIdx.x} * tiles, sum = 0;
    for (uint32_t first = 0; first < tiles; first += sort_threads) {
        const uint32_t tile = first + threadIdx.x;
        uint32_t total;
        const uint32_t before = sum_before(tile < tiles ? load(of_tile + tile) : 0, of_warp, total);
        if (tile < tiles) store(of_tile + tile, sum + before);
        sum += total;
    }
    if (threadIdx.x == 0) store(totals + blockIdx.x, sum);
}

// `passes` of them: one, or all where there is only one tile, which then needs no counts.
__global__ void __launch_bounds__(sort_threads, 2) embedding_sort(const SortInput in, Digit digit, const int passes,
                                                               const uint32_t *counts, const uint32_t *totals, uint32_t *keys_out,
                                                               uint32_t *rows_out) {
    __shared__ uint32_t keys[tile_items], rows[tile_items];
    __shared__ uint16_t places[sort_warps][max_digits]; // first counts, then where the warp's first key of the digit goes
    __shared__ uint32_t moved[max_digits];              // from a place in the tile to that among all
    __shared__ uint32_t of_warp[sort_warps];
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const uint32_t first = blockIdx.x * tile_items, items = min(in.count - first, tile_items);
    const auto place_of = [&](int i) { return (warp * sort_items + i) * 32 + lane; };
    for (int pass = 0; pass < passes; ++pass) {
        uint32_t key[sort_items], row[sort_items], rank[sort_items];
#pragma unroll
        for (int i = 0; i < sort_items; ++i) {
            const uint32_t place = place_of(i);
            if (place < items) {
                key[i] = pass == 0 ? in.key(first + place) : keys[place];
                row[i] = pass == 0 ? in.row(first + place) : rows[place];
            }
        }
        const bool has_digit = threadIdx.x < max_digits;
#pragma unroll
        for (int other = 0; other < sort_warps; ++other) {
            if (has_digit) places[other][threadIdx.x] = 0;
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < sort_items; ++i) {
            if (place_of(0) - lane + 32 * i >= items) break; // none of this warp's are left
            const bool there = place_of(i) < items;
            const uint32_t of = there ? digit.of(key[i]) : max_digits;
            const uint32_t same = __match_any_sync(0xFFFFFFFFu, of), below = __popc(same & ((1u << lane) - 1));
            if (there) rank[i] = places[warp][of] + below;
            __syncwarp();
            if (there && below == 0) places[warp][of] = static_cast<uint16_t>(rank[i] + __popc(same));
            __syncwarp();
        }
        __syncthreads();
        uint32_t count = 0, total;
#pragma unroll
        for (int other = 0; other < sort_warps; ++other) {
            if (has_digit) count += places[other][threadIdx.x];
        }
        uint32_t place = sum_before(count, of_warp, total);
        if (has_digit) moved[threadIdx.x] = 0;
        if (counts != nullptr) {
            const bool used = threadIdx.x < 1u << digit.bits;
            const uint32_t start = sum_before(used ? load(totals + threadIdx.x) : 0, of_warp, total);
            if (used) moved[threadIdx.x] = start + load(counts + int64_t{threadIdx.x} * gridDim.x + blockIdx.x) - place;
        }
#pragma unroll
        for (int other = 0; other < sort_warps; ++other) {
            if (!has_digit) break;
            const uint32_t its = places[other][threadIdx.x];
            places[other][threadIdx.x] = static_cast<uint16_t>(place);
            place += its;
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < sort_items; ++i) {
            if (place_of(i) < items) {
                const uint32_t to = places[warp][digit.of(key[i])] + rank[i];
                keys[to] = key[i];
                rows[to] = row[i];
            }
        }
        __syncthreads();
        if (pass + 1 < passes) digit.shift += digit.bits;
    }
    for (uint32_t place = threadIdx.x; place < items; place += sort_threads) {
        const uint32_t key = keys[place], row = rows[place], to = place + moved[digit.of(key)];
        store(keys_out + to, key);
        store(rows_out + to, row);
    }
}

} // namespace
} // namespace WW_NAMESPACE
