#include "written.h"

#include <algorithm>

namespace wwsim {

size_t Written::run(size_t offset, size_t bytes, bool value) const {
    const size_t begin = offset, end = offset + bytes;
    while (offset < end) {
        const uint64_t others = (value ? ~words[offset / 64] : words[offset / 64]) >> offset % 64;
        if (others) return std::min(end, offset + size_t(__builtin_ctzll(others))) - begin;
        offset += 64 - offset % 64;
    }
    return bytes;
}

size_t Written::first_gap(size_t offset, size_t bytes) const { return run(offset, bytes, true); }
size_t Written::gap_length(size_t offset, size_t bytes) const { return run(offset, bytes, false); }
bool Written::none(size_t offset, size_t bytes) const { return run(offset, bytes, false) == bytes; }

void Written::copy(size_t offset, const Written &from, size_t from_offset, size_t bytes) {
    // What is copied onto itself, shifted, is read before it is written.
    Written kept(bytes);
    for (size_t i = 0; i < bytes;) {
        const size_t written = from.first_gap(from_offset + i, bytes - i);
        kept.set(i, written);
        i += written;
        i += from.gap_length(from_offset + i, bytes - i);
    }
    clear(offset, bytes);
    for (size_t i = 0; i < bytes;) {
        const size_t written = kept.first_gap(i, bytes - i);
        set(offset + i, written);
        i += written;
        i += kept.gap_length(i, bytes - i);
    }
}

} // namespace wwsim
