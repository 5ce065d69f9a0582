// What a checked launch asks of each access on its own: that the memory is there, may be used so, and was written before it is read.
#pragma once

#include <string>

#include "../watch/place.h"
#include "../watch/watch.h"

namespace wwsim::check {

// "the allocation of 512 bytes at 0x1200"
std::string describe(const Place &place);

// Ends the launch where the running lane's access is a mistake. Notes what it writes.
void verify_slowly(const Access &access, const Place &place);
inline void verify(const Access &access, const Place &place) {
    const auto at = reinterpret_cast<uintptr_t>(access.address);
    const size_t offset = at - place.written_begin;
    const bool reads = access.effect != Effect::write, writes = access.effect != Effect::read;
    const bool is_fine = place.holds(at, access.bytes) && !place.freed && !(place.read_only && writes) && access.is_aligned() &&
                         !(reads && place.written && !place.written->all(offset, access.bytes));
    if (__builtin_expect(!is_fine, 0)) verify_slowly(access, place);
    else if (writes && place.written) place.written->set(offset, access.bytes);
}
// The same for an access of an asynchronous operation that the lane begins. What it will write counts as written: that somebody reads
// it too early is a race.
void verify_ahead(const char *instruction, Access access);

// Ends the launch for the address of a `type`, which is no multiple of its alignment.
[[noreturn]] void report_misaligned(const Access &access, unsigned alignment, const char *type, const Place &place);

// The running lane touches its own stack, where registers may be in flight.
void verify_registers(const Access &access);

} // namespace wwsim::check
