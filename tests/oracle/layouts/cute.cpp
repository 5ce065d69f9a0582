// What CuTe says of layouts: which element each thread holds of the fragments of mma, wgmma, ldmatrix and stmatrix, where swizzles put
// bytes, and how wgmma's descriptors and shared memory look. Writes lines `NAME: VALUE VALUE ...` to the file that is its argument;
// simulated.cu writes the same of the simulator.
#include <cstdint>
#include <cstdio>

#define CUTE_SM90_EXTENDED_MMA_SHAPES_ENABLED
#include <cute/tensor.hpp>

#include <cute/atom/copy_traits_sm75.hpp>
#include <cute/atom/copy_traits_sm90.hpp>
#include <cute/atom/mma_atom.hpp>
#include <cute/atom/mma_traits_sm80.hpp>
#include <cute/atom/mma_traits_sm90_gmma.hpp>

using namespace cute;

namespace {

FILE *out;

template <class T> constexpr const char *name = nullptr;
template <> constexpr const char *name<bfloat16_t> = "bf16";
template <> constexpr const char *name<half_t> = "f16";
template <> constexpr const char *name<tfloat32_t> = "tf32";
template <> constexpr const char *name<float> = "f32";

// A line for each thread: (row, column) of each of its elements. `layout` maps (thread, value) to row + rows * column.
template <class Layout> void fragment(const char *instruction, const char *matrix, Layout layout, int rows) {
    for (int thread = 0; thread < size<0>(layout); thread++) {
        fprintf(out, "%s %s thread %d:", instruction, matrix, thread);
        for (int value = 0; value < size<1>(layout); value++) {
            const int at = layout(thread, value);
            fprintf(out, " %d,%d", at % rows, at / rows);
        }
        fprintf(out, "\n");
    }
}

// ---- mma: the fragments, and with which elements of B each element of A is multiplied, into which of D

template <class Op> void mma(const char *instruction) {
    using Traits = MMA_Traits<Op>;
    constexpr int m = size<0>(typename Traits::Shape_MNK{}), n = size<1>(typename Traits::Shape_MNK{}),
                  k = size<2>(typename Traits::Shape_MNK{});
    typename Traits::ALayout a;
    typename Traits::BLayout b;
    typename Traits::CLayout c;
    fragment(instruction, "A", a, m);
    for (int thread = 0; thread < 32; thread++) { // B is columns x k for CuTe
        fprintf(out, "%s B thread %d:", instruction, thread);
        for (int value = 0; value < size<1>(b); value++) {
            const int at = b(thread, value);
            fprintf(out, " %d,%d", at / n, at % n);
        }
        fprintf(out, "\n");
    }
    fragment(instruction, "C", c, m);

    int d_of[m][n]; // thread * 16 + value
    for (int thread = 0; thread < 32; thread++)
        for (int value = 0; value < size<1>(c); value++) {
            const int at = c(thread, value);
            d_of[at % m][at / m] = thread * 16 + value;
        }
    for (int thread = 0; thread < 32; thread++)
        for (int value = 0; value < size<1>(a); value++) {
            const int at = a(thread, value), row = at % m, depth = at / m;
            static_assert(k * n == 32 * size<1>(b));
            fprintf(out, "%s products of A %d.%d:", instruction, thread, value);
            for (int other = 0; other < 32; other++)
                for (int index = 0; index < size<1>(b); index++) {
                    const int b_at = b(other, index);
                    if (b_at / n != depth) continue;
                    const int d = d_of[row][b_at % n];
                    fprintf(out, " %d.%d>%d.%d", other, index, d / 16, d % 16);
                }
            fprintf(out, "\n");
        }
}

// ---- ldmatrix, stmatrix: which element of which lane's row each register half holds

// `rows` maps (lane, bit of its row) and `registers` (lane, bit of its registers) to the same bits.
template <class Rows, class Registers> void matrices(const char *instruction, Rows rows, Registers registers) {
    for (int thread = 0; thread < 32; thread++) {
        fprintf(out, "%s thread %d:", instruction, thread);
        for (int half = 0; half < size<1>(registers) / 16; half++) {
            const int bit = registers(thread, half * 16);
            for (int lane = 0, found = 0; lane < 32 && !found; lane++)
                for (int element = 0; element < 8 && !found; element++)
                    if (rows(lane, element * 16) == bit) {
                        fprintf(out, " %d.%d", lane, element);
                        found = 1;
                    }
        }
        fprintf(out, "\n");
    }
}

template <class Op> void ldmatrix(const char *instruction) {
    matrices(instruction, typename Copy_Traits<Op>::SrcLayout{}, typename Copy_Traits<Op>::DstLayout{});
}

template <class Op> void stmatrix(const char *instruction) {
    matrices(instruction, typename Copy_Traits<Op>::DstLayout{}, typename Copy_Traits<Op>::SrcLayout{});
}

// ---- Swizzles, twice the largest pattern

template <int bits> void swizzle() {
    for (int row = 0; row < 16; row++) {
        fprintf(out, "swizzle of %d bytes, row %d:", 16 << bits, row);
        for (int byte = 0; byte < 128; byte++) fprintf(out, " %d", Swizzle<bits, 4, 3>{}(row * 128 + byte));
        fprintf(out, "\n");
    }
}

// ---- wgmma: D and A in registers

template <class T, class Sum, int n> void accumulators() {
    constexpr int k = 256 / sizeof_bits_v<T>;
    using Tile = Shape<_64, Int<n>, Int<k>>;
    using Shared = decltype(SM90::GMMA::ss_op_selector<T, T, Sum, Tile, GMMA::Major::K, GMMA::Major::K>());
    using Registers = decltype(SM90::GMMA::rs_op_selector<T, T, Sum, Tile, GMMA::Major::K, GMMA::Major::K>());
    static_assert(is_same_v<typename MMA_Traits<Shared>::Shape_MNK, Tile> && is_same_v<typename MMA_Traits<Registers>::Shape_MNK, Tile>);
    char instruction[64];
    snprintf(instruction, sizeof instruction, "m64n%dk%d.%s.%s", n, k, name<Sum>, name<T>);
    fragment(instruction, "D", typename MMA_Traits<Shared>::CLayout{}, 64);
    snprintf(instruction, sizeof instruction, "m64n%dk%d.%s.%s, A in registers", n, k, name<Sum>, name<T>);
    fragment(instruction, "D", typename MMA_Traits<Registers>::CLayout{}, 64);
    fragment(instruction, "A", typename MMA_Traits<Registers>::ALayout{}, 64);
}

// ---- wgmma: A and B in shared memory

// A matrix of 256 rows in shared memory, in two blocks: A is the first 64 rows of each, B the first n of all, for each n. Layouts are
// types, which take long to compile: so what is printed is gathered from them once.
struct Operand {
    static constexpr int all_rows = 256, block_rows = 128;
    const char *swizzle, *first;
    bool k_major;
    int k, columns; // of a product, and of the whole
    int offsets[all_rows][64]; // in bytes
    uint64_t descriptors[2][4]; // [block][step]; they count from the matrix's begin

