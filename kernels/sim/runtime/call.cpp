#include "call.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>

#include "../include/cuda_runtime_api.h"
#include "../watch/checked.h"
#include "capture.h"
#include "limits.h"

namespace wwsim {

thread_local bool in_host_function = false;

// ---- Errors

namespace {

thread_local cudaError_t last_error = cudaSuccess;

} // namespace

HostFunction::HostFunction() : error_(last_error) { in_host_function = true; }

HostFunction::~HostFunction() {
    in_host_function = false;
    last_error = error_;
}

cudaError_t remember(cudaError_t error) {
    if (error != cudaSuccess)
        last_error = error;
    return error;
}

inline namespace api {

cudaError_t cudaPeekAtLastError() { return last_error; }

// A fault of the GPU stays: only cudaDeviceReset ends it.
cudaError_t cudaGetLastError() {
    cudaError_t error = last_error;
    Gpu &gpu = standalone_gpu();
    bool sticky = false;
    if (error != cudaSuccess && !in_host_function) {
        std::lock_guard lock(gpu.mutex);
        sticky = gpu.fault == error;
    }
    if (!sticky)
        last_error = cudaSuccess;
    return error;
}

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
#define WWSIM_NAME(name, number, text) \
    case name: return #name;
        WWSIM_CUDA_ERRORS(WWSIM_NAME)
#undef WWSIM_NAME
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    switch (error) {
#define WWSIM_TEXT(name, number, text) \
    case name: return text;
        WWSIM_CUDA_ERRORS(WWSIM_TEXT)
#undef WWSIM_TEXT
    }
    return "unrecognized error code";
}

} // namespace api

// ---- The stand-alone GPU

namespace {

uint64_t number_from_environment(const char *name, uint64_t otherwise) {
    const char *text = std::getenv(name);
    if (!text || !*text)
        return otherwise;
    char *end;
    uint64_t number = std::strtoull(text, &end, 0);
    if (*end) {
        std::fprintf(stderr, "simulated GPU: %s must be a number, but is '%s'\n", name, text);
        std::exit(1);
    }
    return number;
}

// What the program's kernels have cost, at its end.
void print_counters() {
    Gpu &gpu = standalone_gpu();
    std::lock_guard lock(gpu.mutex);
    const count::Report report(gpu.counters);
    for (const ww_sim_counters &counters : report.kernels)
        std::fputs(counters.table, stderr);
}

Options options_from_environment() {
    Options options;
    options.seed = number_from_environment("WARPWEAVE_SIM_SEED", 0);
    options.workers = workers_from_environment();
    const char *timing = std::getenv("WARPWEAVE_SIM_TIMING");
    if (timing && std::strcmp(timing, "early") == 0)
        options.timing = Timing::early;
    else if (timing && std::strcmp(timing, "late") == 0)
        options.timing = Timing::late;
    else if (timing && *timing && std::strcmp(timing, "seeded") != 0) {
        std::fprintf(stderr, "simulated GPU: WARPWEAVE_SIM_TIMING must be early, late or seeded, but is '%s'\n", timing);
        std::exit(1);
    }
    uint64_t arch = number_from_environment("WARPWEAVE_SIM_ARCH", 90);
    if (!is_known(int(arch))) {
        std::fprintf(stderr, "simulated GPU: WARPWEAVE_SIM_ARCH must be 80, 86 or 90, but is %llu\n", (unsigned long long)arch);
        std::exit(1);
    }
    options.compute_capability = int(arch);
    const uint64_t check = number_from_environment("WARPWEAVE_SIM_CHECK", is_checked_program);
    if (check > 1 || (check == 1 && !is_checked_program)) {
        std::fprintf(stderr, "simulated GPU: WARPWEAVE_SIM_CHECK must be 0, or 1 for a program that simcc --checked made, but is %llu\n",
                     (unsigned long long)check);
        std::exit(1);
    }
    options.watch.check = check;
    const uint64_t count = number_from_environment("WARPWEAVE_SIM_COUNT", 0);
    if (count > 1 || (count == 1 && !is_checked_program)) {
        std::fprintf(stderr, "simulated GPU: WARPWEAVE_SIM_COUNT must be 0, or 1 for a program that simcc --checked made, but is %llu\n",
                     (unsigned long long)count);
        std::exit(1);
    }
    options.watch.count = count;
    if (count)
        std::atexit(print_counters);
    return options;
}

} // namespace

unsigned workers_from_environment() { return unsigned(number_from_environment("WARPWEAVE_SIM_WORKERS", 0)); }

// Never destroyed, like all that lives as long as the process here: a program's own static destructors may still call the API.
Gpu &standalone_gpu() {
    static Gpu *const gpu = new Gpu(options_from_environment());
    return *gpu;
}

// ---- Handles

namespace {

struct StreamHandles {
    std::shared_mutex mutex;
    std::unordered_set<const Stream *> streams;
};

StreamHandles &stream_handles() {
    static StreamHandles *const handles = new StreamHandles;
    return *handles;
}

// This thread's cudaStreamPerThread.
struct ThreadStream {
    Stream *stream = nullptr;

    Stream *get() {
        if (!stream) {
            Gpu &gpu = standalone_gpu();
            std::lock_guard lock(gpu.mutex);
            stream = gpu.create_stream(cudaStreamDefault);
        }
        return stream;
    }
    ~ThreadStream() {
        if (!stream)
            return;
        Gpu &gpu = standalone_gpu();
        std::lock_guard lock(gpu.mutex);
        gpu.finish(*stream);
        gpu.remove_stream(stream);
    }
};

thread_local ThreadStream thread_stream;

} // namespace

Stream *stream_of(cudaStream_t handle) {
    if (handle == nullptr || handle == cudaStreamLegacy)
        return &standalone_gpu().legacy;
    if (handle == cudaStreamPerThread)
        return in_host_function ? &standalone_gpu().legacy : thread_stream.get(); // there it is refused anyway
    StreamHandles &handles = stream_handles();
    std::shared_lock lock(handles.mutex);
    return handles.streams.count(handle) ? handle : nullptr;
}

void register_stream(Stream *stream) {
    StreamHandles &handles = stream_handles();
    std::unique_lock lock(handles.mutex);
    handles.streams.insert(stream);
}

void unregister_stream(Stream *stream) {
    StreamHandles &handles = stream_handles();
    std::unique_lock lock(handles.mutex);
    handles.streams.erase(stream);
}

Handles<Event> &events() {
    static auto *const handles = new Handles<Event>;
    return *handles;
}
Handles<Graph> &graphs() {
    static auto *const handles = new Handles<Graph>;
    return *handles;
}
Handles<GraphExec> &graph_execs() {
    static auto *const handles = new Handles<GraphExec>;
    return *handles;
}

} // namespace wwsim
