// What was counted of a kernel, for people.
#include <cinttypes>
#include <cstdarg>
#include <cstdio>

#include "report.h"

namespace wwsim::count {

namespace {

const char *const global_names[global_kinds] = {"load", "store", "atomic", "bulk load", "bulk store"};
const char *const shared_names[shared_kinds] = {"load", "store", "atomic", "ldmatrix", "stmatrix", "cp.async", "wgmma", "bulk"};
const char *const kind_names[kinds] = {"tensor core", "special", "barrier", "collective", "bulk copy"};

void append(std::string &text, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void append(std::string &text, const char *pattern, ...) {
    char line[512];
    va_list args;
    va_start(args, pattern);
    std::vsnprintf(line, sizeof line, pattern, args);
    va_end(args);
    text += line;
}

double ratio(int64_t a, int64_t b) { return b ? static_cast<double>(a) / static_cast<double>(b) : 0.0; }

void append_global(std::string &text, const ww_sim_counters &c) {
    append(text, "  %-14s %12s %14s %12s %16s %11s\n", "global memory", "requests", "bytes", "sectors", "sectors/request", "efficiency");
    for (unsigned i = 0; i < global_kinds; i++) {
        const ww_sim_global_traffic &g = c.global[i];
        if (g.requests == 0) continue;
        append(text, "    %-12s %12" PRId64 " %14" PRId64 " %12" PRId64 " %16.2f %10.1f%%\n", global_names[i], g.requests, g.bytes,
               g.sectors, ratio(g.sectors, g.requests), 100 * ratio(g.used_bytes, 32 * g.sectors));
    }
    append(text, "    each sector counted once in a launch: %" PRId64 " read, %" PRId64 " written\n", c.distinct_sectors_read,
           c.distinct_sectors_written);
}

void append_shared(std::string &text, const ww_sim_counters &c) {
    bool first = true;
    for (unsigned i = 0; i < shared_kinds; i++) {
        const ww_sim_shared_traffic &s = c.shared[i];
        if (s.requests == 0) continue;
        if (first)
            append(text, "  %-14s %12s %14s %12s %16s %11s\n", "shared memory", "requests", "bytes", "wavefronts", "ideal", "conflicts");
        first = false;
        append(text, "    %-12s %12" PRId64 " %14" PRId64, shared_names[i], s.requests, s.bytes);
        if (s.wavefronts == 0) { // bytes alone
            append(text, "\n");
            continue;
        }
        append(text, " %12" PRId64 " %16" PRId64 " %11" PRId64 "\n", s.wavefronts, s.ideal_wavefronts, s.wavefronts - s.ideal_wavefronts);
    }
}

void append_instructions(std::string &text, const ww_sim_counters &c) {
    for (int64_t i = 0; i < c.instruction_count; i++) {
        const ww_sim_instruction &of = c.instructions[i];
        if (i == 0) append(text, "  %-45s %12s %16s %11s\n", "instructions", "of warps", "of threads", "FLOP");
        append(text, "    %-12s %-30s %12" PRId64 " %16" PRId64, kind_names[of.kind], of.name, of.instructions, of.threads);
        if (of.flops) append(text, " %11" PRId64, of.flops);
        append(text, "\n");
    }
}

void append_lines(std::string &text, const ww_sim_counters &c) {
    if (c.line_count) append(text, "  lines that waste most\n");
    for (int64_t i = 0; i < c.line_count; i++) {
        const ww_sim_line &line = c.lines[i];
        append(text, "    %s:", line.line);
        if (line.wasted_sectors) append(text, " %" PRId64 " of %" PRId64 " sectors are wasted", line.wasted_sectors, line.sectors);
        if (line.wasted_sectors && line.conflicts) append(text, ",");
        if (line.conflicts) append(text, " %" PRId64 " of %" PRId64 " wavefronts are bank conflicts", line.conflicts, line.wavefronts);
        append(text, "\n");
    }
}

} // namespace

std::string table(const ww_sim_counters &c) {
    std::string text = c.kernel;
    append(text, "\n  %" PRId64 " launch%s, %" PRId64 " blocks, %" PRId64 " warps\n", c.launches, c.launches == 1 ? "" : "es", c.blocks, c.warps);
    append_global(text, c);
    append_shared(text, c);
    append_instructions(text, c);
    append_lines(text, c);
    return text;
}

} // namespace wwsim::count
