#include "kernel_name.h"

#include <cstdint>
#include <cstdio>
#include <elf.h>
#include <mutex>
#include <string>
#include <unordered_map>

#include "../watch/elf.h"

namespace wwsim {

static std::string look_up(const void *address) {
    std::string name;
    if (const auto object = object_of(address)) {
        const uintptr_t value = reinterpret_cast<uintptr_t>(address) - object->base;
        each_symbol(object->path, [&](const Symbol &symbol) {
            const bool found = symbol.value == value && symbol.type == STT_FUNC;
            if (found)
                name = readable(symbol.name);
            return found;
        });
    }
    if (!name.empty())
        return name;
    char text[32];
    std::snprintf(text, sizeof text, "at %p", address);
    return text;
}

const char *kernel_name(const void *address) {
    static std::mutex *const mutex = new std::mutex;
    static auto *const names = new std::unordered_map<const void *, std::string>;
    std::lock_guard lock(*mutex);
    auto found = names->find(address);
    if (found == names->end())
        found = names->emplace(address, look_up(address)).first;
    return found->second.c_str();
}

} // namespace wwsim
