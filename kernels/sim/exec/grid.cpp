#include "grid.h"

#include <cstdlib>
#include <numeric>
#include <optional>
#include <thread>

#include "pool.h"
#include "signals.h"

namespace wwsim {

static std::atomic<size_t> stack_setting{64 * 1024};
void set_stack_bytes(size_t bytes) { stack_setting = bytes < 16 * 1024 ? 16 * 1024 : bytes; }
size_t stack_bytes() { return stack_setting; }

double timeout_seconds() {
    static const double seconds = [] {
        const char *text = std::getenv("WARPWEAVE_SIM_TIMEOUT");
        double value = text ? std::atof(text) : 0;
        return value > 0 ? value : 30.0;
    }();
    return seconds;
}

static unsigned volume(dim3 d) { return d.x * d.y * d.z; }

Grid::Grid(const Launch &launch, const Body &body, const Schedule &schedule) : launch(launch), body(body), schedule(schedule) {
    uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
    cluster_size = volume(launch.cluster);
    gang_size = launch.cooperative ? static_cast<unsigned>(blocks) : cluster_size;
    gang_count = blocks / gang_size;
    seen_at = std::chrono::steady_clock::now();
    if (schedule.watch.check || schedule.watch.count) watching = std::make_unique<Watching>(schedule.watch);
    if (schedule.watch.check) races = check::check_launch(volume(launch.block));
    if (schedule.seed == 0 || gang_count < 2) return;
    // Seed 0 starts the blocks in order, as today's cards do. The others walk through them by a step that has no factor in common
    // with their number.
    Random random(schedule.seed, ~uint64_t{0});
    first_gang = random.next() % gang_count;
    do {
        gang_step = 1 + random.next() % (gang_count - 1);
    } while (std::gcd(gang_step, gang_count) != 1);
}

uint3 Grid::block_idx(uint64_t gang, unsigned rank) const {
    dim3 cluster = launch.cluster;
    unsigned in_cluster = rank % cluster_size;
    uint64_t number = gang * (gang_size / cluster_size) + rank / cluster_size;
    uint64_t across = launch.grid.x / cluster.x, down = launch.grid.y / cluster.y;
    return {static_cast<unsigned>(number % across) * cluster.x + in_cluster % cluster.x,
            static_cast<unsigned>(number / across % down) * cluster.y + in_cluster / cluster.x % cluster.y,
            static_cast<unsigned>(number / across / down) * cluster.z + in_cluster / cluster.x / cluster.y};
}

// One OS thread runs one block at a time, so the fibers, stacks and shared memory of its last block serve the next.
static Block &own_block() {
    static thread_local Block block;
    return block;
}

void Grid::run_gang(uint64_t index) {
    uint64_t number = (first_gang + static_cast<uint64_t>(static_cast<unsigned __int128>(index) * gang_step % gang_count)) % gang_count;
    Gang gang(gang_size, cluster_size, schedule.seed ^ number);
    bool started = run_together(gang_size, [&](unsigned rank) {
        std::optional<SpinWatch> watch; // the first block's thread has one for all its gangs
        if (rank > 0) watch.emplace();
        own_block().run(*this, gang, rank, block_idx(number, rank));
    });
    if (!started) {
        fail(Fault::launch_failure, "kernel " + std::string(launch.kernel) + ": the system has no " + std::to_string(gang_size) +
                                        " threads for the blocks that must run together");
    }
}

void Grid::work() {
    SpinWatch watch;
    for (;;) {
        uint64_t index = next_gang.fetch_add(1, std::memory_order_relaxed);
        if (index >= gang_count || failed()) return;
        run_gang(index);
    }
}

void Grid::check_progress() {
    std::unique_lock lock(mutex);
    auto now = std::chrono::steady_clock::now();
    uint64_t steps_now = steps.load(std::memory_order_relaxed);
    if (steps_now != seen_steps) {
        seen_steps = steps_now;
        seen_at = now;
    } else if (std::chrono::duration<double>(now - seen_at).count() > timeout_seconds()) {
        lock.unlock();
        fail(Fault::deadlock, "kernel " + std::string(launch.kernel) + ": for " + std::to_string(timeout_seconds()) +
                                  " s no thread has reached its end or a barrier, while some wait in a loop for others");
    }
}

Outcome run(const Launch &launch, const Body &body, const Schedule &schedule, unsigned workers) {
    Grid grid(launch, body, schedule);
    // Watched, one block at a time: what is noted of memory needs no locks, and every report is the same again.
    if (grid.watching) workers = 1;
    if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
    unsigned count = static_cast<unsigned>(std::min<uint64_t>(workers, grid.gang_count));
    // With too few threads for all workers, one does the work.
    if (!run_together(count, [&](unsigned) { grid.work(); })) grid.work();
    if (schedule.watch.count) {
        grid.watching->counters.launches = 1;
        grid.outcome.counters = std::make_shared<count::Counters>(grid.watching->counters.finish());
    }
    return grid.outcome;
}

void yield() { this_block().yield(); }
long long cycles() {
    Block &block = this_block();
    block.yield();
    return block.clock();
}

} // namespace wwsim
