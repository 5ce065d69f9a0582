// The C library's functions as kernels call them (watch/checked_builtins.h): they tell what a GPU would have done.
#include <cmath>

#include "count.h"

#define X1(name, ...)                                                                                                             \
    extern "C" float wwsim_##name(float x) {                                                                                      \
        wwsim::count::special(__VA_ARGS__);                                                                                       \
        return ::name(x);                                                                                                         \
    }
#define X2(name, ...)                                                                                                             \
    extern "C" float wwsim_##name(float x, float y) {                                                                             \
        wwsim::count::special(__VA_ARGS__);                                                                                       \
        return ::name(x, y);                                                                                                      \
    }
#include "special_functions.inc"
