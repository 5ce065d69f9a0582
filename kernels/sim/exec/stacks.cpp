#include "stacks.h"

#include <atomic>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace wwsim {

// Linux allows a process 65,530 mappings, and each guard page makes two: of a large cooperative grid, most stacks go without.
constexpr size_t most_guards = 16384;
static std::atomic<size_t> guards{0};

static size_t page() {
    static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

void Stacks::unmap() {
#ifdef __SANITIZE_ADDRESS__
    // Where these stacks were a thread's own may come to lie: nothing of theirs shall be forbidden there.
    if (memory) __asan_unpoison_memory_region(memory, mapped);
#endif
    if (memory) munmap(memory, mapped);
    if (guarded) guards -= capacity;
    memory = nullptr;
    capacity = 0;
    guarded = false;
}

Stacks::~Stacks() { unmap(); }

bool Stacks::reserve(size_t count, size_t bytes) {
    bytes = (bytes + page() - 1) / page() * page() + page();
    if (count <= capacity && bytes == stack_bytes) return true;
    unmap();
    count = (count + warp_size - 1) / warp_size * warp_size;
    void *map = mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return false;
    memory = static_cast<char *>(map);
    mapped = count * bytes;
    capacity = count;
    stack_bytes = bytes;
    guarded = guards.fetch_add(count) + count <= most_guards;
    if (!guarded) guards -= count;
    for (size_t i = 0; guarded && i < count; i++) mprotect(memory + i * bytes, page(), PROT_NONE);
    return true;
}

void Stacks::assign(size_t i, Context &context) const {
    context.stack = memory + i * stack_bytes + page();
    context.bytes = stack_bytes - page();
}

bool Stacks::is_guard(const void *address) const {
    const char *at = static_cast<const char *>(address);
    return guarded && at >= memory && at < memory + mapped && static_cast<size_t>(at - memory) % stack_bytes < page();
}

} // namespace wwsim
