
#include <cuda/ptx>
#include <mma.h>

#include <cutlass/arch/memory.h>
// Without its hint to fetch 128 bytes into L2.
#undef CUTLASS_ENABLE_L2_PREFETCH
#define CUTLASS_ENABLE_L2_PREFETCH 0
#include <cutlass/arch/memory_sm80.h>

#include <cute/arch/cluster_sm90.hpp>
#include <cute/arch/copy_sm75.hpp>
#include <cute/arch/copy_sm80.hpp>
#include <cute/arch/copy_sm90.hpp>
#include <cute/arch/mma_sm80.hpp>
#include <cutlass/arch/barrier.h>

namespace warpweave_cuda {

template <typename T> __device__ __forceinline__ void put(void *out, const T &value) {
    *static_cast<T *>(out) = value;
}

// Registers that an instruction fills or takes.
template <int n> struct Words {
    uint32_t r[n];
};

