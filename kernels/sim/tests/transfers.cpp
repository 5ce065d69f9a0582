// What happens by itself: that it happens as late as it may, in parts and in any order; and what mbarriers, bulk copies and tiles refuse.
// What they compute is tested by the programs in kernels/tests/ptx.
#include <cstring>
#include <string>

#include "check.h"
#include "exec/launch.h"
#include "include/cuda.h"
#include "isa/bulk.h"
#include "isa/cluster.h"
#include "isa/mbarrier.h"
#include "isa/proxy.h"
#include "kernel.h"

using namespace wwsim;
using namespace wwsim::isa;

namespace {

constexpr Schedule late{0, Timing::late}, early{0, Timing::early};

template <class F> Outcome launch(const Schedule &schedule, unsigned blocks, unsigned threads, F f) {
    const Launch launch{"test", blocks, threads, blocks, 4096, false};
    return run(launch, Kernel<F>(f), schedule);
}

// Runs one block of one thread, which must end with this fault and this text in the message; with no text, end well.
template <class F> void expect(const char *test, Fault kind, const char *text, F f, const Schedule &schedule = late, unsigned blocks = 1) {
    const Outcome outcome = launch(schedule, blocks, 1, f);
    const bool as_expected =
        text ? !outcome.ok && outcome.fault == kind && outcome.message.find(text) != std::string::npos : outcome.ok;
    if (as_expected) return;
    std::printf("%s: expected \"%s\", got \"%s\"\n", test, text ? text : "", outcome.message.c_str());
    failures++;
}

alignas(128) char global_memory[1024];

// Of the running block: a tile's place, and two mbarriers behind it.
char *shared() { return block().dynamic_shared; }
uint64_t *bar(int i = 0) { return reinterpret_cast<uint64_t *>(shared() + 2048) + i; }
uint64_t arrive(unsigned count = 1, unsigned bytes = 0) { return mbarrier_arrive("mbarrier.arrive", bar(), {count, bytes}); }
bool is_complete(unsigned parity) { return mbarrier_wait_parity("mbarrier.test_wait.parity", bar(), parity, false); }
void wait(unsigned parity) {
    while (!mbarrier_wait_parity("mbarrier.try_wait.parity", bar(), parity, true)) {
    }
}
void load(void *to, const void *from, unsigned bytes) { issue<bulk_load>("cp.async.bulk", to, from, bytes, bar(), own_block); }
void store(void *to, const void *from, unsigned bytes) {
    issue<bulk_store>("cp.async.bulk.global", ReduceOp::none, ElementType::u8, to, from, bytes);
}

void mbarriers() {
    constexpr Fault wrong = Fault::illegal_instruction;
    expect("init at 4", Fault::misaligned_address, "is not a multiple of 8", [] { mbarrier_init(reinterpret_cast<uint64_t *>(shared() + 4), 1); });
    expect("init of global memory", Fault::illegal_address, "is not in shared memory",
           [] { mbarrier_init(reinterpret_cast<uint64_t *>(global_memory), 1); });
    expect("count 0", wrong, "count 0: expected 1 to 1048575", [] { mbarrier_init(bar(), 0); });
    expect("count 2^20", wrong, "count 1048576", [] { mbarrier_init(bar(), 1u << 20); });
    expect("init twice", wrong, "there is a valid mbarrier already", [] {
        mbarrier_init(bar(), 1);
        mbarrier_init(bar(), 1);
    });
    expect("arrive without init", wrong, "mbarrier.init comes first", [] { arrive(); });
    expect("wait without init", wrong, "mbarrier.init comes first", [] { wait(0); });
    expect("arrive after inval", wrong, "was invalidated", [] {
        mbarrier_init(bar(), 1);
        mbarrier_inval(bar());
        arrive();
    });
    expect("arrive after a store", wrong, "was overwritten: its memory holds 0x0000000000000007", [] {
        mbarrier_init(bar(), 1);
        *bar() = 7;
        arrive();
    });
    expect("three of two", wrong, "1 arrival(s) more than phase 0 waits for: 2 of 2 are pending", [] {
        mbarrier_init(bar(), 2);
        arrive(3);
    });
    expect("arrive by 0", wrong, "count 0", [] {
        mbarrier_init(bar(), 2);
        arrive(0);
    });
    expect("noComplete that completes", wrong, "which .noComplete must not", [] {
        mbarrier_init(bar(), 2);
        mbarrier_arrive("mbarrier.arrive.noComplete", bar(), {2, 0, false, false});
    });
    expect("too many bytes at once", wrong, "1048576 bytes: expected at most 1048575", [] {
        mbarrier_init(bar(), 1);
        mbarrier_expect_tx(bar(), 1u << 20);
    });
    expect("too many bytes in all", wrong, "1048576 bytes pending", [] {
        mbarrier_init(bar(), 1);
        mbarrier_expect_tx(bar(), (1u << 20) - 1);
        mbarrier_expect_tx(bar(), 1);
    });
    expect("too many bytes that nobody expected", wrong, "-1048576 bytes pending", [] {
        mbarrier_init(bar(), 1);
        mbarrier_complete_tx(bar(), (1u << 20) - 1);
        mbarrier_complete_tx(bar(), 1);
    });
    expect("state of another mbarrier", wrong, "is not of the mbarrier", [] {
        mbarrier_init(bar(), 1);
        mbarrier_init(bar(1), 1);
        mbarrier_wait("mbarrier.test_wait", bar(1), arrive(), false);
    });
    expect("state of long ago", wrong, "the state is of phase 0", [] {
        mbarrier_init(bar(), 1);
        const uint64_t state = arrive();
        arrive();
        mbarrier_wait("mbarrier.test_wait", bar(), state, false);
    });
    expect("parity 2", wrong, "parity 2: expected 0 or 1", [] {
        mbarrier_init(bar(), 1);
        wait(2);
    });
    expect("wait at another block's", wrong, "is another block's", [] {
        mbarrier_init(bar(), 1);
        barrier_cluster_arrive();
        barrier_cluster_wait();
        auto *there = static_cast<uint64_t *>(map_shared(bar(), 1 - cluster_rank()));
        mbarrier_wait_parity("mbarrier.try_wait.parity", there, 1, true);
    }, late, 2);
    expect("arrive at a block that has ended", Fault::illegal_address, "is in a block that has ended", [] {
        mbarrier_init(bar(), 1);
        barrier_cluster_arrive();
        barrier_cluster_wait();
        if (cluster_rank() == 0) return;
        for (int i = 0; i < 10000; i++) yield(); // until the other has
        mbarrier_arrive_cluster("mbarrier.arrive.shared::cluster", bar(), 0, {});
    }, late, 2);
    expect("deadlock", Fault::deadlock, "for parity 0 at the mbarrier at", [] {
        mbarrier_init(bar(), 3);
        arrive(1, 64);
        wait(0);
    });
    expect("what is missing", Fault::deadlock, "phase 0 lacks 2 of 3 arrivals and 64 bytes", [] {
        mbarrier_init(bar(), 3);
        arrive(1, 64);
        wait(0);
    });
    // A suspended wait ends some time: another thing that the thread waits for may have happened.
    expect("one of two", {}, nullptr, [] {
        mbarrier_init(bar(), 1);
        mbarrier_init(bar(1), 1);
        arrive();
        while (!mbarrier_wait_parity("mbarrier.try_wait.parity", bar(1), 0, true) &&
               !mbarrier_wait_parity("mbarrier.try_wait.parity", bar(0), 0, true)) {
        }
    });
}

void bulk_copies() {
    const auto refused = [](const char *test, Fault kind, const char *text, auto f) {
        expect(test, kind, text, [f] {
            mbarrier_init(bar(), 1);
            f();
        });
    };
    constexpr Fault wrong = Fault::illegal_instruction;
    refused("load of 24 bytes", wrong, "24 bytes: expected a multiple of 16", [] { load(shared(), global_memory, 24); });
    refused("load to 8", Fault::misaligned_address, "is not a multiple of 16 bytes", [] { load(shared() + 8, global_memory, 16); });
    refused("load from 4", Fault::misaligned_address, "is not a multiple of 16 bytes", [] { load(shared(), global_memory + 4, 16); });
    refused("load to global memory", Fault::illegal_address, "are not in shared memory", [] { load(global_memory, global_memory, 16); });
    refused("load past the end", Fault::illegal_address, "32 bytes at", [] { load(shared() + 4096 - 16, global_memory, 32); });
    refused("load from shared memory", Fault::illegal_address, "expected global memory", [] { load(shared(), shared() + 64, 16); });
    refused("load from nowhere", Fault::illegal_address, "access to 0x10", [] { load(shared(), reinterpret_cast<char *>(16), 16); });
    refused("store from global memory", Fault::illegal_address, "are not in shared memory",
            [] { store(global_memory, global_memory + 64, 16); });
    refused("blocks that aren't there", wrong, "the mask of blocks 0x0002: the cluster has 1",
            [] { issue<bulk_load>("cp.async.bulk", shared(), global_memory, 16u, bar(), 2); });
    refused("no blocks", wrong, "the mask of blocks 0x0000",
            [] { issue<bulk_load>("cp.async.bulk", shared(), global_memory, 16u, bar(), 0); });
    refused("a reduction that is none", wrong, "there is no reduction max of f32", [] {
        issue<bulk_store>("cp.reduce.async.bulk", ReduceOp::max, ElementType::f32, global_memory, shared(), 16u);
    });
    expect("load without mbarrier", wrong, "there is no mbarrier at", [] { load(shared(), global_memory, 16); });
    expect("mbarrier and destination in two blocks", wrong, "are in different blocks", [] {
        mbarrier_init(bar(), 1);
        barrier_cluster_arrive();
        barrier_cluster_wait();
        void *there = map_shared(shared(), 1 - cluster_rank());
        issue<bulk_copy_cluster>("cp.async.bulk", ReduceOp::none, ElementType::u8, there, shared(), 16u, bar());
    }, late, 2);
}

CUtensorMap map_of(CUtensorMapSwizzle swizzle, uint32_t columns) {
    CUtensorMap map;
    const uint64_t sizes[] = {32, 8}, strides[] = {128};
    const uint32_t box[] = {columns, 8}, steps[] = {1, 1};
    CHECK(cuTensorMapEncodeTiled(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, global_memory, sizes, strides, box, steps,
                                 CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE,
                                 CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS);
    return map;
}

void tiles() {
    static const CUtensorMap map = map_of(CU_TENSOR_MAP_SWIZZLE_128B, 32), narrow = map_of(CU_TENSOR_MAP_SWIZZLE_128B, 16);
    static const int at[5] = {};
    const auto refused = [](const char *test, Fault kind, const char *text, const void *used, unsigned rank, unsigned offset) {
        expect(test, kind, text, [=] {
            mbarrier_init(bar(), 1);
            issue<tile_load>("cp.async.bulk.tensor", shared() + offset, used, rank, at, bar(), own_block);
        });
    };
    constexpr Fault wrong = Fault::illegal_instruction;
    refused("tile at 64", Fault::misaligned_address, "is not a multiple of 128 bytes", &map, 2, 64);
    refused("coordinates of another rank", wrong, "3 coordinates for a tensor map of 2 dimensions", &map, 3, 0);
    refused("narrow box", wrong, "a swizzle of 128 bytes with a box of 64 bytes", &narrow, 2, 0);
    refused("no map", wrong, "are no tensor map", global_memory, 2, 0);
    refused("a piece of a map", Fault::misaligned_address, "is not a multiple of 64 bytes", reinterpret_cast<const char *>(&map) + 8, 2, 0);
    static CUtensorMap changed = map;
    changed.opaque[1]++;
    refused("changed map", wrong, "are no tensor map", &changed, 2, 0);
    expect("reduction of the wrong type", wrong, "there is no reduction inc of f32",
           [] { issue<tile_store>("cp.reduce.async.bulk.tensor", ReduceOp::inc, &map, 2u, at, shared()); });
}

// ---- When it happens

// With `late`, nothing has come while the thread has something else to do; and all of it when it waits.
void loads_come_late() {
    for (const Schedule &schedule : {early, late}) {
        const bool comes_early = schedule.timing == Timing::early;
        std::memset(global_memory, 5, 64);
        const Outcome outcome = launch(schedule, 1, 1, [=] {
            mbarrier_init(bar(), 1);
            std::memset(shared(), 0, 64);
            arrive(1, 64);
            load(shared(), global_memory, 64);
            for (int i = 0; i < 100; i++) CHECK(is_complete(0) == comes_early);
            CHECK(shared()[63] == (comes_early ? 5 : 0));
            wait(0);
            for (int i = 0; i < 64; i++) CHECK(shared()[i] == 5);
        });
        CHECK(outcome.ok);
    }
}

// A store reads its source at one time, and has written its destination at another.
void stores_read_and_write_late() {
    std::memset(global_memory, 0, 64);
    const Outcome outcome = launch(late, 1, 1, [] {
        std::memset(shared(), 1, 64);
        store(global_memory, shared(), 64);
        bulk_commit_group();
        std::memset(shared(), 2, 64); // too early
        bulk_wait_group(1, false);
        CHECK(global_memory[0] == 0);
        bulk_wait_group(0, true);
        CHECK(global_memory[0] == 0);
        std::memset(shared(), 3, 64);
        bulk_wait_group(0, false);
        CHECK(global_memory[0] == 2);
    });
    CHECK(outcome.ok);
}

// A wait that spins lets it happen, too, some time.
void spinning_forces() {
    const Outcome outcome = launch(late, 1, 2, [] {
        if (lane().rank == 0) {
            mbarrier_init(bar(), 1);
            arrive(1, 64);
            load(shared(), global_memory, 64);
        }
        barrier("bar.sync", 0, 0);
        while (!is_complete(0)) {
        }
    });
    CHECK(outcome.ok);
}

// Drawn schedules: two loads in either order, one of them in parts; and a wait that gives up.
void schedules_differ() {
    bool first_alone = false, second_alone = false, in_part = false, gave_up = false;
    std::memset(global_memory, 5, 1024);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const Outcome outcome = launch({seed, Timing::seeded}, 1, 1, [&] {
            mbarrier_init(bar(), 1);
            std::memset(shared(), 0, 1536);
            arrive(1, 1536);
            load(shared(), global_memory, 1024);
            load(shared() + 1024, global_memory, 512);
            for (int i = 0; i < 4; i++) {
                const bool a = shared()[0] == 5 && shared()[1023] == 5, b = shared()[1024] == 5;
                first_alone |= a && !b;
                second_alone |= b && !a;
                in_part |= (shared()[0] == 5) != (shared()[1023] == 5);
                yield();
            }
            while (!mbarrier_wait_parity("mbarrier.try_wait.parity", bar(), 0, true)) gave_up = true;
            CHECK(shared()[1535] == 5);
        });
        CHECK(outcome.ok);
    }
    CHECK(first_alone);
    CHECK(second_alone);
    CHECK(in_part);
    CHECK(gave_up);
}

// An arrival at another block's mbarrier is under way until the cluster's barrier, or until nobody has anything else to do.
void remote_arrivals_come_late() {
    for (const bool with_barrier : {false, true}) {
        const Outcome outcome = launch(late, 2, 1, [=] {
            mbarrier_init(bar(), 1);
            barrier_cluster_arrive();
            barrier_cluster_wait();
            if (cluster_rank() == 0) {
                mbarrier_arrive_cluster("mbarrier.arrive.shared::cluster", bar(), 1, {});
                if (with_barrier) barrier_cluster_arrive();
            } else if (with_barrier) {
                barrier_cluster_arrive();
                barrier_cluster_wait();
                CHECK(is_complete(0));
            } else {
                wait(0);
            }
            if (with_barrier && cluster_rank() == 0) barrier_cluster_wait();
        });
        CHECK(outcome.ok);
    }
}

// What is in flight when a block ends would write or read what is not its own any more.
void ends() {
    const char *const text = "the block ends while its shared memory is in use by cp.async.bulk";
    const auto unfinished_load = [] {
        mbarrier_init(bar(), 1);
        arrive(1, 64);
        load(shared(), global_memory, 64);
    };
    const auto unread_store = [] {
        store(global_memory, shared(), 64);
        bulk_commit_group();
    };
    expect("load in flight at the end", Fault::launch_failure, text, unfinished_load);
    expect("load done at the end", {}, nullptr, unfinished_load, early);
    expect("store in flight at the end", Fault::launch_failure, text, unread_store);
    std::memset(global_memory, 0, 64);
    expect("store that has read at the end", {}, nullptr, [] {
        std::memset(shared(), 7, 64);
        store(global_memory, shared(), 64);
        bulk_commit_group();
        bulk_wait_group(0, true);
    });
    CHECK(global_memory[63] == 7); // written by the end of the kernel
    Schedule checked = early;
    checked.watch.check = true;
    expect("store that nobody waited for, in a checked launch", Fault::launch_failure, "the thread ends without having waited", [] {
        std::memset(shared(), 7, 64);
        observe("st", Effect::write, shared(), 64); // the compiler tells of none here
        fence_proxy_async("fence.proxy.async");
        store(global_memory, shared(), 64);
        bulk_commit_group();
    }, checked);
}

} // namespace

int main() {
    mbarriers();
    bulk_copies();
    tiles();
    loads_come_late();
    stores_read_and_write_late();
    spinning_forces();
    schedules_differ();
    remote_arrivals_come_late();
    ends();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
