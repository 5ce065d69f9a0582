// The block's shared memory: PTX ISA, State Spaces, Shared State Space.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/exec/device.h"
#endif

namespace WW_NAMESPACE {

// The block's dynamic shared memory, of the size that the launch asked for; 1024-byte aligned, as the widest swizzle needs.
template <typename T> __device__ __forceinline__ T *dynamic_shared() {
#ifdef WW_SIM
    return reinterpret_cast<T *>(wwsim::block().dynamic_shared);
#else
    extern __shared__ __align__(1024) unsigned char ww_dynamic_shared[];
    return reinterpret_cast<T *>(ww_dynamic_shared);
#endif
}

// cvta.to.shared: the address in the shared window that instructions with .shared operands take. Only the wrappers of this
// folder call it: kernels hold pointers.
__device__ __forceinline__ uint32_t shared_address(const void *pointer) {
#ifdef WW_SIM
    return wwsim::shared_address(pointer);
#else
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
#endif
}

} // namespace WW_NAMESPACE
