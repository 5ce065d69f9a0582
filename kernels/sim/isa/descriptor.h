// Twin of common/ptx/descriptor.cuh: where the parts of a matrix lie that a descriptor describes.
// PTX ISA, Asynchronous Warpgroup Level Matrix Instructions: Shared Memory Matrix Layout.
#pragma once

#include <algorithm>

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

// A matrix as a descriptor tells of it, in lines of chunks of 16 bytes: rows of M or N with chunks along K if K-major, columns of K
// with chunks along M or N if MN-major. Addresses are those of the shared window.
class MatrixDescriptor {
  public:
    MatrixDescriptor(uint64_t bits, bool mn_major) {
        const auto bytes = [&](unsigned from) { return static_cast<uint32_t>(bits >> from & 0x3fff) << 4; };
        static constexpr Swizzle modes[] = {Swizzle::none, Swizzle::bytes128, Swizzle::bytes64, Swizzle::bytes32};
        swizzle = modes[bits >> 62];
        across = 1u << static_cast<unsigned>(swizzle);
        start = bytes(0);
        base = static_cast<uint32_t>(bits >> 49 & 7) << 7;
        const uint32_t leading = bytes(16), stride = bytes(32);
        const bool exchanged = mn_major && swizzle == Swizzle::none;
        to_next_8_lines = exchanged ? leading : stride;
        to_next_pattern = exchanged ? stride : leading;
    }

    uint32_t chunk(unsigned line, unsigned chunk) const {
        const uint32_t address = start + line % 8 * across * 16 + line / 8 * to_next_8_lines + chunk % across * 16 +
                                 chunk / across * to_next_pattern;
        const uint32_t in_pattern = address - base;
        return (address ^ in_pattern ^ static_cast<uint32_t>(swizzled(in_pattern, swizzle))) & 0x3ffff;
    }

    // The 128 bytes that the matrix begins in, and how many bytes from there on it may reach.
    uint32_t begin() const { return start & ~127u; }
    uint32_t reach(unsigned lines, unsigned chunks) const {
        const uint32_t bytes = start % 128 + 7 * across * 16 + (lines - 1) / 8 * to_next_8_lines + (std::min(chunks, across) - 1) * 16 +
                               (chunks - 1) / across * to_next_pattern + 16;
        return swizzle == Swizzle::none ? bytes : (bytes + 127) & ~127u;
    }

    static constexpr uint64_t reserved = uint64_t{3} << 14 | uint64_t{3} << 30 | uint64_t{7} << 46 | uint64_t{0x3ff} << 52;

  private:
    uint32_t start;
    uint32_t base; // how far the swizzle's pattern begins after a multiple of its size
    uint32_t to_next_8_lines, to_next_pattern;
    unsigned across; // chunks in a row of the swizzle's pattern
    Swizzle swizzle;
};

// An operand of an instruction, in this block's shared memory.
class SharedMatrix {
  public:
    // A fault where some of it isn't in shared memory, or where the descriptor is none.
    SharedMatrix(const char *instruction, const char *operand, uint64_t descriptor, bool mn_major, unsigned lines, unsigned chunks);

    const char *chunk(unsigned line, unsigned chunk) const {
        const uint32_t address = descriptor.chunk(line, chunk);
        return begin ? begin + (address - descriptor.begin()) : shared_pointer(address, 16);
    }

    const bool mn_major;
    const unsigned lines, chunks;

  private:
    const MatrixDescriptor descriptor;
    const char *begin; // of it in memory; null: it may be in several pieces
};

} // namespace wwsim::isa
