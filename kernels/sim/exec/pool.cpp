#include "pool.h"

#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <vector>

#include "signals.h"

namespace wwsim {

namespace {

// Counts down the threads that are still at work.
struct Latch {
    std::mutex mutex;
    std::condition_variable done;
    unsigned left;

    void count_down() {
        std::lock_guard lock(mutex);
        if (--left == 0) done.notify_one();
    }
    void wait() {
        std::unique_lock lock(mutex);
        done.wait(lock, [&] { return left == 0; });
    }
};

class Worker {
  public:
    Worker() : thread([this] { loop(); }) { thread.detach(); }

    void start(const std::function<void(unsigned)> &with, unsigned index, Latch &latch) {
        std::lock_guard lock(mutex);
        job = &with;
        rank = index;
        finished = &latch;
        wake.notify_one();
    }

  private:
    void loop();

    std::mutex mutex;
    std::condition_variable wake;
    const std::function<void(unsigned)> *job = nullptr;
    unsigned rank = 0;
    Latch *finished = nullptr;
    std::thread thread;
};

struct Pool {
    std::mutex mutex;
    std::vector<Worker *> idle;
};

// Never destroyed: workers may outlive the end of `main`. After a fork the child has none of its parent's workers, so it begins anew.
Pool &pool() {
    static Pool *pool;
    static const int watching = [] {
        pool = new Pool;
        return pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
    }();
    (void)watching;
    return *pool;
}

void Worker::loop() {
    watch_for_faults();
    for (;;) {
        Latch *latch;
        {
            std::unique_lock lock(mutex);
            wake.wait(lock, [&] { return job != nullptr; });
            (*job)(rank);
            job = nullptr;
            latch = finished;
        }
        {
            std::lock_guard lock(pool().mutex);
            pool().idle.push_back(this);
        }
        latch->count_down();
    }
}

} // namespace

bool run_together(unsigned count, const std::function<void(unsigned)> &job) {
    watch_for_faults();
    if (count == 1) {
        job(0);
        return true;
    }
    std::vector<Worker *> crew;
    crew.reserve(count - 1);
    {
        Pool &all = pool();
        std::lock_guard lock(all.mutex);
        try {
            while (crew.size() < count - 1) {
                if (all.idle.empty()) all.idle.push_back(new Worker);
                crew.push_back(all.idle.back());
                all.idle.pop_back();
            }
        } catch (const std::system_error &) {
            all.idle.insert(all.idle.end(), crew.begin(), crew.end());
            return false;
        }
    }
    Latch latch{{}, {}, count - 1};
    for (unsigned i = 1; i < count; i++) crew[i - 1]->start(job, i, latch);
    job(0);
    latch.wait();
    return true;
}

} // namespace wwsim
