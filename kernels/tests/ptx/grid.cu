// arch: 90
// griddepcontrol: grids of which the next may begin before the last has ended.
#include "../../common/ptx/grid.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr unsigned threads = 64, blocks = 5;

// Each grid adds its number to what the one before has left, 10 times that.
__global__ void step(uint32_t *values, uint32_t number) {
    launch_dependents();
    wait_for_dependencies();
    uint32_t &value = values[blockIdx.x * threads + threadIdx.x];
    value = value * 10 + number;
}

void test(bool overlapping) {
    Buffer<uint32_t> values(std::vector<uint32_t>(blocks * threads));
    cudaStream_t stream;
    check_cuda(cudaStreamCreate(&stream), "cudaStreamCreate");
    cudaLaunchAttribute attribute;
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    const cudaLaunchConfig_t config = {blocks, threads, 0, stream, &attribute, overlapping ? 1u : 0u};
    for (uint32_t number = 1; number <= 4; number++)
        check_cuda(cudaLaunchKernelEx(&config, step, values.device(), number), "cudaLaunchKernelEx");
    check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    check_cuda(cudaStreamDestroy(stream), "cudaStreamDestroy");
    const std::vector<uint32_t> got = values.host();
    for (size_t i = 0; i < got.size(); i++) expect_equal(overlapping ? "overlapping" : "plain", i, 1234, got[i]);
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    test(false);
    test(true);
    return finish("grid");
}