    void print(const char *matrix, const char *type, int blocks, int rows) const {
        for (int block = 0; block < blocks; block++)
            for (int step = 0; step < columns / k; step++) {
                char part[128];
                snprintf(part, sizeof part, "%s %s %s-major, swizzle %s, atoms along %s first, block %d, step %d, %d rows", matrix, type,
                         k_major ? "K" : "MN", swizzle, first, block, step, rows);
                fprintf(out, "%s, descriptor: %016llx\n", part, static_cast<unsigned long long>(descriptors[block][step]));
                for (int row = 0; row < rows; row++) {
                    fprintf(out, "%s, row %d:", part, row);
                    for (int column = 0; column < k; column++)
                        fprintf(out, " %d", offsets[block * block_rows + row][step * k + column]);
                    fprintf(out, "\n");
                }
            }
    }

    void print(const char *type) const {
        print("A", type, 2, 64);
        for (int n = 8; n <= 256; n += 8) print("B", type, 1, n);
    }
};

template <class T, GMMA::Major major, bool k_first, class Atom> void operands(const char *swizzle, Atom atom) {
    constexpr int k = 256 / sizeof_bits_v<T>;
    constexpr int columns = size<1>(Atom{}) > 2 * k ? static_cast<int>(size<1>(Atom{})) : 2 * k;
    alignas(1024) static char memory[Operand::all_rows * 128];
    static Operand operand = {swizzle, k_first ? "K" : "MN", major == GMMA::Major::K, k, columns, {}, {}};

    using Order = conditional_t<k_first, Step<_2, _1>, Step<_1, _2>>;
    const auto layout = tile_to_shape(atom, Shape<Int<Operand::all_rows>, Int<columns>>{}, Order{});
    const auto whole = make_tensor(make_smem_ptr(reinterpret_cast<T *>(memory)), layout);
    for (int row = 0; row < Operand::all_rows; row++)
        for (int column = 0; column < columns; column++)
            operand.offsets[row][column] = static_cast<int>(reinterpret_cast<char *>(raw_pointer_cast(&whole(row, column))) - memory);
    const auto blocks = zipped_divide(whole, Shape<Int<Operand::block_rows>, Int<k>>{});
    const auto descriptors = MakeTensor<GMMA::smem_desc<major>>{}(blocks);
    for (int block = 0; block < 2; block++)
        for (int step = 0; step < columns / k; step++)
            operand.descriptors[block][step] = descriptors(0, make_coord(block, step));
    operand.print(name<T>);
    if constexpr (is_same_v<T, bfloat16_t>) operand.print(name<half_t>); // layouts know sizes alone
}

template <class T, GMMA::Major major, bool k_first> void every_swizzle() {
    operands<T, major, k_first>("none", GMMA::Layout_INTER_Atom<T, major>{});
    operands<T, major, k_first>("32", GMMA::Layout_SW32_Atom<T, major>{});
    operands<T, major, k_first>("64", GMMA::Layout_SW64_Atom<T, major>{});
    operands<T, major, k_first>("128", GMMA::Layout_SW128_Atom<T, major>{});
}

template <int n = 8> void every_size() {
    accumulators<bfloat16_t, float, n>();
    accumulators<half_t, float, n>();
    accumulators<half_t, half_t, n>();
    accumulators<tfloat32_t, float, n>();
    if constexpr (n < 256) every_size<n + 8>();
}

} // namespace

