// Twins of common/ptx/mbarrier.cuh; exec/mbarrier.h says what an mbarrier is here.
#pragma once

#include "check.h"

namespace wwsim {

namespace mbarrier {

// What an arrival brings beside itself.
struct Arrival {
    unsigned count = 1;
    unsigned expected_bytes = 0;
    bool drop = false;        // the thread takes no part in later phases
    bool completes = true;    // false: a fault if it completes the phase
};

void init(const char *instruction, uint64_t *at, unsigned count);
void invalidate(const char *instruction, uint64_t *at);
// Returns the state for `wait`.
uint64_t arrive(const char *instruction, uint64_t *at, Arrival arrival);
// At the mbarrier that lies in block `rank` where `at` does in this one.
void arrive_remote(const char *instruction, uint64_t *at, unsigned rank, Arrival arrival);
void expect_bytes(const char *instruction, uint64_t *at, unsigned bytes);
void complete_bytes(const char *instruction, uint64_t *at, unsigned bytes);
// Arrives when all cp.async of this thread up to now are done. With `counted` the phase waits for it beyond the count of mbarrier.init.
void arrive_after_copies(const char *instruction, uint64_t *at, bool counted);

// Whether the phase is complete. Those that suspend wait for that, but may give up.
bool wait_state(const char *instruction, const uint64_t *at, uint64_t state, bool suspends);
bool wait_parity(const char *instruction, const uint64_t *at, unsigned parity, bool suspends);

} // namespace mbarrier

namespace isa {

inline void mbarrier_init(uint64_t *bar, unsigned count) {
    forget_memory();
    mbarrier::init("mbarrier.init", bar, count);
    forget_memory();
}

inline void mbarrier_inval(uint64_t *bar) {
    forget_memory();
    mbarrier::invalidate("mbarrier.inval", bar);
    forget_memory();
}

inline uint64_t mbarrier_arrive(const char *instruction, uint64_t *bar, mbarrier::Arrival arrival) {
    forget_memory();
    const uint64_t state = mbarrier::arrive(instruction, bar, arrival);
    forget_memory();
    return state;
}

inline void mbarrier_arrive_cluster(const char *instruction, uint64_t *bar, unsigned rank, mbarrier::Arrival arrival) {
    forget_memory();
    mbarrier::arrive_remote(instruction, bar, rank, arrival);
    forget_memory();
}

inline void mbarrier_expect_tx(uint64_t *bar, unsigned bytes) {
    forget_memory();
    mbarrier::expect_bytes("mbarrier.expect_tx", bar, bytes);
    forget_memory();
}

inline void mbarrier_complete_tx(uint64_t *bar, unsigned bytes) {
    forget_memory();
    mbarrier::complete_bytes("mbarrier.complete_tx", bar, bytes);
    forget_memory();
}

inline void async_mbarrier_arrive(const char *instruction, uint64_t *bar, bool counted) {
    forget_memory();
    mbarrier::arrive_after_copies(instruction, bar, counted);
    forget_memory();
}

inline bool mbarrier_wait(const char *instruction, const uint64_t *bar, uint64_t state, bool suspends) {
    forget_memory();
    const bool complete = mbarrier::wait_state(instruction, bar, state, suspends);
    forget_memory();
    return complete;
}

inline bool mbarrier_wait_parity(const char *instruction, const uint64_t *bar, unsigned parity, bool suspends) {
    forget_memory();
    const bool complete = mbarrier::wait_parity(instruction, bar, parity, suspends);
    forget_memory();
    return complete;
}

} // namespace isa
} // namespace wwsim
