// Barriers that lie in shared memory: mbarrier objects. PTX ISA, Parallel Synchronization and Communication Instructions: mbarrier.
//
// A phase of one is complete when so many threads have arrived as mbarrier.init said, and as many bytes as were expected. The 64-bit word
// in shared memory only tells a valid object from what is none; the rest is kept here, by address.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "../check/check.h"

namespace wwsim {

class Block;
class Gang;

struct Mbarrier {
    uint64_t word = 0;     // what its memory holds while nobody has overwritten it
    bool valid = false;    // false: invalidated
    unsigned expected = 0; // arrivals of a phase
    unsigned pending = 0;  // of the current one, still to come
    int bytes = 0;         // expected and not there yet; below 0: there before they were expected
    uint32_t phase = 0;    // how many have completed
    check::Clock arrived;   // what the current phase's arrivals have released
    check::Clock completed; // the same of the phase before
};

// The largest count of arrivals, and of bytes.
constexpr unsigned most_mbarrier_count = (1u << 20) - 1;

// Those of a gang. What goes wrong is told by a text that is empty otherwise, since not only threads get here, but transfers too.
class Mbarriers {
  public:
    std::string init(uint64_t *at, unsigned count);
    std::string invalidate(uint64_t *at);
    // The valid object there, or null and why not.
    Mbarrier *find(const void *at, std::string &problem);
    // Counts at the current phase, and completes it when nothing is missing any more: then those of `owner`, in whose memory it lies,
    // that wait for it can go on. `bytes` below 0 have come, above 0 are expected.
    std::string arrive(Block &owner, const void *at, unsigned count, int bytes = 0, bool drop = false);
    std::string add_bytes(Block &owner, const void *at, int bytes) { return arrive(owner, at, 0, bytes); }
    // "2 of 4 arrivals and 512 bytes of phase 3 are missing"
    std::string describe(const void *at) const;

  private:
    std::unordered_map<const void *, Mbarrier> objects;
    uint32_t made = 0;
};

// The valid mbarrier at `at`, which `instruction` of the running thread uses, in the block's own memory or its cluster's; a fault if there is none.
struct FoundMbarrier {
    Mbarrier &object;
    Block &owner;
};
FoundMbarrier find_mbarrier(const char *instruction, const void *at, bool may_be_remote);

} // namespace wwsim
