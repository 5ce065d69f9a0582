// Tiles of tensors: which element goes where for 1 to 5 dimensions, strides, swizzles, and boxes partly outside of the tensor; stores and
// reductions; several blocks at once.
// arch: 90
#include "../../common/ptx/tma.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/proxy.cuh"
#include "../../common/tensor_map.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int threads = 64;
constexpr unsigned char background = 0xab;

struct Coordinates {
    int c[5];
};

CUtensorMap encoded(const char *what, const void *tensor, const TensorMapShape &shape) {
    CUtensorMap map;
    check_cuda(static_cast<cudaError_t>(encode_tensor_map(map, tensor, shape)), what);
    return map;
}

// ---- What a box is, element by element

unsigned element_bytes(CUtensorMapDataType type) {
    switch (type) {
    case CU_TENSOR_MAP_DATA_TYPE_UINT8: return 1;
    case CU_TENSOR_MAP_DATA_TYPE_UINT16:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
    case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16: return 2;
    case CU_TENSOR_MAP_DATA_TYPE_UINT64:
    case CU_TENSOR_MAP_DATA_TYPE_INT64:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT64: return 8;
    default: return 4;
    }
}

unsigned count_of(const TensorMapShape &shape, unsigned i) {
    const unsigned step = i == 0 ? 1 : shape.element_strides[i];
    return (shape.box[i] + step - 1) / step;
}

unsigned bytes_of(const TensorMapShape &shape) {
    unsigned count = element_bytes(shape.type);
    for (unsigned i = 0; i < shape.rank; i++) count *= count_of(shape, i);
    return count;
}

// 16-byte chunks of a span of 32, 64 or 128 bytes change places by the number of the 128 bytes that they are in.
size_t swizzled_offset(CUtensorMapSwizzle swizzle, size_t offset) {
    if (swizzle == CU_TENSOR_MAP_SWIZZLE_NONE) return offset;
    const size_t chunks = swizzle == CU_TENSOR_MAP_SWIZZLE_32B ? 2 : swizzle == CU_TENSOR_MAP_SWIZZLE_64B ? 4 : 8;
    const size_t chunk = offset / 16, line = offset / 128;
    return (chunk / chunks * chunks + (chunk % chunks ^ line % chunks)) * 16 + offset % 16;
}

// f(offset of the element in shared memory, its offset in the tensor or -1 for one outside) for each element of the box.
template <typename F> void for_each_element(const TensorMapShape &shape, const Coordinates &at, size_t shared_offset, F f) {
    const unsigned bytes = element_bytes(shape.type), count = bytes_of(shape) / bytes;
    for (unsigned e = 0; e < count; e++) {
        int64_t offset = 0;
        bool inside = true;
        for (unsigned i = 0, rest = e; i < shape.rank; i++) {
            const unsigned step = i == 0 ? 1 : shape.element_strides[i];
            const int64_t coordinate = at.c[i] + int64_t{rest % count_of(shape, i)} * step;
            rest /= count_of(shape, i);
            inside = inside && coordinate >= 0 && coordinate < static_cast<int64_t>(shape.sizes[i]);
            offset += coordinate * static_cast<int64_t>(i == 0 ? bytes : shape.strides[i - 1]);
        }
        f(swizzled_offset(shape.swizzle, shared_offset + size_t{e} * bytes), inside ? offset : -1);
    }
}

// ---- Loads

template <unsigned rank> __device__ void load(void *shared, const CUtensorMap *map, uint64_t *bar, const Coordinates &at) {
    const int *c = at.c;
    if constexpr (rank == 1) tma_load(shared, map, bar, c[0]);
    if constexpr (rank == 2) tma_load<CacheHint::evict_first>(shared, map, bar, c[0], c[1]);
    if constexpr (rank == 3) tma_load(shared, map, bar, c[0], c[1], c[2]);
    if constexpr (rank == 4) tma_load(shared, map, bar, c[0], c[1], c[2], c[3]);
    if constexpr (rank == 5) tma_load(shared, map, bar, c[0], c[1], c[2], c[3], c[4]);
}

