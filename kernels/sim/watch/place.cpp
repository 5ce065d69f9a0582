#include "place.h"

#include <iterator>
#include <link.h>
#include <utility>

#include "../exec/grid.h"

namespace wwsim {
namespace {

uintptr_t number_of(const void *address) { return reinterpret_cast<uintptr_t>(address); }

int add_part(dl_phdr_info *info, size_t, void *parts) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto &header = info->dlpi_phdr[i];
        if (header.p_type != PT_TLS || !info->dlpi_tls_data) continue;
        const Module &module = module_of({info->dlpi_addr, path_of_object(info->dlpi_name)});
        // Of a program that was stripped nobody knows what is shared.
        const bool stripped = !module.named && !*info->dlpi_name;
        if (!stripped && module.shared.all().empty()) continue;
        static_cast<std::vector<SharedPart> *>(parts)->push_back(
            {number_of(info->dlpi_tls_data), header.p_memsz, stripped ? nullptr : &module.shared, Written(header.p_memsz)});
    }
    return 0;
}

Place in_shared(SharedPart &part, size_t dynamic_bytes, uintptr_t address) {
    Place place{Space::shared, part.begin, part.bytes, &part.written, part.begin};
    if (!part.variables) {
        if (dynamic_bytes != SIZE_MAX) place.bytes = dynamic_bytes;
        else place.is_bounded = false;
        return place;
    }
    const uintptr_t offset = address - part.begin;
    const Variable *found = part.variables->before(offset);
    if (!found || offset >= found->end()) {
        // Beside them all: the closer one is what was meant.
        const Variable *next = part.variables->after(offset);
        if (!found || (next && next->begin - offset < offset - found->end())) found = next;
    }
    if (found->is_guard) return {Space::own};
    place.begin = part.begin + found->begin;
    place.bytes = found->bytes;
    place.name = found->name.c_str();
    return place;
}

Place in_shared(SharedMemory &memory, uintptr_t address, bool *found) {
    for (SharedPart &part : memory.parts) {
        if (!part.holds(address)) continue;
        *found = true;
        return in_shared(part, &part == &memory.parts[0] ? memory.dynamic_bytes : SIZE_MAX, address);
    }
    return {};
}

Place in_allocation(const Allocation &allocation) {
    Place place{Space::global, allocation.address, allocation.bytes, allocation.written.get(), allocation.address};
    place.freed = allocation.released;
    return place;
}

// A variable of a program or library that is loaded.
Place in_object(uintptr_t address) {
    bool writable = false;
    const auto object = object_of(reinterpret_cast<const void *>(address), &writable);
    if (!object) return {};
    const Module &module = module_of(*object);
    Place place{writable ? Space::global : Space::constant, address, SIZE_MAX - address};
    place.read_only = !writable;
    const Variable *variable = module.variables.before(address);
    if (!variable || address >= variable->end()) {
        if (!writable || module.variables.all().empty()) { // a constant without a name
            place.is_bounded = false;
            return place;
        }
        const Variable *next = module.variables.after(address);
        if (!variable || (next && next->begin - address < address - variable->end())) variable = next;
    }
    place.begin = variable->begin;
    place.bytes = variable->bytes;
    place.name = variable->name.c_str();
    if (variable->read_only) {
        place.space = Space::constant;
        place.read_only = true;
    }
    return place;
}

} // namespace

SharedMemory::SharedMemory(const char *dynamic, size_t capacity) {
    parts.push_back({number_of(dynamic), capacity, nullptr, Written(capacity)});
    dl_iterate_phdr(add_part, &parts);
}

void SharedMemory::begin(size_t bytes) {
    dynamic_bytes = bytes;
    parts[0].written.clear(0, bytes);
    for (size_t i = 1; i < parts.size(); i++) {
        if (!parts[i].variables) parts[i].written.set(0, parts[i].bytes);
        else for (const Variable &variable : parts[i].variables->all()) parts[i].written.clear(variable.begin, variable.bytes);
    }
}

const Allocation *Places::allocation_at(uintptr_t address) {
    auto after = allocations.upper_bound(address);
    if (after != allocations.begin() && address - std::prev(after)->first < std::prev(after)->second.bytes) return &std::prev(after)->second;
    std::optional<Allocation> found = find_allocation(reinterpret_cast<const void *>(address));
    // A variable whose address was asked for is still one.
    if (!found || found->kind == MemoryKind::symbol) return nullptr;
    return &allocations.insert_or_assign(found->address, std::move(*found)).first->second;
}

Place Places::search(Block &block, uintptr_t address) {
    bool found = false;
    Place place = in_shared(*block.shared_memory, address, &found);
    if (found) return place;
    // What the host copies to or from is an allocation, too; the variable tells more.
    const Allocation *allocation = allocation_at(address);
    if (allocation) return in_allocation(*allocation);
    for (unsigned rank = 0; rank < block.gang->size() && !found; rank++) {
        Block &other = block.gang->member(rank);
        if (other.shared_memory) place = in_shared(*other.shared_memory, address, &found);
    }
    if (found) return place;
    const Body &body = block.grid->body;
    if (address - number_of(&body) < body.bytes()) return {Space::own};
    return in_object(address);
}

Place Places::find(Block &block, uintptr_t address, const void *site) {
    if (const Place *place = recent(address, site)) return *place;
    const Place found = search(block, address);
    if (found.is_bounded) last_at(site) = found;
    return found;
}

void Places::forget() {
    last.fill({});
    allocations.clear();
}

} // namespace wwsim
