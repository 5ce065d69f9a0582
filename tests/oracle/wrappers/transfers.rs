//! `mbarrier.cuh`, `proxy.cuh`, `bulk.cuh`, `tma.cuh`, `grid.cuh`, and what `registers.cuh` and `warp.cuh` have since Hopper.

use super::{Entry, documented, pair, since_hopper};

pub fn entries() -> Vec<Entry> {
    let mut entries = mbarriers();
    entries.extend(fences_and_control());
    entries.extend(bulk_copies());
    entries.extend(bulk_reductions());
    entries.extend(tiles());
    since_hopper(entries)
}

fn mbarriers() -> Vec<Entry> {
    const MBARRIER: &str = "Parallel Synchronization and Communication Instructions: mbarrier";
    let own = "void *out, uint64_t *bar, unsigned x";
    let state =
        |ours: &str, theirs: &str| pair(own, &format!("put(out, {ours})"), &format!("put(out, cuda::ptx::{theirs})"));
    let release = "cuda::ptx::sem_release, cuda::ptx::scope_cta, cuda::ptx::space_shared";
    let there = "uint64_t *bar, unsigned rank, unsigned x";
    let remote = |ours: &str, theirs: &str, argument: &str| {
        let address =
            "(uint64_t *)__cvta_shared_to_generic(cute::set_block_rank(cute::cast_smem_ptr_to_uint(bar), rank))";
        let place = "cuda::ptx::sem_release, cuda::ptx::scope_cluster, cuda::ptx::space_cluster";
        pair(there, ours, &format!("cuda::ptx::{theirs}({place}, {address}{argument})"))
    };
    let mut entries = vec![
        pair(own, "mbarrier_init(bar, x)", "cute::initialize_barrier(*bar, x)"),
        pair(own, "mbarrier_inval(bar)", "cutlass::arch::ClusterBarrier::invalidate(bar)"),
        state("mbarrier_arrive(bar)", &format!("mbarrier_arrive({release}, bar)")),
        state("mbarrier_arrive(bar, x)", &format!("mbarrier_arrive({release}, bar, x)")),
        state("mbarrier_arrive_no_complete(bar, x)", "mbarrier_arrive_no_complete(bar, x)"),
        state("mbarrier_arrive_expect_tx(bar, x)", &format!("mbarrier_arrive_expect_tx({release}, bar, x)")),
        documented(
            own,
            "put(out, mbarrier_arrive_drop(bar))",
            MBARRIER,
            "mbarrier.arrive_drop.release.cta.shared::cta.b64 (r0), [p1]; st.global.b64 [p0], r0",
        ),
        pair(
            own,
            "mbarrier_expect_tx(bar, x)",
            "cuda::ptx::mbarrier_expect_tx(cuda::ptx::sem_relaxed, cuda::ptx::scope_cta, cuda::ptx::space_shared, bar, x)",
        ),
        documented(
            own,
            "mbarrier_complete_tx(bar, x)",
            MBARRIER,
            "mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [p1], p2",
        ),
        pair(
            "void *out, void *p, unsigned rank",
            "put(out, cluster_shared_address(p, rank))",
            "put(out, cute::set_block_rank(cute::cast_smem_ptr_to_uint(p), rank))",
        ),
        remote("mbarrier_arrive_cluster(bar, rank)", "mbarrier_arrive", ""),
        remote("mbarrier_arrive_cluster(bar, rank, x)", "mbarrier_arrive", ", x"),
        remote("mbarrier_arrive_expect_tx_cluster(bar, rank, x)", "mbarrier_arrive_expect_tx", ", x"),
        pair(own, "async_mbarrier_arrive(bar)", "cutlass::arch::cpasync_barrier_arrive(bar)"),
        pair(own, "async_mbarrier_arrive_noinc(bar)", "cutlass::arch::cpasync_barrier_arrive_noinc(bar)"),
    ];
    for (name, kind) in [("", "uint64_t"), ("_parity", "unsigned")] {
        let parameters = format!("void *out, uint64_t *bar, {kind} phase");
        let theirs = |wait: &str, scope: &str| {
            format!("cuda::ptx::mbarrier_{wait}{name}(cuda::ptx::sem_acquire, cuda::ptx::scope_{scope}, bar, phase)")
        };
        let mut tell = |wait: &str, ours: &str, scope: &str| {
            entries.push(pair(
                &parameters,
                &format!("put(out, mbarrier_{ours}(bar, phase))"),
                &format!("put(out, {})", theirs(wait, scope)),
            ));
        };
        tell("test_wait", &format!("test_wait{name}"), "cta");
        tell("try_wait", &format!("try_wait{name}"), "cta");
        if name == "_parity" {
            tell("try_wait", "try_wait_parity_cluster", "cluster");
        }
        let mut wait = |ours: &str, scope: &str| {
            entries.push(pair(
                &parameters,
                &format!("mbarrier_{ours}(bar, phase)"),
                &format!("while (!{}) {{}}", theirs("try_wait", scope)),
            ));
        };
        wait(&format!("wait{name}"), "cta");
        if name == "_parity" {
            wait("wait_parity_cluster", "cluster");
        }
    }
    entries
}

