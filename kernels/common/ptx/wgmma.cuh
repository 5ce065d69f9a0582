// The tensor core's products of a warpgroup, D = A B + D, which happen asynchronously. sm_90a; elsewhere all of these trap.
// PTX ISA, Asynchronous Warpgroup Level Matrix Instructions: wgmma.mma_async, wgmma.fence, wgmma.commit_group, wgmma.wait_group.
//
// A warpgroup is four warps, the first of which has a number that 4 divides; all 128 threads execute the same of these functions with
// the same arguments. D is 64 x n, A 64 x k, B k x n, with n = 8, 16, ... 256 and rows of k of 32 bytes: 16 elements of 16 bits or 8 of
// 32. D lies in registers (AccumulatorFragment), B in shared memory, A in either.
//
//     wgmma_fence();                        // what was done with d, and with A's registers, is done
//     for (k ...) wgmma<__nv_bfloat16, n>(d, descriptor_a, descriptor_b, accumulate);
//     wgmma_commit();
//     ... don't touch d, A or B ...
//     wgmma_wait<0>();
//     wgmma_fence_registers(d);             // d holds the sum
//
// What threads wrote to A or B in shared memory needs fence_proxy_async_shared() and a barrier before; what TMA wrote, its mbarrier.
// Products are exact; how they are summed, the PTX ISA leaves open as for mma. The simulator takes D first, then k upwards, each sum
// rounded to nearest in f32; f16 sums are rounded once after that.
#pragma once

#include "descriptor.cuh"
#include "mma.cuh"

#ifdef WW_SIM
#include "../../sim/isa/wgmma.h"
#else
#include "wgmma_operands.cuh"
#endif

