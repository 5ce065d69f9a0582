// cg::reduce: one value from all threads of a tile or a coalesced group, in one collective.
#pragma once

#include "../cooperative_groups.h"

namespace wwsim {
inline namespace api {
namespace cooperative_groups {

template <class T> struct plus {
    T operator()(T a, T b) const { return a + b; }
};
template <class T> struct less {
    T operator()(T a, T b) const { return b < a ? b : a; }
};
template <class T> struct greater {
    T operator()(T a, T b) const { return a < b ? b : a; }
};
template <class T> struct bit_and {
    T operator()(T a, T b) const { return a & b; }
};
template <class T> struct bit_or {
    T operator()(T a, T b) const { return a | b; }
};
template <class T> struct bit_xor {
    T operator()(T a, T b) const { return a ^ b; }
};

// `op` can be a function: decayed, it is a pointer that an operand can point to.
template <unsigned N, class Parent, class T, class Op>
std::decay_t<T> reduce(const thread_block_tile<N, Parent> &group, T &&value, Op &&op) {
    using V = std::decay_t<T>;
    using F = std::decay_t<Op>;
    return detail::combine<V, F>("cg::reduce", group.get_mask(), value, op, detail::tile_reduce_work<V, F, N>);
}

template <class T, class Op> std::decay_t<T> reduce(const coalesced_group &group, T &&value, Op &&op) {
    using V = std::decay_t<T>;
    using F = std::decay_t<Op>;
    const Work work = group.size() == 32 ? detail::tile_reduce_work<V, F, 32> : detail::scan_work<V, F, true>;
    return detail::combine<V, F>("cg::reduce", group.get_mask(), value, op, work);
}

} // namespace cooperative_groups
} // namespace api
} // namespace wwsim
