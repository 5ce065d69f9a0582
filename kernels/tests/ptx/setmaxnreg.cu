// arch: 90
// setmaxnreg: registers that one warpgroup gives up for others.
#include "../../common/ptx/barrier.cuh"
#include "../../common/ptx/registers.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr unsigned warpgroup = 128;

// A producer and two consumers, as in a pipelined GEMM: 3 x 168 registers become 40 and 2 x 232. The consumers wait until the producer has
// given up its own; what each thread holds stays what it was.
__global__ void __launch_bounds__(3 * warpgroup, 1) producer_and_consumers(uint32_t *out) {
    uint32_t value = threadIdx.x * 3;
    if (threadIdx.x < warpgroup) {
        set_max_registers_decrease<40>();
        value += 1;
    } else {
        set_max_registers_increase<232>();
        value += 2;
    }
    out[threadIdx.x] = value;
}

// Back and forth: what one warpgroup gives up, the other takes, in turns that barriers order.
__global__ void __launch_bounds__(2 * warpgroup, 1) in_turns(uint32_t *out) {
    const bool first = threadIdx.x < warpgroup;
    if (first) {
        set_max_registers_decrease<24>();
    } else {
        set_max_registers_decrease<104>();
    }
    __syncthreads();
    if (!first) {
        set_max_registers_increase<240>();
        barrier_sync(1, warpgroup);
        set_max_registers_decrease<24>();
    } else {
        set_max_registers_increase<200>();
    }
    __syncthreads();
    out[threadIdx.x] = threadIdx.x;
}

void test(const char *what, unsigned threads, void (*kernel)(uint32_t *), uint32_t (*expected)(uint32_t)) {
    Buffer<uint32_t> out(threads);
    launch(what, {4, threads}, kernel, out.device());
    const std::vector<uint32_t> got = out.host();
    for (uint32_t i = 0; i < threads; i++) expect_equal(what, i, expected(i), got[i]);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    test("producer and consumers", 3 * warpgroup, producer_and_consumers, [](uint32_t i) { return 3 * i + (i < warpgroup ? 1 : 2); });
    test("in turns", 2 * warpgroup, in_turns, [](uint32_t i) { return i; });
    return finish("setmaxnreg");
}
