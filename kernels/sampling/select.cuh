// How the filters of ../sampling.cu find where they cut: a descent through the digits of keys.
#pragma once

#include "row.cuh"
#include "weights.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int bins = 256;

// Sums of 64 bits in halves: shared memory adds 32 bits in one instruction, and 64 only by trying until nobody came between.
struct Histogram {
    uint32_t low[bins], high[bins];

    __device__ __forceinline__ void add(uint32_t bin, uint64_t value) {
        const uint32_t part = static_cast<uint32_t>(value);
        const uint32_t before = atomicAdd(&low[bin], part);
        const uint32_t rest = static_cast<uint32_t>(value >> 32) + (before + part < before ? 1 : 0);
        if (rest != 0) atomicAdd(&high[bin], rest);
    }
    __device__ __forceinline__ uint64_t sum(int bin) const { return uint64_t{high[bin]} << 32 | low[bin]; }
    __device__ __forceinline__ void clear() {
        for (int bin = threadIdx.x; bin < bins; bin += blockDim.x) low[bin] = high[bin] = 0;
    }
};

// Tokens with a greater key are kept, and the first `ties` of those that have it.
struct Cutoff {
    uint32_t key;
    uint32_t ties;
};
constexpr Cutoff keep_all = {0, 0}; // no number has this key

// Where a descent has come to.
struct Descent {
    uint64_t remaining; // of the target, below the bins that are greater
    uint64_t sum;       // of the bin
    uint32_t bin;
};

struct Selection {
    Histogram histograms[2]; // by turns: one is cleared while others may still read the other one
    uint64_t merged[bins];
    Descent descent;
};

// The bin at which sums from the greatest bin on reach `remaining`, which is at most the sum of all. By one warp.
__device__ __forceinline__ Descent find_bin(const uint64_t (&merged)[bins], uint64_t remaining) {
    const int lane = threadIdx.x % 32;
#pragma unroll 1
    for (int top = bins - 1;; top -= 32) {
        const uint64_t sum = merged[top - lane], running = warp_running(sum);
        const uint32_t reached = __ballot_sync(0xFFFFFFFFu, running >= remaining);
        if (reached != 0) {
            const int at = __ffs(reached) - 1;
            const uint64_t own = __shfl_sync(0xFFFFFFFFu, sum, at), before = __shfl_sync(0xFFFFFFFFu, running, at) - own;
            return {remaining - before, own, static_cast<uint32_t>(top - at)};
        }
        remaining -= __shfl_sync(0xFFFFFFFFu, running, 31);
    }
}

__device__ __forceinline__ uint64_t sum_of_bins(const uint64_t (&merged)[bins]) {
    uint64_t sum = 0;
    for (int bin = threadIdx.x % 32; bin < bins; bin += 32) sum += merged[bin];
    return warp_total(sum);
}

// Descends to the key at which values, added up from the greatest key on, reach target(their sum): tokens with keys of `least`
// and above that weigh something, each as much as value(weight). Returns the key, and for the tokens that have it the sum of
// their values and what remains of the target. A target above the sum gives a bin of `bins`: there is no such key.
// All threads of the row call it; `turn` counts the histograms they have used.
template <typename T, typename Value, typename Target>
__device__ __forceinline__ Descent descend(const RowPart<T> &part, Pack<T> (&x)[held_vectors], const Weights &weights,
                                           const RowTeam &team, Selection &shared, int &turn, uint32_t least, Value value,
                                           Target target) {
    uint32_t found = 0, known = 0; // bits of the key
    Descent descent = {};
#pragma unroll 1
    for (int shift = 24; shift > 24 - 8 * key_digits<T>; shift -= 8) {
        Histogram &histogram = shared.histograms[turn % 2];
        part.each_tile(x, false, [&](int, const float(&logits)[RowPart<T>::width]) {
#pragma unroll
            for (const float logit : logits) {
                const uint32_t key = key_of(logit);
                if ((key < least) | ((key & known) != found)) continue;
                const uint64_t weight = weights.of(logit);
                if (weight != 0) histogram.add(key >> shift & (bins - 1), value(weight));
            }
        });
        row_barrier(team);
        shared.histograms[(turn + 1) % 2].clear();
        for (int bin = threadIdx.x; bin < bins; bin += blockDim.x) {
            uint64_t sum = 0;
            for (int block = 0; block < team.blocks; ++block) {
                sum += (team.blocks == 1 ? &histogram : map_shared(&histogram, block))->sum(bin);
            }
            shared.merged[bin] = sum;
        }
        __syncthreads();
        if (threadIdx.x < 32) {
            uint64_t remaining = descent.remaining;
            bool reachable = true;
            if (known == 0) {
                const uint64_t sum = sum_of_bins(shared.merged);
                remaining = target(sum);
                reachable = remaining <= sum;
            }
            const Descent next = reachable ? find_bin(shared.merged, remaining) : Descent{0, 0, bins};
            if (threadIdx.x == 0) shared.descent = next;
        }
        __syncthreads();
        ++turn;
        descent = shared.descent;
        if (descent.bin == bins) return descent;
        found |= descent.bin << shift;
        known |= uint32_t{bins - 1} << shift;
    }
    // What the type leaves open is zeros in a float's bits.
    descent.bin = found >= key_of_zero ? found : found | ~known;
    return descent;
}

} // namespace
} // namespace WW_NAMESPACE
