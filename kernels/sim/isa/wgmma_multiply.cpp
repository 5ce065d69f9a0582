// The arithmetic of wgmma: reads the operands through their descriptors, multiplies, adds.
#include "../include/detail/float16_format.h"
#include "descriptor.h"
#include "warpgroup.h"

namespace wwsim::isa {

namespace {

// Vectors that every machine has.
typedef float Quad __attribute__((vector_size(16)));
typedef uint32_t Bits __attribute__((vector_size(16)));
typedef uint16_t Halves __attribute__((vector_size(8)));

constexpr unsigned rows = 64, deepest = 16, widest = 256;

// The operands in f32. A transposed, so that what is added at once, the rows of a column of D, lies in one piece.
struct Operands {
    alignas(64) float a[deepest][rows];
    alignas(64) float b[widest][deepest];
};

// ---- From a type to f32

template <typename T> Bits bits_of(T x) { return reinterpret_cast<Bits>(x); }
Quad quad_of(Bits x) { return reinterpret_cast<Quad>(x); }

Quad widen_bf16(Halves x) { return quad_of(__builtin_convertvector(x, Bits) << 16); }

// The exponent is moved by a multiplication, which normalizes subnormal numbers as well; infinity and NaN get theirs.
Quad widen_f16(Halves x) {
    const Bits bits = __builtin_convertvector(x, Bits), magnitude = bits & 0x7fff;
    const Bits finite = bits_of(quad_of(magnitude << 13) * 0x1p112f);
    const Bits special = bits_of(magnitude >= 0x7c00);
    return quad_of(finite | (special & 0x7f800000) | (bits & 0x8000) << 16);
}

// 16 bytes of a matrix: 8 elements, or 4.
unsigned widen_chunk(float *to, Wgmma::Type type, const char *from) {
    Quad quads[2];
    if (type == Wgmma::tf32) {
        Bits bits;
        memcpy(&bits, from, sizeof bits);
        quads[0] = quad_of(bits & 0xffffe000u); // the upper 19 bits
        memcpy(to, quads, 16);
        return 4;
    }
    Halves halves[2];
    memcpy(halves, from, sizeof halves);
    for (int i = 0; i < 2; i++) quads[i] = type == Wgmma::bf16 ? widen_bf16(halves[i]) : widen_f16(halves[i]);
    memcpy(to, quads, 32);
    return 8;
}

// ---- Operands

// Calls put(row, k, value) for each element of a matrix in shared memory with `count` rows of M or N.
template <typename Put> void read(const Product &product, const char *operand, uint64_t bits, bool mn_major, unsigned count, Put put) {
    const Wgmma &instruction = product.instruction;
    const MatrixDescriptor descriptor(bits);
    const unsigned elements = instruction.type == Wgmma::tf32 ? 4 : 8; // in 16 bytes
    const unsigned lines = mn_major ? instruction.depth() : count, chunks = (mn_major ? count : instruction.depth()) / elements;
    for (unsigned line = 0; line < lines; line++) {
        for (unsigned chunk = 0; chunk < chunks; chunk++) {
            const uint32_t address = descriptor.chunk(mn_major, line, chunk);
            const char *from = shared_pointer(address, 16);
            if (!from)
                fault(Fault::illegal_address, "%s: descriptor 0x%016llx of %s: %s %u, elements %u to %u would lie at 0x%05x of shared memory, "
                      "which this block doesn't have", product.name, static_cast<unsigned long long>(bits), operand,
                      mn_major ? "column" : "row", line, chunk * elements, (chunk + 1) * elements - 1, address);
            float values[8];
            widen_chunk(values, instruction.type, from);
            for (unsigned i = 0; i < elements; i++) {
                if (mn_major) put(chunk * elements + i, line, values[i]);
                else put(line, chunk * elements + i, values[i]);
            }
        }
    }
}

// PTX ISA, "Register Fragments for wgmma.mma_async.m64nNk16" and "... m64nNk8": those of mma, 16 rows for each warp.
void read_registers(Operands &operands, const Product &product) {
    for (unsigned w = 0; w < warps_of_group; w++) {
        for (unsigned l = 0; l < warp_size; l++) {
            for (unsigned r = 0; r < 4; r++) {
                const uint32_t bits = product.a_registers[w][l][r];
                const unsigned row = w * rows_of_warp + l / 4 + r % 2 * 8;
                if (product.instruction.type == Wgmma::tf32) {
                    operands.a[l % 4 + r / 2 * 4][row] = detail::float_of_bits(bits & 0xffffe000u);
                    continue;
                }
                const bool is_bf16 = product.instruction.type == Wgmma::bf16;
                for (unsigned h = 0; h < 2; h++) {
                    const uint16_t half = static_cast<uint16_t>(bits >> 16 * h);
                    operands.a[l % 4 * 2 + h + r / 2 * 8][row] = is_bf16 ? detail::Bf16::widen(half) : detail::Fp16::widen(half);
                }
            }
        }
    }
}

// ---- D += A B for the 16 rows of a warp, whose first is a[0][0]. Each product is exact in f32, as for mma; each is added in f32, k upwards.
// Two columns at a time, because one addition after the other leaves the machine idle.

struct Rows {
    Quad q0, q1, q2, q3;

