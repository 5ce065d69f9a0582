// What was counted of one launch, or of several.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "count.h"

namespace wwsim::count {

// How global memory is accessed. What cp.async reads is a load.
enum class GlobalKind : unsigned char { load, store, atomic, bulk_load, bulk_store };
constexpr unsigned global_kinds = 5;

// How shared memory is accessed. `bulk` is what TMA and other bulk copies read and write, `wgmma` what its matrices take: bytes alone,
// since neither goes through the banks as a warp's request does.
enum class SharedKind : unsigned char { load, store, atomic, ldmatrix, stmatrix, cp_async, wgmma, bulk };
constexpr unsigned shared_kinds = 8;

struct Global {
    uint64_t requests = 0;   // instructions of warps
    uint64_t sectors = 0;    // of 32 bytes that they touch, each once a request
    uint64_t bytes = 0;      // that the lanes ask for
    uint64_t used_bytes = 0; // the same, each byte once a request

    void operator+=(const Global &other);
};

struct Shared {
    uint64_t requests = 0;   // instructions of warps
    uint64_t wavefronts = 0; // how often the banks work for them
    uint64_t ideal = 0;      // the same, were there no conflicts
    uint64_t bytes = 0;      // that the lanes ask for

    void operator+=(const Shared &other);
};

struct Tally {
    uint64_t instructions = 0; // of warps
    uint64_t lanes = 0;        // of threads

    void operator+=(const Tally &other);
};

// What one instruction of the code causes.
struct Line {
    uint64_t global_requests = 0, sectors = 0;
    uint64_t wasted_sectors = 0; // more than the used bytes would fill
    uint64_t shared_requests = 0, wavefronts = 0, conflicts = 0;

    void operator+=(const Line &other);
};

// A set of 32-byte sectors.
class Sectors {
  public:
    void add(uintptr_t first, uintptr_t last);
    uint64_t count() const;

  private:
    static constexpr unsigned per_page = 128;
    using Page = std::array<uint64_t, per_page / 64>;

    std::unordered_map<uintptr_t, Page> pages_;
    uintptr_t last_number_ = UINTPTR_MAX;
    Page *last_ = nullptr;
};

struct Counters {
    uint64_t launches = 0, blocks = 0, warps = 0;
    Global global[global_kinds];
    // Sectors that were accessed at least once in a launch: what caches that hold everything would read and write.
    uint64_t distinct_read = 0, distinct_written = 0;
    Shared shared[shared_kinds];
    std::map<std::pair<Kind, std::string>, Tally> instructions;
    std::unordered_map<const void *, Line> lines; // by where in the code

    void operator+=(const Counters &other);
    uint64_t conflicts(SharedKind kind) const {
        const Shared &s = shared[static_cast<unsigned>(kind)];
        return s.wavefronts - s.ideal;
    }
};

// Of one launch, while it runs.
struct LaunchCounters : Counters {
    Sectors read, written;

    // All of it, once the last thread has ended.
    Counters finish() {
        distinct_read = read.count();
        distinct_written = written.count();
        return *this;
    }
};

// By kernel.
using CountersByKernel = std::map<std::string, Counters>;

// The floating point operations of a tensor-core instruction, from the shape in its name (m16n8k16): 0 where it has none.
uint64_t flops_of(const std::string &tensor_instruction);

} // namespace wwsim::count
