// cg::memcpy_async: a copy to shared memory that the threads of a group start together and wait for together.
#pragma once

#include <cstring>

#include "../cooperative_groups.h"

namespace wwsim {
namespace detail {

// Each thread takes every size-th piece of `Piece` bytes.
template <unsigned Piece, class Group> void copy_pieces(const Group &group, char *to, const char *from, size_t bytes) {
    for (size_t at = (size_t)group.thread_rank() * Piece; at + Piece <= bytes; at += (size_t)group.size() * Piece)
        async_copy(to + at, from + at, Piece, Piece);
}

} // namespace detail

inline namespace api {
namespace cooperative_groups {

// The copy is one group of the calling thread. What is too small or not aligned for cp.async is copied at once.
template <class Group, class T> void memcpy_async(const Group &group, T *to, const T *from, size_t bytes) {
    char *target = reinterpret_cast<char *>(to);
    const char *source = reinterpret_cast<const char *>(from);
    const uintptr_t alignment = (uintptr_t)target | (uintptr_t)source;
    size_t done = 0;
    detail::forget_memory();
    if (is_shared(target) && !is_shared(source)) {
        if (alignment % 16 == 0) {
            detail::copy_pieces<16>(group, target, source, bytes);
            done = bytes / 16 * 16;
        } else if (alignment % 4 == 0) {
            detail::copy_pieces<4>(group, target, source, bytes);
            done = bytes / 4 * 4;
        }
    }
    for (size_t at = done + group.thread_rank(); at < bytes; at += group.size()) target[at] = source[at];
    async_commit();
}

// With the sizes of both sides, in elements: the smaller one is copied.
template <class Group, class T>
void memcpy_async(const Group &group, T *to, size_t to_elements, const T *from, size_t from_elements) {
    memcpy_async(group, to, from, (to_elements < from_elements ? to_elements : from_elements) * sizeof(T));
}

// Waits until at most N of the copies are in flight; and all of the group's threads.
template <unsigned N, class Group> void wait_prior(const Group &group) {
    async_wait(N);
    group.sync();
}

template <class Group> void wait(const Group &group) { wait_prior<0>(group); }

} // namespace cooperative_groups
} // namespace api
} // namespace wwsim
