// The mistakes that the GEMM of gemm.cuh can be told to make, each of which somebody has made. How the simulated GPU tells is said beside
// each, after the number of blocks in a cluster that it takes: `tests/simulator` runs all of them.
//
// `wrong`: the results are wrong in one schedule at least, of those of the test, and it need not be a checked one to see that.
// `fails`: the launch ends with this message, in every schedule.
// `checked`: what a checked run reports, in every schedule; results may be right.
#pragma once

// clang-format off
#define WW_MISTAKES(X)                                                                                                            \
    /* what is left out */                                                                                                        \
    X(no_full_wait,       1, "checked", "")                                                                                \
    X(no_empty_wait,      1, "checked", "")                                                                                \
    X(no_release,         1, "fails",   "deadlock")                                                                        \
    X(no_init_fence,      1, "checked", "")                                                                                \
    X(no_wgmma_fence,     1, "checked", "")                                                                                \
    X(no_last_wait,       1, "checked", "")                                                                                \
    X(no_store_fence,     1, "checked", "")                                                                                \
    X(no_store_barrier,   1, "checked", "")                                                                                \
    X(no_buffer_wait,     1, "checked", "")                                                                                \
    X(no_wait_at_exit,    1, "checked", "")                                                                                \
    X(no_cluster_start,   2, "checked", "")                                                                                \
    X(no_cluster_exit,    2, "checked", "")                                                                                \
    /* what is wrong */                                                                                                           \
    X(full_parity,        1, "checked", "")                                                                                \
    X(empty_parity,       1, "fails",   "deadlock")                                                                        \
    X(early_release,      1, "checked", "")                                                                                \
    X(local_release,      2, "checked", "")                                                                                \
    X(few_bytes,          1, "checked", "")                                                                                \
    X(many_bytes,         1, "fails",   "deadlock")                                                                        \
    X(few_releases,       1, "checked", "")                                                                                \
    X(many_releases,      1, "fails",   "deadlock")                                                                        \
    X(descriptor_swizzle, 1, "wrong",   "expected")                                                                        \
    X(descriptor_stride,  1, "wrong",   "expected")                                                                        \
    X(map_swizzle,        1, "wrong",   "expected")                                                                        \
    X(multicast_mask,     2, "fails",   "deadlock")                                                                        
// clang-format on
