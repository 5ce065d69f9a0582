// The few functions of the driver API: tensor maps, and how their addresses are asked for.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "../include/cuda.h"
#include "../isa/tensor_map.h"
#include "call.h"

namespace wwsim {
namespace {

// Tells why, since the number that is returned doesn't.
CUresult refused(const char *format, ...) __attribute__((format(printf, 1, 2)));
CUresult refused(const char *format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    std::fputs("cuTensorMapEncodeTiled: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
    return CUDA_ERROR_INVALID_VALUE;
}

struct DriverFunction {
    const char *name;
    unsigned since; // the version of CUDA
    void *address;
};
const DriverFunction driver_functions[] = {
    {"cuTensorMapEncodeTiled", 12000, reinterpret_cast<void *>(cuTensorMapEncodeTiled)},
    {"cuGetErrorName", 6000, reinterpret_cast<void *>(cuGetErrorName)},
    {"cuGetErrorString", 6000, reinterpret_cast<void *>(cuGetErrorString)},
};

struct DriverError {
    CUresult error;
    const char *name, *text;
};
constexpr DriverError driver_errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_DEINITIALIZED, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

CUresult describe(CUresult error, const char **text, const char *DriverError::*which) {
    if (!text) return CUDA_ERROR_INVALID_VALUE;
    for (const DriverError &known : driver_errors) {
        if (known.error != error) continue;
        *text = known.*which;
        return CUDA_SUCCESS;
    }
    *text = nullptr;
    return CUDA_ERROR_INVALID_VALUE;
}

} // namespace

inline namespace api {

CUresult cuGetErrorName(CUresult error, const char **name) { return describe(error, name, &DriverError::name); }
CUresult cuGetErrorString(CUresult error, const char **text) { return describe(error, text, &DriverError::text); }

CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address, const cuuint64_t *sizes,
                                const cuuint64_t *strides, const cuuint32_t *box, const cuuint32_t *element_strides,
                                CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2_promotion,
                                CUtensorMapFloatOOBfill fill) {
    if (!map || !sizes || !box || !element_strides) return refused("a pointer is null");
    if (reinterpret_cast<uintptr_t>(map) % 64 != 0) return refused("the map at %p is not a multiple of 64 bytes", static_cast<void *>(map));
    if (rank < 1 || rank > isa::most_tensor_rank) return refused("rank %u: expected 1 to 5", rank);
    if (rank > 1 && !strides) return refused("the strides are null");
    if (type < CU_TENSOR_MAP_DATA_TYPE_UINT8 || type > CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ)
        return refused("data type %d: a GPU of compute capability 9.0 has 0 to 12", type);
    if (interleave != CU_TENSOR_MAP_INTERLEAVE_NONE) return refused("interleave %d: only NONE is simulated", interleave);
    if (swizzle < CU_TENSOR_MAP_SWIZZLE_NONE || swizzle > CU_TENSOR_MAP_SWIZZLE_128B)
        return refused("swizzle %d: a GPU of compute capability 9.0 has 0 to 3", swizzle);
    if (l2_promotion < CU_TENSOR_MAP_L2_PROMOTION_NONE || l2_promotion > CU_TENSOR_MAP_L2_PROMOTION_L2_256B)
        return refused("L2 promotion %d: expected 0 to 3", l2_promotion);

    isa::TensorMap made{};
    made.type = static_cast<isa::ElementType>(type);
    made.rank = static_cast<uint8_t>(rank);
    made.swizzle = static_cast<isa::Swizzle>(swizzle);
    made.address = static_cast<char *>(address);
    const unsigned bytes = isa::bytes_of(made.type);
    if (fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE && fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA)
        return refused("fill %d: expected 0 or 1", fill);
    made.fills_nan = fill == CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
    if (made.fills_nan && !isa::is_float(made.type)) return refused("fill with NaN: the elements are integers");
    if (!address || reinterpret_cast<uintptr_t>(address) % 16 != 0) return refused("address %p: expected a multiple of 16 bytes", address);
    for (unsigned i = 0; i < rank; i++) {
        if (sizes[i] < 1 || sizes[i] > uint64_t{1} << 32)
            return refused("size %llu of dimension %u: expected 1 to 2^32", static_cast<unsigned long long>(sizes[i]), i);
        if (box[i] < 1 || box[i] > 256) return refused("box of %u elements in dimension %u: expected 1 to 256", box[i], i);
        if (element_strides[i] < 1 || element_strides[i] > 8)
            return refused("element stride %u of dimension %u: expected 1 to 8", element_strides[i], i);
        made.sizes[i] = sizes[i];
        made.box[i] = static_cast<uint16_t>(box[i]);
        made.element_strides[i] = static_cast<uint8_t>(element_strides[i]);
    }
    for (unsigned i = 0; i + 1 < rank; i++) {
        if (strides[i] % 16 != 0 || strides[i] >= uint64_t{1} << 40)
            return refused("stride of %llu bytes of dimension %u: expected a multiple of 16 below 2^40",
                           static_cast<unsigned long long>(strides[i]), i + 1);
        made.strides[i] = strides[i];
    }
    const unsigned inner = box[0] * bytes;
    if (inner % 16 != 0) return refused("box of %u bytes in dimension 0: expected a multiple of 16", inner);
    const unsigned span = 16u << swizzle;
    if (swizzle != CU_TENSOR_MAP_SWIZZLE_NONE && inner > span)
        return refused("box of %u bytes in dimension 0: the swizzle takes at most %u", inner, span);
    made.seal = made.expected_seal();
    std::memcpy(map, &made, sizeof made);
    return CUDA_SUCCESS;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **function, unsigned version, unsigned long long flags,
                                             cudaDriverEntryPointQueryResult *result) {
    if (!symbol || !function || flags > cudaEnablePerThreadDefaultStream) return remember(cudaErrorInvalidValue);
    *function = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    for (const DriverFunction &known : driver_functions) {
        if (std::strcmp(known.name, symbol) != 0) continue;
        found = version < known.since ? cudaDriverEntryPointVersionNotSufficent : cudaDriverEntryPointSuccess;
        if (found == cudaDriverEntryPointSuccess) *function = known.address;
    }
    if (result) *result = found;
    return cudaSuccess;
}

cudaError_t cudaGetDriverEntryPoint(const char *symbol, void **function, unsigned long long flags, cudaDriverEntryPointQueryResult *result) {
    return cudaGetDriverEntryPointByVersion(symbol, function, CUDART_VERSION, flags, result);
}

} // namespace api
} // namespace wwsim
