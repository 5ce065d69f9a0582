// The functions that a kernel compiled with -fsanitize=thread calls before each of its loads and stores, in the place of libtsan's; and
// for its atomic operations, which they do themselves.
#include <cstdint>
#include <cstring>

#include "../check/race.h"
#include "../exec/gang.h"

namespace wwsim {

int watched_launches = 0;

void observe(const Access &access) {
    if (!current) return;
    const Block &block = this_block();
    const auto address = reinterpret_cast<uintptr_t>(access.address);
    const Context &stack = this_lane().context;
    if (!access.bytes || address - reinterpret_cast<uintptr_t>(stack.stack) < stack.bytes) return;
    const bool shared = block.gang->holds_shared(block, access.address);
    check::check_access({address, access.bytes, access.effect, access.order, access.is_volatile, shared,
                         {access.site ? access.site : current->site, access.instruction}});
}

namespace {

// A macro, because __builtin_return_address(0) is the caller's of the function that it is written in.
#define WWSIM_OBSERVE(address, bytes, effect, is_volatile)                                                                        \
    if (__builtin_expect(watched_launches != 0, 0) && current)                                                                    \
    observe({address, bytes, effect, is_volatile ? Order::relaxed : Order::plain, is_volatile, nullptr, __builtin_return_address(0)})

Order order_of(int memory_order) {
    switch (memory_order) {
    case __ATOMIC_RELAXED: return Order::relaxed;
    case __ATOMIC_CONSUME:
    case __ATOMIC_ACQUIRE: return Order::acquire;
    case __ATOMIC_RELEASE: return Order::release;
    default: return Order::acquire_release;
    }
}

#define WWSIM_OBSERVE_ATOMIC(address, effect, order)                                                                              \
    if (__builtin_expect(watched_launches != 0, 0) && current)                                                                    \
    observe({const_cast<const T *>(address), sizeof(T), effect, order_of(order), false, nullptr, __builtin_return_address(0)})

} // namespace
} // namespace wwsim

using namespace wwsim;

// clang-format off
#define WWSIM_ACCESS(bytes) \
    void __tsan_read##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::read, false); } \
    void __tsan_write##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::write, false); } \
    void __tsan_unaligned_read##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::read, false); } \
    void __tsan_unaligned_write##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::write, false); } \
    void __tsan_volatile_read##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::read, true); } \
    void __tsan_volatile_write##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::write, true); } \
    void __tsan_unaligned_volatile_read##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::read, true); } \
    void __tsan_unaligned_volatile_write##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::write, true); }

#define WWSIM_ATOMIC_UPDATE(bits, name) \
    T __tsan_atomic##bits##_fetch_##name(volatile T *at, T value, int order) { \
        WWSIM_OBSERVE_ATOMIC(at, Effect::update, order); \
        return __atomic_fetch_##name(at, value, __ATOMIC_SEQ_CST); \
    }
#define WWSIM_ATOMIC_EXCHANGE(bits, strength, weak) \
    int __tsan_atomic##bits##_compare_exchange_##strength(volatile T *at, T *expected, T value, int order, int failure) { \
        (void)failure; \
        WWSIM_OBSERVE_ATOMIC(at, Effect::update, order); \
        return __atomic_compare_exchange_n(at, expected, value, weak, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    }
#define WWSIM_ATOMIC(bits) \
    namespace wwsim_atomic_##bits { using T = uint##bits##_t; extern "C" { \
    T __tsan_atomic##bits##_load(const volatile T *at, int order) { \
        WWSIM_OBSERVE_ATOMIC(at, Effect::read, order); \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST); \
    } \
    void __tsan_atomic##bits##_store(volatile T *at, T value, int order) { \
        WWSIM_OBSERVE_ATOMIC(at, Effect::write, order); \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST); \
    } \
    T __tsan_atomic##bits##_exchange(volatile T *at, T value, int order) { \
        WWSIM_OBSERVE_ATOMIC(at, Effect::update, order); \
        return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST); \
    } \
    WWSIM_ATOMIC_UPDATE(bits, add) WWSIM_ATOMIC_UPDATE(bits, sub) WWSIM_ATOMIC_UPDATE(bits, and) \
    WWSIM_ATOMIC_UPDATE(bits, or) WWSIM_ATOMIC_UPDATE(bits, xor) WWSIM_ATOMIC_UPDATE(bits, nand) \
    WWSIM_ATOMIC_EXCHANGE(bits, strong, false) WWSIM_ATOMIC_EXCHANGE(bits, weak, true) \
    T __tsan_atomic##bits##_compare_exchange_val(volatile T *at, T expected, T value, int order, int failure) { \
        (void)failure; \
        WWSIM_OBSERVE_ATOMIC(at, Effect::update, order); \
        __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        return expected; \
    } \
    } }
// clang-format on

extern "C" {

WWSIM_ACCESS(1)
WWSIM_ACCESS(2)
WWSIM_ACCESS(4)
WWSIM_ACCESS(8)
WWSIM_ACCESS(16)

void __tsan_read_range(void *at, size_t bytes) { WWSIM_OBSERVE(at, bytes, Effect::read, false); }
void __tsan_write_range(void *at, size_t bytes) { WWSIM_OBSERVE(at, bytes, Effect::write, false); }

void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void *) {}
void __tsan_vptr_update(void *, void *) {}

// clang calls these, and GCC those whose names checked_builtins.h gives to memcpy, memmove and memset.
void *__tsan_memcpy(void *to, const void *from, size_t bytes) {
    WWSIM_OBSERVE(from, bytes, Effect::read, false);
    WWSIM_OBSERVE(to, bytes, Effect::write, false);
    return std::memcpy(to, from, bytes);
}
void *__tsan_memmove(void *to, const void *from, size_t bytes) {
    WWSIM_OBSERVE(from, bytes, Effect::read, false);
    WWSIM_OBSERVE(to, bytes, Effect::write, false);
    return std::memmove(to, from, bytes);
}
void *__tsan_memset(void *to, int byte, size_t bytes) {
    WWSIM_OBSERVE(to, bytes, Effect::write, false);
    return std::memset(to, byte, bytes);
}

void __tsan_atomic_thread_fence(int) {
    if (__builtin_expect(watched_launches != 0, 0)) check::fence();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {}
}

WWSIM_ATOMIC(8)
WWSIM_ATOMIC(16)
WWSIM_ATOMIC(32)
WWSIM_ATOMIC(64)
