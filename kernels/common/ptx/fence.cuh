// Loads, stores and sums that order what other threads see: flags, and counters of who is done.
// PTX ISA, Memory Consistency Model; Data Movement and Conversion Instructions: ld.acquire, st.release; Parallel Synchronization
// and Communication Instructions: fence, atom, red.
//
// T is a 32- or 64-bit unsigned integer. A store with release, or a sum with release, makes what its thread did before it visible to
// a thread that reads it with acquire, or anything that is read after it. The addresses are generic: global or shared.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/fence.h"
#endif

namespace WW_NAMESPACE {

// Among whom: the threads of the block, of the GPU, or of the GPU, the host and other GPUs.
enum class Scope { cta, gpu, sys };

template <typename T> constexpr bool is_word = std::is_same_v<T, uint32_t> || std::is_same_v<T, uint64_t>;

#ifndef WW_SIM
// Expands `statement` for the scope and the width of T: the instruction's name is a literal.
#define WW_EACH_SCOPE(statement)                                                                                                 \
    if constexpr (scope == Scope::cta) {                                                                                         \
        statement("cta");                                                                                                        \
    } else if constexpr (scope == Scope::gpu) {                                                                                  \
        statement("gpu");                                                                                                        \
    } else {                                                                                                                     \
        statement("sys");                                                                                                        \
    }
#define WW_LOAD_ACQUIRE(scope)                                                                                                   \
    if constexpr (sizeof(T) == 4)                                                                                                \
        asm volatile("ld.acquire." scope ".b32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");                              \
    else                                                                                                                         \
        asm volatile("ld.acquire." scope ".b64 %0, [%1];" : "=l"(value) : "l"(address) : "memory");
#define WW_STORE_RELEASE(scope)                                                                                                  \
    if constexpr (sizeof(T) == 4)                                                                                                \
        asm volatile("st.release." scope ".b32 [%0], %1;" : : "l"(address), "r"(value) : "memory");                              \
    else                                                                                                                         \
        asm volatile("st.release." scope ".b64 [%0], %1;" : : "l"(address), "l"(value) : "memory");
#define WW_ADD_RELEASE(scope)                                                                                                    \
    if constexpr (sizeof(T) == 4)                                                                                                \
        asm volatile("red.release." scope ".add.u32 [%0], %1;" : : "l"(address), "r"(value) : "memory");                         \
    else                                                                                                                         \
        asm volatile("red.release." scope ".add.u64 [%0], %1;" : : "l"(address), "l"(value) : "memory");
#define WW_FETCH_ADD(scope)                                                                                                      \
    if constexpr (sizeof(T) == 4)                                                                                                \
        asm volatile("atom.acq_rel." scope ".add.u32 %0, [%1], %2;" : "=r"(before) : "l"(address), "r"(value) : "memory");       \
    else                                                                                                                         \
        asm volatile("atom.acq_rel." scope ".add.u64 %0, [%1], %2;" : "=l"(before) : "l"(address), "l"(value) : "memory");
#define WW_FENCE(scope) asm volatile("fence.acq_rel." scope ";" ::: "memory");
#endif

// ld.acquire.{cta,gpu,sys}.b{32,64}
template <Scope scope = Scope::gpu, typename T> __device__ __forceinline__ T load_acquire(const T *address) {
    static_assert(is_word<T>);
#ifdef WW_SIM
    return wwsim::isa::load_acquire(address);
#else
    T value;
    WW_EACH_SCOPE(WW_LOAD_ACQUIRE)
    return value;
#endif
}

// st.release.{cta,gpu,sys}.b{32,64}
template <Scope scope = Scope::gpu, typename T> __device__ __forceinline__ void store_release(T *address, T value) {
    static_assert(is_word<T>);
#ifdef WW_SIM
    wwsim::isa::store_release(address, value);
#else
    WW_EACH_SCOPE(WW_STORE_RELEASE)
#endif
}

// red.release.{cta,gpu,sys}.add.u{32,64}
template <Scope scope = Scope::gpu, typename T> __device__ __forceinline__ void add_release(T *address, T value) {
    static_assert(is_word<T>);
#ifdef WW_SIM
    wwsim::isa::fetch_add(address, value);
#else
    WW_EACH_SCOPE(WW_ADD_RELEASE)
#endif
}

// atom.acq_rel.{cta,gpu,sys}.add.u{32,64}: returns what was there. The block that counts last sees all that the others wrote.
template <Scope scope = Scope::gpu, typename T> __device__ __forceinline__ T fetch_add(T *address, T value) {
    static_assert(is_word<T>);
#ifdef WW_SIM
    return wwsim::isa::fetch_add(address, value);
#else
    T before;
    WW_EACH_SCOPE(WW_FETCH_ADD)
    return before;
#endif
}

// fence.acq_rel.{cta,gpu,sys}
template <Scope scope = Scope::gpu> __device__ __forceinline__ void fence() {
#ifdef WW_SIM
    wwsim::isa::fence();
#else
    WW_EACH_SCOPE(WW_FENCE)
#endif
}

#undef WW_EACH_SCOPE
#undef WW_LOAD_ACQUIRE
#undef WW_STORE_RELEASE
#undef WW_ADD_RELEASE
#undef WW_FETCH_ADD
#undef WW_FENCE

} // namespace WW_NAMESPACE
