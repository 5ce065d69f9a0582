// arch: 90
// The descriptors of wgmma's operands: every swizzle and order, with strides that leave gaps, starts within a swizzle's row, and patterns
// that begin elsewhere than at a multiple of their size.
#include "warpgroup_product.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr Swizzle swizzles[] = {Swizzle::none, Swizzle::bytes32, Swizzle::bytes64, Swizzle::bytes128};
constexpr unsigned widths[] = {16, 32, 64, 128}; // of a row of their patterns, in bytes

// A layout for `rows` of M or N and one step along K, 32 bytes, from byte `at` on. Moves `at` behind it.
Operand lay_out(Random &random, unsigned kind, Major major, unsigned element_bytes, unsigned rows, unsigned &at, bool gaps) {
    const unsigned width = widths[kind], pattern = 8 * width;
    const unsigned unit = kind == 0 ? 16 : pattern; // of gaps: a pattern begins at a multiple of its size
    const auto gap = [&] { return gaps ? random.below(2) * unit : 0; };
    // How many core matrices or patterns lie along each dimension.
    const unsigned along_rows = major == Major::k ? rows / 8 : (rows * element_bytes + width - 1) / width;
    const unsigned depth = 32 / element_bytes;
    const unsigned along_k = major == Major::mn ? depth / 8 : kind == 0 ? 2 : 1;
    unsigned to_next_k = pattern + gap(), to_next_rows = along_k * to_next_k + gap();
    if (random.below(2)) {
        to_next_rows = pattern + gap();
        to_next_k = along_rows * to_next_rows + gap();
    }
    Operand operand;
    operand.swizzle = swizzles[kind];
    operand.start = at;
    operand.stride = to_next_rows;
    operand.leading = to_next_k;
    if (major == Major::mn && kind != 0) std::swap(operand.stride, operand.leading);
    if (major == Major::k && kind != 0) operand.leading = random.below(1024) * 16; // ignored
    at += (along_rows - 1) * to_next_rows + (along_k - 1) * to_next_k + pattern;
    return operand;
}

template <typename T, int n, Major major_a, Major major_b, bool a_in_registers> void test_layouts(const char *what, Random &random) {
    constexpr unsigned element_bytes = std::is_same_v<T, tf32> ? 4 : 2;
    for (unsigned kind_a = 0; kind_a < 4; kind_a++) {
        for (unsigned kind_b = 0; kind_b < 4; kind_b++) {
            Plan plan;
            unsigned at = random.below(3) * 1024;
            plan.a = lay_out(random, kind_a, major_a, element_bytes, 64, at, n <= 72);
            at = (at + 1023) / 1024 * 1024;
            plan.b = lay_out(random, kind_b, major_b, element_bytes, n, at, n <= 72);
            // Where the rows of both patterns are long enough, the product begins at a later step along K within them.
            if (major_a == Major::k && major_b == Major::k && kind_a >= 2 && kind_b >= 2) {
                plan.a.start += random.below(widths[kind_a] / 32) * 32;
                plan.b.start += random.below(widths[kind_b] / 32) * 32;
            }
            WarpgroupProduct<T, float, n, major_a, major_b, 1, 1, a_in_registers> product(plan);
            product.fill(random);
            product.check_exact(what);
        }
    }
}

template <typename T, int n> void test_majors(const char *what, Random &random) {
    test_layouts<T, n, Major::k, Major::k, false>(what, random);
    test_layouts<T, n, Major::k, Major::mn, false>(what, random);
    test_layouts<T, n, Major::mn, Major::k, false>(what, random);
    test_layouts<T, n, Major::mn, Major::mn, false>(what, random);
    test_layouts<T, n, Major::k, Major::mn, true>(what, random);
}

// Patterns that begin at any multiple of 128: base_offset tells the hardware where.
void test_base_offset(Random &random) {
    for (unsigned kind = 1; kind < 4; kind++) {
        for (unsigned row = 0; row < 8; row++) {
            Plan plan;
            unsigned at = 1024 + row * 128;
            plan.a = lay_out(random, kind, Major::k, 2, 64, at, false);
            plan.a.base_offset = row;
            at = 24 * 1024 + (row ^ 5) * 128;
            plan.b = lay_out(random, kind, Major::k, 2, 64, at, false);
            plan.b.base_offset = row ^ 5;
            WarpgroupProduct<__nv_bfloat16, float, 64> product(plan);
            product.fill(random);
            product.check_exact("base offset");
        }
    }
}

__global__ void describe(uint64_t *bits) {
    const char *const shared = dynamic_shared<char>();
    bits[0] = shared_descriptor(shared + 1024, 0x120, 0x3fff0, Swizzle::bytes64, 5);
    bits[1] = shared_descriptor(shared, 0, 0, Swizzle::none);
    bits[2] = advance(bits[0], 96);
}

// PTX ISA, "Matrix Descriptor Format": start, leading and stride in units of 16 bytes from bits 0, 16 and 32 on, base offset, swizzle.
void test_bits() {
    Buffer<uint64_t> buffer(3);
    launch("bits", {1, 1, 4096}, describe, buffer.device());
    const std::vector<uint64_t> bits = buffer.host();
    expect_equal("strides, base offset and swizzle", 0, uint64_t{0x12} << 16 | uint64_t{0x3fff} << 32 | uint64_t{5} << 49 | uint64_t{2} << 62,
                 bits[0] & ~uint64_t{0x3fff});
    expect_equal("start", 0, 1024 / 16, bits[0] - bits[1] - (bits[0] & ~uint64_t{0x3fff}));
    expect_equal("dynamic shared memory is 1024-byte aligned", 0, 0, bits[1] % 64);
    expect_equal("advanced", 0, 6, bits[2] - bits[0]);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(11);
    test_bits();
    test_majors<__nv_bfloat16, 8>("bf16, n = 8", random);
    test_majors<__nv_bfloat16, 72>("bf16, n = 72", random);
    test_majors<__half, 256>("f16, n = 256", random);
    test_layouts<tf32, 40, Major::k, Major::k, false>("tf32", random);
    test_layouts<tf32, 40, Major::k, Major::k, true>("tf32, A in registers", random);
    test_base_offset(random);
    return finish("wgmma_descriptor");
}
