// A CUDA thread.
#pragma once

#include <vector>

#include "../check/history.h"
#include "context.h"
#include "device.h"

namespace wwsim {

// What a lane waits for, for the report of a deadlock.
enum class Waiting : unsigned char { nothing, collective, barrier, cluster, grid, warpgroup };

// An asynchronous copy that has not happened yet.
struct Copy {
    void *to;
    const void *from;
    unsigned bytes, source_bytes;
    unsigned group;
};

struct Lane : LaneView {
    Context context;
    Waiting waiting = Waiting::nothing;
    const char *waiting_in = nullptr;  // the name of the function
    unsigned waiting_for = 0;          // its mask, or the barrier's number
    int reduced = 0;                   // what the last barrier's reduction gave
    unsigned cluster_phase = 0;        // of the cluster's barrier when this lane last arrived
    bool cluster_arrived = false;      // and has not waited yet
    unsigned copy_group = 0;           // the group that cp.async adds to now
    std::vector<Copy> copies;          // in flight
    uint32_t copy_interval = 0;        // of the last one, for the checks
    std::vector<uint32_t> group_ends;  // the same of each group that it has not waited for
    check::LaneHistory history;
};

inline Lane &this_lane() { return *static_cast<Lane *>(current); }

} // namespace wwsim
