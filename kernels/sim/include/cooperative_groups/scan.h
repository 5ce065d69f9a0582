// cg::inclusive_scan and cg::exclusive_scan over a tile or a coalesced group.
#pragma once

#include "reduce.h"

namespace wwsim {
inline namespace api {
namespace cooperative_groups {

template <class Group, class T, class Op> std::decay_t<T> inclusive_scan(const Group &group, T &&value, Op &&op) {
    using V = std::decay_t<T>;
    using F = std::decay_t<Op>;
    return detail::combine<V, F>("cg::inclusive_scan", group.get_mask(), value, op, detail::scan_work<V, F, false>);
}

template <class Group, class T> std::decay_t<T> inclusive_scan(const Group &group, T &&value) {
    return inclusive_scan(group, value, plus<std::decay_t<T>>());
}

// The first thread gets a value-initialized T.
template <class Group, class T, class Op> std::decay_t<T> exclusive_scan(const Group &group, T &&value, Op &&op) {
    const std::decay_t<T> before = group.shfl_up(inclusive_scan(group, value, op), 1);
    return group.thread_rank() == 0 ? std::decay_t<T>() : before;
}

template <class Group, class T> std::decay_t<T> exclusive_scan(const Group &group, T &&value) {
    return exclusive_scan(group, value, plus<std::decay_t<T>>());
}

} // namespace cooperative_groups
} // namespace api
} // namespace wwsim
