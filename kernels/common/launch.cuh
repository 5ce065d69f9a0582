// Launching a kernel, with a cluster and dynamic shared memory where it wants them, and asking what the device can do.
#pragma once

#include "config.cuh"

namespace WW_NAMESPACE {

struct LaunchShape {
    dim3 grid, block;
    size_t shared_bytes = 0; // dynamic
    unsigned cluster = 1;    // blocks along x that run together; grid.x is a multiple of it
};

// Enqueues a kernel: 0 or a `cudaError_t`, as launchers return it.
template <typename... Parameters, typename... Arguments>
int32_t launch(void (*kernel)(Parameters...), const LaunchShape &shape, ww_stream stream, const Arguments &...arguments) {
    // What a kernel may have without asking.
    constexpr size_t static_limit = 48 * 1024;
    if (shape.shared_bytes > static_limit) {
        const cudaError_t status =
            cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shape.shared_bytes));
        if (status != cudaSuccess) return status;
    }
    cudaLaunchConfig_t config = {};
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = static_cast<cudaStream_t>(stream);
    cudaLaunchAttribute cluster = {};
    if (shape.cluster > 1) {
        cluster.id = cudaLaunchAttributeClusterDimension;
        cluster.val.clusterDim.x = shape.cluster;
        cluster.val.clusterDim.y = 1;
        cluster.val.clusterDim.z = 1;
        config.attrs = &cluster;
        config.numAttrs = 1;
    }
    return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

// An attribute of the stream's device.
inline int32_t device_attribute(ww_stream stream, cudaDeviceAttr attribute, int &value) {
    int device = 0;
    const cudaError_t status = cudaStreamGetDevice(static_cast<cudaStream_t>(stream), &device);
    return status != cudaSuccess ? status : cudaDeviceGetAttribute(&value, attribute, device);
}

// Whether blocks can form clusters there: from sm_90 on.
inline int32_t has_clusters(ww_stream stream, bool &answer) {
    int supported = 0;
    const int32_t status = device_attribute(stream, cudaDevAttrClusterLaunch, supported);
    answer = supported != 0;
    return status;
}

} // namespace WW_NAMESPACE
