// What the instructions' twins in isa/ refuse, and how they say it. What they compute is tested by the programs in kernels/tests/ptx.
#include <cstdio>
#include <cstring>
#include <string>

#include "exec/launch.h"
#include "isa/async_copy.h"
#include "isa/fence.h"
#include "isa/matrix.h"
#include "isa/memory.h"
#include "isa/mma.h"
#include "kernel.h"

using namespace wwsim;
using namespace wwsim::isa;

static int failures = 0;

// Runs one block, and expects it to end with this fault and this text in the message; with no text, to end well.
template <class F> static void expect(const char *test, unsigned threads, Fault kind, const char *text, F f) {
    const Launch launch{"test", 1, threads, 1, 4096, false};
    const Outcome outcome = run(launch, Kernel<F>(f), {});
    const bool as_expected =
        text ? !outcome.ok && outcome.fault == kind && outcome.message.find(text) != std::string::npos : outcome.ok;
    if (as_expected) return;
    std::printf("%s: expected \"%s\", got \"%s\"\n", test, text ? text : "", outcome.message.c_str());
    failures++;
}
template <class F> static void expect_well(const char *test, unsigned threads, F f) { expect(test, threads, {}, nullptr, f); }

alignas(16) static char global_memory[256];

static char *shared() { return block().dynamic_shared; }

static void addresses() {
    expect_well("load of 16 bytes", 32, [] { load("ld", reinterpret_cast<const __int128 *>(global_memory)); });
    expect("load of 16 bytes at 8", 32, Fault::misaligned_address, "ld: address",
           [] { load("ld", reinterpret_cast<const __int128 *>(global_memory + 8)); });
    expect("store of 2 bytes at 1", 32, Fault::misaligned_address, "is not a multiple of 2 bytes",
           [] { store("st", reinterpret_cast<uint16_t *>(global_memory + 1), uint16_t{1}); });
    expect("atom at 4", 1, Fault::misaligned_address, "atom.add: address",
           [] { fetch_add(reinterpret_cast<uint64_t *>(global_memory + 4), uint64_t{1}); });
}

static void copies() {
    expect_well("cp.async", 32, [] { cp_async("cp.async", shared() + 16 * lane().lane, global_memory, 16, 3); });
    expect("cp.async to 8", 32, Fault::misaligned_address, "is not a multiple of 16 bytes",
           [] { cp_async("cp.async", shared() + 8, global_memory, 16, 16); });
    expect("cp.async from 2", 32, Fault::misaligned_address, "is not a multiple of 4 bytes",
           [] { cp_async("cp.async", shared(), global_memory + 2, 4, 4); });
    expect("cp.async to global memory", 32, Fault::illegal_address, "are not in shared memory",
           [] { cp_async("cp.async", global_memory, global_memory + 128, 16, 16); });
    expect("cp.async past the end", 32, Fault::illegal_address, "are not in shared memory",
           [] { cp_async("cp.async", shared() + block().dynamic_shared_bytes, global_memory, 16, 16); });
    expect("cp.async of more than its size", 32, Fault::illegal_instruction, "reads 5 bytes for a copy of 4",
           [] { cp_async("cp.async", shared(), global_memory, 4, 5); });
}

static void matrices() {
    uint32_t r[4] = {};
    expect_well("ldmatrix with 8 addresses", 32, [=]() mutable { ldmatrix(1, false, r, lane().lane < 8 ? shared() : nullptr); });
    expect("ldmatrix with a row at 8", 32, Fault::misaligned_address, "thread (9,0,0)", [=]() mutable {
        ldmatrix(2, false, r, shared() + (lane().lane == 9 ? 8 : 0)); // the report names the lane that gave the row
    });
    expect("ldmatrix of global memory", 32, Fault::illegal_address, "ldmatrix.x4.trans: 16 bytes at",
           [=]() mutable { ldmatrix(4, true, r, global_memory); });
    expect("stmatrix past the end", 32, Fault::illegal_address, "stmatrix.x1: 16 bytes at",
           [=] { stmatrix(1, false, shared() + block().dynamic_shared_bytes, r); });
}

static void warps() {
    uint32_t r[4] = {};
    float sums[4] = {};
    expect_well("mma", 64, [=]() mutable { mma_m16n8k16_bf16(sums, r, r, sums); });
    expect("mma of half a warp", 16, Fault::illegal_instruction, "needs 32 lanes, the warp has lanes 0x0000ffff",
           [=]() mutable { mma_m16n8k16_bf16(sums, r, r, sums); });
    expect("mma after lanes have exited", 32, Fault::illegal_instruction, "needs 32 lanes", [=]() mutable {
        if (lane().lane != 5) mma_m16n8k16_f16(sums, r, r, sums);
    });
    expect("two instructions at once", 32, Fault::illegal_instruction, "wait in", [=]() mutable {
        if (lane().lane < 16)
            mma_m16n8k16_bf16(sums, r, r, sums);
        else
            mma_m16n8k8_tf32(sums, r, r, sums);
    });
    expect("two variants at once", 32, Fault::illegal_instruction, "other lanes of the warp are in ldmatrix", [=]() mutable {
        ldmatrix(lane().lane < 16 ? 1 : 2, false, r, shared());
    });
}

int main() {
    addresses();
    copies();
    matrices();
    warps();
    if (failures == 0) std::printf("all passed\n");
    return failures != 0;
}
