// What the tests of the runtime share.
#pragma once

#include "../samples/check.h"

// A call must return this error, leave it for cudaGetLastError, and cudaGetLastError must clear it.
#define EXPECT_ERROR(call, expected)                                                                                       \
    do {                                                                                                                   \
        const cudaError_t got = (call), left = cudaGetLastError(), after = cudaGetLastError();                             \
        EXPECT(got == (expected), "%s gives %s", #call, cudaGetErrorName(got));                                            \
        EXPECT(left == (expected), "%s leaves %s", #call, cudaGetErrorName(left));                                         \
        EXPECT(after == cudaSuccess, "%s leaves %s after cudaGetLastError", #call, cudaGetErrorName(after));               \
    } while (0)
