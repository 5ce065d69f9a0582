// How these tests say what went wrong. A `main` returns `failures != 0`.
#pragma once

#include <cstdio>

static int failures = 0;
#define CHECK(condition)                                                                                                                   \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            std::printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                                           \
            failures++;                                                                                                                    \
        }                                                                                                                                  \
    } while (0)
