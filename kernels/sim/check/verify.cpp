#include "verify.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "../exec/grid.h"

namespace wwsim::check {

std::string describe(const Place &place) {
    char text[64];
    if (place.name) {
        std::snprintf(text, sizeof text, " (%zu bytes)", place.bytes);
        return (place.space == Space::shared ? "the shared variable " : "the variable ") + std::string(place.name) + text;
    }
    if (place.space == Space::shared) {
        std::snprintf(text, sizeof text, "the %zu bytes of dynamic shared memory", place.bytes);
    } else {
        std::snprintf(text, sizeof text, "the %sallocation of %zu bytes at %p", place.freed ? "freed " : "", place.bytes,
                      reinterpret_cast<void *>(place.begin));
    }
    return text;
}

namespace {

// An access that misses an allocation by less than this, or by less than its size, was meant for it.
constexpr uintptr_t beside = 4096;
constexpr uintptr_t null_page = 4096;

uintptr_t address_of(const Access &access) { return reinterpret_cast<uintptr_t>(access.address); }

const char *name_of(Effect effect) {
    return effect == Effect::read ? "read" : effect == Effect::write ? "write" : "atomic update";
}

// "write of 4 bytes at 0x1234"
std::string text_of(const Access &access) {
    char text[160];
    std::snprintf(text, sizeof text, "%s%s%s of %zu bytes at %p", access.instruction ? access.instruction : "",
                  access.instruction ? ": " : "", name_of(access.effect), access.bytes, access.address);
    return text;
}

// Where the access lies as seen from what it misses or meets.
std::string relation(const Access &access, const Place &place) {
    const uintptr_t at = address_of(access), end = place.begin + place.bytes;
    char text[64];
    if (at >= end)
        std::snprintf(text, sizeof text, "%zu bytes past the end of ", at - end);
    else if (at < place.begin)
        std::snprintf(text, sizeof text, "%zu bytes before ", place.begin - at);
    else
        std::snprintf(text, sizeof text, "at offset %zu of ", at - place.begin);
    return text + describe(place);
}

[[noreturn]] void report(Fault kind, const Access &access, const std::string &what) {
    fault(kind, "%s, %s", text_of(access).c_str(), what.c_str());
}

bool is_mapped(uintptr_t address) {
    static const uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE));
    unsigned char in_core;
    return mincore(reinterpret_cast<void *>(address & ~(page - 1)), 1, &in_core) == 0;
}

Place place_of(const Allocation &allocation) {
    Place place{Space::global, allocation.address, allocation.bytes};
    place.freed = allocation.released;
    return place;
}

// Nothing is there that device code may use. What was meant?
[[noreturn]] void report_unknown(const Access &access) {
    const uintptr_t at = address_of(access);
    if (at < null_page) report(Fault::illegal_address, access, "a null pointer");
    if (this_block().fiber_stacks().holds(access.address))
        report(Fault::illegal_address, access, "local memory of another thread");
    const Block &block = this_block();
    const Place dynamic{Space::shared, reinterpret_cast<uintptr_t>(block.dynamic_shared), block.dynamic_shared_bytes};
    if (dynamic.bytes && dynamic.begin - at <= beside) report(Fault::out_of_bounds, access, relation(access, dynamic));
    const Neighbors near = find_neighbors(access.address);
    std::optional<Allocation> closest = near.before;
    uintptr_t distance = near.before ? at - (near.before->address + near.before->bytes) : UINTPTR_MAX;
    if (near.after && near.after->address - at < distance) {
        closest = near.after;
        distance = near.after->address - at;
    }
    if (closest && distance < std::max(beside, uintptr_t{closest->bytes})) {
        report(closest->released ? Fault::use_after_free : Fault::out_of_bounds, access, relation(access, place_of(*closest)));
    }
    if (is_mapped(at)) report(Fault::host_memory, access, "memory that only the host has");
    report(Fault::illegal_address, access, "where no memory is");
}

// Padding of an aggregate may be unwritten. Of other accesses that the compiler chose, which may hold several of the program's
// variables, each half must have something; of an instruction's, all.
bool is_written(const Written &written, size_t offset, const Access &access) {
    if (written.all(offset, access.bytes)) return true;
    if (access.instruction) return false;
    if (access.is_range || access.bytes < 4) return !written.none(offset, access.bytes);
    const size_t half = access.bytes / 2;
    return !written.none(offset, half) && !written.none(offset + half, half);
}

[[noreturn]] void report_unwritten(const Access &access, const Place &place) {
    const size_t offset = address_of(access) - place.written_begin;
    const size_t gap = place.written->first_gap(offset, access.bytes), length = place.written->gap_length(offset + gap, access.bytes - gap);
    char text[96] = "of which nothing was written";
    if (length < access.bytes) std::snprintf(text, sizeof text, "of which %zu from number %zu on were never written", length, gap);
    report(Fault::uninitialized, access, std::string(text) + ", " + relation(access, place));
}

} // namespace

void verify_slowly(const Access &access, const Place &place) {
    if (access.bytes == 0) return;
    const uintptr_t at = address_of(access);
    if (place.space == Space::own) return;
    if (place.space == Space::unknown) report_unknown(access);
    if (place.freed) report(Fault::use_after_free, access, relation(access, place));
    if (!place.holds(at, access.bytes)) {
        const bool starts_inside = at >= place.begin && at < place.begin + place.bytes;
        if (starts_inside) {
            char text[64];
            std::snprintf(text, sizeof text, "of which the last %zu are past the end: ", at + access.bytes - (place.begin + place.bytes));
            report(Fault::out_of_bounds, access, text + relation(access, place));
        }
        report(Fault::out_of_bounds, access, relation(access, place));
    }
    if (place.read_only && access.effect != Effect::read) report(Fault::constant_memory, access, relation(access, place));
    if (!access.is_aligned()) {
        char text[64];
        std::snprintf(text, sizeof text, "which is not a multiple of %u, ", access.alignment);
        report(Fault::misaligned_address, access, text + relation(access, place));
    }
    if (access.effect != Effect::write && place.written && !is_written(*place.written, at - place.written_begin, access))
        report_unwritten(access, place);
    if (access.effect != Effect::read && place.written) place.written->set(address_of(access) - place.written_begin, access.bytes);
}

void verify_ahead(const char *instruction, Access access) {
    if (!access.instruction) access.instruction = instruction;
    verify(access, this_block().grid->watching->places.find(this_block(), address_of(access), current->site));
}

void report_misaligned(const Access &access, unsigned alignment, const char *type, const Place &place) {
    const bool is_known = place.space != Space::own && place.space != Space::unknown;
    char text[64];
    std::snprintf(text, sizeof text, " at %p, which is not a multiple of %u", access.address, alignment);
    const std::string where = is_known ? ", " + relation(access, place) : "";
    fault(Fault::misaligned_address, std::string(name_of(access.effect)) + " of " + type + text + where);
}

void verify_registers(const Access &access) {
    const uintptr_t at = address_of(access);
    for (const InFlight &registers : this_lane().in_flight) {
        const uintptr_t begin = reinterpret_cast<uintptr_t>(registers.begin);
        if (at < begin + registers.bytes && begin < at + access.bytes && (registers.reads_too || access.effect != Effect::read))
            fault(Fault::in_flight, "%s: %s", text_of(access).c_str(), registers.what);
    }
}

} // namespace wwsim::check
