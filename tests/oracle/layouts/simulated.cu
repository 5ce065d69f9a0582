// What the simulator does: which element each thread holds of the fragments of mma, wgmma, ldmatrix and stmatrix, where swizzles put
// bytes, and what wgmma reads for a descriptor. Found by running the instructions on numbers that tell where they come from. Writes lines
// `NAME: VALUE VALUE ...` to the file that is its argument; cute.cpp writes what CuTe says of the same.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "common/ptx/descriptor.cuh"
#include "common/ptx/matrix.cuh"
#include "common/ptx/mma.cuh"
#include "common/ptx/wgmma.cuh"

namespace WW_NAMESPACE {
namespace {

FILE *out;

void check(cudaError_t error) {
    if (error == cudaSuccess) return;
    fprintf(stderr, "%s\n", cudaGetErrorString(error));
    exit(1);
}

// Memory that host and device see.
template <typename T> struct Buffer {
    T *data;
    size_t count;

    explicit Buffer(size_t count) : count(count) {
        check(cudaMallocManaged(&data, count * sizeof(T)));
        memset(data, 0, count * sizeof(T));
    }
    ~Buffer() { cudaFree(data); }
    Buffer(const Buffer &) = delete;
    T &operator[](size_t i) { return data[i]; }
};

// ---- Elements

using Type = wwsim::isa::Wgmma::Type;

constexpr const char *name_of(Type type) { return type == Type::bf16 ? "bf16" : type == Type::f16 ? "f16" : "tf32"; }
constexpr unsigned size_of(Type type) { return type == Type::tf32 ? 4 : 2; }

template <typename T> constexpr Type type_of = Type::tf32;
template <> constexpr Type type_of<__nv_bfloat16> = Type::bf16;
template <> constexpr Type type_of<__half> = Type::f16;

// Stores element `index` of an array of 16- or 32-bit elements.
__host__ __device__ inline void put(Type type, void *array, size_t index, float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    auto *const halves = static_cast<uint16_t *>(array);
    if (type == Type::tf32) static_cast<uint32_t *>(array)[index] = bits;
    if (type == Type::bf16) halves[index] = static_cast<uint16_t>(bits >> 16); // what is written here has 8 bits of mantissa
    if (type == Type::f16) halves[index] = __half_as_ushort(__float2half(x));
}

// Element `index` of sums in f32 or f16.
float sum_at(bool f16_sums, const uint32_t *registers, size_t index) {
    if (f16_sums) return __half2float(__ushort_as_half(reinterpret_cast<const uint16_t *>(registers)[index]));
    float sum;
    memcpy(&sum, registers + index, 4);
    return sum;
}

// ---- mma: one element of A is 1, those of B tell their numbers

template <typename T, typename Sum> __global__ void products(Sum *sums, int a_elements, int b_elements) {
    const int lane = static_cast<int>(threadIdx.x);
    FragmentB<T> b;
    for (int i = 0; i < b_elements; i++) put(type_of<T>, b.r, static_cast<size_t>(i), static_cast<float>(lane * b_elements + i + 1));
    for (int element = 0; element < 32 * a_elements; element++) {
        FragmentA<T> a = {};
        if (element / a_elements == lane) put(type_of<T>, a.r, static_cast<size_t>(element % a_elements), 1);
        FragmentC<Sum> d = {}, c = {};
        mma(d, a, b, c);
        memcpy(sums + (element * 32 + lane) * 4, d.r, 4 * sizeof(Sum));
    }
}

template <typename Fragment> void fragment(const char *instruction, const char *matrix) {
    for (int thread = 0; thread < 32; thread++) {
        fprintf(out, "%s %s thread %d:", instruction, matrix, thread);
        for (int i = 0; i < Fragment::elements; i++) fprintf(out, " %d,%d", Fragment::row(thread, i), Fragment::column(thread, i));
        fprintf(out, "\n");
    }
}

template <typename T, typename Sum> void test_mma(const char *instruction) {
    fragment<FragmentA<T>>(instruction, "A");
    fragment<FragmentB<T>>(instruction, "B");
    fragment<FragmentC<Sum>>(instruction, "C");
    constexpr int a_elements = FragmentA<T>::elements, b_elements = FragmentB<T>::elements;
    Buffer<Sum> sums(32 * a_elements * 128);
    products<T, Sum><<<1, 32>>>(sums.data, a_elements, b_elements);
    check(cudaDeviceSynchronize());
    for (int element = 0; element < 32 * a_elements; element++) {
        fprintf(out, "%s products of A %d.%d:", instruction, element / a_elements, element % a_elements);
        for (int b = 0; b < 32 * b_elements; b++)
            for (int d = 0; d < 128; d++)
                if (static_cast<float>(sums[static_cast<size_t>(element * 128 + d)]) == static_cast<float>(b + 1))
                    fprintf(out, " %d.%d>%d.%d", b / b_elements, b % b_elements, d / 4, d % 4);
        fprintf(out, "\n");
    }
}

// ---- ldmatrix, stmatrix: each element tells its lane's row and its place there, or its thread and register

template <int count, bool trans> __global__ void load_matrices(uint16_t *halves) {
    __shared__ alignas(16) uint16_t rows[32][8];
    for (int i = 0; i < 8; i++) rows[threadIdx.x][i] = static_cast<uint16_t>(threadIdx.x * 8 + i);
    __syncwarp();
    uint32_t r[count];
    if (trans)
        ldmatrix_trans(r, rows[threadIdx.x]);
    else
        ldmatrix(r, rows[threadIdx.x]);
    memcpy(halves + threadIdx.x * 2 * count, r, sizeof r);
}

template <int count, bool trans> __global__ void store_matrices(uint16_t *halves) {
    __shared__ alignas(16) uint16_t rows[32][8];
    for (int i = 0; i < 8; i++) rows[threadIdx.x][i] = 0xffff;
    __syncwarp();
    uint16_t mine[2 * count];
    for (int i = 0; i < 2 * count; i++) mine[i] = static_cast<uint16_t>(threadIdx.x * 2 * count + i);
    uint32_t r[count];
    memcpy(r, mine, sizeof r);
    if (trans)
        stmatrix_trans(rows[threadIdx.x], r);
    else
        stmatrix(rows[threadIdx.x], r);
    __syncwarp();
    for (int i = 0; i < 8; i++)
        if (rows[threadIdx.x][i] != 0xffff) halves[rows[threadIdx.x][i]] = static_cast<uint16_t>(threadIdx.x * 8 + i);
}

template <int count, bool trans> void test_matrices() {
    const auto print = [](const char *instruction, auto kernel) {
        Buffer<uint16_t> halves(64 * count);
        kernel<<<1, 32>>>(halves.data);
        check(cudaDeviceSynchronize());
        for (int thread = 0; thread < 32; thread++) {
            fprintf(out, "%s.x%d%s thread %d:", instruction, count, trans ? ".trans" : "", thread);
            for (int i = 0; i < 2 * count; i++) {
                const int place = halves[static_cast<size_t>(thread * 2 * count + i)];
                fprintf(out, " %d.%d", place / 8, place % 8);
            }
            fprintf(out, "\n");
        }
    };
    print("ldmatrix", load_matrices<count, trans>);
    print("stmatrix", store_matrices<count, trans>);
}

// ---- Swizzles

void test_swizzle(wwsim::isa::Swizzle swizzle) {
    for (unsigned row = 0; row < 16; row++) {
        fprintf(out, "swizzle of %d bytes, row %u:", 16 << static_cast<int>(swizzle), row);
        for (unsigned byte = 0; byte < 128; byte++) fprintf(out, " %d", static_cast<int>(wwsim::isa::swizzled(row * 128 + byte, swizzle)));
        fprintf(out, "\n");
    }
}

// ---- wgmma

// A matrix of rows (of M or N) x columns (of K) in shared memory: patterns of 8 rows, or of 8 columns if it is MN-major, as wide as
// the swizzle, in one piece each.
struct Matrix {
    Type type;
    bool mn_major;
    unsigned log_chunks; // 2^this chunks of 16 bytes are a pattern's width: the simulator's number of the swizzle
    bool k_first;        // which patterns are neighbors
    unsigned rows, columns;