int main(int, char **arguments) {
    out = fopen(arguments[1], "w");
    if (!out) return 1;
    mma<SM80_16x8x16_F32BF16BF16F32_TN>("m16n8k16.f32.bf16");
    mma<SM80_16x8x16_F32F16F16F32_TN>("m16n8k16.f32.f16");
    mma<SM80_16x8x16_F16F16F16F16_TN>("m16n8k16.f16.f16");
    mma<SM80_16x8x8_F32TF32TF32F32_TN>("m16n8k8.f32.tf32");
    ldmatrix<SM75_U32x1_LDSM_N>("ldmatrix.x1");
    ldmatrix<SM75_U32x2_LDSM_N>("ldmatrix.x2");
    ldmatrix<SM75_U32x4_LDSM_N>("ldmatrix.x4");
    ldmatrix<SM75_U16x2_LDSM_T>("ldmatrix.x1.trans");
    ldmatrix<SM75_U16x4_LDSM_T>("ldmatrix.x2.trans");
    ldmatrix<SM75_U16x8_LDSM_T>("ldmatrix.x4.trans");
    stmatrix<SM90_U32x1_STSM_N>("stmatrix.x1");
    stmatrix<SM90_U32x2_STSM_N>("stmatrix.x2");
    stmatrix<SM90_U32x4_STSM_N>("stmatrix.x4");
    stmatrix<SM90_U16x2_STSM_T>("stmatrix.x1.trans");
    stmatrix<SM90_U16x4_STSM_T>("stmatrix.x2.trans");
    stmatrix<SM90_U16x8_STSM_T>("stmatrix.x4.trans");
    swizzle<0>();
    swizzle<1>();
    swizzle<2>();
    swizzle<3>();
    every_size();
    every_swizzle<bfloat16_t, GMMA::Major::K, false>();
    every_swizzle<bfloat16_t, GMMA::Major::K, true>();
    every_swizzle<bfloat16_t, GMMA::Major::MN, false>();
    every_swizzle<bfloat16_t, GMMA::Major::MN, true>();
    every_swizzle<tfloat32_t, GMMA::Major::K, false>();
    every_swizzle<tfloat32_t, GMMA::Major::K, true>();
    return fclose(out) ? 1 : 0;
}
