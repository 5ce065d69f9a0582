// Bulk copies: one thread moves many bytes that lie together, and doesn't wait for them. sm_90 and later; below, all of these trap.
// PTX ISA, Data Movement and Conversion Instructions: cp.async.bulk, cp.reduce.async.bulk, cp.async.bulk.prefetch,
// cp.async.bulk.commit_group, cp.async.bulk.wait_group.
//
// Addresses and sizes are multiples of 16 bytes. Copies into shared memory tell an mbarrier of the bytes that have come, which must
// have been told to expect them: mbarrier_arrive_expect_tx. Copies into global memory belong to the bulk group that their thread
// commits next, and waits for. Before a copy reads what threads wrote, or writes where they did, comes a fence_proxy_async.
#pragma once

#include "mbarrier.cuh"

#ifdef WW_SIM
#include "../../sim/isa/bulk.h"
#endif

namespace WW_NAMESPACE {

// How long the second-level cache shall keep what is copied. Policies as createpolicy makes them.
enum class CacheHint : uint64_t {
    none = 0,
    evict_normal = 0x1000000000000000,
    evict_first = 0x12F0000000000000, // what is read once
    evict_last = 0x14F0000000000000,  // what other blocks read, too
};

// cp.async.bulk.shared::cluster.global: into this block's shared memory.
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_load(void *shared, const void *global, unsigned bytes, uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_load>("cp.async.bulk", shared, global, bytes, bar, wwsim::isa::own_block);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar))
                     : "memory");
    else
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// The same into the shared memory of each block of the cluster whose bit is set, at the offset that `shared` has in this one's; each
// one's mbarrier, at the offset of `bar`, gets to know of the bytes.
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_load_multicast(void *shared, const void *global, unsigned bytes, uint64_t *bar, uint16_t block_mask) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_load>("cp.async.bulk.multicast::cluster", shared, global, bytes, bar, int{block_mask});
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "h"(block_mask)
                     : "memory");
    else
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint"
                     " [%0], [%1], %2, [%3], %4, %5;"
                     :
                     : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(bytes), "r"(shared_address(bar)),
                       "h"(block_mask), "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.global.shared::cta
template <CacheHint hint = CacheHint::none>
__device__ __forceinline__ void bulk_store(void *global, const void *shared, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_store>("cp.async.bulk.global", wwsim::isa::ReduceOp::none, wwsim::isa::ElementType::u8, global,
                                              shared, bytes);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none)
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;"
                     :
                     : "l"(__cvta_generic_to_global(global)), "r"(shared_address(shared)), "r"(bytes)
                     : "memory");
    else
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint [%0], [%1], %2, %3;"
                     :
                     : "l"(__cvta_generic_to_global(global)), "r"(shared_address(shared)), "r"(bytes), "l"(static_cast<uint64_t>(hint))
                     : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.shared::cluster.shared::cta: into shared memory of a block of the cluster. `there` and `bar` are that block's:
// map_shared gives them.
__device__ __forceinline__ void bulk_copy_cluster(void *there, const void *shared, unsigned bytes, uint64_t *bar) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_copy_cluster>("cp.async.bulk.shared::cluster", wwsim::isa::ReduceOp::none,
                                                     wwsim::isa::ElementType::u8, there, shared, bytes, bar);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 :
                 : "r"(shared_address(there)), "r"(shared_address(shared)), "r"(bytes), "r"(shared_address(bar))
                 : "memory");
#else
    __trap();
#endif
}

// What a reduction does with what is there and what comes. `inc` and `dec` wrap around, as atomicInc and atomicDec do.
enum class BulkOp { add, min, max, inc, dec, bits_and, bits_or, bits_xor };

