// What the files of the loaded program and its libraries tell: which one holds an address, its symbols and its sections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace wwsim {

// A program or library that is loaded.
struct LoadedObject {
    uintptr_t base; // what was added to the file's addresses
    std::string path;
};

// The object that holds an address, and whether it may be written there.
std::optional<LoadedObject> object_of(const void *address, bool *writable = nullptr);
// The path of the file of what dl_iterate_phdr calls `name`.
std::string path_of_object(const char *name);

struct Symbol {
    const char *name;
    uintptr_t value; // in the file's addresses; of a thread-local variable, from the start of the object's thread-local storage
    size_t bytes;
    int type; // STT_*
    const char *section;
};

// Calls `visit` for each symbol that the file defines until it returns true. The full table, where the file was not stripped, has
// static functions and variables, too.
void each_symbol(const std::string &path, const std::function<bool(const Symbol &)> &visit);

bool has_section(const std::string &path, const char *name);

// A symbol as C++ writes it, without a function's parameters.
std::string readable(const char *symbol);

} // namespace wwsim
