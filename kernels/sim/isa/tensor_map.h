// What a CUtensorMap holds here: a tensor in global memory, and the box of it that one instruction moves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "swizzle.h"

namespace wwsim::isa {

constexpr unsigned most_tensor_rank = 5;

// The types that reductions and fills tell from each other. In the order of CUtensorMapDataType.
enum class ElementType : uint8_t { u8, u16, u32, s32, u64, s64, f16, f32, f64, bf16, f32_ftz, tf32, tf32_ftz };

constexpr unsigned bytes_of(ElementType type) {
    switch (type) {
    case ElementType::u8: return 1;
    case ElementType::u16:
    case ElementType::f16:
    case ElementType::bf16: return 2;
    case ElementType::u64:
    case ElementType::s64:
    case ElementType::f64: return 8;
    default: return 4;
    }
}

constexpr bool is_float(ElementType type) { return type >= ElementType::f16; }

// Dimension 0 is the one whose elements are neighbors. Exactly what the 128 bytes of a map hold.
struct TensorMap {
    uint64_t seal; // of the bytes below: tells a map from anything else
    char *address;
    uint64_t sizes[most_tensor_rank];
    uint64_t strides[most_tensor_rank - 1]; // of dimension 1 and up, in bytes
    uint16_t box[most_tensor_rank];
    uint8_t element_strides[most_tensor_rank];
    uint8_t rank;
    ElementType type;
    Swizzle swizzle;
    bool fills_nan;
    uint8_t unused[21];

    uint64_t expected_seal() const;
};
static_assert(sizeof(TensorMap) == 128);

// Reads a kernel's map. A fault if there is none.
TensorMap read_map(const char *instruction, const void *map);

} // namespace wwsim::isa