// Loads to `offset` in shared memory, and writes out all of it.
template <unsigned rank>
__global__ void load_one(const __grid_constant__ CUtensorMap map, Coordinates at, unsigned offset, unsigned bytes, unsigned char *out,
                         unsigned all) {
    unsigned char *const shared = dynamic_shared<unsigned char>();
    __shared__ uint64_t bar;
    for (unsigned i = threadIdx.x; i < all; i += threads) shared[i] = background;
    fence_proxy_async_shared(); // the tile is written where these bytes are
    if (threadIdx.x == 0) {
        mbarrier_init(&bar, 1);
        fence_mbarrier_init();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        prefetch_tensor_map(&map);
        mbarrier_arrive_expect_tx(&bar, bytes);
        load<rank>(shared + offset, &map, &bar, at);
    }
    mbarrier_wait_parity(&bar, 0);
    for (unsigned i = threadIdx.x; i < all; i += threads) out[i] = shared[i];
}

template <unsigned rank> void test_load(const char *what, const TensorMapShape &shape, Coordinates at, unsigned offset, Random &random) {
    const uint64_t tensor_bytes = rank == 1 ? shape.sizes[0] * element_bytes(shape.type) : shape.strides[rank - 2] * shape.sizes[rank - 1];
    std::vector<unsigned char> tensor(tensor_bytes);
    for (unsigned char &byte : tensor) byte = static_cast<unsigned char>(random.bits());
    Buffer<unsigned char> source(tensor);
    const unsigned bytes = bytes_of(shape), all = offset + bytes + 256;
    std::vector<unsigned char> expected(all, background);
    for_each_element(shape, at, offset, [&](size_t to, int64_t from) {
        for (unsigned i = 0; i < element_bytes(shape.type); i++) expected[to + i] = from < 0 ? 0 : tensor[from + i];
    });
    Buffer<unsigned char> out(all);
    const Shape launched{1, threads, all};
    launch(what, launched, load_one<rank>, encoded(what, source.device(), shape), at, offset, bytes, out.device(), all);
    expect_bytes(what, expected, out.host());
}

// Rows of `row_bytes`, and dimensions one after the other, with some space between.
TensorMapShape packed(CUtensorMapDataType type, std::vector<uint64_t> sizes, std::vector<uint32_t> box,
                      CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE) {
    TensorMapShape shape{type, static_cast<unsigned>(sizes.size())};
    shape.swizzle = swizzle;
    uint64_t stride = (sizes[0] * element_bytes(type) + 15) / 16 * 16;
    for (size_t i = 0; i < sizes.size(); i++) {
        shape.sizes[i] = sizes[i];
        shape.box[i] = box[i];
        if (i > 0) {
            shape.strides[i - 1] = stride;
            stride = stride * sizes[i] + 16;
        }
    }
    return shape;
}

void test_loads(Random &random) {
    test_load<1>("1d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT8, {200}, {64}), {{48}}, 0, random);
    test_load<1>("1d, past the end", packed(CU_TENSOR_MAP_DATA_TYPE_UINT8, {203}, {64}), {{171}}, 128, random);
    test_load<1>("1d, before the start", packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT64, {40}, {32}), {{-13}}, 256, random);
    test_load<2>("2d", packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, {21, 17}, {8, 5}), {{9, 4}}, 0, random);
    test_load<2>("2d, over a corner", packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, {21, 17}, {16, 8}), {{-3, 13}}, 0, random);
    test_load<2>("2d, all outside", packed(CU_TENSOR_MAP_DATA_TYPE_UINT32, {21, 17}, {16, 8}), {{4, -8}}, 0, random);
    test_load<3>("3d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT16, {24, 7, 5}, {16, 3, 4}), {{5, 5, -1}}, 0, random);
    test_load<4>("4d", packed(CU_TENSOR_MAP_DATA_TYPE_INT64, {9, 5, 4, 3}, {4, 2, 3, 2}), {{6, -1, 2, 1}}, 0, random);
    test_load<5>("5d", packed(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, {17, 4, 3, 4, 3}, {8, 3, 2, 3, 2}), {{12, 2, -1, 1, 2}}, 128, random);

    TensorMapShape strided = packed(CU_TENSOR_MAP_DATA_TYPE_UINT16, {40, 23, 9}, {16, 12, 7});
    strided.element_strides[0] = 2; // ignored
    strided.element_strides[1] = 5; // of 12: 3 elements
    strided.element_strides[2] = 8; // of 7: 1
    test_load<3>("element strides", strided, {{11, -5, 2}}, 0, random);

    const struct {
        CUtensorMapSwizzle swizzle;
        uint32_t floats;
    } swizzles[] = {{CU_TENSOR_MAP_SWIZZLE_32B, 8}, {CU_TENSOR_MAP_SWIZZLE_64B, 16}, {CU_TENSOR_MAP_SWIZZLE_128B, 32}};
    for (const auto &[swizzle, floats] : swizzles) {
        const TensorMapShape shape = packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, {50, 40}, {floats, 33}, swizzle);
        for (unsigned offset = 0; offset <= 1024; offset += 128) test_load<2>("swizzled", shape, {{3, 9}}, offset, random);
    }
}

