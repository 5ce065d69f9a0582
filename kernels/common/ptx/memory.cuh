// Loads from and stores to global memory, of 1, 2, 4, 8 or 16 bytes in one instruction, with a say in what caches keep.
// PTX ISA, Data Movement and Conversion Instructions: ld, ld.global.nc, st; Cache Operators.
//
// T is trivially copyable and the address a multiple of its size, whatever alignment its type asks for.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/memory.h"
#endif

namespace WW_NAMESPACE {

template <typename T>
constexpr bool is_one_access = std::is_trivially_copyable_v<T> && sizeof(T) <= 16 && (sizeof(T) & (sizeof(T) - 1)) == 0;

#ifdef WW_SIM

#define WW_GLOBAL_LOAD(function, instruction, clobber)                                                                           \
    template <typename T> __device__ __forceinline__ T function(const T *address) {                                              \
        static_assert(is_one_access<T>);                                                                                         \
        return wwsim::isa::load(instruction, address);                                                                           \
    }
#define WW_GLOBAL_STORE(function, instruction)                                                                                   \
    template <typename T> __device__ __forceinline__ void function(T *address, const T &value) {                                 \
        static_assert(is_one_access<T>);                                                                                         \
        wwsim::isa::store(instruction, address, value);                                                                          \
    }

#else

#define WW_GLOBAL_LOAD(function, instruction, clobber)                                                                           \
    template <typename T> __device__ __forceinline__ T function(const T *address) {                                              \
        static_assert(is_one_access<T>);                                                                                         \
        const size_t global = __cvta_generic_to_global(address);                                                                 \
        T value;                                                                                                                 \
        if constexpr (sizeof(T) == 16) {                                                                                         \
            uint32_t r[4];                                                                                                       \
            asm volatile(instruction ".v4.b32 {%0, %1, %2, %3}, [%4];"                                                           \
                         : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                        \
                         : "l"(global) clobber);                                                                                 \
            memcpy(&value, r, 16);                                                                                               \
        } else if constexpr (sizeof(T) == 8) {                                                                                   \
            uint32_t r[2];                                                                                                       \
            asm volatile(instruction ".v2.b32 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "l"(global) clobber);                  \
            memcpy(&value, r, 8);                                                                                                \
        } else if constexpr (sizeof(T) == 4) {                                                                                   \
            uint32_t r;                                                                                                          \
            asm volatile(instruction ".b32 %0, [%1];" : "=r"(r) : "l"(global) clobber);                                          \
            memcpy(&value, &r, 4);                                                                                               \
        } else if constexpr (sizeof(T) == 2) {                                                                                   \
            uint16_t r;                                                                                                          \
            asm volatile(instruction ".b16 %0, [%1];" : "=h"(r) : "l"(global) clobber);                                          \
            memcpy(&value, &r, 2);                                                                                               \
        } else {                                                                                                                 \
            uint32_t r;                                                                                                          \
            asm volatile(instruction ".u8 %0, [%1];" : "=r"(r) : "l"(global) clobber);                                           \
            memcpy(&value, &r, 1);                                                                                               \
        }                                                                                                                        \
        return value;                                                                                                            \
    }
#define WW_GLOBAL_STORE(function, instruction)                                                                                   \
    template <typename T> __device__ __forceinline__ void function(T *address, const T &value) {                                 \
        static_assert(is_one_access<T>);                                                                                         \
        const size_t global = __cvta_generic_to_global(address);                                                                 \
        if constexpr (sizeof(T) == 16) {                                                                                         \
            uint32_t r[4];                                                                                                       \
            memcpy(r, &value, 16);                                                                                               \
            asm volatile(instruction ".v4.b32 [%0], {%1, %2, %3, %4};"                                                           \
                         :                                                                                                       \
                         : "l"(global), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])                                               \
                         : "memory");                                                                                            \
        } else if constexpr (sizeof(T) == 8) {                                                                                   \
            uint32_t r[2];                                                                                                       \
            memcpy(r, &value, 8);                                                                                                \
            asm volatile(instruction ".v2.b32 [%0], {%1, %2};" : : "l"(global), "r"(r[0]), "r"(r[1]) : "memory");                \
        } else if constexpr (sizeof(T) == 4) {                                                                                   \
            uint32_t r;                                                                                                          \
            memcpy(&r, &value, 4);                                                                                               \
            asm volatile(instruction ".b32 [%0], %1;" : : "l"(global), "r"(r) : "memory");                                       \
        } else if constexpr (sizeof(T) == 2) {                                                                                   \
            uint16_t r;                                                                                                          \
            memcpy(&r, &value, 2);                                                                                               \
            asm volatile(instruction ".b16 [%0], %1;" : : "l"(global), "h"(r) : "memory");                                       \
        } else {                                                                                                                 \
            uint32_t r = 0;                                                                                                      \
            memcpy(&r, &value, 1);                                                                                               \
            asm volatile(instruction ".u8 [%0], %1;" : : "l"(global), "r"(r) : "memory");                                        \
        }                                                                                                                        \
    }

#endif
#define WW_MEMORY : "memory"
#define WW_NO_MEMORY

// ld.global: cached in L1 and L2. For what this block reads again.
WW_GLOBAL_LOAD(load, "ld.global", WW_MEMORY)
// ld.global.cg: cached in L2 alone. For what other blocks may have written during this kernel.
WW_GLOBAL_LOAD(load_l2, "ld.global.cg", WW_MEMORY)
// ld.global.nc.L1::no_allocate: through the read-only path, without a line in L1. For what is read once, and not written by
// anyone while the kernel runs.
WW_GLOBAL_LOAD(load_once, "ld.global.nc.L1::no_allocate", WW_NO_MEMORY)
// st.global: written back from L2.
WW_GLOBAL_STORE(store, "st.global")
// st.global.cs: the first that L2 evicts. For what no kernel reads again soon.
WW_GLOBAL_STORE(store_streaming, "st.global.cs")

#undef WW_GLOBAL_LOAD
#undef WW_GLOBAL_STORE
#undef WW_MEMORY
#undef WW_NO_MEMORY

} // namespace WW_NAMESPACE
