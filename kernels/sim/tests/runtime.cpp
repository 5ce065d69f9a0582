// Tests of runtime/ that a GPU can't pass, because they ask what ran when: the three timings, streams of sim.h, growth. What holds on a
// GPU too is in kernels/tests/runtime.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "cuda_runtime.h"
#include "runtime/memory.h"
#include "sim.h"
#include "check.h"

using namespace wwsim;

static void append(int *list, int value) { list[++list[0]] = value; }
static void trap(int) { fault(Fault::trap, "planted"); }
static void nothing() {}

// A stream of sim.h with memory for a list of numbers on it.
struct SimStream {
    ww_stream handle = nullptr;
    int *list = nullptr;

    SimStream(uint64_t seed, int timing, int compute_capability = 90) {
        ww_sim_options options{seed, timing, compute_capability, 0};
        CHECK(ww_sim_stream_create(&handle, &options) == 0);
        CHECK(ww_sim_malloc(reinterpret_cast<void **>(&list), 4096, handle) == 0);
        CHECK(ww_sim_fill(list, 0, 4096, handle) == 0);
        CHECK(ww_sim_stream_synchronize(handle) == 0);
    }
    ~SimStream() {
        ww_sim_free(list, handle);
        ww_sim_stream_destroy(handle);
    }
    cudaStream_t stream() const { return static_cast<cudaStream_t>(handle); }
    template <class... P, class... A> cudaError_t launch(void (*kernel)(P...), A... arguments) const {
        cudaLaunchConfig_t config{1, 1, 0, stream(), nullptr, 0};
        return cudaLaunchKernelEx(&config, kernel, arguments...);
    }
};

static void timings_decide_when_a_kernel_runs() {
    SimStream early(0, WW_SIM_EARLY), late(0, WW_SIM_LATE);
    for (int i = 1; i <= 3; i++) {
        CHECK(early.launch(append, early.list, i) == cudaSuccess);
        CHECK(early.list[0] == i);
        CHECK(late.launch(append, late.list, i) == cudaSuccess);
        CHECK(late.list[0] == 0);
    }
    CHECK(ww_sim_stream_synchronize(late.handle) == 0);
    CHECK(late.list[0] == 3 && late.list[1] == 1 && late.list[2] == 2 && late.list[3] == 3);

    // How many have run after each of 64 launches.
    auto progress = [](uint64_t seed) {
        SimStream stream(seed, WW_SIM_SEEDED);
        std::vector<int> done;
        for (int i = 0; i < 64; i++) {
            CHECK(stream.launch(append, stream.list, i) == cudaSuccess);
            done.push_back(stream.list[0]);
        }
        CHECK(ww_sim_stream_synchronize(stream.handle) == 0);
        for (int i = 0; i < 64; i++)
            CHECK(stream.list[1 + i] == i);
        return done;
    };
    std::vector<int> one = progress(1);
    CHECK(one == progress(1));
    CHECK(one != progress(2));
    CHECK(one.front() >= 0 && one.back() > 0);
    bool behind = false;
    for (int i = 0; i < 64; i++)
        behind = behind || one[i] < i + 1;
    CHECK(behind);
}

