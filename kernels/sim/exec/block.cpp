#include "block.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <thread>

#include "../isa/warpgroup.h"
#include "async.h"
#include "grid.h"
#include "../watch/place.h"

namespace wwsim {

__thread LaneView *current;
__thread dim3 blockDim, gridDim;

extern "C" {
// What an `extern __shared__` at namespace scope refers to in a stand-alone program: simcc/rewrite.cpp says how.
__thread char *wwsim_dynamic_shared;
}

// The most that a block of any card can ask for.
constexpr size_t shared_capacity = 256 * 1024;

// Neighboring lanes begin this many bytes lower on their stacks. Were all at the same offset, the hot ends of 32 stacks would
// compete for the same few sets of the first-level cache.
constexpr size_t stack_color = 128;

static char *allocate_shared() { return static_cast<char *>(std::aligned_alloc(1024, shared_capacity)); }

static int add_span(dl_phdr_info *info, size_t, void *spans) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto &header = info->dlpi_phdr[i];
        if (header.p_type == PT_TLS && info->dlpi_tls_data) {
            static_cast<std::vector<Block::Span> *>(spans)->push_back({static_cast<char *>(info->dlpi_tls_data), header.p_memsz});
        }
    }
    return 0;
}

Block::Block() : warpgroups(new Warpgroup[most_warps / warps_of_group]), shared(allocate_shared(), std::free) {
    dl_iterate_phdr(add_span, &static_shared);
}
Block::~Block() = default;

Warpgroup &Block::warpgroup(const Lane &lane) { return warpgroups[lane.rank / warp_size / warps_of_group]; }

// What a compiler that knows the block's size lets a thread have: all that there are, in units of 8.
static unsigned registers_of_thread(unsigned threads_of_block) {
    constexpr unsigned in_multiprocessor = 65536, most = 256;
    return std::min(in_multiprocessor / threads_of_block / 8 * 8, most);
}

void start_lane() {
    entered();
    Block &block = this_block();
    block.grid->body.run();
    block.exit_lane();
}

void Block::start(Grid &of, Gang &with, unsigned rank, uint3 idx) {
    grid = &of;
    gang = &with;
    rank_in_gang = rank;
    const Launch &launch = grid->launch;
    block_idx = idx;
    block_dim = blockDim = launch.block;
    grid_dim = gridDim = launch.grid;
    cluster_dim = launch.cluster;
    cluster_idx = {idx.x / cluster_dim.x, idx.y / cluster_dim.y, idx.z / cluster_dim.z};
    block_in_cluster = {idx.x % cluster_dim.x, idx.y % cluster_dim.y, idx.z % cluster_dim.z};
    cluster_rank = block_in_cluster.x + cluster_dim.x * (block_in_cluster.y + cluster_dim.y * block_in_cluster.z);
    threads = live = block_dim.x * block_dim.y * block_dim.z;
    dynamic_shared = wwsim_dynamic_shared = shared.get();
    dynamic_shared_bytes = launch.dynamic_shared_bytes;
    compute_capability = launch.compute_capability;
    // NaN in every float type: reading what nothing wrote shows.
    std::memset(dynamic_shared, 0xFF, dynamic_shared_bytes);
    if (grid->watching) {
        if (!shared_memory) shared_memory = std::make_unique<SharedMemory>(dynamic_shared, shared_capacity);
        shared_memory->begin(dynamic_shared_bytes);
    }

    uint64_t linear = idx.x + uint64_t{grid_dim.x} * (idx.y + uint64_t{grid_dim.y} * idx.z);
    random = Random(grid->schedule.seed, linear);
    time = 0;
    works_for_all = false;
    warp_count = (threads + warp_size - 1) / warp_size;
    ready_warps = 0;
    for (Barrier &barrier : barriers) barrier = {};
    const unsigned group_count = (warp_count + warps_of_group - 1) / warps_of_group;
    for (unsigned g = 0; g < group_count; g++) {
        warpgroups[g] = {};
        for (Member &member : warpgroups[g].members) member.registers = registers_of_thread(group_count * warps_of_group * warp_size);
    }
    free_registers = 0;
    if (!stacks.reserve(threads, stack_bytes())) {
        grid->fail(Fault::launch_failure, "no memory for the stacks of " + std::to_string(threads) + " threads");
        live = 0;
        return;
    }
    if (lanes.size() < threads) lanes.resize(threads);
    for (unsigned w = 0; w < warp_count; w++) {
        Warp &warp = warps[w];
        unsigned lanes_left = threads - w * warp_size;
        unsigned exists = lanes_left >= warp_size ? ~0u : (1u << lanes_left) - 1;
        warp.exited = ~exists;
        warp.meeting_count = 0;
        warp.ready = 0;
        make_ready(w, exists);
    }
    unsigned rank_in_block = 0;
    for (unsigned z = 0; z < block_dim.z; z++) {
        for (unsigned y = 0; y < block_dim.y; y++) {
            for (unsigned x = 0; x < block_dim.x; x++, rank_in_block++) {
                Lane &lane = lanes[rank_in_block];
                lane.thread_idx = {x, y, z};
                lane.rank = rank_in_block;
                lane.lane = rank_in_block % warp_size;
                lane.active = ~warps[rank_in_block / warp_size].exited;
                lane.block = this;
                lane.waiting = Waiting::nothing;
                lane.cluster_arrived = false;
                lane.copy_group = 0;
                lane.copies.clear();
                lane.in_flight.clear();
                lane.site = nullptr;
                lane.copy_interval = 0;
                lane.group_ends.clear();
                lane.bulk_group = 0;
                lane.bulk_groups.clear();
                stacks.assign(rank_in_block, lane.context);
                prepare(lane.context, lane.lane * stack_color, start_lane);
            }
        }
    }
    change_warp();
}

