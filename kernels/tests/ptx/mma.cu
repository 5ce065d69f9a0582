// mma: fragment layouts, exact products, accumulation, and what is special.
#include "../../common/ptx/mma.cuh"

#include "elements.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int lanes = 32;

// ---- Layouts, from the PTX ISA: groupID = %laneid >> 2, threadID_in_group = %laneid % 4

struct Place {
    int row, column;
};

// "Matrix Fragments for mma.m16n8k16 with floating point type". The same for .bf16 and .f16.
struct M16n8k16 {
    static constexpr int k = 16, a_elements = 8, b_elements = 4;
    static Place a(int lane, int i) {
        const int group = lane >> 2, thread = lane % 4;
        return {(0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8,
                i < 4 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8};
    }
    static Place b(int lane, int i) {
        const int group = lane >> 2, thread = lane % 4;
        return {i < 2 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8, group};
    }
};

// "Matrix Fragments for mma.m16n8k8", .tf32
struct M16n8k8 {
    static constexpr int k = 8, a_elements = 4, b_elements = 2;
    static Place a(int lane, int i) {
        const int group = lane >> 2, thread = lane % 4;
        return {i == 0 || i == 2 ? group : group + 8, i == 0 || i == 1 ? thread : thread + 4};
    }
    static Place b(int lane, int i) {
        const int group = lane >> 2, thread = lane % 4;
        return {i == 0 ? thread : thread + 4, group};
    }
};

Place c_place(int lane, int i) {
    const int group = lane >> 2, thread = lane % 4;
    return {i < 2 ? group : group + 8, thread * 2 + (i & 1)};
}

template <typename T> using LayoutOf = std::conditional_t<std::is_same_v<T, tf32>, M16n8k8, M16n8k16>;

// ---- Kernels: registers in, registers out

template <typename T, typename Accumulator>
__global__ void multiply(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t *d, bool in_place) {
    const int lane = static_cast<int>(threadIdx.x);
    FragmentA<T> fa;
    FragmentB<T> fb;
    FragmentC<Accumulator> fc, fd;
    constexpr int c_registers = sizeof(fc.r) / 4;
    for (int i = 0; i < 4; i++) fa.r[i] = a[4 * lane + i];
    for (int i = 0; i < 2; i++) fb.r[i] = b[2 * lane + i];
    for (int i = 0; i < c_registers; i++) memcpy(&fc.r[i], &c[c_registers * lane + i], 4);
    if (in_place) {
        mma(fc, fa, fb, fc);
        fd = fc;
    } else {
        mma(fd, fa, fb, fc);
    }
    for (int i = 0; i < c_registers; i++) memcpy(&d[c_registers * lane + i], &fd.r[i], 4);
}

// ---- One product of matrices, given as bits in row-major order, through the device

template <typename T, typename Accumulator> class Product {
  public:
    using Layout = LayoutOf<T>;
    static constexpr int m = 16, n = 8, k = Layout::k;
    std::vector<uint32_t> a = std::vector<uint32_t>(m * k), b = std::vector<uint32_t>(k * n), c = std::vector<uint32_t>(m * n);

    std::vector<uint32_t> run(bool in_place) const {
        std::vector<uint32_t> ra(4 * lanes), rb(2 * lanes), rc(c_registers * lanes), d(m * n);
        for (int lane = 0; lane < lanes; lane++) {
            for (int i = 0; i < Layout::a_elements; i++) {
                const Place place = Layout::a(lane, i);
                put(ra, 4 * lane, Type<T>::per_register, i, a[place.row * k + place.column]);
            }
            for (int i = 0; i < Layout::b_elements; i++) {
                const Place place = Layout::b(lane, i);
                put(rb, 2 * lane, Type<T>::per_register, i, b[place.row * n + place.column]);
            }
            for (int i = 0; i < 4; i++) {
                const Place place = c_place(lane, i);
                put(rc, c_registers * lane, c_per_register, i, c[place.row * n + place.column]);
            }
        }
        Buffer<uint32_t> da(ra), db(rb), dc(rc), dd(rc.size());
        launch("mma", {1, lanes}, multiply<T, Accumulator>, da.device(), db.device(), dc.device(), dd.device(), in_place);
        const std::vector<uint32_t> rd = dd.host();
        for (int lane = 0; lane < lanes; lane++)
            for (int i = 0; i < 4; i++) {
                const Place place = c_place(lane, i);
                const uint32_t word = rd[c_registers * lane + i / c_per_register];
                d[place.row * n + place.column] = c_per_register == 1 ? word : word >> 16 * (i % 2) & 0xffff;
            }
        return d;
    }

    double expected(int row, int column, double *magnitude = nullptr) const {
        double sum = c_number(c[row * n + column]);
        if (magnitude) *magnitude = std::abs(sum);
        for (int i = 0; i < k; i++) {
            const double product = Type<T>::number(a[row * k + i]) * Type<T>::number(b[i * n + column]);
            sum += product;
            if (magnitude) *magnitude += std::abs(product);
        }
        return sum;
    }

    static double c_number(uint32_t bits) {
        if constexpr (std::is_same_v<Accumulator, float>) return float_from_bits(bits);
        return Type<__half>::number(bits);
    }
    static uint32_t c_bits(float x) {
        if constexpr (std::is_same_v<Accumulator, float>) return bits_of_float(x);
        return Type<__half>::bits(x);
    }

  private:
    static constexpr int c_per_register = std::is_same_v<Accumulator, float> ? 1 : 2;
    static constexpr int c_registers = 4 / c_per_register;
    static void put(std::vector<uint32_t> &registers, int first, int per_register, int i, uint32_t bits) {
        registers[first + i / per_register] |= bits << 16 * (i % per_register);
    }
};

// Small integers: every order of summation gives the same bits.
template <typename T, typename Accumulator> void test_exact(const char *what, Random &random) {
    for (int round = 0; round < 4; round++) {
        Product<T, Accumulator> product;
        for (uint32_t &bits : product.a) bits = Type<T>::bits(static_cast<float>(random.below(17)) - 8);
        for (uint32_t &bits : product.b) bits = Type<T>::bits(static_cast<float>(random.below(17)) - 8);
        for (uint32_t &bits : product.c) bits = product.c_bits(static_cast<float>(random.below(257)) - 128);
        const std::vector<uint32_t> d = product.run(round % 2 == 1);
        for (int i = 0; i < 16 * 8; i++) expect_equal(what, i, product.c_bits(static_cast<float>(product.expected(i / 8, i % 8))), d[i]);
    }
}

// Numbers with all mantissa bits: within the rounding, or the truncation, of 17 sums in f32.
template <typename T> void test_near(const char *what, Random &random) {
    Product<T, float> product;
    auto number = [&] {
        const uint32_t below = 1u << Type<T>::mantissa;
        const float fraction = 1 + static_cast<float>(random.below(below)) / static_cast<float>(below);
        return Type<T>::bits(std::ldexp(random.below(2) ? fraction : -fraction, static_cast<int>(random.below(8)) - 4));
    };
    for (uint32_t &bits : product.a) bits = number();
    for (uint32_t &bits : product.b) bits = number();
    for (uint32_t &bits : product.c) bits = bits_of_float(static_cast<float>(random.below(1u << 24)) / (1 << 22) - 2);
    const std::vector<uint32_t> d = product.run(false);
    for (int i = 0; i < 16 * 8; i++) {
        double magnitude;
        const double expected = product.expected(i / 8, i % 8, &magnitude);
        expect_near(what, i, expected, float_from_bits(d[i]), 17 * magnitude * std::ldexp(1, -23));
    }
}

// One element of A, B and C is set, the others are 0; what comes out at its place.
template <typename T> double single(float a, float b, float c) {
    Product<T, float> product;
    product.a[5 * product.k + 6] = Type<T>::bits(a);
    product.b[6 * product.n + 3] = Type<T>::bits(b);
    product.c[5 * product.n + 3] = bits_of_float(c);
    return float_from_bits(product.run(false)[5 * product.n + 3]);
}

template <typename T> void test_special(const char *what) {
    const float ulp = std::ldexp(1.0f, -Type<T>::mantissa), inf = INFINITY;
    // The product of two full mantissas is not rounded.
    expect_near(what, 0, (1.0 + ulp) * (1.0 + ulp), single<T>(1 + ulp, 1 + ulp, 0), 0);
    expect_near(what, 1, (2.0 - ulp) * (2.0 - ulp), single<T>(2 - ulp, 2 - ulp, 0), 0);
    // Nor is it before C is added.
    expect_near(what, 2, double{ulp} * ulp, single<T>(1 + ulp, 1 + ulp, -1 - 2 * ulp), 0);
    expect_near(what, 3, inf, single<T>(inf, 2, -1), 0);
    expect_near(what, 4, -inf, single<T>(-inf, 2, 1), 0);
    expect_near(what, 5, NAN, single<T>(inf, 0, 1), 0);
    expect_near(what, 6, NAN, single<T>(inf, 1, -inf), 0);
    expect_near(what, 7, -inf, single<T>(1, 1, -inf), 0);
    expect_near(what, 8, NAN, single<T>(1, 1, NAN), 0);
    // The PTX ISA leaves subnormal inputs open; tensor cores since Volta keep them.
    const float subnormal = std::is_same_v<T, __half> ? std::ldexp(1.0f, -24) : std::ldexp(1.0f, -126 - Type<T>::mantissa);
    expect_near(what, 9, 4.0 * subnormal, single<T>(subnormal, 4, 0), 0);
}

// The lower 13 bits of tf32 operands change nothing.
void test_tf32_ignores_low_bits(Random &random) {
    Product<tf32, float> product;
    for (uint32_t &bits : product.a) bits = bits_of_float(static_cast<float>(random.below(17)) - 8) | random.below(0x2000);
    for (uint32_t &bits : product.b) bits = bits_of_float(static_cast<float>(random.below(17)) - 8) | random.below(0x2000);
    for (uint32_t &bits : product.c) bits = bits_of_float(static_cast<float>(random.below(257)) - 128);
    const std::vector<uint32_t> d = product.run(false);
    for (int i = 0; i < 16 * 8; i++)
        expect_near("tf32 with bits below the 19", i, product.expected(i / 8, i % 8), float_from_bits(d[i]), 0);
}

// What the fragments say of their elements' places.
template <typename T> void test_places(const char *what) {
    using Layout = LayoutOf<T>;
    static_assert(FragmentA<T>::elements == Layout::a_elements && FragmentB<T>::elements == Layout::b_elements);
    for (int lane = 0; lane < lanes; lane++) {
        for (int i = 0; i < Layout::a_elements; i++) {
            expect_equal(what, lane, Layout::a(lane, i).row, FragmentA<T>::row(lane, i));
            expect_equal(what, lane, Layout::a(lane, i).column, FragmentA<T>::column(lane, i));
        }
        for (int i = 0; i < Layout::b_elements; i++) {
            expect_equal(what, lane, Layout::b(lane, i).row, FragmentB<T>::row(lane, i));
            expect_equal(what, lane, Layout::b(lane, i).column, FragmentB<T>::column(lane, i));
        }
        for (int i = 0; i < FragmentC<float>::elements; i++) {
            expect_equal(what, lane, c_place(lane, i).row, FragmentC<float>::row(lane, i));
            expect_equal(what, lane, c_place(lane, i).column, FragmentC<float>::column(lane, i));
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(4);
    test_places<__nv_bfloat16>("places bf16");
    test_places<__half>("places f16");
    test_places<tf32>("places tf32");
    test_exact<__nv_bfloat16, float>("f32.bf16.bf16.f32", random);
    test_exact<__half, float>("f32.f16.f16.f32", random);
    test_exact<__half, __half>("f16.f16.f16.f16", random);
    test_exact<tf32, float>("f32.tf32.tf32.f32", random);
    test_near<__nv_bfloat16>("f32.bf16.bf16.f32, rounded", random);
    test_near<__half>("f32.f16.f16.f32, rounded", random);
    test_near<tf32>("f32.tf32.tf32.f32, rounded", random);
    test_special<__nv_bfloat16>("special bf16");
    test_special<__half>("special f16");
    test_special<tf32>("special tf32");
    test_tf32_ignores_low_bits(random);
    return finish("mma");
}
