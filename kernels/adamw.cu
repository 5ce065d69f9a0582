// The norm of a gradient, and steps of AdamW, over flat buffers. The contracts are in include/warpweave.h.
//
// A step is a chain that needs nothing from the host, and that a graph can replay: grad_norm leaves the norm on the device,
// adamw_begin decides there whether the step is made, how far the gradient is clipped and what corrects the moments' bias, and
// adamw updates one range of elements after the other by that.
//
// Norm: sqrt(sum(g^2)). Bytes: the gradient, read once, 16 per access. Operations for each element: a conversion to f64 and a
// multiplication and addition there, which keep up with memory where f64 runs at a 64th of f32's rate, too, but for 16-bit types.
// At most 528 blocks (`max_norm_parts`) take tiles in turn and leave a sum each; one block adds these up in order.
//
// Update. Bytes for each element, that of the weights being w and of the gradients g:
//     f32          reads p, g, m, v; writes p, m, v: 24 + g, 28 with gradients in f32
//     16 bits      the same with 2 bytes for p: 20 + g, 22 with gradients in 16 bits
//     master copy  reads master, g, m, v; writes the weights, master, m, v: 26 + g, 28 with gradients in 16 bits
// Operations: about 60 for each element, 25 more for stochastic rounding. Memory bounds it. A thread takes four elements at a time:
// one access of 16 bytes for each operand in f32 and of 8 for one in 16 bits, and those of a warp side by side in both. Eight would
// give the latter 16 bytes, and the f32 ones, which are most of the bytes, two accesses that skip every other 16. A block updates
// 4096 elements, so that what comes before (the state; which elements are decayed) is shared, and a buffer of a million
// elements still fills an H100.
//
// Buffers begin anywhere. The elements are cut into fours where addresses are multiples of four elements, which the operands
// must agree on; at the ends, and where they disagree, elements are accessed one by one, those of a warp side by side.
// Decayed ranges go to the kernel by value, 128 at a time: where there are more, so are there launches, each of the part of the
// elements that its ranges lie in. A thread searches the ranges where it leaves one, not for each element.
//
// Instantiations: 3 types of weights times 3 of gradients; 3 kernels for parts of the norm; the sum and the beginning: 14. All
// else (master copy, stochastic rounding, alignment) are branches that all threads take alike.
#include <algorithm>

#include "adamw/grad_norm.cuh"
#include "adamw/update.cuh"
#include "common/launch.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

int norm_parts(const ww_grad_norm_params &p) {
    const int64_t tile = int64_t{norm_threads} * norm_vectors * (16 / element_bytes(p.dtype));
    return static_cast<int>(std::min<int64_t>(divide_up(p.count, tile), max_norm_parts));
}

int32_t check_norm(const ww_grad_norm_params *p) {
    if (p == nullptr || p->count < 0) return WW_ERROR_ARGUMENT;
    return is_dtype(p->dtype) ? WW_OK : WW_ERROR_UNSUPPORTED;
}

bool is_state(const ww_adamw_state *state) { return state != nullptr && reinterpret_cast<uintptr_t>(state) % 16 == 0; }

// How far `start` lies behind an address that is a multiple of four elements.
int shift_of(const void *start, ww_dtype dtype) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(start) / element_bytes(dtype) % 4);
}

Access access_of(const ww_adamw_params &p) {
    const int shift = shift_of(p.m, WW_F32);
    const bool alike = shift_of(p.v, WW_F32) == shift && shift_of(p.weights, p.dtype) == shift &&
                       shift_of(p.grads, p.grad_dtype) == shift && (p.master == nullptr || shift_of(p.master, WW_F32) == shift);
    return {alike, alike ? shift : 0};
}

// The elements from `begin` to before `end`.
ww_adamw_params part_of(const ww_adamw_params &p, int64_t begin, int64_t end) {
    const auto moved = [begin](auto *start, int64_t bytes) {
        using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(start)>>, const char, char>;
        return reinterpret_cast<decltype(start)>(reinterpret_cast<Byte *>(start) + begin * bytes);
    };
    ww_adamw_params part = p;
    part.count = end - begin;
    part.first = p.first + static_cast<uint64_t>(begin);
    part.weights = moved(p.weights, element_bytes(p.dtype));
    part.grads = moved(p.grads, element_bytes(p.grad_dtype));
    part.m = p.m + begin;
    part.v = p.v + begin;
    if (p.master != nullptr) part.master = p.master + begin;
    return part;
}

bool are_ranges(const ww_adamw_params &p) {
    if (p.decayed_count < 0 || (p.decayed_count > 0 && p.decayed == nullptr)) return false;
    int64_t end = 0;
    for (int64_t i = 0; i < p.decayed_count; ++i) {
        const ww_range &range = p.decayed[i];
        if (range.begin < end || range.end < range.begin || range.end > p.count) return false;
        end = range.end;
    }
    return true;
}

} // namespace
} // namespace WW_NAMESPACE

