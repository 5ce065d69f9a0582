// The tensor core's warp-level products D = A B + C, and the fragments that the 32 lanes of a warp hold of each matrix.
// PTX ISA, Warp-level Matrix Instructions using mma: mma, and Matrix Fragments for mma.m16n8k8 and mma.m16n8k16.
//
// All 32 lanes take part. The products are exact; in what order and with what rounding they are summed, the PTX ISA leaves open
// beyond "at least" the accumulator's precision. The simulator takes C first, then k upwards, each sum rounded to nearest in f32.
// D may be C.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/mma.h"
#endif

namespace WW_NAMESPACE {

// An f32 of which a tensor core reads the upper 19 bits: sign, 8 bits of exponent, 10 of mantissa.
struct tf32 {};

// A, rows x k. `row` and `column` tell where element `i` of a lane lies: i counts the lane's elements in register order, for
// 16-bit types from the lower half of each register.
template <typename T> struct FragmentA {
    static_assert(std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __half>, "16-bit elements: 16 x 16");
    uint32_t r[4];

    static constexpr int elements = 8;
    __host__ __device__ static constexpr int row(int lane, int i) { return lane / 4 + i / 2 % 2 * 8; }
    __host__ __device__ static constexpr int column(int lane, int i) { return lane % 4 * 2 + i % 2 + i / 4 * 8; }
};

template <> struct FragmentA<tf32> { // 16 x 8
    uint32_t r[4];

    static constexpr int elements = 4;
    __host__ __device__ static constexpr int row(int lane, int i) { return lane / 4 + i % 2 * 8; }
    __host__ __device__ static constexpr int column(int lane, int i) { return lane % 4 + i / 2 * 4; }
};

// B, k x columns.
template <typename T> struct FragmentB {
    static_assert(std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __half>, "16-bit elements: 16 x 8");
    uint32_t r[2];

    static constexpr int elements = 4;
    __host__ __device__ static constexpr int row(int lane, int i) { return lane % 4 * 2 + i % 2 + i / 2 * 8; }
    __host__ __device__ static constexpr int column(int lane, int) { return lane / 4; }
};

template <> struct FragmentB<tf32> { // 8 x 8
    uint32_t r[2];

    static constexpr int elements = 2;
    __host__ __device__ static constexpr int row(int lane, int i) { return lane % 4 + i * 4; }
    __host__ __device__ static constexpr int column(int lane, int) { return lane / 4; }
};

// C and D, 16 x 8, in f32 or f16.
template <typename T> struct FragmentC {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, __half>, "accumulators are f32 or f16");
    using Register = std::conditional_t<std::is_same_v<T, float>, float, uint32_t>;
    Register r[sizeof(T)]; // four elements: one to an f32 register, two to a 32-bit register of f16

    static constexpr int elements = 4;
    __host__ __device__ static constexpr int row(int lane, int i) { return lane / 4 + i / 2 * 8; }
    __host__ __device__ static constexpr int column(int lane, int i) { return lane % 4 * 2 + i % 2; }
};

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
__device__ __forceinline__ void mma(FragmentC<float> &d, const FragmentA<__nv_bfloat16> &a, const FragmentB<__nv_bfloat16> &b,
                                    const FragmentC<float> &c) {
#ifdef WW_SIM
    wwsim::isa::mma_m16n8k16_bf16(d.r, a.r, b.r, c.r);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
                 : "=f"(d.r[0]), "=f"(d.r[1]), "=f"(d.r[2]), "=f"(d.r[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]), "f"(c.r[0]), "f"(c.r[1]),
                   "f"(c.r[2]), "f"(c.r[3]));
#endif
}

// mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
__device__ __forceinline__ void mma(FragmentC<float> &d, const FragmentA<__half> &a, const FragmentB<__half> &b,
                                    const FragmentC<float> &c) {
#ifdef WW_SIM
    wwsim::isa::mma_m16n8k16_f16(d.r, a.r, b.r, c.r);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
                 : "=f"(d.r[0]), "=f"(d.r[1]), "=f"(d.r[2]), "=f"(d.r[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]), "f"(c.r[0]), "f"(c.r[1]),
                   "f"(c.r[2]), "f"(c.r[3]));
#endif
}

// mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16. The simulator sums in f32 and rounds the result.
__device__ __forceinline__ void mma(FragmentC<__half> &d, const FragmentA<__half> &a, const FragmentB<__half> &b,
                                    const FragmentC<__half> &c) {
#ifdef WW_SIM
    wwsim::isa::mma_m16n8k16_f16_f16(d.r, a.r, b.r, c.r);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%8, %9};"
                 : "=r"(d.r[0]), "=r"(d.r[1])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]), "r"(c.r[0]), "r"(c.r[1]));
#endif
}

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32. The lower 13 bits of A's and B's registers are ignored.
__device__ __forceinline__ void mma(FragmentC<float> &d, const FragmentA<tf32> &a, const FragmentB<tf32> &b,
                                    const FragmentC<float> &c) {
#ifdef WW_SIM
    wwsim::isa::mma_m16n8k8_tf32(d.r, a.r, b.r, c.r);
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
                 : "=f"(d.r[0]), "=f"(d.r[1]), "=f"(d.r[2]), "=f"(d.r[3])
                 : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]), "f"(c.r[0]), "f"(c.r[1]),
                   "f"(c.r[2]), "f"(c.r[3]));
#endif
}

} // namespace WW_NAMESPACE
