// Where an address lies, as device code sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "../check/written.h"
#include "../runtime/memory.h"
#include "variables.h"
#include "watch.h"

namespace wwsim {

class Block;

// A piece of a block's shared memory: the dynamic one, or the thread-local storage of a program or library.
struct SharedPart {
    uintptr_t begin;
    size_t bytes;
    const Variables *variables; // by offset; null: one piece without names
    Written written;

    bool holds(uintptr_t address) const { return address - begin < bytes; }
};

// The shared memory of the block that an OS thread runs, in a watched launch.
class SharedMemory {
  public:
    // Called by that thread. `dynamic` has room for `capacity` bytes.
    SharedMemory(const char *dynamic, size_t capacity);
    // A block begins: nothing is written.
    void begin(size_t dynamic_bytes);

    std::vector<SharedPart> parts; // the dynamic one first
    size_t dynamic_bytes = 0;
};

// What an access begins in.
struct Place {
    Space space = Space::unknown;
    uintptr_t begin = 0; // of the allocation, the variable, or the piece of shared memory; or of the one that is closest
    size_t bytes = 0;
    Written *written = nullptr; // null: everything may be
    uintptr_t written_begin = 0;
    const char *name = nullptr; // of a variable
    bool read_only = false;
    bool freed = false;
    bool is_bounded = true; // false: nobody knows where it ends, and what else follows

    bool holds(uintptr_t address, size_t count) const { return address - begin < bytes && count <= bytes - (address - begin); }
};

// Finds places for one launch.
class Places {
  public:
    // That of an access at that site.
    Place find(Block &block, uintptr_t address, const void *site = nullptr);
    // The same without a search, where the last access at the site went there, too: as it is for nearly all of them. Else null.
    const Place *recent(uintptr_t address, const void *site) {
        const Place &place = last_at(site);
        return place.holds(address, 0) ? &place : nullptr;
    }
    // Memory was freed, or a block begins, whose shared memory is as good as new.
    void forget();

  private:
    Place search(Block &block, uintptr_t address);
    const Allocation *allocation_at(uintptr_t address);

    Place &last_at(const void *site) {
        const auto number = reinterpret_cast<uintptr_t>(site);
        return last[(number ^ number >> 6) % last.size()];
    }

    std::array<Place, 64> last{};
    std::map<uintptr_t, Allocation> allocations; // those found, by address; they keep what `last` refers to
};

} // namespace wwsim
