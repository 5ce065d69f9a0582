#include "bulk.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "../count/count.h"
#include "../exec/grid.h"
#include "tile.h"

namespace wwsim::isa {

namespace {

// How many of the rows that are left come next. All of them, unless it is drawn.
unsigned some(Random *random, unsigned left) { return random ? 1 + random->below(left) : left; }

// An access of an operation that begins: for the checks, and for the counters.
void touch(const check::Operation &operation, const char *instruction, Effect effect, const void *address, size_t bytes) {
    check::touches(operation, {address, bytes, effect, effect == Effect::update ? Order::relaxed : Order::plain});
    count::access(instruction, effect, address, bytes);
}

// f(address, bytes) for what the tile has in the tensor.
template <class F> void for_each_row(const Tile &tile, F f) {
    for (unsigned r = 0; r < tile.rows(); r++) {
        const Tile::Row row = tile.row(r);
        if (row.first < row.last) f(row.memory, size_t{row.last} - row.first);
    }
}

bool is_watched() {
    const Watch &watch = this_block().grid->schedule.watch;
    return watch.check || watch.count;
}

// Into shared memory, and an mbarrier in the same block gets to know of the bytes.
class Load final : public Transfer {
  public:
    // `source` is the block whose shared memory is read; null: global memory is.
    Load(const char *instruction, const Tile &tile, char *shared, uint64_t *bar, Block &owner, Combine combine, Effect effect,
         Block *source = nullptr)
        : Transfer(instruction), tile(tile), shared(shared), bar(bar), owner(owner), combine(combine), source(source),
          operation(check::begin(instruction, bar, true)) {
        if (!is_watched()) return;
        check::touches(operation, {bar, sizeof *bar, Effect::read, Order::relaxed});
        touch(operation, instruction, effect, shared, tile.bytes());
        for_each_row(tile, [&](const char *memory, size_t bytes) { check::touches(operation, {memory, bytes, Effect::read}); });
    }

    bool perform(Random *random) override {
        const unsigned count = some(random, tile.rows() - done);
        for (const unsigned end = done + count; done < end; done++) move(done);
        Mbarriers &objects = block.gang->mbarriers;
        std::string problem;
        Mbarrier *object = objects.find(bar, problem);
        if (object && done == tile.rows()) check::complete(operation, object->arrived);
        if (object) problem = objects.add_bytes(owner, bar, -static_cast<int>(count * tile.row_bytes()));
        if (!problem.empty()) fail(Fault::illegal_instruction, problem);
        return done == tile.rows();
    }
    bool uses(const Block &other) const override { return &owner == &other || source == &other; }

  private:
    void move(unsigned r) const {
        const Tile::Row row = tile.row(r);
        tile.for_each_part(shared, r, [&](char *to, unsigned offset, unsigned bytes) {
            const unsigned end = offset + bytes, first = std::clamp(row.first, offset, end), last = std::clamp(row.last, first, end);
            tile.fill(to, offset, first);
            if (first < last) combine(to + (first - offset), row.memory + (first - row.first), last - first);
            tile.fill(to + (last - offset), last, end);
        });
    }

    const Tile tile;
    char *const shared;
    uint64_t *const bar;
    Block &owner;
    const Combine combine;
    Block *const source;
    unsigned done = 0; // rows
    const check::Operation operation;
};

// From shared to global memory, in a bulk group of its thread. What is outside of the tensor is left out.
class Store final : public Transfer {
  public:
    Store(const char *instruction, const Tile &tile, const char *shared, Combine combine, Effect effect)
        : Transfer(instruction), tile(tile), shared(shared), combine(combine),
          reading(check::begin(instruction, &lane.bulk_group, true)), writing(check::begin(instruction, &lane.bulk_groups, true)) {
        group = lane.bulk_group;
        if (is_checked()) own_group();
        if (!is_watched()) return;
        touch_sources();
        for_each_row(tile, [&](char *memory, size_t bytes) { touch(writing, instruction, effect, memory, bytes); });
    }

    void read() override {
        data.resize(tile.bytes());
        for (unsigned r = 0; r < tile.rows(); r++) {
            tile.for_each_part(const_cast<char *>(shared), r, [&](char *from, unsigned offset, unsigned bytes) {
                std::memcpy(data.data() + size_t{r} * tile.row_bytes() + offset, from, bytes);
            });
        }
        if (is_checked()) check::complete(reading, own_group().read);
    }
    bool has_read() const override { return !data.empty(); }

    bool perform(Random *random) override {
        if (!has_read()) {
            read();
            if (random) return false;
        }
        for (const unsigned end = done + some(random, tile.rows() - done); done < end; done++) {
            const Tile::Row row = tile.row(done);
            if (row.first < row.last) combine(row.memory, data.data() + size_t{done} * tile.row_bytes() + row.first, row.last - row.first);
        }
        if (done < tile.rows()) return false;
        if (is_checked()) check::complete(writing, own_group().done);
        return true;
    }
    bool uses(const Block &other) const override { return !has_read() && &block == &other; }