    unsigned width() const { return 16u << log_chunks; }
    unsigned patterns_along_rows() const { return mn_major ? rows * size_of(type) / width() : rows / 8; }
    unsigned patterns_along_columns() const { return mn_major ? columns / 8 : columns * size_of(type) / width(); }
    unsigned to_next_row_pattern() const { return 8 * width() * (k_first ? patterns_along_columns() : 1); }
    unsigned to_next_column_pattern() const { return 8 * width() * (k_first ? 1 : patterns_along_rows()); }
    unsigned bytes() const { return rows * columns * size_of(type); }

    unsigned before_swizzle(unsigned row, unsigned column) const {
        const unsigned line = mn_major ? column : row, byte = (mn_major ? row : column) * size_of(type);
        const unsigned row_pattern = mn_major ? byte / width() : row / 8, column_pattern = mn_major ? column / 8 : byte / width();
        return row_pattern * to_next_row_pattern() + column_pattern * to_next_column_pattern() + line % 8 * width() + byte % width();
    }
    unsigned offset(unsigned row, unsigned column) const {
        return static_cast<unsigned>(wwsim::isa::swizzled(before_swizzle(row, column), static_cast<wwsim::isa::Swizzle>(log_chunks)));
    }

    // Of the part that begins at (row, column).
    __device__ uint64_t descriptor(unsigned char *start, unsigned first_byte) const {
        constexpr Swizzle swizzles[] = {Swizzle::none, Swizzle::bytes32, Swizzle::bytes64, Swizzle::bytes128};
        unsigned leading = to_next_column_pattern(), stride = to_next_row_pattern();
        if (log_chunks > 0 && mn_major) {
            leading = to_next_row_pattern();
            stride = to_next_column_pattern();
        } else if (log_chunks > 0) {
            leading = 16; // ignored
        }
        return advance(shared_descriptor(start, leading, stride, swizzles[log_chunks]), first_byte);
    }
};

constexpr unsigned threads = 128, image_bytes = 40 * 1024;

// A product of matrices whose image in shared memory comes from the host. A, unless it lies in registers, begins at 0.
struct Product {
    wwsim::isa::Wgmma instruction;
    bool a_in_registers;
    Matrix a, b;
    unsigned a_first_byte, b_start, b_first_byte;
};

struct Memory {
    Buffer<unsigned char> image{image_bytes};
    Buffer<uint32_t> a_registers{threads * 4};
    Buffer<uint32_t> sums{threads * 128};
    Buffer<uint64_t> descriptors{2};

