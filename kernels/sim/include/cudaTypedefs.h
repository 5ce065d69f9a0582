// The types of the driver API's functions, for what cudaGetDriverEntryPointByVersion gives.
#pragma once

#include "cuda.h"

namespace wwsim {
inline namespace api {

using PFN_cuTensorMapEncodeTiled_v12000 = decltype(&cuTensorMapEncodeTiled);
using PFN_cuTensorMapEncodeTiled = PFN_cuTensorMapEncodeTiled_v12000;
using PFN_cuGetErrorName_v6000 = decltype(&cuGetErrorName);
using PFN_cuGetErrorName = PFN_cuGetErrorName_v6000;
using PFN_cuGetErrorString_v6000 = decltype(&cuGetErrorString);
using PFN_cuGetErrorString = PFN_cuGetErrorString_v6000;

} // namespace api
} // namespace wwsim
