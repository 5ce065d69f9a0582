#include "shadow.h"

#include <algorithm>

namespace wwsim::check {

static constexpr unsigned largest_shift = 2;

static Cell *make_cells(unsigned shift) {
    void *cells = std::calloc(Shadow::page_bytes >> shift, sizeof(Cell));
    if (!cells) throw std::bad_alloc();
    return static_cast<Cell *>(cells);
}

Shadow::Page &Shadow::find(uintptr_t number) {
    auto at = pages.find(number);
    if (at == pages.end()) at = pages.emplace(number, Page{largest_shift, {make_cells(largest_shift), std::free}}).first;
    return at->second;
}

void Shadow::split(Page &page, uintptr_t bits) {
    unsigned shift = static_cast<unsigned>(__builtin_ctzll(bits));
    Cell *cells = make_cells(shift);
    unsigned parts = 1u << (page.shift - shift);
    for (size_t i = 0; i < page_bytes >> shift; i++) {
        cells[i] = page.cells[i / parts];
        // Each granule has a list of its own.
        if (i % parts && cells[i].read && !interval_of(cells[i].read)) cells[i].read = copy(static_cast<uint32_t>(cells[i].read));
    }
    page.cells.reset(cells);
    page.shift = shift;
}

uint32_t Shadow::copy(uint32_t first) {
    if (!first) return 0;
    uint32_t next = copy(readers[first].next), index = add(readers[first].label, next);
    if (readers[first].lanes) {
        uint32_t own = new_masks();
        std::copy_n(masks.begin() + readers[first].lanes, warps, masks.begin() + own);
        readers[index].lanes = own;
    }
    return index;
}

uint32_t Shadow::new_masks() {
    if (!free_masks.empty()) {
        uint32_t index = free_masks.back();
        free_masks.pop_back();
        std::fill_n(masks.begin() + index, warps, 0);
        return index;
    }
    masks.resize(masks.size() + warps);
    return static_cast<uint32_t>(masks.size() - warps);
}

void Shadow::add_lane(Readers &group, uint32_t rank) {
    uint32_t first = actor_of(group.label);
    if (!group.lanes) {
        if (first == rank) return;
        group.lanes = new_masks();
        masks[group.lanes + first / lane_count] |= 1u << first % lane_count;
    }
    masks[group.lanes + rank / lane_count] |= 1u << rank % lane_count;
}

uint32_t Shadow::add(Label label, uint32_t next) {
    if (free_readers) {
        uint32_t index = free_readers;
        free_readers = readers[index].next;
        readers[index] = {label, 0, next};
        return index;
    }
    readers.push_back({label, 0, next});
    return static_cast<uint32_t>(readers.size() - 1);
}

uint32_t Shadow::remove(uint32_t index) {
    Readers &gone = readers[index];
    uint32_t next = gone.next;
    if (gone.lanes) free_masks.push_back(gone.lanes);
    gone = {0, 0, free_readers};
    free_readers = index;
    return next;
}

} // namespace wwsim::check
