// Which kernel an address is.
#pragma once

namespace wwsim {

// The name of the function that begins at the address, as C++ writes it, without its parameters. From the symbol table of the
// program or library that holds it; the address as a number where that is stripped. Valid for as long as the process lives.
const char *kernel_name(const void *address);

} // namespace wwsim
