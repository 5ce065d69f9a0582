// Unit tests of check/: which accesses of threads race, whatever the schedule, and what is said of them. Not CUDA: these tell of their
// accesses themselves.
#include "include/cooperative_groups.h"
#include "races.h"

static const std::string no_flag = "no fences with an atomic flag and no barrier of the grid between them";

// ---- Threads of a block

static void threads_of_a_block() {
    const Shape one{1, 128};
    const auto exchange = [](void (*between)()) {
        return [between] {
            store(shared() + rank(), (int)rank());
            between();
            load(shared() + (rank() ^ 32));
        };
    };
    silent("a barrier orders", one, exchange([] { __syncthreads(); }));
    caught("nothing orders", one,
           {"race: kernel test, block (0,0,0), thread (", "4 bytes at offset ", " of the 65536 bytes of dynamic shared memory",
            "no barrier or fence between them"},
           exchange([] {}));
    caught("__syncwarp does not order warps", one, {"no barrier or fence"}, exchange([] { __syncwarp(); }));
    caught("a shuffle orders nothing", one, {"no __syncwarp, barrier or fence between them"}, [] {
        store(shared() + rank(), (int)rank());
        __shfl_xor_sync(~0u, 1, 1);
        load(shared() + (rank() ^ 1));
    });
    silent("__syncwarp orders a warp's lanes", one, [] {
        for (int i = 0; i < 3; i++) {
            store(shared() + rank(), (int)rank());
            __syncwarp();
            load(shared() + (rank() ^ 1));
            __syncwarp();
        }
    });
    caught("written again before all have read", one, {"writes 4 bytes at offset 28 ", "has read: no "}, [] {
        store(shared() + rank(), (int)rank());
        __syncthreads();
        for (unsigned i = 0; i < 128; i++) load(shared() + i);
        in_time();
        if (rank() == 7) store(shared() + rank(), 1);
    });
    silent("written again after a barrier", one, [] {
        store(shared() + rank(), (int)rank());
        __syncthreads();
        for (unsigned i = 0; i < 128; i++) load(shared() + i);
        __syncthreads();
        store(shared() + rank(), 1);
    });
    silent("tiles synchronize themselves", one, [] {
        auto tile = cooperative_groups::tiled_partition<8>(cooperative_groups::this_thread_block());
        store(shared() + rank(), (int)rank());
        tile.sync();
        load(shared() + (rank() ^ 7));
    });
    caught("tiles synchronize only themselves", one, {"no __syncwarp"}, [] {
        auto tile = cooperative_groups::tiled_partition<8>(cooperative_groups::this_thread_block());
        store(shared() + rank(), (int)rank());
        tile.sync();
        load(shared() + (rank() ^ 8));
    });
}

static void named_barriers() {
    const Shape one{1, 96};
    // Warp 0 hands over to the others.
    const auto hand_over = [](bool others_wait_too) {
        return [others_wait_too] {
            if (rank() < 32) {
                store(shared() + rank(), 1);
                barrier_arrive("bar.arrive", 1, 64);
            } else if (rank() < 64 || others_wait_too) {
                if (rank() < 64) barrier("bar.sync", 1, 64);
                if (others_wait_too) barrier("bar.sync", 2, 64);
                load(shared() + rank() % 32);
            } else {
                load(shared() + rank() % 32);
            }
        };
    };
    silent("bar.arrive and bar.sync order, and pass it on", one, hand_over(true));
    caught("who did not wait does not know", one, {"no barrier"}, hand_over(false));
    caught("what comes after bar.arrive is not ordered", one, {"thread (0,0,0) has written"}, [] {
        if (rank() < 32) {
            barrier_arrive("bar.arrive", 1, 64);
            if (rank() == 0) store(shared(), 1);
            barrier_arrive("bar.arrive", 2, 64);
            barrier("bar.sync", 3, 96);
        } else if (rank() < 64) {
            barrier("bar.sync", 2, 64);
            barrier("bar.sync", 3, 96);
        } else {
            barrier("bar.sync", 1, 64);
            while (*static_cast<volatile int *>(shared()) != 1) yield();
            load(shared());
            barrier("bar.sync", 3, 96);
        }
    });
}

