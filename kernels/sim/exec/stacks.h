// The stacks of the fibers that one OS thread runs. They are made when first needed and kept for the thread's life.
#pragma once

#include <cstddef>

#include "context.h"

namespace wwsim {

class Stacks {
  public:
    ~Stacks();
    Stacks() = default;
    Stacks(const Stacks &) = delete;
    Stacks &operator=(const Stacks &) = delete;

    // Makes room for `count` stacks of at least `bytes` each. False where the system has no memory for them.
    bool reserve(size_t count, size_t bytes);
    // Gives stack `i` to `context`.
    void assign(size_t i, Context &context) const;
    bool holds(const void *address) const {
        return static_cast<size_t>(static_cast<const char *>(address) - memory) < mapped && memory;
    }
    // Whether `address` lies in a guard page: what touches it has overflowed the stack above.
    bool is_guard(const void *address) const;

  private:
    void unmap();

    char *memory = nullptr;
    size_t mapped = 0;
    size_t capacity = 0;
    size_t stack_bytes = 0; // with the guard page
    bool guarded = false;
};

} // namespace wwsim
