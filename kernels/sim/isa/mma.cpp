#include "mma.h"

#include "check.h"
#include "numbers.h"

namespace wwsim::isa {

namespace {

// One row of B, C or D: 8 columns, which the compiler makes into the vectors that the machine has.
typedef float Row __attribute__((vector_size(32)));

// The number in an element's bits.
struct Bf16 {
    static float number(uint32_t bits) { return from_bf16(bits); }
};
struct F16 {
    static float number(uint32_t bits) { return from_f16(bits); }
};

// What one lane hands over. The fragments lie on its stack, and d may be c.
template <typename Accumulator> struct Operand {
    const char *instruction;
    Accumulator *d;
    const uint32_t *a, *b;
    const Accumulator *c;
};

// D = A B + C for a whole warp. A product of two numbers of 11 bits or less is exact in f32 (within its range); each is added in f32,
// k upwards.
template <int k_size> void multiply(Row d[16], const float a[16][k_size], const Row b[k_size]) {
    for (int row = 0; row < 16; row++) {
        Row sum = d[row];
        for (int k = 0; k < k_size; k++) sum += a[row][k] * b[k];
        d[row] = sum;
    }
}

float canonical(float x) { return x != x ? from_bits(canonical_nan) : x; }

// m16n8k16, PTX ISA "Matrix Fragments for mma.m16n8k16 with floating point type": lane l has group l / 4 and thread t = l % 4.
// Register i of A holds row group + 8 (i % 2), columns 2t + 8 (i / 2) and the next; register i of B holds rows 2t + 8i and the
// next, column group.
template <typename Element, typename T> void gather(float a[16][16], Row b[16], Operand<T> *const lanes[warp_size]) {
    for (unsigned l = 0; l < warp_size; l++) {
        const unsigned group = l / 4, t = l % 4;
        for (unsigned i = 0; i < 4; i++) {
            float *const pair = &a[group + 8 * (i % 2)][2 * t + 8 * (i / 2)];
            pair[0] = Element::number(lanes[l]->a[i] & 0xffff);
            pair[1] = Element::number(lanes[l]->a[i] >> 16);
        }
        for (unsigned i = 0; i < 2; i++) {
            b[2 * t + 8 * i][group] = Element::number(lanes[l]->b[i] & 0xffff);
            b[2 * t + 8 * i + 1][group] = Element::number(lanes[l]->b[i] >> 16);
        }
    }
}

// m16n8k8 tf32, "Matrix Fragments for mma.m16n8k8": register i of A holds row group + 8 (i % 2), column t + 4 (i / 2); register
// i of B holds row t + 4i, column group.
void gather_tf32(float a[16][8], Row b[8], Operand<float> *const lanes[warp_size]) {
    constexpr uint32_t upper_19_bits = 0xffffe000u;
    for (unsigned l = 0; l < warp_size; l++) {
        const unsigned group = l / 4, t = l % 4;
        for (unsigned i = 0; i < 4; i++) a[group + 8 * (i % 2)][t + 4 * (i / 2)] = from_bits(lanes[l]->a[i] & upper_19_bits);
        for (unsigned i = 0; i < 2; i++) b[t + 4 * i][group] = from_bits(lanes[l]->b[i] & upper_19_bits);
    }
}

// C and D: elements 0 and 1 of lane l lie in row group, columns 2t and 2t + 1; elements 2 and 3 in row group + 8.
void load_accumulators(Row c[16], Operand<float> *const lanes[warp_size]) {
    for (unsigned l = 0; l < warp_size; l++)
        for (unsigned i = 0; i < 4; i++) c[l / 4 + 8 * (i / 2)][l % 4 * 2 + i % 2] = lanes[l]->c[i];
}
void store_accumulators(const Row d[16], Operand<float> *const lanes[warp_size]) {
    for (unsigned l = 0; l < warp_size; l++)
        for (unsigned i = 0; i < 4; i++) lanes[l]->d[i] = canonical(d[l / 4 + 8 * (i / 2)][l % 4 * 2 + i % 2]);
}

// The same in f16, two elements to a register.
void load_accumulators(Row c[16], Operand<uint32_t> *const lanes[warp_size]) {
    for (unsigned l = 0; l < warp_size; l++)
        for (unsigned i = 0; i < 4; i++)
            c[l / 4 + 8 * (i / 2)][l % 4 * 2 + i % 2] = from_f16(lanes[l]->c[i / 2] >> 16 * (i % 2) & 0xffff);
}
void store_accumulators(const Row d[16], Operand<uint32_t> *const lanes[warp_size]) {
    for (unsigned l = 0; l < warp_size; l++)
        for (unsigned i = 0; i < 2; i++) {
            const Row &row = d[l / 4 + 8 * i];
            lanes[l]->d[i] = to_f16(row[l % 4 * 2]) | to_f16(row[l % 4 * 2 + 1]) << 16;
        }
}

template <typename Element, typename Accumulator> struct Mma16 : Operand<Accumulator> {
    static void work(Mma16 *const operands[warp_size]) {
        Operand<Accumulator> *lanes[warp_size];
        for (unsigned l = 0; l < warp_size; l++) lanes[l] = operands[l];
        float a[16][16];
        Row b[16], d[16];
        gather<Element>(a, b, lanes);
        load_accumulators(d, lanes);
        multiply<16>(d, a, b);
        store_accumulators(d, lanes);
    }
};

struct MmaTf32 : Operand<float> {
    static void work(MmaTf32 *const operands[warp_size]) {
        Operand<float> *lanes[warp_size];
        for (unsigned l = 0; l < warp_size; l++) lanes[l] = operands[l];
        float a[16][8];
        Row b[8], d[16];
        gather_tf32(a, b, lanes);
        load_accumulators(d, lanes);
        multiply<8>(d, a, b);
        store_accumulators(d, lanes);
    }
};

} // namespace

void mma_m16n8k16_bf16(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    Mma16<Bf16, float> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f32.bf16.bf16.f32", operand);
}

void mma_m16n8k16_f16(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    Mma16<F16, float> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f32.f16.f16.f32", operand);
}

void mma_m16n8k16_f16_f16(uint32_t *d, const uint32_t *a, const uint32_t *b, const uint32_t *c) {
    Mma16<F16, uint32_t> operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k16.f16.f16.f16.f16", operand);
}

void mma_m16n8k8_tf32(float *d, const uint32_t *a, const uint32_t *b, const float *c) {
    MmaTf32 operand{{nullptr, d, a, b, c}};
    rendezvous_of_warp("mma.m16n8k8.f32.tf32.tf32.f32", operand);
}

} // namespace wwsim::isa
