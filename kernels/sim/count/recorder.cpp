#include "recorder.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "request.h"

namespace wwsim::count {

namespace {

constexpr unsigned char first_shared = 32, first_instruction = 64;
constexpr unsigned char atomic_global = static_cast<unsigned char>(GlobalKind::atomic);
constexpr unsigned char atomic_shared = first_shared + static_cast<unsigned char>(SharedKind::atomic);

// So many entries a lane's log may hold. Enough for most kernels' way from one barrier to the next, and little for 1024 threads.
constexpr size_t log_size = 256;

// What a thread accesses at once. The compiler reports a larger structure's copy as one access, which a GPU makes in several.
constexpr size_t widest_access = 16;

size_t piece_of(size_t bytes) {
    if (bytes <= widest_access && (bytes & (bytes - 1)) == 0) return bytes;
    for (size_t piece = widest_access;; piece /= 2)
        if (bytes % piece == 0) return piece;
}

bool begins_with(const char *text, const char *prefix) { return std::strncmp(text, prefix, std::strlen(prefix)) == 0; }

bool is_bulk(const char *instruction) {
    return begins_with(instruction, "cp.async.bulk") || begins_with(instruction, "cp.reduce.async.bulk");
}

GlobalKind global_kind(const Access &access) {
    if (access.instruction && is_bulk(access.instruction))
        return access.effect == Effect::read ? GlobalKind::bulk_load : GlobalKind::bulk_store;
    switch (access.effect) {
    case Effect::read: return GlobalKind::load;
    case Effect::write: return GlobalKind::store;
    case Effect::update: break;
    }
    return GlobalKind::atomic;
}

SharedKind shared_kind(const Access &access) {
    if (const char *name = access.instruction) {
        if (is_bulk(name)) return SharedKind::bulk;
        if (begins_with(name, "cp.async")) return SharedKind::cp_async;
        if (begins_with(name, "ldmatrix")) return SharedKind::ldmatrix;
        if (begins_with(name, "stmatrix")) return SharedKind::stmatrix;
    }
    switch (access.effect) {
    case Effect::read: return SharedKind::load;
    case Effect::write: return SharedKind::store;
    case Effect::update: break;
    }
    return SharedKind::atomic;
}

// Those that no warp's request stands for.
bool is_range(GlobalKind kind) { return kind == GlobalKind::bulk_load || kind == GlobalKind::bulk_store; }
bool is_range(SharedKind kind) { return kind == SharedKind::bulk; }

uintptr_t sector_of(uintptr_t address) { return address / 32; }

} // namespace

void Recorder::begin(LaunchCounters *into, unsigned threads) {
    counters_ = into;
    tallies_.clear();
    if (!into) return;
    threads_ = threads;
    if (logs_.size() < threads) logs_.resize(threads);
    for (Log &log : logs_) log.clear();
    into->blocks++;
    into->warps += (threads + warp_size - 1) / warp_size;
}

// ---- What lanes tell

bool Recorder::access(const LaneView &lane, const Access &access, Space space) {
    if (access.instruction && begins_with(access.instruction, "mbarrier")) return false; // counted as a barrier
    const void *site = access.site ? access.site : lane.site;
    const uintptr_t address = reinterpret_cast<uintptr_t>(access.address);
    unsigned char what;
    if (space == Space::global) {
        const GlobalKind kind = global_kind(access);
        what = static_cast<unsigned char>(kind);
        if (is_range(kind)) return count_range(access, space, what), false;
    } else {
        const SharedKind kind = shared_kind(access);
        what = static_cast<unsigned char>(kind);
        if (is_range(kind)) return count_range(access, space, what), false;
        what += first_shared;
    }
    Log &log = logs_[lane.rank];
    // A wrapper has told of its instruction, and now the compiler tells of the loads or stores that stand for it.
    if (!access.instruction && !log.empty() && log.back().told) {
        Entry &last = log.back();
        const bool is_atomic = last.what == atomic_global || last.what == atomic_shared;
        if ((last.what == what || is_atomic) && address >= last.address && address + access.bytes <= last.address + last.bytes) {
            last.site = site; // that of the inlined wrapper
            return false;
        }
    }
    const size_t piece = piece_of(access.bytes);
    for (size_t at = 0; at < access.bytes; at += piece)
        log.push_back({site, address + at, static_cast<uint32_t>(piece), what, access.instruction != nullptr, false});
    return log.size() >= log_size;
}

bool Recorder::instruction(const LaneView &lane, Kind kind, const char *name) {
    Log &log = logs_[lane.rank];
    log.push_back({name, 0, 0, static_cast<unsigned char>(first_instruction + static_cast<unsigned>(kind)), false, false});
    return log.size() >= log_size;
}

void Recorder::whole_instruction(Kind kind, const char *name, unsigned lanes) {
    Tally &sum = tally(kind, name);
    sum.instructions += 1;
    sum.lanes += lanes;
}

void Recorder::matrices(size_t bytes) {
    Shared &shared = counters_->shared[static_cast<unsigned>(SharedKind::wgmma)];
    shared.requests++;
    shared.bytes += bytes;
}

void Recorder::count_range(const Access &access, Space space, unsigned char kind) {
    const uintptr_t address = reinterpret_cast<uintptr_t>(access.address);
    if (space == Space::shared) {
        counters_->shared[kind].requests++;
        counters_->shared[kind].bytes += access.bytes;
        return;
    }
    if (access.bytes == 0) return;
    const uintptr_t first = sector_of(address), last = sector_of(address + access.bytes - 1);
    Global &global = counters_->global[kind];
    global.requests++;
    global.sectors += last - first + 1;
    global.bytes += access.bytes;
    global.used_bytes += access.bytes;
    (static_cast<GlobalKind>(kind) == GlobalKind::bulk_load ? counters_->read : counters_->written).add(first, last);
}

Tally &Recorder::tally(Kind kind, const char *name) {
    Tally *&found = tallies_[name];
    if (!found) found = &counters_->instructions[{kind, name}];
    return *found;
}

// ---- What warps did

unsigned Recorder::full(unsigned warp) const {
    unsigned lanes = 0;
    const unsigned first = warp * warp_size, count = std::min(warp_size, threads_ - first);
    for (unsigned i = 0; i < count; i++) lanes |= unsigned{logs_[first + i].size() >= log_size} << i;
    return lanes;
}

void Recorder::flush(unsigned warp, bool all) {
    Log *const logs = &logs_[warp * warp_size];
    const unsigned count = std::min(warp_size, threads_ - warp * warp_size);
    if (flush_in_step(logs, count)) return;
    flush_by_place(logs, count, all);
    const auto is_long = [](const Log &log) { return log.size() >= log_size / 2; };
    if (std::any_of(logs, logs + count, is_long)) flush_by_place(logs, count, true); // what is kept shall not fill the logs
}

// If all lanes that did anything did the same. Which is most of the time.
bool Recorder::flush_in_step(Log *logs, unsigned lanes) {
    unsigned active[warp_size], count = 0;
    for (unsigned i = 0; i < lanes; i++)
        if (!logs[i].empty()) active[count++] = i;
    if (count == 0) return true;
    const Log &first = logs[active[0]];
    for (unsigned i = 1; i < count; i++) {
        const Log &other = logs[active[i]];
        if (other.size() != first.size()) return false;
        for (size_t k = 0; k < first.size(); k++)
            if (other[k].site != first[k].site || other[k].what != first[k].what) return false;
    }
    const Entry *entries[warp_size];
    for (size_t k = 0; k < first.size(); k++) {
        for (unsigned i = 0; i < count; i++) entries[i] = &logs[active[i]][k];
        count_instruction(entries, active, count);
    }
    for (unsigned i = 0; i < count; i++) logs[active[i]].clear();
    return true;
}

unsigned Recorder::place_of(const Entry &entry) {
    // A warp is at few places between two cuts, and mostly goes on to the next one.
    for (size_t i = 0; i < places_.size(); i++) {
        const size_t place = (next_place_ + i) % places_.size();
        if (places_[place].site == entry.site && places_[place].what == entry.what) {
            next_place_ = place + 1;
            return static_cast<unsigned>(place);
        }
    }
    places_.push_back({entry.site, entry.what, {}, 0});
    next_place_ = places_.size();
    return static_cast<unsigned>(places_.size() - 1);
}

// The nth turns of all lanes at a place are one instruction.
void Recorder::flush_by_place(Log *logs, unsigned lanes, bool all) {
    places_.clear();
    turns_.clear();
    for (unsigned i = 0; i < lanes; i++) {
        next_place_ = 0;
        for (Entry &entry : logs[i]) {
            const unsigned place = place_of(entry);
            turns_.push_back({place, places_[place].count[i]++, i, &entry});
        }
    }
    // A lane that was there less often may come yet; one whose log is full has come as far as any.
    for (Place &place : places_) {
        place.settled = UINT32_MAX;
        if (all) continue;
        for (unsigned i = 0; i < lanes; i++)
            if (place.count[i] && logs[i].size() >= log_size) place.settled = std::min(place.settled, place.count[i]);
        if (place.settled == UINT32_MAX) place.settled = 0;
    }
    const auto key = [](const Turn &turn) { return std::tuple(turn.place, turn.nth, turn.lane); };
    std::sort(turns_.begin(), turns_.end(), [&](const Turn &a, const Turn &b) { return key(a) < key(b); });
    for (size_t i = 0; i < turns_.size();) {
        const Turn turn = turns_[i];
        const bool settled = turn.nth < places_[turn.place].settled;
        const Entry *entries[warp_size];
        unsigned which[warp_size], count = 0;
        for (; i < turns_.size() && turns_[i].place == turn.place && turns_[i].nth == turn.nth; i++) {
            which[count] = turns_[i].lane;
            entries[count++] = turns_[i].entry;
            turns_[i].entry->counted = settled;
        }
        if (settled) count_instruction(entries, which, count);
    }
    for (unsigned i = 0; i < lanes; i++) {
        Log &log = logs[i];
        log.erase(std::remove_if(log.begin(), log.end(), [](const Entry &entry) { return entry.counted; }), log.end());
    }
}

void Recorder::count_instruction(const Entry *const *entries, const unsigned *lanes, unsigned lane_count) {
    const Entry &first = *entries[0];
    if (first.what >= first_instruction) {
        Tally &sum = tally(static_cast<Kind>(first.what - first_instruction), static_cast<const char *>(first.site));
        sum.instructions++;
        sum.lanes += lane_count;
        return;
    }
    Request request;
    for (unsigned i = 0; i < lane_count; i++) request.parts[i] = {lanes[i], entries[i]->bytes, entries[i]->address};
    request.count = lane_count;
    Line &line = counters_->lines[first.site];
    if (first.what >= first_shared) {
        const auto kind = static_cast<SharedKind>(first.what - first_shared);
        const Shared cost = cost_of_shared(request, kind == SharedKind::atomic);
        counters_->shared[first.what - first_shared] += cost;
        line.shared_requests++;
        line.wavefronts += cost.wavefronts;
        line.conflicts += cost.wavefronts - cost.ideal;
        return;
    }
    const auto kind = static_cast<GlobalKind>(first.what);
    const Global cost = cost_of_global(request);
    counters_->global[first.what] += cost;
    line.global_requests++;
    line.sectors += cost.sectors;
    line.wasted_sectors += cost.sectors - (cost.used_bytes + 31) / 32;
    for (unsigned i = 0; i < lane_count; i++) {
        const uintptr_t begin = sector_of(entries[i]->address), end = sector_of(entries[i]->address + entries[i]->bytes - 1);
        if (kind != GlobalKind::store) counters_->read.add(begin, end);
        if (kind != GlobalKind::load) counters_->written.add(begin, end);
    }
}

} // namespace wwsim::count
