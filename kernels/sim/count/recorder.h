// Makes instructions of warps of what lanes do one after the other.
//
// A lane runs alone until it waits, so each has a log of its accesses. When the lanes of a warp have all come to one point, a collective
// or a barrier of all of them, or their end, the logs are cut: the nth access at a place in the code is one instruction of the lanes that
// made it. Lanes that a branch left out are just not in it. Where one runs on for long, it gives way to the others of its warp first.
#pragma once

#include <vector>

#include "../exec/device.h"
#include "counters.h"

namespace wwsim::count {

class Recorder {
  public:
    // Counts a block with so many threads from now on; null: doesn't count. What the last block has left is dropped.
    void begin(LaunchCounters *into, unsigned threads);
    bool active() const { return counters_ != nullptr; }

    // The following are of the running lane. True: the lane's log is full.
    bool access(const LaneView &lane, const Access &access, Space space);
    bool instruction(const LaneView &lane, Kind kind, const char *name);
    // An instruction of all lanes that take part.
    void whole_instruction(Kind kind, const char *name, unsigned lanes);

    // What a warpgroup's multiplication reads of shared memory.
    void matrices(size_t bytes);

    // The lanes of a warp whose logs are full.
    unsigned full(unsigned warp) const;
    // The lanes of the warp stand at the same place.
    void cut(unsigned warp) { flush(warp, true); }
    // They don't, but the logs are full. What other lanes may still take part in is kept.
    void make_room(unsigned warp) { flush(warp, false); }

  private:
    struct Entry {
        const void *site; // in the code; of an instruction, its name
        uintptr_t address;
        uint32_t bytes;
        unsigned char what; // a GlobalKind, or from first_shared on a SharedKind, or from first_instruction on a Kind
        bool told;          // by a twin, not by the compiler
        bool counted;
    };
    using Log = std::vector<Entry>;

    // The nth of its lane at its place.
    struct Turn {
        unsigned place, nth, lane;
        Entry *entry;
    };
    // A place that the lanes of a warp have been at.
    struct Place {
        const void *site;
        unsigned char what;
        unsigned count[warp_size]; // how often each lane was there
        unsigned settled;          // so many turns are complete
    };

    void flush(unsigned warp, bool all);
    bool flush_in_step(Log *logs, unsigned lanes);
    void flush_by_place(Log *logs, unsigned lanes, bool all);
    unsigned place_of(const Entry &entry);
    void count_instruction(const Entry *const *entries, const unsigned *lanes, unsigned lane_count);
    void count_range(const Access &access, Space space, unsigned char kind);
    Tally &tally(Kind kind, const char *name);

    LaunchCounters *counters_ = nullptr;
    unsigned threads_ = 0;
    std::vector<Log> logs_; // by the thread's rank
    // Kept for their memory.
    std::vector<Place> places_;
    size_t next_place_ = 0;
    std::vector<Turn> turns_;
    // Of what counters_ has, by the literal's address.
    std::unordered_map<const char *, Tally *> tallies_;
};

} // namespace wwsim::count
