// Included before a kernel that is compiled for watching. What becomes a call of memcpy, memmove or memset, written or not, becomes one of
// the simulator's own, which tells of the access.
#pragma once

#include <string.h>

#if !defined(__clang__) // which renames them itself
extern "C" void *memcpy(void *, const void *, size_t) noexcept __asm__("__tsan_memcpy");
extern "C" void *memmove(void *, const void *, size_t) noexcept __asm__("__tsan_memmove");
extern "C" void *memset(void *, int, size_t) noexcept __asm__("__tsan_memset");
#endif

// The mathematical functions that use the special function unit become functions that count that (count/special_functions.cpp).
#define X1(name, ...) extern "C" float name(float) noexcept __asm__("wwsim_" #name);
#define X2(name, ...) extern "C" float name(float, float) noexcept __asm__("wwsim_" #name);
#include "../count/special_functions.inc"
#undef X1
#undef X2
