// What device code may use without an include: which thread it is, barriers, fences, loads with cache hints, time, and the end of a
// kernel; and, from the headers below, warp collectives, atomics, integer and mathematical functions.
#pragma once

#include <stdio.h>
#include <time.h>

#include <type_traits>

#include "../exec/device.h"
#include "assert.h"
#include "atomic_functions.h"
#include "host_defines.h"
#include "integer_functions.h"
#include "math_functions.h"
#include "vector_functions.h"
#include "vector_types.h"
#include "warp_functions.h"

#define threadIdx (::wwsim::lane().thread_idx)
#define blockIdx (::wwsim::block().block_idx)

// clock() is the C library's function on the host and the cycle counter in a kernel. Both have one signature, so no overload can
// tell them apart: the name is bound to wwsim_clock, which knows where it is called from.
#ifndef __THROW
#define __THROW
#endif
#ifdef __APPLE__
extern "C" clock_t clock(void) __THROW __asm__("_wwsim_clock");
#else
extern "C" clock_t clock(void) __THROW __asm__("wwsim_clock");
#endif

namespace wwsim {
namespace detail {

// Keeps the compiler from holding memory in registers over what follows.
__forceinline__ void forget_memory() { asm volatile("" ::: "memory"); }

__forceinline__ int sync_threads(const char *name, Reduction reduction = Reduction::none, int predicate = 0) {
    forget_memory();
    const int result = barrier(name, 0, 0, reduction, predicate);
    forget_memory();
    return result;
}

} // namespace detail

inline namespace api {

using wwsim::blockDim;
using wwsim::gridDim;

// ---- Barriers and fences

__forceinline__ void __syncthreads() { detail::sync_threads("__syncthreads"); }
__forceinline__ int __syncthreads_count(int predicate) { return detail::sync_threads("__syncthreads_count", Reduction::count, predicate); }
__forceinline__ int __syncthreads_and(int predicate) { return detail::sync_threads("__syncthreads_and", Reduction::all, predicate); }
__forceinline__ int __syncthreads_or(int predicate) { return detail::sync_threads("__syncthreads_or", Reduction::any, predicate); }

// Blocks run on several OS threads, so that even the host's processor needs a fence. All fences let others run: a loop that waits
// for a flag often has one.
__forceinline__ void __threadfence() {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    detail::let_others_run();
    detail::forget_memory();
}
__forceinline__ void __threadfence_block() { __threadfence(); }
__forceinline__ void __threadfence_system() { __threadfence(); }

// ---- Loads and stores with cache hints

#define WWSIM_LOAD(name)                                                                                                           \
    template <class T> __forceinline__ T name(const T *address) { return *address; }
#define WWSIM_STORE(name)                                                                                                          \
    template <class T> __forceinline__ void name(T *address, std::common_type_t<T> value) { *address = value; }
WWSIM_LOAD(__ldg)
WWSIM_LOAD(__ldca)
WWSIM_LOAD(__ldcs)
WWSIM_LOAD(__ldlu)
WWSIM_STORE(__stwb)
WWSIM_STORE(__stcg)
WWSIM_STORE(__stcs)
WWSIM_STORE(__stwt)
#undef WWSIM_LOAD
#undef WWSIM_STORE

// These two pass by the first-level cache, and so see what other blocks write: a loop may wait on them.
template <class T> __forceinline__ T __ldcg(const T *address) {
    detail::let_others_run();
    detail::forget_memory();
    return *address;
}
template <class T> __forceinline__ T __ldcv(const T *address) { return __ldcg(address); }

// ---- Time

__forceinline__ long long clock64() { return (long long)::clock(); }
__forceinline__ void __nanosleep(unsigned) {
    detail::let_others_run();
    detail::forget_memory();
}

// ---- Address spaces

__forceinline__ unsigned __isShared(const void *address) { return is_shared(address); }
__forceinline__ unsigned __isGlobal(const void *address) { return !is_shared(address); }
__forceinline__ size_t __cvta_generic_to_shared(const void *address) { return shared_address(address); }
__forceinline__ void *__cvta_shared_to_generic(size_t address) { return shared_pointer(static_cast<uint32_t>(address), 1); }

// ---- The end of a kernel

[[noreturn]] __forceinline__ void __trap() { fault(Fault::trap, "__trap()"); }
__forceinline__ void __brkpt() {}
__forceinline__ void __prof_trigger(int) {}

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