// What is outside is a NaN; what is inside of a type that rounds or flushes is changed.
template <typename T> void test_nan(const char *what, CUtensorMapDataType type) {
    TensorMapShape shape = packed(type, {20, 3}, {16, 2});
    shape.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
    Buffer<T> tensor(std::vector<T>(200, T(1.0f)));
    const unsigned bytes = bytes_of(shape);
    Buffer<unsigned char> out(bytes);
    launch(what, {1, threads, bytes}, load_one<2>, encoded(what, tensor.device(), shape), Coordinates{{12, 2}}, 0u, bytes, out.device(), bytes);
    const std::vector<unsigned char> got = out.host();
    for (size_t i = 0; i < 32; i++) {
        T element;
        std::memcpy(&element, &got[i * sizeof(T)], sizeof(T));
        const double value = static_cast<double>(static_cast<float>(element));
        const bool inside = i < 8;
        expect_equal(what, i, 1, inside ? value == 1 : value != value);
    }
}

// ---- Stores

enum class Op { store, add, min, max, inc, dec, bits_and, bits_or, bits_xor };

template <Op op, typename... C> __device__ void put(const CUtensorMap *map, const void *shared, C... c) {
    if constexpr (op == Op::store)
        tma_store<CacheHint::none>(map, shared, c...);
    else
        tma_reduce<static_cast<BulkOp>(static_cast<int>(op) - 1)>(map, shared, c...);
}

template <Op op, unsigned rank>
__global__ void store_one(const __grid_constant__ CUtensorMap map, Coordinates at, const unsigned char *from, unsigned bytes) {
    unsigned char *const shared = dynamic_shared<unsigned char>();
    for (unsigned i = threadIdx.x; i < bytes; i += threads) shared[i] = from[i];
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        const int *c = at.c;
        if constexpr (rank == 1) put<op>(&map, shared, c[0]);
        if constexpr (rank == 2) put<op>(&map, shared, c[0], c[1]);
        if constexpr (rank == 3) put<op>(&map, shared, c[0], c[1], c[2]);
        if constexpr (rank == 4) put<op>(&map, shared, c[0], c[1], c[2], c[3]);
        if constexpr (rank == 5) put<op>(&map, shared, c[0], c[1], c[2], c[3], c[4]);
        bulk_commit();
        bulk_wait_read<0>();
    }
}

// combine(there, comes) for elements of type T.
template <Op op, unsigned rank, typename T, typename Combine>
void test_store(const char *what, const TensorMapShape &shape, Coordinates at, Combine combine, Random &random) {
    const uint64_t count = (rank == 1 ? shape.sizes[0] * sizeof(T) : shape.strides[rank - 2] * shape.sizes[rank - 1]) / sizeof(T);
    const unsigned bytes = bytes_of(shape);
    // Small numbers, so that the sum of two is exact in every type.
    std::vector<T> tensor(count), tile(bytes / sizeof(T));
    for (T &element : tensor) element = static_cast<T>(static_cast<float>(random.below(60)));
    for (T &element : tile) element = static_cast<T>(static_cast<float>(random.below(60)));
    std::vector<T> expected = tensor;
    for_each_element(shape, at, 0, [&](size_t from, int64_t to) {
        if (to >= 0) expected[to / sizeof(T)] = combine(expected[to / sizeof(T)], tile[from / sizeof(T)]);
    });
    Buffer<T> target(tensor), source(tile);
    launch(what, {1, threads, bytes}, store_one<op, rank>, encoded(what, target.device(), shape), at,
           reinterpret_cast<const unsigned char *>(source.device()), bytes);
    expect_bytes(what, expected, target.host());
}

template <Op op, typename T, typename Combine> void test_reduce(const char *what, Combine combine, Random &random) {
    test_store<op, 2, T>(what, packed(tensor_map_type<T>(), {40, 13}, {16, 9}), {{30, -4}}, combine, random);
}

