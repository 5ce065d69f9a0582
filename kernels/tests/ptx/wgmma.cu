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

// ---- Places

template <typename T> void test_places(const char *what) {
    for (int thread = 0; thread < 128; thread++) {
        const int warp = thread >> 5, group = thread % 32 >> 2, in_group = thread % 4;
        for (int i = 0; i < WarpgroupFragmentA<T>::elements; i++) {
            const bool is_tf32 = std::is_same_v<T, tf32>;
            const int r = is_tf32 ? i : i / 2; // the register
            const int column = is_tf32 ? in_group + r / 2 * 4 : in_group * 2 + i % 2 + r / 2 * 8;
            expect_equal(what, thread, 16 * warp + group + r % 2 * 8, WarpgroupFragmentA<T>::row(thread, i));
            expect_equal(what, thread, column, WarpgroupFragmentA<T>::column(thread, i));
        }
        for (int i = 0; i < AccumulatorFragment<40>::elements; i++) {
            expect_equal(what, thread, 16 * warp + group + ((i & 2) ? 8 : 0), AccumulatorFragment<40>::row(thread, i));
            expect_equal(what, thread, 8 * (i >> 2) + in_group * 2 + (i & 1), AccumulatorFragment<40>::column(thread, i));
        }
    }
}

// ---- Signs and numbers

template <int scale_a, int scale_b> void test_signs(const char *what, Random &random) {
    WarpgroupProduct<__nv_bfloat16, float, 16, Major::k, Major::k, scale_a, scale_b> shared(k_major(2));
    shared.fill(random);
    shared.check_exact(what);
    WarpgroupProduct<__half, uint32_t, 16, Major::k, Major::k, scale_a, scale_b, true> registers(k_major(2));
    registers.fill(random);
    registers.check_exact(what);
}

// Numbers with all mantissa bits: within the rounding, or the truncation, of all sums in f32.
template <typename T> void test_near(const char *what, Random &random) {
    WarpgroupProduct<T, float, 24> product(k_major(4));
    const auto number = [&] {
        const uint32_t below = 1u << Type<T>::mantissa;
        const float fraction = 1 + static_cast<float>(random.below(below)) / static_cast<float>(below);
        return Type<T>::bits(std::ldexp(random.below(2) ? fraction : -fraction, static_cast<int>(random.below(8)) - 4));
    };
    for (uint32_t &bits : product.a) bits = number();
    for (uint32_t &bits : product.b) bits = number();
    for (uint32_t &bits : product.c) bits = bits_of_float(static_cast<float>(random.below(1u << 24)) / (1 << 22) - 2);
    const std::vector<uint32_t> d = product.run();
    for (size_t i = 0; i < d.size(); i++) {
        double magnitude;
        const double expected = product.expected(i, &magnitude);
        expect_near(what, i, expected, float_from_bits(d[i]), (product.k + 1) * magnitude * std::ldexp(1, -23));
    }
}

// Sums in f16 are rounded once for each product of 16, whatever the order within it.
void test_f16_sums(Random &random) {
    WarpgroupProduct<__half, uint32_t, 8> product(k_major(1));
    product.fill(random);
    for (uint32_t &bits : product.c) bits = product.c_bits(2048.0f); // where f16 has only even numbers
    const std::vector<uint32_t> d = product.run();
    for (size_t i = 0; i < d.size(); i++)
        expect_near("f16 sums", i, product.expected(i), product.c_number(d[i]), 1.0); // half of the distance of two, or at a tie either
}

// One element of A, B and C is set, the others are 0; what comes out at its place.
template <typename T> double single(float a, float b, float c) {
    WarpgroupProduct<T, float, 8> product(k_major(1));
    product.a[size_t(37 * product.k + 6)] = Type<T>::bits(a);
    product.b[size_t(3 * product.k + 6)] = Type<T>::bits(b);
    product.c[37 * 8 + 3] = bits_of_float(c);
    return float_from_bits(product.run()[37 * 8 + 3]);
}

template <typename T> void test_special(const char *what) {
    const float ulp = std::ldexp(1.0f, -Type<T>::mantissa), inf = INFINITY;
    // The product of two full mantissas is not rounded, nor is it before C is added.
    expect_near(what, 0, (2.0 - ulp) * (2.0 - ulp), single<T>(2 - ulp, 2 - ulp, 0), 0);
    expect_near(what, 1, double{ulp} * ulp, single<T>(1 + ulp, 1 + ulp, -1 - 2 * ulp), 0);
    expect_near(what, 2, inf, single<T>(inf, 2, -1), 0);
    expect_near(what, 3, NAN, single<T>(inf, 0, 1), 0);
    expect_near(what, 4, NAN, single<T>(inf, 1, -inf), 0);
    expect_near(what, 5, -inf, single<T>(1, 1, -inf), 0);
    expect_near(what, 6, NAN, single<T>(NAN, 1, 1), 0);
    const float subnormal = std::is_same_v<T, __half> ? std::ldexp(1.0f, -24) : std::ldexp(1.0f, -126 - Type<T>::mantissa);
    expect_near(what, 7, 4.0 * subnormal, single<T>(subnormal, 4, 0), 0);
}

// The lower 13 bits of tf32 operands change nothing.
void test_tf32_ignores_low_bits(Random &random) {
    WarpgroupProduct<tf32, float, 8> product(k_major(1));
    product.fill(random);
    for (uint32_t &bits : product.a) bits |= random.below(0x2000);
    for (uint32_t &bits : product.b) bits |= random.below(0x2000);
    product.check_exact("tf32 with bits below the 19");
}

