// Unit tests of exec/: the order in which things run, and how a launch ends. Not CUDA: these call the scheduler itself.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "exec/launch.h"
#include "check.h"

using namespace wwsim;

template <class F> class Kernel : public Body {
  public:
    explicit Kernel(F f) : f(f) {}
    void run() const override { f(); }
    size_t bytes() const override { return sizeof *this; }

  private:
    F f;
};

struct Shape {
    dim3 grid, block, cluster{1};
    bool cooperative = false;
    size_t shared = 0;
    unsigned workers = 0;
};

template <class F> static Outcome launch(Shape shape, Schedule schedule, F f) {
    Launch launch{"test", shape.grid, shape.block, shape.cluster, shape.shared, shape.cooperative};
    return run(launch, Kernel<F>(f), schedule, shape.workers);
}

static bool contains(const Outcome &outcome, const char *text) { return outcome.message.find(text) != std::string::npos; }

static void nothing(void *const *, unsigned) {}
static void meet(unsigned mask = ~0u) { rendezvous("meet", mask, nullptr, nothing); }

// Every thread of every block runs once, whatever the shape, the seed and the number of OS threads.
static void every_thread_runs_once() {
    for (Shape shape : {Shape{1, 1}, Shape{7, 33}, Shape{{3, 5, 2}, {4, 3, 2}}, Shape{{4, 2, 3}, {33}, {2, 1, 3}}, Shape{6, 64, 1, true}}) {
        for (uint64_t seed : {0, 1, 2, 3}) {
            for (unsigned workers : {1, 2, 5}) {
                shape.workers = workers;
                unsigned blocks = shape.grid.x * shape.grid.y * shape.grid.z, threads = shape.block.x * shape.block.y * shape.block.z;
                std::vector<std::atomic<int>> runs(blocks * threads);
                Outcome outcome = launch(shape, {seed}, [&] {
                    const BlockView &b = block();
                    uint3 t = lane().thread_idx;
                    unsigned linear = b.block_idx.x + b.grid_dim.x * (b.block_idx.y + b.grid_dim.y * b.block_idx.z);
                    runs[linear * threads + t.x + b.block_dim.x * (t.y + b.block_dim.y * t.z)]++;
                    CHECK(lane().rank == t.x + b.block_dim.x * (t.y + b.block_dim.y * t.z));
                    CHECK(b.cluster_idx.x * b.cluster_dim.x + b.block_in_cluster.x == b.block_idx.x);
                });
                CHECK(outcome.ok);
                CHECK(std::all_of(runs.begin(), runs.end(), [](const auto &n) { return n == 1; }));
            }
        }
    }
}

// What the warps of a block did, in order.
static std::vector<unsigned> trace(uint64_t seed, Shape shape) {
    std::vector<unsigned> order;
    launch(shape, {seed}, [&] {
        for (int i = 0; i < 4; i++) {
            order.push_back(block().cluster_rank * 1000 + lane().rank);
            meet();
            barrier("barrier", 0, 0);
        }
    });
    return order;
}

static void the_seed_decides_the_order() {
    // A cluster's blocks have OS threads of their own: the order must not depend on the system's.
    for (Shape shape : {Shape{1, 128}, Shape{4, 64, 4}}) {
        std::set<std::vector<unsigned>> orders;
        for (uint64_t seed = 0; seed < 8; seed++) {
            CHECK(trace(seed, shape) == trace(seed, shape));
            orders.insert(trace(seed, shape));
        }
        CHECK(orders.size() == 8);
    }
}

static void blocks_start_in_an_order_of_the_seed() {
    auto order = [](uint64_t seed) {
        std::vector<unsigned> blocks;
        launch({12, 1, 1, false, 0, 1}, {seed}, [&] { blocks.push_back(block().block_idx.x); });
        return blocks;
    };
    std::vector<unsigned> in_order = order(0);
    CHECK(std::is_sorted(in_order.begin(), in_order.end()));
    CHECK(order(1) != in_order && order(1) == order(1));
}

static void a_collective_waits_for_its_mask_alone() {
    unsigned done = 0;
    Outcome outcome = launch({1, 32}, {}, [&] {
        if (lane().lane < 16) {
            meet(0x0000FFFF);
            done |= 1;
            barrier("barrier", 1, 32);
        } else {
            // The upper half has not met yet when the lower half goes on, in some order or other.
            meet(0xFFFF0000);
            done |= 2;
            barrier("barrier", 1, 32);
        }
        CHECK(done == 3);
    });
    CHECK(outcome.ok);
    // Overlapping masks, one after the other.
    outcome = launch({1, 3}, {}, [&] {
        unsigned i = lane().lane;
        if (i != 2) meet(0b011);
        if (i != 1) meet(0b101);
        if (i != 0) meet(0b110);
    });
    CHECK(outcome.ok);
}

