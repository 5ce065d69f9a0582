// Programs that simcc --checked made.
#pragma once

namespace wwsim {

// Whether this is one: its kernels tell of their accesses.
extern bool is_checked_program;

// A checked launch has found a mistake: the process shall end with `exit_status`, whatever its main says.
void note_mistake();
constexpr int exit_status = 86;

} // namespace wwsim
