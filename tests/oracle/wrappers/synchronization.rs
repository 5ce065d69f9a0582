//! `barrier.cuh`, `cluster.cuh`, `fence.cuh`, `warp.cuh`.

use super::{Entry, documented, pair, since_hopper};

pub fn entries() -> Vec<Entry> {
    let mut entries = named_barriers();
    entries.extend(since_hopper(clusters()));
    entries.extend(fences());
    entries.extend(warps());
    entries
}

fn named_barriers() -> Vec<Entry> {
    const BAR: &str = "Parallel Synchronization and Communication Instructions: bar, barrier";
    let parameters = "unsigned id, unsigned threads";
    let name = "cutlass::arch::ReservedNamedBarriers(id)";
    let mut entries = since_hopper(vec![
        pair(
            parameters,
            "barrier_sync(id, threads)",
            &format!("cutlass::arch::NamedBarrier::arrive_and_wait(threads, {name})"),
        ),
        pair(
            parameters,
            "barrier_arrive(id, threads)",
            &format!("cutlass::arch::NamedBarrier::arrive(threads, {name})"),
        ),
    ]);
    let parameters = "void *out, unsigned id, unsigned threads, bool x";
    entries.extend([
        documented(
            parameters,
            "put(out, barrier_count(id, threads, x))",
            BAR,
            "bar.red.popc.u32 (r0), p1, p2, p3; st.global.b32 [p0], r0",
        ),
        documented(
            parameters,
            "put(out, barrier_all(id, threads, x))",
            BAR,
            "bar.red.and.pred (r0), p1, p2, p3; st.global.b8 [p0], r0",
        ),
        documented(
            parameters,
            "put(out, barrier_any(id, threads, x))",
            BAR,
            "bar.red.or.pred (r0), p1, p2, p3; st.global.b8 [p0], r0",
        ),
    ]);
    entries
}

fn clusters() -> Vec<Entry> {
    vec![
        pair("void *out", "put(out, cluster_rank())", "put(out, cute::block_rank_in_cluster())"),
        pair("void *out", "put(out, cluster_size())", "put(out, cuda::ptx::get_sreg_cluster_nctarank())"),
        pair("", "cluster_arrive()", "cute::cluster_arrive()"),
        pair("", "cluster_arrive_relaxed()", "cute::cluster_arrive_relaxed()"),
        pair("", "cluster_wait()", "cute::cluster_wait()"),
        pair("", "cluster_sync()", "cute::cluster_sync()"),
        pair(
            "void *out, int *p, unsigned rank",
            "put(out, map_shared(p, rank))",
            "put(out, __cluster_map_shared_rank(p, rank))",
        ),
    ]
}

fn fences() -> Vec<Entry> {
    const RED: &str = "Parallel Synchronization and Communication Instructions: red";
    let scopes = [("cta", "BLOCK"), ("gpu", "DEVICE"), ("sys", "SYSTEM")];
    let mut entries = Vec::new();
    for (scope, name) in scopes {
        let ours = format!("Scope::{scope}");
        let theirs = format!("__NV_THREAD_SCOPE_{name}");
        entries.push(pair(
            "",
            &format!("fence<{ours}>()"),
            &format!("cuda::ptx::fence(cuda::ptx::sem_acq_rel, cuda::ptx::scope_{scope})"),
        ));
        for kind in ["uint32_t", "uint64_t"] {
            let get = format!("void *out, {kind} *p");
            let set = format!("{kind} *p, {kind} value");
            let exchange = format!("void *out, {kind} *p, {kind} value");
            entries.extend([
                pair(
                    &get,
                    &format!("put(out, load_acquire<{ours}>(p))"),
                    &format!("put(out, __nv_atomic_load_n(p, __NV_ATOMIC_ACQUIRE, {theirs}))"),
                ),
                pair(
                    &set,
                    &format!("store_release<{ours}>(p, value)"),
                    &format!("__nv_atomic_store_n(p, value, __NV_ATOMIC_RELEASE, {theirs})"),
                ),
                documented(
                    &set,
                    &format!("add_release<{ours}>(p, value)"),
                    RED,
                    &format!("red.release.{scope}.add.u{} [p0], p1", &kind[4..6]),
                ),
                pair(
                    &exchange,
                    &format!("put(out, fetch_add<{ours}>(p, value))"),
                    &format!("put(out, __nv_atomic_fetch_add(p, value, __NV_ATOMIC_ACQ_REL, {theirs}))"),
                ),
            ]);
        }
    }
    entries
}

fn warps() -> Vec<Entry> {
    let mut entries = Vec::new();
    for operation in ["add", "min", "max", "and", "or", "xor"] {
        let is_bitwise = matches!(operation, "and" | "or" | "xor");
        for kind in if is_bitwise { &["unsigned"][..] } else { &["unsigned", "int"] } {
            entries.push(pair(
                &format!("void *out, unsigned mask, {kind} x"),
                &format!("put(out, warp_{operation}(mask, x))"),
                &format!("put(out, __reduce_{operation}_sync(mask, x))"),
            ));
        }
    }
    entries
}
