// Lines of source, for reports: from the program's debug information, by addr2line.
#pragma once

#include <string>
#include <vector>

namespace wwsim {

// "scale.cu:7 (scale)": the line of the innermost function that is not the simulator's, where the call returns to `site`; if it was
// inlined, and from which kernel's line that was called. Without debug information or addr2line "program+0x1234", and
// empty for null.
std::string line_of(const void *site);

// The line that the running thread is in, found by its stack; that of `current->site` where the stack tells none.
std::string line_of_running();

} // namespace wwsim
