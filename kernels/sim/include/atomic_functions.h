// Atomic read-modify-write of global and shared memory: atomicAdd and its like, with the types that CUDA gives them. As in CUDA they
// are relaxed: they order nothing else. The _block and _system forms do the same here.
#pragma once

#include <cstdint>
#include <cstring>

#include "../exec/device.h"
#include "vector_types.h"

namespace wwsim {
namespace detail {

// A loop that waits by atomics or fences comes to an end only if others run meanwhile. On the host there are none.
__forceinline__ void let_others_run() {
    if (current) yield();
}

template <unsigned bytes> struct Word;
template <> struct Word<2> { using type = uint16_t; };
template <> struct Word<4> { using type = uint32_t; };
template <> struct Word<8> { using type = uint64_t; };

template <class T> __forceinline__ void check_atomic(const T *address) {
    if ((uintptr_t)address % sizeof(T))
        fault(Fault::misaligned_address, "atomic operation of %zu bytes at %p", sizeof(T), (const void *)address);
}

// Stores f(old) in one step, and returns old.
template <class T, class F> __forceinline__ T atomic_update(T *address, F f) {
    using W = typename Word<sizeof(T)>::type;
    check_atomic(address);
    observe("atom", Effect::update, address, sizeof(T), Order::relaxed);
    W *word = reinterpret_cast<W *>(address);
    W before = __atomic_load_n(word, __ATOMIC_RELAXED), after;
    T old;
    do {
        memcpy(static_cast<void *>(&old), &before, sizeof(T));
        const T next = f(old);
        memcpy(&after, static_cast<const void *>(&next), sizeof(T));
    } while (!__atomic_compare_exchange_n(word, &before, after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    let_others_run();
    return old;
}

template <class T> __forceinline__ T atomic_compare_and_swap(T *address, T compare, T value) {
    check_atomic(address);
    observe("atom.cas", Effect::update, address, sizeof(T), Order::relaxed);
    __atomic_compare_exchange_n(address, &compare, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    let_others_run();
    return compare;
}

// Global memory's float adder takes subnormal operands as zeros of their sign, and gives such zeros; shared memory's does not.
float atomic_add_float(const float *address, float a, float b);

} // namespace detail

inline namespace api {

// clang-format off
#define WWSIM_ATOMIC(scope, name, T, expression) \
    __forceinline__ T name##scope(T *address, T value) { \
        return detail::atomic_update(address, [=](T old) -> T { return expression; }); \
    }

#define WWSIM_ATOMIC_INTEGER(scope, T) \
    WWSIM_ATOMIC(scope, atomicExch, T, (void(old), value)) \
    WWSIM_ATOMIC(scope, atomicMin, T, value < old ? value : old) \
    WWSIM_ATOMIC(scope, atomicMax, T, old < value ? value : old) \
    WWSIM_ATOMIC(scope, atomicAnd, T, old & value) \
    WWSIM_ATOMIC(scope, atomicOr, T, old | value) \
    WWSIM_ATOMIC(scope, atomicXor, T, old ^ value) \
    __forceinline__ T atomicCAS##scope(T *address, T compare, T value) { return detail::atomic_compare_and_swap(address, compare, value); }

#define WWSIM_ATOMICS(scope) \
    WWSIM_ATOMIC_INTEGER(scope, int) \
    WWSIM_ATOMIC_INTEGER(scope, unsigned) \
    WWSIM_ATOMIC_INTEGER(scope, unsigned long long) \
    WWSIM_ATOMIC(scope, atomicMin, long long, value < old ? value : old) \
    WWSIM_ATOMIC(scope, atomicMax, long long, old < value ? value : old) \
    WWSIM_ATOMIC(scope, atomicAnd, long long, old & value) \
    WWSIM_ATOMIC(scope, atomicOr, long long, old | value) \
    WWSIM_ATOMIC(scope, atomicXor, long long, old ^ value) \
    WWSIM_ATOMIC(scope, atomicAdd, int, (int)((unsigned)old + (unsigned)value)) \
    WWSIM_ATOMIC(scope, atomicSub, int, (int)((unsigned)old - (unsigned)value)) \
    WWSIM_ATOMIC(scope, atomicAdd, unsigned, old + value) \
    WWSIM_ATOMIC(scope, atomicSub, unsigned, old - value) \
    WWSIM_ATOMIC(scope, atomicAdd, unsigned long long, old + value) \
    WWSIM_ATOMIC(scope, atomicInc, unsigned, old >= value ? 0 : old + 1) \
    WWSIM_ATOMIC(scope, atomicDec, unsigned, old == 0 || old > value ? value : old - 1) \
    WWSIM_ATOMIC(scope, atomicExch, float, (void(old), value)) \
    WWSIM_ATOMIC(scope, atomicAdd, float, detail::atomic_add_float(address, old, value)) \
    WWSIM_ATOMIC(scope, atomicAdd, double, old + value) \
    /* Each element is added atomically, not the vector. */ \
    __forceinline__ float2 atomicAdd##scope(float2 *address, float2 value) { \
        return {atomicAdd##scope(&address->x, value.x), atomicAdd##scope(&address->y, value.y)}; \
    } \
    __forceinline__ float4 atomicAdd##scope(float4 *address, float4 value) { \
        return {atomicAdd##scope(&address->x, value.x), atomicAdd##scope(&address->y, value.y), \
                atomicAdd##scope(&address->z, value.z), atomicAdd##scope(&address->w, value.w)}; \
    }

// 16 bits: only with the scope of the device.
__forceinline__ unsigned short atomicCAS(unsigned short *address, unsigned short compare, unsigned short value) {
    return detail::atomic_compare_and_swap(address, compare, value);
}

WWSIM_ATOMICS()
WWSIM_ATOMICS(_block)
WWSIM_ATOMICS(_system)
#undef WWSIM_ATOMICS
#undef WWSIM_ATOMIC_INTEGER
#undef WWSIM_ATOMIC
// clang-format on

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
