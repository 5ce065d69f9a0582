// A GEMM on TMA, mbarriers and wgmma, held against the host's in f64; and what happens when it makes a mistake.
//
//   gemm                       checks it
//   gemm M N K [REPEATS]       measures it
//   gemm --mistakes            lists the mistakes that it can make: name, how it is found, with what message
//   gemm --mistake NAME        makes one, on the simulated GPU
//
// arch: 90
#include "gemm.cuh"

#include <chrono>
#include <string>

#include "../../common/tensor_map.cuh"
#include "../ptx/check.cuh"

namespace WW_NAMESPACE {
namespace {

struct Size {
    int m, n, k;
};

// One number in bf16, as the host computes with it.
double value(bf16 x) { return static_cast<double>(__bfloat162float(x)); }

// A matrix in bf16 whose rows are 8 elements apart from each other, and are followed by one row more.
struct Matrix {
    static constexpr int gap = 8;
    int height, width;
    std::vector<bf16> elements;

    Matrix(int height, int width, float outside)
        : height(height), width(width), elements(static_cast<size_t>(height + 1) * stride(), __float2bfloat16(outside)) {}
    int stride() const { return width + gap; }
    bf16 &at(int row, int column) { return elements[static_cast<size_t>(row) * stride() + column]; }
    void fill(Random &random) {
        for (int row = 0; row < height; ++row)
            for (int column = 0; column < width; ++column)
                at(row, column) = __float2bfloat16(static_cast<float>(random.below(2001)) / 1000.0f - 1.0f);
    }
};

struct Outcome {
    double seconds;
    std::vector<bf16> c;
};

// Multiplies `repeats` times, on so many blocks.
template <int cluster>
Outcome multiply(const Matrix &a, const Matrix &b, const Matrix &c, int blocks, int repeats, Mistake mistake) {
    Buffer<bf16> device_a(a.elements), device_b(b.elements), device_c(c.elements);
    const auto map = [](Buffer<bf16> &buffer, const Matrix &matrix, int box_rows, CUtensorMapSwizzle swizzle) {
        CUtensorMap map;
        check_cuda(static_cast<cudaError_t>(
                       encode_matrix_map(map, buffer.device(), static_cast<uint64_t>(matrix.height), static_cast<uint64_t>(matrix.width),
                                         static_cast<uint64_t>(matrix.stride()), static_cast<uint32_t>(box_rows), tile_k, swizzle)),
                   "tensor map");
        return map;
    };
    const bool plain = mistake == Mistake::map_swizzle;
    const CUtensorMap map_a = map(device_a, a, tile_m, plain ? CU_TENSOR_MAP_SWIZZLE_NONE : CU_TENSOR_MAP_SWIZZLE_128B);
    const CUtensorMap map_b = map(device_b, b, tile_n / cluster, CU_TENSOR_MAP_SWIZZLE_128B);
    const CUtensorMap map_c = map(device_c, c, rows, CU_TENSOR_MAP_SWIZZLE_128B);
    const Tiles tiles = {(c.height + tile_m - 1) / tile_m, (c.width + tile_n - 1) / tile_n, (a.width + tile_k - 1) / tile_k};
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(blocks * cluster));
    shape.block = dim3(threads);
    shape.shared_bytes = sizeof(Shared);
    shape.cluster = cluster;
    const auto run = [&] {
        check_cuda(static_cast<cudaError_t>(launch(gemm<cluster>, shape, nullptr, map_a, map_b, map_c, tiles, mistake)), "launch");
    };
    run();
    check_cuda(cudaDeviceSynchronize(), "gemm");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) run();
    check_cuda(cudaDeviceSynchronize(), "gemm");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {seconds, device_c.host()};
}

