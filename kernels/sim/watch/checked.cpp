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
    if (current && this_block().grid->watching) this_block().grid->watching->places.forget();
    return true;
}

} // namespace

extern "C" {

__attribute__((constructor, used)) void wwsim_checked_program() { is_checked_program = true; }

// What simcc makes of these names in a program's own objects. A program may have its own.
#define WWSIM_WEAK __attribute__((weak))
WWSIM_WEAK void *wwsim_malloc(size_t bytes) { return current ? allocate_on_device(bytes) : std::malloc(bytes); }
WWSIM_WEAK void wwsim_free(void *memory) {
    if (!free_on_device(memory)) std::free(memory);
}
WWSIM_WEAK void *wwsim__Znwm(size_t bytes) { return current ? allocate_on_device(bytes) : ::operator new(bytes); }
WWSIM_WEAK void *wwsim__Znam(size_t bytes) { return wwsim__Znwm(bytes); }
WWSIM_WEAK void wwsim__ZdlPv(void *memory) {
    if (!free_on_device(memory)) ::operator delete(memory);
}
WWSIM_WEAK void wwsim__ZdaPv(void *memory) { wwsim__ZdlPv(memory); }
WWSIM_WEAK void wwsim__ZdlPvm(void *memory, size_t) { wwsim__ZdlPv(memory); }
WWSIM_WEAK void wwsim__ZdaPvm(void *memory, size_t) { wwsim__ZdlPv(memory); }
}
