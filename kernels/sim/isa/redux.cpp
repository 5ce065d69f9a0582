#include "redux.h"

#include <algorithm>

#include "../count/count.h"
#include "../exec/device.h"

namespace wwsim::isa {

namespace {

// Each lane hands over its value, and finds the result in its place.
template <typename T, T (*combine)(T, T)> T redux(const char *instruction, unsigned mask, T value) {
    count::instruction(count::Kind::collective, instruction);
    rendezvous(instruction, mask, &value, [](void *const operands[warp_size], unsigned lanes) {
        T result = *static_cast<T *>(operands[__builtin_ctz(lanes)]);
        for (unsigned rest = lanes & (lanes - 1); rest != 0; rest &= rest - 1)
            result = combine(result, *static_cast<T *>(operands[__builtin_ctz(rest)]));
        for (unsigned rest = lanes; rest != 0; rest &= rest - 1) *static_cast<T *>(operands[__builtin_ctz(rest)]) = result;
    });
    return value;
}

template <typename T> T minimum(T a, T b) { return std::min(a, b); }
template <typename T> T maximum(T a, T b) { return std::max(a, b); }
uint32_t sum(uint32_t a, uint32_t b) { return a + b; }
uint32_t bits_and(uint32_t a, uint32_t b) { return a & b; }
uint32_t bits_or(uint32_t a, uint32_t b) { return a | b; }
uint32_t bits_xor(uint32_t a, uint32_t b) { return a ^ b; }

} // namespace

uint32_t redux_add(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, sum>(instruction, mask, value);
}
int32_t redux_add(const char *instruction, unsigned mask, int32_t value) {
    WWSIM_NOTE_SITE();
    return static_cast<int32_t>(redux_add(instruction, mask, static_cast<uint32_t>(value)));
}
int32_t redux_min(const char *instruction, unsigned mask, int32_t value) {
    WWSIM_NOTE_SITE();
    return redux<int32_t, minimum<int32_t>>(instruction, mask, value);
}
uint32_t redux_min(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, minimum<uint32_t>>(instruction, mask, value);
}
int32_t redux_max(const char *instruction, unsigned mask, int32_t value) {
    WWSIM_NOTE_SITE();
    return redux<int32_t, maximum<int32_t>>(instruction, mask, value);
}
uint32_t redux_max(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, maximum<uint32_t>>(instruction, mask, value);
}
uint32_t redux_and(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, bits_and>(instruction, mask, value);
}
uint32_t redux_or(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, bits_or>(instruction, mask, value);
}
uint32_t redux_xor(const char *instruction, unsigned mask, uint32_t value) {
    WWSIM_NOTE_SITE();
    return redux<uint32_t, bits_xor>(instruction, mask, value);
}

} // namespace wwsim::isa