// The product, in f64, and how far off sums in f32 and a result in bf16 may be; around it, what was there before.
template <int cluster> void test(const Size &size, int blocks, Mistake mistake = Mistake::none) {
    // What lies beside A and B is no number: TMA must not read it.
    Matrix a(size.m, size.k, NAN), b(size.n, size.k, NAN), c(size.m, size.n, 77);
    Random random(static_cast<uint64_t>(size.m + size.n + size.k));
    a.fill(random);
    b.fill(random);
    const std::vector<bf16> got = multiply<cluster>(a, b, c, blocks, 0, mistake).c;
    const std::string what = "C of " + std::to_string(size.m) + " x " + std::to_string(size.n) + " x " + std::to_string(size.k) +
                             ", cluster of " + std::to_string(cluster);
    for (int row = 0; row <= size.m; ++row) {
        for (int column = 0; column < c.stride(); ++column) {
            double expected = 77, tolerance = 0;
            if (row < size.m && column < size.n) {
                double sum = 0, magnitude = 0;
                for (int i = 0; i < size.k; ++i) {
                    const double product = value(a.at(row, i)) * value(b.at(column, i));
                    sum += product;
                    magnitude += std::abs(product);
                }
                expected = sum;
                tolerance = std::abs(sum) / 256 + magnitude * size.k / (1 << 23);
            }
            const size_t index = static_cast<size_t>(row) * c.stride() + column;
            expect_near(what.c_str(), index, expected, value(got[index]), tolerance);
        }
    }
}

// Whole tiles and parts of them, one and several for each block, fewer steps than stages and more; an odd number of tiles in a column.
constexpr Size sizes[] = {{128, 128, 64}, {256, 256, 576}, {1, 8, 8}, {200, 136, 72}, {129, 8, 400}, {300, 264, 200}};

void check() {
    for (const Size &size : sizes) {
        test<1>(size, 2);
        test<2>(size, 1);
    }
    test<1>(sizes[5], 3);
    test<2>(sizes[5], 2);
}

// More steps than stages, and more tiles than blocks.
constexpr Size enough = {256, 256, 384};

int make(const std::string &name) {
#define X(mistake, cluster, how, message)                                                                                         \
    if (name == #mistake) {                                                                                                       \
        test<cluster>(enough, 1, Mistake::mistake);                                                                               \
        return finish(#mistake);                                                                                                  \
    }
    WW_MISTAKES(X)
#undef X
    std::printf("no mistake is called '%s'; --mistakes lists them\n", name.c_str());
    return 2;
}

void list() {
#define X(name, cluster, how, message) std::printf("%s\t%s\t%s\n", #name, how, message);
    WW_MISTAKES(X)
#undef X
}

template <int cluster> void measure(const Size &size, int repeats) {
    Matrix a(size.m, size.k, 0), b(size.n, size.k, 0), c(size.m, size.n, 0);
    Random random(1);
    a.fill(random);
    b.fill(random);
    int blocks = 0;
    check_cuda(cudaDeviceGetAttribute(&blocks, cudaDevAttrMultiProcessorCount, 0), "cudaDeviceGetAttribute");
    const double seconds = multiply<cluster>(a, b, c, blocks / cluster, repeats, Mistake::none).seconds;
    std::printf("gemm, %d x %d x %d, cluster of %d: %.2f GFLOP/s\n", size.m, size.n, size.k, cluster,
                2.0 * size.m * size.n * size.k * repeats / seconds * 1e-9);
}

} // namespace
} // namespace WW_NAMESPACE

int main(int argc, char **argv) {
    using namespace WW_NAMESPACE;
    const std::string option = argc > 1 ? argv[1] : "";
    if (option == "--mistakes") return list(), 0;
    if (device_capability() != 90) {
        std::printf("gemm: skipped, needs compute capability 9.0\n");
        return 0;
    }
    if (argc == 1) return check(), finish("gemm");
    if (argc == 3 && option == "--mistake") return make(argv[2]);
    const auto argument = [&](int i, int otherwise) { return i < argc ? std::atoi(argv[i]) : otherwise; };
    const Size size = {argument(1, 0), argument(2, 0), argument(3, 0)};
    const int repeats = argument(4, 4);
    if (size.m <= 0 || size.n <= 0 || size.k <= 0 || size.n % 8 != 0 || size.k % 8 != 0 || repeats <= 0) {
        std::printf("usage: %s [--mistakes | --mistake NAME | M N K [REPEATS]], N and K multiples of 8\n", argv[0]);
        return 2;
    }
    measure<1>(size, repeats);
    measure<2>(size, repeats);
    return 0;
}
