// Functions of a warp, in which the lanes that the mask names must take part.
#include "../../common/ptx/matrix.cuh"
#include "../../common/ptx/shared.cuh"
#include <cooperative_groups.h>

#include "cases.cuh"

namespace cg = cooperative_groups;

// case: lane_is_not_in_its_mask: __ballot_sync: lane 31 is not in the mask 0x7fffffff
template <bool mistake> __global__ void lane_is_not_in_its_mask(unsigned *out) {
    out[threadIdx.x] = __ballot_sync(mistake ? 0x7fffffff : 0xffffffff, 1); // caught: lane_is_not_in_its_mask
}
CASE(lane_is_not_in_its_mask) {
    Buffer<unsigned> out(32);
    LAUNCH(lane_is_not_in_its_mask, ({1, 32}), out.device());
    expect_all("out", 0xffffffffu, out.host());
}

// case: lanes_are_elsewhere: deadlock ... __shfl_sync: warp 0, mask 0xffffffff, lanes 0x0000ffff are there
template <bool mistake> __global__ void lanes_are_elsewhere(int *out) {
    int value = threadIdx.x;
    if (!mistake || threadIdx.x < 16) value = __shfl_sync(0xffffffff, value, 5);
    __syncthreads();
    out[threadIdx.x] = value;
}
CASE(lanes_are_elsewhere) {
    Buffer<int> out(32);
    LAUNCH(lanes_are_elsewhere, ({1, 32}), out.device());
    expect_all("out", 5, out.host());
}

// case: two_masks: deadlock ... mask 0x0000ffff ... mask 0xffffffff
// The lanes of one vote call it with different masks.
template <bool mistake> __global__ void two_masks(int *out) {
    const unsigned mask = mistake && threadIdx.x >= 16 ? 0xffffffff : threadIdx.x < 8 || !mistake ? 0xffffffff : 0x0000ffff;
    out[threadIdx.x] = __any_sync(mask, threadIdx.x == 3);
}
CASE(two_masks) {
    Buffer<int> out(32);
    LAUNCH(two_masks, ({1, 32}), out.device());
    expect_all("out", 1, out.host());
}

// case: mixed_functions: wait in
// Half of the warp votes while the other half shuffles.
template <bool mistake> __global__ void mixed_functions(int *out) {
    int value = 1;
    if (mistake && threadIdx.x < 16)
        value = __any_sync(0xffffffff, 1);
    else
        value = __shfl_xor_sync(0xffffffff, value, 1);
    out[threadIdx.x] = value;
}
CASE(mixed_functions) {
    Buffer<int> out(32);
    LAUNCH(mixed_functions, ({1, 32}), out.device());
    expect_all("out", 1, out.host());
}

// case: shuffle_from_a_lane_outside: __shfl_sync
// The lane that is read takes no part: its value is undefined.
template <bool mistake> __global__ void shuffle_from_a_lane_outside(int *out) {
    int value = threadIdx.x;
    if (threadIdx.x < 16) value = __shfl_sync(0x0000ffff, value, mistake ? 20 : 5); // caught: shuffle_from_a_lane_outside
    out[threadIdx.x] = value;
}
CASE(shuffle_from_a_lane_outside) {
    Buffer<int> out(32);
    LAUNCH(shuffle_from_a_lane_outside, ({1, 32}), out.device());
    expect_equal("out", 0, 5, out.host()[0]);
}

// case: shuffle_from_an_exited_lane: __shfl_down_sync
template <bool mistake> __global__ void shuffle_from_an_exited_lane(int *out) {
    if (mistake && threadIdx.x >= 20) return;
    int value = threadIdx.x < 20 ? 1 : 0;
    for (int delta = 16; delta > 0; delta /= 2) value += __shfl_down_sync(0xffffffff, value, delta); // caught: shuffle_from_an_exited_lane
    if (threadIdx.x == 0) *out = value;
}
CASE(shuffle_from_an_exited_lane) {
    Buffer<int> out(1);
    LAUNCH(shuffle_from_an_exited_lane, ({1, 32}), out.device());
    expect_all("out", 20, out.host());
}

// case: active_mask_is_hoped_for: __shfl_sync
// __activemask says which lanes happen to run together, not which took the branch.
template <bool mistake> __global__ void active_mask_is_hoped_for(int *out) {
    if (threadIdx.x >= 16) return;
    const unsigned mask = mistake ? __activemask() : 0x0000ffff;
    const int value = threadIdx.x;
    out[threadIdx.x] = __shfl_sync(mask, value, 3); // caught: active_mask_is_hoped_for
}
CASE(active_mask_is_hoped_for) {
    Buffer<int> out(16);
    LAUNCH(active_mask_is_hoped_for, ({1, 32}), out.device());
    expect_all("out", 3, out.host());
}

// case: ldmatrix_without_all_lanes: ldmatrix ... needs 32 lanes
template <bool mistake> __global__ void ldmatrix_without_all_lanes(uint32_t *out) {
    uint32_t *shared = dynamic_shared<uint32_t>();
    shared[threadIdx.x] = threadIdx.x;
    __syncwarp();
    if (mistake && threadIdx.x >= 8) return;
    uint32_t fragment[1];
    ldmatrix<1>(fragment, shared + 4 * (threadIdx.x % 8));
    out[threadIdx.x] = fragment[0];
}
CASE(ldmatrix_without_all_lanes) {
    Buffer<uint32_t> out(32);
    LAUNCH(ldmatrix_without_all_lanes, ({1, 32, 128}), out.device());
    expect_bytes("out", counting<uint32_t>(32), out.host());
}

// case: tile_in_a_branch: deadlock ... lanes 0x0000000f are there
// Half of a tile of 8 takes the branch with the tile's collective.
template <bool mistake> __global__ void tile_in_a_branch(int *out) {
    const auto tile = cg::tiled_partition<8>(cg::this_thread_block());
    int value = 0;
    if (threadIdx.x < (mistake ? 4 : 8)) value = tile.shfl(static_cast<int>(threadIdx.x), 3);
    __syncthreads();
    out[threadIdx.x] = value;
}
CASE(tile_in_a_branch) {
    Buffer<int> out(32);
    LAUNCH(tile_in_a_branch, ({1, 32}), out.device());
    expect_equal("out", 0, 3, out.host()[0]);
}
