// What a thread has started and what then happens by itself: bulk copies and tensor tiles, and arrivals at mbarriers of other blocks.
//
// Those in flight are not ordered with each other. `Timing::early` performs one where it is started. `late` performs one when somebody
// waits for its bulk group, or when no thread of the gang can run: what an mbarrier tells of, nothing else forces. `seeded` performs
// parts of them at drawn moments between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launch.h"
#include "random.h"

namespace wwsim {

class Block;
struct Lane;

// One of the running thread's.
class Transfer {
  public:
    explicit Transfer(const char *instruction);
    virtual ~Transfer() = default;

    // Does a part of what is left, as much as the two draw, or all of it without a `random`. Afterwards: whether nothing is left.
    virtual bool perform(Random *random) = 0;
    // Whether it is still to read or write shared memory of that block.
    virtual bool uses(const Block &block) const = 0;
    // The bulk group that it belongs to: one of the thread's; none for what an mbarrier tells of.
    static constexpr unsigned no_group = ~0u;
    unsigned group = no_group;
    // Reads what is to be read; the rest is left. For those of a bulk group.
    virtual void read() {}
    virtual bool has_read() const { return false; }
    // Whether it orders like an ordinary access of its thread: done before the thread's next cluster barrier ends.
    virtual bool is_ordinary() const { return false; }

    // Ends the launch, since something is wrong with it.
    void fail(Fault fault, const std::string &problem) const;
    // "cp.async.bulk of thread (0,0,0), block (0,0,0)"
    std::string describe() const;

    const char *const instruction;
    Lane &lane;
    Block &block;
};

// Those in flight in a gang.
class Transfers {
  public:
    bool any() const { return !in_flight.empty(); }
    // Begins one of the running thread's.
    void start(std::unique_ptr<Transfer> transfer);
    // A moment at which something may happen: now and then, something does.
    void drift(Random &random);
    // Performs one, drawn from all.
    void perform_one(Random &random);
    // A thread spins: if nothing else happens for long, something in flight must.
    void spun(Random &random);
    // What a thread's bulk groups before number `group` have in flight is done: all of it, or what it reads.
    void finish_groups(const Lane &lane, unsigned group, bool reads_only);
    // Ordinary accesses of the block's threads, and of this thread alone if there is one, are done.
    void finish_ordinary(const Block &block, const Lane *lane);
    void finish();
    // One that still uses shared memory of the block.
    const Transfer *user_of(const Block &block) const;

  private:
    template <class Choose> void finish_if(Choose choose);
    std::vector<std::unique_ptr<Transfer>> in_flight;
    unsigned spins = 0;
};

// Bulk groups of the running thread.
void bulk_commit();
void bulk_wait(unsigned groups_in_flight, bool reads_only);

} // namespace wwsim
