// Groups of lanes given by a mask: ranks, and values of any type exchanged between them.
#pragma once

#include <cstring>
#include <type_traits>

#include "../warp_functions.h"

namespace wwsim::detail {

inline unsigned lane_rank(unsigned mask) { return (unsigned)__builtin_popcount(mask & ((1u << lane().lane) - 1)); }

// The bits of `lanes` at the ones of `mask`, moved together.
inline unsigned pack_lanes(unsigned mask, unsigned lanes) {
    unsigned packed = 0;
    for (unsigned rank = 0; mask; mask &= mask - 1, rank++)
        if (lanes & mask & -mask) packed |= 1u << rank;
    return packed;
}

// The lanes of `mask` whose ranks are first to first + count - 1.
inline unsigned lanes_of_ranks(unsigned mask, unsigned first, unsigned count) {
    unsigned lanes = 0;
    for (unsigned rank = 0; mask; mask &= mask - 1, rank++)
        if (rank >= first && rank - first < count) lanes |= mask & -mask;
    return lanes;
}

// Hands a value of any size to `shuffle`, 8 bytes at a time.
template <class T, class F> T exchange_words(const T &value, F shuffle) {
    static_assert(std::is_trivially_copyable<T>::value, "values are exchanged as bytes");
    uint64_t words[(sizeof(T) + 7) / 8] = {};
    memcpy(words, &value, sizeof(T));
    for (uint64_t &word : words) word = shuffle(word);
    T result;
    memcpy(static_cast<void *>(&result), words, sizeof(T));
    return result;
}

// The operand of a collective in which each lane gives a value and an operation.
template <class T, class Op> struct Combined {
    T value; // and the result
    const Op *op;
};

// The lanes' values by rank; where no lane is, 0xFF bytes.
template <class T> struct Ranked {
    alignas(T) unsigned char bytes[warp_size][sizeof(T)];

    Ranked() { memset(bytes, 0xFF, sizeof bytes); }
    T get(unsigned i) const {
        T value;
        memcpy(static_cast<void *>(&value), bytes[i], sizeof(T));
        return value;
    }
    void set(unsigned i, const T &value) { memcpy(bytes[i], static_cast<const void *>(&value), sizeof(T)); }
};

// In the order of a butterfly of shuffles over the N lanes of a tile, so that floats round as on a GPU.
template <class T, class Op, unsigned N> void tile_reduce_work(void *const operands[warp_size], unsigned lanes) {
    using Operand = Combined<T, Op>;
    Ranked<T> values, next;
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctz(rest);
        values.set(i, static_cast<const Operand *>(operands[i])->value);
    }
    for (unsigned distance = N / 2; distance > 0; distance /= 2) {
        for (unsigned rest = lanes; rest; rest &= rest - 1) {
            const unsigned i = (unsigned)__builtin_ctz(rest);
            next.set(i, (*static_cast<const Operand *>(operands[i])->op)(values.get(i), values.get(i ^ distance)));
        }
        values = next;
    }
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctz(rest);
        static_cast<Operand *>(operands[i])->value = values.get(i);
    }
}

// Inclusive scan in the order of Hillis and Steele; as a reduction, all get the last one's result.
template <class T, class Op, bool reduce> void scan_work(void *const operands[warp_size], unsigned lanes) {
    using Operand = Combined<T, Op>;
    Operand *by_rank[warp_size];
    unsigned count = 0;
    for (; lanes; lanes &= lanes - 1) by_rank[count++] = static_cast<Operand *>(operands[__builtin_ctz(lanes)]);
    // From the last one down, so that each reads what the step before left.
    for (unsigned distance = 1; distance < count; distance *= 2)
        for (unsigned i = count; i-- > distance;) by_rank[i]->value = (*by_rank[i]->op)(by_rank[i]->value, by_rank[i - distance]->value);
    if (reduce)
        for (unsigned i = 0; i + 1 < count; i++) by_rank[i]->value = by_rank[count - 1]->value;
}

template <class T, class Op> T combine(const char *name, unsigned mask, const T &value, const Op &op, Work work) {
    Combined<T, Op> operand{value, &op};
    asm volatile("" ::: "memory");
    rendezvous(name, mask, &operand, work);
    asm volatile("" ::: "memory");
    return operand.value;
}

} // namespace wwsim::detail