static void threads_that_have_exited_are_not_waited_for() {
    for (uint64_t seed = 0; seed < 8; seed++) {
        Outcome outcome = launch({2, 100, 2}, {seed}, [&] {
            if (lane().rank % 3 == 0) return;
            meet();
            barrier("barrier", 0, 0);
            if (lane().rank % 3 == 1) return;
            meet();
            barrier("barrier", 0, 0);
            cluster_arrive();
            cluster_wait();
        });
        CHECK(outcome.ok);
    }
}

static void a_barrier_separates() {
    for (uint64_t seed = 0; seed < 16; seed++) {
        std::vector<int> value(256);
        Outcome outcome = launch({1, 256}, {seed}, [&] {
            unsigned i = lane().rank;
            for (int round = 1; round <= 20; round++) {
                value[i] = round;
                barrier("barrier", 0, 0);
                CHECK(value[(i * 37 + 11) % 256] == round);
                barrier("barrier", 0, 0);
            }
        });
        CHECK(outcome.ok);
    }
}

// Producers arrive, consumers wait: two named barriers as a ring of one stage.
static void named_barriers_hand_over() {
    for (uint64_t seed = 0; seed < 16; seed++) {
        int stage = -1;
        Outcome outcome = launch({1, 96}, {seed}, [&] {
            bool producer = lane().rank < 32;
            for (int i = 0; i < 20; i++) {
                if (producer) {
                    if (i > 0) barrier("empty", 2, 96);
                    if (lane().rank == 0) stage = i;
                    meet();
                    barrier_arrive("full", 1, 96);
                } else {
                    barrier("full", 1, 96);
                    CHECK(stage == i);
                    if (i < 19) barrier_arrive("empty", 2, 96);
                }
            }
        });
        CHECK(outcome.ok);
    }
}

static void barrier_reductions() {
    launch({1, 70}, {}, [&] {
        int i = static_cast<int>(lane().rank);
        CHECK(barrier("count", 0, 0, Reduction::count, i % 2) == 35);
        CHECK(barrier("all", 0, 0, Reduction::all, i < 70) == 1);
        CHECK(barrier("all", 0, 0, Reduction::all, i < 69) == 0);
        CHECK(barrier("any", 0, 0, Reduction::any, i == 69) == 1);
        CHECK(barrier("any", 0, 0, Reduction::any, 0) == 0);
    });
}

// One thread copies two groups. When each word arrives tells the timing.
static void copies_complete_when_the_timing_says() {
    auto seen = [](Schedule schedule) {
        std::string text;
        static const int source[3] = {1, 2, 3};
        Outcome outcome = launch({1, 1, 1, false, 64}, schedule, [&] {
            int *shared = reinterpret_cast<int *>(block().dynamic_shared);
            shared[0] = shared[1] = shared[2] = 0;
            auto note = [&] { text += std::to_string(shared[0]) + std::to_string(shared[1]) + std::to_string(shared[2]) + " "; };
            async_copy(shared, source, 4, 4);
            async_commit();
            async_copy(shared + 1, source + 1, 4, 0);
            async_copy(shared + 2, source + 2, 4, 4);
            async_commit();
            note();
            async_wait(1);
            note();
            async_wait(0);
            note();
        });
        CHECK(outcome.ok);
        return text;
    };
    CHECK(seen({0, Timing::early}) == "103 103 103 ");
    CHECK(seen({0, Timing::late}) == "000 100 103 ");
    std::set<std::string> all;
    for (uint64_t seed = 0; seed < 64; seed++) {
        all.insert(seen({seed, Timing::seeded}));
        CHECK(seen({seed, Timing::seeded}) == seen({seed, Timing::seeded}));
    }
    CHECK(all.count("003 103 103 ") && all.count("100 100 103 ") && all.count("000 100 103 "));
}

static void grid_and_cluster_barriers_separate() {
    for (uint64_t seed = 0; seed < 6; seed++) {
        std::vector<int> value(12);
        Outcome outcome = launch({12, 33, 3, true}, {seed}, [&] {
            unsigned b = block().block_idx.x;
            for (int round = 1; round <= 5; round++) {
                if (lane().rank == 0) value[b] = 2 * round;
                cluster_arrive();
                cluster_wait();
                CHECK(value[b / 3 * 3 + (b + 1) % 3] == 2 * round);
                grid_barrier();
                CHECK(value[(b * 5 + 1) % 12] == 2 * round);
                grid_barrier();
            }
        });
        CHECK(outcome.ok);
    }
}

