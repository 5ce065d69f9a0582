// Generic addresses, and those of the window of shared memory.
#include "check.h"

#include <cstddef>

struct Storage {
    int first[8];
    alignas(16) int second[8];
};

struct Results {
    size_t offset_of_second, offset_of_static;
    int shared, global, value, static_value;
};

__global__ void windows(Results *results) {
    extern __shared__ char dynamic[];
    Storage &storage = *reinterpret_cast<Storage *>(dynamic);
    __shared__ int variable[4];
    storage.second[3] = 17;
    variable[1] = 23;
    const size_t begin = __cvta_generic_to_shared(&storage);
    results->offset_of_second = __cvta_generic_to_shared(storage.second) - begin;
    results->offset_of_static = __cvta_generic_to_shared(&variable[1]) - __cvta_generic_to_shared(variable);
    results->value = *static_cast<int *>(__cvta_shared_to_generic(begin + offsetof(Storage, second) + 3 * sizeof(int)));
    results->static_value = *static_cast<int *>(__cvta_shared_to_generic(__cvta_generic_to_shared(variable + 1)));
    results->shared = __isShared(&storage) && __isShared(variable) && !__isShared(results);
    results->global = __isGlobal(results) && !__isGlobal(variable);
}

int main() {
    Results *results = managed<Results>(1);
    windows<<<1, 1, sizeof(Storage)>>>(results);
    finish();
    expect("offset of a member", offsetof(Storage, second), results->offset_of_second);
    expect("offset of an element", sizeof(int), results->offset_of_static);
    expect("read at an address of the window", 17, results->value);
    expect("read at a static variable's address", 23, results->static_value);
    expect("__isShared", 1, results->shared);
    expect("__isGlobal", 1, results->global);
    return verdict();
}
