// Shared memory of other blocks of the cluster. It is there from its block's beginning to its end, as far as threads can tell: who touches it
// must know that the block has begun, and the block must know of the access before it ends.
#pragma once

#include <cstddef>

#include "check.h"

namespace wwsim {

class Block;

namespace check {

// An access to a neighbor's shared memory, of which its block must know.
struct Visit {
    const Lane *lane; // that makes the access, or began the operation that does
    const char *instruction;
    Effect effect;
    const void *address;
    size_t bytes;
    const void *site;
    uint32_t interval;
};

// The running lane's access to shared memory, before it happens; and that of an operation that the lane begins. Nothing where the memory
// is the lane's own block's.
void visit(const Access &access);
void visit(const Operation &operation, const Access &access);

// A thread is at its end: with the last one its block ends.
void end_visits(Lane &lane);

// Ends the launch for what is wrong with the visit.
void tell(const Visit &visit, const char *mistake);

} // namespace check
} // namespace wwsim
