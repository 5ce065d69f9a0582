// A launch under way, as its blocks share it.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "../watch/watching.h"
#include "gang.h"

namespace wwsim {

// Ends the launch as `fault` does, with a text that was put together: it is freed, as nothing else of the thread is.
[[noreturn]] void fault(Fault kind, std::string text);

// How long threads may spin without any of them coming further. WARPWEAVE_SIM_TIMEOUT overrides it.
double timeout_seconds();

class Grid {
  public:
    Grid(const Launch &launch, const Body &body, const Schedule &schedule);

    // Runs gangs until none is left. Called by each worker.
    void work();

    // Records the first fault; the launch ends as soon as every block has noticed.
    void fail(Fault fault, const std::string &message);
    bool failed() const { return has_failed.load(std::memory_order_relaxed); }
    // The threads of the grid have come further: what spins may still have something to wait for.
    void progress() { steps.fetch_add(1, std::memory_order_relaxed); }
    // Fails the launch when nothing has come further for too long.
    void check_progress();

    const Launch &launch;
    const Body &body;
    const Schedule &schedule;
    Outcome outcome;
    std::unique_ptr<Watching> watching; // null: nobody watches

    std::shared_ptr<check::Races> races; // null: not checked
    unsigned gang_size, cluster_size;
    uint64_t gang_count;

  private:
    void run_gang(uint64_t index);
    uint3 block_idx(uint64_t gang, unsigned rank) const;

    std::atomic<uint64_t> next_gang{0};
    uint64_t first_gang = 0, gang_step = 1;
    std::atomic<bool> has_failed{false};
    std::atomic<uint64_t> steps{0};
    std::mutex mutex;
    uint64_t seen_steps = 0;
    std::chrono::steady_clock::time_point seen_at;
};

} // namespace wwsim
