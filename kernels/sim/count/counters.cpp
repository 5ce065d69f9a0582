#include "counters.h"

#include <cstdio>

namespace wwsim::count {

void Global::operator+=(const Global &other) {
    requests += other.requests;
    sectors += other.sectors;
    bytes += other.bytes;
    used_bytes += other.used_bytes;
}

void Shared::operator+=(const Shared &other) {
    requests += other.requests;
    wavefronts += other.wavefronts;
    ideal += other.ideal;
    bytes += other.bytes;
}

void Tally::operator+=(const Tally &other) {
    instructions += other.instructions;
    lanes += other.lanes;
}

void Line::operator+=(const Line &other) {
    global_requests += other.global_requests;
    sectors += other.sectors;
    wasted_sectors += other.wasted_sectors;
    shared_requests += other.shared_requests;
    wavefronts += other.wavefronts;
    conflicts += other.conflicts;
}

void Counters::operator+=(const Counters &other) {
    launches += other.launches;
    blocks += other.blocks;
    warps += other.warps;
    for (unsigned i = 0; i < global_kinds; i++) global[i] += other.global[i];
    distinct_read += other.distinct_read;
    distinct_written += other.distinct_written;
    for (unsigned i = 0; i < shared_kinds; i++) shared[i] += other.shared[i];
    for (const auto &[name, tally] : other.instructions) instructions[name] += tally;
    for (const auto &[site, line] : other.lines) lines[site] += line;
}

void Sectors::add(uintptr_t first, uintptr_t last) {
    for (uintptr_t sector = first; sector <= last; sector++) {
        const uintptr_t number = sector / per_page;
        if (number != last_number_) {
            last_number_ = number;
            last_ = &pages_[number]; // elements of an unordered_map stay where they are
        }
        const unsigned bit = sector % per_page;
        (*last_)[bit / 64] |= uint64_t{1} << bit % 64;
    }
}

uint64_t Sectors::count() const {
    uint64_t sum = 0;
    for (const auto &entry : pages_)
        for (uint64_t bits : entry.second) sum += static_cast<uint64_t>(__builtin_popcountll(bits));
    return sum;
}

uint64_t flops_of(const std::string &tensor_instruction) {
    unsigned m, n, k;
    const size_t shape = tensor_instruction.find(".m");
    if (shape == std::string::npos || std::sscanf(tensor_instruction.c_str() + shape, ".m%un%uk%u", &m, &n, &k) != 3) return 0;
    return uint64_t{2} * m * n * k;
}

} // namespace wwsim::count
