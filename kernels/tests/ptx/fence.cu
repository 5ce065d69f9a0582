// Acquire, release and fences: what one thread wrote is there for those that it told.
#include "../../common/ptx/fence.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int threads = 64, blocks = 16;

// Block 0 fills `data`, then says so; block 1 waits for that, and reads. The blocks must be resident together.
template <typename T, Scope scope> __global__ void pass_message(uint32_t *data, T *flag, uint32_t *received) {
    const unsigned thread = threadIdx.x;
    if (blockIdx.x == 0) {
        data[thread] = 3 * thread + 1;
        __syncthreads();
        if (thread == 0) store_release<scope>(flag, static_cast<T>(-1));
    } else {
        if (thread == 0)
            while (load_acquire<scope>(flag) != static_cast<T>(-1)) {
            }
        __syncthreads();
        received[thread] = data[thread];
    }
}

// The same between two warps of a block, through shared memory, with a fence around a relaxed flag.
__global__ void pass_message_in_block(uint32_t *received) {
    __shared__ uint32_t data[32];
    __shared__ uint32_t flag;
    const unsigned thread = threadIdx.x;
    if (thread == 0) flag = 0;
    __syncthreads();
    if (thread < 32) {
        data[thread] = 5 * thread + 2;
        __syncwarp();
        fence<Scope::cta>();
        if (thread == 0) store_release<Scope::cta>(&flag, 1u);
    } else {
        while (load_acquire<Scope::cta>(&flag) == 0) {
        }
        received[thread - 32] = data[thread - 32];
    }
}

// Every block writes its part and counts; the one that counts last adds up all of them. No block waits for another.
__global__ void last_block_adds(uint32_t *parts, uint32_t *counter, uint32_t *sum) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = blockIdx.x * blockIdx.x + 1;
        last = fetch_add(counter, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last || threadIdx.x != 0) return;
    uint32_t total = 0;
    for (unsigned block = 0; block < gridDim.x; block++) total += parts[block];
    *sum = total;
}

// Each thread adds, without and with the result; the results are all different.
template <typename T, Scope scope> __global__ void count(T *counters, T *before) {
    const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    add_release<scope>(&counters[0], static_cast<T>(thread));
    before[thread] = fetch_add<scope>(&counters[1], static_cast<T>(2));
    fence<scope>();
}

template <typename T, Scope scope> void test_message(const char *what) {
    Buffer<uint32_t> data(threads), received(threads);
    Buffer<T> flag(1);
    const Shape shape = {2, threads, 0, 1, true};
    launch(what, shape, pass_message<T, scope>, data.device(), flag.device(), received.device());
    const std::vector<uint32_t> got = received.host();
    for (unsigned i = 0; i < threads; i++) expect_equal(what, i, 3 * i + 1, got[i]);
    expect_equal(what, 0, static_cast<T>(-1), flag.host()[0]);
}

template <typename T, Scope scope> void test_count(const char *what, T start) {
    Buffer<T> counters(std::vector<T>{start, start}), before(blocks * threads);
    launch(what, {blocks, threads}, count<T, scope>, counters.device(), before.device());
    const T n = blocks * threads;
    expect_equal(what, 0, static_cast<T>(start + n * (n - 1) / 2), counters.host()[0]);
    expect_equal(what, 1, static_cast<T>(start + 2 * n), counters.host()[1]);
    std::vector<int> seen(n);
    for (T value : before.host()) {
        const T index = static_cast<T>(value - start) / 2;
        if (index < n) seen[index]++;
    }
    for (T i = 0; i < n; i++) expect_equal(what, i, 1, seen[i]);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    test_message<uint32_t, Scope::gpu>("flag of 32 bits");
    test_message<uint64_t, Scope::sys>("flag of 64 bits");

    Buffer<uint32_t> received(32);
    launch("flag in shared memory", {1, 64}, pass_message_in_block, received.device());
    const std::vector<uint32_t> got = received.host();
    for (unsigned i = 0; i < 32; i++) expect_equal("flag in shared memory", i, 5 * i + 2, got[i]);

    Buffer<uint32_t> parts(blocks), counter(1), sum(1);
    launch("last block", {blocks, 32}, last_block_adds, parts.device(), counter.device(), sum.device());
    expect_equal("last block", 0, (blocks - 1) * blocks * (2 * blocks - 1) / 6 + blocks, sum.host()[0]);

    test_count<uint32_t, Scope::gpu>("count of 32 bits", 0xfffffff0u); // wraps around
    test_count<uint64_t, Scope::gpu>("count of 64 bits", 0xfffffff0u); // does not
    test_count<uint32_t, Scope::sys>("count of 32 bits, system", 1);
    test_count<uint64_t, Scope::sys>("count of 64 bits, system", 1);
    return finish("fence");
}
