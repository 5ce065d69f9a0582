// Where an address lies, as device code sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
    const Variable *last = nullptr; // found

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

    bool holds(uintptr_t address, size_t count) const { return address - begin < bytes && count <= bytes - (address - begin); }
};

// Finds places for one launch, and remembers those that it found last.
class Places {
  public:
    Place find(Block &block, uintptr_t address);

  private:
    const Allocation *allocation_at(uintptr_t address);
    Place in_object(uintptr_t address);

    std::array<Allocation, 4> allocations{}; // the one found last is the first
    std::array<Place, 4> variables{};
    unsigned next_variable = 0;
};

} // namespace wwsim
