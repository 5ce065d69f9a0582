// Rotary positions (Su et al. 2021, equation 34), in place. The contract is at `ww_rotary` in include/warpweave.h.
//
//   (x, y) <- (x cos a - y sin a, x sin a + y cos a),   a = +-position * theta^(-2i / R), for pair i of the first R elements
//   x [B, T, H, D] with any strides but the last
//
// The angle. Of position * frequency only the fraction of a turn matters, and the position is an integer. So the host writes each
// pair's frequency as a fraction of a turn in 64 bits, and the product's lower 64 bits are the angle modulo a turn: no f64, of
// which a consumer's GPU does 1 operation for 64 in f32, and no reduction that gets worse with the position. The upper two bits
// say which quarter turn is nearest; what is left, at most an eighth of a turn, is converted to f32 with all its bits, and two
// short polynomials give its sine and cosine. About 35 instructions for a pair, and no sequence is looked at: a token gets the
// same bits wherever it stands.
//
// How the work is split. A thread has one vector of pairs, 16 bytes (two of them, R / 2 apart, in the half layout), at the same
// place in up to 8 (4) heads of one token. It loads all of them, finds sines and cosines while they are on their way, and turns
// all heads by the same ones. Threads side by side have vectors side by side, then heads. Each block copies the frequencies to
// shared memory, where a vector's lie apart, so that lanes read neighboring ones: no bank conflicts but where more than 16
// threads have a head, and no multiple of 16. Where vectors don't fit, because R / 2 (R, for interleaved pairs) is no multiple of a vector or rows are not
// aligned, threads side by side have pairs side by side, and go through their heads one after the other. An access is then a
// pair (interleaved) or one element of it; interleaved pairs in rows that begin in the middle of one are read and written in two
// accesses that each use half of what they touch.
//
// What it costs. 2 elements moved for each that turns. A pair takes about 10 instructions in each head, and its share of those
// 35. At the pace of its memory an H100 has time for 68 of them for a pair of 16-bit elements and for 137 for one of f32. So
// memory bounds it, on consumers' GPUs as well, even with a single head.
//
// Instantiations: 2 layouts for each of 3 types: 6.
#include <algorithm>
#include <cmath>

#include "common/held_rows.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

// Of one launch: their frequencies, 2 KiB, are a parameter of the kernel. Wider heads take several.
constexpr int most_pairs = 256;
constexpr int most_block_threads = 256;

// The turns per position of each pair, in units of 2^-64.
struct Frequencies {
    uint64_t turns[most_pairs];
};

// The vectors, and the pairs in each, that a thread has in one head; and in how many heads.
template <typename T, bool halves> constexpr int pairs_of = halves ? Pack<T>::width : Pack<T>::width / 2;
template <bool halves> constexpr int most_heads = halves ? 4 : 8;

// How a launch goes about [batch, seq_len, heads] rows. A slot is a group of heads of one token: those with the same number
// modulo `groups`.
struct Plan {
    int pairs;
    int slot_threads; // that share a slot
    int block_slots;
    int groups;
    int heads, seq_len;
    int slots; // of all tokens
    bool vectors; // else the pairs of a thread are `slot_threads` apart
    bool whole_pairs; // not cut by the boundary of two elements
    Divisor by_slot_threads, by_groups, by_seq_len;
};

// ---- The kernel

// An angle in units of 2^-64 turns. The polynomials are minimax ones over an eighth of a turn, within 4e-9 of sine and cosine.
__device__ __forceinline__ void sine_and_cosine(uint64_t angle, float &sine, float &cosine) {
    const uint32_t quarter = static_cast<uint32_t>((angle + (uint64_t{1} << 61)) >> 62);
    const int64_t rest = static_cast<int64_t>(angle - (uint64_t{quarter} << 62));
    const float a = __fmul_rn(static_cast<float>(rest), 0x1.921fb6p-62f); // 2 pi / 2^64
    const float square = __fmul_rn(a, a);
    const float sine_tail = __fmaf_rn(square, __fmaf_rn(square, -1.95152194e-4f, 8.3321603e-3f), -0.16666655f);
    const float s = __fmaf_rn(__fmul_rn(a, square), sine_tail, a);
    const float cosine_tail = __fmaf_rn(square, __fmaf_rn(square, 2.44330822e-5f, -1.38873153e-3f), 4.16666455e-2f);
    const float c = __fmaf_rn(square, __fmaf_rn(square, cosine_tail, -0.5f), 1.0f);
    const float at_sine = quarter & 1 ? c : s, at_cosine = quarter & 1 ? s : c;
    sine = quarter & 2 ? -at_sine : at_sine;
    cosine = (quarter + 1) & 2 ? -at_cosine : at_cosine;
}

__device__ __forceinline__ void turn(float &x, float &y, float sine, float cosine) {
    const float turned = __fmaf_rn(x, cosine, -__fmul_rn(y, sine));
    y = __fmaf_rn(x, sine, __fmul_rn(y, cosine));
    x = turned;
}

