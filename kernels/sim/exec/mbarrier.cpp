#include "mbarrier.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "grid.h"

namespace wwsim {

namespace {

std::string text(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char *pattern, ...) {
    char buffer[256];
    va_list args;
    va_start(args, pattern);
    std::vsnprintf(buffer, sizeof buffer, pattern, args);
    va_end(args);
    return buffer;
}

} // namespace

std::string Mbarriers::init(uint64_t *at, unsigned count) {
    if (count == 0 || count > most_mbarrier_count)
        return text("count %u: expected 1 to %u", count, most_mbarrier_count);
    Mbarrier &object = objects[at];
    if (object.valid && *at == object.word) return "there is a valid mbarrier already: mbarrier.inval comes first";
    object = {};
    // No number that a program would write by itself.
    object.word = uint64_t{++made} << 32 | 0x4d626172;
    object.valid = true;
    object.expected = object.pending = count;
    *at = object.word;
    return {};
}

std::string Mbarriers::invalidate(uint64_t *at) {
    std::string problem;
    if (Mbarrier *object = find(at, problem)) {
        object->valid = false;
        *at = ~uint64_t{0};
    }
    return problem;
}

Mbarrier *Mbarriers::find(const void *at, std::string &problem) {
    const auto found = objects.find(at);
    if (found == objects.end()) {
        problem = text("there is no mbarrier at %p: mbarrier.init comes first", at);
    } else if (!found->second.valid) {
        problem = text("the mbarrier at %p was invalidated by mbarrier.inval", at);
    } else if (const uint64_t word = *static_cast<const volatile uint64_t *>(at); word != found->second.word) {
        problem = text("the mbarrier at %p was overwritten: its memory holds 0x%016" PRIx64, at, word);
    } else {
        return &found->second;
    }
    return nullptr;
}

std::string Mbarriers::arrive(Block &owner, const void *at, unsigned count, int bytes, bool drop) {
    std::string problem;
    Mbarrier *object = find(at, problem);
    if (!object) return problem;
    const int most = static_cast<int>(most_mbarrier_count);
    const int64_t sum = int64_t{object->bytes} + bytes;
    if (sum > most || sum < -most)
        return text("the mbarrier at %p: %" PRId64 " bytes pending in phase %u: expected %d to %d", at, sum, object->phase, -most, most);
    if (count > object->pending)
        return text("the mbarrier at %p: %u arrival(s) more than phase %u waits for: %u of %u are pending", at, count - object->pending,
                    object->phase, object->pending, object->expected);
    object->bytes = static_cast<int>(sum);
    object->pending -= count;
    if (drop) object->expected -= count;
    if (object->pending > 0 || object->bytes != 0 || (count == 0 && bytes == 0)) return {};
    object->phase++;
    object->pending = object->expected;
    object->completed = std::move(object->arrived);
    object->arrived = {};
    owner.release_mbarrier(at);
    owner.gang->progress();
    owner.grid->progress();
    return {};
}

std::string Mbarriers::describe(const void *at) const {
    const auto found = objects.find(at);
    if (found == objects.end()) return "no object";
    const Mbarrier &object = found->second;
    if (!object.valid) return "invalidated";
    return text("phase %u lacks %u of %u arrivals and %d bytes", object.phase, object.pending, object.expected, object.bytes);
}

FoundMbarrier find_mbarrier(const char *instruction, const void *at, bool may_be_remote) {
    needs_capability(90, instruction);
    if (reinterpret_cast<uintptr_t>(at) % sizeof(uint64_t) != 0)
        fault(Fault::misaligned_address, "%s: the mbarrier at %p is not a multiple of 8 bytes", instruction, at);
    Block &block = this_block();
    Block *owner = block.gang->owner(block, at, sizeof(uint64_t));
    if (!owner) fault(Fault::illegal_address, "%s: the mbarrier at %p is not in shared memory", instruction, at);
    if (owner->finished()) fault(Fault::illegal_address, "%s: the mbarrier at %p is in a block that has ended", instruction, at);
    if (owner != &block && !may_be_remote)
        fault(Fault::illegal_instruction, "%s: the mbarrier at %p is another block's: only arrivals without a result can be remote",
              instruction, at);
    std::string problem;
    Mbarrier *object = block.gang->mbarriers.find(at, problem);
    if (!object) fault(Fault::illegal_instruction, std::move(problem.insert(0, ": ").insert(0, instruction)));
    // Every operation on a valid object may meet every other, but not what makes or ends it. A copy's bytes are told of by itself.
    const bool is_own = std::strncmp(instruction, "mbarrier", 8) == 0;
    observe(is_own ? instruction : "mbarrier", Effect::read, at, sizeof(uint64_t), Order::relaxed);
    return {*object, *owner};
}

} // namespace wwsim
