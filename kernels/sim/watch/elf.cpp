#include "elf.h"

#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wwsim {
namespace {

struct Search {
    uintptr_t address;
    bool writable = false;
    std::optional<LoadedObject> found{};
};

int find_object(dl_phdr_info *info, size_t, void *data) {
    auto *search = static_cast<Search *>(data);
    const auto holds = [&](const ElfW(Phdr) &segment) { return search->address - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz; };
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || !holds(segment))
            continue;
        search->found = {info->dlpi_addr, path_of_object(info->dlpi_name)};
        search->writable = segment.p_flags & PF_W;
        // Written by the loader alone.
        for (int j = 0; j < info->dlpi_phnum; j++)
            if (info->dlpi_phdr[j].p_type == PT_GNU_RELRO && holds(info->dlpi_phdr[j]))
                search->writable = false;
        return 1;
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

class Sections {
  public:
    explicit Sections(const char *path) : file(path) {
        const auto *header = file.at<ElfW(Ehdr)>(0);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
            return;
        sections = file.at<ElfW(Shdr)>(header->e_shoff, header->e_shnum);
        count = sections ? header->e_shnum : 0;
        names = text(header->e_shstrndx);
    }

    struct Text {
        const char *begin = nullptr;
        size_t bytes = 0;
        // The string at `offset`, empty where there is none.
        const char *at(size_t offset) const { return begin && offset < bytes ? begin + offset : ""; }
    };
    Text text(size_t index) const {
        if (index >= count)
            return {};
        return {file.at<char>(sections[index].sh_offset, sections[index].sh_size), sections[index].sh_size};
    }
    const char *name(size_t index) const { return index < count ? names.at(sections[index].sh_name) : ""; }

    MappedFile file;
    const ElfW(Shdr) *sections = nullptr;
    size_t count = 0;

  private:
    Text names;
};

} // namespace

std::string path_of_object(const char *name) {
    if (*name)
        return name;
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    return std::string(path, length > 0 ? size_t(length) : 0);
}

std::optional<LoadedObject> object_of(const void *address, bool *writable) {
    Search search{reinterpret_cast<uintptr_t>(address)};
    dl_iterate_phdr(find_object, &search);
    if (writable)
        *writable = search.writable;
    return search.found;
}

void each_symbol(const std::string &path, const std::function<bool(const Symbol &)> &visit) {
    const Sections in(path.c_str());
    for (size_t i = 0; i < in.count; i++) {
        const ElfW(Shdr) &table = in.sections[i];
        if (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM)
            continue;
        const size_t count = table.sh_size / sizeof(ElfW(Sym));
        const auto *symbols = in.file.at<ElfW(Sym)>(table.sh_offset, count);
        const Sections::Text names = in.text(table.sh_link);
        for (size_t s = 0; symbols && s < count; s++) {
            const ElfW(Sym) &symbol = symbols[s];
            if (symbol.st_shndx == SHN_UNDEF)
                continue;
            if (visit({names.at(symbol.st_name), symbol.st_value, symbol.st_size, ELF64_ST_TYPE(symbol.st_info), in.name(symbol.st_shndx)}))
                return;
        }
    }
}

bool has_section(const std::string &path, const char *name) {
    const Sections in(path.c_str());
    for (size_t i = 0; i < in.count; i++)
        if (std::strcmp(in.name(i), name) == 0)
            return true;
    return false;
}

std::string readable(const char *symbol) {
    int status;
    char *demangled = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
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
    // A local variable's name follows its function's parameters.
    if (end != std::string::npos && at != std::string::npos)
        name.erase(at, end + 1 - at);
    if (name.compare(0, 5, "void ") == 0)
        name.erase(0, 5);
    const std::string anonymous = "(anonymous namespace)::";
    for (size_t found; (found = name.find(anonymous)) != std::string::npos;)
        name.erase(found, anonymous.size());
    return name;
}

} // namespace wwsim
