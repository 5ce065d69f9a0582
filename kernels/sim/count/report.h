// What was counted, in the form of sim.h, and as a table for people.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "../sim.h"
#include "counters.h"

namespace wwsim::count {

// Owns all that its kernels point to.
struct Report {
    std::vector<ww_sim_counters> kernels;

    Report() = default;
    explicit Report(const CountersByKernel &counters);
    Report(Report &&) = default;
    Report &operator=(Report &&) = default;

  private:
    std::deque<std::vector<ww_sim_instruction>> instructions_;
    std::deque<std::vector<ww_sim_line>> lines_;
    std::deque<std::string> texts_;

    const char *keep(std::string text);
    void add(const std::string &kernel, const Counters &counters);
};

// All of a kernel's counters but `table`, as a table.
std::string table(const ww_sim_counters &counters);

} // namespace wwsim::count
