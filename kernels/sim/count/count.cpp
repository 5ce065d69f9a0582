#include "count.h"

#include "../exec/grid.h"
#include "../runtime/memory.h"

extern "C" {
extern __thread char *wwsim_dynamic_shared;
}

namespace wwsim::count {

namespace {

template <class T> bool is_in(const void *address, const T &variable) {
    return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(&variable) < sizeof(T);
}

// The simulator's own variables in thread-local storage, which is otherwise shared memory.
bool is_own(const void *address) {
    return is_in(address, current) || is_in(address, blockDim) || is_in(address, gridDim) || is_in(address, wwsim_dynamic_shared);
}

bool is_global(const void *address) {
    static thread_local Allocation last{};
    if (reinterpret_cast<uintptr_t>(address) - last.address >= last.bytes) {
        auto found = find_allocation(address);
        if (!found) return false;
        last = *found;
    }
    return !last.on_host();
}

} // namespace

void record_access(const Access &access) {
    if (!current) return;
    Block &block = this_block();
    if (!block.recorder.active()) return;
    Space space = Space::shared;
    if (is_own(access.address)) return;
    if (!is_shared(access.address)) {
        if (!is_global(access.address)) return;
        space = Space::global;
    }
    if (block.recorder.access(*current, access, space)) block.let_warp_catch_up();
}

void record_instruction(Kind kind, const char *name, unsigned lanes) {
    if (!current) return;
    Block &block = this_block();
    if (!block.recorder.active()) return;
    if (lanes > 1) {
        block.recorder.whole_instruction(kind, name, lanes);
    } else if (block.recorder.instruction(*current, kind, name)) {
        block.let_warp_catch_up();
    }
}

} // namespace wwsim::count
