// Which addresses are shared memory, and where they are in another block of the cluster.
#include "gang.h"

namespace wwsim {

static bool within(const void *address, const char *begin, size_t bytes) {
    const char *at = static_cast<const char *>(address);
    return at >= begin && at < begin + bytes;
}

bool Block::holds_shared(const void *address) const {
    if (within(address, dynamic_shared, dynamic_shared_bytes)) return true;
    for (const Span &span : static_shared) {
        if (within(address, span.begin, span.bytes)) return true;
    }
    return false;
}

// Calls visit(begin, bytes, address) for each piece of the block's shared memory with its address in the window, until one returns true: the
// dynamic one, then the thread-local storage of each module.
template <class Visit> static void each_piece(const Block &block, Visit visit) {
    constexpr uint32_t unit = 1024;
    const auto round_up = [](size_t bytes) { return static_cast<uint32_t>((bytes + unit - 1) / unit * unit); };
    uint32_t address = unit;
    if (visit(block.dynamic_shared, block.dynamic_shared_bytes, address)) return;
    address += round_up(block.dynamic_shared_bytes);
    for (const Block::Span &span : block.static_shared) {
        const uint32_t offset = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(span.begin) % unit);
        if (visit(span.begin, span.bytes, address + offset)) return;
        address += round_up(offset + span.bytes);
    }
}

uint32_t shared_address(const void *address) {
    uint32_t found = 0;
    each_piece(this_block(), [&](const char *begin, size_t bytes, uint32_t first) {
        if (!within(address, begin, bytes)) return false;
        found = first + static_cast<uint32_t>(static_cast<const char *>(address) - begin);
        return true;
    });
    if (!found) fault(Fault::illegal_address, "cvta.to.shared: %p is not shared memory of this block", address);
    return found;
}

char *shared_pointer(uint32_t address, size_t bytes) {
    char *found = nullptr;
    each_piece(this_block(), [&](char *begin, size_t size, uint32_t first) {
        if (address < first || address + bytes > first + size) return false;
        found = begin + (address - first);
        return true;
    });
    return found;
}

Block *Gang::owner(const Block &block, const void *address, size_t bytes) const {
    const void *last = static_cast<const char *>(address) + bytes - 1;
    // A thread's own block first: it is nearly always that.
    for (unsigned i = 0; i < cluster_size; i++) {
        Block &other = neighbor(block, (block.cluster_rank + i) % cluster_size);
        if (other.holds_shared(address)) return other.holds_shared(last) ? &other : nullptr;
    }
    return nullptr;
}

bool Gang::holds_shared(const Block &block, const void *address) const { return owner(block, address, 1) != nullptr; }

bool is_shared(const void *address) { return this_block().holds_shared(address); }

void *map_shared(const void *address, unsigned rank) {
    needs_capability(90, "mapa");
    const Block &block = this_block();
    unsigned size = block.cluster_dim.x * block.cluster_dim.y * block.cluster_dim.z;
    if (rank >= size) fault(Fault::illegal_instruction, "map_shared: rank %u in a cluster of %u blocks", rank, size);
    const Block &other = block.gang->neighbor(block, rank);
    const char *at = static_cast<const char *>(address);
    if (within(at, block.dynamic_shared, block.dynamic_shared_bytes)) return other.dynamic_shared + (at - block.dynamic_shared);
    for (size_t i = 0; i < block.static_shared.size(); i++) {
        const Block::Span &span = block.static_shared[i];
        if (within(at, span.begin, span.bytes)) return other.static_shared[i].begin + (at - span.begin);
    }
    fault(Fault::illegal_address, "map_shared: %p is not shared memory of this block", address);
}

} // namespace wwsim
