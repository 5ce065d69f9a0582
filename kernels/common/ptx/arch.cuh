// Which GPU a launcher launches on. Host code.
#pragma once

#include "../config.cuh"

namespace WW_NAMESPACE {

// The compute capability of the stream's device, major * 10 + minor: 80, 90. 0 where the runtime can't tell, and then the launch
// that follows says why. A stream is used with its own device current, as launches are.
inline int compute_capability(cudaStream_t stream) {
#ifdef WW_SIM
    return wwsim::compute_capability_of(stream);
#else
    (void)stream;
    int device = 0, major = 0, minor = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess ||
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) != cudaSuccess)
        return 0;
    return major * 10 + minor;
#endif
}

} // namespace WW_NAMESPACE
