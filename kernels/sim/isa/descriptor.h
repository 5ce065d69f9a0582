// Twin of common/ptx/descriptor.cuh: where the parts of a matrix lie that a descriptor describes.
// PTX ISA, Asynchronous Warpgroup Level Matrix Instructions: Shared Memory Matrix Layout.
#pragma once

#include "check.h"
#include "swizzle.h"

namespace wwsim::isa {

// What the bits of a descriptor can't hold.
inline void check_descriptor(const void *start, unsigned leading_bytes, unsigned stride_bytes) {
    check_aligned("matrix descriptor", start, 16);
    if (leading_bytes % 16 || stride_bytes % 16 || leading_bytes >= 1u << 18 || stride_bytes >= 1u << 18)
        fault(Fault::illegal_instruction, "matrix descriptor: strides of %u and %u bytes: expected multiples of 16 below 2^18", leading_bytes,
              stride_bytes);
}

struct MatrixDescriptor {
    uint32_t start, leading, stride; // bytes
    uint32_t base;                   // how far the swizzle's pattern begins after a multiple of its size, in bytes
    Swizzle swizzle;

    explicit MatrixDescriptor(uint64_t bits) {
        const auto bytes = [&](unsigned from) { return static_cast<uint32_t>(bits >> from & 0x3fff) << 4; };
        start = bytes(0);
        leading = bytes(16);
        stride = bytes(32);
        base = static_cast<uint32_t>(bits >> 49 & 7) << 7;
        static constexpr Swizzle modes[] = {Swizzle::none, Swizzle::bytes128, Swizzle::bytes64, Swizzle::bytes32};
        swizzle = modes[bits >> 62];
    }
    static constexpr uint64_t reserved = uint64_t{3} << 14 | uint64_t{3} << 30 | uint64_t{7} << 46 | uint64_t{0x3ff} << 52;

    // The address in the shared window of 16 bytes of the matrix. K-major: those at `chunk` along K of row `line` of M or N. MN-major: those
    // at `chunk` along M or N of column `line` of K.
    uint32_t chunk(bool mn_major, unsigned line, unsigned chunk) const {
        const unsigned inner = line % 8, outer = line / 8;
        uint32_t offset;
        if (swizzle == Swizzle::none) {
            offset = inner * 16 + (mn_major ? outer * leading + chunk * stride : outer * stride + chunk * leading);
        } else {
            const unsigned across = 1u << static_cast<unsigned>(swizzle); // chunks in a row of the pattern
            offset = inner * across * 16 + outer * stride;
            offset += mn_major ? chunk % across * 16 + chunk / across * leading : chunk * 16;
        }
        const uint32_t address = start + offset;
        const uint32_t in_pattern = address - base;
        return (address ^ in_pattern ^ static_cast<uint32_t>(swizzled(in_pattern, swizzle))) & 0x3ffff;
    }
};

} // namespace wwsim::isa
