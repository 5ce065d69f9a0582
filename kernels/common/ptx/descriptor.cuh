// Descriptors of matrices in shared memory, as wgmma takes them: 64 bits that say where a matrix begins and how its 16-byte chunks lie.
// PTX ISA, Asynchronous Warpgroup Level Matrix Instructions: Shared Memory Matrix Layout, Matrix Descriptor Format.
//
// A matrix is M x K or N x K. Its chunks, 16 bytes of one row of K (K-major) or of one column of M or N (MN-major), make core matrices of
// 8 x 16 bytes. With a swizzle, the rows of a core matrix are 32, 64 or 128 bytes apart, so that two, four or eight core matrices lie
// side by side in a pattern of 8 rows; without, they are 16 bytes apart, and a core matrix is 128 bytes in one piece.
//
//            |  leading_bytes: from a core matrix to       |  stride_bytes: from a core matrix to
// K-major    |  none: the next along K; else ignored       |  the next along M or N
// MN-major   |  none: the next along K;                    |  none: the next along M or N;
//            |  else: the next pattern along M or N          |  else: the next along K
//
// Swizzles exchange the chunks of a row by bits 7 and upwards of the address, so a pattern begins at a multiple of its size (256, 512,
// 1024 bytes), or `base_offset` tells where in one. Steps along K within the pattern's rows just advance the start.
#pragma once

#include "shared.cuh"

#ifdef WW_SIM
#include "../../sim/isa/descriptor.h"
#endif

namespace WW_NAMESPACE {

// With the values that a descriptor has for them.
enum class Swizzle : unsigned char { none = 0, bytes128 = 1, bytes64 = 2, bytes32 = 3 };

// Which elements of a matrix are neighbors in memory: those along K, or those along M or N.
enum class Major : unsigned char { k = 0, mn = 1 };

// `start`, `leading_bytes` and `stride_bytes` are multiples of 16. `base_offset` is bits 7 to 9 of the shared address where the swizzle's
// pattern begins.
__device__ __forceinline__ uint64_t shared_descriptor(const void *start, unsigned leading_bytes, unsigned stride_bytes, Swizzle swizzle,
                                                      unsigned base_offset = 0) {
#ifdef WW_SIM
    wwsim::isa::check_descriptor(start, leading_bytes, stride_bytes);
#endif
    const auto field = [](uint32_t bytes) { return static_cast<uint64_t>((bytes & 0x3ffff) >> 4); };
    return field(shared_address(start)) | field(leading_bytes) << 16 | field(stride_bytes) << 32 |
           static_cast<uint64_t>(base_offset & 7) << 49 | static_cast<uint64_t>(swizzle) << 62;
}

// The descriptor of the matrix that begins `bytes`, a multiple of 16, further on.
__device__ __forceinline__ uint64_t advance(uint64_t descriptor, unsigned bytes) { return descriptor + (bytes >> 4); }

} // namespace WW_NAMESPACE
