#include <algorithm>
#include <cstring>
#include <iterator>

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
        const Knowledge *proxy = actor.lane.history.known ? actor.lane.history.known->proxy.get() : nullptr;
        const Part *part = proxy ? proxy->of(block_of(interval_of(write))) : nullptr;
        if (!part || interval_of(write) > part->of(actor_of(write))) report_proxy(actor.lane, own, touch, at, write);
    }
    if (known || !may_conflict(actor, own, touch, write)) return true;
    bool plain_writes = touch.effect == Effect::write && !is_strong(own) && !is_strong(write) &&
                        std::max(actor_of(own), actor_of(write)) < most_thread_actors && touch.bytes <= sizeof suspect.before;
    if (!plain_writes) report(actor.lane, own, touch, at, write, false);
    if (!suspect.lane) {
        suspect.lane = &actor.lane;
        suspect.touch = touch;
        suspect.own = own;
        suspect.other = write;
        suspect.bytes = 0;
        std::memcpy(suspect.before, reinterpret_cast<const void *>(touch.address), touch.bytes);
    }
    suspect.bytes |= ((1u << bytes) - 1) << (at - touch.address);
    return false;
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
    this->touch({lane, block.id, touch.shared ? block.first : 0}, label(lane.history.interval, lane.rank, site(touch, 0)), touch);
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

void Races::judge() {
    const Lane &lane = *suspect.lane;
    suspect.lane = nullptr;
    const char *now = reinterpret_cast<const char *>(suspect.touch.address);
    for (unsigned i = 0; i < suspect.touch.bytes; i++) {
        if ((suspect.bytes >> i & 1) && std::memcmp(now + i, suspect.before + i, 1) != 0)
            report(lane, suspect.own, suspect.touch, suspect.touch.address + i, suspect.other, false);
    }
}

// Whether two accesses that nothing orders, one of them a write, are a race.
bool Races::may_conflict(const Actor &actor, Label own, const Touch &touch, Label other) const {
    if (!is_strong(own) || !is_strong(other)) return true;
    // Code from before lanes ran independently has volatile accesses where __syncwarp belongs.
    uint32_t neighbor = actor_of(other);
    return touch.shared && touch.is_volatile && sites[site_of(other) >> 1].is_volatile && block_of(interval_of(other)) == actor.block &&
           actor_of(own) < most_thread_actors && neighbor < most_thread_actors && neighbor / warp_size == actor.lane.rank / warp_size;
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
        if (!knows(actor, reader) && may_conflict(actor, own, touch, reader)) report(actor.lane, own, touch, at, reader, true);
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
