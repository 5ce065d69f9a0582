#include "source.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>
#include <unwind.h>

#include "../exec/device.h"
#include "../watch/elf.h"

extern char **environ;

namespace wwsim {
namespace {

struct Frame {
    std::string function, line; // "scale", "scale.cu:7"
};
// The functions that are inlined into each other at one address, innermost first, without the simulator's own.
using Frames = std::vector<Frame>;

// What a command writes; nothing where it can't be run.
std::string output_of(const std::vector<std::string> &command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char *> arguments;
    for (const std::string &word : command) arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child;
    const bool runs = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string text;
    char part[1024];
    for (ssize_t length; runs && ((length = read(ends[0], part, sizeof part)) > 0 || (length < 0 && errno == EINTR));) {
        if (length > 0) text.append(part, size_t(length));
    }
    close(ends[0]);
    while (runs && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return text;
}

bool is_simulators(const std::string &file) {
    static const char *const folders[] = {"/kernels/sim/check/", "/kernels/sim/count/", "/kernels/sim/exec/",    "/kernels/sim/include/",
                                          "/kernels/sim/isa/",   "/kernels/sim/runtime/", "/kernels/sim/simcc/", "/kernels/sim/watch/",
                                          "/kernels/common/ptx/"};
    if (file.compare(0, 5, "/usr/") == 0) return true;
    // As the build compiles them, too: from the repository, by a relative path.
    const std::string path = "/" + file;
    for (const char *folder : folders) {
        if (path.find(folder) != std::string::npos) return true;
    }
    return false;
}

// Paths in the current folder are written from there.
std::string shorten(const std::string &path) {
    char folder[4096];
    if (!getcwd(folder, sizeof folder)) return path;
    const size_t length = std::strlen(folder);
    return path.compare(0, length, folder) == 0 && path[length] == '/' ? path.substr(length + 1) : path;
}

// Reads what addr2line -a -f -i writes: for each address a line with it, then two lines for each function, its name and its place.
std::vector<Frames> parse(const std::string &text) {
    std::vector<Frames> all;
    std::string function;
    bool expects_function = true;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        at = end + 1;
        if (expects_function && line.compare(0, 2, "0x") == 0) {
            all.emplace_back();
        } else if (expects_function) {
            function = line;
            expects_function = false;
        } else {
            expects_function = true;
            line.resize(std::min(line.find(" (discriminator"), line.size()));
            line = std::filesystem::path(line).lexically_normal().string(); // "kernels/tests/../common" says no more than "kernels/common"
            const size_t colon = line.rfind(':');
            const bool known = colon != std::string::npos && line[0] != '?' && line[colon + 1] != '?' && line[colon + 1] != '0';
            if (!known || all.empty()) continue;
            // Without the ".." of what is included by a relative path.
            line = std::filesystem::path(line).lexically_normal().string();
            if (!is_simulators(line.substr(0, line.rfind(':')))) all.back().push_back({readable(function.c_str()), shorten(line)});
        }
    }
    return all;
}

// What is known by now. Looking one up starts a process.
struct Cache {
    std::mutex mutex;
    std::unordered_map<const void *, Frames> frames;
    std::unordered_map<std::string, bool> has_lines;
};

Cache &cache() {
    static Cache *const cache = new Cache;
    return *cache;
}

bool has_lines(Cache &c, const std::string &path) {
    const auto found = c.has_lines.find(path);
    return found != c.has_lines.end() ? found->second : c.has_lines.emplace(path, has_section(path, ".debug_line")).first->second;
}

// The frames at each of the sites.
std::vector<Frames> look_up(const std::vector<const void *> &sites) {
    Cache &c = cache();
    std::lock_guard lock(c.mutex);
    std::unordered_map<std::string, std::vector<const void *>> wanted;
    for (const void *site : sites) {
        if (c.frames.count(site)) continue;
        c.frames[site];
        const auto object = object_of(site);
        if (object && has_lines(c, object->path)) wanted[object->path].push_back(site);
    }
    for (const auto &[path, of_path] : wanted) {
        std::vector<std::string> command{"addr2line", "-a", "-f", "-i", "-e", path};
        for (const void *site : of_path) {
            char number[32];
            // A site is where a call returns to: the call itself lies before.
            std::snprintf(number, sizeof number, "0x%zx", reinterpret_cast<uintptr_t>(site) - 1 - object_of(site)->base);
            command.push_back(number);
        }
        const std::vector<Frames> found = parse(output_of(command));
        for (size_t i = 0; i < found.size() && i < of_path.size(); i++) c.frames[of_path[i]] = found[i];
    }
    std::vector<Frames> frames;
    for (const void *site : sites) frames.push_back(c.frames[site]);
    return frames;
}

std::string text_of(const Frames &frames) {
    const Frame &inner = frames.front();
    std::string text = inner.line + " (" + inner.function + ")";
    // Of a chain the start tells most: the kernel.
    for (size_t i = 1; i < frames.size(); i++) {
        if (frames[i].line != inner.line) return text + ", called at " + frames[i].line + " (" + frames[i].function + ")";
    }
    return text;
}

std::string without_lines(const void *site) {
    const auto object = object_of(site);
    if (!object) return {};
    char text[32];
    std::snprintf(text, sizeof text, "+0x%zx", reinterpret_cast<uintptr_t>(site) - 1 - object->base);
    return object->path.substr(object->path.rfind('/') + 1) + text;
}

struct Stack {
    std::vector<const void *> sites;
    static constexpr size_t most = 32;
};

_Unwind_Reason_Code add_frame(_Unwind_Context *context, void *data) {
    auto &stack = *static_cast<Stack *>(data);
    int before = 0; // of an instruction that a signal interrupted, rather than of a call
    const uintptr_t ip = _Unwind_GetIPInfo(context, &before);
    if (ip == 0 || stack.sites.size() == Stack::most) return _URC_END_OF_STACK;
    stack.sites.push_back(reinterpret_cast<const void *>(ip + (before ? 1 : 0)));
    return _URC_NO_REASON;
}

} // namespace

std::string line_of(const void *site) {
    if (!site) return {};
    const Frames frames = look_up({site})[0];
    return frames.empty() ? without_lines(site) : text_of(frames);
}

std::string line_of_running() {
    Stack stack;
    _Unwind_Backtrace(add_frame, &stack);
    Frames all;
    for (const Frames &frames : look_up(stack.sites)) all.insert(all.end(), frames.begin(), frames.end());
    return all.empty() ? line_of(current ? current->site : nullptr) : text_of(all);
}

} // namespace wwsim
