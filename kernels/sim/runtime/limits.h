// What a GPU of each compute capability has: the numbers that launches are held against and that device properties tell.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../exec/dim3.h"

namespace wwsim {

constexpr dim3 grid_limit{2147483647, 65535, 65535};
constexpr dim3 block_limit{1024, 1024, 64};
constexpr unsigned block_threads = 1024;
constexpr unsigned largest_portable_cluster = 8;
constexpr unsigned largest_cluster = 16;
constexpr size_t largest_arguments = 32764;
constexpr int default_shared_bytes = 48 << 10;
constexpr int reserved_shared_bytes = 1 << 10; // of each block, for the system
constexpr int registers = 65536;

struct Limits {
    const char *name;
    int multiprocessors;
    int shared_bytes; // of a multiprocessor
    int opt_in_shared_bytes;
    int multiprocessor_threads;
    int multiprocessor_blocks;
    int l2_bytes;
    int clock_khz;
    int memory_clock_khz;
    int memory_bus_bits;
    bool clusters;

    // How many blocks reside on a multiprocessor at once, as far as threads, blocks and shared memory limit them.
    int blocks_per_multiprocessor(uint64_t threads, size_t dynamic_shared) const;
};

// An H100 SXM for 90, an A100 for 80, an A10 for 86: no other is known.
bool is_known(int compute_capability);
const Limits &limits_of(int compute_capability);

} // namespace wwsim
