#include "memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory_resource>
#include <mutex>
#include <shared_mutex>
#include <sys/mman.h>
#include <vector>

namespace wwsim {
namespace {

constexpr size_t largest_pooled_bytes = size_t(64) << 10; // larger ones have pages of their own
// Around each allocation, so that what goes a little too far meets no other one.
constexpr size_t red_zone_bytes = 256;
constexpr size_t quarantine_bytes = size_t(32) << 20;
// Below this size the host is not asked whether it has so much: reading its files costs more than the allocation.
constexpr size_t small_bytes = size_t(64) << 20;

// Device memory lies apart from the host's heap: a pointer into that is told from one that has gone astray.
class Pages final : public std::pmr::memory_resource {
    void *do_allocate(size_t bytes, size_t) override {
        void *pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
            throw std::bad_alloc();
        return pages;
    }
    void do_deallocate(void *pages, size_t bytes, size_t) override { munmap(pages, bytes); }
    bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
};

struct Registry {
    std::shared_mutex mutex;
    Pages pages;
    std::pmr::unsynchronized_pool_resource pool{{0, largest_pooled_bytes}, &pages};
    std::map<uintptr_t, Allocation> allocations; // by address; they don't overlap
    std::deque<uintptr_t> quarantine;            // freed, oldest first
    size_t quarantined = 0;
    uint64_t numbers = 0;
    size_t in_use = 0; // of device memory
};

// Never destroyed: static destructors of a program may still free.
Registry &registry() {
    static Registry *const registry = new Registry;
    return *registry;
}

uintptr_t number_of(const void *address) { return reinterpret_cast<uintptr_t>(address); }

// The last allocation that starts at or before `address`, or none.
template <class Map> auto at_or_before(Map &map, uintptr_t address) {
    auto after = map.upper_bound(address);
    return after == map.begin() ? map.end() : std::prev(after);
}

bool overlaps(const Registry &r, uintptr_t address, size_t bytes) {
    auto before = at_or_before(r.allocations, address);
    if (before != r.allocations.end() && before->first + before->second.bytes > address)
        return true;
    auto next = r.allocations.lower_bound(address);
    return next != r.allocations.end() && next->first - address < bytes;
}

size_t number_in_file(const char *path, const char *before) {
    size_t value = SIZE_MAX;
    if (FILE *file = std::fopen(path, "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, file)) {
            unsigned long long number;
            if (std::strncmp(line, before, std::strlen(before)) == 0 &&
                std::sscanf(line + std::strlen(before), "%llu", &number) == 1) {
                value = number;
                break;
            }
        }
        std::fclose(file);
    }
    return value;
}

// Memory is filled when it is given out, so what the host promises but doesn't have would end the process.
bool host_has(size_t bytes) {
    size_t kibibytes = number_in_file("/proc/meminfo", "MemAvailable:");
    size_t available = kibibytes == SIZE_MAX ? SIZE_MAX : kibibytes << 10;
    size_t limit = number_in_file("/sys/fs/cgroup/memory.max", "");
    size_t current = number_in_file("/sys/fs/cgroup/memory.current", "");
    if (limit != SIZE_MAX && current != SIZE_MAX && limit - std::min(limit, current) < available)
        available = limit - std::min(limit, current);
    return bytes < available;
}

// Held: the registry's mutex.
void leave_quarantine(Registry &r) {
    while (r.quarantined > quarantine_bytes) {
        auto oldest = r.allocations.find(r.quarantine.front());
        r.quarantine.pop_front();
        r.quarantined -= oldest->second.bytes;
        r.pool.deallocate(reinterpret_cast<char *>(oldest->first) - red_zone_bytes, oldest->second.bytes + 2 * red_zone_bytes,
                          device_alignment);
        r.allocations.erase(oldest);
    }
}

} // namespace

std::optional<Allocation> find_allocation(const void *address) {
    Registry &r = registry();
    std::shared_lock lock(r.mutex);
    auto found = at_or_before(r.allocations, number_of(address));
    if (found == r.allocations.end() || number_of(address) - found->first >= found->second.bytes)
        return std::nullopt;
    return found->second;
}

Neighbors find_neighbors(const void *address) {
    Registry &r = registry();
    std::shared_lock lock(r.mutex);
    Neighbors neighbors;
    const auto after = r.allocations.upper_bound(number_of(address));
    if (after != r.allocations.end())
        neighbors.after = after->second;
    if (after != r.allocations.begin())
        neighbors.before = std::prev(after)->second;
    return neighbors;
}

cudaError_t allocate(void **address, size_t bytes, MemoryKind kind, bool tracked, bool isolated) {
    if (!address)
        return cudaErrorInvalidValue;
    *address = nullptr;
    if (bytes == 0)
        return cudaSuccess;
    if (bytes > SIZE_MAX - 2 * red_zone_bytes)
        return cudaErrorMemoryAllocation;
    Registry &r = registry();
    size_t charged = kind == MemoryKind::pinned ? 0 : bytes;
    std::unique_lock lock(r.mutex);
    if (charged > device_memory_bytes - r.in_use || (bytes >= small_bytes && !host_has(bytes)))
        return cudaErrorMemoryAllocation;
    void *block;
    try {
        block = r.pool.allocate(bytes + 2 * red_zone_bytes, device_alignment);
    } catch (const std::bad_alloc &) {
        return cudaErrorMemoryAllocation;
    }
    r.in_use += charged;
    lock.unlock();
    void *memory = static_cast<char *>(block) + red_zone_bytes;
    std::memset(memory, fill_byte, bytes);
    auto written = tracked && kind == MemoryKind::device ? std::make_shared<Written>(bytes) : nullptr;
    lock.lock();
    r.allocations[number_of(memory)] = {number_of(memory), bytes, kind, true, ++r.numbers, isolated, false, std::move(written)};
    *address = memory;
    return cudaSuccess;
}

cudaError_t retire(const void *address, bool host) {
    Registry &r = registry();
    std::unique_lock lock(r.mutex);
    auto found = r.allocations.find(number_of(address));
    if (found == r.allocations.end() || !found->second.live)
        return cudaErrorInvalidValue;
    MemoryKind kind = found->second.kind;
    if (host ? kind != MemoryKind::pinned : kind != MemoryKind::device && kind != MemoryKind::managed)
        return cudaErrorInvalidValue;
    found->second.live = false;
    return cudaSuccess;
}

void release(const void *address) {
    Registry &r = registry();
    Allocation freed;
    {
        std::shared_lock lock(r.mutex);
        freed = r.allocations.at(number_of(address));
    }
    // Nobody else touches the entry: whoever retired it releases it.
    std::memset(reinterpret_cast<void *>(freed.address), fill_byte, freed.bytes);
    std::unique_lock lock(r.mutex);
    if (freed.kind != MemoryKind::pinned)
        r.in_use -= freed.bytes;
    Allocation &entry = r.allocations.at(freed.address);
    entry.released = true;
    entry.written.reset();
    r.quarantine.push_back(freed.address);
    r.quarantined += freed.bytes;
    leave_quarantine(r);
}

cudaError_t register_host(void *address, size_t bytes) {
    if (!address || bytes == 0)
        return cudaErrorInvalidValue;
    Registry &r = registry();
    std::unique_lock lock(r.mutex);
    if (overlaps(r, number_of(address), bytes))
        return cudaErrorHostMemoryAlreadyRegistered;
    r.allocations[number_of(address)] = {number_of(address), bytes, MemoryKind::registered, true, ++r.numbers, false};
    return cudaSuccess;
}

cudaError_t unregister_host(void *address) {
    Registry &r = registry();
    std::unique_lock lock(r.mutex);
    auto found = r.allocations.find(number_of(address));
    if (found == r.allocations.end() || found->second.kind != MemoryKind::registered)
        return cudaErrorHostMemoryNotRegistered;
    r.allocations.erase(found);
    return cudaSuccess;
}

void register_symbol(const void *address, size_t bytes) {
    Registry &r = registry();
    std::unique_lock lock(r.mutex);
    if (!overlaps(r, number_of(address), bytes))
        r.allocations[number_of(address)] = {number_of(address), bytes, MemoryKind::symbol, true, ++r.numbers, false};
}

cudaError_t locate(const void *address, size_t bytes, std::optional<Allocation> *where) {
    Registry &r = registry();
    uintptr_t start = number_of(address);
    std::shared_lock lock(r.mutex);
    if (!address || bytes > UINTPTR_MAX - start)
        return cudaErrorInvalidValue;
    auto found = at_or_before(r.allocations, start);
    if (found != r.allocations.end() && start - found->first < found->second.bytes) {
        const Allocation &allocation = found->second;
        if (!allocation.live || bytes > allocation.bytes - (start - found->first))
            return cudaErrorInvalidValue;
        *where = allocation;
        return cudaSuccess;
    }
    where->reset();
    return overlaps(r, start, bytes) ? cudaErrorInvalidValue : cudaSuccess;
}

void note_written(const void *to, size_t bytes) {
    const std::optional<Allocation> target = find_allocation(to);
    if (target && target->written)
        target->written->set(number_of(to) - target->address, bytes);
}

void note_copied(const void *to, const void *from, size_t bytes) {
    const std::optional<Allocation> target = find_allocation(to), source = find_allocation(from);
    if (!target || !target->written)
        return;
    const size_t offset = number_of(to) - target->address;
    if (source && source->written)
        target->written->copy(offset, *source->written, number_of(from) - source->address, bytes);
    else
        target->written->set(offset, bytes);
}

void release_all() {
    std::vector<Allocation> all;
    {
        Registry &r = registry();
        std::shared_lock lock(r.mutex);
        for (const auto &entry : r.allocations)
            if (!entry.second.isolated)
                all.push_back(entry.second);
    }
    for (const Allocation &allocation : all)
        if (retire(reinterpret_cast<void *>(allocation.address), allocation.kind == MemoryKind::pinned) == cudaSuccess)
            release(reinterpret_cast<void *>(allocation.address));
}

size_t device_bytes_in_use() {
    Registry &r = registry();
    std::shared_lock lock(r.mutex);
    return r.in_use;
}

} // namespace wwsim
