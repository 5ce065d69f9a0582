// Variables at namespace scope and static ones, by address: `__device__` and `__constant__` variables, tables of constants, and, by their
// offset in thread-local storage, `__shared__` ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "elf.h"

namespace wwsim {

struct Variable {
    uintptr_t begin;
    size_t bytes;
    std::string name;
    bool read_only; // `__constant__` or const
    bool is_guard = false; // which the compiler gives to a variable of a class, so that it is constructed once

    uintptr_t end() const { return begin + bytes; }
};

// In the order of their addresses.
class Variables {
  public:
    Variables() = default;
    explicit Variables(std::vector<Variable> all);

    // The last one that begins at or before `address`, and the one after it; null where there is none.
    const Variable *before(uintptr_t address) const;
    const Variable *after(uintptr_t address) const;
    const std::vector<Variable> &all() const { return variables; }

  private:
    std::vector<Variable> variables;
};

// Those of a program or library that is loaded.
struct Module {
    explicit Module(const LoadedObject &object);

    Variables variables; // by address
    Variables shared;    // thread-local ones, by offset
    bool named = false;  // false where the file was stripped
};

// That of an object; read when first asked for.
const Module &module_of(const LoadedObject &object);

} // namespace wwsim