// Which there are, in global memory, and in shared memory of the cluster.
template <typename T> constexpr bool is_bulk_integer = std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);
template <typename T> constexpr bool is_bulk_half = std::is_same_v<T, __half> || std::is_same_v<T, __nv_bfloat16>;
template <BulkOp op, typename T>
constexpr bool has_bulk_reduce = op == BulkOp::inc || op == BulkOp::dec ? std::is_same_v<T, uint32_t>
                                 : op == BulkOp::min || op == BulkOp::max ? is_bulk_integer<T> || is_bulk_half<T>
                                 : op == BulkOp::add ? is_bulk_integer<T> || is_bulk_half<T> || std::is_floating_point_v<T>
                                                     : is_bulk_integer<T>;
template <BulkOp op, typename T>
constexpr bool has_bulk_reduce_cluster =
    has_bulk_reduce<op, T> && is_bulk_integer<T> && (sizeof(T) == 4 || op == BulkOp::add);

#ifdef WW_SIM
constexpr wwsim::isa::ReduceOp simulated(BulkOp op) { return static_cast<wwsim::isa::ReduceOp>(static_cast<int>(op) + 1); }

template <typename T> constexpr wwsim::isa::ElementType simulated_type() {
    using Type = wwsim::isa::ElementType;
    if constexpr (std::is_same_v<T, __half>) return Type::f16;
    if constexpr (std::is_same_v<T, __nv_bfloat16>) return Type::bf16;
    if constexpr (std::is_same_v<T, float>) return Type::f32;
    if constexpr (std::is_same_v<T, double>) return Type::f64;
    if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? Type::s32 : Type::u32;
    return std::is_signed_v<T> ? Type::s64 : Type::u64;
}
#elif __CUDA_ARCH__ >= 900
// Expands statement(".op") for the operation.
#define WW_EACH_OP(statement)                                                                                                    \
    if constexpr (op == BulkOp::add) {                                                                                           \
        statement(".add");                                                                                                       \
    } else if constexpr (op == BulkOp::min) {                                                                                    \
        statement(".min");                                                                                                       \
    } else if constexpr (op == BulkOp::max) {                                                                                    \
        statement(".max");                                                                                                       \
    } else if constexpr (op == BulkOp::inc) {                                                                                    \
        statement(".inc");                                                                                                       \
    } else if constexpr (op == BulkOp::dec) {                                                                                    \
        statement(".dec");                                                                                                       \
    } else if constexpr (op == BulkOp::bits_and) {                                                                               \
        statement(".and");                                                                                                       \
    } else if constexpr (op == BulkOp::bits_or) {                                                                                \
        statement(".or");                                                                                                        \
    } else {                                                                                                                     \
        statement(".xor");                                                                                                       \
    }
// Expands instruction(".op.type") for the type.
#define WW_EACH_TYPE(instruction, name)                                                                                          \
    if constexpr (std::is_same_v<T, float>)                                                                                      \
        instruction(name ".f32");                                                                                                \
    else if constexpr (std::is_same_v<T, double>)                                                                                \
        instruction(name ".f64");                                                                                                \
    else if constexpr (std::is_same_v<T, __half> && op == BulkOp::add)                                                           \
        instruction(name ".noftz.f16");                                                                                          \
    else if constexpr (std::is_same_v<T, __half>)                                                                                \
        instruction(name ".f16");                                                                                                \
    else if constexpr (std::is_same_v<T, __nv_bfloat16> && op == BulkOp::add)                                                    \
        instruction(name ".noftz.bf16");                                                                                         \
    else if constexpr (std::is_same_v<T, __nv_bfloat16>)                                                                         \
        instruction(name ".bf16");                                                                                               \
    else if constexpr (op >= BulkOp::bits_and && sizeof(T) == 4)                                                                 \
        instruction(name ".b32");                                                                                                \
    else if constexpr (op >= BulkOp::bits_and)                                                                                   \
        instruction(name ".b64");                                                                                                \
    else if constexpr (sizeof(T) == 4 && std::is_signed_v<T>)                                                                    \
        instruction(name ".s32");                                                                                                \
    else if constexpr (sizeof(T) == 4)                                                                                           \
        instruction(name ".u32");                                                                                                \
    else if constexpr (std::is_signed_v<T> && op != BulkOp::add)                                                                 \
        instruction(name ".s64");                                                                                                \
    else                                                                                                                         \
        instruction(name ".u64")
