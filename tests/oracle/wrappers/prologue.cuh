
#define CUTE_SM90_EXTENDED_MMA_SHAPES_ENABLED
#define CUTLASS_ENABLE_GDC_FOR_SM90
#include <cuda/ptx>
#include <cuda_pipeline.h>
#include <mma.h>

#include <cute/arch/cluster_sm90.hpp>
#include <cute/arch/copy_sm75.hpp>
#include <cute/arch/copy_sm80.hpp>
#include <cute/arch/copy_sm90.hpp>
#include <cute/arch/copy_sm90_desc.hpp>
#include <cute/arch/copy_sm90_tma.hpp>
#include <cute/arch/mma_sm80.hpp>
#include <cute/arch/mma_sm90.hpp>
#include <cutlass/arch/barrier.h>
#include <cutlass/arch/grid_dependency_control.h>
#include <cutlass/arch/memory_sm80.h>
#include <cutlass/arch/reg_reconfig.h>

namespace warpweave_cuda {

template <typename T> __device__ __forceinline__ void put(void *out, const T &value) {
    *static_cast<T *>(out) = value;
}

// Registers that an instruction fills or takes.
template <int n> struct Words {
    uint32_t r[n];
};

// Accumulators, which an instruction reads and writes.
template <typename T, int n> struct Sums {
    T r[n];

    __device__ __forceinline__ explicit Sums(const T *values) {
        for (int i = 0; i < n; i++) r[i] = values[i];
    }
    __device__ __forceinline__ void put(T *values) const {
        for (int i = 0; i < n; i++) values[i] = r[i];
    }
};

