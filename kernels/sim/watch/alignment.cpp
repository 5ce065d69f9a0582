// What a kernel compiled with -fsanitize=alignment calls when an address is not a multiple of its type's alignment, in the place of
// libubsan's. A copy of a structure may become several loads that are aligned, and a vector instruction of the host's faults without
// telling where: on a GPU both are a misaligned address.
#include <cstdint>

#include "../check/verify.h"
#include "../exec/grid.h"

using namespace wwsim;

namespace {

// As GCC and clang lay them out: TypeMismatchData of ubsan_handlers.h.
struct Type {
    uint16_t kind, information;
    char name[1]; // and on: 'const struct float4'
};
struct Mismatch {
    struct {
        const char *file;
        uint32_t line, column;
    } place;
    const Type *type;
    unsigned char log_alignment;
    unsigned char use;
};

// Other uses, such as binding a reference, touch no memory.
constexpr unsigned char load = 0, store = 1;

} // namespace

extern "C" void __ubsan_handle_type_mismatch_v1(const Mismatch *mismatch, const void *at) {
    if (!current || mismatch->use > store) return;
    Block &block = this_block();
    if (block.works_for_all) return;
    Lane &lane = this_lane();
    lane.site = __builtin_return_address(0);
    const Access access{at, 0, mismatch->use == load ? Effect::read : Effect::write};
    const uintptr_t address = reinterpret_cast<uintptr_t>(at);
    Place place{Space::own};
    Watching *watching = block.grid->watching.get();
    const bool on_stack = address - reinterpret_cast<uintptr_t>(lane.context.stack) < lane.context.bytes;
    if (watching && !on_stack) {
        place = watching->places.find(block, address);
        // Where there is nothing to access, the access itself is reported.
        if (watching->watch.check && place.space != Space::own && (place.freed || !place.holds(address, 1))) return;
    }
    check::report_misaligned(access, 1u << mismatch->log_alignment, mismatch->type->name, place);
}
