// What the report of a race says.
#include <algorithm>
#include <cstdio>

#include "../exec/grid.h"
#include "races.h"
#include "source.h"

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

static std::string place(const Lane &lane, uintptr_t address, bool shared) {
    char text[96];
    const uintptr_t offset = address - reinterpret_cast<uintptr_t>(lane.block->dynamic_shared);
    if (!shared) {
        std::snprintf(text, sizeof text, "global memory at %#zx", static_cast<size_t>(address));
    } else if (offset < lane.block->dynamic_shared_bytes) {
        std::snprintf(text, sizeof text, "byte %zu of dynamic shared memory", static_cast<size_t>(offset));
    } else {
        std::snprintf(text, sizeof text, "shared memory at %#zx", static_cast<size_t>(address));
    }
    return text;
}

static std::string size(size_t bytes) { return bytes == 1 ? "1 byte" : std::to_string(bytes) + " bytes"; }

// "cp.async of thread (3,0,0)", and of which block where it is another.
std::string Races::who(const Lane &lane, Label label) const {
    const Origin &origin = sites[site_of(label) >> 1];
    const uint32_t actor = actor_of(label), block = block_of(interval_of(label));
    const bool operation = actor >= most_thread_actors;
    std::string text;
    if (operation) text = std::string(origin.site.instruction ? origin.site.instruction : "an asynchronous operation") + " of ";
    text += thread_name(*lane.block, !operation ? actor : actor < first_queue ? actor - first_copier : origin.thread);
    if (block != static_cast<const Block &>(*lane.block).history.id) text += " of " + block_name(*lane.block, block);
    return text;
}

// What should have ordered the two.
std::string Races::missing(const Lane &lane, Label own, const Touch &touch, Label other) const {
    if (std::max(actor_of(own), actor_of(other)) >= most_thread_actors) return "nothing orders the two";
    if (is_strong(own) && is_strong(other)) return "no __syncwarp between them, which volatile does not replace";
    std::string text;
    if (is_strong(own) != is_strong(other)) {
        text = std::string("only ") + (is_strong(own) ? "this" : "the other") + " access is atomic or volatile, and ";
    }
    if (block_of(interval_of(other)) != static_cast<const Block &>(*lane.block).history.id) {
        return text + (touch.shared ? "no barrier of the cluster between them" : "nothing orders the two blocks: no fences with an atomic flag, no barrier of the grid");
    }
    return text + (actor_of(own) / warp_size == actor_of(other) / warp_size ? "no __syncwarp, barrier or fence between them" : "no barrier or fence between them");
}

void Races::tell(const Lane &lane, Fault kind, const std::string &what, Label own, Label other) const {
    const Block &block = static_cast<const Block &>(*lane.block);
    const std::string here = line_of(sites[site_of(own) >> 1].site.where), there = line_of(sites[site_of(other) >> 1].site.where);
    std::string text = std::string("kernel ") + block.grid->launch.kernel + ", " + block_name(block, block.history.id) + ", " +
                       thread_name(block, lane.rank) + ": " + what;
    if (!here.empty()) text += "\n  at " + here;
    if (!there.empty()) text += "\n  " + who(lane, other) + " at " + there;
    block.grid->fail(kind, text);
}

// "writes 4 bytes of …", and for an operation what it is.
static std::string does(const Lane &lane, const char *instruction, const Touch &touch, uintptr_t at) {
    const char *verb = touch.effect == Effect::read ? "reads " : touch.effect == Effect::write ? "writes " : "updates ";
    return (instruction ? std::string(instruction) + " " : "") + verb + size(touch.bytes) + " of " + place(lane, at, touch.shared);
}

void Races::report(const Lane &lane, Label own, const Touch &touch, uintptr_t at, Label other, bool other_reads) {
    const bool in_flight = actor_of(other) >= most_thread_actors;
    tell(lane, in_flight ? Fault::in_flight : Fault::race,
         does(lane, touch.site.instruction, touch, at) + ", which " + who(lane, other) +
             (in_flight ? std::string(" still ") + (other_reads ? "reads" : "writes") + " as far as this thread has waited"
                        : std::string(other_reads ? " has read: " : " has written: ") + missing(lane, own, touch, other)),
         own, other);
    this_block().abandon();
}

void Races::report_proxy(const Lane &lane, Label own, const Touch &touch, uintptr_t at, Label write) {
    tell(lane, Fault::race,
         does(lane, touch.site.instruction, touch, at) + " through the async proxy, which " + who(lane, write) +
             " has written through the generic one: no fence.proxy.async between them",
         own, write);
    this_block().abandon();
}

} // namespace wwsim::check