fn fences_and_control() -> Vec<Entry> {
    vec![
        pair("", "fence_proxy_async()", "cuda::ptx::fence_proxy_async()"),
        pair("", "fence_proxy_async_shared()", "cute::tma_store_fence()"),
        pair("", "fence_proxy_async_global()", "cuda::ptx::fence_proxy_async(cuda::ptx::space_global)"),
        pair("", "fence_mbarrier_init()", "cutlass::arch::fence_barrier_init()"),
        pair("", "launch_dependents()", "cutlass::arch::launch_dependent_grids()"),
        pair("", "wait_for_dependencies()", "cutlass::arch::wait_on_dependent_grids()"),
        pair("", "set_max_registers_increase<240>()", "cutlass::arch::warpgroup_reg_alloc<240>()"),
        pair("", "set_max_registers_decrease<24>()", "cutlass::arch::warpgroup_reg_dealloc<24>()"),
        // CuTe's also asks for the elected lane's number.
        documented(
            "void *out, unsigned mask",
            "put(out, elect_one(mask))",
            "Parallel Synchronization and Communication Instructions: elect.sync",
            "elect.sync (_ r0), p1; st.global.b8 [p0], r0",
        ),
    ]
}

fn bulk_copies() -> Vec<Entry> {
    const BULK: &str = "Data Movement and Conversion Instructions: cp.async.bulk";
    let parameters = "void *shared, void *global, unsigned bytes, uint64_t *bar, uint16_t mask";
    let cluster = "cuda::ptx::space_cluster";
    let hint = format!("{}", 0x14F0_0000_0000_0000_u64);
    vec![
        pair(
            parameters,
            "bulk_load(shared, global, bytes, bar)",
            &format!("cuda::ptx::cp_async_bulk({cluster}, cuda::ptx::space_global, shared, global, bytes, bar)"),
        ),
        pair(
            parameters,
            "bulk_load_multicast(shared, global, bytes, bar, mask)",
            &format!("cuda::ptx::cp_async_bulk({cluster}, cuda::ptx::space_global, shared, global, bytes, bar, mask)"),
        ),
        pair(
            parameters,
            "bulk_store(global, shared, bytes)",
            "cuda::ptx::cp_async_bulk(cuda::ptx::space_global, cuda::ptx::space_shared, global, shared, bytes)",
        ),
        pair(
            "void *there, void *shared, unsigned bytes, uint64_t *bar",
            "bulk_copy_cluster(there, shared, bytes, bar)",
            &format!("cuda::ptx::cp_async_bulk({cluster}, cuda::ptx::space_shared, there, shared, bytes, bar)"),
        ),
        documented(
            parameters,
            "bulk_load<CacheHint::evict_last>(shared, global, bytes, bar)",
            BULK,
            &format!(
                "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [p0], [p1], p2, [p3], {hint}"
            ),
        ),
        documented(
            parameters,
            "bulk_load_multicast<CacheHint::evict_last>(shared, global, bytes, bar, mask)",
            BULK,
            &format!(
                "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint \
                 [p0], [p1], p2, [p3], p4, {hint}"
            ),
        ),
        documented(
            parameters,
            "bulk_store<CacheHint::evict_last>(global, shared, bytes)",
            BULK,
            &format!("cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint [p1], [p0], p2, {hint}"),
        ),
        pair(parameters, "bulk_prefetch(global, bytes)", "cute::SM90_BULK_COPY_G2S::PREFETCH::copy(global, bytes)"),
        pair("", "bulk_commit()", "cuda::ptx::cp_async_bulk_commit_group()"),
        pair("", "bulk_wait<3>()", "cuda::ptx::cp_async_bulk_wait_group(cuda::ptx::n32_t<3>{})"),
        pair("", "bulk_wait_read<0>()", "cute::tma_store_wait<0>()"),
    ]
}