static void shared_memory_maps_to_the_neighbor() {
    static __thread int variable;
    Outcome outcome = launch({4, 1, 4, false, 128}, {5}, [&] {
        unsigned rank = block().cluster_rank;
        variable = static_cast<int>(rank);
        reinterpret_cast<unsigned *>(block().dynamic_shared)[7] = 10 * rank;
        cluster_arrive();
        cluster_wait();
        unsigned other = (rank + 1) % 4;
        CHECK(*static_cast<int *>(map_shared(&variable, other)) == static_cast<int>(other));
        CHECK(static_cast<unsigned *>(map_shared(block().dynamic_shared, other))[7] == 10 * other);
        CHECK(is_shared(&variable) && is_shared(block().dynamic_shared + 127) && !is_shared(&failures));
        cluster_arrive();
        cluster_wait();
    });
    CHECK(outcome.ok);
}

static void a_spin_lock_ends() {
    for (uint64_t seed = 0; seed < 4; seed++) {
        std::atomic<int> lock{0};
        int count = 0;
        Outcome outcome = launch({8, 96}, {seed}, [&] {
            for (bool done = false; !done;) {
                int expected = 0;
                if (lock.compare_exchange_strong(expected, 1)) {
                    count++;
                    lock = 0;
                    done = true;
                }
                yield();
            }
        });
        CHECK(outcome.ok && count == 8 * 96);
    }
}

// One thread that yields is not a deadlock, although all others wait for it.
static void a_yield_gives_the_turn_and_gets_it_back() {
    for (uint64_t seed = 0; seed < 8; seed++) {
        Outcome outcome = launch({3, 32, 3}, {seed}, [&] {
            if (block().cluster_rank == 0 && lane().rank == 0) {
                for (int i = 0; i < 100; i++) yield();
            }
            cluster_arrive();
            cluster_wait();
        });
        CHECK(outcome.ok);
    }
}

static void shared_memory_of_a_block_that_has_exited_is_gone() {
    for (uint64_t seed = 0; seed < 8; seed++) {
        unsigned read = 0;
        bool exited = false;
        Outcome outcome = launch({2, 1, 2, false, 4}, {seed}, [&] {
            *reinterpret_cast<unsigned *>(block().dynamic_shared) = 7;
            cluster_arrive();
            cluster_wait();
            if (block().cluster_rank == 1) {
                exited = true;
                return;
            }
            const volatile unsigned *neighbor = static_cast<unsigned *>(map_shared(block().dynamic_shared, 1));
            while (!exited || *neighbor == 7) yield();
            read = *neighbor;
        });
        CHECK(outcome.ok && read == ~0u);
    }
}

// Several host threads launch at the same time, clusters among it, and end.
static void host_threads_launch_at_the_same_time() {
    std::vector<std::thread> hosts;
    std::atomic<int> right{0};
    for (unsigned host = 0; host < 6; host++) {
        hosts.emplace_back([&, host] {
            for (uint64_t seed = 0; seed < 10; seed++) {
                std::atomic<int> threads{0};
                Outcome outcome = launch({8, 96, host % 2 ? 4u : 1u}, {seed}, [&] {
                    barrier("b", 0, 0);
                    threads++;
                    cluster_arrive();
                    cluster_wait();
                });
                if (outcome.ok && threads == 8 * 96) right++;
            }
        });
    }
    for (std::thread &host : hosts) host.join();
    CHECK(right == 60);
}