  private:
    bool is_checked() const { return block.grid->schedule.watch.check; }
    // What lies outside of the tensor is left out, so the box may hold anything there: padding against bank conflicts, say.
    void touch_sources() {
        const auto is_whole = [&](const Tile::Row &row) { return row.last - row.first == tile.row_bytes(); };
        unsigned whole = 0; // rows
        while (whole < tile.rows() && is_whole(tile.row(whole))) whole++;
        if (whole == tile.rows()) return touch(reading, instruction, Effect::read, shared, tile.bytes());
        for (unsigned r = 0; r < tile.rows(); r++) {
            const Tile::Row row = tile.row(r);
            tile.for_each_part(const_cast<char *>(shared), r, [&](const char *from, unsigned offset, unsigned bytes) {
                const unsigned first = std::max(offset, row.first), last = std::min(offset + bytes, row.last);
                if (first < last) touch(reading, instruction, Effect::read, from + (first - offset), last - first);
            });
        }
    }
    BulkGroup &own_group() {
        for (BulkGroup &known : lane.bulk_groups) {
            if (known.number == group) return known;
        }
        lane.bulk_groups.push_back({group, false, {}, {}});
        return lane.bulk_groups.back();
    }

    const Tile tile;
    const char *const shared;
    const Combine combine;
    std::vector<char> data;
    unsigned done = 0; // rows
    const check::Operation reading, writing;
};

// ---- What the instructions ask of their operands

void check_sizes(const char *instruction, const void *shared, const void *other, unsigned bytes) {
    needs_capability(90, instruction);
    check_aligned(instruction, shared, 16);
    check_aligned(instruction, other, 16);
    if (bytes % 16 != 0) fault(Fault::illegal_instruction, "%s: %u bytes: expected a multiple of 16", instruction, bytes);
}

// The block in whose shared memory these bytes lie.
Block &owner_of(const char *instruction, const void *shared, unsigned bytes) {
    Block &block = this_block();
    Block *owner = block.gang->owner(block, shared, bytes);
    if (!owner) fault(Fault::illegal_address, "%s: %u bytes at %p are not in shared memory", instruction, bytes, shared);
    return *owner;
}

// An address that nobody may access is found here, where it is known whose it is.
void probe(const void *address) { (void)*static_cast<const volatile char *>(address); }

void probe_tensor(const char *instruction, const Tile &tile) {
    for_each_row(tile, [&](const char *memory, size_t bytes) {
        if (is_shared(memory))
            fault(Fault::illegal_address, "%s: %p is in shared memory: expected global memory", instruction,
                  static_cast<const void *>(memory));
        probe(memory);
        probe(memory + bytes - 1);
    });
}

// Memory is read once for all blocks that get the tile.
void count_source(const char *instruction, const Tile &tile) {
    if (!is_watched()) return;
    for_each_row(tile, [&](const char *memory, size_t bytes) { count::access(instruction, Effect::read, memory, bytes); });
}

void start_load(const char *instruction, const Tile &tile, void *shared, uint64_t *bar, int blocks, Combine combine) {
    count::instruction(count::Kind::copy, instruction);
    probe_tensor(instruction, tile);
    count_source(instruction, tile);
    Block &block = this_block();
    Transfers &transfers = block.gang->transfers;
    char *const start = static_cast<char *>(shared);
    if (blocks == own_block) {
        Block &owner = owner_of(instruction, shared, tile.bytes());
        if (&find_mbarrier(instruction, bar, true).owner != &owner)
            fault(Fault::illegal_instruction, "%s: the mbarrier at %p and the destination at %p are in different blocks", instruction,
                  static_cast<void *>(bar), shared);
        transfers.start(std::make_unique<Load>(instruction, tile, start, bar, owner, combine, Effect::write));
        return;
    }
    const unsigned size = block.cluster_dim.x * block.cluster_dim.y * block.cluster_dim.z, mask = static_cast<unsigned>(blocks);
    if (mask == 0 || mask >> size != 0)
        fault(Fault::illegal_instruction, "%s: the mask of blocks 0x%04x: the cluster has %u", instruction, mask, size);
    if (!is_shared(shared) || !is_shared(start + tile.bytes() - 1) || !is_shared(bar))
        fault(Fault::illegal_address, "%s: %u bytes at %p and the mbarrier at %p are not in shared memory of this block", instruction,
              tile.bytes(), shared, static_cast<void *>(bar));
    for (unsigned rank = 0; rank < size; rank++) {
        if (!(mask >> rank & 1)) continue;
        auto *const there = static_cast<uint64_t *>(map_shared(bar, rank));
        Block &owner = find_mbarrier(instruction, there, true).owner;
        transfers.start(std::make_unique<Load>(instruction, tile, static_cast<char *>(map_shared(shared, rank)), there, owner, combine,
                                               Effect::write));
    }
}

void start_store(const char *instruction, const Tile &tile, const void *shared, Combine combine, Effect effect) {
    count::instruction(count::Kind::copy, instruction);
    check_shared(instruction, shared, tile.bytes());
    probe_tensor(instruction, tile);
    this_block().gang->transfers.start(std::make_unique<Store>(instruction, tile, static_cast<const char *>(shared), combine, effect));
}

Combine known_combine(const char *instruction, ReduceOp op, ElementType type) {
    const Combine combine = combine_of(op, type);
    if (!combine) fault(Fault::illegal_instruction, "%s: there is no reduction %s of %s", instruction, name_of(op), name_of(type));
    return combine;
}

Effect effect_of(ReduceOp op) { return op == ReduceOp::none ? Effect::write : Effect::update; }

TensorMap map_of_rank(const char *instruction, const void *map, unsigned rank) {
    needs_capability(90, instruction);
    const TensorMap read = read_map(instruction, map);
    if (read.rank != rank)
        fault(Fault::illegal_instruction, "%s: %u coordinates for a tensor map of %u dimensions", instruction, rank, read.rank);
    // The rows then lie apart, in a way that is not documented.
    const unsigned span = 16u << static_cast<unsigned>(read.swizzle), inner = read.box[0] * bytes_of(read.type);
    if (read.swizzle != Swizzle::none && inner != span)
        fault(Fault::illegal_instruction, "%s: a swizzle of %u bytes with a box of %u bytes in dimension 0 is not simulated: expected %u",
              instruction, span, inner, span);
    return read;
}

constexpr unsigned tile_alignment = 128; // in shared memory

} // namespace

void tile_load(const char *instruction, void *shared, const void *map, unsigned rank, const int *coordinates, uint64_t *bar, int blocks) {
    WWSIM_NOTE_SITE();
    const TensorMap read = map_of_rank(instruction, map, rank);
    check_aligned(instruction, shared, tile_alignment);
    start_load(instruction, Tile(read, coordinates), shared, bar, blocks, load_of(read.type));
}

void tile_store(const char *instruction, ReduceOp op, const void *map, unsigned rank, const int *coordinates, const void *shared) {
    WWSIM_NOTE_SITE();
    const TensorMap read = map_of_rank(instruction, map, rank);
    check_aligned(instruction, shared, tile_alignment);
    start_store(instruction, Tile(read, coordinates), shared, known_combine(instruction, op, read.type), effect_of(op));
}

void tile_prefetch(const char *instruction, const void *map, unsigned rank, const int *) {
    WWSIM_NOTE_SITE();
    map_of_rank(instruction, map, rank);
    count::instruction(count::Kind::copy, instruction);
}

void map_prefetch(const char *instruction, const void *map) {
    WWSIM_NOTE_SITE();
    needs_capability(90, instruction);
    read_map(instruction, map);
}

void bulk_load(const char *instruction, void *shared, const void *global, unsigned bytes, uint64_t *bar, int blocks) {
    WWSIM_NOTE_SITE();
    check_sizes(instruction, shared, global, bytes);
    if (bytes == 0) return;
    start_load(instruction, Tile(const_cast<void *>(global), bytes), shared, bar, blocks, combine_of(ReduceOp::none, ElementType::u8));
}

void bulk_store(const char *instruction, ReduceOp op, ElementType type, void *global, const void *shared, unsigned bytes) {
    WWSIM_NOTE_SITE();
    check_sizes(instruction, shared, global, bytes);
    if (bytes == 0) return;
    start_store(instruction, Tile(global, bytes), shared, known_combine(instruction, op, type), effect_of(op));
}

void bulk_copy_cluster(const char *instruction, ReduceOp op, ElementType type, void *there, const void *shared, unsigned bytes,
                       uint64_t *bar) {
    WWSIM_NOTE_SITE();
    check_sizes(instruction, shared, there, bytes);
    if (bytes == 0) return;
    check_shared(instruction, shared, bytes);
    count::instruction(count::Kind::copy, instruction);
    Block &block = this_block(), &owner = owner_of(instruction, there, bytes);
    if (&find_mbarrier(instruction, bar, true).owner != &owner)
        fault(Fault::illegal_instruction, "%s: the mbarrier at %p and the destination at %p are in different blocks", instruction,
              static_cast<void *>(bar), there);
    const Tile tile(const_cast<void *>(shared), bytes);
    count_source(instruction, tile);
    block.gang->transfers.start(std::make_unique<Load>(instruction, tile, static_cast<char *>(there), bar, owner,
                                                       known_combine(instruction, op, type), effect_of(op), &block));
}

void bulk_prefetch(const char *instruction, const void *global, unsigned bytes) {
    WWSIM_NOTE_SITE();
    check_sizes(instruction, nullptr, global, bytes);
    count::instruction(count::Kind::copy, instruction);
}

void bulk_commit_group() {
    WWSIM_NOTE_SITE();
    bulk_commit();
}

void bulk_wait_group(unsigned groups_in_flight, bool reads_only) {
    WWSIM_NOTE_SITE();
    bulk_wait(groups_in_flight, reads_only);
}

} // namespace wwsim::isa
