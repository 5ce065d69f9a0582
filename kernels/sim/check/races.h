// The race detection of one launch.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "../exec/block.h"
#include "race.h"
#include "shadow.h"

namespace wwsim::check {

// Who accesses, and what it knows: the running thread, or an asynchronous operation that it begins.
struct Actor {
    const Lane &lane;
    uint32_t block;
    uint32_t first;       // shared memory: intervals before it had it before. Global: 0
    bool async_proxy = false;
};

class Races {
  public:
    explicit Races(unsigned threads) : threads(threads), shadow((threads + warp_size - 1) / warp_size), sites(1) {}

    // The number of a new interval of the block.
    uint32_t next_interval(BlockHistory &block);
    uint32_t block_of(uint32_t interval) const { return owners[interval / run]; }

    void access(Lane &lane, BlockHistory &block, const Touch &touch);
    // The same for an operation that the lane has begun.
    void access_later(const Lane &lane, const BlockHistory &block, const Operation &operation, const Touch &touch);
    // A write whose race is none if it changes nothing has happened by now.
    void settle() {
        if (__builtin_expect(suspect.lane != nullptr, 0)) judge();
    }

    const uint32_t threads; // in each block

  private:
    // The number of a site, with its strength: what a label says of an access. `thread` has begun the operation.
    uint32_t site(const Touch &touch, uint32_t thread);
    void touch(const Actor &actor, Label own, const Touch &touch);

    // What a label's site stands for.
    struct Origin {
        Site site;
        bool is_volatile = false;
        uint32_t thread = 0; // that began the operation
    };

    // Memory that threads synchronize by, with atomic or volatile accesses.
    struct Variable {
        Known known;    // by who reads it
        uint32_t since; // the interval in which it was written
    };

    // A write that conflicts with another one, before it happens: no race if both write the same.
    struct Suspect {
        const Lane *lane = nullptr; // null: none
        Touch touch;
        Label own, other;
        uint32_t bytes = 0; // that conflict: a bit for each
        unsigned char before[16];
    };

    void synchronize(Lane &lane, BlockHistory &block, const Touch &touch);

    bool knows(const Actor &actor, Label label) const;
    bool knows_slowly(const Actor &actor, Label label) const;
    // False where it's for later to tell: `suspect`.
    bool check_write(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write);
    bool check_write_slowly(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write, bool known);
    void check_readers(const Actor &actor, Label own, const Touch &touch, uintptr_t at, Label readers);
    template <class Visit> void each_reader(const Readers &group, Visit visit) const;
    bool knows_all(const Actor &actor, const Readers &group) const;
    Label add_reader(const Actor &actor, Label own, Label readers);

    bool may_conflict(const Actor &actor, Label own, const Touch &touch, Label other) const;
    void judge();
    [[noreturn]] void report(const Lane &lane, Label own, const Touch &touch, uintptr_t at, Label other, bool other_reads);
    [[noreturn]] void report_proxy(const Lane &lane, Label own, const Touch &touch, uintptr_t at, Label write);
    std::string who(const Lane &lane, Label label) const;
    std::string missing(const Lane &lane, Label own, const Touch &touch, Label other) const;
    void tell(const Lane &lane, Fault kind, const std::string &what, Label own, Label other) const;

    // Intervals are given to blocks in runs.
    static constexpr uint32_t run = 64;
    std::vector<uint32_t> owners; // of the runs
    bool exhausted = false;       // no interval is left: nothing is checked from now on

    Shadow shadow;
    std::vector<Origin> sites; // the first is unknown
    std::map<std::tuple<const void *, const char *, bool, uint32_t>, uint32_t> site_numbers;
    struct Recent {
        Site site;
        uint32_t thread = 0;
        uint32_t number = 0;
        bool is_volatile = false;
    };
    Recent recent_sites[256];

    std::unordered_map<uintptr_t, Variable> variables;
    Suspect suspect;
};

} // namespace wwsim::check
