#include "combine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "../include/detail/float16_format.h"

namespace wwsim::isa {

namespace {

// The 16-bit formats, computed in float: a sum of two is exact there, but for what rounding to the format takes away.
template <class Format> struct Half {
    uint16_t bits;
};

template <class T> struct Bits {
    using type = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
};
template <class Format> struct Bits<Half<Format>> {
    using type = uint16_t;
};

template <class T> bool is_nan(T x) {
    if constexpr (std::is_floating_point_v<T>)
        return std::isnan(x);
    else
        return false;
}

// Of numbers; NaN loses against a number.
template <ReduceOp op, class T> T combine(T there, T comes) {
    if constexpr (op == ReduceOp::add) return static_cast<T>(there + comes);
    if constexpr (op == ReduceOp::min) return is_nan(there) || comes < there ? comes : there;
    if constexpr (op == ReduceOp::max) return is_nan(there) || comes > there ? comes : there;
    if constexpr (op == ReduceOp::inc) return there >= comes ? T{0} : static_cast<T>(there + 1);
    if constexpr (op == ReduceOp::dec) return there == 0 || there > comes ? comes : static_cast<T>(there - 1);
    if constexpr (std::is_integral_v<T>) {
        if constexpr (op == ReduceOp::bits_and) return there & comes;
        if constexpr (op == ReduceOp::bits_or) return there | comes;
        if constexpr (op == ReduceOp::bits_xor) return there ^ comes;
    }
}

template <ReduceOp op, class Format> Half<Format> combine(Half<Format> there, Half<Format> comes) {
    return {Format::narrow(combine<op>(Format::widen(there.bits), Format::widen(comes.bits)))};
}

template <ReduceOp op, class T> void combine_all(char *to, const char *from, size_t bytes) {
    using Word = typename Bits<T>::type;
    for (size_t i = 0; i < bytes; i += sizeof(T)) {
        Word *word = reinterpret_cast<Word *>(to + i);
        Word before = __atomic_load_n(word, __ATOMIC_RELAXED), after;
        T comes;
        std::memcpy(&comes, from + i, sizeof(T));
        do {
            T there;
            std::memcpy(&there, &before, sizeof(T));
            const T result = combine<op>(there, comes);
            std::memcpy(&after, &result, sizeof(T));
        } while (!__atomic_compare_exchange_n(word, &before, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    }
}

void copy(char *to, const char *from, size_t bytes) { std::memcpy(to, from, bytes); }

template <class T> Combine integer(ReduceOp op) {
    switch (op) {
    case ReduceOp::add: return combine_all<ReduceOp::add, T>;
    case ReduceOp::min: return combine_all<ReduceOp::min, T>;
    case ReduceOp::max: return combine_all<ReduceOp::max, T>;
    case ReduceOp::bits_and: return combine_all<ReduceOp::bits_and, T>;
    case ReduceOp::bits_or: return combine_all<ReduceOp::bits_or, T>;
    case ReduceOp::bits_xor: return combine_all<ReduceOp::bits_xor, T>;
    case ReduceOp::inc:
        if constexpr (std::is_same_v<T, uint32_t>) return combine_all<ReduceOp::inc, T>;
        return nullptr;
    case ReduceOp::dec:
        if constexpr (std::is_same_v<T, uint32_t>) return combine_all<ReduceOp::dec, T>;
        return nullptr;
    default: return nullptr;
    }
}

template <class T> Combine half(ReduceOp op) {
    switch (op) {
    case ReduceOp::add: return combine_all<ReduceOp::add, T>;
    case ReduceOp::min: return combine_all<ReduceOp::min, T>;
    case ReduceOp::max: return combine_all<ReduceOp::max, T>;
    default: return nullptr;
    }
}

} // namespace

// PTX ISA, cp.reduce.async.bulk: the table of operations and types.
Combine combine_of(ReduceOp op, ElementType type) {
    if (op == ReduceOp::none) return copy;
    switch (type) {
    case ElementType::u32: return integer<uint32_t>(op);
    case ElementType::s32: return integer<int32_t>(op);
    case ElementType::u64: return integer<uint64_t>(op);
    case ElementType::s64: return integer<int64_t>(op);
    case ElementType::f16: return half<Half<wwsim::detail::Fp16>>(op);
    case ElementType::bf16: return half<Half<wwsim::detail::Bf16>>(op);
    case ElementType::f32: return op == ReduceOp::add ? combine_all<ReduceOp::add, float> : nullptr;
    case ElementType::f64: return op == ReduceOp::add ? combine_all<ReduceOp::add, double> : nullptr;
    default: return nullptr;
    }
}

template <bool rounds, bool flushes> static void load_floats(char *to, const char *from, size_t bytes) {
    for (size_t i = 0; i < bytes; i += sizeof(float)) {
        uint32_t bits;
        std::memcpy(&bits, from + i, sizeof bits);
        const uint32_t exponent = bits & 0x7f800000;
        if (flushes && exponent == 0) bits &= 0x80000000;
        if (rounds && exponent != 0x7f800000) bits = (bits + 0x1000) & ~uint32_t{0x1fff}; // to nearest, ties away from zero
        std::memcpy(to + i, &bits, sizeof bits);
    }
}

Combine load_of(ElementType type) {
    switch (type) {
    case ElementType::f32_ftz: return load_floats<false, true>;
    case ElementType::tf32: return load_floats<true, false>;
    case ElementType::tf32_ftz: return load_floats<true, true>;
    default: return copy;
    }
}

const char *name_of(ReduceOp op) {
    static const char *const names[] = {"copy", "add", "min", "max", "inc", "dec", "and", "or", "xor"};
    return names[static_cast<unsigned>(op)];
}

const char *name_of(ElementType type) {
    static const char *const names[] = {"u8", "u16", "u32", "s32", "u64", "s64", "f16", "f32", "f64", "bf16", "f32.ftz", "tf32", "tf32.ftz"};
    return names[static_cast<unsigned>(type)];
}

} // namespace wwsim::isa
