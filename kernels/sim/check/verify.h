// What a checked launch asks of each access on its own: that the memory is there, may be used so, and was written before it is read.
#pragma once

#include "../watch/place.h"
#include "../watch/watch.h"

namespace wwsim::check {

// Ends the launch where the running lane's access is a mistake. Notes what it writes.
void verify(const Access &access, const Place &place);
// The same, without the note: for an asynchronous operation, whose writes come later.
void verify_ahead(const Access &access, const Place &place);

// The running lane touches its own stack, where registers may be in flight.
void verify_registers(const Access &access);

} // namespace wwsim::check
