// What the report of a race says.
#include <algorithm>

#include "../exec/grid.h"
#include "races.h"
#include "source.h"
#include "verify.h"

namespace wwsim::check {

static std::string triple(unsigned x, unsigned y, unsigned z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
}

static std::string thread_name(const BlockView &block, unsigned rank) {
    const unsigned x = block.block_dim.x, y = block.block_dim.y;
    return "thread " + triple(rank % x, rank / x % y, rank / x / y);
}

static std::string block_name(const BlockView &block, unsigned number) {
    const unsigned x = block.grid_dim.x, y = block.grid_dim.y;
    return "block " + triple(number % x, number / x % y, number / x / y);
}

static std::string size(size_t bytes) { return bytes == 1 ? "1 byte" : std::to_string(bytes) + " bytes"; }

// "cp.async of thread (3,0,0)", and of which block where it is another.
std::string Races::who(const Lane &lane, Label label) const {
    const Origin &from = origin(label);
    const uint32_t actor = actor_of(label), block = block_of(interval_of(label));
    const bool operation = actor >= most_thread_actors;
    std::string text;
    if (operation) text = std::string(from.site.instruction ? from.site.instruction : "an asynchronous operation") + " of ";
    text += thread_name(*lane.block, !operation ? actor : actor < first_queue ? actor - first_copier : from.thread);
    if (block != static_cast<const Block &>(*lane.block).history.id) text += " of " + block_name(*lane.block, block);
    return text;
}

// What should have ordered the two.
std::string Races::missing(const Conflict &found) const {
    const uint32_t own = actor_of(found.own), other = actor_of(found.other);
    if (std::max(own, other) >= most_thread_actors) return "nothing orders the two";
    if (is_strong(found.own) && is_strong(found.other)) return "no __syncwarp between them, which volatile does not replace";
    std::string text;
    if (is_strong(found.own) != is_strong(found.other))
        text = std::string("only ") + (is_strong(found.own) ? "this" : "the other") + " access is atomic or volatile, and ";
    if (block_of(interval_of(found.other)) != static_cast<const Block &>(*found.lane->block).history.id)
        text += found.touch.shared ? "no barrier of the cluster" : "no fences with an atomic flag and no barrier of the grid";
    else
        text += own / warp_size == other / warp_size ? "no __syncwarp, barrier or fence" : "no barrier or fence";
    return text + " between them";
}

// "kernel k, block (0,0,0), thread (0,0,0): writes 4 bytes at offset 8 of …"
static std::string begin_text(Block &block, const Lane &lane, const char *instruction, Effect effect, size_t bytes, uintptr_t at) {
    const Place place = block.grid->watching->places.find(block, at);
    return block.describe(lane) + ": " + (instruction ? instruction : "") + (instruction ? " " : "") +
           (effect == Effect::read ? "reads " : effect == Effect::write ? "writes " : "updates ") + size(bytes) + " at offset " +
           std::to_string(at - place.begin) + " of " + describe(place);
}

static Block &home_of(const Lane &lane) { return static_cast<Block &>(const_cast<BlockView &>(*lane.block)); }

// The access, `rest`, and the lines of both.
void Races::tell(const Conflict &found, Fault kind, const std::string &rest) const {
    Block &block = home_of(*found.lane);
    const Origin &own = origin(found.own);
    std::string text = begin_text(block, *found.lane, own.site.instruction, found.touch.effect, found.touch.bytes, found.at);
    text += ", " + rest;
    const std::string here = line_of(own.site.where), there = line_of(origin(found.other).site.where);
    if (!here.empty()) text += "\n  at " + here;
    if (!there.empty()) text += "\n  " + who(*found.lane, found.other) + " at " + there;
    block.grid->fail(kind, text);
}

void tell(const Visit &visit, const char *mistake) {
    Block &block = home_of(*visit.lane);
    const auto at = reinterpret_cast<uintptr_t>(visit.address);
    std::string text = begin_text(block, *visit.lane, visit.instruction, visit.effect, visit.bytes, at);
    if (const Block *owner = block.gang->owner(block, visit.address, 1)) text += " of " + block_name(*owner, number_of(*owner));
    text += std::string(", ") + mistake;
    const std::string line = line_of(visit.site);
    if (!line.empty()) text += "\n  at " + line;
    block.grid->fail(Fault::race, text);
}

// Ends the launch. What leaves by `abandon` destroys nothing, so it holds nothing.
void Races::report(const Conflict &found) {
    tell_all(found);
    this_block().abandon();
}

void Races::tell_all(const Conflict &found) const {
    const std::string other = "which " + who(*found.lane, found.other);
    if (actor_of(found.other) >= most_thread_actors) {
        const char *what = found.other_reads ? " still reads" : " still writes";
        tell(found, Fault::in_flight, other + what + " as far as this thread has waited");
    } else {
        tell(found, Fault::race, other + " has " + (found.other_reads ? "read" : "written") + ": " + missing(found));
    }
}

void Races::report_proxy(const Conflict &found) {
    tell(found, Fault::race,
         "which " + who(*found.lane, found.other) + " has written in the generic proxy: no fence.proxy.async between them");
    this_block().abandon();
}

} // namespace wwsim::check