namespace WW_NAMESPACE {

// ---- Fragments: where element `i` of a thread of the warpgroup lies, counted as in mma.cuh

// D. Elements are registers for f32 and halves of registers for f16.
template <int n> struct AccumulatorFragment {
    static constexpr int elements = n / 2;
    __host__ __device__ static constexpr int row(int thread, int i) { return thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8; }
    __host__ __device__ static constexpr int column(int thread, int i) { return i / 4 * 8 + thread % 4 * 2 + i % 2; }
};

// A in registers: each warp holds 16 rows as for mma.
template <typename T> struct WarpgroupFragmentA {
    static constexpr int elements = FragmentA<T>::elements;
    __host__ __device__ static constexpr int row(int thread, int i) { return thread / 32 * 16 + FragmentA<T>::row(thread % 32, i); }
    __host__ __device__ static constexpr int column(int thread, int i) { return FragmentA<T>::column(thread % 32, i); }
};

// ---- Order

// wgmma.fence: what this thread did with accumulators and with A's registers comes before the products that follow. Needed before the
// first, and where registers were touched since; not between products of one shape that add to the same accumulators.
__device__ __forceinline__ void wgmma_fence() {
#ifdef WW_SIM
    wwsim::isa::wgmma_fence();
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#else
    __trap();
#endif
}

// wgmma.commit_group: the products since the last commit are a group.
__device__ __forceinline__ void wgmma_commit() {
#ifdef WW_SIM
    wwsim::isa::wgmma_commit();
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
    __trap();
#endif
}

// wgmma.wait_group: waits until at most `groups` of the last groups are in flight.
template <int groups> __device__ __forceinline__ void wgmma_wait() {
    static_assert(groups >= 0 && groups <= 7, "wgmma.wait_group leaves 0 to 7 groups in flight");
#ifdef WW_SIM
    wwsim::isa::wgmma_wait(groups);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
#else
    __trap();
#endif
}

// No instruction: the compiler, to which a product looks as if it were done at once, moves no use of `d` over this. Behind the wait for
// `d`, and before the fence where `d` or A's registers were set by other code.
template <typename Register, int count> __device__ __forceinline__ void wgmma_fence_registers(Register (&d)[count]) {
    static_assert(std::is_same_v<Register, float> || std::is_same_v<Register, uint32_t>, "32-bit registers");
#ifdef WW_SIM
    (void)d;
#else
#pragma unroll
    for (int i = 0; i < count; i++) {
        if constexpr (std::is_same_v<Register, float>) {
            asm volatile("" : "+f"(d[i])::"memory");
        } else {
            asm volatile("" : "+r"(d[i])::"memory");
        }
    }
#endif
}

// ---- Products

#ifndef WW_SIM
namespace wgmma_detail {

// The registers of D come first, because they are the outputs; behind them B's descriptor, the predicate, the immediates of A's and B's
// sign and of B's order, and then A: a descriptor and the immediate of its order, or four registers.
#define WW_WGMMA(shape, c, registers, p, sign_a, sign_b, a, orders, ...)                                                                  \
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %" #p ", 0; wgmma.mma_async.sync.aligned." shape " {" WW_TEXT_##registers "}, " a        \
                 ", %" #registers ", p, %" #sign_a ", %" #sign_b orders "; }"                                                             \
                 : WW_LIST_##registers(c, d)                                                                                              \
                 : "l"(b), "r"(static_cast<int>(accumulate)), "n"(scale_a), "n"(scale_b), "n"(static_cast<int>(major_b)), __VA_ARGS__)
#define WW_A_SHARED "l"(a), "n"(static_cast<int>(major_a))
#define WW_A_REGISTERS "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3])

// Sums of `Register`s, 64 x n of them. One specialization for each size, so that a file compiles only those that it uses.
template <typename Register, int n> struct Sums;

#define WW_SUMS_F32(n, r, p, sa, sb, tb, a0, a1, a2, a3)                                                                                  \
    template <> struct Sums<float, n> {                                                                                                   \
        template <typename T, Major major_a, Major major_b, int scale_a, int scale_b>                                                     \
        static __device__ __forceinline__ void multiply(float (&d)[r], uint64_t a, uint64_t b, bool accumulate) {                         \
            if constexpr (std::is_same_v<T, __nv_bfloat16>) {                                                                             \
                WW_WGMMA("m64n" #n "k16.f32.bf16.bf16", "+f", r, p, sa, sb, "%" #a0, ", %" #a1 ", %" #tb, WW_A_SHARED);                   \
            } else if constexpr (std::is_same_v<T, __half>) {                                                                             \
                WW_WGMMA("m64n" #n "k16.f32.f16.f16", "+f", r, p, sa, sb, "%" #a0, ", %" #a1 ", %" #tb, WW_A_SHARED);                     \
            } else {                                                                                                                      \
                WW_WGMMA("m64n" #n "k8.f32.tf32.tf32", "+f", r, p, sa, sb, "%" #a0, "", WW_A_SHARED);                                     \
            }                                                                                                                             \
        }                                                                                                                                 \
        template <typename T, Major, Major major_b, int scale_a, int scale_b>                                                             \
        static __device__ __forceinline__ void multiply(float (&d)[r], const uint32_t (&a)[4], uint64_t b, bool accumulate) {             \
            if constexpr (std::is_same_v<T, __nv_bfloat16>) {                                                                             \
                WW_WGMMA("m64n" #n "k16.f32.bf16.bf16", "+f", r, p, sa, sb, WW_TEXT_A(a0, a1, a2, a3), ", %" #tb, WW_A_REGISTERS);        \
            } else if constexpr (std::is_same_v<T, __half>) {                                                                             \
                WW_WGMMA("m64n" #n "k16.f32.f16.f16", "+f", r, p, sa, sb, WW_TEXT_A(a0, a1, a2, a3), ", %" #tb, WW_A_REGISTERS);          \
            } else {                                                                                                                      \
                WW_WGMMA("m64n" #n "k8.f32.tf32.tf32", "+f", r, p, sa, sb, WW_TEXT_A(a0, a1, a2, a3), "", WW_A_REGISTERS);                \
            }                                                                                                                             \
        }                                                                                                                                 \
    };
#define WW_SUMS_F16(n, r, p, sa, sb, tb, a0, a1, a2, a3)                                                                                  \
    template <> struct Sums<uint32_t, n> {                                                                                                \
        template <typename, Major major_a, Major major_b, int scale_a, int scale_b>                                                       \
        static __device__ __forceinline__ void multiply(uint32_t (&d)[r], uint64_t a, uint64_t b, bool accumulate) {                      \
            WW_WGMMA("m64n" #n "k16.f16.f16.f16", "+r", r, p, sa, sb, "%" #a0, ", %" #a1 ", %" #tb, WW_A_SHARED);                         \
        }                                                                                                                                 \
        template <typename, Major, Major major_b, int scale_a, int scale_b>                                                               \
        static __device__ __forceinline__ void multiply(uint32_t (&d)[r], const uint32_t (&a)[4], uint64_t b, bool accumulate) {          \
            WW_WGMMA("m64n" #n "k16.f16.f16.f16", "+r", r, p, sa, sb, WW_TEXT_A(a0, a1, a2, a3), ", %" #tb, WW_A_REGISTERS);              \
        }                                                                                                                                 \
    };
#define WW_TEXT_A(a0, a1, a2, a3) "{%" #a0 ", %" #a1 ", %" #a2 ", %" #a3 "}"

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
WW_SIZES_F32(WW_SUMS_F32)
WW_SIZES_F16(WW_SUMS_F16)
#endif

#undef WW_WGMMA
#undef WW_A_SHARED
#undef WW_A_REGISTERS
#undef WW_SUMS_F32
#undef WW_SUMS_F16
#undef WW_TEXT_A

} // namespace wgmma_detail
#endif

namespace wgmma_detail {

template <typename T, int n, Major major_a, Major major_b, int scale_a, int scale_b, typename Register, int registers, typename A>
__device__ __forceinline__ void multiply(Register (&d)[registers], const A &a, uint64_t b, bool accumulate) {
    constexpr bool is_tf32 = std::is_same_v<T, tf32>, is_half = std::is_same_v<T, __half>;
    static_assert(is_tf32 || is_half || std::is_same_v<T, __nv_bfloat16>, "wgmma multiplies bf16, f16 and tf32");
    static_assert(std::is_same_v<Register, float> || is_half, "wgmma adds in f32, or, if it multiplies f16, in f16");
    static_assert(n >= 8 && n <= 256 && n % 8 == 0, "wgmma has n = 8, 16, ... 256");
    static_assert(registers == n / (std::is_same_v<Register, float> ? 2 : 4), "each of 128 threads has n / 2 elements of D");
    static_assert(!is_tf32 || (major_a == Major::k && major_b == Major::k), "wgmma takes tf32 K-major only");
    static_assert(scale_a * scale_a == 1 && scale_b * scale_b == 1, "scales are 1 or -1");
#ifdef WW_SIM
    constexpr wwsim::isa::Wgmma::Type type =
        is_tf32 ? wwsim::isa::Wgmma::tf32 : is_half ? wwsim::isa::Wgmma::f16 : wwsim::isa::Wgmma::bf16;
    wwsim::isa::wgmma({type, !std::is_same_v<Register, float>, n, major_a == Major::mn, major_b == Major::mn, scale_a < 0, scale_b < 0},
                      d, a, b, accumulate);
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
    Sums<Register, n>::template multiply<T, major_a, major_b, scale_a, scale_b>(d, a, b, accumulate);
#else
    __trap();
#endif
}

} // namespace wgmma_detail

// wgmma.mma_async.sync.aligned.m64n{8..256}k{16,8}.f32.{bf16.bf16,f16.f16,tf32.tf32}: d = scale_a A * scale_b B, plus d if `accumulate`.
// A is 64 x k in shared memory.
template <typename T, int n, Major major_a = Major::k, Major major_b = Major::k, int scale_a = 1, int scale_b = 1>
__device__ __forceinline__ void wgmma(float (&d)[n / 2], uint64_t descriptor_a, uint64_t descriptor_b, bool accumulate) {
    wgmma_detail::multiply<T, n, major_a, major_b, scale_a, scale_b>(d, descriptor_a, descriptor_b, accumulate);
}

// The same with A in registers, which must not change before the wait: WarpgroupFragmentA says which element is where.
template <typename T, int n, Major major_a = Major::k, Major major_b = Major::k, int scale_a = 1, int scale_b = 1>
__device__ __forceinline__ void wgmma(float (&d)[n / 2], const uint32_t (&a)[4], uint64_t descriptor_b, bool accumulate) {
    static_assert(major_a == Major::k, "A in registers has one order");
    wgmma_detail::multiply<T, n, major_a, major_b, scale_a, scale_b>(d, a, descriptor_b, accumulate);
}

// wgmma.mma_async.sync.aligned.m64n{8..256}k16.f16.f16.f16: sums in f16, two to a register, that of the lower column in the lower half.
template <typename T, int n, Major major_a = Major::k, Major major_b = Major::k, int scale_a = 1, int scale_b = 1>
__device__ __forceinline__ void wgmma(uint32_t (&d)[n / 4], uint64_t descriptor_a, uint64_t descriptor_b, bool accumulate) {
    wgmma_detail::multiply<T, n, major_a, major_b, scale_a, scale_b>(d, descriptor_a, descriptor_b, accumulate);
}
template <typename T, int n, Major major_a = Major::k, Major major_b = Major::k, int scale_a = 1, int scale_b = 1>
__device__ __forceinline__ void wgmma(uint32_t (&d)[n / 4], const uint32_t (&a)[4], uint64_t descriptor_b, bool accumulate) {
    static_assert(major_a == Major::k, "A in registers has one order");
    wgmma_detail::multiply<T, n, major_a, major_b, scale_a, scale_b>(d, a, descriptor_b, accumulate);
}

} // namespace WW_NAMESPACE