static void copies_with_the_host_are_done_on_return() {
    SimStream s(0, WW_SIM_LATE);
    int *other = nullptr;
    CHECK(ww_sim_malloc(reinterpret_cast<void **>(&other), 64, s.handle) == 0);
    CHECK(reinterpret_cast<uintptr_t>(other) % 256 == 0);
    CHECK(other[15] == -1);
    int host[16] = {5};
    CHECK(ww_sim_copy(other, host, 64, WW_SIM_HOST_TO_DEVICE, s.handle) == 0);
    host[0] = 6;
    CHECK(other[0] == 5);
    CHECK(ww_sim_copy(s.list, other, 64, WW_SIM_DEVICE_TO_DEVICE, s.handle) == 0);
    CHECK(s.list[0] == 0); // in stream order, so not yet
    CHECK(ww_sim_copy(host, s.list, 64, WW_SIM_DEVICE_TO_HOST, s.handle) == 0);
    CHECK(host[0] == 5);

    CHECK(ww_sim_copy(host, s.list, 64, WW_SIM_HOST_TO_DEVICE, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_copy(other, s.list, 65, WW_SIM_DEVICE_TO_DEVICE, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_copy(other, s.list, -1, WW_SIM_DEVICE_TO_DEVICE, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_copy(other, host, 64, 4, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_fill(host, 0, 64, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_free(host, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_free(other + 1, s.handle) == cudaErrorInvalidValue);

    // Work that was enqueued before may still use what is freed; nothing later may.
    CHECK(s.launch(append, other, 1) == cudaSuccess);
    CHECK(ww_sim_free(other, s.handle) == 0);
    CHECK(ww_sim_free(other, s.handle) == cudaErrorInvalidValue);
    CHECK(ww_sim_fill(other, 0, 64, s.handle) == cudaErrorInvalidValue);
    CHECK(other[0] == 5);
    CHECK(ww_sim_stream_synchronize(s.handle) == 0);
    CHECK(other[0] == -1); // filled again, and kept for a while
    CHECK(!find_allocation(other)->live);
    CHECK(ww_sim_free(nullptr, s.handle) == 0);
}

static void a_fault_ends_one_stream_alone() {
    SimStream bad(0, WW_SIM_LATE), good(0, WW_SIM_LATE);
    CHECK(std::strlen(ww_sim_message(bad.handle)) == 0);
    CHECK(bad.launch(trap, 0) == cudaSuccess);
    CHECK(bad.launch(append, bad.list, 1) == cudaSuccess);
    CHECK(ww_sim_stream_synchronize(bad.handle) == cudaErrorLaunchFailure);
    CHECK(bad.list[0] == 0); // what was enqueued after the fault never runs
    CHECK(bad.launch(append, bad.list, 1) == cudaErrorLaunchFailure);
    CHECK(ww_sim_fill(bad.list, 0, 4, bad.handle) == cudaErrorLaunchFailure);
    const std::string message = ww_sim_message(bad.handle);
    CHECK(message.find("kernel trap, block (0,0,0), thread (0,0,0): planted") != std::string::npos);
    CHECK(good.launch(append, good.list, 1) == cudaSuccess);
    CHECK(ww_sim_stream_synchronize(good.handle) == 0);
    CHECK(good.list[0] == 1);

    // Memory is freed even so.
    void *memory = nullptr;
    CHECK(ww_sim_malloc(&memory, 64, good.handle) == 0);
    CHECK(ww_sim_free(memory, bad.handle) == cudaErrorLaunchFailure);
    CHECK(!find_allocation(memory)->live);
    cudaGetLastError();
}

static void a_stream_has_its_own_device() {
    SimStream ampere(0, WW_SIM_SEEDED, 80), small(0, WW_SIM_SEEDED, 86), hopper(0, WW_SIM_SEEDED, 90);
    for (auto [s, capability, shared] : {std::tuple{&ampere, 80, 163 << 10}, std::tuple{&small, 86, 99 << 10}, std::tuple{&hopper, 90, 227 << 10}}) {
        int device = -1, major = 0, opt_in = 0;
        CHECK(cudaStreamGetDevice(s->stream(), &device) == cudaSuccess);
        CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess);
        CHECK(cudaDeviceGetAttribute(&opt_in, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess);
        CHECK(major == capability / 10 && opt_in == shared);
    }
    CHECK(cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 << 10) == cudaSuccess);
    cudaLaunchConfig_t config{1, 1, 200 << 10, ampere.stream(), nullptr, 0};
    CHECK(cudaLaunchKernelEx(&config, nothing) == cudaErrorInvalidValue);
    config.stream = hopper.stream();
    CHECK(cudaLaunchKernelEx(&config, nothing) == cudaSuccess);
    config.dynamicSmemBytes = 0;
    config.gridDim = 2;
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = 2;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    config.attrs = &cluster;
    config.numAttrs = 1;
    CHECK(cudaLaunchKernelEx(&config, nothing) == cudaSuccess);
    config.stream = ampere.stream();
    CHECK(cudaLaunchKernelEx(&config, nothing) == cudaErrorNotSupported);
    cudaGetLastError();

    ww_stream none = nullptr;
    ww_sim_options wrong{0, 3, 90, 0};
    CHECK(ww_sim_stream_create(&none, &wrong) == cudaErrorInvalidValue);
    wrong = {0, 0, 75, 0};
    CHECK(ww_sim_stream_create(&none, &wrong) == cudaErrorInvalidValue);
    wrong = {0, 0, 90, 4};
    CHECK(ww_sim_stream_create(&none, &wrong) == cudaErrorInvalidValue);
    CHECK(ww_sim_stream_synchronize(nullptr) == cudaErrorInvalidResourceHandle);
    int not_a_stream = 0;
    CHECK(ww_sim_stream_synchronize(&not_a_stream) == cudaErrorInvalidResourceHandle);
}

// Streams in threads of their own, and the registry under all of them.
static void threads_do_not_disturb_each_other() {
    std::vector<std::thread> threads;
    std::vector<int> sums(4);
    for (int t = 0; t < 4; t++)
        threads.emplace_back([t, &sums] {
            SimStream s(t, WW_SIM_SEEDED);
            for (int i = 0; i < 200; i++) {
                void *memory = nullptr;
                CHECK(ww_sim_malloc(&memory, 256 + i, s.handle) == 0);
                CHECK(ww_sim_fill(memory, t, 256 + i, s.handle) == 0);
                CHECK(s.launch(append, s.list, i) == cudaSuccess);
                CHECK(ww_sim_free(memory, s.handle) == 0);
            }
            CHECK(ww_sim_stream_synchronize(s.handle) == 0);
            sums[t] = s.list[0];
        });
    for (std::thread &thread : threads)
        thread.join();
    for (int sum : sums)
        CHECK(sum == 200);
}

// The most that the process has used; nothing where AddressSanitizer keeps freed memory back.
static long resident_kibibytes() {
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
#endif
}

static void launches_do_not_grow_memory() {
    for (int timing : {WW_SIM_EARLY, WW_SIM_LATE, WW_SIM_SEEDED}) {
        SimStream s(0, timing);
        long before = 0;
        for (int i = 0; i < 34000; i++) {
            if (i == 4000)
                before = resident_kibibytes();
            CHECK(s.launch(nothing) == cudaSuccess);
        }
        CHECK(ww_sim_stream_synchronize(s.handle) == 0);
        CHECK(resident_kibibytes() - before < 4096);
    }
}

static void freed_memory_does_not_pile_up() {
    SimStream s(0, WW_SIM_LATE);
    const size_t before = device_bytes_in_use();
    long resident = 0;
    for (int i = 0; i < 400; i++) {
        if (i == 100)
            resident = resident_kibibytes();
        void *memory = nullptr;
        CHECK(ww_sim_malloc(&memory, 1 << 20, s.handle) == 0);
        CHECK(ww_sim_free(memory, s.handle) == 0);
        CHECK(ww_sim_stream_synchronize(s.handle) == 0);
    }
    CHECK(device_bytes_in_use() == before);
    CHECK(resident_kibibytes() - resident < 16 << 10);
}

static void allocations_are_found_by_any_of_their_addresses() {
    char *memory = nullptr;
    CHECK(allocate(reinterpret_cast<void **>(&memory), 1000, MemoryKind::device, false) == cudaSuccess);
    for (int offset : {0, 1, 999}) {
        auto found = find_allocation(memory + offset);
        CHECK(found && found->live && found->bytes == 1000 && found->address == reinterpret_cast<uintptr_t>(memory));
    }
    auto beyond = find_allocation(memory + 1000);
    CHECK(!beyond || beyond->address != reinterpret_cast<uintptr_t>(memory));
    CHECK(!find_allocation(&memory));
    std::optional<Allocation> where;
    CHECK(locate(memory + 999, 1, &where) == cudaSuccess && where);
    CHECK(locate(memory + 999, 2, &where) == cudaErrorInvalidValue);
    CHECK(locate(memory - 1, 2, &where) == cudaErrorInvalidValue);
    CHECK(locate(&memory, sizeof memory, &where) == cudaSuccess && !where);
    CHECK(retire(memory, true) == cudaErrorInvalidValue);
    CHECK(retire(memory, false) == cudaSuccess);
    release(memory);
    CHECK(locate(memory, 1, &where) == cudaErrorInvalidValue);
}

// In a stand-alone program a kernel that trapped is found out by whoever waits, and cudaGetLastError keeps saying so.
static void a_fault_is_sticky_until_reset() {
    cudaLaunchConfig_t config{1, 1, 0, nullptr, nullptr, 0};
    CHECK(cudaGetLastError() == cudaSuccess);
    CHECK(cudaLaunchKernelEx(&config, trap, 0) == cudaSuccess);
    CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
    CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure);
    void *memory;
    CHECK(cudaMalloc(&memory, 1) == cudaErrorLaunchFailure);
    CHECK(cudaDeviceReset() == cudaSuccess);
    CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaSuccess);
    CHECK(cudaLaunchKernelEx(&config, nothing) == cudaSuccess);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

int main() {
    timings_decide_when_a_kernel_runs();
    copies_with_the_host_are_done_on_return();
    a_fault_ends_one_stream_alone();
    a_stream_has_its_own_device();
    threads_do_not_disturb_each_other();
    launches_do_not_grow_memory();
    freed_memory_does_not_pile_up();
    allocations_are_found_by_any_of_their_addresses();
    a_fault_is_sticky_until_reset();
    return failures != 0;
}
