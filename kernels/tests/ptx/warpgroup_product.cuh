// One product of a warpgroup through the device, from matrices that the host lays out in shared memory: what the tests of wgmma share.
#pragma once

#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/wgmma.cuh"
#include "elements.cuh"

namespace WW_NAMESPACE {

constexpr unsigned image_bytes = 48 * 1024; // what a block may have without asking for more

// Where a matrix lies in shared memory, and what its descriptor says.
struct Operand {
    Swizzle swizzle = Swizzle::bytes128;
    unsigned start = 0; // from the beginning of dynamic shared memory, which is a multiple of 1024
    unsigned leading = 0, stride = 1024, base_offset = 0;
    unsigned step = 32; // how far the next k columns are, if all steps share a descriptor
};

// The byte where element (row, k) of a matrix begins. PTX ISA, Strides and "Canonical Layouts", with T the elements in 16 bytes, W the
// 16-byte columns of the swizzle's pattern: a coordinate and its strides, for each of two levels (three along M or N).
inline unsigned place(const Operand &operand, Major major, unsigned element_bytes, unsigned row, unsigned k) {
    const unsigned t = 16 / element_bytes;
    unsigned w = 1;
    if (operand.swizzle == Swizzle::bytes32) w = 2;
    if (operand.swizzle == Swizzle::bytes64) w = 4;
    if (operand.swizzle == Swizzle::bytes128) w = 8;
    const bool none = w == 1;
    const auto inside = [](unsigned i, unsigned size, unsigned stride) { return i % size * stride; };
    const auto outside = [](unsigned i, unsigned size, unsigned stride) { return i / size * stride; };
    unsigned at = operand.start;
    if (major == Major::k) { // ((8, m), (T, 2)) : ((W x 16, stride), (1, leading or 16))
        at += inside(row, 8, 16 * w) + outside(row, 8, operand.stride);
        at += inside(k, t, element_bytes) + outside(k, t, none ? operand.leading : 16);
    } else { // ((T, W, m), (8, k)) : ((1, 16, leading), (W x 16, stride)); without swizzle leading and stride change places
        at += inside(row, t, element_bytes) + inside(row / t, w, 16) + outside(row, t * w, none ? operand.stride : operand.leading);
        at += inside(k, 8, 16 * w) + outside(k, 8, none ? operand.leading : operand.stride);
    }
    // The 16-byte columns of a pattern's row change places by an exclusive or with the row's number, rows of 128 bytes.
    const unsigned pattern_row = (at / 128 - operand.base_offset) % 8;
    return at ^ pattern_row % w * 16;
}

// What the kernel needs to know.
struct Plan {
    Operand a, b;
    int steps = 1; // along k
    bool accumulate = true;
};

// d: n / 2 elements of each thread, in registers that it has. `image` is what shared memory is to hold.
template <typename T, typename Register, int n, Major major_a, Major major_b, int scale_a, int scale_b, bool a_in_registers>
__global__ void __launch_bounds__(128)
    multiply(Plan plan, const uint4 *image, const uint32_t *a_registers, const Register *c, Register *d_out) {
    char *const shared = dynamic_shared<char>();
    for (unsigned i = threadIdx.x; i < image_bytes / 16; i += 128) reinterpret_cast<uint4 *>(shared)[i] = image[i];
    fence_proxy_async_shared();
    __syncthreads();
    constexpr int registers = n * static_cast<int>(sizeof(Register)) / (std::is_same_v<Register, float> ? 8 : 16);
    Register d[registers];
#pragma unroll
    for (int i = 0; i < registers; i++) d[i] = c[threadIdx.x * registers + i];
    uint32_t a[4][4];
#pragma unroll
    for (int i = 0; i < 16; i++) a[i / 4][i % 4] = a_registers[threadIdx.x * 16 + i];
    const uint64_t descriptor_a =
        shared_descriptor(shared + plan.a.start, plan.a.leading, plan.a.stride, plan.a.swizzle, plan.a.base_offset);
    const uint64_t descriptor_b =
        shared_descriptor(shared + plan.b.start, plan.b.leading, plan.b.stride, plan.b.swizzle, plan.b.base_offset);
    wgmma_fence_registers(d);
    wgmma_fence();
#pragma unroll
    for (int step = 0; step < 4; step++) {
        if (step >= plan.steps) continue;
        const uint64_t b = advance(descriptor_b, step * plan.b.step);
        const bool accumulate = plan.accumulate || step > 0;
        if constexpr (a_in_registers) {
            wgmma<T, n, major_a, major_b, scale_a, scale_b>(d, a[step], b, accumulate);
        } else {
            wgmma<T, n, major_a, major_b, scale_a, scale_b>(d, advance(descriptor_a, step * plan.a.step), b, accumulate);
        }
    }
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_fence_registers(d);
#pragma unroll
    for (int i = 0; i < registers; i++) d_out[threadIdx.x * registers + i] = d[i];
}

// Matrices of bits, row-major: a is 64 x k, b is n x k, c and d are 64 x n, with k in up to four steps.
template <typename T, typename Register, int n, Major major_a = Major::k, Major major_b = Major::k, int scale_a = 1, int scale_b = 1,
          bool a_in_registers = false>
class WarpgroupProduct {
  public:
    static constexpr int depth = std::is_same_v<T, tf32> ? 8 : 16; // of a step
    static constexpr unsigned element_bytes = std::is_same_v<T, tf32> ? 4 : 2;
    const int k;
    Plan plan;
    std::vector<uint32_t> a, b, c;

