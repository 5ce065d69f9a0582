#include "count.h"

#include "../exec/grid.h"

namespace wwsim::count {

void record_access(const Access &access, Space space) {
    if (space != Space::global && space != Space::shared) return;
    Block &block = this_block();
    if (block.recorder.access(*current, access, space)) block.let_warp_catch_up();
}

void record_access(const Access &access) {
    if (!current) return;
    Block &block = this_block();
    if (!block.recorder.active()) return;
    record_access(access, block.grid->watching->places.find(block, reinterpret_cast<uintptr_t>(access.address), current->site).space);
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

void record_matrices(size_t bytes) {
    Block &block = this_block();
    if (block.recorder.active()) block.recorder.matrices(bytes);
}

} // namespace wwsim::count
