// Votes, match and reductions of a warp; the barrier's reductions of a block, where some threads have ended.
// unchecked: threads exit before barriers, which a GPU lets pass
#include "check.h"

struct Results {
    unsigned ballot, match_any, match_all_mask, add, min, max, bits_and, bits_or, bits_xor;
    int all, any, match_all, signed_add, signed_min, signed_max;
    unsigned match_double;
};

__host__ __device__ unsigned value_of(unsigned lane, unsigned seed) { return (lane * 2654435761u + seed * 40503u) ^ (seed << 20); }

// Lanes outside of `mask` stay away.
__global__ void warp(Results *results, unsigned mask, unsigned seed) {
    const unsigned lane = threadIdx.x;
    if (!(mask >> lane & 1)) return;
    const unsigned value = value_of(lane, seed);
    Results &r = results[lane];
    r.ballot = __ballot_sync(mask, value & 4);
    r.all = __all_sync(mask, value % 5);
    r.any = __any_sync(mask, value % 5 == 0);
    r.match_any = __match_any_sync(mask, value % 4);
    r.match_all_mask = __match_all_sync(mask, (long long)(value >> seed), &r.match_all);
    r.match_double = __match_any_sync(mask, (value & 1) ? 1.5 : -0.0);
    r.add = __reduce_add_sync(mask, value);
    r.min = __reduce_min_sync(mask, value);
    r.max = __reduce_max_sync(mask, value);
    r.bits_and = __reduce_and_sync(mask, value);
    r.bits_or = __reduce_or_sync(mask, value);
    r.bits_xor = __reduce_xor_sync(mask, value);
    r.signed_add = __reduce_add_sync(mask, (int)value);
    r.signed_min = __reduce_min_sync(mask, (int)value);
    r.signed_max = __reduce_max_sync(mask, (int)value);
    __syncwarp(mask);
}

void check_warp(Results *results, unsigned mask, unsigned seed) {
    warp<<<1, 32>>>(results, mask, seed);
    finish();
    unsigned ballot = 0, sum = 0, least = ~0u, most = 0, bits_and = ~0u, bits_or = 0, bits_xor = 0;
    int all = 1, any = 0, signed_least = 0x7FFFFFFF, signed_most = -signed_least - 1;
    bool same = true;
    const unsigned first = value_of(__builtin_ctz(mask), seed);
    for (unsigned lane = 0; lane < 32; lane++) {
        if (!(mask >> lane & 1)) continue;
        const unsigned value = value_of(lane, seed);
        ballot |= (value & 4 ? 1u : 0) << lane;
        all = all && value % 5 != 0;
        any = any || value % 5 == 0;
        same = same && value >> seed == first >> seed;
        sum += value;
        if (value < least) least = value;
        if (value > most) most = value;
        if ((int)value < signed_least) signed_least = (int)value;
        if ((int)value > signed_most) signed_most = (int)value;
        bits_and &= value;
        bits_or |= value;
        bits_xor ^= value;
    }
    for (unsigned lane = 0; lane < 32; lane++) {
        if (!(mask >> lane & 1)) continue;
        unsigned equal = 0, equal_parity = 0;
        for (unsigned other = 0; other < 32; other++) {
            if (!(mask >> other & 1)) continue;
            equal |= (value_of(other, seed) % 4 == value_of(lane, seed) % 4 ? 1u : 0) << other;
            equal_parity |= (value_of(other, seed) % 2 == value_of(lane, seed) % 2 ? 1u : 0) << other;
        }
        const Results &r = results[lane];
        expect("__ballot_sync", ballot, r.ballot, mask, lane);
        expect("__all_sync", all, r.all != 0, mask, lane);
        expect("__any_sync", any, r.any != 0, mask, lane);
        expect("__match_any_sync", equal, r.match_any, mask, lane);
        expect("__match_any_sync of double", equal_parity, r.match_double, mask, lane);
        expect("__match_all_sync", same ? mask : 0, r.match_all_mask, mask, lane);
        expect("__match_all_sync's flag", same, r.match_all != 0, mask, lane);
        expect("__reduce_add_sync", sum, r.add, mask, lane);
        expect("__reduce_min_sync", least, r.min, mask, lane);
        expect("__reduce_max_sync", most, r.max, mask, lane);
        expect("__reduce_and_sync", bits_and, r.bits_and, mask, lane);
        expect("__reduce_or_sync", bits_or, r.bits_or, mask, lane);
        expect("__reduce_xor_sync", bits_xor, r.bits_xor, mask, lane);
        expect("__reduce_add_sync of int", (int)sum, r.signed_add, mask, lane);
        expect("__reduce_min_sync of int", signed_least, r.signed_min, mask, lane);
        expect("__reduce_max_sync of int", signed_most, r.signed_max, mask, lane);
    }
}

// Threads at `end` and above leave before the barriers.
__global__ void block(int4 *results, int end) {
    __shared__ int order[96];
    const int thread = threadIdx.x;
    if (thread >= end) return;
    order[thread] = thread * 3;
    __syncthreads();
    int4 &r = results[thread];
    r.x = __syncthreads_count(thread % 3 == 0);
    r.y = __syncthreads_and(thread < end - 1);
    r.z = __syncthreads_or(thread == end - 1);
    r.w = order[(thread + 1) % end];
}

__global__ void active(unsigned *masks) { masks[threadIdx.x] = __activemask(); }

int main() {
    Results *results = managed<Results>(32);
    const unsigned masks[] = {0xFFFFFFFF, 0x0000FFFF, 0x55555555, 0x80000001, 0x00010000};
    for (unsigned mask : masks)
        for (unsigned seed : {0u, 1u, 31u}) check_warp(results, mask, seed);

    int4 *of_block = managed<int4>(96);
    for (int end : {96, 65, 64, 33, 1}) {
        block<<<1, 96>>>(of_block, end);
        finish();
        for (int thread = 0; thread < end; thread++) {
            expect("__syncthreads_count", (end + 2) / 3, of_block[thread].x, end, thread);
            expect("__syncthreads_and", 0, of_block[thread].y, end, thread);
            expect("__syncthreads_or", 1, of_block[thread].z != 0, end, thread);
            expect("shared memory after __syncthreads", (thread + 1) % end * 3, of_block[thread].w, end, thread);
        }
    }

    // Which lanes run together is not said; that the caller is among them is.
    unsigned *active_masks = managed<unsigned>(32);
    active<<<1, 32>>>(active_masks);
    finish();
    for (int lane = 0; lane < 32; lane++) expect("__activemask", 1u, active_masks[lane] >> lane & 1, lane);
    return verdict();
}
