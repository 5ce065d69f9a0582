// The reductions of bulk copies: what comes is combined with what is there, element by element.
#pragma once

#include <cstddef>

#include "tensor_map.h"

namespace wwsim::isa {

// `inc` and `dec` wrap around, as atomicInc and atomicDec do.
enum class ReduceOp : uint8_t { none, add, min, max, inc, dec, bits_and, bits_or, bits_xor };

// Combines so many bytes, each element in one step that other threads don't come between.
using Combine = void (*)(char *to, const char *from, size_t bytes);

// Null where the GPU has no such reduction of the type; a copy for `none`.
Combine combine_of(ReduceOp op, ElementType type);

// What a load by a tensor map of this type does with each element: copies it, or rounds it to tf32 and flushes subnormals.
Combine load_of(ElementType type);

const char *name_of(ReduceOp op);
const char *name_of(ElementType type);

} // namespace wwsim::isa
