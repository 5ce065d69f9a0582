#include "place.h"

#include <cstring>
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
        return place;
    }
    const uintptr_t offset = address - part.begin;
    if (!part.last || offset - part.last->begin >= part.last->bytes) {
        const Variable *found = part.variables->before(offset);
        if (!found || offset >= found->end()) {
            // Beside them all: the closer one is what was meant.
            const Variable *next = part.variables->after(offset);
            if (!found || (next && next->begin - offset < offset - found->end())) found = next;
        }
        part.last = found;
    }
    if (part.last->is_guard) return {Space::own};
    place.begin = part.begin + part.last->begin;
    place.bytes = part.last->bytes;
    place.name = part.last->name.c_str();
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
    for (size_t i = 0; i < allocations.size(); i++) {
        if (address - allocations[i].address >= allocations[i].bytes) continue;
        if (i > 0) std::swap(allocations[0], allocations[i]);
        return &allocations[0];
    }
    std::optional<Allocation> found = find_allocation(reinterpret_cast<const void *>(address));
    if (!found) return nullptr;
    for (size_t i = allocations.size() - 1; i > 0; i--) allocations[i] = std::move(allocations[i - 1]);
    allocations[0] = std::move(*found);
    return &allocations[0];
}

// A variable of a program or library that is loaded.
Place Places::in_object(uintptr_t address) {
    for (const Place &place : variables) {
        if (place.holds(address, 0)) return place;
    }
    bool writable = false;
    const auto object = object_of(reinterpret_cast<const void *>(address), &writable);
    if (!object) return {};
    const Module &module = module_of(*object);
    Place place{writable ? Space::global : Space::constant, address, SIZE_MAX - address};
    place.read_only = !writable;
    const Variable *variable = module.variables.before(address);
    if (!variable || address >= variable->end()) {
        if (!writable || module.variables.all().empty()) return place; // a constant without a name
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
    variables[next_variable++ % variables.size()] = place;
    return place;
}

Place Places::find(Block &block, uintptr_t address) {
    bool found = false;
    Place place = in_shared(*block.shared_memory, address, &found);
    if (found) return place;
    // What the host copies to or from is an allocation, too; the variable tells more.
    const Allocation *allocation = allocation_at(address);
    if (allocation && allocation->kind == MemoryKind::symbol) return in_object(address);
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

} // namespace wwsim
