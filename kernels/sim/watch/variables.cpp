#include "variables.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <map>
#include <memory>
#include <mutex>

namespace wwsim {

Variables::Variables(std::vector<Variable> all) : variables(std::move(all)) {
    std::sort(variables.begin(), variables.end(), [](const Variable &a, const Variable &b) {
        return a.begin != b.begin ? a.begin < b.begin : a.bytes > b.bytes;
    });
    // One address may have several names.
    const auto same = [](const Variable &a, const Variable &b) { return a.begin == b.begin; };
    variables.erase(std::unique(variables.begin(), variables.end(), same), variables.end());
}

const Variable *Variables::after(uintptr_t address) const {
    const auto found = std::upper_bound(variables.begin(), variables.end(), address,
                                        [](uintptr_t at, const Variable &variable) { return at < variable.begin; });
    return found == variables.end() ? nullptr : &*found;
}

const Variable *Variables::before(uintptr_t address) const {
    const Variable *next = after(address);
    const Variable *first = variables.data();
    if (!next) next = first + variables.size();
    return next == first ? nullptr : next - 1;
}

static bool starts_with(const char *text, const char *start) { return std::strncmp(text, start, std::strlen(start)) == 0; }

Module::Module(const LoadedObject &object) {
    std::vector<Variable> addressed, thread_local_ones;
    each_symbol(object.path, [&](const Symbol &symbol) {
        if (symbol.bytes == 0) return false;
        const bool read_only = starts_with(symbol.section, "wwsim_constant") || starts_with(symbol.section, ".rodata") ||
                               starts_with(symbol.section, ".data.rel.ro");
        if (symbol.type == STT_OBJECT) {
            addressed.push_back({object.base + symbol.value, symbol.bytes, readable(symbol.name), read_only});
        } else if (symbol.type == STT_TLS) {
            named = true;
            // The simulator's own are no shared memory.
            const bool own = starts_with(symbol.name, "_ZN5wwsim") || starts_with(symbol.name, "_ZZN5wwsim") ||
                             starts_with(symbol.name, "_ZGVZN5wwsim") || starts_with(symbol.name, "wwsim_");
            if (!own) thread_local_ones.push_back({symbol.value, symbol.bytes, readable(symbol.name), false, starts_with(symbol.name, "_ZGV")});
        }
        return false;
    });
    variables = Variables(std::move(addressed));
    shared = Variables(std::move(thread_local_ones));
}

const Module &module_of(const LoadedObject &object) {
    static std::mutex *const mutex = new std::mutex;
    static auto *const modules = new std::map<std::pair<uintptr_t, std::string>, std::unique_ptr<Module>>;
    std::lock_guard lock(*mutex);
    std::unique_ptr<Module> &module = (*modules)[{object.base, object.path}];
    if (!module) module = std::make_unique<Module>(object);
    return *module;
}

} // namespace wwsim
