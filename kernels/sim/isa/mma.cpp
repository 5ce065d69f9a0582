#include "mma.h"

#include "check.h"
#include "../include/detail/float16_format.h"

namespace wwsim::isa {

namespace {

using detail::Bf16;
using detail::float_of_bits;
using detail::Fp16;

// What one lane hands over: its fragments. d may be c.
template <typename Accumulator> struct Operand {
    const char *instruction;
    Accumulator *d;
    const uint32_t *a, *b;
    const Accumulator *c;
};

// The operands of a whole warp, as matrices. d begins as C.
template <int k_size> struct Matrices {
    alignas(16) float a[16][k_size];
    alignas(16) float b[k_size][8];
    alignas(16) float d[16][8];
};

// A row of d, in vectors that every machine has.
typedef float Quad __attribute__((vector_size(16)));
struct Row {
    Quad left, right;

    static Row load(const float *from) { return {*reinterpret_cast<const Quad *>(from), *reinterpret_cast<const Quad *>(from + 4)}; }
    void store(float *to) const {
        *reinterpret_cast<Quad *>(to) = left;
        *reinterpret_cast<Quad *>(to + 4) = right;
    }
    void add(float factor, const Row &row) {
        left += factor * row.left;
        right += factor * row.right;
    }
};

// d += a b. A product of two numbers of 11 bits of mantissa or less is exact in f32 (within its range); each is added in f32, k
// upwards. Four rows at a time, because one addition after the other leaves the machine idle.
template <int k_size> void multiply(Matrices<k_size> &m) {
    for (int row = 0; row < 16; row += 4) {
        float(*const d)[8] = m.d + row;
        const float(*const a)[k_size] = m.a + row;
        Row sum0 = Row::load(d[0]), sum1 = Row::load(d[1]), sum2 = Row::load(d[2]), sum3 = Row::load(d[3]);
        for (int k = 0; k < k_size; k++) {
            const Row b = Row::load(m.b[k]);
            sum0.add(a[0][k], b);
            sum1.add(a[1][k], b);
            sum2.add(a[2][k], b);
            sum3.add(a[3][k], b);
        }
        sum0.store(d[0]);
        sum1.store(d[1]);
        sum2.store(d[2]);
        sum3.store(d[3]);
    }
}

// ---- Fragments. Lane l is in group l / 4, as thread t = l % 4 of it.

template <typename Element> void widen(float to[2], uint32_t pair) {
    to[0] = Element::widen(static_cast<uint16_t>(pair));
    to[1] = Element::widen(static_cast<uint16_t>(pair >> 16));
}

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type": the registers of A hold columns 2t and 2t + 1 of the rows
// group and group + 8, then the same 8 columns further on. Those of B hold rows 2t and 2t + 1 of column group, then the same 8 rows
// further down.
template <typename Element, typename T> void gather(Matrices<16> &m, const Operand<T> &operand, unsigned l) {
    const unsigned group = l / 4, t = l % 4;
    float *const upper = &m.a[group][2 * t], *const lower = &m.a[group + 8][2 * t];
    widen<Element>(upper, operand.a[0]);
    widen<Element>(lower, operand.a[1]);
    widen<Element>(upper + 8, operand.a[2]);
    widen<Element>(lower + 8, operand.a[3]);
    float b[4];
    widen<Element>(b, operand.b[0]);
    widen<Element>(b + 2, operand.b[1]);
    m.b[2 * t][group] = b[0];
    m.b[2 * t + 1][group] = b[1];
    m.b[2 * t + 8][group] = b[2];
    m.b[2 * t + 9][group] = b[3];
}

// "Matrix Fragments for mma.m16n8k8", tf32: the registers of A hold column t of the rows group and group + 8, then column t + 4; those
// of B hold rows t and t + 4 of column group.
void gather_tf32(Matrices<8> &m, const Operand<float> &operand, unsigned l) {
    const unsigned group = l / 4, t = l % 4;
    const auto number = [](uint32_t bits) { return float_of_bits(bits & 0xffffe000u); }; // the upper 19 bits
    m.a[group][t] = number(operand.a[0]);
    m.a[group + 8][t] = number(operand.a[1]);
    m.a[group][t + 4] = number(operand.a[2]);
    m.a[group + 8][t + 4] = number(operand.a[3]);
    m.b[t][group] = number(operand.b[0]);
    m.b[t + 4][group] = number(operand.b[1]);
}

// Both shapes: the first two elements of C and D are columns 2t and 2t + 1 of row group, the others of row group + 8.
void load_c(float upper[2], float lower[2], const Operand<float> &operand) {
    upper[0] = operand.c[0];
    upper[1] = operand.c[1];
    lower[0] = operand.c[2];
    lower[1] = operand.c[3];
}
void load_c(float upper[2], float lower[2], const Operand<uint32_t> &operand) {
    widen<Fp16>(upper, operand.c[0]);
    widen<Fp16>(lower, operand.c[1]);
}

// NaN comes out of every instruction with the same bits.
float canonical(float x) { return x != x ? float_of_bits(0x7fffffffu) : x; }
uint32_t narrow(const float pair[2]) { return Fp16::narrow(pair[0]) | static_cast<uint32_t>(Fp16::narrow(pair[1])) << 16; }

void store_d(const Operand<float> &operand, const float upper[2], const float lower[2]) {
    operand.d[0] = canonical(upper[0]);
    operand.d[1] = canonical(upper[1]);
    operand.d[2] = canonical(lower[0]);
    operand.d[3] = canonical(lower[1]);
}
void store_d(const Operand<uint32_t> &operand, const float upper[2], const float lower[2]) {
    operand.d[0] = narrow(upper);
    operand.d[1] = narrow(lower);
}

// ---- Instructions

// Collects the fragments, multiplies, and hands out the result.
template <int k_size, typename Operand, typename Gather> void multiply_warp(Operand *const lanes[warp_size], Gather gather_lane) {
    count::instruction(count::Kind::tensor, lanes[0]->instruction, warp_size);
    Matrices<k_size> m;
    for (unsigned l = 0; l < warp_size; l++) {
        gather_lane(m, *lanes[l], l);
        load_c(&m.d[l / 4][l % 4 * 2], &m.d[l / 4 + 8][l % 4 * 2], *lanes[l]);
    }
    multiply(m);
    for (unsigned l = 0; l < warp_size; l++) store_d(*lanes[l], &m.d[l / 4][l % 4 * 2], &m.d[l / 4 + 8][l % 4 * 2]);
}

template <typename Element, typename Accumulator> struct Mma16 : Operand<Accumulator> {
    static void work(Mma16 *const lanes[warp_size]) { multiply_warp<16>(lanes, gather<Element, Accumulator>); }
};

struct MmaTf32 : Operand<float> {
    static void work(MmaTf32 *const lanes[warp_size]) { multiply_warp<8>(lanes, gather_tf32); }
};

} // namespace

void mma_m16n8k16_bf16(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    Mma16<Bf16, float> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f32.bf16.bf16.f32", operand);
}

void mma_m16n8k16_f16(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    Mma16<Fp16, float> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f32.f16.f16.f32", operand);
}

void mma_m16n8k16_f16_f16(uint32_t *d, const uint32_t *a, const uint32_t *b, const uint32_t *c) {
    Mma16<Fp16, uint32_t> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f16.f16.f16.f16", operand);
}

void mma_m16n8k8_tf32(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    MmaTf32 operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k8.f32.tf32.tf32.f32", operand);
}

} // namespace wwsim::isa
