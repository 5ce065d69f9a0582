// Twins of common/ptx/fence.cuh. Blocks run on OS threads of one process, so the host's atomics give the order, in every scope. Each
// lets others run: a thread may be waiting for one of its own block, on the same OS thread.
#pragma once

#include "check.h"

namespace wwsim::isa {

template <typename T> __forceinline__ T load_acquire(const T *address) {
    check_aligned("ld.acquire", address, sizeof(T));
    yield();
    observe("ld.acquire", Effect::read, address, sizeof(T), Order::acquire);
    const T value = __atomic_load_n(address, __ATOMIC_ACQUIRE);
    forget_memory();
    return value;
}

template <typename T> __forceinline__ void store_release(T *address, T value) {
    check_aligned("st.release", address, sizeof(T));
    observe("st.release", Effect::write, address, sizeof(T), Order::release);
    forget_memory();
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
    yield();
}

template <typename T> __forceinline__ T fetch_add(T *address, T value) {
    check_aligned("atom.add", address, sizeof(T));
    observe("atom.add", Effect::update, address, sizeof(T), Order::acquire_release);
    forget_memory();
    const T before = __atomic_fetch_add(address, value, __ATOMIC_ACQ_REL);
    yield();
    forget_memory();
    return before;
}

__forceinline__ void fence() {
    forget_memory();
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
    yield();
    forget_memory();
}

} // namespace wwsim::isa
