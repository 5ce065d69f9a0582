// Twins of common/ptx/wgmma.cuh. warpgroup.h says when products happen.
#pragma once

#include <cstdint>

namespace wwsim::isa {

// What is fixed when a wgmma is compiled.
struct Wgmma {
    enum Type : unsigned char { bf16, f16, tf32 };
    Type type;
    bool f16_sums; // else f32
    int n;
    bool mn_major_a, mn_major_b;
    bool negative_a, negative_b;

    constexpr bool operator==(const Wgmma &other) const {
        return type == other.type && f16_sums == other.f16_sums && n == other.n && mn_major_a == other.mn_major_a &&
               mn_major_b == other.mn_major_b && negative_a == other.negative_a && negative_b == other.negative_b;
    }
    constexpr unsigned depth() const { return type == tf32 ? 8 : 16; } // k
    constexpr unsigned registers() const { return static_cast<unsigned>(n) / (f16_sums ? 4 : 2); }
};

// d: this thread's registers of D. A is a descriptor, or four registers.
void wgmma(const Wgmma &instruction, void *d, uint64_t a, uint64_t b, bool accumulate);
void wgmma(const Wgmma &instruction, void *d, const uint32_t *a, uint64_t b, bool accumulate);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(unsigned groups);

} // namespace wwsim::isa
