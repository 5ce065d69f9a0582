// Which memory the runtime gave out: by address, in any thread, at any time. Addresses are process-wide; a stream of sim.h and the
// device of a stand-alone program share them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "../check/written.h"
#include "../include/driver_types.h"

namespace wwsim {

enum class MemoryKind {
    device,
    managed,    // the host may touch it too
    pinned,     // host memory that cudaMallocHost gave out
    registered, // the host's own memory, after cudaHostRegister
    symbol,     // a `__device__` or `__constant__` variable whose address was asked for
};

struct Allocation {
    uintptr_t address;
    size_t bytes;
    MemoryKind kind;
    bool live;       // false: freed, and not given out again yet
    uint64_t number; // counts allocations: tells two at the same address apart
    bool isolated;   // belongs to streams of sim.h, which cudaDeviceReset leaves alone
    bool released = false; // freed, and the work that could use it is done
    // Which of its bytes something wrote. Null where that is not known: all may be.
    std::shared_ptr<Written> written{};

    bool on_device() const { return kind == MemoryKind::device || kind == MemoryKind::symbol; }
    bool on_host() const { return kind == MemoryKind::pinned || kind == MemoryKind::registered; }
};

constexpr size_t device_memory_bytes = size_t(80) << 30;
constexpr size_t device_alignment = 256;
constexpr unsigned char fill_byte = 0xFF; // NaN in every float type

// The allocation that holds `address`. What was freed is still found until its memory is given back to the host, and holds
// fill bytes until then: the last 32 MiB of freed memory wait in a queue.
std::optional<Allocation> find_allocation(const void *address);

// The allocations that end before or at `address` and begin after it, as near to it as any. What was freed counts.
struct Neighbors {
    std::optional<Allocation> before, after;
};
Neighbors find_neighbors(const void *address);

// Gets memory of kind device, managed or pinned. cudaErrorMemoryAllocation where the device or the host has no more. `tracked`: only
// checked launches, and copies, will write it.
cudaError_t allocate(void **address, size_t bytes, MemoryKind kind, bool tracked, bool isolated = false);
// Takes an allocation out of use without giving its memory up yet: so work that was enqueued before still may use it. Only the start
// of a live allocation will do.
cudaError_t retire(const void *address, bool host);
// Fills and gives up the memory of what was retired.
void release(const void *address);

cudaError_t register_host(void *address, size_t bytes);
cudaError_t unregister_host(void *address);
void register_symbol(const void *address, size_t bytes);

// Where a range of bytes lies: in one live allocation, or in memory that the runtime doesn't know, which is the host's (no value).
// cudaErrorInvalidValue where it leaves its allocation, or was freed.
cudaError_t locate(const void *address, size_t bytes, std::optional<Allocation> *where);

// What was written to memory, and by a copy, which leaves unwritten what it was in its source. `to` and `from` may be any memory.
void note_written(const void *to, size_t bytes);
void note_copied(const void *to, const void *from, size_t bytes);

size_t device_bytes_in_use();
// Retires and releases all live memory that `allocate` gave out and that is not isolated.
void release_all();

} // namespace wwsim
