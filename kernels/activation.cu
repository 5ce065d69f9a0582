// Activations, gated linear units and the gradient of a bias. The contracts are in include/warpweave.h.
//
//   activation            y = f(x + bias),   dx = dy * f'(x + bias)
//   gated linear unit     y = f(gate) * up with x + bias = gate | up,   dx = dy * up * f'(gate) | dy * f(gate)
//   gradient of a bias    dbias = beta * dbias + sum over rows of dx, or of a dy that is given
//
// What it costs. Bytes, with elements of e: 2 e for each forward and 3 e backward; 3 e and 5 e for each of y of a gated unit; e for
// the gradient of a bias alone. Operations for each element: ReLU 5, SiLU and GELU's tanh form 20 forward and 25 backward, GELU with
// the error function 35 and 40, in f32 throughout (activation/functions.cuh); 2 of them are on the special function unit. At
// the pace of its memory an H100 has time for 35 instructions for a 16-bit element that is read and written, and for 50 where
// two are read. So memory bounds all of it, the exact GELU in 16 bits only just.
//
// How the work is split. Without a gradient of the bias, elements stand alone: threads visit them as they lie in memory
// (common/elementwise.cuh), 64 bytes of operands or more in flight in each. With one, dx and its column sums are made in the same pass: a
// block has a strip of columns of some hundred rows, and a second kernel adds up what the blocks leave (common/column_sums.cuh).
//
// Instantiations: 7 kernels for each of three types, and 1 for the last sums: 22. Which activation, whether there is a bias, its
// type and the alignment are branches that all threads take alike.
#include "activation/functions.cuh"
#include "common/column_sums.cuh"
#include "common/elementwise.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

// Vectors that a thread loads of each operand before it computes: for one operand, two and three.
constexpr int forward_vectors = 4, backward_vectors = 2, gated_vectors = 2, gated_backward_vectors = 2;
// The same of column sums, where one row's vector comes after the other.
constexpr int sum_vectors = 8, backward_sum_vectors = 4, gated_sum_vectors = 2;

// x += the bias there. `where` is a `Place`, or a slice of a row and the number of a vector.
template <int width, typename... Where>
__device__ __forceinline__ void add_bias(float (&x)[width], const void *bias, ww_dtype dtype, const Where &...where) {
    if (bias == nullptr) return;
    float b[width];
    load_weights(b, bias, dtype, where...);
#pragma unroll
    for (int e = 0; e < width; ++e) x[e] += b[e];
}

// [columns] of a bias of 2 * columns: those of the gate, or behind them those of `up`.
__device__ __forceinline__ const void *bias_of_up(const void *bias, ww_dtype dtype, int64_t columns) {
    return bias == nullptr ? nullptr : static_cast<const char *>(bias) + columns * (dtype == WW_F32 ? 4 : 2);
}

// grad = dx, from dy.
template <int width> __device__ __forceinline__ void differentiate(float (&grad)[width], const float (&x)[width], int32_t kind) {
    with_activation(kind, [&](auto f) {
#pragma unroll
        for (int e = 0; e < width; ++e) grad[e] *= f.at(x[e]).slope;
    });
}

// gate, up = dx, from these and dy.
template <int width>
__device__ __forceinline__ void differentiate_gated(float (&gate)[width], float (&up)[width], const float (&dy)[width], int32_t kind) {
    with_activation(kind, [&](auto f) {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            const Activated activated = f.at(gate[e]);
            gate[e] = dy[e] * up[e] * activated.slope;
            up[e] = dy[e] * activated.value;
        }
    });
}

// ---- Element by element

template <typename T>
__global__ void __launch_bounds__(element_threads) activation_forward(const ww_activation_params p, const ElementPlan plan) {
    constexpr int width = Pack<T>::width, count = forward_vectors;
    Place at[count];
    find_places<width>(at, plan);
    Pack<T> x[count];
    load_places(x, static_cast<const T *>(p.x), p.x_strides, at);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float y[width];
        x[k].widen(y);
        add_bias(y, p.bias, p.bias_dtype, at[k]);
        with_activation(p.kind, [&](auto f) {
#pragma unroll
            for (int e = 0; e < width; ++e) y[e] = f.at(y[e]).value;
        });
        store_place(Pack<T>::round(y), static_cast<T *>(p.y), p.y_strides, at[k]);
    }
}

