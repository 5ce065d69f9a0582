// What instructions of a warpgroup refuse, and when products happen. What they compute is tested by the programs in kernels/tests/ptx.
#include <cmath>
#include <cstdio>
#include <string>

#include "check.h"
#include "exec/block.h"
#include "isa/descriptor.h"
#include "isa/elect.h"
#include "isa/registers.h"
#include "isa/wgmma.h"
#include "kernel.h"

using namespace wwsim;
using namespace wwsim::isa;

template <class F> static Outcome run_block(unsigned threads, F f, Schedule schedule, int capability = 90) {
    const Launch launch{"test", 1, threads, 1, 8192, false, capability};
    return run(launch, Kernel<F>(f), schedule);
}

constexpr Timing timings[] = {Timing::early, Timing::late, Timing::seeded};

// Runs one block, and expects it to end with this fault and this text in the message whenever products happen; with no text, to end well.
template <class F> static void expect(const char *test, unsigned threads, Fault kind, const char *text, F f) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        const Outcome outcome = run_block(threads, f, {seed, timings[seed % 3]});
        const bool as_expected =
            text ? !outcome.ok && outcome.fault == kind && outcome.message.find(text) != std::string::npos : outcome.ok;
        if (as_expected) continue;
        std::printf("%s, seed %d: expected \"%s\", got \"%s\"\n", test, static_cast<int>(seed), text ? text : "", outcome.message.c_str());
        failures++;
    }
}
template <class F> static void expect_well(const char *test, unsigned threads, F f) { expect(test, threads, {}, nullptr, f); }
template <class F> static void expect_refused(const char *test, const char *text, F f) {
    expect(test, 128, Fault::illegal_instruction, text, f);
}

// ---- A product of 64 x 8 x 16 in bf16, of matrices without swizzle in dynamic shared memory: A in the first 2048 bytes, B behind it.

constexpr Wgmma small{Wgmma::bf16, false, 8, false, false, false, false};
constexpr Wgmma large{Wgmma::bf16, false, 16, false, false, false, false};
constexpr Wgmma f16_sums{Wgmma::f16, true, 8, false, false, false, false};

static char *shared() { return block().dynamic_shared; }
static unsigned warp() { return lane().rank / warp_size; }

// Of a matrix at an address of the shared window: core matrices along K are 128 bytes apart, those along M or N 256.
static uint64_t flat(uint32_t address) { return address >> 4 | uint64_t{128 >> 4} << 16 | uint64_t{256 >> 4} << 32; }
static uint64_t descriptor_a() { return flat(shared_address(shared())); }
static uint64_t descriptor_b() { return flat(shared_address(shared() + 2048)); }

static void fill(char *matrix, unsigned bytes, uint16_t value) {
    for (unsigned i = lane().rank; i < bytes / 2; i += block().threads) reinterpret_cast<uint16_t *>(matrix)[i] = value;
    barrier("barrier", 0, 0);
}
constexpr uint16_t one = 0x3f80, two = 0x4000;
static void fill() {
    fill(shared(), 2048, one);
    fill(shared() + 2048, 512, one);
}

static void multiply(float *d, bool accumulate, const Wgmma &instruction = small) {
    wgmma(instruction, d, descriptor_a(), descriptor_b(), accumulate);
}
static void finish() {
    wgmma_commit();
    wgmma_wait(0);
}
static void expect_sums(const float *d, float expected) {
    for (int i = 0; i < 4; i++)
        if (d[i] != expected) fault(Fault::assertion, "expected %g, got %g", expected, d[i]);
}

