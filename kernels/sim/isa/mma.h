// Twins of common/ptx/mma.cuh.
#pragma once

#include <cstdint>

namespace wwsim::isa {

void mma_m16n8k16_bf16(float *d, const uint32_t *a, const uint32_t *b, const float *c);
void mma_m16n8k16_f16(float *d, const uint32_t *a, const uint32_t *b, const float *c);
void mma_m16n8k16_f16_f16(uint32_t *d, const uint32_t *a, const uint32_t *b, const uint32_t *c);
void mma_m16n8k8_tf32(float *d, const uint32_t *a, const uint32_t *b, const float *c);

} // namespace wwsim::isa
