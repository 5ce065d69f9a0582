#include "kernel_name.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>

namespace wwsim {
namespace {

// A program or library that is loaded, and where the address lies in its file's terms.
struct Object {
    uintptr_t address;
    std::string path;
    ElfW(Addr) value = 0;
};

int find_object(dl_phdr_info *info, size_t, void *data) {
    auto *object = static_cast<Object *>(data);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && object->address - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz) {
            object->path = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
            object->value = object->address - info->dlpi_addr;
            return 1;
        }
    }
    return 0;
}

class MappedFile {
  public:
    explicit MappedFile(const char *path) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0) {
            void *mapped = mmap(nullptr, size_t(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
            if (mapped != MAP_FAILED) {
                data_ = static_cast<const char *>(mapped);
                bytes_ = size_t(status.st_size);
            }
        }
        if (file >= 0)
            close(file);
    }
    ~MappedFile() {
        if (data_)
            munmap(const_cast<char *>(data_), bytes_);
    }
    MappedFile(const MappedFile &) = delete;

    // `count` objects at `offset`, or null where the file ends before.
    template <class T> const T *at(uint64_t offset, uint64_t count = 1) const {
        bool fits = offset <= bytes_ && count <= (bytes_ - offset) / sizeof(T);
        return fits ? reinterpret_cast<const T *>(data_ + offset) : nullptr;
    }

  private:
    const char *data_ = nullptr;
    size_t bytes_ = 0;
};

// The function at `value` by the tables of symbols of an ELF file: the full one, where it was not stripped, has static functions too.
std::string find_symbol(const Object &object) {
    MappedFile file(object.path.c_str());
    const auto *header = file.at<ElfW(Ehdr)>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return {};
    const auto *sections = file.at<ElfW(Shdr)>(header->e_shoff, header->e_shnum);
    for (int i = 0; sections && i < header->e_shnum; i++) {
        const ElfW(Shdr) &table = sections[i];
        if ((table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) || table.sh_link >= header->e_shnum)
            continue;
        size_t count = table.sh_size / sizeof(ElfW(Sym));
        const auto *symbols = file.at<ElfW(Sym)>(table.sh_offset, count);
        const ElfW(Shdr) &names = sections[table.sh_link];
        const char *text = file.at<char>(names.sh_offset, names.sh_size);
        for (size_t s = 0; symbols && text && s < count; s++)
            if (symbols[s].st_value == object.value && ELF64_ST_TYPE(symbols[s].st_info) == STT_FUNC &&
                symbols[s].st_name < names.sh_size)
                return text + symbols[s].st_name;
    }
    return {};
}

std::string readable(const std::string &symbol) {
    int status;
    char *demangled = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
    if (!demangled)
        return symbol;
    std::string name = demangled;
    std::free(demangled);
    // The parameters are the last pair of parentheses; a template's name has its result before it.
    size_t end = name.rfind(')'), at = end;
    for (int depth = 0; at != std::string::npos; at = at == 0 ? std::string::npos : at - 1) {
        depth += name[at] == ')' ? 1 : name[at] == '(' ? -1 : 0;
        if (depth == 0)
            break;
    }
    if (end != std::string::npos && at != std::string::npos)
        name.resize(at);
    if (name.compare(0, 5, "void ") == 0)
        name.erase(0, 5);
    const std::string anonymous = "(anonymous namespace)::";
    for (size_t found; (found = name.find(anonymous)) != std::string::npos;)
        name.erase(found, anonymous.size());
    return name;
}

std::string look_up(const void *address) {
    Object object{reinterpret_cast<uintptr_t>(address), {}};
    dl_iterate_phdr(find_object, &object);
    std::string symbol = find_symbol(object);
    if (!symbol.empty())
        return readable(symbol);
    char text[32];
    std::snprintf(text, sizeof text, "at %p", address);
    return text;
}

} // namespace

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