    void clear() {
        memset(image.data, 0, image_bytes);
        memset(a_registers.data, 0, threads * 4 * sizeof(uint32_t));
    }
};

__global__ void multiply(Product p, const unsigned char *image, const uint32_t *a_registers, uint32_t *sums, uint64_t *descriptors) {
    auto *const shared = dynamic_shared<unsigned char>();
    for (unsigned i = threadIdx.x * 16; i < image_bytes; i += threads * 16) memcpy(shared + i, image + i, 16);
    __syncthreads();
    const uint64_t a = p.a.descriptor(shared, p.a_first_byte), b = p.b.descriptor(shared + p.b_start, p.b_first_byte);
    uint32_t d[128] = {};
    wgmma_fence();
    if (p.a_in_registers)
        wwsim::isa::wgmma(p.instruction, d, a_registers + threadIdx.x * 4, b, true);
    else
        wwsim::isa::wgmma(p.instruction, d, a, b, true);
    wgmma_commit();
    wgmma_wait<0>();
    memcpy(sums + threadIdx.x * 128, d, sizeof d);
    if (threadIdx.x == 0) {
        descriptors[0] = a - (shared_address(shared) >> 4);
        descriptors[1] = b - (shared_address(shared + p.b_start) >> 4);
    }
}

void run(const Product &product, Memory &memory) {
    multiply<<<1, threads, image_bytes>>>(product, memory.image.data, memory.a_registers.data, memory.sums.data, memory.descriptors.data);
    check(cudaDeviceSynchronize());
}

// The parts of D: value(row, column) of the 64 x n that the threads hold.
std::vector<std::vector<int>> result(const Product &product, Memory &memory) {
    const int n = product.instruction.n;
    std::vector<std::vector<int>> d(64, std::vector<int>(static_cast<size_t>(n)));
    for (int thread = 0; thread < static_cast<int>(threads); thread++)
        for (int i = 0; i < n / 2; i++) {
            const auto row = static_cast<size_t>(AccumulatorFragment<256>::row(thread, i));
            const auto column = static_cast<size_t>(AccumulatorFragment<256>::column(thread, i));
            const float sum = sum_at(product.instruction.f16_sums, memory.sums.data + thread * 128, static_cast<size_t>(i));
            d[row][column] = static_cast<int>(sum);
        }
    return d;
}

Product plain(Type type, bool f16_sums, int n, bool a_in_registers) {
    const unsigned k = 32 / size_of(type);
    const Matrix a = {type, false, 0, false, 64, k}, b = {type, false, 0, false, static_cast<unsigned>(n), k};
    return {{type, f16_sums, n, false, false, false, false}, a_in_registers, a, b, 0, a.bytes(), 0};
}

template <typename T> void set_a(const Product &product, Memory &memory, float (*value)(int row, int column)) {
    for (int thread = 0; thread < static_cast<int>(threads); thread++)
        for (int i = 0; i < WarpgroupFragmentA<T>::elements; i++)
            put(type_of<T>, memory.a_registers.data + thread * 4, static_cast<size_t>(i),
                value(WarpgroupFragmentA<T>::row(thread, i), WarpgroupFragmentA<T>::column(thread, i)));
    for (unsigned row = 0; row < 64; row++)
        for (unsigned column = 0; column < product.a.columns; column++)
            put(type_of<T>, memory.image.data, product.a.offset(row, column) / size_of(type_of<T>),
                value(static_cast<int>(row), static_cast<int>(column)));
}

void set_b(const Product &product, Memory &memory, int k, int column, float x) {
    const unsigned offset = product.b_start + product.b.offset(static_cast<unsigned>(column), static_cast<unsigned>(k));
    put(product.b.type, memory.image.data, offset / size_of(product.b.type), x);
}

// Row r of A is r, 1, 0, ... . With B's row 0 of ones, D tells its rows; with B's row 1 of numbers, its columns.
template <typename T, bool f16_sums> void test_d(int n, bool a_in_registers, const char *instruction, Memory &memory) {
    const Product product = plain(type_of<T>, f16_sums, n, a_in_registers);
    std::vector<int> place[2];
    for (int pass = 0; pass < 2; pass++) {
        memory.clear();
        set_a<T>(product, memory, [](int row, int column) { return column == 0 ? static_cast<float>(row) : column == 1 ? 1.0f : 0.0f; });
        for (int column = 0; column < n; column++) set_b(product, memory, pass, column, pass ? static_cast<float>(column) : 1.0f);
        run(product, memory);
        for (unsigned thread = 0; thread < threads; thread++)
            for (int i = 0; i < n / 2; i++)
                place[pass].push_back(static_cast<int>(sum_at(f16_sums, memory.sums.data + thread * 128, static_cast<size_t>(i))));
    }
    for (unsigned thread = 0; thread < threads; thread++) {
        fprintf(out, "%s D thread %u:", instruction, thread);
        for (int i = 0; i < n / 2; i++) {
            const size_t at = thread * static_cast<size_t>(n / 2) + static_cast<size_t>(i);
            fprintf(out, " %d,%d", place[0][at], place[1][at]);
        }
        fprintf(out, "\n");
    }
}

// A's registers tell their thread, then their number there; B takes columns of A to columns of D, n at a time.
template <typename T, bool f16_sums> void test_a_registers(int n, const char *instruction, Memory &memory) {
    const Product product = plain(type_of<T>, f16_sums, n, true);
    const int k = static_cast<int>(product.a.columns);
    constexpr int elements = WarpgroupFragmentA<T>::elements;
    std::vector<std::vector<std::vector<int>>> read[2]; // [from column / n][row][column]
    for (int pass = 0; pass < 2; pass++)
        for (int from = 0; from < k; from += n) {
            memory.clear();
            for (unsigned thread = 0; thread < threads; thread++)
                for (int i = 0; i < elements; i++)
                    put(type_of<T>, memory.a_registers.data + thread * 4, static_cast<size_t>(i), static_cast<float>(pass ? i : static_cast<int>(thread)));
            for (int column = 0; column < n && from + column < k; column++) set_b(product, memory, from + column, column, 1);
            run(product, memory);
            read[pass].push_back(result(product, memory));
        }
    std::vector<std::pair<int, int>> place(threads * elements, {-1, -1});
    for (int row = 0; row < 64; row++)
        for (int column = 0; column < k; column++) {
            const auto part = static_cast<size_t>(column / n), in_part = static_cast<size_t>(column % n);
            const int thread = read[0][part][static_cast<size_t>(row)][in_part], i = read[1][part][static_cast<size_t>(row)][in_part];
            place[static_cast<size_t>(thread * elements + i)] = {row, column};
        }
    for (unsigned thread = 0; thread < threads; thread++) {
        fprintf(out, "%s A thread %u:", instruction, thread);
        for (int i = 0; i < elements; i++) {
            const auto [row, column] = place[static_cast<size_t>(thread * elements + static_cast<unsigned>(i))];
            fprintf(out, " %d,%d", row, column);
        }
        fprintf(out, "\n");
    }
}

template <typename T, bool f16_sums> void test_registers(Memory &memory) {
    for (int n = 8; n <= 256; n += 8) {
        char instruction[64];
        const char *sums = f16_sums ? "f16" : "f32", *type = name_of(type_of<T>);
        const int k = static_cast<int>(32 / size_of(type_of<T>));
        snprintf(instruction, sizeof instruction, "m64n%dk%d.%s.%s", n, k, sums, type);
        test_d<T, f16_sums>(n, false, instruction, memory);
        snprintf(instruction, sizeof instruction, "m64n%dk%d.%s.%s, A in registers", n, k, sums, type);
        test_d<T, f16_sums>(n, true, instruction, memory);
        test_a_registers<T, f16_sums>(n, instruction, memory);
    }
}

// Each element of a matrix in shared memory tells where it lies, in two numbers of 7 bits; the other matrix is the identity.
template <typename T> void test_part(bool is_a, const Matrix &matrix, unsigned block, unsigned step, unsigned rows, Memory &memory) {
    constexpr Type type = type_of<T>;
    constexpr unsigned k = 32 / size_of(type);
    Product product = plain(type, false, static_cast<int>(is_a ? k : rows), !is_a);
    const unsigned first_byte = matrix.before_swizzle(block * 128, step * k);
    (is_a ? product.a : product.b) = matrix;
    (is_a ? product.a_first_byte : product.b_first_byte) = first_byte;
    (is_a ? product.instruction.mn_major_a : product.instruction.mn_major_b) = matrix.mn_major;
    product.b_start = is_a ? matrix.bytes() : 0;

    memory.clear();
    if (is_a)
        for (unsigned i = 0; i < k; i++) set_b(product, memory, static_cast<int>(i), static_cast<int>(i), 1);
    std::vector<std::vector<int>> read[2];
    for (unsigned pass = 0; pass < 2; pass++) {
        if (!is_a) set_a<T>(plain(type, false, 8, true), memory, [](int row, int column) { return row == column ? 1.0f : 0.0f; });
        for (unsigned i = 0; i < matrix.bytes() / size_of(type); i++)
            put(type, memory.image.data, i, static_cast<float>(i >> 7 * pass & 127));
        run(product, memory);
        read[pass] = result(product, memory);
    }

    char part[128];
    static const char *const swizzles[] = {"none", "32", "64", "128"};
    snprintf(part, sizeof part, "%s %s %s-major, swizzle %s, atoms along %s first, block %u, step %u, %u rows", is_a ? "A" : "B", name_of(type),
             matrix.mn_major ? "MN" : "K", swizzles[matrix.log_chunks], matrix.k_first ? "K" : "MN", block, step, rows);
    fprintf(out, "%s, descriptor: %016llx\n", part, static_cast<unsigned long long>(memory.descriptors[is_a ? 0 : 1]));
    for (unsigned row = 0; row < rows; row++) {
        fprintf(out, "%s, row %u:", part, row);
        for (unsigned column = 0; column < k; column++) {
            const auto at = [&](unsigned pass) { return is_a ? read[pass][row][column] : read[pass][column][row]; };
            fprintf(out, " %u", static_cast<unsigned>(at(1) << 7 | at(0)) * size_of(type));
        }
        fprintf(out, "\n");
    }
}

template <typename T> void test_operands(bool mn_major, Memory &memory) {
    constexpr unsigned k = 32 / size_of(type_of<T>);
    for (const bool k_first : {false, true})
        for (unsigned log_chunks = 0; log_chunks < 4; log_chunks++) {
            const unsigned width = (16u << log_chunks) / size_of(type_of<T>), columns = !mn_major && width > 2 * k ? width : 2 * k;
            const Matrix matrix = {type_of<T>, mn_major, log_chunks, k_first, 256, columns};
            for (unsigned block = 0; block < 2; block++)
                for (unsigned step = 0; step < columns / k; step++) test_part<T>(true, matrix, block, step, 64, memory);
            for (unsigned rows = 8; rows <= 256; rows += 8)
                for (unsigned step = 0; step < columns / k; step++) test_part<T>(false, matrix, 0, step, rows, memory);
        }
}

} // namespace
} // namespace WW_NAMESPACE

int main(int, char **arguments) {
    using namespace WW_NAMESPACE;
    out = fopen(arguments[1], "w");
    if (!out) return 1;
    test_mma<__nv_bfloat16, float>("m16n8k16.f32.bf16");
    test_mma<__half, float>("m16n8k16.f32.f16");
    test_mma<__half, __half>("m16n8k16.f16.f16");
    test_mma<tf32, float>("m16n8k8.f32.tf32");
    test_matrices<1, false>();
    test_matrices<2, false>();
    test_matrices<4, false>();
    test_matrices<1, true>();
    test_matrices<2, true>();
    test_matrices<4, true>();
    for (const unsigned swizzle : {0u, 1u, 2u, 3u}) test_swizzle(static_cast<wwsim::isa::Swizzle>(swizzle));
    Memory memory;
    test_registers<__nv_bfloat16, false>(memory);
    test_registers<__half, false>(memory);
    test_registers<__half, true>(memory);
    test_registers<tf32, false>(memory);
    test_operands<__nv_bfloat16>(false, memory);
    test_operands<__nv_bfloat16>(true, memory);
    test_operands<__half>(false, memory);
    test_operands<__half>(true, memory);
    test_operands<tf32>(false, memory);
    return fclose(out) ? 1 : 0;
}