static void order() {
    expect_well("a product", 256, [] {
        fill();
        float d[4] = {1, 1, 1, 1};
        wgmma_fence();
        multiply(d, true);
        finish();
        expect_sums(d, 17);
    });
    expect_well("sums that were not touched need no second fence", 128, [] {
        fill();
        float d[4];
        wgmma_fence();
        for (int i = 0; i < 3; i++) {
            multiply(d, i > 0);
            finish();
        }
        expect_sums(d, 48);
    });
    expect_refused("no fence", "wgmma.m64n8k16.f32.bf16.bf16: expected a wgmma.fence before the first", [] {
        float d[4] = {};
        multiply(d, true);
        finish();
    });
    expect_refused("sums written after the wait", "written after the last wait: expected a wgmma.fence", [] {
        fill();
        float d[4] = {};
        wgmma_fence();
        multiply(d, true);
        finish();
        d[3] = 0;
        multiply(d, true);
        finish();
    });
    expect_refused("no commit", "wgmma.wait_group 0: wgmma.m64n8k16.f32.bf16.bf16 was not committed", [] {
        float d[4];
        wgmma_fence();
        multiply(d, false);
        wgmma_wait(0);
    });
    expect_refused("no wait", "the thread ends with wgmma.m64n8k16.f32.bf16.bf16 in flight", [] {
        static __thread float d[128][4]; // of all threads: they outlive them
        wgmma_fence();
        multiply(d[lane().rank], false);
        wgmma_commit();
    });
    expect_refused("a wait for a group before", "the thread ends with", [] {
        static __thread float d[2][128][4];
        wgmma_fence();
        multiply(d[0][lane().rank], false);
        wgmma_commit();
        multiply(d[1][lane().rank], false);
        wgmma_commit();
        wgmma_wait(1);
    });
    expect_refused("sums written in flight", "wrote to the accumulators of wgmma.m64n8k16.f32.bf16.bf16 before this wait", [] {
        float d[4];
        wgmma_fence();
        multiply(d, false);
        wgmma_commit();
        static_cast<volatile float *>(d)[2] = 5;
        wgmma_wait(0);
    });
    expect_refused("another shape in flight", "wgmma.m64n16k16.f32.bf16.bf16: its accumulators are in flight in wgmma.m64n8k16", [] {
        float d[8];
        wgmma_fence();
        multiply(d, false);
        multiply(d, false, large);
        finish();
    });
    expect_refused("A from sums in flight", "the registers of A are accumulators of wgmma.m64n8k16.f32.bf16.bf16 in flight", [] {
        float d[4], e[4];
        wgmma_fence();
        multiply(d, false);
        wgmma(small, e, reinterpret_cast<const uint32_t *>(d), descriptor_b(), false);
        finish();
    });
}

static void warpgroups() {
    expect("three warps", 96, Fault::illegal_instruction, "needs a warpgroup, threads 0 to 127, and the block has 96 threads", [] {
        float d[4];
        wgmma_fence();
        multiply(d, false);
        finish();
    });
    expect("a warp that stays away", 128, Fault::deadlock, "not all four warps of its warpgroup have issued the product", [] {
        float d[4];
        if (warp() == 2) return;
        wgmma_fence();
        multiply(d, false);
        finish();
    });
    expect_refused("another descriptor in one warp", "where another issued wgmma.m64n8k16.f32.bf16.bf16 with A", [] {
        float d[4];
        wgmma_fence();
        wgmma(small, d, descriptor_a(), descriptor_b() + (warp() == 3), false);
        finish();
    });
    expect_refused("another instruction in one warp", "where another issued wgmma.m64n8k16.f", [] {
        float d[4];
        wgmma_fence();
        multiply(d, false, warp() == 1 ? f16_sums : small);
        finish();
    });
    expect_refused("another scale-d in one lane", "lanes 0 and 7 differ", [] {
        float d[4];
        wgmma_fence();
        multiply(d, lane().lane == 7);
        finish();
    });
    for (int capability : {80, 86}) {
        const Outcome outcome = run_block(128, [] { wgmma_fence(); }, {}, capability);
        CHECK(!outcome.ok && outcome.message.find("wgmma.fence: needs compute capability 9.0") != std::string::npos);
    }
}

static void descriptors() {
    expect("operand behind shared memory", 128, Fault::illegal_address, "of B is out of bounds: 16 bytes of row 0 would lie at 0x02400", [] {
        float d[4];
        wgmma_fence();
        wgmma(small, d, descriptor_a(), flat(shared_address(shared()) + 8192), false);
        finish();
    });
    expect("stride behind shared memory", 128, Fault::illegal_address, "of A is out of bounds: 16 bytes of row 16 ", [] {
        float d[4];
        wgmma_fence();
        wgmma(small, d, (descriptor_a() & ~(uint64_t{0x3fff} << 32)) | uint64_t{4096 >> 4} << 32, descriptor_b(), false);
        finish();
    });
    expect_refused("reserved bits", "of the reserved bits 0x", [] {
        float d[4];
        wgmma_fence();
        wgmma(small, d, descriptor_a(), descriptor_b() | uint64_t{1} << 46, false);
        finish();
    });
    expect_well("strides", 1, [] { check_descriptor(shared() + 16, 0, (1 << 18) - 16); });
    expect("start at 8", 1, Fault::misaligned_address, "is not a multiple of 16 bytes", [] { check_descriptor(shared() + 8, 16, 16); });
    expect("a stride of 24", 1, Fault::illegal_instruction, "strides of 16 and 24 bytes", [] { check_descriptor(shared(), 16, 24); });
    expect("a stride of 2^18", 1, Fault::illegal_instruction, "strides of 262144 and", [] { check_descriptor(shared(), 1 << 18, 16); });
    expect_well("static and dynamic shared memory have a place in one window", 1, [] {
        static __thread char variable[2048];
        for (char *at : {shared(), shared() + 8191, &variable[0], &variable[2047]}) {
            const uint32_t address = shared_address(at);
            if (shared_pointer(address, 1) != at || address < 1024 || address >= 1 << 18 || (address - reinterpret_cast<uintptr_t>(at)) % 1024)
                fault(Fault::assertion, "%p has address 0x%x", static_cast<void *>(at), address);
        }
        if (shared_pointer(shared_address(shared() + 8190), 3)) fault(Fault::assertion, "more than there is");
    });
    expect("global memory has none", 1, Fault::illegal_address, "is not shared memory", [] {
        static float global;
        shared_address(&global);
    });
}

