// How shared memory is swizzled for tensor maps and matrix descriptors: 16-byte chunks of a row change places with each other by an
// exclusive or with bits of the row's number. CUTLASS: Swizzle<B, 4, 3> on byte addresses.
#pragma once

#include <cstdint>

namespace wwsim::isa {

enum class Swizzle : unsigned char { none = 0, bytes32 = 1, bytes64 = 2, bytes128 = 3 };

// Where the byte at `address`, an address or an offset from a multiple of the pattern's size (256, 512, 1024 bytes), lies.
constexpr uintptr_t swizzled(uintptr_t address, Swizzle swizzle) {
    const uintptr_t bits = (uintptr_t{1} << static_cast<unsigned>(swizzle)) - 1; // B bits from 7 upwards go onto those from 4 upwards
    return address ^ ((address >> 3) & (bits << 4));
}

} // namespace wwsim::isa
