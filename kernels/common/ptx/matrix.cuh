// 8 x 8 matrices of 16-bit elements between shared memory and the fragments of mma.
// PTX ISA, Warp-level Matrix Instructions using mma: ldmatrix, stmatrix.
//
// Lanes 8i to 8i + 7 give the addresses of the eight rows of matrix i: 16 bytes each, 16-byte aligned, in shared memory. The
// addresses of lanes from 8 * count on are ignored. Register i of lane l holds elements (l / 4, 2 (l % 4)) and
// (l / 4, 2 (l % 4) + 1) of matrix i, the first in the lower half; with .trans, those of its transpose. All 32 lanes take part.
#pragma once

#include "shared.cuh"

#ifdef WW_SIM
#include "../../sim/isa/matrix.h"
#endif

namespace WW_NAMESPACE {

// ldmatrix.sync.aligned.m8n8.x{1,2,4}.shared.b16
template <int count> __device__ __forceinline__ void ldmatrix(uint32_t (&r)[count], const void *row) {
    static_assert(count == 1 || count == 2 || count == 4, "ldmatrix loads 1, 2 or 4 matrices");
#ifdef WW_SIM
    wwsim::isa::ldmatrix(count, false, r, row);
#else
    if constexpr (count == 1) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(shared_address(row)) : "memory");
    } else if constexpr (count == 2) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                     : "=r"(r[0]), "=r"(r[1])
                     : "r"(shared_address(row))
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared_address(row))
                     : "memory");
    }
#endif
}

// ldmatrix.sync.aligned.m8n8.x{1,2,4}.trans.shared.b16
template <int count> __device__ __forceinline__ void ldmatrix_trans(uint32_t (&r)[count], const void *row) {
    static_assert(count == 1 || count == 2 || count == 4, "ldmatrix loads 1, 2 or 4 matrices");
#ifdef WW_SIM
    wwsim::isa::ldmatrix(count, true, r, row);
#else
    if constexpr (count == 1) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                     : "=r"(r[0])
                     : "r"(shared_address(row))
                     : "memory");
    } else if constexpr (count == 2) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(r[0]), "=r"(r[1])
                     : "r"(shared_address(row))
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared_address(row))
                     : "memory");
    }
#endif
}

// stmatrix.sync.aligned.m8n8.x{1,2,4}.shared.b16, sm_90 and later
template <int count> __device__ __forceinline__ void stmatrix(void *row, const uint32_t (&r)[count]) {
    static_assert(count == 1 || count == 2 || count == 4, "stmatrix stores 1, 2 or 4 matrices");
#ifdef WW_SIM
    wwsim::isa::stmatrix(count, false, row, r);
#elif __CUDA_ARCH__ >= 900
    if constexpr (count == 1) {
        asm volatile("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%0], {%1};" : : "r"(shared_address(row)), "r"(r[0]) : "memory");
    } else if constexpr (count == 2) {
        asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};"
                     :
                     : "r"(shared_address(row)), "r"(r[0]), "r"(r[1])
                     : "memory");
    } else {
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
                     :
                     : "r"(shared_address(row)), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
                     : "memory");
    }
#else
    __trap();
#endif
}

// stmatrix.sync.aligned.m8n8.x{1,2,4}.trans.shared.b16, sm_90 and later
template <int count> __device__ __forceinline__ void stmatrix_trans(void *row, const uint32_t (&r)[count]) {
    static_assert(count == 1 || count == 2 || count == 4, "stmatrix stores 1, 2 or 4 matrices");
#ifdef WW_SIM
    wwsim::isa::stmatrix(count, true, row, r);
#elif __CUDA_ARCH__ >= 900
    if constexpr (count == 1) {
        asm volatile("stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [%0], {%1};"
                     :
                     : "r"(shared_address(row)), "r"(r[0])
                     : "memory");
    } else if constexpr (count == 2) {
        asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};"
                     :
                     : "r"(shared_address(row)), "r"(r[0]), "r"(r[1])
                     : "memory");
    } else {
        asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};"
                     :
                     : "r"(shared_address(row)), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
                     : "memory");
    }
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE
