// Sources: CUDA C++ Programming Guide, "Global Memory" and "Shared Memory" of compute capabilities 5.x to 9.0 (32-byte sectors; 32 banks
// of 4 bytes; lanes that read the same word don't conflict); CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory"; Nsight
// Compute's documentation, "Memory Tables" (requests, sectors, wavefronts, ideal wavefronts).
//
// Not documented, but measured by many and followed by CUTLASS' swizzles: 8-byte accesses go by half-warps and 16-byte ones by
// quarters, so that 32 lanes with 16 bytes each need four wavefronts at least; ldmatrix reads one matrix of 8 rows of 16 bytes in each.
#include "request.h"

#include <algorithm>

namespace wwsim::count {

namespace {

constexpr uintptr_t sector_bytes = 32;
constexpr unsigned banks = 32, bank_bytes = 4;

// Lanes that are served together.
unsigned lanes_per_phase(unsigned bytes) { return bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8; }

// The greatest number of words that one bank has to give. Lanes share a word, but for atomics, which come one after the other.
unsigned wavefronts_of(uintptr_t *words, unsigned count, bool atomic) {
    uintptr_t *end = words + count;
    if (!atomic) {
        if (!std::is_sorted(words, end)) std::sort(words, end);
        end = std::unique(words, end);
    }
    unsigned load[banks] = {}, greatest = 0;
    for (const uintptr_t *word = words; word != end; word++) greatest = std::max(greatest, ++load[*word % banks]);
    return greatest;
}

} // namespace

Global cost_of_global(const Request &request) {
    struct Piece {
        uintptr_t sector;
        uint32_t bytes; // a bit for each byte of the sector
    };
    Piece pieces[2 * warp_size]; // a lane's part has 16 bytes at most
    unsigned count = 0;
    Global cost;
    cost.requests = 1;
    for (unsigned i = 0; i < request.count; i++) {
        const auto &part = request.parts[i];
        cost.bytes += part.bytes;
        uintptr_t at = part.address;
        const uintptr_t end = part.address + part.bytes;
        while (at < end) {
            const uintptr_t sector = at / sector_bytes, stop = std::min(end, (sector + 1) * sector_bytes);
            const uint32_t bytes = static_cast<uint32_t>(((uint64_t{1} << (stop - at)) - 1) << at % sector_bytes);
            if (count && pieces[count - 1].sector == sector) {
                pieces[count - 1].bytes |= bytes;
            } else {
                pieces[count++] = {sector, bytes};
            }
            at = stop;
        }
    }
    const auto is_before = [](const Piece &a, const Piece &b) { return a.sector < b.sector; };
    if (!std::is_sorted(pieces, pieces + count, is_before)) std::sort(pieces, pieces + count, is_before);
    for (unsigned i = 0; i < count;) {
        uint32_t used = 0;
        const uintptr_t sector = pieces[i].sector;
        for (; i < count && pieces[i].sector == sector; i++) used |= pieces[i].bytes;
        cost.sectors++;
        cost.used_bytes += static_cast<unsigned>(__builtin_popcount(used));
    }
    return cost;
}

Shared cost_of_shared(const Request &request, bool atomic) {
    Shared cost;
    cost.requests = 1;
    unsigned widest = 0;
    for (unsigned i = 0; i < request.count; i++) {
        cost.bytes += request.parts[i].bytes;
        widest = std::max(widest, request.parts[i].bytes);
    }
    const unsigned together = lanes_per_phase(widest);
    for (unsigned i = 0; i < request.count;) {
        const unsigned phase = request.parts[i].lane / together;
        uintptr_t words[4 * warp_size];
        unsigned count = 0;
        for (; i < request.count && request.parts[i].lane / together == phase; i++) {
            const auto &part = request.parts[i];
            const uintptr_t last = (part.address + part.bytes - 1) / bank_bytes;
            for (uintptr_t word = part.address / bank_bytes; word <= last; word++) words[count++] = word;
        }
        cost.wavefronts += wavefronts_of(words, count, atomic);
        cost.ideal++;
    }
    return cost;
}

} // namespace wwsim::count
