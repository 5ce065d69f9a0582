#include "report.h"

#include <algorithm>

#include "../check/source.h"

namespace wwsim::count {

namespace {

static_assert(WW_SIM_GLOBAL_KINDS == global_kinds && WW_SIM_GLOBAL_BULK_STORE == static_cast<int>(GlobalKind::bulk_store));
static_assert(WW_SIM_SHARED_KINDS == shared_kinds && WW_SIM_SHARED_BULK == static_cast<int>(SharedKind::bulk));
static_assert(WW_SIM_COPY + 1 == kinds && WW_SIM_COPY == static_cast<int>(Kind::copy));

// So many places in the code are looked up at most: each takes a while in a large program.
constexpr size_t most_lines = 16;

bool is_worse(const Line &a, const Line &b) { return a.wasted_sectors + a.conflicts > b.wasted_sectors + b.conflicts; }

// The places that cost most, by their lines of source.
std::vector<std::pair<std::string, Line>> wasteful_lines(const Counters &counters) {
    std::vector<std::pair<const void *, Line>> sites;
    for (const auto &entry : counters.lines)
        if (entry.second.wasted_sectors + entry.second.conflicts != 0) sites.push_back(entry);
    std::sort(sites.begin(), sites.end(), [](const auto &a, const auto &b) {
        return is_worse(a.second, b.second) || (!is_worse(b.second, a.second) && a.first < b.first);
    });
    if (sites.size() > most_lines) sites.resize(most_lines);
    std::map<std::string, Line> by_line;
    for (const auto &[site, line] : sites) by_line[line_of(site)] += line;
    std::vector<std::pair<std::string, Line>> lines(by_line.begin(), by_line.end());
    std::stable_sort(lines.begin(), lines.end(), [](const auto &a, const auto &b) { return is_worse(a.second, b.second); });
    return lines;
}

int64_t number(uint64_t count) { return static_cast<int64_t>(count); }

} // namespace

const char *Report::keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

Report::Report(const CountersByKernel &counters) {
    for (const auto &[kernel, of_kernel] : counters) add(kernel, of_kernel);
}

void Report::add(const std::string &kernel, const Counters &c) {
    ww_sim_counters out{};
    out.kernel = keep(kernel);
    out.launches = number(c.launches);
    out.blocks = number(c.blocks);
    out.warps = number(c.warps);
    for (unsigned i = 0; i < global_kinds; i++) {
        const Global &from = c.global[i];
        out.global[i] = {number(from.requests), number(from.sectors), number(from.bytes), number(from.used_bytes)};
    }
    out.distinct_sectors_read = number(c.distinct_read);
    out.distinct_sectors_written = number(c.distinct_written);
    for (unsigned i = 0; i < shared_kinds; i++) {
        const Shared &from = c.shared[i];
        out.shared[i] = {number(from.requests), number(from.wavefronts), number(from.ideal), number(from.bytes)};
    }
    auto &instructions = instructions_.emplace_back();
    for (const auto &[key, tally] : c.instructions) {
        const auto &[kind, name] = key;
        const uint64_t flops = kind == Kind::tensor ? flops_of(name) * tally.instructions : 0;
        instructions.push_back({keep(name), static_cast<int32_t>(kind), 0, number(tally.instructions), number(tally.lanes), number(flops)});
    }
    auto &lines = lines_.emplace_back();
    for (const auto &[text, line] : wasteful_lines(c)) {
        lines.push_back({keep(text), number(line.global_requests), number(line.sectors), number(line.wasted_sectors),
                         number(line.shared_requests), number(line.wavefronts), number(line.conflicts)});
    }
    out.instructions = instructions.data();
    out.instruction_count = number(instructions.size());
    out.lines = lines.data();
    out.line_count = number(lines.size());
    out.table = keep(table(out));
    kernels.push_back(out);
}

} // namespace wwsim::count