// ---- Order

// Without swizzle: core matrices of 128 bytes, the two along K side by side, and all elements the same: each sum is 16 times the product.
constexpr int flat_elements = 64 * 16;
__device__ uint64_t flat(const __nv_bfloat16 *matrix) { return shared_descriptor(matrix, 128, 256, Swizzle::none); }
__device__ void fill(__nv_bfloat16 *matrix, float value) {
    for (int i = static_cast<int>(threadIdx.x % 128); i < flat_elements; i += 128) matrix[i] = __float2bfloat16(value);
}

__device__ void ready() {
    fence_proxy_async_shared();
    __syncthreads();
}

constexpr int flat_n = 64, flat_sums = flat_n / 2;
using Flat = float[flat_sums];

__device__ void multiply_flat(Flat &d, const __nv_bfloat16 *a, const __nv_bfloat16 *b, bool accumulate) {
    wgmma<__nv_bfloat16, flat_n>(d, flat(a), flat(b), accumulate);
}

// Two groups in flight, in different accumulators; the first is waited for alone, and what it read is overwritten.
__global__ void two_groups(float *out) {
    __shared__ __align__(128) __nv_bfloat16 a[flat_elements], b[2][flat_elements];
    fill(a, 1);
    fill(b[0], 2);
    fill(b[1], 3);
    ready();
    Flat first, second;
    wgmma_fence();
    multiply_flat(first, a, b[0], false);
    wgmma_commit();
    multiply_flat(second, a, b[1], false);
    wgmma_commit();
    wgmma_wait<1>();
    wgmma_fence_registers(first);
    float sum = 0;
    for (float x : first) sum += x;
    __syncthreads();
    fill(b[0], 5);
    ready();
    // More for the second's sums, behind it: no fence is needed.
    multiply_flat(second, a, b[0], true);
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_fence_registers(second);
    for (float x : second) sum += 1000 * x;
    out[threadIdx.x] = sum;
}

// Sums are scaled between products, with a fence around.
__global__ void rescale(float *out, int steps) {
    __shared__ __align__(128) __nv_bfloat16 a[flat_elements], b[flat_elements];
    fill(a, 1);
    fill(b, 1);
    ready();
    Flat d;
    for (int step = 0; step < steps; step++) {
        wgmma_fence_registers(d);
        wgmma_fence();
        multiply_flat(d, a, b, step > 0);
        wgmma_commit();
        wgmma_wait<0>();
        wgmma_fence_registers(d);
        for (float &x : d) x *= 0.5f;
    }
    float sum = 0;
    for (float x : d) sum += x;
    out[threadIdx.x] = sum;
}

// Two warpgroups, each with operands and a pace of its own.
__global__ void two_warpgroups(float *out) {
    __shared__ __align__(128) __nv_bfloat16 a[flat_elements], b[2][flat_elements];
    const int group = static_cast<int>(threadIdx.x) / 128;
    if (group == 0) fill(a, 1);
    fill(b[group], static_cast<float>(1 + group));
    ready();
    Flat d = {};
    for (int step = 0; step < 3 + 2 * group; step++) {
        wgmma_fence_registers(d);
        wgmma_fence();
        multiply_flat(d, a, b[group], true);
        wgmma_commit();
        if (group == 0) wgmma_wait<0>();
    }
    wgmma_wait<0>();
    wgmma_fence_registers(d);
    float sum = 0;
    for (float x : d) sum += x;
    out[threadIdx.x] = sum;
}

template <typename Launch> void test_sums(const char *what, const std::vector<float> &expected, Launch launch_with) {
    Buffer<float> out(expected.size());
    launch_with(out.device());
    const std::vector<float> got = out.host();
    for (size_t i = 0; i < expected.size(); i++) expect_near(what, i, expected[i], got[i], 0);
}

void test_order() {
    test_sums("two groups", std::vector<float>(128, flat_sums * (32 + 1000 * (48 + 80))),
              [](float *out) { launch("two groups", {1, 128}, two_groups, out); });
    test_sums("rescaled", std::vector<float>(128, flat_sums * 15.0f), [](float *out) { launch("rescaled", {1, 128}, rescale, out, 4); });
    std::vector<float> expected(256);
    for (size_t i = 0; i < 256; i++) expected[i] = flat_sums * 16 * (i < 128 ? 3 : 2 * 5);
    test_sums("two warpgroups", expected, [](float *out) { launch("two warpgroups", {1, 256}, two_warpgroups, out); });
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(9);
    test_places<__nv_bfloat16>("places bf16");
    test_places<__half>("places f16");
    test_places<tf32>("places tf32");
    test_sizes(random);
    test_signs<-1, 1>("-A", random);
    test_signs<1, -1>("-B", random);
    test_signs<-1, -1>("-A -B", random);
    test_near<__nv_bfloat16>("f32.bf16.bf16, rounded", random);
    test_near<__half>("f32.f16.f16, rounded", random);
    test_near<tf32>("f32.tf32.tf32, rounded", random);
    test_f16_sums(random);
    test_special<__nv_bfloat16>("special bf16");
    test_special<__half>("special f16");
    test_special<tf32>("special tf32");
    test_tf32_ignores_low_bits(random);
    test_order();
    return finish("wgmma");
}
