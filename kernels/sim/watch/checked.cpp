// Linked into programs that simcc --checked makes, and into no others: nothing refers to it but their link.
#include "checked.h"

extern "C" __attribute__((constructor, used)) void wwsim_checked_program() { wwsim::is_checked_program = true; }
