// Unit tests of check/: what races with asynchronous operations.
#include "include/cuda_pipeline_primitives.h"
#include "races.h"

static void copies() {
    const Shape one{1, 64};
    const auto copy = [] { isa::cp_async("cp.async.ca", shared<char>() + 16 * rank(), global() + 4 * rank(), 16, 16), async_commit(); };
    const auto own = [copy](int wait_for) {
        return [=] {
            copy();
            async_commit();
            async_wait((unsigned)wait_for);
            load(shared() + 4 * rank());
        };
    };
    silent("waited for", one, own(1));
    caught("read in flight", one, Fault::in_flight, {"used in flight: ", "reads 4 bytes", "cp.async of thread (", "still writes"}, own(2));
    const auto exchanged = [copy](bool waits, bool synchronizes) {
        return [=] {
            copy();
            if (waits) async_wait(0);
            if (synchronizes) __syncthreads();
            else in_time();
            load(shared() + 4 * (rank() ^ 32));
        };
    };
    silent("waited for, then a barrier", one, exchanged(true, true));
    caught("a barrier does not wait", one, Fault::in_flight, {"cp.async of thread (", "still writes"}, exchanged(false, true));
    caught("what another thread waited for", one, Fault::in_flight, {"cp.async of thread (", "still writes"}, exchanged(true, false));
    caught("a copy over what others still read", one, {"cp.async writes 16 bytes", "has read: nothing orders the two"}, [=] {
        load(shared() + 4 * (rank() ^ 32));
        in_time();
        copy();
    });
    caught("a copy over a copy", one, Fault::in_flight, {"cp.async writes 16 bytes", "still writes"}, [=] { copy(), copy(); });
    caught("the source is written in flight", one, Fault::in_flight, {"writes 4 bytes at offset ", "still reads"}, [=] {
        copy();
        store(global() + 4 * rank(), 1);
        async_wait(0);
    });
    silent("stages in turn", one, [] {
        const auto stage = [](int i) { return shared() + i % 3 * 256 + 4 * rank(); };
        for (int i = 0; i < 2; i++) isa::cp_async("cp.async", stage(i), global() + 256 * i + 4 * rank(), 16, 16), async_commit();
        for (int i = 0; i < 12; i++) {
            async_wait(1);
            __syncthreads();
            for (int j = 0; j < 256; j += 16) load(shared() + i % 3 * 256 + j);
            if (i < 10) isa::cp_async("cp.async", stage(i + 2), global() + 256 * (i + 2) + 4 * rank(), 16, 16);
            async_commit();
        }
    });
}

// A bulk copy as its twin does it: thread 0 starts it, and `done` is where its end is made known.
static check::Operation bulk(const char *instruction, Effect effect, void *at, size_t bytes, const void *queue, check::Clock &done) {
    const check::Operation operation = check::begin(instruction, queue, true);
    check::touches(operation, {at, bytes, effect});
    check::complete(operation, done);
    return operation;
}

static void operations() {
    const Shape one{1, 64};
    const auto loaded = [](bool waits) {
        return [=] {
            static check::Clock done;
            if (rank() == 0) done = {}, bulk("cp.async.bulk", Effect::write, shared(), 1024, &done, done);
            in_time();
            if (waits) check::acquire(this_lane(), done);
            load(shared() + rank());
        };
    };
    silent("a load that is waited for", one, loaded(true));
    caught("a load that is not", one, Fault::in_flight, {"reads 4 bytes", "cp.async.bulk of thread (0,0,0) still writes"}, loaded(false));

    // Thread 0 stores what all have written.
    const auto stored = [](bool fences, bool after, bool synchronizes) {
        return [=] {
            static check::Clock done;
            store(shared() + rank(), 1);
            if (fences && !after) check::fence_proxy_async();
            if (synchronizes) __syncthreads(); else in_time();
            if (fences && after) check::fence_proxy_async();
            if (rank() == 0) done = {}, bulk("cp.async.bulk", Effect::read, shared(), 256, &done, done);
            __syncthreads();
        };
    };
    silent("fence.proxy.async, then a barrier", one, stored(true, false, true));
    silent("a barrier, then fence.proxy.async", one, stored(true, true, true));
    caught("no fence.proxy.async", one, {"cp.async.bulk reads 256 bytes", "no fence.proxy.async between them"}, stored(false, false, true));
    caught("no barrier", one, {"cp.async.bulk reads 256 bytes", "has written: nothing orders the two"}, stored(true, false, false));
    caught("the fence of another thread", one, {"no fence.proxy.async"}, [] {
        static check::Clock done;
        store(shared() + rank(), 1);
        __syncthreads();
        if (rank() == 1) check::fence_proxy_async();
        if (rank() == 0) done = {}, bulk("cp.async.bulk", Effect::read, shared(), 256, &done, done);
    });
    silent("a read needs no fence before an asynchronous write", one, [] {
        static check::Clock done;
        load(shared() + rank());
        __syncthreads();
        if (rank() == 0) done = {}, bulk("cp.async.bulk", Effect::write, shared(), 256, &done, done);
        __syncthreads();
    });
    const auto reused = [](bool waits) {
        return [=] {
            static check::Clock read;
            if (rank() == 0) read = {}, bulk("wgmma", Effect::read, shared(), 1024, &read, read);
            in_time();
            if (rank() == 1) {
                static check::Clock written;
                if (waits) check::acquire(this_lane(), read);
                bulk("cp.async.bulk", Effect::write, shared(), 1024, &written, written);
            }
        };
    };
    silent("a stage that has been read", one, reused(true));
    caught("a stage that is still read", one, Fault::in_flight,
           {"cp.async.bulk writes 1024 bytes", "wgmma of thread (0,0,0) still reads"}, reused(false));
    silent("reductions of several blocks", {4, 32}, [] {
        static check::Clock done;
        if (rank() != 0) return;
        const check::Operation operation = check::begin("cp.reduce.async.bulk", &done, true);
        check::touches(operation, {global(), 1024, Effect::update, Order::relaxed});
    });
    silent("the end of the first of a queue", one, [] {
        static check::Clock first, second;
        if (rank() != 0) return;
        first = second = {};
        bulk("cp.async.bulk", Effect::write, shared(), 256, &first, first);
        bulk("cp.async.bulk", Effect::write, shared() + 64, 256, &first, second);
        check::acquire(this_lane(), first);
        load(shared());
    });
    caught("the end of the first is not that of the second", one, Fault::in_flight, {"offset 256 ", "still writes"}, [] {
        static check::Clock first, second;
        if (rank() != 0) return;
        first = second = {};
        bulk("cp.async.bulk", Effect::write, shared(), 256, &first, first);
        bulk("cp.async.bulk", Effect::write, shared() + 64, 256, &first, second);
        check::acquire(this_lane(), first);
        load(shared() + 64);
    });
}

int main() {
    copies();
    operations();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