// The two elements of pair `pair` of a row, `half` apart or side by side.
template <bool halves, typename T>
__device__ __forceinline__ void turn_elements(T *row, int pair, int64_t half, bool whole, float sine, float cosine) {
    struct Pair {
        T x, y;
    };
    T *const x = halves ? row + pair : row + 2 * pair, *const y = halves ? x + half : x + 1;
    Pair at;
    if (!halves && whole) {
        at = load(reinterpret_cast<const Pair *>(x));
    } else {
        at.x = load(x);
        at.y = load(y);
    }
    float wide_x = static_cast<float>(at.x), wide_y = static_cast<float>(at.y);
    turn(wide_x, wide_y, sine, cosine);
    at = {static_cast<T>(wide_x), static_cast<T>(wide_y)};
    if (!halves && whole) {
        store(reinterpret_cast<Pair *>(x), at);
    } else {
        store(x, at.x);
        store(y, at.y);
    }
}

template <typename T, bool halves>
__global__ void __launch_bounds__(most_block_threads) rotary(ww_rotary_params p, Plan plan, Frequencies frequencies) {
    constexpr int width = Pack<T>::width, pairs = pairs_of<T, halves>, heads = most_heads<halves>;
    constexpr int packs = halves ? 2 : 1;
    __shared__ uint64_t turns[most_pairs];

    const int thread = static_cast<int>(threadIdx.x);
    const int block_slot = static_cast<int>(plan.by_slot_threads.divide(thread)), v = thread - block_slot * plan.slot_threads;
    const int slot = static_cast<int>(blockIdx.x) * plan.block_slots + block_slot;
    const bool here = slot < plan.slots;
    const int token = static_cast<int>(plan.by_groups.divide(slot)), group = slot - token * plan.groups;
    const int64_t batch = plan.by_seq_len.divide(token), t = token - batch * plan.seq_len;
    // A thread past the last slot has no heads.
    const int count = here ? plan.heads : 0;
    T *const x = static_cast<T *>(p.x) + batch * p.x_strides[0] + t * p.x_strides[1] + group * p.x_strides[2];
    const int64_t step = plan.groups * p.x_strides[2], half = p.rotary_dim / 2;

    Pack<T> held[heads][packs];
    T *const vectors = x + v * width;
    if (plan.vectors) {
#pragma unroll
        for (int h = 0; h < heads; ++h) {
            if (group + h * plan.groups >= count) break;
#pragma unroll
            for (int i = 0; i < packs; ++i) held[h][i] = load_l2(reinterpret_cast<const Pack<T> *>(vectors + h * step + i * half));
        }
    }
    uint64_t position = p.first_position + t;
    if (p.positions != nullptr && here) {
        position = p.first_position + load(p.positions + batch * p.positions_strides[0] + t * p.positions_strides[1]);
    }
    // The way back is the way to the opposite position, modulo whole turns.
    if (p.inverse != 0) position = -position;

    // Pair e of thread v at e * slot_threads + v.
    for (int i = thread; i < plan.pairs; i += static_cast<int>(blockDim.x)) {
        const int e = static_cast<int>(plan.by_slot_threads.divide(i)), of = i - e * plan.slot_threads;
        turns[i] = frequencies.turns[plan.vectors ? of * pairs + e : i];
    }
    __syncthreads();
    float sine[pairs], cosine[pairs];
#pragma unroll
    for (int e = 0; e < pairs; ++e) {
        const int i = e * plan.slot_threads + v;
        sine[e] = 0.0f;
        cosine[e] = 1.0f;
        if (i < plan.pairs) sine_and_cosine(position * turns[i], sine[e], cosine[e]);
    }

    if (plan.vectors) {
#pragma unroll
        for (int h = 0; h < heads; ++h) {
            if (group + h * plan.groups >= count) break;
            float wide[packs][width];
#pragma unroll
            for (int i = 0; i < packs; ++i) held[h][i].widen(wide[i]);
#pragma unroll
            for (int e = 0; e < pairs; ++e) {
                float &first = halves ? wide[0][e] : wide[0][2 * e], &second = halves ? wide[packs - 1][e] : wide[0][2 * e + 1];
                turn(first, second, sine[e], cosine[e]);
            }
#pragma unroll
            for (int i = 0; i < packs; ++i) {
                store(reinterpret_cast<Pack<T> *>(vectors + h * step + i * half), Pack<T>::round(wide[i]));
            }
        }
        return;
    }
#pragma unroll 1
    for (int h = 0; group + h * plan.groups < count; ++h) {
#pragma unroll
        for (int e = 0; e < pairs; ++e) {
            const int pair = e * plan.slot_threads + v;
            if (pair < plan.pairs) turn_elements<halves>(x + h * step, pair, half, plan.whole_pairs, sine[e], cosine[e]);
        }
    }
}

// ---- The launcher

