// What every kernel file begins with: the namespace of this build, and the headers that all kernels share.
//
// The sources are compiled twice, by nvcc for a GPU and by the host's C++ compiler for the simulated one, and one program may
// link both: so they lie in two namespaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "../include/warpweave.h"

#ifdef WW_SIM
#define WW_NAMESPACE warpweave_sim
#else
#define WW_NAMESPACE warpweave_cuda
#endif
