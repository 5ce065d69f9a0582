// Ends the program with 1 at the first call that doesn't succeed, and 0 if all do: then the fault wasn't caught.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(call)                                                                          \
    do {                                                                                     \
        cudaError_t error = (call);                                                          \
        if (error != cudaSuccess) {                                                          \
            std::fprintf(stderr, "%s: %s\n", cudaGetErrorName(error), cudaGetErrorString(error)); \
            std::exit(1);                                                                    \
        }                                                                                    \
    } while (0)

#define CHECK_LAUNCH()              \
    do {                            \
        CHECK(cudaGetLastError());  \
        CHECK(cudaDeviceSynchronize()); \
    } while (0)
