// Twins of common/ptx/warp.cuh.
#pragma once

#include <cstdint>

namespace wwsim::isa {

int32_t redux_add(const char *instruction, unsigned mask, int32_t value);
uint32_t redux_add(const char *instruction, unsigned mask, uint32_t value);
int32_t redux_min(const char *instruction, unsigned mask, int32_t value);
uint32_t redux_min(const char *instruction, unsigned mask, uint32_t value);
int32_t redux_max(const char *instruction, unsigned mask, int32_t value);
uint32_t redux_max(const char *instruction, unsigned mask, uint32_t value);
uint32_t redux_and(const char *instruction, unsigned mask, uint32_t value);
uint32_t redux_or(const char *instruction, unsigned mask, uint32_t value);
uint32_t redux_xor(const char *instruction, unsigned mask, uint32_t value);

} // namespace wwsim::isa