template <typename T>
__global__ void __launch_bounds__(element_threads)
    activation_backward(const ww_activation_backward_params p, const ElementPlan plan) {
    constexpr int width = Pack<T>::width, count = backward_vectors;
    Place at[count];
    find_places<width>(at, plan);
    Pack<T> x[count], dy[count];
    load_places(x, static_cast<const T *>(p.x), p.x_strides, at);
    load_places<Reads::in_place>(dy, static_cast<const T *>(p.dy), p.dy_strides, at);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float input[width], grad[width];
        x[k].widen(input);
        dy[k].widen(grad);
        add_bias(input, p.bias, p.bias_dtype, at[k]);
        differentiate(grad, input, p.kind);
        store_place(Pack<T>::round(grad), static_cast<T *>(p.dx), p.dx_strides, at[k]);
    }
}

template <typename T>
__global__ void __launch_bounds__(element_threads) glu_forward(const ww_glu_params p, const ElementPlan plan) {
    constexpr int width = Pack<T>::width, count = gated_vectors;
    const int64_t x_strides[3] = {0, 0, p.x_stride}, y_strides[3] = {0, 0, p.y_stride};
    Place at[count];
    find_places<width>(at, plan);
    Pack<T> gates[count], ups[count];
    load_places(gates, static_cast<const T *>(p.x), x_strides, at);
    load_places(ups, static_cast<const T *>(p.x) + p.columns, x_strides, at);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float gate[width], up[width];
        gates[k].widen(gate);
        ups[k].widen(up);
        add_bias(gate, p.bias, p.bias_dtype, at[k]);
        add_bias(up, bias_of_up(p.bias, p.bias_dtype, p.columns), p.bias_dtype, at[k]);
        with_activation(p.kind, [&](auto f) {
#pragma unroll
            for (int e = 0; e < width; ++e) gate[e] = f.at(gate[e]).value * up[e];
        });
        store_place(Pack<T>::round(gate), static_cast<T *>(p.y), y_strides, at[k]);
    }
}

template <typename T>
__global__ void __launch_bounds__(element_threads) glu_backward(const ww_glu_backward_params p, const ElementPlan plan) {
    constexpr int width = Pack<T>::width, count = gated_backward_vectors;
    const int64_t x_strides[3] = {0, 0, p.x_stride}, dy_strides[3] = {0, 0, p.dy_stride}, dx_strides[3] = {0, 0, p.dx_stride};
    Place at[count];
    find_places<width>(at, plan);
    Pack<T> gates[count], ups[count], grads[count];
    load_places(gates, static_cast<const T *>(p.x), x_strides, at);
    load_places(ups, static_cast<const T *>(p.x) + p.columns, x_strides, at);
    load_places(grads, static_cast<const T *>(p.dy), dy_strides, at);
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float gate[width], up[width], dy[width];
        gates[k].widen(gate);
        ups[k].widen(up);
        grads[k].widen(dy);
        add_bias(gate, p.bias, p.bias_dtype, at[k]);
        add_bias(up, bias_of_up(p.bias, p.bias_dtype, p.columns), p.bias_dtype, at[k]);
        differentiate_gated(gate, up, dy, p.kind);
        store_place(Pack<T>::round(gate), static_cast<T *>(p.dx), dx_strides, at[k]);
        store_place(Pack<T>::round(up), static_cast<T *>(p.dx) + p.columns, dx_strides, at[k]);
    }
}

// ---- With sums over rows. What a row past the last one holds in registers is zeros, which add nothing.

template <typename T>
__global__ void __launch_bounds__(strip_threads) activation_backward_sums(const ww_activation_backward_params p, const StripPlan plan) {
    constexpr int width = Pack<T>::width, count = backward_sum_vectors;
    Strip<width> strip(plan);
    float bias[width] = {}, sums[1][width] = {};
    add_bias(bias, p.bias, p.bias_dtype, strip.slice, 0);
    for (; strip.row < strip.end; strip.row += count * strip_rows) {
        Pack<T> x[count], dy[count];
#pragma unroll
        for (int k = 0; k < count; ++k) {
            x[k] = load_vector(static_cast<const T *>(p.x) + strip.offset_of(k, p.x_strides), strip.slice_of(k), 0);
            dy[k] = load_vector<Reads::in_place>(static_cast<const T *>(p.dy) + strip.offset_of(k, p.dy_strides), strip.slice_of(k), 0);
        }
#pragma unroll
        for (int k = 0; k < count; ++k) {
            float input[width], grad[width];
            x[k].widen(input);
            dy[k].widen(grad);
#pragma unroll
            for (int e = 0; e < width; ++e) input[e] += bias[e];
            differentiate(grad, input, p.kind);
#pragma unroll
            for (int e = 0; e < width; ++e) sums[0][e] += grad[e];
            store_vector(static_cast<T *>(p.dx) + strip.offset_of(k, p.dx_strides), strip.slice_of(k), 0, Pack<T>::round(grad));
        }
    }
    strip.finish(sums, static_cast<float *>(p.workspace));
}