static void sizes() {
    const Shape one{1, 64};
    silent("neighboring bytes", one, [] { store(shared<char>() + rank(), 'a'), load(shared<char>() + rank()); });
    silent("neighboring halves, then words", one, [] {
        store(shared<short>() + rank(), short(1));
        __syncthreads();
        if (rank() < 32) load(shared() + rank());
    });
    caught("a byte within another's word", one, {"writes 1 byte at offset 7 ", "thread (0,0,0) has read"}, [] {
        if (rank() == 0) load(shared() + 1);
        in_time();
        if (rank() == 40) store(shared<char>() + 7, 'a');
    });
    caught("the last of many words", one, {"writes 4 bytes at offset 4108 ", "thread (0,0,0) has read"}, [] {
        if (rank() == 0) observe("copy", Effect::read, shared() + 5, 4112 - 20);
        in_time();
        if (rank() == 40) store(shared() + 1028, 1), store(shared() + 1027, 1);
    });
    caught("readers are kept when words become bytes", one, {"thread (3,0,0) has read"}, [] {
        if (rank() == 3 || rank() == 4) load(shared());
        in_time();
        if (rank() == 4) store(shared<char>(), 'a');
        if (rank() == 4) store(shared<char>() + 2, 'a');
    });
}

static void same_values() {
    const Shape one{1, 64};
    silent("all write the same", one, [] { store(global(), 1); });
    caught("all write something else", one, {"writes 4 bytes at offset ", "has written"}, [] { store(global(), (int)rank()); });
    caught("one byte of it differs", one, {"has written"}, [] {
        store(reinterpret_cast<short *>(global()) + 1, short(rank() == 63 ? 2 : 1));
        yield();
    });
}

// ---- Atomics, volatile, fences

static void atomics() {
    const Shape one{1, 64}, blocks{8, 32};
    silent("atomics do not race with each other", blocks, [] { add(global(), 1), load_atomic(global(), Order::relaxed); });
    silent("volatile accesses do not race between warps", {1, 2}, [] { store_volatile(global() + block_number(), 1); });
    caught("an atomic and an ordinary access", one, {"only ", "access is atomic or volatile"}, [] {
        if (rank() == 0) add(shared(), 1);
        in_time();
        if (rank() == 40) load(shared());
    });
    caught("an ordinary write, then an atomic", one, {"updates 4 bytes", "only this access is atomic"}, [] {
        if (rank() == 0) store(shared(), 1);
        in_time();
        if (rank() == 40) add(shared(), 1);
    });
    silent("zeroed before a barrier, counted by atomics, read after another", one, [] {
        if (rank() == 0) store(shared(), 0);
        __syncthreads();
        add(shared(), 1);
        __syncthreads();
        CHECK(load(shared()) == 64);
    });
    // As atomicCAS is used to make other atomics. Some threads are content with what they read.
    const auto maximum = [] {
        const int value = int(rank() * 37 % 64);
        for (int before = load(global()); before < value; before = global()[0]) {
            observe("atomicCAS", Effect::update, global(), 4, Order::relaxed);
            if (global()[0] == before) global()[0] = value;
            yield();
        }
    };
    silent("a guess that atomicCAS verifies", blocks, maximum);
    caught("an ordinary read of a counter", one, {"reads 4 bytes", "only the other access is atomic"}, [] {
        if (rank() != 40) add(global(), 1);
        in_time();
        if (rank() == 40) load(global()), load(global() + 1);
    });
    caught("volatile in place of __syncwarp", {1, 32}, {"no __syncwarp between them, which volatile does not replace"}, [] {
        store_volatile(shared() + rank(), 1);
        load_volatile(shared() + (rank() ^ 1));
    });
    silent("volatile and __syncwarp", {1, 32}, [] {
        store_volatile(shared() + rank(), 1);
        __syncwarp();
        load_volatile(shared() + (rank() ^ 1));
    });
}

// Thread 0 of block 0 hands data to those of block 1 by a flag.
static std::function<void()> message(std::function<void(int *)> publish, std::function<void(int *)> await) {
    return [=] {
        int *data = global() + 64, *flag = global();
        if (block_number() == 0) {
            if (rank() == 0) store(data, 7), publish(flag);
        } else {
            await(flag);
            load(data);
        }
    };
}

static void publish_release(int *flag) { store_atomic(flag, 1, Order::release); }
static void publish_fence(int *flag) { check::fence(), store_volatile(flag, 1); }
static void publish_relaxed(int *flag) { store_volatile(flag, 1); }
static void await_acquire(int *flag) { while (load_atomic(flag, Order::acquire) == 0) {} }
static void await_fence(int *flag) {
    while (load_volatile(flag) == 0) {}
    check::fence();
}
static void await_relaxed(int *flag) { while (load_volatile(flag) == 0) {} }

