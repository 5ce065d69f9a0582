// arch: 90
// wgmma: every size in every type, A in shared memory and in registers, fragments, signs, rounding, what is special, and groups in flight.
#include "warpgroup_product.cuh"

namespace WW_NAMESPACE {
namespace {

// A and B K-major with the 128-byte swizzle, 64 elements of 16 bits to a row, in four steps.
Plan k_major(int steps) {
    Plan plan;
    plan.steps = steps;
    plan.b.start = 64 * 128;
    return plan;
}

template <typename T, typename Register, int n, bool a_in_registers> void test_size(const char *what, Random &random) {
    Plan plan = k_major(1 + static_cast<int>(random.below(4)));
    plan.accumulate = random.below(2);
    WarpgroupProduct<T, Register, n, Major::k, Major::k, 1, 1, a_in_registers> product(plan);
    product.fill(random);
    product.check_exact(what);
}

template <int n = 8> void test_sizes(Random &random) {
    test_size<__nv_bfloat16, float, n, false>("f32.bf16.bf16", random);
    test_size<__half, float, n, false>("f32.f16.f16", random);
    test_size<__half, uint32_t, n, false>("f16.f16.f16", random);
    test_size<tf32, float, n, false>("f32.tf32.tf32", random);
    if constexpr (n % 48 == 8) {
        test_size<__nv_bfloat16, float, n, true>("f32.bf16.bf16, A in registers", random);
        test_size<__half, float, n, true>("f32.f16.f16, A in registers", random);
        test_size<__half, uint32_t, n, true>("f16.f16.f16, A in registers", random);
        test_size<tf32, float, n, true>("f32.tf32.tf32, A in registers", random);
    }
    if constexpr (n < 256) test_sizes<n + 8>(random);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(9);
    test_sizes(random);
    return finish("wgmma");
}