// The parent's workers are not in a child.
static void a_forked_child_launches() {
    pid_t child = fork();
    if (child == 0) _exit(launch({8, 32, 4}, {}, [&] { barrier("b", 0, 0); }).ok ? 0 : 1);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static int recurse(int depth) {
    if (depth < 0) return 0;
    volatile int local[64];
    local[depth % 64] = depth;
    return recurse(depth + 1) + local[depth % 64];
}

[[maybe_unused]] __attribute__((noinline, no_sanitize("integer-divide-by-zero"))) static int divide(volatile int a, volatile int b) { return a / b; }

static void what_goes_wrong_is_said() {
    Outcome outcome = launch({2, 64}, {}, [&] {
        if (lane().rank < 40) {
            barrier("__syncthreads", 0, 64);
        } else {
            meet();
        }
    });
    CHECK(outcome.fault == Fault::deadlock && contains(outcome, "40 of 64 threads are at barrier 0"));
    CHECK(contains(outcome, "meet: warp 1, mask 0xffffffff, lanes 0xffffff00 are there"));

    outcome = launch({4, 64, 2}, {}, [&] {
        if (block().cluster_rank == 0) {
            cluster_arrive();
            cluster_wait();
        } else if (lane().rank == 0) {
            meet(0b11);
        } else {
            barrier("named", 2, 64);
        }
    });
    CHECK(outcome.fault == Fault::deadlock && contains(outcome, "barrier.cluster.wait") && contains(outcome, "mask 0x00000003"));

    outcome = launch({1, 32}, {}, [&] { meet(0xFFFF); });
    CHECK(!outcome.ok && contains(outcome, "is not in the mask 0x0000ffff"));
    outcome = launch({1, 32}, {}, [&] {
        if (lane().lane == 0) {
            rendezvous("other", ~0u, nullptr, [](void *const *, unsigned) {});
        } else {
            meet();
        }
    });
    CHECK(!outcome.ok && contains(outcome, "of the same mask 0xffffffff wait in"));
    outcome = launch({1, 96}, {}, [&] { barrier("b", 1, lane().rank < 32 ? 64 : 96); });
    CHECK(contains(outcome, "barrier 1 for"));
    outcome = launch({1, 64}, {}, [&] { barrier("b", 16, 0); });
    CHECK(contains(outcome, "barrier 16: a block has 16"));
    outcome = launch({1, 64}, {}, [&] { barrier("b", 1, 40); });
    CHECK(contains(outcome, "expected a multiple of 32"));
    outcome = launch({3, {8, 4}}, {}, [&] {
        if (block().block_idx.x == 2 && lane().thread_idx.y == 3 && lane().thread_idx.x == 5) fault(Fault::trap, "on purpose: %d", 42);
    });
    CHECK(outcome.fault == Fault::trap && outcome.message == "trap: kernel test, block (2,0,0), thread (5,3,0): on purpose: 42");
    outcome = launch({1, 1}, {}, [&] { grid_barrier(); });
    CHECK(contains(outcome, "not cooperative"));
    outcome = launch({1, 1}, {}, [&] { cluster_wait(); });
    CHECK(contains(outcome, "without barrier.cluster.arrive"));
    outcome = run({"test", 1, 32, 1, 0, false, 80}, Kernel([] { cluster_arrive(); }), {});
    CHECK(outcome.fault == Fault::illegal_instruction &&
          contains(outcome, "barrier.cluster.arrive: needs compute capability 9.0, this GPU has 8.0"));
    outcome = launch({4, 40}, {}, [&] {
        for (;;) yield();
    });
    CHECK(outcome.fault == Fault::deadlock && contains(outcome, "no thread has reached its end"));
    static volatile int *nowhere = reinterpret_cast<int *>(64);
    outcome = launch({2, 40}, {}, [&] {
        barrier("b", 0, 0);
        if (lane().rank == 33) *nowhere = 1;
        barrier("b", 0, 0);
    });
    CHECK(outcome.fault == Fault::illegal_address && contains(outcome, "thread (33,0,0): access to "));
#ifdef __x86_64__ // aarch64 divides by zero without a fault
    outcome = launch({1, 2}, {}, [&] { divide(7, 0); });
    CHECK(outcome.fault == Fault::launch_failure && contains(outcome, "divided by zero"));
#endif
    outcome = launch({1, 2}, {}, [&] { recurse(0); });
    CHECK(outcome.fault == Fault::launch_failure && contains(outcome, "stack overflow: a thread has 65536 bytes"));
    static volatile bool never = false;
    for (Shape shape : {Shape{3, 32}, Shape{4, 32, 2}}) {
        outcome = launch(shape, {}, [&] {
            barrier("b", 0, 0);
            if (block().block_idx.x == 1 && lane().rank == 7) {
                while (!never) {}
            }
            barrier("b", 0, 0);
        });
        CHECK(outcome.fault == Fault::deadlock);
        CHECK(contains(outcome, "block (1,0,0), thread (7,0,0): this thread has run for 2 s without a point"));
    }
    // A fault leaves nothing behind: the next launch runs.
    CHECK(launch({4, 256}, {}, [&] { barrier("b", 0, 0); }).ok);
}

int main() {
    setenv("WARPWEAVE_SIM_TIMEOUT", "2", 1); // read once, when threads first spin for long
    every_thread_runs_once();
    the_seed_decides_the_order();
    blocks_start_in_an_order_of_the_seed();
    a_collective_waits_for_its_mask_alone();
    threads_that_have_exited_are_not_waited_for();
    a_barrier_separates();
    named_barriers_hand_over();
    barrier_reductions();
    copies_complete_when_the_timing_says();
    grid_and_cluster_barriers_separate();
    shared_memory_maps_to_the_neighbor();
    a_spin_lock_ends();
    a_yield_gives_the_turn_and_gets_it_back();
    shared_memory_of_a_block_that_has_exited_is_gone();
    host_threads_launch_at_the_same_time();
    a_forked_child_launches();
    what_goes_wrong_is_said();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
