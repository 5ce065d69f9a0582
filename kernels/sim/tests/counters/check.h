// What the tests of the counters share. Each launches small kernels whose cost was worked out by hand, under several schedules.
#pragma once

#include <cuda_runtime.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../sim.h"

inline int failures = 0;

inline void expect(int64_t actual, int64_t expected, const char *what, int line) {
    if (actual == expected) return;
    std::printf("line %d: %s: expected %" PRId64 ", got %" PRId64 "\n", line, what, expected, actual);
    failures++;
}
#define EXPECT(actual, expected) expect(actual, expected, #actual, __LINE__)
#define REQUIRE(condition)                                                                                                        \
    if (!(condition)) std::printf("line %d: not so: %s\n", __LINE__, #condition), std::exit(1)

// A GPU that counts.
class Counted {
  public:
    Counted(uint64_t seed, int timing) {
        const ww_sim_options options{seed, timing, 90, WW_SIM_COUNT | WW_SIM_CHECK};
        REQUIRE(ww_sim_stream_create(&stream_, &options) == 0);
    }
    ~Counted() { ww_sim_stream_destroy(stream_); }

    // Zeros.
    template <class T> T *allocate(size_t count) {
        void *memory;
        REQUIRE(ww_sim_malloc(&memory, int64_t(count * sizeof(T)), stream_) == 0);
        REQUIRE(ww_sim_fill(memory, 0, int64_t(count * sizeof(T)), stream_) == 0);
        return static_cast<T *>(memory);
    }

    // What the one kernel costs that `launch` launches. Valid until the next call.
    template <class Launch> const ww_sim_counters &cost(Launch launch) {
        REQUIRE(ww_sim_counters_reset(stream_) == 0);
        launch(static_cast<cudaStream_t>(stream_));
        const ww_sim_counters *counters;
        int64_t count;
        if (ww_sim_counters_read(stream_, &counters, &count) != 0) std::printf("%s\n", ww_sim_message(stream_)), std::exit(1);
        REQUIRE(count == 1);
        return *counters;
    }

  private:
    ww_stream stream_ = nullptr;
};

inline const ww_sim_global_traffic &loads(const ww_sim_counters &c) { return c.global[WW_SIM_GLOBAL_LOAD]; }
inline const ww_sim_global_traffic &stores(const ww_sim_counters &c) { return c.global[WW_SIM_GLOBAL_STORE]; }
inline const ww_sim_shared_traffic &shared_loads(const ww_sim_counters &c) { return c.shared[WW_SIM_SHARED_LOAD]; }
inline const ww_sim_shared_traffic &shared_stores(const ww_sim_counters &c) { return c.shared[WW_SIM_SHARED_STORE]; }

// That of the name; zeros where there is none.
inline ww_sim_instruction instruction(const ww_sim_counters &c, const char *name) {
    for (int64_t i = 0; i < c.instruction_count; i++)
        if (std::strcmp(c.instructions[i].name, name) == 0) return c.instructions[i];
    return {};
}

// Calls `test` with a GPU for each schedule; its result is that of `main`.
inline int run(void (*test)(Counted &gpu)) {
    for (uint64_t seed = 0; seed < 4 && !failures; seed++) {
        for (int timing : {WW_SIM_EARLY, WW_SIM_LATE, WW_SIM_SEEDED}) {
            Counted gpu(seed, timing);
            test(gpu);
            if (failures) std::printf("with seed %" PRIu64 ", timing %d\n", seed, timing);
        }
    }
    return failures != 0;
}
