// Global loads and stores: every width moves its bytes, and no others.
#include "../../common/ptx/memory.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

template <size_t size> struct Bytes {
    unsigned char byte[size];
};

// Bits that no conversion of numbers may touch go through as bytes; the last 16 bytes also as a type of 2-byte alignment.
template <typename T> __global__ void copy_each_way(const T *from, T *to, int count) {
    const int i = static_cast<int>(threadIdx.x);
    if (i % 2 == 1) return; // the neighbors stay as they were
    store(&to[i], load(&from[i]));
    store(&to[count + i], load_l2(&from[i]));
    store(&to[2 * count + i], load_once(&from[i]));
    store_streaming(&to[3 * count + i], load(&from[i]));
}

template <typename T> void test(const char *what, Random &random) {
    const int count = 64;
    std::vector<T> from(count), to(4 * count), expected;
    for (std::vector<T> *values : {&from, &to})
        for (T &value : *values)
            for (size_t i = 0; i < sizeof(T); i++) reinterpret_cast<unsigned char *>(&value)[i] = static_cast<unsigned char>(random.bits());
    expected = to;
    for (int way = 0; way < 4; way++)
        for (int i = 0; i < count; i += 2) std::memcpy(&expected[way * count + i], &from[i], sizeof(T));
    Buffer<T> source(from), target(to);
    launch(what, {1, count}, copy_each_way<T>, source.device(), target.device(), count);
    expect_bytes(what, expected, target.host());
}

struct EightHalves {
    __half value[8];
};

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(1);
    test<Bytes<1>>("1 byte", random);
    test<Bytes<2>>("2 bytes", random);
    test<Bytes<4>>("4 bytes", random);
    test<Bytes<8>>("8 bytes", random);
    test<Bytes<16>>("16 bytes", random);
    test<EightHalves>("8 halves", random);
    return finish("memory");
}
