#include "stacks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "device.h"

namespace wwsim {

// Linux allows a process 65,530 mappings. Each guard page makes two, so most stacks of a large cooperative grid go without.
constexpr size_t most_guards = 16384;
static std::atomic<size_t> guards_in_process{0};

static size_t page() {
    static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

Stacks::~Stacks() { release(); }

void Stacks::release() {
    if (memory) munmap(memory, mapped);
    guards_in_process -= guards;
    memory = nullptr;
    capacity = guards = 0;
}

bool Stacks::reserve(size_t count, size_t bytes) {
    bytes = (bytes + page() - 1) / page() * page() + page();
    if (count <= capacity && bytes == stack_bytes) return true;
    release();
    count = (count + warp_size - 1) / warp_size * warp_size;
    void *map = mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return false;
    memory = static_cast<char *>(map);
    mapped = count * bytes;
    capacity = count;
    stack_bytes = bytes;
    if ((guards_in_process += count) <= most_guards) {
        guards = count;
        for (size_t i = 0; i < count; i++) mprotect(memory + i * bytes, page(), PROT_NONE);
    } else {
        guards_in_process -= count;
    }
    return true;
}

void Stacks::assign(size_t i, Context &context) const {
    context.stack = memory + i * stack_bytes + page();
    context.bytes = stack_bytes - page();
}

bool Stacks::is_guard(const void *address) const {
    const char *at = static_cast<const char *>(address);
    return at >= memory && at < memory + mapped && static_cast<size_t>(at - memory) % stack_bytes < page();
}

} // namespace wwsim
