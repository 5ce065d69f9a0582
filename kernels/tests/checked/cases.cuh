// What the programs of this folder share. Each holds several cases, and a run is one of them: `PROGRAM CASE mistake` runs it with a
// mistake planted, `PROGRAM CASE correct` runs its twin without. README.md says how they are checked.
#pragma once

#include "../ptx/check.cuh"

using namespace WW_NAMESPACE;

// One case: the kernels of both twins are templates, and `run` launches one of them.
struct Case {
    const char *name;
    void (*run)(bool mistake);
    const Case *next;

    static inline const Case *all = nullptr;
    Case(const char *name, void (*run)(bool)) : name(name), run(run), next(all) { all = this; }
};

// CASE(name) { … }: the host's part, in which LAUNCH(kernel, shape, …) launches kernel<mistake>.
#define CASE(name)                                                                                                               \
    static void name##_case(bool mistake);                                                                                       \
    static const Case name##_registered(#name, name##_case);                                                                     \
    static void name##_case([[maybe_unused]] bool mistake)
#define LAUNCH(kernel, shape, ...)                                                                                               \
    (mistake ? launch(#kernel, Shape shape, kernel<true>, __VA_ARGS__) : launch(#kernel, Shape shape, kernel<false>, __VA_ARGS__))

// Device memory that nothing has written, kept to the program's end.
template <typename T> T *allocate(size_t size) {
    void *memory;
    check_cuda(cudaMalloc(&memory, size * sizeof(T)), "cudaMalloc");
    return static_cast<T *>(memory);
}

template <typename T> std::vector<T> copy_out(const T *device, size_t size) {
    std::vector<T> values(size);
    check_cuda(cudaMemcpy(values.data(), device, size * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
}

// 0, 1, 2, …
template <typename T> std::vector<T> counting(size_t size) {
    std::vector<T> values(size);
    for (size_t i = 0; i < size; i++) values[i] = static_cast<T>(i);
    return values;
}

template <typename T> void expect_all(const char *what, T expected, const std::vector<T> &got) {
    expect_bytes(what, std::vector<T>(got.size(), expected), got);
}

int main(int argc, char **argv) {
    if (argc != 3 || (std::strcmp(argv[2], "mistake") != 0 && std::strcmp(argv[2], "correct") != 0)) {
        std::printf("usage: %s CASE mistake|correct\n", argv[0]);
        return 2;
    }
    const Case *chosen = Case::all;
    while (chosen && std::strcmp(chosen->name, argv[1]) != 0) chosen = chosen->next;
    if (!chosen) {
        std::printf("no case '%s'\n", argv[1]);
        return 2;
    }
    chosen->run(std::strcmp(argv[2], "mistake") == 0);
    return finish(chosen->name);
}