void Block::run(Grid &of, Gang &with, unsigned rank, uint3 idx) {
    start(of, with, rank, idx);
    gang->join(*this);
    // What the launch's blocks share is for the one that has the turn.
    recorder.begin(grid->schedule.watch.count ? &grid->watching->counters : nullptr, threads);
    if (grid->watching) grid->watching->places.forget();
    if (!grid->failed()) check::begin_block(*this);
    while (!grid->failed()) {
        if (ready_warps) {
            Lane &lane = next();
            current = &lane;
            switch_context(host, lane.context);
        } else if (live == 0) {
            break;
        } else if (!gang->pass(*this) && !gang->revive()) {
            grid->fail(Fault::deadlock, "kernel " + std::string(grid->launch.kernel) + ": every thread waits\n" + gang->describe());
        }
    }
    current = nullptr;
    check::end_block(*this);
    // A neighbor that still reads this block's shared memory gets NaN: on a GPU it is gone.
    if (gang->size() > 1) std::memset(dynamic_shared, 0xFF, dynamic_shared_bytes);
    gang->leave(*this);
}

// The lowest set bit of `bits` at or after position `from`, counted around.
static unsigned bit_from(unsigned bits, unsigned from) {
    unsigned rotated = bits >> from | bits << ((32 - from) & 31);
    return (from + static_cast<unsigned>(__builtin_ctz(rotated))) & 31;
}

void Block::change_warp() {
    if (!ready_warps) return;
    uint32_t drawn = static_cast<uint32_t>(random.next() >> 32);
    running = bit_from(ready_warps, drawn & 31);
    warps[running].cursor = drawn >> 5 & 31;
}

// A warp runs until none of its lanes can, then another one is drawn.
Lane &Block::next() {
    if (!warps[running].ready) change_warp();
    Warp &warp = warps[running];
    unsigned lane = bit_from(warp.ready, warp.cursor);
    warp.cursor = (lane + 1) & 31;
    warp.ready &= ~(1u << lane);
    if (!warp.ready) ready_warps &= ~(1u << running);
    return lanes[running * warp_size + lane];
}

void Block::make_ready(unsigned warp, unsigned which) {
    warps[warp].ready |= which;
    if (warps[warp].ready) ready_warps |= 1u << warp;
}

