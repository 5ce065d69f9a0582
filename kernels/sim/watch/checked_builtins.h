// Included before a kernel that is compiled for watching. A call of memcpy, memmove or memset becomes one of the simulator's own, which
// tells of the access: the compiler tells only of what it makes loads and stores of, and copies the rest in silence.
#pragma once

#undef _FORTIFY_SOURCE // whose own definitions would stand in the way
#include <string.h>

#if !defined(__clang__) // which does so itself
extern "C" void *wwsim_copy(void *, const void *, size_t) noexcept __asm__("__tsan_memcpy");
extern "C" void *wwsim_move(void *, const void *, size_t) noexcept __asm__("__tsan_memmove");
extern "C" void *wwsim_fill(void *, int, size_t) noexcept __asm__("__tsan_memset");

// Sizes that become one load or store are left to the compiler.
#define WWSIM_BUILTIN(name, own, T)                                                                                                \
    extern "C" inline __attribute__((always_inline, gnu_inline, artificial)) void *name(void *to, T with, size_t bytes) noexcept { \
        if (__builtin_constant_p(bytes) && bytes <= 16 && (bytes & (bytes - 1)) == 0) return __builtin_##name(to, with, bytes);    \
        return own(to, with, bytes);                                                                                               \
    }
WWSIM_BUILTIN(memcpy, wwsim_copy, const void *)
WWSIM_BUILTIN(memmove, wwsim_move, const void *)
WWSIM_BUILTIN(memset, wwsim_fill, int)
#undef WWSIM_BUILTIN
#endif

// The mathematical functions that use the special function unit become functions that count that (count/special_functions.cpp).
#define X1(name, ...) extern "C" float name(float) noexcept __asm__("wwsim_" #name);
#define X2(name, ...) extern "C" float name(float, float) noexcept __asm__("wwsim_" #name);
#include "../count/special_functions.inc"
#undef X1
#undef X2
