// The accumulators of a warp between registers and columns.
#include <algorithm>

#include "../include/detail/float16_format.h"
#include "warpgroup.h"

namespace wwsim {

namespace {

constexpr uint32_t nothing_yet = 0xffffffffu; // NaN as an f32 and as two f16

// PTX ISA, "Register Fragments for wgmma.mma_async": of each 8 columns of D, lane l has columns l % 4 * 2 and the next of row l / 4, then
// those of row l / 4 + 8. Calls f32(register, value) or f16(register, value of the lower column, value of the upper column).
template <typename F32, typename F16> void each_register(Sums &sums, F32 f32, F16 f16) {
    for (unsigned l = 0; l < warp_size; l++) {
        const unsigned row = l / 4;
        uint32_t *r = sums.registers[l];
        for (size_t c = l % 4 * 2; c < sums.columns.size(); c += 8) {
            float *const left = sums.columns[c].rows, *const right = sums.columns[c + 1].rows;
            if (sums.shape.f16_sums) {
                f16(*r++, left[row], right[row]);
                f16(*r++, left[row + 8], right[row + 8]);
            } else {
                f32(*r++, left[row]);
                f32(*r++, right[row]);
                f32(*r++, left[row + 8]);
                f32(*r++, right[row + 8]);
            }
        }
    }
}

// As the registers show them: NaN comes out of every instruction with the same bits.
uint32_t bits_shown(float x) { return x != x ? 0x7fffffffu : detail::float_bits(x); }
uint32_t bits_shown(float x, float y) { return detail::Fp16::narrow(x) | static_cast<uint32_t>(detail::Fp16::narrow(y)) << 16; }

} // namespace

void Sums::take() {
    each_register(
        *this, [](uint32_t r, float &x) { x = detail::float_of_bits(r); },
        [](uint32_t r, float &x, float &y) {
            x = detail::Fp16::widen(static_cast<uint16_t>(r));
            y = detail::Fp16::widen(static_cast<uint16_t>(r >> 16));
        });
}

void Sums::show() {
    each_register(
        *this, [](uint32_t &r, float x) { r = bits_shown(x); }, [](uint32_t &r, float x, float y) { r = bits_shown(x, y); });
    shown = true;
}

void Sums::hide() {
    for (uint32_t *r : registers) std::fill_n(r, shape.registers(), nothing_yet);
    shown = false;
}

bool Sums::untouched() {
    bool same = true;
    if (shown) {
        each_register(
            *this, [&](uint32_t r, float x) { same &= r == bits_shown(x); },
            [&](uint32_t r, float x, float y) { same &= r == bits_shown(x, y); });
    } else {
        for (const uint32_t *r : registers)
            for (unsigned i = 0; i < shape.registers(); i++) same &= r[i] == nothing_yet;
    }
    return same;
}

} // namespace wwsim
