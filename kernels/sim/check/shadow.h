// What is remembered of memory: for each granule who wrote it last, and who has read it since.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

#include "knowledge.h"

namespace wwsim::check {

// An actor's accesses in one of its intervals, at one site. 0: none. In the place of readers, one without an interval is the number of
// the first of several.
using Label = uint64_t;

constexpr unsigned site_bits = 20; // the last of them: whether the access is strong, that is atomic or volatile
constexpr uint32_t most_sites = 1u << (site_bits - 1);

constexpr Label label(uint32_t interval, uint32_t actor, uint32_t site) { return Label{interval} << 32 | actor << site_bits | site; }
constexpr uint32_t interval_of(Label label) { return static_cast<uint32_t>(label >> 32); }
constexpr uint32_t actor_of(Label label) { return static_cast<uint32_t>(label) >> site_bits; }
constexpr uint32_t site_of(Label label) { return static_cast<uint32_t>(label) & ((1u << site_bits) - 1); }
constexpr bool is_strong(Label label) { return label & 1; }

struct Cell {
    Label write, read;
};

// The readers of a granule, where they are several: a list of those that read in different intervals.
struct Readers {
    Label label;        // one of them
    uint32_t lanes = 0; // where the masks are of all that read in the interval, a warp each; 0: `label` alone
    uint32_t next = 0;
};

class Shadow {
  public:
    explicit Shadow(uint32_t warps) : warps(warps), readers(1), masks(warps) {}
    Shadow(const Shadow &) = delete;

    static constexpr uintptr_t page_bytes = 4096;

    struct Page {
        unsigned shift; // a granule has 1 << shift bytes: 4, or fewer where smaller accesses were seen
        std::unique_ptr<Cell[], void (*)(void *)> cells;
    };

    // The page of that address, with granules of which `bits`, an address or a size, is a multiple.
    Page &page(uintptr_t address, uintptr_t bits) {
        uintptr_t number = address / page_bytes;
        Recent &recent = recently[number % recent_count];
        if (recent.number != number) recent = {number, &find(number)};
        Page &page = *recent.page;
        if (__builtin_expect((bits & ((1u << page.shift) - 1)) != 0, 0)) split(page, bits);
        return page;
    }

    Readers &at(uint32_t index) { return readers[index]; }
    const Readers &at(uint32_t index) const { return readers[index]; }
    const uint32_t *lanes(const Readers &of) const { return masks.data() + of.lanes; }

    // Whether the first of several readers are threads that read in the same interval as this one, which then is one of them.
    bool joins(Label readers, Label label) {
        constexpr Label no_thread = Label{actor_count - most_thread_actors} << site_bits, same = ~Label{0} << 32 | no_thread | 1;
        if (interval_of(readers)) return false;
        const Readers &group = at(static_cast<uint32_t>(readers));
        if (((group.label ^ label) & same) | (label & no_thread) || !group.lanes) return false;
        const uint32_t rank = actor_of(label);
        masks[group.lanes + rank / lane_count] |= 1u << rank % lane_count;
        return true;
    }
    // Another reader of the group, a thread, in the same interval.
    void add_lane(Readers &group, uint32_t rank);
    uint32_t add(Label label, uint32_t next);
    // Takes one out of its list; returns what followed it.
    uint32_t remove(uint32_t index);

    // How many threads a warp's mask is for.
    static constexpr uint32_t lane_count = 32;

  private:
    Page &find(uintptr_t number);
    void split(Page &page, uintptr_t bits);
    uint32_t copy(uint32_t first);
    uint32_t new_masks();

    struct Recent {
        uintptr_t number = ~uintptr_t{0};
        Page *page = nullptr;
    };
    static constexpr size_t recent_count = 256;
    Recent recently[recent_count];
    std::unordered_map<uintptr_t, Page> pages;

    const uint32_t warps;
    std::vector<Readers> readers; // the first is none
    std::vector<uint32_t> masks;  // the first ones are nobody's
    uint32_t free_readers = 0;
    std::vector<uint32_t> free_masks;
};

} // namespace wwsim::check
