// Tensor maps, on the host: which tensor in global memory the instructions of ptx/tma.cuh see, and which box of it one of them moves.
#pragma once

#include <cuda.h>

#include "config.cuh"

namespace WW_NAMESPACE {

// Dimension 0 is the one whose elements are neighbors.
struct TensorMapShape {
    CUtensorMapDataType type;
    unsigned rank;                       // 1 to 5
    uint64_t sizes[5] = {};              // elements
    uint64_t strides[4] = {};            // bytes, of dimensions 1 and up: multiples of 16
    uint32_t box[5] = {};                // elements: 1 to 256 each; of dimension 0 a multiple of 16 bytes
    uint32_t element_strides[5] = {1, 1, 1, 1, 1};
    CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
    CUtensorMapL2promotion l2_promotion = CU_TENSOR_MAP_L2_PROMOTION_L2_128B;
    CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
};

template <typename T> constexpr CUtensorMapDataType tensor_map_type() {
    if constexpr (std::is_same_v<T, float>)
        return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
    else if constexpr (std::is_same_v<T, double>)
        return CU_TENSOR_MAP_DATA_TYPE_FLOAT64;
    else if constexpr (std::is_same_v<T, __nv_bfloat16>)
        return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    else if constexpr (std::is_same_v<T, __half>)
        return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    else if constexpr (std::is_same_v<T, uint8_t>)
        return CU_TENSOR_MAP_DATA_TYPE_UINT8;
    else if constexpr (std::is_same_v<T, uint16_t>)
        return CU_TENSOR_MAP_DATA_TYPE_UINT16;
    else if constexpr (std::is_same_v<T, uint32_t>)
        return CU_TENSOR_MAP_DATA_TYPE_UINT32;
    else if constexpr (std::is_same_v<T, int32_t>)
        return CU_TENSOR_MAP_DATA_TYPE_INT32;
    else if constexpr (std::is_same_v<T, uint64_t>)
        return CU_TENSOR_MAP_DATA_TYPE_UINT64;
    else {
        static_assert(std::is_same_v<T, int64_t>, "a type that tensor maps know");
        return CU_TENSOR_MAP_DATA_TYPE_INT64;
    }
}

// Returns 0, or a `cudaError_t`. The driver's function is asked for, so that nothing links with the driver.
inline int32_t encode_tensor_map(CUtensorMap &map, const void *global, const TensorMapShape &shape) {
    using Encode = decltype(&cuTensorMapEncodeTiled);
    void *function = nullptr;
    cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
    const cudaError_t asked = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found);
#else
    const cudaError_t asked = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found);
#endif
    if (asked != cudaSuccess) return asked;
    if (found != cudaDriverEntryPointSuccess) return cudaErrorNotSupported;
    const CUresult encoded = reinterpret_cast<Encode>(function)(
        &map, shape.type, shape.rank, const_cast<void *>(global), shape.sizes, shape.strides, shape.box, shape.element_strides,
        CU_TENSOR_MAP_INTERLEAVE_NONE, shape.swizzle, shape.l2_promotion, shape.fill);
    return encoded == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

// Of a row-major matrix [rows, columns] with `stride` elements from row to row, moved in boxes [box_rows, box_columns]. Coordinates
// are (column, row).
template <typename T>
int32_t encode_matrix_map(CUtensorMap &map, const T *matrix, uint64_t rows, uint64_t columns, uint64_t stride, uint32_t box_rows,
                          uint32_t box_columns, CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE) {
    TensorMapShape shape{tensor_map_type<T>(), 2};
    shape.sizes[0] = columns;
    shape.sizes[1] = rows;
    shape.strides[0] = stride * sizeof(T);
    shape.box[0] = box_columns;
    shape.box[1] = box_rows;
    shape.swizzle = swizzle;
    return encode_tensor_map(map, matrix, shape);
}

} // namespace WW_NAMESPACE
