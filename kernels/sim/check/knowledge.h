// What an actor knows to have happened: vector clocks, made for blocks of a thousand threads.
//
// An actor is a thread of a block, or a queue of its asynchronous operations. Its work is cut into intervals, whose numbers grow; a number
// belongs to one block of the launch, and threads of that block may use it at the same time. After a barrier of the whole block all of its
// threads know the same, so that one number, the floor, says it for all of them, and all share one `Knowledge`.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace wwsim::check {

// Threads are actors by their rank.
constexpr uint32_t most_thread_actors = 1024;
constexpr uint32_t first_copier = most_thread_actors;          // cp.async of the thread with rank 0; the last to use the generic proxy
constexpr uint32_t first_queue = 2 * most_thread_actors;       // queues of the async proxy
constexpr uint32_t actor_count = 4 * most_thread_actors;

// What is known of the actors of one block.
class Part {
  public:
    struct Entry {
        uint32_t actor, interval;
    };

    // Up to which interval the actor's work is known.
    uint32_t of(uint32_t actor) const;
    void raise(uint32_t actor, uint32_t interval);
    // All of the block's threads are known up to here.
    void raise_floor(uint32_t interval);
    // Says by the floor what the entries of all `threads` have in common.
    void compact(uint32_t threads);
    bool covers(const Part &other) const;
    void join(const Part &other);

    uint32_t floor = 0;
    std::vector<Entry> entries; // by actor; those of threads are above the floor
};

// What is known of all blocks. Unchanged once it is shared.
class Knowledge {
  public:
    const Part *of(uint32_t block) const;
    // The part of that block, to be changed.
    Part &change(uint32_t block);
    bool covers(const Knowledge &other) const;
    void join(const Knowledge &other);

    // What was seen through fence.proxy.async: of work in the generic proxy, asynchronous operations see only this.
    // Those of global and of shared memory.
    std::shared_ptr<const Knowledge> proxies[2];

  private:
    struct Seen {
        uint32_t block;
        std::shared_ptr<Part> part; // unchanged once it is shared
    };
    std::vector<Seen>::iterator find(uint32_t block);

    std::vector<Seen> blocks; // by block
};

using Known = std::shared_ptr<const Knowledge>;

// Both together; one of the two where it covers the other.
Known joined(const Known &a, const Known &b);
// What `known` holds, to be changed: itself where nobody else holds it, else a copy.
Knowledge &changeable(Known &known);

} // namespace wwsim::check