static void flags() {
    const Shape two{2, 32, 1, true}, three{3, 32, 1, true};
    silent("release, acquire", two, message(publish_release, await_acquire));
    silent("release, fence", two, message(publish_release, await_fence));
    silent("fence, acquire", two, message(publish_fence, await_acquire));
    silent("fence, fence", two, message(publish_fence, await_fence));
    silent("fence, barrier", two, message(publish_fence, [](int *flag) { await_relaxed(flag), __syncthreads(); }));
    const auto barrier_before_flag = [](bool fenced) {
        return [=] {
            if (block_number() == 0) {
                store(global() + 64 + rank(), 7);
                if (fenced) check::fence();
                __syncthreads();
                if (!fenced && rank() == 1) check::fence();
                if (rank() == 0) store_volatile(global(), 1);
            } else {
                await_fence(global());
                load(global() + 64 + rank());
            }
        };
    };
    silent("fence, barrier, another thread's flag", two, barrier_before_flag(true));
    caught("the fence of a thread that sets no flag", two, {"has written: " + no_flag}, barrier_before_flag(false));
    caught("no fence of the reader", two, {"block (1,0,0)", "thread (0,0,0) of block (0,0,0) has written: " + no_flag},
           message(publish_fence, await_relaxed));
    caught("no fence of the writer", two, {"thread (0,0,0) of block (0,0,0) has written"}, message(publish_relaxed, await_fence));
    caught("the fence comes before the data", two, {"has written"}, [] {
        if (block_number() == 0) {
            if (rank() == 0) check::fence(), store(global() + 64, 7), store_volatile(global(), 1);
        } else {
            await_acquire(global());
            load(global() + 64);
        }
    });
    silent("updates pass on what was there", three, [] {
        if (rank() != 0) return;
        if (block_number() == 0) {
            store(global() + 64, 7);
            add(global(), 1, Order::release);
        } else if (block_number() == 1) {
            while (add(global() + 1, 0) + load_atomic(global(), Order::relaxed) != 1) {}
            add(global(), 1);
        } else {
            while (load_atomic(global(), Order::acquire) != 2) {}
            load(global() + 64);
        }
    });
    caught("a store does not", three, {"thread (0,0,0) of block (0,0,0) has written"}, [] {
        if (rank() != 0) return;
        if (block_number() == 0) {
            store(global() + 64, 7);
            store_atomic(global(), 1, Order::release);
        } else if (block_number() == 1) {
            while (load_atomic(global(), Order::relaxed) != 1) {}
            store_atomic(global(), 2, Order::relaxed);
        } else {
            while (load_atomic(global(), Order::relaxed) != 2) {}
            load_atomic(global(), Order::acquire);
            load(global() + 64);
        }
    });
    silent("knowledge is passed on", three, [] {
        if (block_number() == 0) {
            store(global() + 64 + rank(), 7);
            __syncthreads();
            if (rank() == 0) store_atomic(global(), 1, Order::release);
        } else if (block_number() == 1) {
            if (rank() == 9) await_acquire(global()), store_atomic(global() + 1, 1, Order::release);
        } else {
            if (rank() == 5) await_acquire(global() + 1);
            __syncwarp();
            load(global() + 64 + (rank() ^ 3));
        }
    });
}

static void locks_and_last_blocks() {
    // A lock that cannot fail here: nothing switches between its test and its set.
    const auto locked = [](bool acquires, bool releases) {
        return [=] {
            if (rank() % 8) return;
            for (bool mine = false; !mine;) {
                yield();
                observe("atomicCAS", Effect::update, global(), 4, Order::relaxed);
                mine = global()[0] == 0;
                if (mine) global()[0] = 1;
            }
            if (acquires) check::fence();
            store(global() + 64, load(global() + 64) + 1);
            if (releases) check::fence();
            store_atomic(global(), 0, Order::relaxed);
        };
    };
    const Shape blocks{4, 64, 1, true};
    silent("a spin lock", blocks, locked(true, true));
    caught("a lock that does not acquire", blocks, {"of the allocation of 262144 bytes"}, locked(false, true));
    caught("a lock that does not release", blocks, {"of the allocation of 262144 bytes"}, locked(true, false));

    const auto sum = [](bool fenced) {
        return [=] {
            int *partial = global() + 64, *count = global(), *last = shared();
            if (rank() == 0) {
                store(partial + block_number(), 1);
                if (fenced) check::fence();
                store(last, add(count, 1) == (int)block().grid_dim.x - 1 ? 1 : 0);
            }
            __syncthreads();
            if (load(last)) load(partial + rank());
        };
    };
    silent("the last block sums up", {64, 64}, sum(true));
    caught("the last block sums up what may not be there", {64, 64}, {"of block (", no_flag}, sum(false));
}

