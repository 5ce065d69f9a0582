#include "tensor_map.h"

#include <cstring>

#include "check.h"

namespace wwsim::isa {

// FNV-1a.
uint64_t TensorMap::expected_seal() const {
    uint64_t hash = 0xcbf29ce484222325;
    const unsigned char *byte = reinterpret_cast<const unsigned char *>(this);
    for (size_t i = sizeof seal; i < sizeof *this; i++) hash = (hash ^ byte[i]) * 0x100000001b3;
    return hash;
}

TensorMap read_map(const char *instruction, const void *map) {
    check_aligned(instruction, map, 64);
    if (is_shared(map)) fault(Fault::illegal_address, "%s: the tensor map at %p is in shared memory", instruction, map);
    TensorMap read;
    std::memcpy(&read, map, sizeof read);
    if (read.seal != read.expected_seal())
        fault(Fault::illegal_instruction, "%s: the 128 bytes at %p are no tensor map: cuTensorMapEncodeTiled makes one", instruction, map);
    return read;
}

} // namespace wwsim::isa
