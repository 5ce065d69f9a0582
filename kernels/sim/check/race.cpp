#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "races.h"

namespace wwsim::check {

uint32_t Races::next_interval(BlockHistory &block) {
    if (block.newest == block.last) {
        // The first run is nobody's: 0 is no interval.
        if (owners.empty()) owners.push_back(0);
        if (owners.size() > ~uint32_t{0} / run) {
            exhausted = true;
            return block.newest;
        }
        const auto first = static_cast<uint32_t>(owners.size()) * run;
        if (first != block.last + 1) block.from = first;
        block.newest = first - 1;
        block.last = block.newest + run;
        owners.push_back(block.id);
    }
    return ++block.newest;
}

inline uint32_t Races::site(const Touch &touch, uint32_t thread) {
    const Site &site = touch.site;
    const auto where = reinterpret_cast<uintptr_t>(site.where);
    Recent &recent = recent_sites[(where ^ where >> 8) % std::size(recent_sites)];
    const bool same = recent.site.where == site.where && recent.site.instruction == site.instruction && recent.thread == thread &&
                      recent.is_volatile == touch.is_volatile;
    if (__builtin_expect(!same, 0)) {
        auto number = static_cast<uint32_t>(sites.size());
        auto [at, is_new] = site_numbers.try_emplace({site.where, site.instruction, touch.is_volatile, thread}, number);
        if (is_new && number == most_sites) {
            at->second = 0;
        } else if (is_new) {
            sites.push_back({site, touch.is_volatile, thread});
        }
        recent = {site, thread, at->second, touch.is_volatile};
    }
    return recent.number << 1 | (touch.order != Order::plain);
}

// Whether what the label stands for happened before the actor's access.
inline bool Races::knows(const Actor &actor, Label label) const {
    const LaneHistory &history = actor.lane.history;
    return (interval_of(label) - history.from < history.count && actor_of(label) < most_thread_actors) || knows_slowly(actor, label);
}

bool Races::knows_slowly(const Actor &actor, Label label) const {
    const uint32_t interval = interval_of(label), who = actor_of(label);
    if (interval < actor.first) return true;
    const LaneHistory &history = actor.lane.history;
    const uint32_t block = block_of(interval);
    if (block == actor.block) {
        if (who == actor.lane.rank || (who == first_copier + actor.lane.rank && interval <= history.copies)) return true;
        return history.own && interval <= history.own->of(who);
    }
    const Part *part = history.known ? history.known->of(block) : nullptr;
    return part && interval <= part->of(who);
}

inline bool Races::check_write(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write) {
    const bool known = knows(actor, write);
    if (known && !actor.async_proxy) return true;
    return check_write_slowly(actor, own, touch, at, bytes, write, known);
}

bool Races::check_write_slowly(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label write, bool known) {
    if (known && actor_of(write) < first_queue && interval_of(write) >= actor.first) {
        const Knowledge *proxy = actor.lane.history.known ? actor.lane.history.known->proxies[touch.shared].get() : nullptr;
        const Part *part = proxy ? proxy->of(block_of(interval_of(write))) : nullptr;
        if (!part || interval_of(write) > part->of(actor_of(write))) report_proxy({&actor.lane, touch, own, write, at, false});
    }
    return known || conflict(actor, own, touch, at, bytes, write, false);
}

// Two accesses that nothing orders, one of them a write: reports them if they are a race. False where later ones of this access can tell more.
bool Races::conflict(const Actor &actor, Label own, const Touch &touch, uintptr_t at, unsigned bytes, Label other, bool other_reads) {
    const bool threads = std::max(actor_of(own), actor_of(other)) < most_thread_actors;
    if (is_strong(own) && is_strong(other)) {
        // Code from before lanes ran independently has volatile accesses where __syncwarp belongs.
        const bool is_legacy = threads && touch.shared && touch.is_volatile && origin(other).is_volatile &&
                               block_of(interval_of(other)) == actor.block && actor_of(own) / warp_size == actor_of(other) / warp_size;
        if (!is_legacy) return true;
    } else if (is_strong(own) || is_strong(other)) {
        const bool guess = threads && (is_strong(own) ? other_reads && !touch.is_volatile : touch.effect == Effect::read && !origin(other).is_volatile);
        Origin &plain = origin(is_strong(own) ? other : own);
        if (guess && !plain.is_guess && !plain.is_suspect) {
            plain.is_suspect = true;
            suspects.push_back({&actor.lane, touch, own, other, at, other_reads});
        }
        if (guess) return true;
    } else if (threads && !other_reads && touch.effect == Effect::write && touch.bytes <= sizeof before) {
        if (!twin.lane) {
            twin = {&actor.lane, touch, own, other, at, false};
            twin_bytes = 0;
            std::memcpy(before, reinterpret_cast<const void *>(touch.address), touch.bytes);
        }
        twin_bytes |= ((1u << bytes) - 1) << (at - touch.address);
        return false;
    }
    report({&actor.lane, touch, own, other, at, other_reads});
}

// Called for every access: what is usual is found here, without a call.
inline __attribute__((always_inline)) void Races::touch(const Actor &actor, Label own, const Touch &touch) {
    Label fine = own; // the last write that was found to be known
    for (uintptr_t at = touch.address, end = at + touch.bytes; at < end;) {
        uintptr_t stop = std::min(end, (at | (Shadow::page_bytes - 1)) + 1);
        Shadow::Page &page = shadow.page(at, at | stop);
        Cell *cell = &page.cells[at % Shadow::page_bytes >> page.shift];
        for (unsigned bytes = 1u << page.shift; at < stop; at += bytes, cell++) {
            const Label write = cell->write;
            if (write && write != fine && check_write(actor, own, touch, at, bytes, write)) fine = write;
            if (touch.effect != Effect::read) {
                if (cell->read) check_readers(actor, own, touch, at, cell->read);
                *cell = {own, 0};
            } else if (cell->read != own && !(cell->read && shadow.joins(cell->read, own))) {
                cell->read = cell->read ? add_reader(actor, own, cell->read) : own;
            }
        }
    }
}

inline void Races::access(Lane &lane, BlockHistory &block, const Touch &touch) {
    if (exhausted) return;
    settle();
    const Label own = label(lane.history.interval, lane.rank, site(touch, 0));
    if (touch.order == Order::plain) {
        if (touch.effect == Effect::read) last_reads[read_count++ % std::size(last_reads)] = {touch.address, own};
    } else if (touch.effect == Effect::update) {
        note_guess(touch, own);
    }
    this->touch({lane, block.id, touch.shared ? block.first : 0}, own, touch);
    if (touch.order != Order::plain) synchronize(lane, block, touch);
}

void check_access(const Touch &touch) {
    Block &block = this_block();
    if (block.history.races) block.history.races->access(this_lane(), block.history, touch);
}

void Races::access_later(const Lane &lane, const BlockHistory &block, const Operation &operation, const Touch &touch) {
    if (exhausted) return;
    settle();
    Actor actor{lane, block.id, touch.shared ? block.first : 0, operation.queue >= first_queue};
    this->touch(actor, label(operation.interval, operation.queue, site(touch, lane.rank)), touch);
}

void Races::compare() {
    Conflict found = std::exchange(twin, {});
    for (unsigned i = 0; i < found.touch.bytes; i++) {
        found.at = found.touch.address + i;
        if ((twin_bytes >> i & 1) && *reinterpret_cast<const unsigned char *>(found.at) != before[i]) report(found);
    }
}

void Races::note_guess(const Touch &touch, Label own) {
    for (const Read &read : last_reads) {
        if (read.address == touch.address && interval_of(read.label) == interval_of(own) && actor_of(read.label) == actor_of(own))
            origin(read.label).is_guess = true;
    }
}

void Races::settle_guesses(const BlockView &block) {
    for (size_t i = 0; i < suspects.size(); i++) {
        const Conflict found = suspects[i];
        if (found.lane->block != &block) continue;
        suspects[i--] = suspects.back();
        suspects.pop_back();
        Origin &plain = origin(is_strong(found.own) ? found.other : found.own);
        plain.is_suspect = false;
        if (!plain.is_guess) report(found);
    }
}

template <class Visit> void Races::each_reader(const Readers &group, Visit visit) const {
    // The one that the label names first: its site is known to be right.
    visit(group.label);
    if (!group.lanes) return;
    const uint32_t *lanes = shadow.lanes(group);
    for (uint32_t warp = 0; warp * warp_size < threads; warp++) {
        for (uint32_t bits = lanes[warp]; bits; bits &= bits - 1) {
            uint32_t rank = warp * warp_size + static_cast<uint32_t>(__builtin_ctz(bits));
            visit(label(interval_of(group.label), rank, site_of(group.label)));
        }
    }
}

bool Races::knows_all(const Actor &actor, const Readers &group) const {
    uint32_t interval = interval_of(group.label);
    if (!group.lanes) return knows(actor, group.label);
    if (interval < actor.first || interval - actor.lane.history.from < actor.lane.history.count) return true;
    bool all = true;
    each_reader(group, [&](Label reader) { all = all && knows(actor, reader); });
    return all;
}

void Races::check_readers(const Actor &actor, Label own, const Touch &touch, uintptr_t at, Label readers) {
    auto check = [&](Label reader) {
        if (!knows(actor, reader)) conflict(actor, own, touch, at, 0, reader, true);
    };
    if (interval_of(readers)) return check(readers);
    for (uint32_t i = static_cast<uint32_t>(readers); i; i = shadow.remove(i)) {
        if (!knows_all(actor, shadow.at(i))) each_reader(shadow.at(i), check);
    }
}

Label Races::add_reader(const Actor &actor, Label own, Label readers) {
    // Readers in more intervals than these, and in other blocks, are forgotten, the first ones first.
    constexpr unsigned most_groups = 8, most_elsewhere = 2;
    bool is_thread = actor_of(own) < most_thread_actors;
    auto joins = [&](Label group) {
        return interval_of(group) == interval_of(own) && is_strong(group) == is_strong(own) && is_thread &&
               actor_of(group) < most_thread_actors;
    };
    uint32_t first = static_cast<uint32_t>(readers);
    if (interval_of(readers)) {
        if ((!joins(readers) || actor_of(readers) == actor_of(own)) && knows(actor, readers)) return own;
        first = shadow.add(readers, 0);
    }
    for (uint32_t i = first; i; i = shadow.at(i).next) {
        if (!joins(shadow.at(i).label)) continue;
        shadow.add_lane(shadow.at(i), actor.lane.rank);
        return first;
    }
    // What happened before this read can be forgotten: who conflicts with it conflicts with this read, too.
    unsigned groups = 1, elsewhere = 0;
    uint32_t *link = &first;
    while (*link) {
        const Readers &group = shadow.at(*link);
        const bool is_elsewhere = block_of(interval_of(group.label)) != actor.block;
        if (groups == most_groups || (is_elsewhere && elsewhere == most_elsewhere) || knows_all(actor, group)) {
            *link = shadow.remove(*link);
        } else {
            groups++;
            elsewhere += is_elsewhere;
            link = &shadow.at(*link).next;
        }
    }
    return first ? shadow.add(own, first) : own;
}

} // namespace wwsim::check