void Block::switch_to_next(Lane &from, bool last) {
    time++;
    if (gang->transfers.any() && grid->schedule.timing == Timing::seeded) gang->transfers.drift(random);
    if (!ready_warps || grid->failed()) {
        current = nullptr;
        switch_context(from.context, host, last);
        return;
    }
    Lane &to = next();
    current = &to;
    if (&to != &from) switch_context(from.context, to.context, last);
}

void Block::wait(Waiting waiting, const char *in, unsigned waiting_for) {
    Lane &lane = this_lane();
    lane.waiting = waiting;
    lane.waiting_in = in;
    lane.waiting_for = waiting_for;
    switch_to_next(lane);
    lane.waiting = Waiting::nothing;
}

void Block::yield() {
    Lane &lane = this_lane();
    if (++yields % 1024 == 0) grid->check_progress();
    // Ready before the turn goes, or the others, should they all wait for this one, would think that nobody can run.
    make_ready(lane.rank / warp_size, 1u << lane.lane);
    if (gang->size() > 1 && random.one_in(16)) gang->pass(*this);
    if (random.one_in(4)) change_warp();
    gang->transfers.spun(random);
    switch_to_next(lane);
    // If nothing else can run, what it spins for is the work of another OS thread.
    if (!ready_warps && yields % 16 == 0) std::this_thread::yield();
}

// Of a thread that ends, what it has started.
void Block::check_transfers(Lane &lane) {
    gang->transfers.finish_ordinary(*this, &lane);
    for (const BulkGroup &group : lane.bulk_groups) {
        if (!group.is_read)
            fault(Fault::launch_failure, "the thread ends without having waited until its bulk copies have read shared memory: "
                                         "cp.async.bulk.wait_group.read");
    }
    if (live > 1) return;
    if (const Transfer *user = gang->transfers.user_of(*this))
        fault(Fault::launch_failure, "the block ends while its shared memory is in use by " + user->describe());
}

void Block::exit_lane() {
    Lane &lane = this_lane();
    finish_copies(lane, 0);
    check_transfers(lane);
    leave_warpgroup(lane);
    check::exit_lane(lane);
    unsigned w = lane.rank / warp_size;
    Warp &warp = warps[w];
    warp.exited |= 1u << lane.lane;
    live--;
    for (unsigned i = warp.meeting_count; i-- > 0;) {
        const Meeting &meeting = warp.meetings[i];
        if (((meeting.arrived | warp.exited) & meeting.mask) == meeting.mask) complete(w, i);
    }
    for (Barrier &barrier : barriers) {
        if (barrier.arrived && is_complete(barrier)) complete(barrier);
    }
    if (warp.exited == ~0u) cut_logs(w);
    gang->exited(lane);
    grid->progress();
    switch_to_next(lane, true);
    __builtin_unreachable();
}

void Block::let_warp_catch_up() {
    Lane &lane = this_lane();
    const unsigned w = lane.rank / warp_size, bit = 1u << lane.lane;
    while (recorder.full(w) & bit) {
        const unsigned behind = warps[w].ready & ~recorder.full(w);
        if (!behind) {
            recorder.make_room(w);
            return;
        }
        make_ready(w, bit);
        warps[w].cursor = static_cast<unsigned>(__builtin_ctz(behind));
        switch_to_next(lane);
    }
}

void Block::abandon() {
    Lane &lane = this_lane();
    current = nullptr;
    switch_context(lane.context, host, true);
    __builtin_unreachable();
}

bool Block::release_mbarrier(const void *at) {
    bool any = false;
    for (unsigned i = 0; i < threads; i++) {
        Lane &lane = lanes[i];
        if (lane.waiting != Waiting::mbarrier || (at && lane.waiting_at != at)) continue;
        lane.waiting = Waiting::nothing;
        make_ready(i / warp_size, 1u << lane.lane);
        any = true;
    }
    return any;
}

void Block::release(Waiting waiting) {
    for (unsigned i = 0; i < threads; i++) {
        Lane &lane = lanes[i];
        if (lane.waiting != waiting) continue;
        lane.waiting = Waiting::nothing;
        make_ready(i / warp_size, 1u << lane.lane);
    }
}

} // namespace wwsim