    explicit WarpgroupProduct(const Plan &plan)
        : k(plan.steps * depth), plan(plan), a(size(64 * k)), b(size(n * k)), c(size(64 * n)) {}

    // Small integers: every order of summation gives the same bits.
    void fill(Random &random) {
        for (uint32_t &bits : a) bits = Type<T>::bits(static_cast<float>(random.below(9)) - 4);
        for (uint32_t &bits : b) bits = Type<T>::bits(static_cast<float>(random.below(9)) - 4);
        for (uint32_t &bits : c) bits = c_bits(static_cast<float>(random.below(257)) - 128);
    }

    std::vector<uint32_t> run() const {
        std::vector<uint8_t> image(image_bytes, 0xff); // NaN, where nothing is written
        std::vector<uint32_t> a_registers(16 * 128);
        for (int step = 0; step < plan.steps; step++) {
            if (!a_in_registers) write(image, plan.a, major_a, a, 64, step);
            write(image, plan.b, major_b, b, n, step);
            for (int thread = 0; thread < 128; thread++)
                for (int i = 0; i < WarpgroupFragmentA<T>::elements; i++)
                    put(a_registers, thread * 16 + step * 4, Type<T>::per_register, i,
                        a[size(WarpgroupFragmentA<T>::row(thread, i) * k + step * depth + WarpgroupFragmentA<T>::column(thread, i))]);
        }
        std::vector<uint32_t> c_registers(64 * n / c_per_register);
        for (int thread = 0; thread < 128; thread++)
            for (int i = 0; i < n / 2; i++) put(c_registers, thread * n / 2 / c_per_register, c_per_register, i, c[element(thread, i)]);

        Buffer<uint8_t> device_image(image);
        Buffer<uint32_t> device_a(a_registers), device_c(c_registers), device_d(c_registers.size());
        launch("wgmma", {1, 128, image_bytes}, multiply<T, Register, n, major_a, major_b, scale_a, scale_b, a_in_registers>, plan,
               reinterpret_cast<const uint4 *>(device_image.device()), device_a.device(),
               reinterpret_cast<const Register *>(device_c.device()), reinterpret_cast<Register *>(device_d.device()));
        const std::vector<uint32_t> registers = device_d.host();
        std::vector<uint32_t> d(c.size());
        for (int thread = 0; thread < 128; thread++)
            for (int i = 0; i < n / 2; i++) {
                const uint32_t word = registers[size(thread * n / 2 / c_per_register + i / c_per_register)];
                d[element(thread, i)] = c_per_register == 1 ? word : word >> 16 * (i % 2) & 0xffff;
            }
        return d;
    }

    double expected(size_t i, double *magnitude = nullptr) const {
        const size_t row = i / n, column = i % n;
        double sum = plan.accumulate ? c_number(c[i]) : 0;
        if (magnitude) *magnitude = std::abs(sum);
        for (size_t at = 0; at < size(k); at++) {
            const double product = Type<T>::number(a[row * size(k) + at]) * Type<T>::number(b[column * size(k) + at]);
            sum += scale_a * scale_b * product;
            if (magnitude) *magnitude += std::abs(product);
        }
        return sum;
    }

    void check_exact(const char *what) const {
        const std::vector<uint32_t> d = run();
        for (size_t i = 0; i < d.size(); i++) expect_equal(what, i, c_bits(static_cast<float>(expected(i))), d[i]);
    }

    static double c_number(uint32_t bits) {
        if constexpr (std::is_same_v<Register, float>) return float_from_bits(bits);
        return Type<__half>::number(bits);
    }
    static uint32_t c_bits(float x) {
        if constexpr (std::is_same_v<Register, float>) return bits_of_float(x);
        return Type<__half>::bits(x);
    }

  private:
    static constexpr int c_per_register = std::is_same_v<Register, float> ? 1 : 2;

    static size_t size(int i) { return static_cast<size_t>(i); }
    // PTX ISA, "Register Fragments for wgmma.mma_async": D, with i counting a thread's elements.
    static size_t element(int thread, int i) {
        const int warp = thread / 32, lane = thread % 32;
        const int row = warp * 16 + lane / 4 + 8 * (i / 2 % 2), column = i / 4 * 8 + lane % 4 * 2 + i % 2;
        return size(row * n + column);
    }
    static void put(std::vector<uint32_t> &registers, int first, int per_register, int i, uint32_t bits) {
        registers[size(first + i / per_register)] |= bits << 16 * (i % per_register);
    }
    void write(std::vector<uint8_t> &image, Operand operand, Major major, const std::vector<uint32_t> &matrix, int rows, int step) const {
        operand.start += static_cast<unsigned>(step) * operand.step;
        for (int row = 0; row < rows; row++)
            for (int i = 0; i < depth; i++) {
                const unsigned at = place(operand, major, element_bytes, static_cast<unsigned>(row), static_cast<unsigned>(i));
                if (at + element_bytes > image_bytes) {
                    std::printf("a matrix of the test ends at byte %u, behind shared memory\n", at + element_bytes);
                    std::exit(1);
                }
                std::memcpy(&image[at], &matrix[size(row * k + step * depth + i)], element_bytes);
            }
    }
};

} // namespace WW_NAMESPACE
