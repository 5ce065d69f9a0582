// Twins of common/ptx/bulk.cuh and common/ptx/tma.cuh. exec/transfer.h says when the copies happen.
#pragma once

#include "check.h"
#include "combine.h"

namespace wwsim::isa {

constexpr int own_block = -1; // instead of a mask of blocks

void tile_load(const char *instruction, void *shared, const void *map, unsigned rank, const int *coordinates, uint64_t *bar, int blocks);
void tile_store(const char *instruction, ReduceOp op, const void *map, unsigned rank, const int *coordinates, const void *shared);
void tile_prefetch(const char *instruction, const void *map, unsigned rank, const int *coordinates);
void map_prefetch(const char *instruction, const void *map);

void bulk_load(const char *instruction, void *shared, const void *global, unsigned bytes, uint64_t *bar, int blocks);
void bulk_store(const char *instruction, ReduceOp op, ElementType type, void *global, const void *shared, unsigned bytes);
// `there` and `bar` are in shared memory of any block of the cluster.
void bulk_copy_cluster(const char *instruction, ReduceOp op, ElementType type, void *there, const void *shared, unsigned bytes,
                       uint64_t *bar);
void bulk_prefetch(const char *instruction, const void *global, unsigned bytes);

void bulk_commit_group();
void bulk_wait_group(unsigned groups_in_flight, bool reads_only);

// Calls one of them. The compiler could think that nobody else sees a kernel's `__shared__` variables.
template <auto instruction, class... Operands> __forceinline__ void issue(Operands... operands) {
    forget_memory();
    instruction(operands...);
    forget_memory();
}

} // namespace wwsim::isa
