// The device: its sheet, and the calls about it as a whole.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "../include/cuda_runtime_api.h"
#include "call.h"
#include "limits.h"
#include "memory.h"

namespace wwsim {
namespace {

// NVIDIA's data sheets and CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
constexpr Limits h100{"warpweave simulated GPU", 132, 228 << 10, 227 << 10, 2048, 32, 50 << 20, 1980000, 2619000, 5120, true};
constexpr Limits a100{"warpweave simulated GPU", 108, 164 << 10, 163 << 10, 2048, 32, 40 << 20, 1410000, 1215000, 5120, false};
constexpr Limits a10{"warpweave simulated GPU", 72, 100 << 10, 99 << 10, 1536, 16, 6 << 20, 1695000, 6251000, 384, false};

constexpr size_t pitch_limit = 2147483647;
constexpr size_t constant_bytes = 64 << 10;

// The GPU of a stand-alone program is device 0, and the only one that cudaSetDevice knows.
cudaError_t check_device(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

// A stream of sim.h says that its device has the number of its compute capability: so whoever asks for the attributes of a stream's device gets the right ones.
cudaError_t capability_of(int device, int *compute_capability) {
    *compute_capability = device == 0 ? standalone_gpu().options.compute_capability : device;
    return device == 0 || is_known(device) ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaDeviceProp sheet(int compute_capability) {
    const Limits &limits = limits_of(compute_capability);
    cudaDeviceProp p{};
    std::strncpy(p.name, limits.name, sizeof p.name - 1);
    p.totalGlobalMem = device_memory_bytes;
    p.sharedMemPerBlock = default_shared_bytes;
    p.regsPerBlock = p.regsPerMultiprocessor = registers;
    p.warpSize = warp_size;
    p.memPitch = pitch_limit;
    p.maxThreadsPerBlock = block_threads;
    const int blocks[3] = {int(block_limit.x), int(block_limit.y), int(block_limit.z)};
    const int grids[3] = {int(grid_limit.x), int(grid_limit.y), int(grid_limit.z)};
    std::copy(blocks, blocks + 3, p.maxThreadsDim);
    std::copy(grids, grids + 3, p.maxGridSize);
    p.clockRate = limits.clock_khz;
    p.memoryClockRate = limits.memory_clock_khz;
    p.deviceOverlap = 1;
    p.computeMode = cudaComputeModeDefault;
    p.totalConstMem = constant_bytes;
    p.major = compute_capability / 10;
    p.minor = compute_capability % 10;
    p.textureAlignment = 512;
    p.texturePitchAlignment = 32;
    p.multiProcessorCount = limits.multiprocessors;
    p.canMapHostMemory = 1;
    p.concurrentKernels = 1;
    p.ECCEnabled = 1;
    p.asyncEngineCount = 3;
    p.unifiedAddressing = 1;
    p.memoryBusWidth = limits.memory_bus_bits;
    p.l2CacheSize = limits.l2_bytes;
    p.maxThreadsPerMultiProcessor = limits.multiprocessor_threads;
    p.streamPrioritiesSupported = 1;
    p.globalL1CacheSupported = p.localL1CacheSupported = 1;
    p.sharedMemPerMultiprocessor = limits.shared_bytes;
    p.managedMemory = 1;
    p.concurrentManagedAccess = 1;
    p.computePreemptionSupported = 1;
    p.canUseHostPointerForRegisteredMem = 1;
    p.cooperativeLaunch = 1;
    p.sharedMemPerBlockOptin = limits.opt_in_shared_bytes;
    p.maxBlocksPerMultiProcessor = limits.multiprocessor_blocks;
    p.reservedSharedMemPerBlock = reserved_shared_bytes;
    p.hostRegisterSupported = 1;
    p.memoryPoolsSupported = 1;
    p.clusterLaunch = limits.clusters;
    return p;
}

bool attribute_of(const cudaDeviceProp &p, cudaDeviceAttr attribute, int *value) {
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; return true;
    case cudaDevAttrMaxBlockDimX: *value = p.maxThreadsDim[0]; return true;
    case cudaDevAttrMaxBlockDimY: *value = p.maxThreadsDim[1]; return true;
    case cudaDevAttrMaxBlockDimZ: *value = p.maxThreadsDim[2]; return true;
    case cudaDevAttrMaxGridDimX: *value = p.maxGridSize[0]; return true;
    case cudaDevAttrMaxGridDimY: *value = p.maxGridSize[1]; return true;
    case cudaDevAttrMaxGridDimZ: *value = p.maxGridSize[2]; return true;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = int(p.sharedMemPerBlock); return true;
    case cudaDevAttrTotalConstantMemory: *value = int(p.totalConstMem); return true;
    case cudaDevAttrWarpSize: *value = p.warpSize; return true;
    case cudaDevAttrMaxPitch: *value = int(p.memPitch); return true;
    case cudaDevAttrMaxRegistersPerBlock: *value = p.regsPerBlock; return true;
    case cudaDevAttrClockRate: *value = p.clockRate; return true;
    case cudaDevAttrTextureAlignment: *value = int(p.textureAlignment); return true;
    case cudaDevAttrGpuOverlap: *value = p.deviceOverlap; return true;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; return true;
    case cudaDevAttrKernelExecTimeout: *value = p.kernelExecTimeoutEnabled; return true;
    case cudaDevAttrIntegrated: *value = p.integrated; return true;
    case cudaDevAttrCanMapHostMemory: *value = p.canMapHostMemory; return true;
    case cudaDevAttrComputeMode: *value = p.computeMode; return true;
    case cudaDevAttrConcurrentKernels: *value = p.concurrentKernels; return true;
    case cudaDevAttrEccEnabled: *value = p.ECCEnabled; return true;
    case cudaDevAttrPciBusId: *value = p.pciBusID; return true;
    case cudaDevAttrPciDeviceId: *value = p.pciDeviceID; return true;
    case cudaDevAttrTccDriver: *value = p.tccDriver; return true;
    case cudaDevAttrMemoryClockRate: *value = p.memoryClockRate; return true;
    case cudaDevAttrGlobalMemoryBusWidth: *value = p.memoryBusWidth; return true;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; return true;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; return true;
    case cudaDevAttrAsyncEngineCount: *value = p.asyncEngineCount; return true;
    case cudaDevAttrUnifiedAddressing: *value = p.unifiedAddressing; return true;
    case cudaDevAttrPciDomainId: *value = p.pciDomainID; return true;
    case cudaDevAttrTexturePitchAlignment: *value = int(p.texturePitchAlignment); return true;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; return true;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; return true;
    case cudaDevAttrStreamPrioritiesSupported: *value = p.streamPrioritiesSupported; return true;
    case cudaDevAttrGlobalL1CacheSupported: *value = p.globalL1CacheSupported; return true;
    case cudaDevAttrLocalL1CacheSupported: *value = p.localL1CacheSupported; return true;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = int(p.sharedMemPerMultiprocessor); return true;
    case cudaDevAttrMaxRegistersPerMultiprocessor: *value = p.regsPerMultiprocessor; return true;
    case cudaDevAttrManagedMemory: *value = p.managedMemory; return true;
    case cudaDevAttrIsMultiGpuBoard: *value = p.isMultiGpuBoard; return true;
    case cudaDevAttrMultiGpuBoardGroupID: *value = p.multiGpuBoardGroupID; return true;
    case cudaDevAttrHostNativeAtomicSupported: *value = p.hostNativeAtomicSupported; return true;
    case cudaDevAttrPageableMemoryAccess: *value = p.pageableMemoryAccess; return true;
    case cudaDevAttrConcurrentManagedAccess: *value = p.concurrentManagedAccess; return true;
    case cudaDevAttrComputePreemptionSupported: *value = p.computePreemptionSupported; return true;
    case cudaDevAttrCanUseHostPointerForRegisteredMem: *value = p.canUseHostPointerForRegisteredMem; return true;
    case cudaDevAttrCooperativeLaunch: *value = p.cooperativeLaunch; return true;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(p.sharedMemPerBlockOptin); return true;
    case cudaDevAttrHostRegisterSupported: *value = p.hostRegisterSupported; return true;
    case cudaDevAttrPageableMemoryAccessUsesHostPageTables: *value = p.pageableMemoryAccessUsesHostPageTables; return true;
    case cudaDevAttrDirectManagedMemAccessFromHost: *value = p.directManagedMemAccessFromHost; return true;
    case cudaDevAttrMaxBlocksPerMultiprocessor: *value = p.maxBlocksPerMultiProcessor; return true;
    case cudaDevAttrMaxPersistingL2CacheSize: *value = p.persistingL2CacheMaxSize; return true;
    case cudaDevAttrMaxAccessPolicyWindowSize: *value = p.accessPolicyMaxWindowSize; return true;
    case cudaDevAttrReservedSharedMemoryPerBlock: *value = int(p.reservedSharedMemPerBlock); return true;
    case cudaDevAttrMemoryPoolsSupported: *value = p.memoryPoolsSupported; return true;
    case cudaDevAttrClusterLaunch: *value = p.clusterLaunch; return true;
    }
    return false;
}

// Limits but for the stack's, which is the scheduler's: kept and told, and nothing depends on them.
std::atomic<size_t> printf_bytes{1 << 20}, heap_bytes{8 << 20}, l2_fetch_bytes{64};

std::atomic<size_t> *other_limit(cudaLimit limit) {
    switch (limit) {
    case cudaLimitPrintfFifoSize: return &printf_bytes;
    case cudaLimitMallocHeapSize: return &heap_bytes;
    case cudaLimitMaxL2FetchGranularity: return &l2_fetch_bytes;
    default: return nullptr;
    }
}

} // namespace

int Limits::blocks_per_multiprocessor(uint64_t threads, size_t dynamic_shared) const {
    uint64_t warps = (threads + warp_size - 1) / warp_size;
    uint64_t by_threads = uint64_t(multiprocessor_threads / warp_size) / warps;
    uint64_t by_shared = uint64_t(shared_bytes) / (dynamic_shared + reserved_shared_bytes);
    return int(std::min({by_threads, by_shared, uint64_t(multiprocessor_blocks)}));
}

bool is_known(int compute_capability) { return compute_capability == 80 || compute_capability == 86 || compute_capability == 90; }

const Limits &limits_of(int compute_capability) {
    return compute_capability == 90 ? h100 : compute_capability == 86 ? a10 : a100;
}

inline namespace api {

cudaError_t cudaGetDeviceCount(int *count) {
    if (!count)
        return remember(cudaErrorInvalidValue);
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    if (!device)
        return remember(cudaErrorInvalidValue);
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return remember(check_device(device)); }
cudaError_t cudaInitDevice(int device, unsigned, unsigned) { return remember(check_device(device)); }
cudaError_t cudaSetDeviceFlags(unsigned) { return cudaSuccess; }

cudaError_t cudaGetDeviceFlags(unsigned *flags) {
    *flags = cudaDeviceScheduleAuto | cudaDeviceMapHost;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
    if (!properties)
        return remember(cudaErrorInvalidValue);
    int compute_capability;
    if (cudaError_t error = capability_of(device, &compute_capability))
        return remember(error);
    *properties = sheet(compute_capability);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
    int compute_capability;
    if (cudaError_t error = capability_of(device, &compute_capability))
        return remember(error);
    bool known = value && attribute_of(sheet(compute_capability), attribute, value);
    return remember(known ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaDeviceSynchronize() {
    return call([](Gpu &gpu) {
        if (cudaError_t error = refuse_any_capture(gpu))
            return error;
        return gpu.finish_all();
    });
}

cudaError_t cudaDeviceReset() {
    if (in_host_function)
        return remember(cudaErrorNotPermitted);
    Gpu &gpu = standalone_gpu();
    std::lock_guard lock(gpu.mutex);
    gpu.finish_all();
    gpu.reset();
    release_all();
    return cudaSuccess;
}

cudaError_t cudaDeviceSetLimit(cudaLimit limit, size_t value) {
    return call([&](Gpu &) {
        if (limit == cudaLimitStackSize)
            set_stack_bytes(std::max(value, stack_bytes())); // a fiber's frames are larger than a GPU thread's: only more is safe
        else if (std::atomic<size_t> *other = other_limit(limit))
            *other = value;
        else
            return cudaErrorUnsupportedLimit;
        return cudaSuccess;
    });
}

cudaError_t cudaDeviceGetLimit(size_t *value, cudaLimit limit) {
    return call([&](Gpu &) {
        if (!value)
            return cudaErrorInvalidValue;
        if (limit == cudaLimitStackSize)
            *value = stack_bytes();
        else if (std::atomic<size_t> *other = other_limit(limit))
            *value = *other;
        else
            return cudaErrorUnsupportedLimit;
        return cudaSuccess;
    });
}

cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache) { return cudaSuccess; }

cudaError_t cudaDeviceGetCacheConfig(cudaFuncCache *config) {
    *config = cudaFuncCachePreferNone;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    if (least)
        *least = 0;
    if (greatest)
        *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) {
    if (!can)
        return remember(cudaErrorInvalidValue);
    *can = 0;
    return remember(device == 0 && peer == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return remember(cudaErrorInvalidDevice); }
cudaError_t cudaDeviceDisablePeerAccess(int peer) {
    return remember(peer == 0 ? cudaErrorPeerAccessNotEnabled : cudaErrorInvalidDevice);
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) { return cudaDriverGetVersion(version); }

cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }

} // namespace api
} // namespace wwsim
