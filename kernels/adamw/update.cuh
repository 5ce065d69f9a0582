// The kernels of a step of AdamW. ../adamw.cu says what they compute and how.
#pragma once

#include <cfloat>

#include "../common/philox.cuh"
#include "../common/stochastic.cuh"

namespace WW_NAMESPACE {
namespace {

// ---- The step begins

// By squaring: what `powf` gives differs from device to device in the last bits.
__device__ double power(double base, uint64_t exponent) {
    double result = 1.0;
    for (; exponent != 0; exponent >>= 1) {
        if (exponent % 2 != 0) result = __dmul_rn(result, base);
        base = __dmul_rn(base, base);
    }
    return result;
}

__global__ void adamw_begin_step(const ww_adamw_begin_params p) {
    ww_adamw_state s = *p.state;
    const float norm = p.norm == nullptr ? 0.0f : __fmul_rn(fabsf(p.grad_scale), load(p.norm));
    s.skip = !(norm <= FLT_MAX);
    if (s.skip != 0) {
        s.skipped += 1;
    } else {
        s.step += 1;
        s.beta1 = p.beta1;
        s.beta2 = p.beta2;
        s.gain1 = static_cast<float>(__dsub_rn(1.0, p.beta1));
        s.gain2 = static_cast<float>(__dsub_rn(1.0, p.beta2));
        s.m_gain = __ddiv_rn(1.0, __dsub_rn(1.0, power(p.beta1, s.step)));
        s.v_scale = static_cast<float>(__ddiv_rn(1.0, __dsqrt_rn(__dsub_rn(1.0, power(p.beta2, s.step)))));
        s.grad_scale = norm > p.clip ? __fmul_rn(p.grad_scale, __fdiv_rn(p.clip, norm)) : p.grad_scale;
    }
    *p.state = s;
}

// ---- The update

constexpr int update_threads = 256;
constexpr int update_fours = 4; // that a thread updates, one after the other
constexpr int update_tile = update_threads * update_fours * 4;

// What a launch has by value: 2 KiB of the 4 that its parameters may take.
constexpr int max_ranges = 128;
struct Ranges {
    int count;
    ww_range of[max_ranges];
};

// Elements that lie in one range, or between two.
struct Run {
    int64_t begin, end;
    bool decayed;
};

__device__ __forceinline__ Run find_run(const Ranges &ranges, int64_t index) {
    int low = 0, high = ranges.count; // the first range that ends behind the element is one of them
    while (low < high) {
        const int middle = (low + high) / 2;
        if (ranges.of[middle].end <= index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const int64_t before = low == 0 ? INT64_MIN : ranges.of[low - 1].end;
    if (low == ranges.count) return {before, INT64_MAX, false};
    const ww_range range = ranges.of[low];
    return index < range.begin ? Run{before, range.begin, false} : Run{range.begin, range.end, true};
}

// Four of [count] elements: first, first + step, ...
struct Four {
    int64_t count, first;
    int step;
    bool whole; // all are there, side by side, and where one access reaches them, in every operand

    __device__ __forceinline__ int64_t index(int e) const { return first + e * step; }
    __device__ __forceinline__ bool has(int e) const { return index(e) >= 0 && index(e) < count; }
};

template <typename T> struct Quad {
    T of[4];
};

template <bool whole, Reads reads = Reads::in_place, typename T>
__device__ __forceinline__ Quad<T> load_four(const T *from, const Four &at) {
    if constexpr (whole) return load_as<reads>(reinterpret_cast<const Quad<T> *>(from + at.first));
    Quad<T> x = {};
#pragma unroll
    for (int e = 0; e < 4; ++e) {
        if (at.has(e)) x.of[e] = load(from + at.index(e));
    }
    return x;
}

// `keep` says that others read it soon: the weights, not what belongs to the optimizer.
template <bool keep = false, typename T> __device__ __forceinline__ void store_four(const Quad<T> &x, T *to, const Four &at) {
    if (at.whole) {
        auto *address = reinterpret_cast<Quad<T> *>(to + at.first);
        if constexpr (keep) store(address, x);
        if constexpr (!keep) store_streaming(address, x);
    } else {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            if (at.has(e)) store(to + at.index(e), x.of[e]);
        }
    }
}

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bf16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float widen(f16 x) { return __half2float(x); }

template <typename T> __device__ __forceinline__ T round_to_nearest(float x) {
    if constexpr (std::is_same_v<T, float>) return x;
    if constexpr (std::is_same_v<T, bf16>) return __float2bfloat16_rn(x);
    if constexpr (std::is_same_v<T, f16>) return __float2half_rn(x);
}

template <typename T, typename G> struct Operands {
    Quad<T> weights;
    Quad<float> master, m, v;
    Quad<G> grads;

    template <bool whole> __device__ __forceinline__ void load(const ww_adamw_params &p, const Four &at) {
        grads = load_four<whole, Reads::once>(static_cast<const G *>(p.grads), at);
        m = load_four<whole>(p.m, at);
        v = load_four<whole>(p.v, at);
        if (!std::is_same_v<T, float> && p.master != nullptr) {
            master = load_four<whole>(p.master, at);
        } else {
            weights = load_four<whole>(static_cast<const T *>(p.weights), at);
        }
    }
};

// The random words of four elements.
__device__ __forceinline__ uint4 random_words(const ww_adamw_params &p, uint64_t step, const Four &at) {
    const auto words = [&](uint64_t block) {
        return philox(p.seed, uint4{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), static_cast<uint32_t>(step),
                                    static_cast<uint32_t>(step >> 32)});
    };
    const uint64_t first = p.first + at.first;
    if (at.step == 1 && first % 4 == 0) return words(first / 4);
    const auto word = [&](int e) {
        const uint64_t i = p.first + at.index(e);
        const uint4 four = words(i / 4);
        const uint32_t low = i % 2 == 0 ? four.x : four.y, high = i % 2 == 0 ? four.z : four.w;
        return i % 4 < 2 ? low : high;
    };
    return {word(0), word(1), word(2), word(3)};
}

// How the elements of a launch are accessed: in fours where the operands lie alike, the first of which begins `shift` elements
// before them; else one by one.
struct Access {
    bool fours;
    int shift;
};

template <typename T, typename G>
__global__ void __launch_bounds__(update_threads, 4) adamw_update(const __grid_constant__ ww_adamw_params p, const Access access,
                                                                  const __grid_constant__ Ranges ranges) {
    __shared__ ww_adamw_state s;
    constexpr int state_words = sizeof(s) / 4;
    if (threadIdx.x < state_words) {
        reinterpret_cast<uint32_t *>(&s)[threadIdx.x] = load(reinterpret_cast<const uint32_t *>(p.state) + threadIdx.x);
    }
    __syncthreads();
    if (s.skip != 0) return;
    const float lr = p.lr_scale == nullptr ? p.lr : __fmul_rn(p.lr, load(p.lr_scale));
    const float step_size = static_cast<float>(__dmul_rn(lr, s.m_gain)), decay = __fmul_rn(lr, p.weight_decay);
    const float grad_scale = s.grad_scale, beta1 = s.beta1, beta2 = s.beta2, gain1 = s.gain1, gain2 = s.gain2, v_scale = s.v_scale;
    const uint64_t step = s.step;
    Run run = {0, 0, false};
#pragma unroll 1
    for (int k = 0; k < update_fours; ++k) {
        const int thread = threadIdx.x;
        const int64_t base = int64_t{blockIdx.x} * update_tile + k * update_threads * 4;
        Four at = {p.count, base + (access.fours ? thread * 4 - access.shift : thread), access.fours ? 1 : update_threads, false};
        if (at.first >= p.count) break;
        at.whole = access.fours && at.has(0) && at.has(3);
        Operands<T, G> x;
        if (at.whole) {
            x.template load<true>(p, at);
        } else {
            x.template load<false>(p, at);
        }
        uint32_t decayed = run.decayed ? 0xF : 0; // a bit for each
        if (at.first < run.begin || at.index(3) >= run.end) {
            decayed = 0;
#pragma unroll 1
            for (int e = 0; e < 4; ++e) {
                const int64_t index = at.index(e);
                if (index < run.begin || index >= run.end) run = find_run(ranges, index);
                decayed |= static_cast<uint32_t>(run.decayed) << e;
            }
        }
        const bool has_master = !std::is_same_v<T, float> && p.master != nullptr;
        const bool stochastic = !std::is_same_v<T, float> && p.stochastic != 0;
        uint32_t words[4] = {};
        if (stochastic) {
            const uint4 random = random_words(p, step, at);
            memcpy(words, &random, sizeof(words));
        }
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            // Not to be fused: src/cpu/adamw.rs has the same operations, and the same bits.
            const float g = __fmul_rn(grad_scale, widen(x.grads.of[e]));
            const float mean = __fadd_rn(__fmul_rn(beta1, x.m.of[e]), __fmul_rn(gain1, g));
            const float square = __fadd_rn(__fmul_rn(beta2, x.v.of[e]), __fmul_rn(__fmul_rn(gain2, g), g));
            const float before = has_master ? x.master.of[e] : widen(x.weights.of[e]);
            const float towards = __fdiv_rn(__fmul_rn(step_size, mean), __fadd_rn(__fmul_rn(v_scale, __fsqrt_rn(square)), p.eps));
            const float after = __fsub_rn(before, __fadd_rn(towards, __fmul_rn(decayed >> e & 1 ? decay : 0.0f, before)));
            x.m.of[e] = mean;
            x.v.of[e] = square;
            x.master.of[e] = after;
            x.weights.of[e] = round_to_nearest<T>(after);
            if constexpr (!std::is_same_v<T, float>) {
                if (stochastic) x.weights.of[e] = round_stochastically<T>(after, words[e]);
            }
        }
        store_four(x.m, p.m, at);
        store_four(x.v, p.v, at);
        store_four<true>(x.weights, static_cast<T *>(p.weights), at);
        if (has_master) store_four(x.master, p.master, at);
    }
}

} // namespace
} // namespace WW_NAMESPACE