template <typename T>
__global__ void __launch_bounds__(strip_threads) glu_backward_sums(const ww_glu_backward_params p, const StripPlan plan) {
    constexpr int width = Pack<T>::width, count = gated_sum_vectors;
    const int64_t x_strides[3] = {0, 0, p.x_stride}, dy_strides[3] = {0, 0, p.dy_stride}, dx_strides[3] = {0, 0, p.dx_stride};
    Strip<width> strip(plan);
    float gate_bias[width] = {}, up_bias[width] = {}, sums[2][width] = {};
    add_bias(gate_bias, p.bias, p.bias_dtype, strip.slice, 0);
    add_bias(up_bias, bias_of_up(p.bias, p.bias_dtype, p.columns), p.bias_dtype, strip.slice, 0);
    for (; strip.row < strip.end; strip.row += count * strip_rows) {
        Pack<T> gates[count], ups[count], grads[count];
#pragma unroll
        for (int k = 0; k < count; ++k) {
            const T *x = static_cast<const T *>(p.x) + strip.offset_of(k, x_strides);
            gates[k] = load_vector(x, strip.slice_of(k), 0);
            ups[k] = load_vector(x + p.columns, strip.slice_of(k), 0);
            grads[k] = load_vector(static_cast<const T *>(p.dy) + strip.offset_of(k, dy_strides), strip.slice_of(k), 0);
        }
#pragma unroll
        for (int k = 0; k < count; ++k) {
            float gate[width], up[width], dy[width];
            gates[k].widen(gate);
            ups[k].widen(up);
            grads[k].widen(dy);
#pragma unroll
            for (int e = 0; e < width; ++e) {
                gate[e] += gate_bias[e];
                up[e] += up_bias[e];
            }
            differentiate_gated(gate, up, dy, p.kind);
#pragma unroll
            for (int e = 0; e < width; ++e) {
                sums[0][e] += gate[e];
                sums[1][e] += up[e];
            }
            T *dx = static_cast<T *>(p.dx) + strip.offset_of(k, dx_strides);
            store_vector(dx, strip.slice_of(k), 0, Pack<T>::round(gate));
            store_vector(dx + p.columns, strip.slice_of(k), 0, Pack<T>::round(up));
        }
    }
    strip.finish(sums, static_cast<float *>(p.workspace));
}

template <typename T>
__global__ void __launch_bounds__(strip_threads) bias_backward_sums(const ww_bias_backward_params p, const StripPlan plan) {
    constexpr int width = Pack<T>::width, count = sum_vectors;
    const int64_t strides[3] = {0, 0, p.dy_stride};
    Strip<width> strip(plan);
    float sums[1][width] = {};
    for (; strip.row < strip.end; strip.row += count * strip_rows) {
        Pack<T> dy[count];
#pragma unroll
        for (int k = 0; k < count; ++k) {
            dy[k] = load_vector(static_cast<const T *>(p.dy) + strip.offset_of(k, strides), strip.slice_of(k), 0);
        }
#pragma unroll
        for (int k = 0; k < count; ++k) {
            float grad[width];
            dy[k].widen(grad);
#pragma unroll
            for (int e = 0; e < width; ++e) sums[0][e] += grad[e];
        }
    }
    strip.finish(sums, static_cast<float *>(p.workspace));
}

// ---- Launchers

ww_rows matrix(int64_t rows, int64_t columns) { return {{1, 1, rows}, columns}; }

// The operands of a call: whether all are well-formed, and whether all are aligned.
class Operands {
  public:
    Operands(const ww_rows &rows, ww_dtype dtype) : rows_(rows), bytes_(element_bytes(dtype)) {}

    Operands &input(const void *start, const int64_t *strides) {
        well_formed_ = well_formed_ && is_input(rows_, start, bytes_);
        aligned_ = aligned_ && is_aligned(rows_, start, strides, bytes_);
        return *this;
    }
    Operands &output(const void *start, const int64_t *strides) {
        well_formed_ = well_formed_ && is_output(rows_, start, strides, bytes_);
        return input(start, strides);
    }
    // `columns` elements and as many behind them in each row.
    Operands &double_input(const void *start, int64_t stride) {
        aligned_ = aligned_ && rows_.columns * bytes_ % 16 == 0;
        const int64_t strides[3] = {0, 0, stride};
        return input(start, strides);
    }
    Operands &double_output(const void *start, int64_t stride) {
        well_formed_ = well_formed_ && (rows_.sizes[2] <= 1 || stride >= 2 * rows_.columns);
        return double_input(start, stride);
    }
    Operands &bias(const void *start, ww_dtype dtype) {
        well_formed_ = well_formed_ && is_dtype(dtype) && reinterpret_cast<uintptr_t>(start) % element_bytes(dtype) == 0;
        aligned_ = aligned_ && reinterpret_cast<uintptr_t>(start) % 16 == 0;
        return *this;
    }

