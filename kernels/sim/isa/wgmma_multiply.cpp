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

// A tf32 is the upper 19 bits.
Bits keep_tf32(Bits x) { return x & 0xffffe000u; }

// 16 bytes of a matrix.
template <Wgmma::Type type> void widen_chunk(float *to, const char *from) {
    Quad quads[2];
    if (type == Wgmma::tf32) {
        Bits bits;
        memcpy(&bits, from, sizeof bits);
        quads[0] = quad_of(keep_tf32(bits));
    } else {
        Halves halves[2];
        memcpy(halves, from, sizeof halves);
        for (int i = 0; i < 2; i++) quads[i] = type == Wgmma::bf16 ? widen_bf16(halves[i]) : widen_f16(halves[i]);
    }
    memcpy(to, quads, type == Wgmma::tf32 ? 16 : 32);
}

// ---- Operands

// Calls put(row of M or N, k, value) for each element of a matrix in shared memory.
template <Wgmma::Type type, typename Put> void read(const SharedMatrix &matrix, Put put) {
    constexpr unsigned elements = type == Wgmma::tf32 ? 4 : 8; // in 16 bytes
    for (unsigned line = 0; line < matrix.lines; line++) {
        for (unsigned chunk = 0; chunk < matrix.chunks; chunk++) {
            float values[8];
            widen_chunk<type>(values, matrix.chunk(line, chunk));
            for (unsigned i = 0; i < elements; i++) {
                if (matrix.mn_major) put(chunk * elements + i, line, values[i]);
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

template <Wgmma::Type type> void read_operands(Operands &operands, const Product &product) {
    const Wgmma &instruction = product.instruction;
    if (product.a_in_registers) {
        read_registers(operands, product);
    } else {
        read<type>(matrix_a(product), [&](unsigned row, unsigned k, float x) { operands.a[k][row] = x; });
    }
    read<type>(matrix_b(product), [&](unsigned row, unsigned k, float x) { operands.b[row][k] = x; });
    if (instruction.negative_a == instruction.negative_b) return;
    for (auto &column : operands.a)
        for (float &x : column) x = -x;
}

// ---- D += A B for the 16 rows of a warp, whose first is a[0][0]. Each product is exact in f32, as for mma; each is added in f32, k upwards.
// Four columns and two vectors of rows at a time, because one addition after the other leaves the machine idle.

template <typename Vector> struct Rows {
    Vector upper, lower;
    static constexpr unsigned count = 2 * sizeof(Vector) / sizeof(float);

    explicit Rows(const float *from) {
        const Vector *vectors = reinterpret_cast<const Vector *>(from);
        upper = vectors[0], lower = vectors[1];
    }
    void store(float *to) const {
        Vector *vectors = reinterpret_cast<Vector *>(to);
        vectors[0] = upper, vectors[1] = lower;
    }
    void add(float factor, const Rows &other) { upper += factor * other.upper, lower += factor * other.lower; }
};

template <typename Vector>
inline __attribute__((always_inline)) void multiply_warp_by(std::vector<Sums::Column> &columns, const float (*a)[rows],
                                                            const float (*b)[deepest], unsigned depth) {
    for (size_t c = 0; c < columns.size(); c += 4, b += 4) {
        for (unsigned row = 0; row < rows_of_warp; row += Rows<Vector>::count) {
            float *const d[] = {columns[c].rows + row, columns[c + 1].rows + row, columns[c + 2].rows + row, columns[c + 3].rows + row};
            Rows<Vector> sum0(d[0]), sum1(d[1]), sum2(d[2]), sum3(d[3]);
            for (unsigned k = 0; k < depth; k++) {
                const Rows<Vector> column(a[k] + row);
                sum0.add(b[0][k], column);
                sum1.add(b[1][k], column);
                sum2.add(b[2][k], column);
                sum3.add(b[3][k], column);
            }
            sum0.store(d[0]);
            sum1.store(d[1]);
            sum2.store(d[2]);
            sum3.store(d[3]);
        }
    }
}

using MultiplyWarp = void (*)(std::vector<Sums::Column> &columns, const float (*a)[rows], const float (*b)[deepest], unsigned depth);

void multiply_warp(std::vector<Sums::Column> &columns, const float (*a)[rows], const float (*b)[deepest], unsigned depth) {
    multiply_warp_by<Quad>(columns, a, b, depth);
}

#ifdef __x86_64__
typedef float Octet __attribute__((vector_size(32)));
__attribute__((target("avx2"))) void multiply_warp_avx2(std::vector<Sums::Column> &columns, const float (*a)[rows],
                                                        const float (*b)[deepest], unsigned depth) {
    multiply_warp_by<Octet>(columns, a, b, depth);
}
const MultiplyWarp fastest = __builtin_cpu_supports("avx2") ? multiply_warp_avx2 : multiply_warp;
#else
const MultiplyWarp fastest = multiply_warp;
#endif

} // namespace

static SharedMatrix matrix(const Product &product, const char *operand, uint64_t descriptor, bool mn_major, unsigned rows_of_operand) {
    const unsigned depth = product.instruction.depth(), elements = product.instruction.type == Wgmma::tf32 ? 4 : 8; // in 16 bytes
    return {product.name, operand, descriptor, mn_major, mn_major ? depth : rows_of_operand,
            (mn_major ? rows_of_operand : depth) / elements};
}
SharedMatrix matrix_a(const Product &product) { return matrix(product, "A", product.a, product.instruction.mn_major_a, rows); }
SharedMatrix matrix_b(const Product &product) {
    return matrix(product, "B", product.b, product.instruction.mn_major_b, static_cast<unsigned>(product.instruction.n));
}

void multiply(Product &product) {
    const Wgmma &instruction = product.instruction;
    const std::unique_ptr<Operands> operands(new Operands); // too large for a thread's stack
    switch (instruction.type) {
    case Wgmma::bf16: read_operands<Wgmma::bf16>(*operands, product); break;
    case Wgmma::f16: read_operands<Wgmma::f16>(*operands, product); break;
    case Wgmma::tf32: read_operands<Wgmma::tf32>(*operands, product); break;
    }
    for (unsigned w = 0; w < warps_of_group; w++) {
        std::vector<Sums::Column> &columns = product.sums[w]->columns;
        if (!product.accumulate) std::fill(columns.begin(), columns.end(), Sums::Column{});
        fastest(columns, reinterpret_cast<const float(*)[rows]>(&operands->a[0][w * rows_of_warp]), operands->b, instruction.depth());
        if (!instruction.f16_sums) continue;
        for (Sums::Column &column : columns)
            for (float &x : column.rows) x = detail::Fp16::widen(detail::Fp16::narrow(x));
    }
}

} // namespace wwsim::isa