extern "C" int64_t WW_FUNCTION(grad_norm_workspace)(const ww_grad_norm_params *params) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_norm(params)) return status;
    return norm_parts(*params) * int64_t{sizeof(double)};
}

extern "C" int32_t WW_FUNCTION(grad_norm)(const ww_grad_norm_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (const int32_t status = check_norm(params)) return status;
    const ww_grad_norm_params &p = *params;
    if (!is_vector(p.grads, p.count, element_bytes(p.dtype)) || !is_vector(p.norm, 1, 4)) return WW_ERROR_ARGUMENT;
    const int parts = norm_parts(p);
    if (p.workspace_bytes < parts * int64_t{sizeof(double)}) return WW_ERROR_WORKSPACE;
    if (!is_vector(p.workspace, parts, sizeof(double))) return WW_ERROR_ARGUMENT;
    auto *sums = static_cast<double *>(p.workspace);
    if (parts > 0) {
        const int32_t status = with_type(p.dtype, [&](auto type) {
            using T = typename decltype(type)::type;
            const auto *grads = static_cast<const T *>(p.grads);
            const LaunchShape shape{dim3(static_cast<unsigned>(parts)), dim3(norm_threads)};
            return launch(grad_norm_parts<T>, shape, stream, grads, p.count, misalignment(grads), sums);
        });
        if (status != WW_OK) return status;
    }
    return launch(grad_norm_sum, {dim3(1), dim3(norm_threads)}, stream, sums, parts, p.norm, p.accumulate != 0);
}

extern "C" int32_t WW_FUNCTION(adamw_begin)(const ww_adamw_begin_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr || !is_state(params->state)) return WW_ERROR_ARGUMENT;
    if (params->norm != nullptr && !is_vector(params->norm, 1, 4)) return WW_ERROR_ARGUMENT;
    const auto is_beta = [](float beta) { return beta >= 0.0f && beta < 1.0f; };
    if (!is_beta(params->beta1) || !is_beta(params->beta2)) return WW_ERROR_ARGUMENT;
    return launch(adamw_begin_step, {dim3(1), dim3(1)}, stream, *params);
}

extern "C" int32_t WW_FUNCTION(adamw)(const ww_adamw_params *params, ww_stream stream) {
    using namespace WW_NAMESPACE;
    if (params == nullptr || params->count < 0 || !is_state(params->state)) return WW_ERROR_ARGUMENT;
    const ww_adamw_params &p = *params;
    if (!is_dtype(p.dtype) || !is_dtype(p.grad_dtype)) return WW_ERROR_UNSUPPORTED;
    if (!is_vector(p.weights, p.count, element_bytes(p.dtype)) || !is_vector(p.grads, p.count, element_bytes(p.grad_dtype)) ||
        !is_vector(p.m, p.count, 4) || !is_vector(p.v, p.count, 4) || (p.master != nullptr && !is_vector(p.master, p.count, 4)) ||
        (p.lr_scale != nullptr && !is_vector(p.lr_scale, 1, 4)) || (p.master != nullptr && p.dtype == WW_F32) || !are_ranges(p)) {
        return WW_ERROR_ARGUMENT;
    }
    // The last part of fewer ranges than a launch takes, or of none, reaches to the end.
    int64_t begin = 0, used = 0;
    while (begin < p.count) {
        Ranges ranges;
        ranges.count = static_cast<int>(std::min<int64_t>(p.decayed_count - used, max_ranges));
        const bool last = used + ranges.count == p.decayed_count;
        const int64_t end = last ? p.count : p.decayed[used + ranges.count].begin;
        for (int i = 0; i < ranges.count; ++i) {
            const ww_range &range = p.decayed[used + i];
            ranges.of[i] = {range.begin - begin, range.end - begin};
        }
        used += ranges.count;
        if (end > begin) {
            const ww_adamw_params part = part_of(p, begin, end);
            const Access access = access_of(part);
            const int64_t blocks = divide_up(part.count + access.shift, update_tile);
            if (blocks > INT32_MAX) return WW_ERROR_UNSUPPORTED;
            const LaunchShape shape{dim3(static_cast<unsigned>(blocks)), dim3(update_threads)};
            const int32_t status = with_type(p.dtype, [&](auto weights) {
                return with_type(p.grad_dtype, [&](auto grads) {
                    using T = typename decltype(weights)::type;
                    using G = typename decltype(grads)::type;
                    return launch(adamw_update<T, G>, shape, stream, part, access, ranges);
                });
            });
            if (status != WW_OK) return status;
        }
        begin = end;
    }
    return WW_OK;
}
