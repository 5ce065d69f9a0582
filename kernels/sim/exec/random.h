// The random numbers of the schedule.
#pragma once

#include <cstdint>

namespace wwsim {

// SplitMix64 (Steele, Lea and Flood 2014): one addition and a mix for each number.
class Random {
  public:
    explicit Random(uint64_t seed = 0, uint64_t stream = 0) : state(mix(seed) ^ mix(~stream)) {}

    uint64_t next() { return mix(state += 0x9E3779B97F4A7C15u); }
    // Uniform in 0 … n - 1, for n below 2^32.
    uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }
    // True once in `n` times.
    bool one_in(uint32_t n) { return below(n) == 0; }

  private:
    static uint64_t mix(uint64_t z) {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    uint64_t state;
};

} // namespace wwsim
