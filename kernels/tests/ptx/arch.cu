// compute_capability is the device's.
#include "../../common/ptx/arch.cuh"

#include "check.cuh"

int main() {
    using namespace WW_NAMESPACE;
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    cudaStream_t stream;
    check_cuda(cudaStreamCreate(&stream), "cudaStreamCreate");
    expect_equal("compute_capability", 0, properties.major * 10 + properties.minor, compute_capability(stream));
    check_cuda(cudaStreamDestroy(stream), "cudaStreamDestroy");
    return finish("arch");
}
