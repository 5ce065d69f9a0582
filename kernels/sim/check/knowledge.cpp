#include "knowledge.h"

#include <algorithm>
#include <iterator>

namespace wwsim::check {

static bool before(const Part::Entry &entry, uint32_t actor) { return entry.actor < actor; }

uint32_t Part::of(uint32_t actor) const {
    auto at = std::lower_bound(entries.begin(), entries.end(), actor, before);
    if (at != entries.end() && at->actor == actor) return at->interval;
    return actor < most_thread_actors ? floor : 0;
}

void Part::raise(uint32_t actor, uint32_t interval) {
    if (actor < most_thread_actors && interval <= floor) return;
    auto at = entries.empty() || entries.back().actor < actor ? entries.end()
                                                              : std::lower_bound(entries.begin(), entries.end(), actor, before);
    if (at != entries.end() && at->actor == actor) {
        at->interval = std::max(at->interval, interval);
    } else {
        entries.insert(at, {actor, interval});
    }
}

void Part::raise_floor(uint32_t interval) {
    if (interval <= floor) return;
    floor = interval;
    auto below = [&](const Entry &entry) { return entry.actor < most_thread_actors && entry.interval <= floor; };
    entries.erase(std::remove_if(entries.begin(), entries.end(), below), entries.end());
}

void Part::compact(uint32_t threads) {
    if (entries.size() < threads || entries[threads - 1].actor != threads - 1) return;
    uint32_t lowest = entries[0].interval;
    for (uint32_t i = 1; i < threads; i++) lowest = std::min(lowest, entries[i].interval);
    raise_floor(lowest);
}

bool Part::covers(const Part &other) const {
    if (this == &other) return true;
    // The other's floor may speak for threads that no entry here names.
    if (other.floor > floor) return false;
    auto own = entries.begin();
    for (const Entry &entry : other.entries) {
        while (own != entries.end() && own->actor < entry.actor) own++;
        uint32_t known = own != entries.end() && own->actor == entry.actor ? own->interval
                         : entry.actor < most_thread_actors                ? floor
                                                                           : 0;
        if (known < entry.interval) return false;
    }
    return true;
}

void Part::join(const Part &other) {
    std::vector<Entry> both;
    both.reserve(entries.size() + other.entries.size());
    auto a = entries.cbegin(), b = other.entries.cbegin();
    while (a != entries.cend() || b != other.entries.end()) {
        if (b == other.entries.end() || (a != entries.cend() && a->actor < b->actor)) {
            both.push_back(*a++);
        } else if (a == entries.cend() || b->actor < a->actor) {
            both.push_back(*b++);
        } else {
            both.push_back({a->actor, std::max(a->interval, b->interval)});
            a++, b++;
        }
    }
    entries = std::move(both);
    // Entries of the side with the lower floor may lie below the higher one.
    uint32_t highest = std::max(floor, other.floor);
    floor = 0;
    raise_floor(highest);
}

std::vector<Knowledge::Seen>::iterator Knowledge::find(uint32_t block) {
    return std::lower_bound(blocks.begin(), blocks.end(), block, [](const Seen &seen, uint32_t block) { return seen.block < block; });
}

const Part *Knowledge::of(uint32_t block) const {
    auto at = const_cast<Knowledge *>(this)->find(block);
    return at != blocks.end() && at->block == block ? at->part.get() : nullptr;
}

Part &Knowledge::change(uint32_t block) {
    auto at = find(block);
    if (at == blocks.end() || at->block != block) {
        at = blocks.insert(at, {block, std::make_shared<Part>()});
    } else if (at->part.use_count() > 1) {
        at->part = std::make_shared<Part>(*at->part);
    }
    return *at->part;
}

bool Knowledge::covers(const Knowledge &other) const {
    auto own = blocks.begin();
    for (const Seen &seen : other.blocks) {
        while (own != blocks.end() && own->block < seen.block) own++;
        if (own == blocks.end() || own->block != seen.block) return false;
        if (!own->part->covers(*seen.part)) return false;
    }
    for (bool shared : {false, true}) {
        const Known &mine = proxies[shared], &others = other.proxies[shared];
        if (others && mine != others && !(mine && mine->covers(*others))) return false;
    }
    return true;
}

void Knowledge::join(const Knowledge &other) {
    std::vector<Seen> both;
    both.reserve(blocks.size() + other.blocks.size());
    auto a = blocks.begin();
    for (const Seen &seen : other.blocks) {
        while (a != blocks.end() && a->block < seen.block) both.push_back(std::move(*a++));
        if (a == blocks.end() || a->block != seen.block || seen.part->covers(*a->part)) {
            both.push_back(seen);
        } else if (a->part->covers(*seen.part)) {
            both.push_back(std::move(*a));
        } else {
            both.push_back({seen.block, std::make_shared<Part>(*a->part)});
            both.back().part->join(*seen.part);
        }
        if (a != blocks.end() && a->block == seen.block) a++;
    }
    std::move(a, blocks.end(), std::back_inserter(both));
    blocks = std::move(both);
    for (bool shared : {false, true}) proxies[shared] = joined(proxies[shared], other.proxies[shared]);
}

Known joined(const Known &a, const Known &b) {
    if (!b || a == b || (a && a->covers(*b))) return a;
    if (!a || b->covers(*a)) return b;
    auto both = std::make_shared<Knowledge>(*a);
    both->join(*b);
    return both;
}

Knowledge &changeable(Known &known) {
    if (!known) {
        known = std::make_shared<Knowledge>();
    } else if (known.use_count() > 1) {
        known = std::make_shared<Knowledge>(*known);
    }
    // Made by make_shared<Knowledge>, here or in `joined`: not const itself.
    return const_cast<Knowledge &>(*known);
}

} // namespace wwsim::check