    bool well_formed() const { return well_formed_; }
    bool aligned() const { return aligned_; }

  private:
    const ww_rows &rows_;
    int64_t bytes_;
    bool well_formed_ = true, aligned_ = true;
};

// Whether sums can be written, and their parts to the workspace.
template <typename Params> int32_t check_sums(const Params &p, int64_t columns, int64_t needed) {
    if (p.dbias == nullptr || reinterpret_cast<uintptr_t>(p.dbias) % sizeof(float) != 0 ||
        reinterpret_cast<uintptr_t>(p.workspace) % 16 != 0) {
        return columns == 0 ? WW_OK : WW_ERROR_ARGUMENT;
    }
    if (needed < 0) return static_cast<int32_t>(needed);
    if (p.workspace_bytes < needed) return WW_ERROR_WORKSPACE;
    return p.workspace == nullptr && needed > 0 ? WW_ERROR_ARGUMENT : WW_OK;
}

int32_t check(const ww_rows &rows, ww_dtype dtype) {
    if (!is_rows(rows)) return WW_ERROR_ARGUMENT;
    return is_dtype(dtype) ? WW_OK : WW_ERROR_UNSUPPORTED;
}

int64_t sums_workspace(const ww_rows &rows, int count) {
    if (!is_rows(rows)) return WW_ERROR_ARGUMENT;
    return fits_strips(rows) ? strips_workspace(rows, count) : WW_ERROR_UNSUPPORTED;
}

} // namespace

extern "C" int32_t WW_FUNCTION(activation)(const ww_activation_params *params, ww_stream stream) {
    if (params == nullptr || !is_activation(params->kind)) return WW_ERROR_ARGUMENT;
    const ww_activation_params &p = *params;
    if (const int32_t status = check(p.rows, p.dtype)) return status;
    Operands operands(p.rows, p.dtype);
    operands.input(p.x, p.x_strides).output(p.y, p.y_strides).bias(p.bias, p.bias_dtype);
    if (!operands.well_formed()) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        return for_element_parts(p.rows, [&](const ElementPart &part) {
            ww_activation_params q = p;
            q.x = part.moved(p.x, p.x_strides, sizeof(T));
            q.y = part.moved(p.y, p.y_strides, sizeof(T));
            q.bias = part.moved_columns(p.bias, element_bytes(p.bias_dtype));
            return launch_elements<Pack<T>::width, forward_vectors>(activation_forward<T>, q, part, operands.aligned(), stream);
        });
    });
}

extern "C" int64_t WW_FUNCTION(activation_backward_workspace)(const ww_activation_backward_params *params) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    return params->dbias == nullptr ? 0 : sums_workspace(params->rows, 1);
}

extern "C" int32_t WW_FUNCTION(activation_backward)(const ww_activation_backward_params *params, ww_stream stream) {
    if (params == nullptr || !is_activation(params->kind)) return WW_ERROR_ARGUMENT;
    const ww_activation_backward_params &p = *params;
    if (const int32_t status = check(p.rows, p.dtype)) return status;
    Operands operands(p.rows, p.dtype);
    operands.input(p.x, p.x_strides).input(p.dy, p.dy_strides).output(p.dx, p.dx_strides).bias(p.bias, p.bias_dtype);
    if (!operands.well_formed()) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) -> int32_t {
        using T = typename decltype(type)::type;
        constexpr int width = Pack<T>::width;
        if (p.dbias != nullptr) {
            const int64_t needed = WW_FUNCTION(activation_backward_workspace)(params);
            if (const int32_t status = check_sums(p, p.rows.columns, needed)) return status;
            return launch_strips<width>(activation_backward_sums<T>, p, p.rows, operands.aligned(), 1, p.workspace, p.dbias, p.beta, stream);
        }
        return for_element_parts(p.rows, [&](const ElementPart &part) {
            ww_activation_backward_params q = p;
            q.x = part.moved(p.x, p.x_strides, sizeof(T));
            q.dy = part.moved(p.dy, p.dy_strides, sizeof(T));
            q.dx = part.moved(p.dx, p.dx_strides, sizeof(T));
            q.bias = part.moved_columns(p.bias, element_bytes(p.bias_dtype));
            return launch_elements<width, backward_vectors>(activation_backward<T>, q, part, operands.aligned(), stream);
        });
    });
}

