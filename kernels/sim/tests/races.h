// What the tests of races share: accesses as compiled kernels and twins tell of them, and launches that must be silent, or caught.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "check/check.h"
#include "exec/lane.h"
#include "exec/launch.h"
#include "include/cuda_runtime.h"
#include "check.h"

using namespace wwsim;

// ---- A kernel's accesses

#define HERE __builtin_return_address(0)
#define APART __attribute__((noinline))

template <class T> APART T load(const T *at) {
    observe({at, sizeof(T), Effect::read, Order::plain, false, nullptr, HERE});
    return *at;
}
template <class T> APART void store(T *at, T value) {
    observe({at, sizeof(T), Effect::write, Order::plain, false, nullptr, HERE});
    *at = value;
}
template <class T> APART T load_volatile(const T *at) {
    yield();
    observe({at, sizeof(T), Effect::read, Order::relaxed, true, nullptr, HERE});
    return *at;
}
template <class T> APART void store_volatile(T *at, T value) {
    observe({at, sizeof(T), Effect::write, Order::relaxed, true, nullptr, HERE});
    *at = value;
    yield();
}
template <class T> APART T load_atomic(const T *at, Order order) {
    yield();
    observe({at, sizeof(T), Effect::read, order, false, nullptr, HERE});
    return *at;
}
template <class T> APART void store_atomic(T *at, T value, Order order) {
    observe({at, sizeof(T), Effect::write, order, false, nullptr, HERE});
    *at = value;
    yield();
}
template <class T> APART T add(T *at, T value, Order order = Order::relaxed) {
    observe({at, sizeof(T), Effect::update, order, false, nullptr, HERE});
    const T before = *at;
    *at = before + value;
    yield();
    return before;
}

// All threads of the block come here before any goes on: in time, which orders nothing.
inline void in_time() {
    static unsigned come, gone;
    come++;
    while (come < block().threads) yield();
    if (++gone == block().threads) come = gone = 0;
    while (gone != 0) yield();
}

inline unsigned rank() { return lane().rank; }
inline unsigned block_number() { return block().block_idx.x; }
template <class T = int> static T *shared() { return reinterpret_cast<T *>(block().dynamic_shared); }
constexpr size_t global_bytes = 1 << 18, shared_bytes = 1 << 16;
inline int *global() {
    static int *const memory = [] {
        void *made = nullptr;
        CHECK(cudaMalloc(&made, global_bytes) == cudaSuccess);
        CHECK(cudaMemset(made, 0, global_bytes) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess); // it's written
        return static_cast<int *>(made);
    }();
    return memory;
}

// ---- Launching

struct Shape {
    dim3 grid{1}, block{64}, cluster{1};
    bool cooperative = false;
};

class Kernel : public Body {
  public:
    explicit Kernel(std::function<void()> f) : f(std::move(f)) {}
    void run() const override { f(); }
    size_t bytes() const override { return sizeof *this; }

  private:
    std::function<void()> f;
};

// Shared memory begins written, and seen by asynchronous operations.
inline void prepare() {
    if (rank() == 0) {
        observe("fill", Effect::write, shared(), shared_bytes);
        check::fence_proxy_async();
    }
    __syncthreads();
    if (block().cluster_dim.x > 1) cluster_arrive(), cluster_wait();
}

inline Outcome launch(const Shape &shape, Schedule schedule, const std::function<void()> &kernel) {
    std::memset(global(), 0, global_bytes);
    schedule.watch.check = true;
    const Kernel body([&] { prepare(), kernel(); });
    return run({"test", shape.grid, shape.block, shape.cluster, shared_bytes, shape.cooperative}, body, schedule);
}

constexpr Timing timings[] = {Timing::early, Timing::late, Timing::seeded};
constexpr uint64_t seeds = 4;

// No schedule finds a race.
inline void silent(const char *name, const Shape &shape, const std::function<void()> &kernel) {
    for (uint64_t seed = 0; seed < seeds; seed++) {
        for (Timing timing : timings) {
            const Outcome outcome = launch(shape, {seed, timing}, kernel);
            if (!outcome.ok) {
                std::printf("%s, seed %d: expected no mistake, got %s\n", name, (int)seed, outcome.message.c_str());
                failures++;
                return;
            }
        }
    }
}

// Every schedule finds it, and says so with all of `texts`.
inline void caught(const char *name, const Shape &shape, Fault fault, const std::vector<std::string> &texts,
                   const std::function<void()> &kernel) {
    for (uint64_t seed = 0; seed < seeds; seed++) {
        for (Timing timing : timings) {
            const Outcome outcome = launch(shape, {seed, timing}, kernel);
            bool right = !outcome.ok && outcome.fault == fault;
            for (const std::string &text : texts) right = right && outcome.message.find(text) != std::string::npos;
            if (!right) {
                std::printf("%s, seed %d: expected a report with", name, (int)seed);
                for (const std::string &text : texts) std::printf(" '%s'", text.c_str());
                std::printf(", got %s\n", outcome.ok ? "none" : outcome.message.c_str());
                failures++;
                return;
            }
        }
    }
}

inline void caught(const char *name, const Shape &shape, const std::vector<std::string> &texts, const std::function<void()> &kernel) {
    caught(name, shape, Fault::race, texts, kernel);
}
