// Asynchronous copies of a thread (cp.async), and when they happen.
//
// A copy belongs to the group that the thread commits next. `Timing::early` copies where the copy is started, `late` where the thread
// waits for its group, and `seeded` at a drawn moment between, in any order among those in flight.
#pragma once

#include "lane.h"

namespace wwsim {

// Copies all of the groups before `group` that have not been copied yet; 0 stands for every copy in flight.
void finish_copies(Lane &lane, unsigned group);

} // namespace wwsim
