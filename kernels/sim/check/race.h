// Races: two accesses to the same memory, one of them a write, with nothing between them that orders them.
//
// Every granule of memory remembers who wrote it last and who has read it since (shadow.h). An access that does not happen after what it
// meets there, by what its thread knows (knowledge.h), is a race, unless both are atomic or volatile.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../watch/watch.h"

namespace wwsim::check {

// Where in a kernel.
struct Site {
    const void *where = nullptr;       // in its code
    const char *instruction = nullptr; // null: a load or store of the compiler's
};

// An access of the running lane to shared or global memory.
struct Touch {
    uintptr_t address;
    size_t bytes;
    Effect effect;
    Order order = Order::plain;
    bool is_volatile = false;
    bool shared = false; // in the shared memory of any block; else global
    Site site;
};

// Called for each access of a checked launch, before it happens, once it's clear that the memory is there. A race ends the launch.
void check_access(const Touch &touch);

} // namespace wwsim::check