// The fraction of a turn in `frequency` radians. The product with 1 / 2 pi has more bits than a double: what its rounding loses
// is added again.
uint64_t fraction_of_turn(double frequency) {
    constexpr double high = 0x1.45f306dc9c883p-3, low = -0x1.6b01ec5417056p-57; // 1 / 2 pi
    const double turns = frequency * high;
    const double lost = std::fma(frequency, high, -turns) + frequency * low;
    const uint64_t fraction = static_cast<uint64_t>(std::ldexp(turns - std::floor(turns), 64));
    // Of frequencies that large, which a theta below 1 makes, no fraction is known.
    if (std::abs(lost) >= 0.25) return fraction;
    return fraction + static_cast<uint64_t>(static_cast<int64_t>(std::ldexp(lost, 64)));
}

// [batch, seq_len, heads], and the pairs that turn.
template <typename T, bool halves>
int32_t launch_pairs(const ww_rotary_params &p, const RowShape &s, int pairs, bool aligned, const Frequencies &frequencies,
                     ww_stream stream) {
    constexpr int width = Pack<T>::width, thread_pairs = pairs_of<T, halves>;
    Plan plan = {};
    plan.pairs = pairs;
    plan.vectors = aligned && pairs % thread_pairs == 0 && (!halves || p.rotary_dim / 2 % width == 0);
    const auto start = reinterpret_cast<uintptr_t>(p.x);
    const int64_t odd = start / sizeof(T) | (s.batch > 1 ? p.x_strides[0] : 0) | (s.heads > 1 ? p.x_strides[1] : 0) |
                        (s.queries > 1 ? p.x_strides[2] : 0);
    plan.whole_pairs = odd % 2 == 0;
    plan.slot_threads = divide_up(pairs, thread_pairs);
    // Single pairs: a warp's worth side by side, as far as there are so many.
    if (!plan.vectors) plan.slot_threads = std::max(plan.slot_threads, std::min(pairs, 32));
    plan.block_slots = most_block_threads / plan.slot_threads;
    plan.heads = static_cast<int>(s.queries);
    plan.seq_len = static_cast<int>(s.heads);
    plan.groups = divide_up(s.queries, most_heads<halves>);
    plan.slots = static_cast<int>(s.batch * s.heads) * plan.groups;
    plan.by_slot_threads = Divisor::of(plan.slot_threads);
    plan.by_groups = Divisor::of(plan.groups);
    plan.by_seq_len = Divisor::of(plan.seq_len);
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(divide_up(plan.slots, plan.block_slots)));
    shape.block = dim3(static_cast<unsigned>(plan.block_slots * plan.slot_threads));
    return launch(rotary<T, halves>, shape, stream, p, plan, frequencies);
}

template <typename T, bool halves> int32_t launch_rotary(const ww_rotary_params &p, const RowShape &s, ww_stream stream) {
    const bool aligned = is_aligned<T>(s, p.x, p.x_strides);
    const int64_t pairs = p.rotary_dim / 2;
    for (int64_t first = 0; first < pairs; first += most_pairs) {
        const int count = static_cast<int>(std::min<int64_t>(pairs - first, most_pairs));
        Frequencies frequencies = {};
        for (int i = 0; i < count; ++i) {
            const double exponent = -2.0 * static_cast<double>(first + i) / static_cast<double>(p.rotary_dim);
            frequencies.turns[i] = fraction_of_turn(std::pow(static_cast<double>(p.theta), exponent));
        }
        const int32_t status = for_parts(s, [&](const RowShape &begin, const RowShape &part) {
            ww_rotary_params q = p;
            T *const x = static_cast<T *>(p.x) + (halves ? first : 2 * first);
            q.x = moved(x, begin, p.x_strides, sizeof(T));
            const int64_t strides[3] = {p.positions_strides[0], p.positions_strides[1], 0};
            q.positions = moved(p.positions, begin, strides, sizeof(uint32_t));
            if (p.positions == nullptr) q.first_position += static_cast<uint64_t>(begin.heads);
            return launch_pairs<T, halves>(q, part, count, aligned, frequencies, stream);
        });
        if (status != WW_OK) return status;
    }
    return WW_OK;
}

} // namespace

extern "C" int32_t WW_FUNCTION(rotary)(const ww_rotary_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_rotary_params &p = *params;
    // Rows as the helpers of rows name them: a token's heads are its queries.
    const RowShape s = {p.batch, p.seq_len, p.heads, p.head_dim};
    if (!is_shape(s) || p.rotary_dim < 0 || p.rotary_dim > p.head_dim || p.rotary_dim % 2 != 0) return WW_ERROR_ARGUMENT;
    if (p.layout != WW_ROTARY_INTERLEAVED && p.layout != WW_ROTARY_HALF) return WW_ERROR_ARGUMENT;
    if (!std::isfinite(p.theta) || p.theta <= 0.0f) return WW_ERROR_ARGUMENT;
    if (!is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (is_empty(s) || p.rotary_dim == 0) return WW_OK;
    if (!is_vector(p.x, 1, element_bytes(p.dtype)) || !is_apart(s, p.x_strides)) return WW_ERROR_ARGUMENT;
    if (p.positions != nullptr && !is_vector(p.positions, 1, sizeof(uint32_t))) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        return p.layout == WW_ROTARY_HALF ? launch_rotary<T, true>(p, s, stream) : launch_rotary<T, false>(p, s, stream);
    });
}

} // namespace WW_NAMESPACE
