// Included before a kernel that is compiled for watching. What becomes a call of memcpy, memmove or memset, written or not, becomes one of
// the simulator's own, which tells of the access.
#pragma once

#include <string.h>

#if !defined(__clang__) // which renames them itself
extern "C" void *memcpy(void *, const void *, size_t) noexcept __asm__("__tsan_memcpy");
extern "C" void *memmove(void *, const void *, size_t) noexcept __asm__("__tsan_memmove");
extern "C" void *memset(void *, int, size_t) noexcept __asm__("__tsan_memset");
#endif