void test_stores(Random &random) {
    const auto replace = [](auto, auto comes) { return comes; };
    test_store<Op::store, 1, uint32_t>("store 1d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT32, {50}, {16}), {{41}}, replace, random);
    test_store<Op::store, 2, uint16_t>("store 2d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT16, {50, 9}, {16, 4}), {{-7, 7}}, replace, random);
    test_store<Op::store, 2, float>("store 2d, swizzled",
                                    packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, {50, 21}, {32, 18}, CU_TENSOR_MAP_SWIZZLE_128B), {{20, -1}},
                                    replace, random);
    test_store<Op::store, 3, uint8_t>("store 3d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT8, {40, 5, 4}, {32, 3, 2}), {{3, 1, 3}}, replace, random);
    test_store<Op::store, 4, uint64_t>("store 4d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT64, {5, 4, 3, 3}, {4, 2, 2, 2}), {{2, 3, 0, 1}},
                                       replace, random);
    test_store<Op::store, 5, uint32_t>("store 5d", packed(CU_TENSOR_MAP_DATA_TYPE_UINT32, {5, 3, 3, 2, 2}, {4, 2, 2, 2, 2}),
                                       {{2, 1, -1, 1, 0}}, replace, random);

    const auto add = [](auto there, auto comes) { return static_cast<decltype(there)>(there + comes); };
    const auto add_half = [](auto there, auto comes) { return decltype(there)(static_cast<float>(there) + static_cast<float>(comes)); };
    const auto lowest = [](auto there, auto comes) { return static_cast<float>(comes) < static_cast<float>(there) ? comes : there; };
    const auto highest = [](auto there, auto comes) { return static_cast<float>(comes) > static_cast<float>(there) ? comes : there; };
    test_reduce<Op::add, float>("add f32", add, random);
    test_reduce<Op::add, double>("add f64", add, random);
    test_reduce<Op::add, __half>("add f16", add_half, random);
    test_reduce<Op::add, __nv_bfloat16>("add bf16", add_half, random);
    test_reduce<Op::add, int32_t>("add s32", add, random);
    test_reduce<Op::add, uint64_t>("add u64", add, random);
    test_reduce<Op::min, uint32_t>("min u32", lowest, random);
    test_reduce<Op::min, __half>("min f16", lowest, random);
    test_reduce<Op::max, int64_t>("max s64", highest, random);
    test_reduce<Op::max, __nv_bfloat16>("max bf16", highest, random);
    test_reduce<Op::inc, uint32_t>("inc", [](uint32_t there, uint32_t limit) { return there >= limit ? 0 : there + 1; }, random);
    test_reduce<Op::dec, uint32_t>(
        "dec", [](uint32_t there, uint32_t limit) { return there == 0 || there > limit ? limit : there - 1; }, random);
    test_reduce<Op::bits_and, uint32_t>("and", [](uint32_t there, uint32_t comes) { return there & comes; }, random);
    test_reduce<Op::bits_or, uint64_t>("or", [](uint64_t there, uint64_t comes) { return there | comes; }, random);
    test_reduce<Op::bits_xor, int32_t>("xor", [](int32_t there, int32_t comes) { return there ^ comes; }, random);
}

// ---- A cluster: each block loads its part of a tile for all of them, several times

template <unsigned blocks>
__global__ void multicast(const __grid_constant__ CUtensorMap map, const __grid_constant__ CUtensorMap sums, int rounds, float *out) {
    constexpr int columns = 32, rows = 8; // of a block's part
    float *const tile = dynamic_shared<float>();
    __shared__ uint64_t full, empty;
    const unsigned rank = cluster_rank();
    if (threadIdx.x == 0) {
        mbarrier_init(&full, 1);
        mbarrier_init(&empty, blocks * threads);
        fence_mbarrier_init();
    }
    cluster_sync();
    float sum = 0;
    for (int round = 0; round < rounds; round++) {
        const unsigned parity = round % 2;
        if (threadIdx.x == 0) {
            mbarrier_arrive_expect_tx(&full, blocks * rows * columns * sizeof(float));
            // Nobody's part may be written before all have read the last one.
            mbarrier_wait_parity_cluster(&empty, parity ^ 1);
            tma_load_multicast(tile + rank * rows * columns, &map, &full, static_cast<uint16_t>((1u << blocks) - 1), 0,
                               static_cast<int>((round * blocks + rank) * rows));
        }
        mbarrier_wait_parity(&full, parity);
        for (unsigned i = threadIdx.x; i < blocks * rows * columns; i += threads) sum += tile[i];
        for (unsigned other = 0; other < blocks; other++) mbarrier_arrive_cluster(&empty, other);
    }
    out[blockIdx.x * threads + threadIdx.x] = sum;
    cluster_sync();
    // All blocks add to the same tensor.
    tile[threadIdx.x] = sum;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        tma_reduce_add(&sums, tile, 0);
        bulk_commit();
        bulk_wait<0>();
    }
}

template <unsigned blocks> void test_multicast(const char *what, Random &random) {
    constexpr int columns = 32, rows = 8, rounds = 3;
    std::vector<float> tensor(columns * rows * blocks * rounds);
    for (float &element : tensor) element = static_cast<float>(random.below(100));
    Buffer<float> source(tensor), sums(threads), out(2 * blocks * threads);
    CUtensorMap map, sums_map = encoded(what, sums.device(), packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, {threads}, {threads}));
    check_cuda(static_cast<cudaError_t>(encode_matrix_map(map, source.device(), rows * blocks * rounds, columns, columns, rows, columns)), what);
    launch(what, {2 * blocks, threads, blocks * rows * columns * sizeof(float), blocks}, multicast<blocks>, map, sums_map, rounds, out.device());
    const std::vector<float> got = out.host(), total = sums.host();
    for (unsigned thread = 0; thread < threads; thread++) {
        float sum = 0;
        for (size_t i = thread; i < tensor.size(); i += threads) sum += tensor[i];
        for (unsigned block = 0; block < 2 * blocks; block++) expect_near(what, thread, sum, got[block * threads + thread], 0);
        expect_near(what, thread, 2 * blocks * sum, total[thread], 0);
    }
}

