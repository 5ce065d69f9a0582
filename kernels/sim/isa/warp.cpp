// The collectives of a warp: what the last lane to arrive computes for all of them.
#include "../include/warp_functions.h"

#include "../count/count.h"
#include "../exec/block.h"

namespace wwsim {

namespace {

template <class Visit> void each_lane(unsigned lanes, Visit visit) {
    for (; lanes; lanes &= lanes - 1)
        visit((unsigned)__builtin_ctz(lanes));
}

// One rendezvous. The barriers keep the compiler from holding memory in registers over it.
void meet(const char *name, unsigned mask, void *operand, Work work) {
    count::instruction(count::Kind::collective, name);
    asm volatile("" ::: "memory");
    rendezvous(name, mask, operand, work);
    asm volatile("" ::: "memory");
}

// ---- shfl.sync

enum class Mode { idx, up, down, bfly };

struct Shuffle {
    const char *name;
    uint64_t bits;
    unsigned b, c;
    uint64_t result;
};

// The lane that `lane` reads: PTX ISA, shfl.sync, in the names used there.
template <Mode mode> unsigned source_lane(unsigned lane, unsigned b, unsigned c) {
    const int bval = b & 31, cval = c & 31, segmask = c >> 8 & 31;
    const int min_lane = (int)lane & segmask;
    const int max_lane = min_lane | (cval & ~segmask);
    int j = 0;
    bool in_range = false;
    switch (mode) {
    case Mode::idx:
        j = min_lane | (bval & ~segmask);
        in_range = j <= max_lane;
        break;
    case Mode::up:
        j = (int)lane - bval;
        in_range = j >= max_lane;
        break;
    case Mode::down:
        j = (int)lane + bval;
        in_range = j <= max_lane;
        break;
    case Mode::bfly:
        j = (int)lane ^ bval;
        in_range = j <= max_lane;
        break;
    }
    return in_range ? (unsigned)j : lane;
}

// What such a lane would give is undefined on a GPU.
void from_outside(const char *name, unsigned lane, unsigned source, unsigned lanes) {
    if (!is_checked()) return;
    fault_of(lane, Fault::collective, "%s: reads lane %u, which takes no part: lanes 0x%08x do", name, source, lanes);
}

template <Mode mode> void shuffle_work(void *const operands[warp_size], unsigned lanes) {
    each_lane(lanes, [&](unsigned lane) {
        Shuffle &own = *static_cast<Shuffle *>(operands[lane]);
        const unsigned source = source_lane<mode>(lane, own.b, own.c);
        if (!(lanes >> source & 1)) from_outside(own.name, lane, source, lanes);
        own.result = lanes >> source & 1 ? static_cast<const Shuffle *>(operands[source])->bits : ~uint64_t(0);
    });
}

template <Mode mode> uint64_t shuffle(const char *name, unsigned mask, uint64_t bits, unsigned b, unsigned c) {
    Shuffle operand{name, bits, b, c, 0};
    meet(name, mask, &operand, shuffle_work<mode>);
    return operand.result;
}

// ---- vote.sync, match.sync: every lane has a value and gets one back

template <class T, class R = T> struct Exchange {
    T value;
    R result;
};

enum class Vote { ballot, all, any };

using Predicate = Exchange<int, unsigned>;

// A work function of its own for each kind, so that lanes which meet with different ones are told apart.
template <Vote kind> void vote_work(void *const operands[warp_size], unsigned lanes) {
    unsigned ballot = 0;
    each_lane(lanes, [&](unsigned lane) {
        if (static_cast<const Predicate *>(operands[lane])->value)
            ballot |= 1u << lane;
    });
    const unsigned result = kind == Vote::ballot ? ballot : kind == Vote::all ? ballot == lanes : ballot != 0;
    each_lane(lanes, [&](unsigned lane) { static_cast<Predicate *>(operands[lane])->result = result; });
}

template <Vote kind> unsigned vote(const char *name, unsigned mask, int predicate) {
    Predicate operand{predicate, 0};
    meet(name, mask, &operand, vote_work<kind>);
    return operand.result;
}

using Match = Exchange<uint64_t, unsigned>;

unsigned equal_lanes(void *const operands[warp_size], unsigned lanes, uint64_t value) {
    unsigned equal = 0;
    each_lane(lanes, [&](unsigned lane) {
        if (static_cast<const Match *>(operands[lane])->value == value)
            equal |= 1u << lane;
    });
    return equal;
}

void match_any_work(void *const operands[warp_size], unsigned lanes) {
    each_lane(lanes, [&](unsigned lane) {
        Match &own = *static_cast<Match *>(operands[lane]);
        own.result = equal_lanes(operands, lanes, own.value);
    });
}

void match_all_work(void *const operands[warp_size], unsigned lanes) {
    each_lane(lanes, [&](unsigned lane) {
        Match &own = *static_cast<Match *>(operands[lane]);
        own.result = equal_lanes(operands, lanes, own.value) == lanes ? lanes : 0;
    });
}

void sync_work(void *const *, unsigned lanes) { check::meet(this_block(), lane().rank / warp_size, 1, &lanes, {}, false); }

} // namespace

namespace detail {

uint64_t shuffle_idx(unsigned mask, uint64_t bits, unsigned b, unsigned c) {
    WWSIM_NOTE_SITE();
    return shuffle<Mode::idx>("__shfl_sync", mask, bits, b, c);
}
uint64_t shuffle_up(unsigned mask, uint64_t bits, unsigned b, unsigned c) {
    WWSIM_NOTE_SITE();
    return shuffle<Mode::up>("__shfl_up_sync", mask, bits, b, c);
}
uint64_t shuffle_down(unsigned mask, uint64_t bits, unsigned b, unsigned c) {
    WWSIM_NOTE_SITE();
    return shuffle<Mode::down>("__shfl_down_sync", mask, bits, b, c);
}
uint64_t shuffle_xor(unsigned mask, uint64_t bits, unsigned b, unsigned c) {
    WWSIM_NOTE_SITE();
    return shuffle<Mode::bfly>("__shfl_xor_sync", mask, bits, b, c);
}

unsigned match_any(unsigned mask, uint64_t bits) {
    WWSIM_NOTE_SITE();
    Match operand{bits, 0};
    meet("__match_any_sync", mask, &operand, match_any_work);
    return operand.result;
}

unsigned match_all(unsigned mask, uint64_t bits, int *all_equal) {
    WWSIM_NOTE_SITE();
    Match operand{bits, 0};
    meet("__match_all_sync", mask, &operand, match_all_work);
    *all_equal = operand.result != 0;
    return operand.result;
}

} // namespace detail

inline namespace api {

unsigned __ballot_sync(unsigned mask, int predicate) {
    WWSIM_NOTE_SITE();
    return vote<Vote::ballot>("__ballot_sync", mask, predicate);
}
int __all_sync(unsigned mask, int predicate) {
    WWSIM_NOTE_SITE();
    return (int)vote<Vote::all>("__all_sync", mask, predicate);
}
int __any_sync(unsigned mask, int predicate) {
    WWSIM_NOTE_SITE();
    return (int)vote<Vote::any>("__any_sync", mask, predicate);
}

void __syncwarp(unsigned mask) {
    WWSIM_NOTE_SITE();
    meet("__syncwarp", mask, nullptr, sync_work);
}

} // namespace api
} // namespace wwsim
