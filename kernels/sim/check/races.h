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
    // The last write, which may be a race, has happened by now.
    void settle() {
        if (__builtin_expect(twin.lane != nullptr, 0)) compare();
    }
    // The threads of the block are at their end.
    void settle_guesses(const BlockView &block);

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
        bool is_guess = false, is_suspect = false;
    };
    const Origin &origin(Label label) const { return sites[site_of(label) >> 1]; }
    Origin &origin(Label label) { return sites[site_of(label) >> 1]; }

    // Memory that threads synchronize by, with atomic or volatile accesses.
    struct Variable {
        Known known;    // by who reads it
        uint32_t since; // the interval in which it was written
    };

    // An access that meets another one at `at`.
    struct Conflict {
        const Lane *lane = nullptr; // null: none
        Touch touch;
        Label own, other;
        uintptr_t at;
        bool other_reads; // else it writes
    };

    // Code that builds an atomic operation out of atomicCAS begins with an ordinary read, a guess that atomicCAS verifies. So a read is
    // no race with atomics where a thread goes on to update what it has read.
    void note_guess(const Touch &touch, Label own);

    void synchronize(Lane &lane, BlockHistory &block, const Touch &touch);

    bool knows(const Actor &actor, Label label) const;
    bool knows_slowly(const Actor &actor, Label label) const;
    // False where it's for later to tell.
    bool check_write(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write);
    bool check_write_slowly(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write, bool known);
    void check_readers(const Actor &actor, Label own, const Touch &touch, uintptr_t at, Label readers);
    template <class Visit> void each_reader(const Readers &group, Visit visit) const;
    bool knows_all(const Actor &actor, const Readers &group) const;
    Label add_reader(const Actor &actor, Label own, Label readers);

    bool conflict(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label other, bool other_reads);
    void compare();
    [[noreturn]] void report(const Conflict &found);
    [[noreturn]] void report_proxy(const Conflict &found);
    std::string who(const Lane &lane, Label label) const;
    std::string missing(const Conflict &found) const;
    void tell_all(const Conflict &found) const;
    void tell(const Conflict &found, Fault kind, const std::string &what) const;

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
    // The first write that met another one, before it happens: no race if both write the same, to the bytes of the mask.
    Conflict twin;
    uint32_t twin_bytes = 0;
    unsigned char before[16];
    // Reads that may be guesses, one for each site.
    std::vector<Conflict> suspects;
    struct Read {
        uintptr_t address = 0;
        Label label = 0;
    };
    Read last_reads[8]; // ordinary ones, any thread's
    unsigned read_count = 0;
};

} // namespace wwsim::check
