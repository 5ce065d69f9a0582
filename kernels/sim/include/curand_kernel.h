// cuRAND's device functions for Philox4x32-10, the generator whose numbers follow from their position: the same sequences, number by
// number, as cuRAND gives. Doubles follow by the same rules; the other generators are not here.
#pragma once

#include <cmath>

#include "host_defines.h"
#include "integer_functions.h"
#include "vector_functions.h"

namespace wwsim {
inline namespace api {

struct curandStatePhilox4_32_10 {
    uint4 ctr;    // of the block of four numbers in `output`
    uint4 output; // the four numbers, of which `STATE` were given out by curand()
    uint2 key;
    unsigned STATE;
    bool has_extra; // curand_normal() makes two numbers at a time, and keeps one
    bool has_extra_double;
    float extra;
    double extra_double;
};
using curandStatePhilox4_32_10_t = curandStatePhilox4_32_10;

// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
inline uint4 curand_Philox4x32_10(uint4 c, uint2 k) {
    for (int round = 0; round < 10; round++) {
        const unsigned hi0 = __umulhi(0xD2511F53, c.x), lo0 = 0xD2511F53 * c.x;
        const unsigned hi1 = __umulhi(0xCD9E8D57, c.z), lo1 = 0xCD9E8D57 * c.z;
        c = {hi1 ^ c.y ^ k.x, lo1, hi0 ^ c.w ^ k.y, lo0};
        k = {k.x + 0x9E3779B9, k.y + 0xBB67AE85};
    }
    return c;
}

} // namespace api

namespace detail {

// Adds n to one 64-bit half of the counter. Returns the carry.
inline bool advance(unsigned &low, unsigned &high, unsigned long long n) {
    const unsigned long long before = (unsigned long long)high << 32 | low, after = before + n;
    low = (unsigned)after;
    high = (unsigned)(after >> 32);
    return after < before;
}

inline void skip_blocks(curandStatePhilox4_32_10_t *state, unsigned long long n) {
    if (advance(state->ctr.x, state->ctr.y, n)) advance(state->ctr.z, state->ctr.w, 1);
    state->output = curand_Philox4x32_10(state->ctr, state->key);
}

// In (0, 1]: the middle of the interval that an integer stands for.
inline float uniform(unsigned x) { return x * 0x1p-32f + 0x1p-33f; }
inline double uniform_double(unsigned x, unsigned y) {
    return (double)(x ^ (unsigned long long)y << 21) * 0x1p-53 + 0x1p-54;
}

inline float2 box_muller(unsigned x, unsigned y) {
    constexpr float two_pi = 6.2831855f;
    const float angle = y * (0x1p-32f * two_pi) + 0x1p-33f * two_pi, radius = std::sqrt(-2.0f * std::log(uniform(x)));
    return {std::sin(angle) * radius, std::cos(angle) * radius};
}

inline double2 box_muller_double(uint4 x) {
    constexpr double pi = 3.1415926535897932;
    const double angle = 2 * pi * uniform_double(x.z, x.w), radius = std::sqrt(-2.0 * std::log(uniform_double(x.x, x.y)));
    return {std::sin(angle) * radius, std::cos(angle) * radius};
}

} // namespace detail

inline namespace api {

// Moves on by n numbers.
inline void skipahead(unsigned long long n, curandStatePhilox4_32_10_t *state) {
    const unsigned position = state->STATE + (unsigned)(n & 3);
    state->STATE = position & 3;
    detail::skip_blocks(state, n / 4 + position / 4);
}

// Moves on by n sequences, of 2^66 numbers each.
inline void skipahead_sequence(unsigned long long n, curandStatePhilox4_32_10_t *state) {
    detail::advance(state->ctr.z, state->ctr.w, n);
    detail::skip_blocks(state, 0);
}

inline void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset,
                        curandStatePhilox4_32_10_t *state) {
    *state = {};
    state->key = {(unsigned)seed, (unsigned)(seed >> 32)};
    skipahead_sequence(subsequence, state);
    skipahead(offset, state);
}

inline unsigned curand(curandStatePhilox4_32_10_t *state) {
    const unsigned output[] = {state->output.x, state->output.y, state->output.z, state->output.w};
    const unsigned result = output[state->STATE & 3];
    skipahead(1, state);
    return result;
}

inline uint4 curand4(curandStatePhilox4_32_10_t *state) {
    const uint4 a = state->output;
    detail::skip_blocks(state, 1);
    const uint4 b = state->output;
    switch (state->STATE & 3) {
    case 0: return a;
    case 1: return {a.y, a.z, a.w, b.x};
    case 2: return {a.z, a.w, b.x, b.y};
    default: return {a.w, b.x, b.y, b.z};
    }
}

inline float curand_uniform(curandStatePhilox4_32_10_t *state) { return detail::uniform(curand(state)); }

inline float4 curand_uniform4(curandStatePhilox4_32_10_t *state) {
    const uint4 x = curand4(state);
    return {detail::uniform(x.x), detail::uniform(x.y), detail::uniform(x.z), detail::uniform(x.w)};
}

// Of one number, and so of 32 bits only.
inline double curand_uniform_double(curandStatePhilox4_32_10_t *state) { return curand(state) * 0x1p-32 + 0x1p-32; }

inline double2 curand_uniform2_double(curandStatePhilox4_32_10_t *state) {
    const uint4 x = curand4(state);
    return {detail::uniform_double(x.x, x.y), detail::uniform_double(x.z, x.w)};
}

inline float2 curand_normal2(curandStatePhilox4_32_10_t *state) {
    const unsigned x = curand(state), y = curand(state);
    return detail::box_muller(x, y);
}

inline float4 curand_normal4(curandStatePhilox4_32_10_t *state) {
    const uint4 x = curand4(state);
    const float2 a = detail::box_muller(x.x, x.y), b = detail::box_muller(x.z, x.w);
    return {a.x, a.y, b.x, b.y};
}

inline double2 curand_normal2_double(curandStatePhilox4_32_10_t *state) { return detail::box_muller_double(curand4(state)); }

inline float curand_normal(curandStatePhilox4_32_10_t *state) {
    state->has_extra = !state->has_extra;
    if (!state->has_extra) return state->extra;
    const float2 pair = curand_normal2(state);
    state->extra = pair.y;
    return pair.x;
}

inline double curand_normal_double(curandStatePhilox4_32_10_t *state) {
    state->has_extra_double = !state->has_extra_double;
    if (!state->has_extra_double) return state->extra_double;
    const double2 pair = curand_normal2_double(state);
    state->extra_double = pair.y;
    return pair.x;
}

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