// B changes between a product's issue and the wait for it. What its sums show tells when it happened.
static void moments() {
    struct Result {
        float before, after;
    };
    const auto measure = [](Schedule schedule) {
        static Result result; // of thread 0
        const Outcome outcome = run_block(128, [] {
            fill();
            float d[4];
            wgmma_fence();
            multiply(d, false);
            wgmma_commit();
            barrier("barrier", 0, 0);
            const float before = static_cast<volatile float *>(d)[0];
            fill(shared() + 2048, 512, two);
            wgmma_wait(0);
            if (lane().rank == 0) result = {before, d[0]};
        }, schedule);
        CHECK(outcome.ok);
        return result;
    };
    const Result early = measure({0, Timing::early}), late = measure({0, Timing::late});
    CHECK(early.before == 16 && early.after == 16);
    CHECK(std::isnan(late.before) && late.after == 32);
    bool seen[2][2] = {};
    for (uint64_t seed = 0; seed < 32; seed++) {
        const Result seeded = measure({seed, Timing::seeded});
        CHECK(seeded.after == 16 || seeded.after == 32);
        CHECK(seeded.before == 16 || std::isnan(seeded.before));
        seen[seeded.before == 16][seeded.after == 16] = true;
    }
    CHECK(seen[0][0] && seen[1][1] && !seen[1][0]);

    // One warp's wait is for the whole product: what that warp overwrites then, the other warps' parts have read.
    expect_well("one warp waits for the whole product", 128, [] {
        fill();
        float d[4];
        wgmma_fence();
        multiply(d, false);
        wgmma_commit();
        if (warp() == 1) {
            wgmma_wait(0);
            for (unsigned i = lane().lane; i < 256; i += warp_size) reinterpret_cast<uint16_t *>(shared() + 2048)[i] = two;
        }
        barrier("barrier", 0, 0);
        if (warp() != 1) wgmma_wait(0);
        expect_sums(d, 16);
    });
}

static void registers() {
    expect_refused("setmaxnreg.inc to less", "setmaxnreg.inc 232: the warp has 256 registers a thread: expected at least as many",
                   [] { setmaxnreg_inc(232); });
    expect("setmaxnreg.dec to more", 512, Fault::illegal_instruction, "setmaxnreg.dec 168: the warp has 128 registers a thread",
           [] { setmaxnreg_dec(168); });
    expect("setmaxnreg.inc by more than others give up", 384, Fault::deadlock, "for 240 registers a thread; the block has ", [] {
        if (warp() < 4) setmaxnreg_dec(40);
        else setmaxnreg_inc(240);
    });
    expect_refused("setmaxnreg by one warp", "setmaxnreg.dec 40", [] {
        if (warp() == 2) setmaxnreg_dec(40);
    });
    expect_refused("setmaxnreg with two numbers", "where another executed setmaxnreg.dec ", [] { setmaxnreg_dec(warp() == 2 ? 40 : 48); });
    expect("setmaxnreg by two warps", 64, Fault::illegal_instruction, "setmaxnreg.dec: needs a warpgroup", [] { setmaxnreg_dec(40); });
}

static void elections() {
    expect_well("elect", 64, [] {
        elect(0xffffffffu);
        if (lane().lane >= 8) elect(0xffffff00u);
    });
    expect("elect outside of the mask", 32, Fault::illegal_instruction, "elect.sync: lane 3 is not in the mask 0xffffff00", [] {
        if (lane().lane == 3) elect(0xffffff00u);
    });
    // Kernels must not count on the first lane.
    unsigned elected = 0;
    for (uint64_t seed = 1; seed < 64; seed++) {
        static __thread unsigned one_of_them;
        CHECK(run(Launch{"test", 1, 32, 1, 0, false}, Kernel([] {
                      if (elect(0xffffffffu)) one_of_them = 1u << lane().lane;
                  }), {seed, Timing::late}, 1).ok);
        elected |= one_of_them;
    }
    CHECK(__builtin_popcount(elected) > 8);
}

int main() {
    order();
    warpgroups();
    descriptors();
    moments();
    registers();
    elections();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
