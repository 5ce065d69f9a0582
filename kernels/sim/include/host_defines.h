// CUDA's qualifiers and predefined macros, for a translation unit that is compiled once, for host and device together.
#pragma once

#ifdef __has_feature
#define WWSIM_HAS_FEATURE(feature) __has_feature(feature)
#else
#define WWSIM_HAS_FEATURE(feature) 0
#endif

// Qualifiers that need no meaning here: every function is callable from both sides, and device memory is host memory.
#define __host__
#define __device__
#define __global__
#if defined(__SANITIZE_THREAD__) || WWSIM_HAS_FEATURE(thread_sanitizer)
// Where the checks see that it may not be written: a section for each, since GCC has one hold const variables, or others.
#define WWSIM_CONSTANT(number) __attribute__((section("wwsim_constant." #number)))
#define WWSIM_CONSTANT_OF(number) WWSIM_CONSTANT(number)
#define __constant__ WWSIM_CONSTANT_OF(__COUNTER__)
#else
#define __constant__
#endif
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#define __block_size__(...)
#define __maxnreg__(...)
#define __device_builtin__
#define __cudart_builtin__

// One OS thread runs a block from start to end, so what a block shares is what a thread has to itself. `extern __shared__` is
// left to dynamic_shared<T>() of kernels/common/ptx/shared.cuh and, in stand-alone programs, to simcc.
#define __shared__ static __thread

#define __forceinline__ inline __attribute__((always_inline))
// Empty, since libstdc++ writes `__attribute__((__noinline__))`, where CUDA's definition would be a syntax error. An empty
// attribute is allowed.
#define __noinline__

#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __align__(n)

#if !defined(__clang__)
#define __builtin_assume(condition) ((condition) ? (void)0 : __builtin_unreachable())
#endif
#define __assume(condition) __builtin_assume(condition)

// `#ifdef __CUDACC__` chooses between CUDA C++ and plain C++: this is CUDA C++.
#ifndef __CUDACC__
#define __CUDACC__ 1
#endif
#ifndef __CUDACC_EXTENDED_LAMBDA__
#define __CUDACC_EXTENDED_LAMBDA__ 1
#endif
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0
#define __CUDACC_VER_BUILD__ 0

// The newest architecture whose instructions the simulator has. Code with a device and a host path takes the device's, on both sides:
// the intrinsics work there too, except those that ask which thread it is. Compile with -D__CUDA_ARCH__=800 to get the paths of
// older GPUs.
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif
#if __CUDA_ARCH__ == 900 && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define __CUDA_ARCH_FEAT_SM90_ALL 1
#endif
