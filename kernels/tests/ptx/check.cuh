// What the tests of this folder share. Each is a program of its own, for a GPU and for the simulated one: it launches one wrapper
// after the other, holds the results against what the host computes from the PTX ISA's description, prints what differs, and
// returns 0 where nothing does.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../common/config.cuh"

namespace WW_NAMESPACE {

inline void check_cuda(cudaError_t error, const char *what) {
    if (error == cudaSuccess) return;
    std::printf("%s: %s: %s\n", what, cudaGetErrorName(error), cudaGetErrorString(error));
    std::exit(1);
}

// Device memory with a copy of a host's vector in it.
template <typename T> class Buffer {
  public:
    explicit Buffer(const std::vector<T> &host) : size_(host.size()) {
        check_cuda(cudaMalloc(&device_, size_ * sizeof(T)), "cudaMalloc");
        check_cuda(cudaMemcpy(device_, host.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
    }
    explicit Buffer(size_t size) : Buffer(std::vector<T>(size)) {}
    Buffer(const Buffer &) = delete;
    ~Buffer() { cudaFree(device_); }

    T *device() { return static_cast<T *>(device_); }
    std::vector<T> host() const {
        std::vector<T> values(size_);
        check_cuda(cudaMemcpy(values.data(), device_, size_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
        return values;
    }

  private:
    void *device_ = nullptr;
    size_t size_;
};

struct Shape {
    dim3 grid = 1, block = 32;
    size_t shared_bytes = 0;
    dim3 cluster = 1;
    bool cooperative = false;
};

template <typename... Parameters, typename... Arguments>
cudaError_t try_launch(const Shape &shape, void (*kernel)(Parameters...), Arguments... arguments) {
    cudaLaunchAttribute attributes[2];
    cudaLaunchConfig_t config = {shape.grid, shape.block, shape.shared_bytes, nullptr, attributes, 0};
    if (shape.cluster.x * shape.cluster.y * shape.cluster.z > 1) {
        cudaLaunchAttribute &attribute = attributes[config.numAttrs++];
        attribute.id = cudaLaunchAttributeClusterDimension;
        attribute.val.clusterDim.x = shape.cluster.x;
        attribute.val.clusterDim.y = shape.cluster.y;
        attribute.val.clusterDim.z = shape.cluster.z;
    }
    if (shape.cooperative) {
        cudaLaunchAttribute &attribute = attributes[config.numAttrs++];
        attribute.id = cudaLaunchAttributeCooperative;
        attribute.val.cooperative = 1;
    }
    const cudaError_t launched = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
    return launched != cudaSuccess ? launched : cudaDeviceSynchronize();
}

// Launches and waits.
template <typename... Parameters, typename... Arguments>
void launch(const char *what, const Shape &shape, void (*kernel)(Parameters...), Arguments... arguments) {
    check_cuda(try_launch(shape, kernel, arguments...), what);
}

// How many comparisons were made, and how many failed.
struct Tally {
    long compared = 0;
    long failed = 0;
};
inline Tally tally;

// Counts a comparison; true where the caller should print it: for the first failures.
inline bool failed(bool equal) {
    tally.compared++;
    if (equal) return false;
    return ++tally.failed <= 20;
}

inline void expect_equal(const char *what, size_t index, uint64_t expected, uint64_t got) {
    if (failed(expected == got))
        std::printf("%s [%zu]: expected 0x%" PRIx64 ", got 0x%" PRIx64 "\n", what, index, expected, got);
}

inline void expect_near(const char *what, size_t index, double expected, double got, double tolerance) {
    if (failed(expected == got || (expected != expected && got != got) || std::abs(expected - got) <= tolerance))
        std::printf("%s [%zu]: expected %.9g within %.3g, got %.9g\n", what, index, expected, tolerance, got);
}

template <typename T> void expect_bytes(const char *what, const std::vector<T> &expected, const std::vector<T> &got) {
    const size_t bytes = expected.size() * sizeof(T);
    for (size_t i = 0; i < bytes; i++)
        expect_equal(what, i, reinterpret_cast<const unsigned char *>(expected.data())[i],
                     reinterpret_cast<const unsigned char *>(got.data())[i]);
}

// The program's exit status. A test that compared nothing has failed.
inline int finish(const char *test) {
    const bool ok = tally.failed == 0 && tally.compared > 0;
    std::printf("%s: %s, %ld of %ld comparisons failed\n", test, ok ? "ok" : "FAILED", tally.failed, tally.compared);
    return ok ? 0 : 1;
}

inline int device_capability() {
    int major = 0, minor = 0;
    check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "cudaDeviceGetAttribute");
    check_cuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "cudaDeviceGetAttribute");
    return major * 10 + minor;
}

// SplitMix64: the same numbers on every machine.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t bits() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }
    uint32_t below(uint32_t n) { return static_cast<uint32_t>((bits() >> 32) * n >> 32); }

  private:
    uint64_t state_;
};

inline float float_from_bits(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
inline uint32_t bits_of_float(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}

} // namespace WW_NAMESPACE
