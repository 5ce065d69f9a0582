// What one bulk copy moves: rows of bytes that lie one after the other in shared memory, and anywhere in a tensor. A copy without a
// tensor map is a tensor of one dimension.
#pragma once

#include "tensor_map.h"

namespace wwsim::isa {

class Tile {
  public:
    // The box of `map` at these coordinates, which may lie outside of the tensor.
    Tile(const TensorMap &map, const int *coordinates);
    // `bytes` from `start` on.
    Tile(void *start, size_t bytes);

    unsigned rows() const { return row_count; }
    unsigned row_bytes() const { return bytes_in_row; }
    unsigned bytes() const { return row_count * bytes_in_row; }

    // A row in the tensor's memory: its bytes `first` up to `last` lie there, from `memory` on; what is outside of the tensor doesn't.
    struct Row {
        char *memory;
        unsigned first, last;
    };
    Row row(unsigned index) const;

    // What loads write for bytes `first` up to `last` of a row, outside of the tensor.
    void fill(char *to, unsigned first, unsigned last) const;

    // f(to, offset, bytes) for the parts of a row that lie together in the tile at `shared`; `offset` counts in the row.
    template <class F> void for_each_part(char *shared, unsigned row, F f) const {
        char *start = shared + size_t{row} * bytes_in_row;
        if (swizzle == Swizzle::none) return f(start, 0u, bytes_in_row);
        for (unsigned offset = 0; offset < bytes_in_row; offset += 16)
            f(reinterpret_cast<char *>(swizzled(reinterpret_cast<uintptr_t>(start + offset), swizzle)), offset, 16u);
    }

  private:
    char *address;
    unsigned rank = 1;
    uint64_t sizes[most_tensor_rank];
    uint64_t strides[most_tensor_rank];
    int64_t begin[most_tensor_rank];
    unsigned counts[most_tensor_rank];
    unsigned steps[most_tensor_rank];
    unsigned element_bytes = 1;
    unsigned row_count, bytes_in_row;
    Swizzle swizzle = Swizzle::none;
    uint64_t nan = 0; // the bits of an element to fill with
};

} // namespace wwsim::isa
