// Twins of common/ptx/memory.cuh: global loads and stores in one access. Cache hints change nothing that can be seen.
#pragma once

#include "check.h"

namespace wwsim::isa {

template <typename T> __forceinline__ T load(const char *instruction, const T *address) {
    check_aligned(instruction, address, sizeof(T));
    observe(instruction, Effect::read, address, sizeof(T));
    T value;
    __builtin_memcpy(&value, address, sizeof(T));
    return value;
}

template <typename T> __forceinline__ void store(const char *instruction, T *address, const T &value) {
    check_aligned(instruction, address, sizeof(T));
    observe(instruction, Effect::write, address, sizeof(T));
    __builtin_memcpy(address, &value, sizeof(T));
}

} // namespace wwsim::isa