// ---- What cuTensorMapEncodeTiled refuses

void test_refused() {
    Buffer<float> tensor(1024);
    const TensorMapShape good = packed(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, {32, 32}, {16, 8}, CU_TENSOR_MAP_SWIZZLE_64B);
    size_t number = 0;
    const auto expect_refused = [&](const TensorMapShape &shape, size_t offset = 0) {
        CUtensorMap map;
        const int32_t got = encode_tensor_map(map, reinterpret_cast<const char *>(tensor.device()) + offset, shape);
        expect_equal("refused", number++, cudaErrorInvalidValue, got);
    };
    void *function = &number;
    cudaDriverEntryPointQueryResult found;
    check_cuda(cudaGetDriverEntryPointByVersion("cuNoSuchFunction", &function, 12000, cudaEnableDefault, &found), "an unknown function");
    expect_equal("an unknown function is not found", 0, cudaDriverEntryPointSymbolNotFound, found);
    expect_equal("an unknown function has no address", 0, 0, reinterpret_cast<uintptr_t>(function));
    CUtensorMap map;
    expect_equal("accepted", 0, 0, encode_tensor_map(map, tensor.device(), good));
    expect_refused(good, 8);
    TensorMapShape bad = good;
    bad.rank = 0, expect_refused(bad);
    bad.rank = 6, expect_refused(bad), bad = good;
    bad.sizes[1] = 0, expect_refused(bad);
    bad.sizes[1] = (uint64_t{1} << 32) + 1, expect_refused(bad), bad = good;
    bad.strides[0] = 136, expect_refused(bad);
    bad.strides[0] = uint64_t{1} << 40, expect_refused(bad), bad = good;
    bad.box[1] = 0, expect_refused(bad);
    bad.box[1] = 257, expect_refused(bad), bad = good;
    bad.box[0] = 6, expect_refused(bad); // 24 bytes
    bad.box[0] = 32, expect_refused(bad), bad = good; // 128 bytes for a swizzle of 64
    bad.element_strides[1] = 0, expect_refused(bad);
    bad.element_strides[1] = 9, expect_refused(bad), bad = good;
    bad.type = CU_TENSOR_MAP_DATA_TYPE_UINT32, bad.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA, expect_refused(bad);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    if (device_capability() < 90) {
        std::printf("tma: skipped, needs compute capability 9.0\n");
        return 0;
    }
    Random random(6);
    test_loads(random);
    test_nan<float>("NaN f32", CU_TENSOR_MAP_DATA_TYPE_FLOAT32);
    test_nan<__half>("NaN f16", CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
    test_nan<__nv_bfloat16>("NaN bf16", CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
    test_nan<double>("NaN f64", CU_TENSOR_MAP_DATA_TYPE_FLOAT64);
    test_stores(random);
    test_multicast<1>("multicast in a cluster of 1", random);
    test_multicast<2>("multicast in a cluster of 2", random);
    test_multicast<4>("multicast in a cluster of 4", random);
    test_refused();
    return finish("tma");
}
