// Cooperative groups: a block, a cluster, a cooperative grid, and groups of lanes of one warp. Reductions, scans and copies of a group
// are in the headers of their names.
//
// coalesced_threads() is a group of the calling thread alone: see __activemask. Groups of several warps within a block, other than
// the block, are not here.
#pragma once

#include <type_traits>

#include "detail/lane_exchange.h"
#include "device_functions.h"

namespace wwsim {
namespace detail {

bool grid_is_cooperative();

} // namespace detail

inline namespace api {

namespace cooperative_groups {

class grid_group {
  public:
    bool is_valid() const { return detail::grid_is_cooperative(); }
    void sync() const {
        detail::forget_memory();
        grid_barrier();
        detail::forget_memory();
    }
    static dim3 group_dim() { return block().grid_dim; }
    static dim3 dim_blocks() { return block().grid_dim; }
    static dim3 block_index() { return block().block_idx; }
    static unsigned long long num_blocks() { return volume(block().grid_dim); }
    static unsigned long long block_rank() {
        const uint3 i = block().block_idx;
        const dim3 n = block().grid_dim;
        return ((unsigned long long)i.z * n.y + i.y) * n.x + i.x;
    }
    static unsigned long long num_threads() { return num_blocks() * block().threads; }
    static unsigned long long size() { return num_threads(); }
    static unsigned long long thread_rank() { return block_rank() * block().threads + lane().rank; }

  private:
    static unsigned long long volume(dim3 n) { return (unsigned long long)n.x * n.y * n.z; }
};

inline grid_group this_grid() { return {}; }

class cluster_group {
  public:
    struct arrival_token {};

    static void sync() {
        barrier_arrive();
        barrier_wait();
    }
    static arrival_token barrier_arrive() {
        detail::forget_memory();
        cluster_arrive();
        return {};
    }
    static void barrier_wait() {
        cluster_wait();
        detail::forget_memory();
    }
    static void barrier_wait(arrival_token &&) { barrier_wait(); }
    static dim3 dim_blocks() { return block().cluster_dim; }
    static dim3 block_index() { return block().block_in_cluster; }
    static unsigned block_rank() { return block().cluster_rank; }
    static unsigned num_blocks() { return block().cluster_dim.x * block().cluster_dim.y * block().cluster_dim.z; }
    static dim3 dim_threads() {
        const dim3 c = block().cluster_dim, b = block().block_dim;
        return {c.x * b.x, c.y * b.y, c.z * b.z};
    }
    static dim3 thread_index() {
        const uint3 i = block().block_in_cluster, t = lane().thread_idx;
        const dim3 b = block().block_dim;
        return {i.x * b.x + t.x, i.y * b.y + t.y, i.z * b.z + t.z};
    }
    static unsigned num_threads() { return num_blocks() * block().threads; }
    static unsigned size() { return num_threads(); }
    static unsigned thread_rank() { return block_rank() * block().threads + lane().rank; }
    // Where a variable in this block's shared memory lies in that of block `rank` of the cluster.
    template <class T> static T *map_shared_rank(T *address, int rank) {
        return static_cast<T *>(map_shared(const_cast<const void *>(static_cast<const volatile void *>(address)), (unsigned)rank));
    }
};

inline cluster_group this_cluster() { return {}; }

// A block, or some lanes of a warp, where it need not be known which.
class thread_group {
  public:
    unsigned long long num_threads() const { return mask ? (unsigned)__popc(mask) : block().threads; }
    unsigned long long size() const { return num_threads(); }
    unsigned long long thread_rank() const { return mask ? detail::lane_rank(mask) : lane().rank; }
    void sync() const {
        if (mask)
            __syncwarp(mask);
        else
            detail::sync_threads("thread_group::sync");
    }

  protected:
    friend thread_group tiled_partition(const thread_group &parent, unsigned tile_size);
    explicit thread_group(unsigned mask) : mask(mask) {}

    unsigned mask; // the lanes; 0 for the block
};

class thread_block : public thread_group {
  public:
    thread_block() : thread_group(0) {}
    static void sync() { detail::sync_threads("thread_block::sync"); }
    static unsigned num_threads() { return block().threads; }
    static unsigned size() { return block().threads; }
    static unsigned thread_rank() { return lane().rank; }
    static dim3 group_index() { return block().block_idx; }
    static dim3 thread_index() { return lane().thread_idx; }
    static dim3 group_dim() { return block().block_dim; }
    static dim3 dim_threads() { return block().block_dim; }
};

inline thread_block this_thread_block() { return {}; }

// ---- Lanes of a warp

// What tiles and coalesced groups have in common.
class lane_group : public thread_group {
  public:
    unsigned num_threads() const { return (unsigned)__popc(mask); }
    unsigned size() const { return num_threads(); }
    unsigned thread_rank() const { return detail::lane_rank(mask); }
    void sync() const { __syncwarp(mask); }
    unsigned meta_group_rank() const { return meta_rank; }
    unsigned meta_group_size() const { return meta_size; }
    unsigned get_mask() const { return mask; }

    int any(int predicate) const { return __any_sync(mask, predicate); }
    int all(int predicate) const { return __all_sync(mask, predicate); }
    // Bit i is for the group's thread of rank i, here and in the next two.
    unsigned ballot(int predicate) const { return detail::pack_lanes(mask, __ballot_sync(mask, predicate)); }
    template <class T> unsigned match_any(T value) const { return detail::pack_lanes(mask, __match_any_sync(mask, value)); }
    template <class T> unsigned match_all(T value, int &all_equal) const {
        return detail::pack_lanes(mask, __match_all_sync(mask, value, &all_equal));
    }

  protected:
    lane_group(unsigned mask, unsigned meta_rank, unsigned meta_size)
        : thread_group(mask), meta_rank(meta_rank), meta_size(meta_size) {}

    unsigned meta_rank, meta_size; // among the groups that its parent was divided into
};

class coalesced_group : public lane_group {
  public:
    template <class T> T shfl(T value, unsigned source_rank) const { return from_lane(value, lane_of(source_rank)); }
    template <class T> T shfl_up(T value, unsigned delta) const {
        const unsigned rank = thread_rank();
        return from_lane(value, delta > rank ? lane().lane : lane_of(rank - delta));
    }
    template <class T> T shfl_down(T value, unsigned delta) const {
        const unsigned rank = thread_rank();
        return from_lane(value, delta >= size() - rank ? lane().lane : lane_of(rank + delta));
    }

  private:
    friend coalesced_group coalesced_threads();
    friend coalesced_group tiled_partition(const coalesced_group &parent, unsigned tile_size);
    template <class Group, class Label> friend coalesced_group labeled_partition(const Group &group, Label label);
    friend thread_group tiled_partition(const thread_group &parent, unsigned tile_size);
    using lane_group::lane_group;

    unsigned lane_of(unsigned rank) const { return __fns(mask, 0, (int)rank + 1); }
    template <class T> T from_lane(T value, unsigned source) const {
        return detail::exchange_words(value, [&](uint64_t bits) { return detail::shuffle_idx(mask, bits, source, 31); });
    }
};

inline coalesced_group coalesced_threads() { return {__activemask(), 0, 1}; }

// N lanes that follow each other. The parent's type says nothing more.
template <unsigned N, class Parent = void> class thread_block_tile : public lane_group {
    static_assert(N >= 1 && N <= 32 && (N & (N - 1)) == 0, "a tile has 1, 2, 4, 8, 16 or 32 threads");

  public:
    template <class Other> thread_block_tile(const thread_block_tile<N, Other> &other)
        : lane_group(other.get_mask(), other.meta_group_rank(), other.meta_group_size()) {}

    static constexpr unsigned num_threads() { return N; }
    static constexpr unsigned size() { return N; }
    static unsigned thread_rank() { return lane().lane % N; }

    template <class T> T shfl(T value, int source_rank) const {
        return detail::exchange_words(value, [&](uint64_t bits) { return detail::shuffle_idx(mask, bits, (unsigned)source_rank, c | 31); });
    }
    template <class T> T shfl_up(T value, unsigned delta) const {
        return detail::exchange_words(value, [&](uint64_t bits) { return detail::shuffle_up(mask, bits, delta, c); });
    }
    template <class T> T shfl_down(T value, unsigned delta) const {
        return detail::exchange_words(value, [&](uint64_t bits) { return detail::shuffle_down(mask, bits, delta, c | 31); });
    }
    template <class T> T shfl_xor(T value, unsigned lane_mask) const {
        return detail::exchange_words(value, [&](uint64_t bits) { return detail::shuffle_xor(mask, bits, lane_mask, c | 31); });
    }

  private:
    static constexpr unsigned c = (32 - N) << 8;

    template <unsigned M, class P> friend thread_block_tile<M, P> tiled_partition(const P &parent);
    friend thread_block_tile<1, void> this_thread();

    thread_block_tile(unsigned parent_rank, unsigned parent_size)
        : lane_group((N == 32 ? ~0u : (1u << N) - 1) << lane().lane / N * N, parent_rank / N, (parent_size + N - 1) / N) {}
};

inline thread_block_tile<1, void> this_thread() { return {0, 1}; }

template <class Group> constexpr unsigned static_size = ~0u;
template <unsigned N, class Parent> constexpr unsigned static_size<thread_block_tile<N, Parent>> = N;

template <unsigned N, class Parent> thread_block_tile<N, Parent> tiled_partition(const Parent &parent) {
    static_assert(N < static_size<Parent>, "a tile is smaller than the tile that it is a part of");
    return {parent.thread_rank(), parent.size()};
}

inline coalesced_group tiled_partition(const coalesced_group &parent, unsigned tile_size) {
    const unsigned tile = parent.thread_rank() / tile_size, count = (parent.size() + tile_size - 1) / tile_size;
    return {detail::lanes_of_ranks(parent.mask, tile * tile_size, tile_size), tile, count};
}

inline thread_group tiled_partition(const thread_group &parent, unsigned tile_size) {
    const unsigned mask = parent.mask ? parent.mask : lane().active;
    const unsigned tile = detail::lane_rank(mask) / tile_size;
    return thread_group(detail::lanes_of_ranks(mask, tile * tile_size, tile_size));
}

// Those of the group that have the same label.
template <class Group, class Label> coalesced_group labeled_partition(const Group &group, Label label) {
    const unsigned mask = __match_any_sync(group.get_mask(), label);
    // The groups are counted by their first lanes.
    const unsigned firsts = __ballot_sync(group.get_mask(), detail::lane_rank(mask) == 0);
    const unsigned first = (unsigned)__ffs((int)mask) - 1;
    return {mask, (unsigned)__popc(firsts & ((1u << first) - 1)), (unsigned)__popc(firsts)};
}

template <class Group> coalesced_group binary_partition(const Group &group, bool predicate) {
    return labeled_partition(group, (int)predicate);
}

// ---- Functions for every group

template <class Group> void sync(const Group &group) { group.sync(); }
template <class Group> auto thread_rank(const Group &group) { return group.thread_rank(); }
template <class Group> auto group_size(const Group &group) { return group.num_threads(); }

} // namespace cooperative_groups

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