/// Every operation and type that there is.
fn bulk_reductions() -> Vec<Entry> {
    let arithmetic = ["add", "min", "max"];
    let bitwise = ["bits_and", "bits_or", "bits_xor"];
    let mut entries = Vec::new();
    for kind in ["float", "double", "__half", "__nv_bfloat16", "int32_t", "uint32_t", "int64_t", "uint64_t"] {
        let mut operations = match kind {
            "float" | "double" => vec!["add"],
            _ => arithmetic.to_vec(),
        };
        let is_integer = kind.ends_with("_t");
        if is_integer {
            operations.extend(bitwise);
        }
        if kind == "uint32_t" {
            operations.extend(["inc", "dec"]);
        }
        for operation in operations {
            let theirs = match operation.strip_prefix("bits_") {
                Some(name) => format!("cuda::ptx::op_{name}_op"),
                None => format!("cuda::ptx::op_{operation}"),
            };
            entries.push(pair(
                &format!("{kind} *global, {kind} *shared, unsigned bytes"),
                &format!("bulk_reduce<BulkOp::{operation}>(global, shared, bytes)"),
                &format!("cuda::ptx::cp_reduce_async_bulk(cuda::ptx::space_global, cuda::ptx::space_shared, {theirs}, global, shared, bytes)"),
            ));
            if is_integer && (kind.contains("32") || operation == "add") {
                entries.push(pair(
                    &format!("{kind} *there, {kind} *shared, unsigned bytes, uint64_t *bar"),
                    &format!("bulk_reduce_cluster<BulkOp::{operation}>(there, shared, bytes, bar)"),
                    &format!(
                        "cuda::ptx::cp_reduce_async_bulk(cuda::ptx::space_cluster, cuda::ptx::space_shared, {theirs}, there, shared, bytes, bar)"
                    ),
                ));
            }
        }
    }
    entries.push(pair(
        "float *global, float *shared, unsigned bytes",
        "bulk_reduce_add(global, shared, bytes)",
        "cuda::ptx::cp_reduce_async_bulk(cuda::ptx::space_global, cuda::ptx::space_shared, cuda::ptx::op_add, global, shared, bytes)",
    ));
    entries
}

/// In each number of dimensions.
fn tiles() -> Vec<Entry> {
    let mut entries = vec![pair(
        "const CUtensorMap *map",
        "prefetch_tensor_map(map)",
        "cute::prefetch_tma_descriptor((const cute::TmaDescriptor *)map)",
    )];
    for rank in 1..=5 {
        let list = |separator: &str| (0..rank).map(|i| format!("c{i}")).collect::<Vec<_>>().join(separator);
        let coordinates = list(", ");
        let parameters =
            format!("void *shared, const CUtensorMap *map, uint64_t *bar, uint16_t mask, int {}", list(", int "));
        let array = format!("const int32_t c[] = {{{coordinates}}}");
        let pair = |ours: &str, theirs: &str| pair(&parameters, ours, theirs);
        let load =
            "cuda::ptx::cp_async_bulk_tensor(cuda::ptx::space_cluster, cuda::ptx::space_global, shared, map, c, bar";
        let global = "cuda::ptx::space_global, cuda::ptx::space_shared";
        let evict_first = "(uint64_t)cute::TMA::CacheHintSm90::EVICT_FIRST";
        entries.extend([
            pair(&format!("tma_load(shared, map, bar, {coordinates})"), &format!("{array}; {load})")),
            pair(
                &format!("tma_load_multicast(shared, map, bar, mask, {coordinates})"),
                &format!("{array}; {load}, mask)"),
            ),
            pair(
                &format!("tma_load<CacheHint::evict_first>(shared, map, bar, {coordinates})"),
                &format!("cute::SM90_TMA_LOAD_{rank}D::copy(map, bar, {evict_first}, shared, {coordinates})"),
            ),
            pair(
                &format!("tma_load_multicast<CacheHint::evict_first>(shared, map, bar, mask, {coordinates})"),
                &format!(
                    "cute::SM90_TMA_LOAD_MULTICAST_{rank}D::copy(map, bar, mask, {evict_first}, shared, {coordinates})"
                ),
            ),
            pair(
                &format!("tma_store(map, shared, {coordinates})"),
                &format!("{array}; cuda::ptx::cp_async_bulk_tensor({global}, map, c, shared)"),
            ),
            documented(
                &parameters,
                &format!("tma_store<CacheHint::evict_first>(map, shared, {coordinates})"),
                "Data Movement and Conversion Instructions: cp.async.bulk.tensor",
                &format!(
                    "cp.async.bulk.tensor.{rank}d.global.shared::cta.bulk_group.L2::cache_hint [p1,{{{}}}], [p0], {}",
                    (0..rank).map(|i| format!("p{}", 4 + i)).collect::<Vec<_>>().join(","),
                    0x12F0_0000_0000_0000_u64
                ),
            ),
            pair(
                &format!("tma_prefetch(map, {coordinates})"),
                &format!("cute::SM90_TMA_LOAD_{rank}D::PREFETCH::copy(map, {coordinates})"),
            ),
            pair(
                &format!("tma_reduce_add(map, shared, {coordinates})"),
                &format!(
                    "{array}; cuda::ptx::cp_reduce_async_bulk_tensor({global}, cuda::ptx::op_add, map, c, shared)"
                ),
            ),
        ]);
        for (ours, theirs) in [
            ("min", "min"),
            ("max", "max"),
            ("inc", "inc"),
            ("dec", "dec"),
            ("bits_and", "and_op"),
            ("bits_or", "or_op"),
            ("bits_xor", "xor_op"),
        ] {
            entries.push(pair(
                &format!("tma_reduce<BulkOp::{ours}>(map, shared, {coordinates})"),
                &format!(
                    "{array}; cuda::ptx::cp_reduce_async_bulk_tensor({global}, cuda::ptx::op_{theirs}, map, c, shared)"
                ),
            ));
        }
    }
    entries
}
