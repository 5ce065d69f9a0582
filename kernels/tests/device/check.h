// What the tests of device functions share: memory that both sides see, calls that must succeed, and comparisons that are counted.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(call)                                                                                                                \
    do {                                                                                                                           \
        const cudaError_t error = (call);                                                                                          \
        if (error != cudaSuccess) {                                                                                                \
            std::fprintf(stderr, "%s:%d: %s: expected success, got: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error));  \
            std::exit(1);                                                                                                          \
        }                                                                                                                          \
    } while (0)

// Zeroed memory of the host and the device.
template <class T> T *managed(size_t count) {
    T *memory = nullptr;
    CHECK(cudaMallocManaged(&memory, count * sizeof(T)));
    std::memset(static_cast<void *>(memory), 0, count * sizeof(T));
    return memory;
}

// Waits for the kernel that was launched last.
inline void finish() {
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
}

inline long long comparisons, failures;

inline void print(double x) { std::fprintf(stderr, "%.17g", x); }
inline void print(long long x) { std::fprintf(stderr, "%lld (0x%llx)", x, (unsigned long long)x); }

template <class T> auto printable(T x) {
    if constexpr (static_cast<T>(0.5) != static_cast<T>(0))
        return static_cast<double>(x);
    else
        return static_cast<long long>(x);
}

// Compares one result, of which `i` and `j` say where it stands.
template <class T, class U> void expect(const char *what, T expected, U got, long long i = 0, long long j = 0) {
    comparisons++;
    if (expected == static_cast<T>(got)) return;
    if (++failures > 20) return;
    std::fprintf(stderr, "%s [%lld, %lld]: expected ", what, i, j);
    print(printable(expected));
    std::fprintf(stderr, ", got ");
    print(printable(got));
    std::fprintf(stderr, "\n");
}

// What main returns: fails too if nothing was compared.
inline int verdict() {
    std::printf("%lld comparisons, %lld failures\n", comparisons, failures);
    return comparisons == 0 || failures != 0;
}
