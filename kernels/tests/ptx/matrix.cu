// ldmatrix and stmatrix: which lane holds which element, and whose addresses count.
#include "../../common/ptx/matrix.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int lanes = 32, rows = 32, pitch = 24; // elements from row to row: more than the 8 that a row has

// Row r of the matrices, in shared memory, lies at row order[r] there. Lanes that give no row hand over an address that
// would be a fault if anybody used it.
template <int count> __device__ uint16_t *row_address(uint16_t *shared, const int *order, int lane) {
    if (lane >= 8 * count) return reinterpret_cast<uint16_t *>(reinterpret_cast<char *>(shared) + 1);
    return shared + order[lane] * pitch;
}

template <int count, bool transposed> __global__ void load(const uint16_t *from, const int *order, uint32_t *registers) {
    uint16_t *const shared = dynamic_shared<uint16_t>();
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < rows * pitch; i += lanes) shared[i] = from[i];
    __syncthreads();
    uint32_t r[count];
    if constexpr (transposed)
        ldmatrix_trans(r, row_address<count>(shared, order, lane));
    else
        ldmatrix(r, row_address<count>(shared, order, lane));
    for (int i = 0; i < count; i++) registers[count * lane + i] = r[i];
}

template <int count, bool transposed> __global__ void store(const uint32_t *registers, const int *order, uint16_t *to) {
    uint16_t *const shared = dynamic_shared<uint16_t>();
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < rows * pitch; i += lanes) shared[i] = to[i];
    __syncthreads();
    uint32_t r[count];
    for (int i = 0; i < count; i++) r[i] = registers[count * lane + i];
    if constexpr (transposed)
        stmatrix_trans(row_address<count>(shared, order, lane), r);
    else
        stmatrix(row_address<count>(shared, order, lane), r);
    __syncthreads();
    for (int i = lane; i < rows * pitch; i += lanes) to[i] = shared[i];
}

// PTX ISA, ldmatrix: "Each thread loads a fragment of a row, with thread 0 receiving the first fragment in its register r, and so
// on. A group of four threads loads an entire row of the matrix"; with .trans the matrix is loaded in column-major format.
// Calls visit(lane, matrix, half of the register, row in shared memory, column).
template <typename Visit> void for_each_element(int count, bool transposed, const std::vector<int> &order, Visit visit) {
    for (int matrix = 0; matrix < count; matrix++) {
        int lane = 0;
        for (int major = 0; major < 8; major++) {
            for (int fragment = 0; fragment < 4; fragment++, lane++) {
                for (int half = 0; half < 2; half++) {
                    const int minor = 2 * fragment + half;
                    visit(lane, matrix, half, order[8 * matrix + (transposed ? minor : major)], transposed ? major : minor);
                }
            }
        }
    }
}

template <int count, bool transposed> void test(bool with_stmatrix, Random &random) {
    std::vector<int> order(rows);
    for (int i = 0; i < rows; i++) order[i] = i;
    for (int i = rows - 1; i > 0; i--) std::swap(order[i], order[random.below(i + 1)]);
    Buffer<int> rows_of_lanes(order);
    const Shape shape = {1, lanes, rows * pitch * sizeof(uint16_t)};

    std::vector<uint16_t> memory(rows * pitch);
    for (int i = 0; i < rows * pitch; i++) memory[i] = static_cast<uint16_t>(i * 59 + 7); // all different
    std::vector<uint32_t> expected(count * lanes, 0);
    for_each_element(count, transposed, order, [&](int lane, int matrix, int half, int row, int column) {
        expected[count * lane + matrix] |= static_cast<uint32_t>(memory[row * pitch + column]) << 16 * half;
    });
    Buffer<uint16_t> source(memory);
    Buffer<uint32_t> registers(count * lanes);
    launch("ldmatrix", shape, load<count, transposed>, source.device(), rows_of_lanes.device(), registers.device());
    const std::vector<uint32_t> got = registers.host();
    for (size_t i = 0; i < got.size(); i++) expect_equal(transposed ? "ldmatrix.trans" : "ldmatrix", i, expected[i], got[i]);

    if (!with_stmatrix) return;
    std::vector<uint32_t> values(count * lanes);
    for (uint32_t &value : values) value = static_cast<uint32_t>(random.bits());
    std::vector<uint16_t> stored = memory; // the bytes between the rows stay
    for_each_element(count, transposed, order, [&](int lane, int matrix, int half, int row, int column) {
        stored[row * pitch + column] = static_cast<uint16_t>(values[count * lane + matrix] >> 16 * half);
    });
    Buffer<uint32_t> given(values);
    Buffer<uint16_t> target(memory);
    launch("stmatrix", shape, store<count, transposed>, given.device(), rows_of_lanes.device(), target.device());
    expect_bytes(transposed ? "stmatrix.trans" : "stmatrix", stored, target.host());
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    const bool with_stmatrix = device_capability() >= 90;
    if (!with_stmatrix) std::printf("skipped stmatrix: needs compute capability 9.0\n");
    Random random(3);
    test<1, false>(with_stmatrix, random);
    test<2, false>(with_stmatrix, random);
    test<4, false>(with_stmatrix, random);
    test<1, true>(with_stmatrix, random);
    test<2, true>(with_stmatrix, random);
    test<4, true>(with_stmatrix, random);
    return finish("matrix");
}
