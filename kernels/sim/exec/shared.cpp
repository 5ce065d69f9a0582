// Which addresses are shared memory, and where they are in another block of the cluster.
#include "gang.h"

namespace wwsim {

static bool within(const void *address, const char *begin, size_t bytes) {
    const char *at = static_cast<const char *>(address);
    return at >= begin && at < begin + bytes;
}

static bool holds(const Block &block, const void *address) {
    if (within(address, block.dynamic_shared, block.dynamic_shared_bytes)) return true;
    for (const Block::Span &span : block.static_shared) {
        if (within(address, span.begin, span.bytes)) return true;
    }
    return false;
}

bool is_shared(const void *address) { return holds(this_block(), address); }

Block *Gang::owner(const Block &block, const void *address, size_t bytes) {
    const void *last = static_cast<const char *>(address) + bytes - 1;
    // A thread's own block first: it is nearly always that.
    for (unsigned i = 0; i < cluster_size; i++) {
        Block &other = neighbor(block, (block.cluster_rank + i) % cluster_size);
        if (holds(other, address)) return holds(other, last) ? &other : nullptr;
    }
    return nullptr;
}

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
