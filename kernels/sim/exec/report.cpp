// What is said when a launch goes wrong.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "../check/source.h"
#include "grid.h"

namespace wwsim {

static const char *name_of(Fault fault) {
    switch (fault) {
    case Fault::launch_failure: return "launch failure";
    case Fault::illegal_address: return "illegal address";
    case Fault::misaligned_address: return "misaligned address";
    case Fault::illegal_instruction: return "illegal instruction";
    case Fault::assertion: return "assertion failed";
    case Fault::trap: return "trap";
    case Fault::deadlock: return "deadlock";
    case Fault::barrier: return "barrier without all threads";
    case Fault::collective: return "misused collective";
    case Fault::out_of_bounds: return "out of bounds";
    case Fault::use_after_free: return "use after free";
    case Fault::host_memory: return "host memory used on the device";
    case Fault::constant_memory: return "constant memory written";
    case Fault::uninitialized: return "uninitialized memory read";
    case Fault::unwritten: return "output left unwritten";
    case Fault::in_flight: return "used in flight";
    case Fault::race: return "race";
    }
    return "fault";
}

#define WWSIM_FORMAT(text, pattern)                                                                                               \
    char text[512];                                                                                                               \
    va_list args;                                                                                                                 \
    va_start(args, pattern);                                                                                                      \
    std::vsnprintf(text, sizeof text, pattern, args);                                                                             \
    va_end(args)

static std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static std::string format(const char *pattern, ...) {
    WWSIM_FORMAT(text, pattern);
    return text;
}

static std::string at_line(const std::string &line) { return line.empty() ? line : "\n  at " + line; }

std::string message_of(Fault fault, const std::string &text, const void *site) {
    return std::string(name_of(fault)) + ": " + text + at_line(line_of(site));
}

std::string Block::describe(const Lane &lane) const {
    const uint3 b = block_idx, t = lane.thread_idx;
    return format("kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", grid->launch.kernel, b.x, b.y, b.z, t.x, t.y, t.z);
}

void Block::fail(const Lane &lane, Fault kind, const std::string &text) {
    if (grid->failed()) return;
    grid->fail(kind, describe(lane) + ": " + text + at_line(&lane == current ? line_of_running() : line_of(lane.site)));
}

void fault(Fault kind, const char *pattern, ...) {
    WWSIM_FORMAT(text, pattern);
    if (!current) {
        std::fprintf(stderr, "simulated GPU: %s outside of a kernel: %s\n", name_of(kind), text);
        std::abort();
    }
    this_block().fail(this_lane(), kind, text);
    this_block().abandon();
}

void fault_of(unsigned lane, Fault kind, const char *pattern, ...) {
    WWSIM_FORMAT(text, pattern);
    Block &block = this_block();
    block.fail(block.lane(this_lane().rank / warp_size * warp_size + lane), kind, text);
    block.abandon();
}

bool is_checked() { return this_block().grid->schedule.watch.check; }

void fault(Fault kind, std::string text) {
    char copy[512];
    std::snprintf(copy, sizeof copy, "%s", text.c_str());
    std::string().swap(text);
    fault(kind, "%s", copy);
}

void Grid::fail(Fault kind, const std::string &message) {
    std::lock_guard lock(mutex);
    if (!outcome.ok) return;
    outcome.ok = false;
    outcome.fault = kind;
    outcome.message = message_of(kind, message, nullptr);
    has_failed.store(true, std::memory_order_relaxed);
}

std::string Block::describe() const {
    // Threads that wait for the same thing share a line.
    std::map<std::string, std::pair<unsigned, unsigned>> groups; // the number of threads, and the first one's rank
    for (unsigned i = 0; i < threads; i++) {
        const Lane &lane = lanes[i];
        const Warp &warp = warps[i / warp_size];
        if ((warp.exited >> lane.lane & 1) || lane.waiting == Waiting::nothing) continue;
        std::string what = lane.waiting_in;
        if (lane.waiting == Waiting::barrier) {
            const Barrier &barrier = barriers[lane.waiting_for];
            what += format(": %u of %u threads are at barrier %u", barrier.arrived, barrier.expected ? barrier.expected : live,
                           lane.waiting_for);
        } else if (lane.waiting == Waiting::mbarrier) {
            what += format(" for parity %u at the mbarrier at %p: ", lane.waiting_for, lane.waiting_at) +
                    gang->mbarriers.describe(lane.waiting_at);
        } else if (lane.waiting == Waiting::collective) {
            unsigned there = 0;
            for (unsigned m = 0; m < warp.meeting_count; m++) {
                if (warp.meetings[m].mask == lane.waiting_for) there = warp.meetings[m].arrived;
            }
            what += format(": warp %u, mask 0x%08x, lanes 0x%08x are there", i / warp_size, lane.waiting_for, there);
        } else if (lane.waiting == Waiting::warpgroup) {
            what += ": not all four warps of its warpgroup have issued the product";
        } else if (lane.waiting == Waiting::registers) {
            what += format(": for %u registers a thread; the block has %u left to add to those of a warp", lane.waiting_for, free_registers);
        }
        const std::string line = line_of(lane.site);
        if (!line.empty()) what += ", at " + line;
        groups.try_emplace(what, 0, i).first->second.first++;
    }
    std::string text;
    for (const auto &[what, where] : groups) {
        text += format("  block (%u,%u,%u): %u thread(s) from number %u on wait in ", block_idx.x, block_idx.y, block_idx.z, where.first,
                       where.second) +
                what + "\n";
    }
    return text;
}

} // namespace wwsim