extern "C" int32_t WW_FUNCTION(glu)(const ww_glu_params *params, ww_stream stream) {
    if (params == nullptr || !is_activation(params->kind)) return WW_ERROR_ARGUMENT;
    const ww_glu_params &p = *params;
    const ww_rows rows = matrix(p.rows, p.columns);
    if (const int32_t status = check(rows, p.dtype)) return status;
    const int64_t x_strides[3] = {0, 0, p.x_stride}, y_strides[3] = {0, 0, p.y_stride};
    Operands operands(rows, p.dtype);
    operands.double_input(p.x, p.x_stride).output(p.y, y_strides).bias(p.bias, p.bias_dtype);
    if (!operands.well_formed()) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        return for_element_parts(rows, [&](const ElementPart &part) {
            ww_glu_params q = p;
            q.x = part.moved(p.x, x_strides, sizeof(T));
            q.y = part.moved(p.y, y_strides, sizeof(T));
            q.bias = part.moved_columns(p.bias, element_bytes(p.bias_dtype));
            return launch_elements<Pack<T>::width, gated_vectors>(glu_forward<T>, q, part, operands.aligned(), stream);
        });
    });
}

extern "C" int64_t WW_FUNCTION(glu_backward_workspace)(const ww_glu_backward_params *params) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    return params->dbias == nullptr ? 0 : sums_workspace(matrix(params->rows, params->columns), 2);
}

extern "C" int32_t WW_FUNCTION(glu_backward)(const ww_glu_backward_params *params, ww_stream stream) {
    if (params == nullptr || !is_activation(params->kind)) return WW_ERROR_ARGUMENT;
    const ww_glu_backward_params &p = *params;
    const ww_rows rows = matrix(p.rows, p.columns);
    if (const int32_t status = check(rows, p.dtype)) return status;
    const int64_t x_strides[3] = {0, 0, p.x_stride}, dy_strides[3] = {0, 0, p.dy_stride}, dx_strides[3] = {0, 0, p.dx_stride};
    Operands operands(rows, p.dtype);
    operands.double_input(p.x, p.x_stride).input(p.dy, dy_strides).double_output(p.dx, p.dx_stride).bias(p.bias, p.bias_dtype);
    if (!operands.well_formed()) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) -> int32_t {
        using T = typename decltype(type)::type;
        constexpr int width = Pack<T>::width;
        if (p.dbias != nullptr) {
            const int64_t needed = WW_FUNCTION(glu_backward_workspace)(params);
            if (const int32_t status = check_sums(p, p.columns, needed)) return status;
            return launch_strips<width>(glu_backward_sums<T>, p, rows, operands.aligned(), 2, p.workspace, p.dbias, p.beta, stream);
        }
        return for_element_parts(rows, [&](const ElementPart &part) {
            ww_glu_backward_params q = p;
            q.x = part.moved(p.x, x_strides, sizeof(T));
            q.dy = part.moved(p.dy, dy_strides, sizeof(T));
            q.dx = part.moved(p.dx, dx_strides, sizeof(T));
            q.bias = part.moved_columns(p.bias, element_bytes(p.bias_dtype));
            return launch_elements<width, gated_backward_vectors>(glu_backward<T>, q, part, operands.aligned(), stream);
        });
    });
}

extern "C" int64_t WW_FUNCTION(bias_backward_workspace)(const ww_bias_backward_params *params) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    return sums_workspace(matrix(params->rows, params->columns), 1);
}

extern "C" int32_t WW_FUNCTION(bias_backward)(const ww_bias_backward_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_bias_backward_params &p = *params;
    const ww_rows rows = matrix(p.rows, p.columns);
    if (const int32_t status = check(rows, p.dtype)) return status;
    const int64_t strides[3] = {0, 0, p.dy_stride};
    Operands operands(rows, p.dtype);
    operands.input(p.dy, strides);
    if (!operands.well_formed()) return WW_ERROR_ARGUMENT;
    if (const int32_t status = check_sums(p, p.columns, WW_FUNCTION(bias_backward_workspace)(params))) return status;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        return launch_strips<Pack<T>::width>(bias_backward_sums<T>, p, rows, operands.aligned(), 1, p.workspace, p.dbias, p.beta, stream);
    });
}

} // namespace WW_NAMESPACE
