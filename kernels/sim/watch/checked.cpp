// Linked into programs that simcc --checked makes, and into no others: nothing refers to it but their link.
#include "checked.h"

#include <cstdlib>
#include <new>

#include "../exec/grid.h"
#include "../runtime/memory.h"

using namespace wwsim;

namespace {

// A kernel's heap is device memory.
void *allocate_on_device(size_t bytes) {
    void *memory = nullptr;
    allocate(&memory, bytes ? bytes : 1, MemoryKind::device, this_block().grid->schedule.watch.check);
    return memory;
}

bool free_on_device(void *memory) {
    if (!memory || !find_allocation(memory) || retire(memory, false) != cudaSuccess) return false;
    release(memory);
    return true;
}

} // namespace

extern "C" {

__attribute__((constructor, used)) void wwsim_checked_program() { is_checked_program = true; }

// What simcc makes of the names in a program's own objects, which may have their own.
__attribute__((weak)) void *wwsim_malloc(size_t bytes) { return current ? allocate_on_device(bytes) : std::malloc(bytes); }
__attribute__((weak)) void *wwsim_new(size_t bytes) { return current ? allocate_on_device(bytes) : ::operator new(bytes); }
__attribute__((weak)) void wwsim_free(void *memory) {
    if (!free_on_device(memory)) std::free(memory);
}
__attribute__((weak)) void wwsim_delete(void *memory) {
    if (!free_on_device(memory)) ::operator delete(memory);
}
}
