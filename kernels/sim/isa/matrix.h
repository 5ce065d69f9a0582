// Twins of common/ptx/matrix.cuh.
#pragma once

#include <cstdint>

namespace wwsim::isa {

// 8 x 8 matrices of 16-bit elements, 1, 2 or 4 of them; lane l gives row l % 8 of matrix l / 8.
void ldmatrix(int matrices, bool transposed, uint32_t *registers, const void *row);
void stmatrix(int matrices, bool transposed, void *row, const uint32_t *registers);

} // namespace wwsim::isa
