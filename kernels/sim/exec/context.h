// Switching between stacks: the one thing that C++ cannot say.
#pragma once

#include <cstddef>

namespace wwsim {

// A stack and where on it to go on. The registers that a call preserves lie on the stack itself.
struct Context {
    void *sp = nullptr;
    // The stack's bounds: AddressSanitizer wants to know where it is.
    char *stack = nullptr;
    size_t bytes = 0;
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack = nullptr;
#endif
};

// Makes `context` begin `entry` on its stack, `offset` bytes below the top, when it is first switched to. `entry` never returns.
void prepare(Context &context, size_t offset, void (*entry)());

// Leaves `from` and goes on in `to`; returns when something switches to `from`. With `last`, `from` never comes back.
void switch_context(Context &from, Context &to, bool last = false);

// The first thing that an `entry` calls.
void entered();

} // namespace wwsim
