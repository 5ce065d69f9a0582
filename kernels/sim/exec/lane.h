// A CUDA thread.
#pragma once

#include <vector>

#include "../check/history.h"
#include "context.h"
#include "device.h"

namespace wwsim {

// What a lane waits for, for the report of a deadlock.
enum class Waiting : unsigned char { nothing, collective, barrier, cluster, grid, warpgroup, registers, mbarrier };

// An asynchronous copy that has not happened yet.
struct Copy {
    void *to;
    const void *from;
    unsigned bytes, source_bytes;
    unsigned group;
};

// What a bulk group's copies have released: known to the thread once it waits for the group.
struct BulkGroup {
    unsigned number;
    bool is_read; // and the thread has waited for that
    check::Clock read, done; // the sources were read; the destinations are written, too
};

// Registers, kept on the lane's stack, that an asynchronous operation works with: a checked launch ends when the lane touches them.
struct InFlight {
    const void *begin;
    size_t bytes;
    bool reads_too;   // false: only writing them is a mistake
    const char *what; // for the report
};

struct Lane : LaneView {
    Context context;
    Waiting waiting = Waiting::nothing;
    const char *waiting_in = nullptr;  // the name of the function
    unsigned waiting_for = 0;          // its mask, the barrier's number, or the parity of the mbarrier's phase
    const void *waiting_at = nullptr;  // the mbarrier
    int reduced = 0;                   // what the last barrier's reduction gave
    unsigned cluster_phase = 0;        // of the cluster's barrier when this lane last arrived
    bool cluster_arrived = false;      // and has not waited yet
    unsigned copy_group = 0;           // the group that cp.async adds to now
    std::vector<Copy> copies;          // in flight
    std::vector<InFlight> in_flight;
    uint32_t copy_interval = 0;        // of the last one, for the checks
    std::vector<uint32_t> group_ends;  // the same of each group that it has not waited for
    check::LaneHistory history;
    unsigned bulk_group = 0;           // the group that bulk copies to global memory are added to now
    std::vector<BulkGroup> bulk_groups; // of a checked launch: those that it has not waited for
};

inline Lane &this_lane() { return *static_cast<Lane *>(current); }

} // namespace wwsim
