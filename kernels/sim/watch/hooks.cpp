// The functions that a kernel compiled with -fsanitize=thread calls before each of its loads and stores, in the place of libtsan's; and
// for its atomic operations, which they do themselves.
#include <cstdint>
#include <cstring>

#include "../check/race.h"
#include "../check/verify.h"
#include "../count/count.h"
#include "../exec/grid.h"

extern "C" __thread char *wwsim_dynamic_shared;

namespace wwsim {

int watched_launches = 0;

// What threadIdx and its like are read from, and what twins ask whether to tell. Some of it lies beside `__shared__` variables: what goes
// too far there is of another size, or writes.
static bool is_own(const Lane &lane, const Access &access) {
    if (access.effect != Effect::read) return false;
    const uintptr_t address = reinterpret_cast<uintptr_t>(access.address);
    const auto within = [=](const void *begin, size_t bytes) { return address - reinterpret_cast<uintptr_t>(begin) < bytes; };
    const auto is = [&](const void *variable, size_t bytes) { return access.address == variable && access.bytes == bytes; };
    return is(&current, sizeof current) || within(&lane, sizeof(LaneView)) || within(lane.block, sizeof(BlockView)) ||
           within(&blockDim, sizeof blockDim) || within(&gridDim, sizeof gridDim) ||
           is(&wwsim_dynamic_shared, sizeof wwsim_dynamic_shared) || is(&watched_launches, sizeof watched_launches);
}

static void observe_in(const Place &place, const Watching &watching, const Lane &lane, const Access &access) {
    if (watching.watch.check) {
        if (place.space == Space::shared) check::visit(access);
        check::verify(access, place);
        // What does not change can't race.
        if (place.space != Space::constant)
            check::check_access({reinterpret_cast<uintptr_t>(access.address), access.bytes, access.effect, access.order, access.is_volatile,
                                 place.space == Space::shared, {lane.site, access.instruction}});
    }
    if (watching.watch.count) count::record_access(access, place.space);
}

void observe(const Access &access) {
    if (!current) return;
    Block &block = this_block();
    Watching *watching = block.grid->watching.get();
    if (!watching || block.works_for_all) return;
    Lane &lane = this_lane();
    if (access.site) lane.site = access.site;
    const uintptr_t address = reinterpret_cast<uintptr_t>(access.address);
    if (address - reinterpret_cast<uintptr_t>(lane.context.stack) < lane.context.bytes) {
        if (watching->watch.check && !lane.in_flight.empty()) check::verify_registers(access);
        return;
    }
    if (const Place *place = watching->places.recent(address, lane.site)) return observe_in(*place, *watching, lane, access);
    if (is_own(lane, access)) return;
    const Place place = watching->places.find(block, address, lane.site);
    if (place.space != Space::own) observe_in(place, *watching, lane, access);
}

namespace {

// A macro, because __builtin_return_address(0) is the caller's of the function that it is written in.
#define WWSIM_OBSERVE_AS(address, bytes, effect, is_volatile, alignment, is_range)                                                \
    if (__builtin_expect(watched_launches != 0, 0) && current)                                                                    \
    observe({address, bytes, effect, is_volatile ? Order::relaxed : Order::plain, is_volatile, nullptr, __builtin_return_address(0), \
             alignment, is_range})
#define WWSIM_OBSERVE(address, bytes, effect, is_volatile) WWSIM_OBSERVE_AS(address, bytes, effect, is_volatile, 1, false)
// What the compiler takes to be aligned. It means no more than 8 bytes where it says 16: a pair of doubles, say.
#define WWSIM_OBSERVE_ALIGNED(address, bytes, effect, is_volatile)                                                                \
    WWSIM_OBSERVE_AS(address, bytes, effect, is_volatile, bytes < 8 ? bytes : 8, false)
#define WWSIM_OBSERVE_RANGE(address, bytes, effect) WWSIM_OBSERVE_AS(address, bytes, effect, false, 1, true)

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
    observe({const_cast<const T *>(address), sizeof(T), effect, order_of(order), false, nullptr, __builtin_return_address(0), \
             sizeof(T)})

} // namespace
} // namespace wwsim

using namespace wwsim;

// clang-format off
#define WWSIM_ACCESS(bytes) \
    void __tsan_read##bytes(void *at) { WWSIM_OBSERVE_ALIGNED(at, bytes, Effect::read, false); } \
    void __tsan_write##bytes(void *at) { WWSIM_OBSERVE_ALIGNED(at, bytes, Effect::write, false); } \
    void __tsan_unaligned_read##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::read, false); } \
    void __tsan_unaligned_write##bytes(void *at) { WWSIM_OBSERVE(at, bytes, Effect::write, false); } \
    void __tsan_volatile_read##bytes(void *at) { WWSIM_OBSERVE_ALIGNED(at, bytes, Effect::read, true); } \
    void __tsan_volatile_write##bytes(void *at) { WWSIM_OBSERVE_ALIGNED(at, bytes, Effect::write, true); } \
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

void __tsan_read_range(void *at, size_t bytes) { WWSIM_OBSERVE_RANGE(at, bytes, Effect::read); }
void __tsan_write_range(void *at, size_t bytes) { WWSIM_OBSERVE_RANGE(at, bytes, Effect::write); }

void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void *at) { WWSIM_OBSERVE_ALIGNED(at, sizeof(void *), Effect::read, false); }
void __tsan_vptr_update(void *at, void *) { WWSIM_OBSERVE_ALIGNED(at, sizeof(void *), Effect::write, false); }

// clang calls these, and GCC those whose names checked_builtins.h gives to memcpy, memmove and memset.
void *__tsan_memcpy(void *to, const void *from, size_t bytes) {
    WWSIM_OBSERVE_RANGE(from, bytes, Effect::read);
    WWSIM_OBSERVE_RANGE(to, bytes, Effect::write);
    return std::memcpy(to, from, bytes);
}
void *__tsan_memmove(void *to, const void *from, size_t bytes) {
    WWSIM_OBSERVE_RANGE(from, bytes, Effect::read);
    WWSIM_OBSERVE_RANGE(to, bytes, Effect::write);
    return std::memmove(to, from, bytes);
}
void *__tsan_memset(void *to, int byte, size_t bytes) {
    WWSIM_OBSERVE_RANGE(to, bytes, Effect::write);
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