// ---- Blocks

static void blocks_of_a_grid() {
    caught("two blocks write", {2, 32}, {"of block (", "has written: " + no_flag},
           [] { store(global() + rank(), (int)block_number()); });
    silent("all read", {8, 128}, [] { load(global()); });
    caught("one of many that read writes", {8, 128}, {no_flag}, [] {
        load(global());
        if (block_number() == 5 && rank() == 0) __syncthreads_or(0), store(global(), 1);
        else __syncthreads_or(0);
    });
    silent("the next block has the same shared memory", {8, 64}, [] {
        if (rank() == 0) store(shared(), (int)block_number());
        __syncthreads();
        load(shared());
    });
    const auto halo = [](bool synchronized) {
        return [=] {
            store(global() + 64 * block_number() + rank(), 1);
            if (synchronized) grid_barrier();
            load(global() + (64 * (block_number() + 1) + rank()) % 256);
        };
    };
    silent("a barrier of the grid orders", {4, 64, 1, true}, halo(true));
    caught("blocks of a cooperative grid", {4, 64, 1, true}, {no_flag}, halo(false));
    silent("again and again", {4, 64, 1, true}, [] {
        for (int i = 0; i < 3; i++) {
            store(global() + 64 * block_number() + rank(), i);
            grid_barrier();
            load(global() + (64 * (block_number() + 1) + rank()) % 256);
            grid_barrier();
        }
    });
    const auto neighbors = [](bool before, bool after) {
        return [=] {
            store(shared() + rank(), 1);
            if (before) cluster_arrive(), cluster_wait();
            load(static_cast<int *>(map_shared(shared() + rank() % 32, block().cluster_rank ^ 1)));
            if (after) cluster_arrive(), cluster_wait();
            store(shared() + rank(), 2);
        };
    };
    silent("a barrier of the cluster orders", {4, 64, 2}, neighbors(true, true));
    caught("a neighbor's shared memory before it is written", {4, 64, 2}, {"no barrier of the cluster between them"}, neighbors(false, true));
    caught("a neighbor's shared memory written again", {4, 64, 2}, {"dynamic shared memory", "no "}, neighbors(true, false));
    silent("who has exited has arrived", {4, 64, 2}, [] {
        store(shared() + rank(), 1);
        if (rank() == 3) return;
        cluster_arrive(), cluster_wait();
        load(static_cast<int *>(map_shared(shared() + 3, block().cluster_rank ^ 1)));
        cluster_arrive(), cluster_wait();
    });
    silent("what is done between arrive and wait is ordered by the next", {2, 64, 2}, [] {
        cluster_arrive();
        store(shared() + rank(), 1);
        cluster_wait();
        cluster_arrive(), cluster_wait();
        load(static_cast<int *>(map_shared(shared() + rank(), block().cluster_rank ^ 1)));
        cluster_arrive(), cluster_wait();
    });
    const auto relaxed = [](bool fenced) {
        return [=] {
            store(shared() + rank(), 1);
            if (fenced) check::fence();
            cluster_arrive_relaxed(), cluster_wait();
            load(static_cast<int *>(map_shared(shared() + rank(), block().cluster_rank ^ 1)));
            cluster_arrive(), cluster_wait();
        };
    };
    silent("a relaxed arrival releases what a fence before it did", {2, 64, 2}, relaxed(true));
    caught("a relaxed arrival releases nothing else", {2, 64, 2}, {"no barrier of the cluster"}, relaxed(false));
    caught("what is done between arrive and wait is not ordered by them", {2, 64, 2}, {"no barrier of the cluster"}, [] {
        cluster_arrive();
        store(shared() + rank(), 1);
        cluster_wait();
        load(static_cast<int *>(map_shared(shared() + rank(), block().cluster_rank ^ 1)));
        cluster_arrive(), cluster_wait();
    });
}

// Blocks of a cluster begin at the same time, each in a thread of the host's: what the launch remembers of memory must bear that.
static void clusters_one_after_the_other() {
    silent("many clusters", {256, 32, 8}, [] {
        load(global() + rank());
        cluster_arrive(), cluster_wait();
    });
}

int main() {
    threads_of_a_block();
    named_barriers();
    sizes();
    same_values();
    atomics();
    flags();
    locks_and_last_blocks();
    blocks_of_a_grid();
    clusters_one_after_the_other();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
