#include "history.h"

#include <utility>

#include "../exec/grid.h"
#include "races.h"

namespace wwsim::check {

static Block &block_of(const Lane &lane) { return *static_cast<Block *>(const_cast<BlockView *>(lane.block)); }

// The checks of the lane's launch, null where there are none. What the lane wrote last can be seen by now.
static Races *races_of(const Lane &lane) {
    Races *races = block_of(lane).history.races;
    if (races) races->settle();
    return races;
}

static void set_known(LaneHistory &lane, const BlockHistory &block, const Known &known, const Part *own) {
    lane.known = known;
    lane.own = own;
    lane.from = block.from;
    lane.count = own && own->floor >= block.from ? own->floor - block.from + 1 : 0;
}

void learn(Lane &lane, const Known &what) {
    LaneHistory &own = lane.history;
    BlockHistory &block = block_of(lane).history;
    if (!what || what == own.known) return;
    if (!block.answer || block.asked_known != own.known || block.asked_clock != what) {
        block.answer = joined(own.known, what);
        block.asked_known = own.known;
        block.asked_clock = what;
    }
    set_known(own, block, block.answer, block.answer->of(block.id));
}

void learn_pending(Lane &lane) { learn(lane, std::exchange(lane.history.pending, nullptr)); }

// A new interval begins. One that others of the block are in will do: labels name the thread, too.
static void advance(LaneHistory &lane, BlockHistory &block, Races &races) {
    lane.interval = lane.interval < block.newest ? block.newest : races.next_interval(block);
}

// Adds what the lane did to what it knew.
static void add_own(Part &part, const Lane &lane) {
    part.raise(lane.rank, lane.history.interval);
    if (lane.history.copies) part.raise(first_copier + lane.rank, lane.history.copies);
}

Known so_far(Lane &lane) {
    BlockHistory &block = block_of(lane).history;
    auto known = lane.history.known ? std::make_shared<Knowledge>(*lane.history.known) : std::make_shared<Knowledge>();
    add_own(known->change(block.id), lane);
    advance(lane.history, block, *block.races);
    return known;
}

void release(Lane &lane, Clock &into) {
    Races *races = races_of(lane);
    if (!races) return;
    learn_pending(lane);
    BlockHistory &block = block_of(lane).history;
    Knowledge &known = changeable(into.known);
    if (lane.history.known && into.included != lane.history.known) {
        known.join(*lane.history.known);
        into.included = lane.history.known;
    }
    Part &part = known.change(block.id);
    add_own(part, lane);
    part.compact(races->threads);
    advance(lane.history, block, *races);
}

void release_fenced(Lane &lane, Clock &into) {
    if (!races_of(lane)) return;
    into.known = joined(into.known, lane.history.published);
    changeable(into.known).change(block_of(lane).history.id);
}

void acquire(Lane &lane, const Clock &from) {
    if (races_of(lane)) learn(lane, from.known);
}

void join(Clock &into, const Clock &from) { into.known = joined(into.known, from.known); }

void fence_proxy_async(bool shared, bool global) {
    if (!current) return;
    Lane &lane = this_lane();
    if (!races_of(lane)) return;
    learn_pending(lane);
    auto known = lane.history.known ? std::make_shared<Knowledge>(*lane.history.known) : std::make_shared<Knowledge>();
    auto seen = std::make_shared<Knowledge>(*so_far(lane));
    for (Known &proxy : seen->proxies) proxy = nullptr;
    if (global) known->proxies[false] = seen;
    if (shared) known->proxies[true] = seen;
    set_known(lane.history, block_of(lane).history, known, lane.history.own);
}

std::shared_ptr<Races> check_launch(unsigned threads) { return std::make_shared<Races>(threads); }

uint32_t number_of(const BlockView &block) {
    const uint3 at = block.block_idx;
    return at.x + block.grid_dim.x * (at.y + block.grid_dim.y * at.z);
}

void begin_block(Block &block) {
    Races *races = block.grid->races.get();
    BlockHistory &own = block.history;
    own.races = races;
    if (!races) return;
    own.id = number_of(block);
    const uint32_t interval = races->next_interval(own);
    for (unsigned i = 0; i < block.threads; i++) block.lane(i).history.interval = interval;
    // A neighbor may have begun before, and written to this block's shared memory.
    if (!block.gang->first_interval) block.gang->first_interval = interval;
    own.first = block.gang->first_interval;
}

void end_block(Block &block) {
    if (!block.history.races) return;
    for (unsigned i = 0; i < block.threads; i++) block.lane(i).history = {};
    block.history = {};
}

void exit_lane(Lane &lane) {
    BlockHistory &block = block_of(lane).history;
    if (!block.races) return;
    block.races->settle();
    if (block_of(lane).live == 1) block.races->settle_guesses(*lane.block);
    end_visits(lane);
}

void meet(Block &block, unsigned first_warp, unsigned warps, const unsigned *waiting, const Clock &arrived, bool everyone) {
    BlockHistory &history = block.history;
    Races *races = history.races;
    if (!races) return;
    races->settle();
    auto each = [&](auto visit) {
        for (unsigned w = 0; w < warps; w++) {
            for (unsigned bits = waiting[w]; bits; bits &= bits - 1)
                visit(block.lane((first_warp + w) * warp_size + static_cast<unsigned>(__builtin_ctz(bits))));
        }
    };

    auto all = std::make_shared<Knowledge>();
    const Knowledge *last = nullptr;
    auto include = [&](const Known &known) {
        if (known && known.get() != last) all->join(*known);
        last = known.get();
    };
    each([&](Lane &lane) {
        learn_pending(lane);
        include(lane.history.known);
    });
    include(arrived.known);
    Known published;
    each([&](Lane &lane) {
        const Known &own = lane.history.published;
        if (!published) {
            published = own;
        } else if (own && own != published) {
            changeable(published).join(*own);
        }
    });

    Part &part = all->change(history.id);
    bool is_newest = everyone;
    std::vector<Part::Entry> threads, copies;
    each([&](Lane &lane) {
        is_newest = is_newest || lane.history.interval == history.newest;
        if (!everyone) threads.push_back({lane.rank, lane.history.interval});
        if (lane.history.copies) copies.push_back({first_copier + lane.rank, lane.history.copies});
    });
    if (everyone) part.raise_floor(history.newest);
    threads.insert(threads.end(), copies.begin(), copies.end());
    if (!threads.empty()) {
        Part own;
        own.entries = std::move(threads);
        part.join(own);
        part.compact(races->threads);
    }
    for (Known &proxy : all->proxies) {
        if (proxy) changeable(proxy).change(history.id).compact(races->threads);
    }
    uint32_t next = is_newest ? races->next_interval(history) : history.newest;
    Known known = std::move(all);
    each([&](Lane &lane) {
        set_known(lane.history, history, known, &part);
        lane.history.published = published;
        lane.history.copies = 0;
        lane.history.interval = next;
    });
}

void copies_done(uint32_t interval) {
    Lane &lane = this_lane();
    if (races_of(lane) && interval > lane.history.copies) lane.history.copies = interval;
}

} // namespace wwsim::check
