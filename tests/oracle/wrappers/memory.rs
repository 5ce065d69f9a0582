//! `async_copy.cuh`, `memory.cuh`, `registers.cuh`, `shared.cuh`.

use super::{Entry, documented, pair};

pub fn entries() -> Vec<Entry> {
    let mut entries = async_copies();
    entries.extend(global_memory());
    entries.extend([
        pair("void *out", "put(out, shared_address(out))", "put(out, cute::cast_smem_ptr_to_uint(out))"),
        documented(
            "void *out",
            "put(out, *dynamic_shared<int>())",
            "State Spaces: Shared",
            "ld.shared.b32 (r0), [_ZN14warpweave_cuda17ww_dynamic_sharedE]; st.global.b32 [p0], r0",
        ),
        // These keep the compiler from what it would do, and are no instruction.
        documented("void *out, uint32_t x", "forget_derived(x); put(out, x)", "none", "st.global.b32 [p0], p1"),
        documented("int *out, uint32_t x", "forget_parts(out); put(out, x)", "none", "st.b32 [p0], p1"),
    ]);
    entries
}

fn async_copies() -> Vec<Entry> {
    let mut entries = vec![
        pair(
            "void *s, const void *g, bool full",
            "async_copy_cg(s, g, full ? 16 : 0)",
            "cutlass::arch::cp_async_zfill<16, cutlass::arch::CacheOperation::Global>(s, g, full)",
        ),
        pair("", "async_commit()", "cutlass::arch::cp_async_fence()"),
        pair("", "async_wait<0>()", "__pipeline_wait_prior(0)"),
        pair("", "async_wait<3>()", "cutlass::arch::cp_async_wait<3>()"),
        pair("", "async_wait_all()", "cutlass::arch::cp_async_wait<0>()"),
    ];
    for bytes in [4, 8, 16] {
        entries.push(pair(
            "void *s, const void *g, bool full",
            &format!("async_copy_ca<{bytes}>(s, g, full ? {bytes} : 0)"),
            &format!("cutlass::arch::cp_async_zfill<{bytes}, cutlass::arch::CacheOperation::Always>(s, g, full)"),
        ));
    }
    entries
}

fn global_memory() -> Vec<Entry> {
    let mut entries = Vec::new();
    for kind in ["uint4", "uint2", "uint32_t", "uint16_t", "uint8_t"] {
        let both = format!("void *out, {kind} *p");
        let value = format!("{kind} *p, {kind} value");
        entries.extend([
            pair(&both, "put(out, load(p))", "put(out, *p)"),
            pair(
                &both,
                "put(out, load_l2(p))",
                if kind == "uint8_t" { "put(out, __ldcg((unsigned char *)p))" } else { "put(out, __ldcg(p))" },
            ),
            pair(&value, "store(p, value)", "*p = value"),
            pair(&value, "store_streaming(p, value)", "__stcs(p, value)"),
        ]);
        // cuda::ptx has no vectors, but one element of as many bits.
        let once = "put(out, load_once(p))";
        let vector =
            |load: &str| documented(&both, once, "Data Movement and Conversion Instructions: ld.global.nc", load);
        entries.push(match kind {
            "uint4" => {
                vector("ld.global.nc.L1::no_allocate.v4.b32 (r0 r1 r2 r3), [p1]; st.global.v4.b32 [p0], {r0,r1,r2,r3}")
            }
            "uint2" => vector("ld.global.nc.L1::no_allocate.v2.b32 (r0 r1), [p1]; st.global.v2.b32 [p0], {r0,r1}"),
            _ => pair(&both, once, "put(out, cuda::ptx::ld_nc_L1_no_allocate(cuda::ptx::space_global, p))"),
        });
    }
    entries
}
