#include "tile.h"

#include <algorithm>
#include <cstring>

namespace wwsim::isa {

static uint64_t nan_of(ElementType type) {
    switch (type) {
    case ElementType::f16:
    case ElementType::bf16: return 0x7fff;
    case ElementType::f64: return 0x7fffffffffffffff;
    default: return 0x7fffffff;
    }
}

Tile::Tile(const TensorMap &map, const int *coordinates)
    : address(map.address), rank(map.rank), element_bytes(bytes_of(map.type)), swizzle(map.swizzle), nan(map.fills_nan ? nan_of(map.type) : 0) {
    row_count = 1;
    for (unsigned i = 0; i < rank; i++) {
        sizes[i] = map.sizes[i];
        strides[i] = i == 0 ? element_bytes : map.strides[i - 1];
        begin[i] = coordinates[i];
        // The stride of dimension 0 is ignored.
        steps[i] = i == 0 ? 1 : map.element_strides[i];
        counts[i] = (map.box[i] + steps[i] - 1) / steps[i];
        if (i > 0) row_count *= counts[i];
    }
    bytes_in_row = counts[0] * element_bytes;
}

// In rows of some length, so that they can come one after the other.
Tile::Tile(void *start, size_t bytes) : address(static_cast<char *>(start)), rank(2) {
    bytes_in_row = static_cast<unsigned>(std::min<size_t>(bytes & (0 - bytes), 512));
    row_count = static_cast<unsigned>(bytes / bytes_in_row);
    sizes[0] = strides[1] = counts[0] = bytes_in_row;
    sizes[1] = counts[1] = row_count;
    strides[0] = steps[0] = steps[1] = 1;
    begin[0] = begin[1] = 0;
}

Tile::Row Tile::row(unsigned index) const {
    const int64_t size = static_cast<int64_t>(sizes[0]), count = counts[0];
    const int64_t first = std::clamp<int64_t>(-begin[0], 0, count), last = std::clamp<int64_t>(size - begin[0], first, count);
    char *at = address + (begin[0] + first) * element_bytes;
    bool inside = first < last;
    for (unsigned i = 1; i < rank; i++) {
        const int64_t coordinate = begin[i] + int64_t{index % counts[i]} * steps[i];
        index /= counts[i];
        inside &= coordinate >= 0 && coordinate < static_cast<int64_t>(sizes[i]);
        at += coordinate * static_cast<int64_t>(strides[i]);
    }
    if (!inside) return {nullptr, 0, 0};
    return {at, static_cast<unsigned>(first) * element_bytes, static_cast<unsigned>(last) * element_bytes};
}

void Tile::fill(char *to, unsigned first, unsigned last) const {
    for (unsigned i = first; i < last; i += element_bytes) std::memcpy(to + (i - first), &nan, element_bytes);
}

} // namespace wwsim::isa
