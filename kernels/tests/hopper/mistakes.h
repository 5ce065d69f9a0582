// The mistakes that the GEMM of gemm.cuh can be told to make. Beside each: the number of blocks in its cluster, how the simulated GPU
// finds it, and with what message, alternatives of which a | separates. `tests/simulator/mistakes.rs` makes all of them.
//
// `fails`: the launch ends with the message, in every schedule, checked or not.
// `checked`: a checked run reports it, in every schedule. Without checks the results may be right.
// `wrong`: without checks the launch fails or its results are wrong, in one schedule at least.
#pragma once

// clang-format off
#define WW_MISTAKES(X) \
    /* what is left out */ \
    X(no_full_wait,       1, "checked", "wgmma.m64n128k16.f32.bf16.bf16 reads|wgmma.m64n128k16.f32.bf16.bf16: read of") \
    X(no_empty_wait,      1, "checked", "cp.async.bulk.tensor writes|mbarrier.arrive.expect_tx: the mbarrier at") \
    X(no_release,         1, "fails",   "every thread waits") \
    X(no_init_fence,      1, "checked", "no fence.proxy.async between them") \
    X(no_wgmma_fence,     1, "fails",   "expected a wgmma.fence before the first wgmma") \
    X(no_last_wait,       1, "checked", "accumulators of a wgmma in flight") \
    X(no_store_fence,     1, "checked", "no fence.proxy.async between them") \
    X(no_store_barrier,   1, "checked", "cp.async.bulk.tensor.global: read of|cp.async.bulk.tensor.global reads") \
    X(no_buffer_wait,     1, "checked", "which cp.async.bulk.tensor.global of") \
    X(no_wait_at_exit,    1, "wrong",   "shared memory is in use by cp.async.bulk.tensor.global") \
    X(no_cluster_start,   2, "checked", "which may not have started|cp.async.bulk.tensor.multicast::cluster") \
    X(no_cluster_exit,    2, "checked", "which may have exited|mbarrier.arrive.shared::cluster") \
    /* what is wrong */ \
    X(full_parity,        1, "checked", "wgmma.m64n128k16.f32.bf16.bf16 reads|wgmma.m64n128k16.f32.bf16.bf16: read of|every thread waits") \
    X(empty_parity,       1, "fails",   "every thread waits") \
    X(early_release,      1, "checked", "which wgmma.m64n128k16.f32.bf16.bf16 of") \
    X(local_release,      2, "checked", "cp.async.bulk.tensor.multicast::cluster writes") \
    X(few_bytes,          1, "checked", "wgmma.m64n128k16.f32.bf16.bf16 reads|every thread waits") \
    X(many_bytes,         1, "fails",   "every thread waits") \
    X(few_releases,       1, "checked", "cp.async.bulk.tensor writes|wgmma.m64n128k16.f32.bf16.bf16 reads") \
    X(many_releases,      1, "fails",   "every thread waits") \
    X(descriptor_swizzle, 1, "wrong",   "expected") \
    X(descriptor_stride,  1, "wrong",   "expected") \
    X(map_swizzle,        1, "wrong",   "expected") \
    X(multicast_mask,     2, "fails",   "every thread waits")
// clang-format on
