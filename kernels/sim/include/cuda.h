// The driver API is not simulated. Programs for the runtime API include this file, too, for the version.
#pragma once

#include "cuda_runtime_api.h"

#define CUDA_VERSION CUDART_VERSION