#define WW_BULK_REDUCE(modifiers)                                                                                                \
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group" modifiers " [%0], [%1], %2;"                               \
                 :                                                                                                               \
                 : "l"(__cvta_generic_to_global(global)), "r"(shared_address(shared)), "r"(bytes)                                \
                 : "memory")
#define WW_BULK_REDUCE_CLUSTER(modifiers)                                                                                        \
    asm volatile("cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes" modifiers                       \
                 " [%0], [%1], %2, [%3];"                                                                                        \
                 :                                                                                                               \
                 : "r"(shared_address(there)), "r"(shared_address(shared)), "r"(bytes), "r"(shared_address(bar))                 \
                 : "memory")
#define WW_BULK_REDUCE_OF(op_name) WW_EACH_TYPE(WW_BULK_REDUCE, op_name)
#define WW_BULK_REDUCE_CLUSTER_OF(op_name) WW_EACH_TYPE(WW_BULK_REDUCE_CLUSTER, op_name)
#endif

// cp.reduce.async.bulk.global.shared::cta: combines each element with the one that is there, in one step, but the elements in no order
// that can be relied on.
template <BulkOp op, typename T> __device__ __forceinline__ void bulk_reduce(T *global, const T *shared, unsigned bytes) {
    static_assert(has_bulk_reduce<op, T>, "no such reduction of this type");
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_store>("cp.reduce.async.bulk.global", simulated(op), simulated_type<T>(), global, shared, bytes);
#elif __CUDA_ARCH__ >= 900
    WW_EACH_OP(WW_BULK_REDUCE_OF)
#else
    __trap();
#endif
}
template <typename T> __device__ __forceinline__ void bulk_reduce_add(T *global, const T *shared, unsigned bytes) {
    bulk_reduce<BulkOp::add>(global, shared, bytes);
}

// cp.reduce.async.bulk.shared::cluster.shared::cta: the same in shared memory of a block of the cluster, as bulk_copy_cluster.
template <BulkOp op, typename T>
__device__ __forceinline__ void bulk_reduce_cluster(T *there, const T *shared, unsigned bytes, uint64_t *bar) {
    static_assert(has_bulk_reduce_cluster<op, T>, "no such reduction of this type in shared memory");
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_copy_cluster>("cp.reduce.async.bulk.shared::cluster", simulated(op), simulated_type<T>(), there,
                                                     shared, bytes, bar);
#elif __CUDA_ARCH__ >= 900
    WW_EACH_OP(WW_BULK_REDUCE_CLUSTER_OF)
#else
    __trap();
#endif
}

// cp.async.bulk.prefetch.L2.global: a hint.
__device__ __forceinline__ void bulk_prefetch(const void *global, unsigned bytes) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_prefetch>("cp.async.bulk.prefetch", global, bytes);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" : : "l"(__cvta_generic_to_global(global)), "r"(bytes) : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.commit_group: makes a group of the copies into global memory that this thread started since the last one.
__device__ __forceinline__ void bulk_commit() {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_commit_group>();
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.wait_group: waits until at most the `groups_in_flight` newest bulk groups of this thread are not done.
template <int groups_in_flight> __device__ __forceinline__ void bulk_wait() {
    static_assert(groups_in_flight >= 0);
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_wait_group>(unsigned{groups_in_flight}, false);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group %0;" : : "n"(groups_in_flight) : "memory");
#else
    __trap();
#endif
}

// cp.async.bulk.wait_group.read: waits until the others have read shared memory, which may then be overwritten, and given up at the end of
// the block.
template <int groups_in_flight> __device__ __forceinline__ void bulk_wait_read() {
    static_assert(groups_in_flight >= 0);
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::bulk_wait_group>(unsigned{groups_in_flight}, true);
#elif __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.wait_group.read %0;" : : "n"(groups_in_flight) : "memory");
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE
