// Which bytes of a piece of memory something wrote: one bit for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wwsim {

class Written {
  public:
    explicit Written(size_t bytes = 0) : words((bytes + 63) / 64) {}

    void set(size_t offset, size_t bytes) {
        if (bytes - 1 < 63 && offset % 64 + bytes <= 64)
            words[offset / 64] |= mask(bytes) << offset % 64;
        else
            each_word(offset, bytes, [](uint64_t &word, uint64_t bits) { word |= bits; });
    }
    void clear(size_t offset, size_t bytes) {
        each_word(offset, bytes, [](uint64_t &word, uint64_t bits) { word &= ~bits; });
    }
    bool all(size_t offset, size_t bytes) const {
        if (bytes - 1 < 63 && offset % 64 + bytes <= 64) {
            const uint64_t bits = mask(bytes) << offset % 64;
            return (words[offset / 64] & bits) == bits;
        }
        return first_gap(offset, bytes) == bytes;
    }
    bool none(size_t offset, size_t bytes) const;
    // How many bytes from `offset` on are written, at most `bytes`.
    size_t first_gap(size_t offset, size_t bytes) const;
    // How many bytes from `offset` on are not.
    size_t gap_length(size_t offset, size_t bytes) const;
    // As when memory is copied.
    void copy(size_t offset, const Written &from, size_t from_offset, size_t bytes);

  private:
    static uint64_t mask(size_t bytes) { return (uint64_t{1} << bytes) - 1; }
    bool at(size_t offset) const { return words[offset / 64] >> offset % 64 & 1; }
    template <class Visit> void each_word(size_t offset, size_t bytes, Visit visit) {
        for (const size_t end = offset + bytes; offset < end;) {
            const size_t first = offset % 64, count = end - offset < 64 - first ? end - offset : 64 - first;
            visit(words[offset / 64], (count == 64 ? ~uint64_t{0} : mask(count)) << first);
            offset += count;
        }
    }
    // How many of the bytes from `offset` on have the same bit as `value`.
    size_t run(size_t offset, size_t bytes, bool value) const;

    std::vector<uint64_t> words;
};

} // namespace wwsim