    explicit Rows(const float *from) {
        const Quad *quads = reinterpret_cast<const Quad *>(from);
        q0 = quads[0], q1 = quads[1], q2 = quads[2], q3 = quads[3];
    }
    void store(float *to) const {
        Quad *quads = reinterpret_cast<Quad *>(to);
        quads[0] = q0, quads[1] = q1, quads[2] = q2, quads[3] = q3;
    }
    void add(float factor, const Rows &other) {
        q0 += factor * other.q0;
        q1 += factor * other.q1;
        q2 += factor * other.q2;
        q3 += factor * other.q3;
    }
};

void multiply_warp(std::vector<Sums::Column> &columns, const float (*a)[rows], const float (*b)[deepest], unsigned depth) {
    for (size_t c = 0; c < columns.size(); c += 2) {
        Rows sum0(columns[c].rows), sum1(columns[c + 1].rows);
        for (unsigned k = 0; k < depth; k++) {
            const Rows column(a[k]);
            sum0.add(b[c][k], column);
            sum1.add(b[c + 1][k], column);
        }
        sum0.store(columns[c].rows);
        sum1.store(columns[c + 1].rows);
    }
}

} // namespace

void multiply(Product &product) {
    const Wgmma &instruction = product.instruction;
    const std::unique_ptr<Operands> memory(new Operands); // too large for a thread's stack
    Operands &operands = *memory;
    const float sign = instruction.negative_a == instruction.negative_b ? 1.0f : -1.0f;
    if (product.a_in_registers) {
        read_registers(operands, product);
        if (sign < 0)
            for (auto &column : operands.a)
                for (float &x : column) x = -x;
    } else {
        read(product, "A", product.a, instruction.mn_major_a, rows,
             [&](unsigned row, unsigned k, float x) { operands.a[k][row] = sign * x; });
    }
    read(product, "B", product.b, instruction.mn_major_b, static_cast<unsigned>(instruction.n),
         [&](unsigned row, unsigned k, float x) { operands.b[row][k] = x; });
    for (unsigned w = 0; w < warps_of_group; w++) {
        std::vector<Sums::Column> &columns = product.sums[w]->columns;
        if (!product.accumulate) std::fill(columns.begin(), columns.end(), Sums::Column{});
        multiply_warp(columns, reinterpret_cast<const float(*)[rows]>(&operands.a[0][w * rows_of_warp]), operands.b, instruction.depth());
        if (!instruction.f16_sums) continue;
        for (Sums::Column &column : columns)
            for (float &x : column.rows) x = detail::Fp16::widen(detail::Fp16::narrow(x));
    }
}

} // namespace wwsim::isa
