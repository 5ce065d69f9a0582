//! `matrix.cuh`, `mma.cuh`, `wgmma.cuh`.

use super::{Entry, pair, since_hopper};

pub fn entries() -> Vec<Entry> {
    let mut entries = matrices();
    entries.extend(warp_products());
    entries.extend(since_hopper(warpgroup_products()));
    entries
}

fn matrices() -> Vec<Entry> {
    let mut entries = Vec::new();
    for count in [1, 2, 4] {
        let registers = list("w.r", count);
        let copies = [
            ("ldmatrix", format!("SM75_U32x{count}_LDSM_N")),
            ("ldmatrix_trans", format!("SM75_U16x{}_LDSM_T", 2 * count)),
        ];
        for (ours, theirs) in copies {
            entries.push(pair(
                "void *out, const void *row",
                &format!("Words<{count}> w; {ours}(w.r, row); put(out, w)"),
                &format!(
                    "Words<{count}> w; cute::{theirs}::copy(*(const cute::uint128_t *)row, {registers}); put(out, w)"
                ),
            ));
        }
        let stores = [
            ("stmatrix", format!("SM90_U32x{count}_STSM_N")),
            ("stmatrix_trans", format!("SM90_U16x{}_STSM_T", 2 * count)),
        ];
        for (ours, theirs) in stores {
            entries.extend(since_hopper(vec![pair(
                &format!("void *row, Words<{count}> w"),
                &format!("{ours}(row, w.r)"),
                &format!("cute::{theirs}::copy({registers}, *(cute::uint128_t *)row)"),
            )]));
        }
    }
    entries
}

fn warp_products() -> Vec<Entry> {
    let mut entries = Vec::new();
    let products = [
        ("float", 4, "__nv_bfloat16", "SM80_16x8x16_F32BF16BF16F32_TN"),
        ("float", 4, "__half", "SM80_16x8x16_F32F16F16F32_TN"),
        ("__half", 2, "__half", "SM80_16x8x16_F16F16F16F16_TN"),
        ("float", 4, "tf32", "SM80_16x8x8_F32TF32TF32F32_TN"),
    ];
    for (sum, registers, kind, theirs) in products {
        let (d, a, b, c) = (list("d.r", registers), list("a.r", 4), list("b.r", 2), list("c.r", registers));
        entries.push(pair(
            &format!("void *out, FragmentA<{kind}> a, FragmentB<{kind}> b, FragmentC<{sum}> c"),
            &format!("FragmentC<{sum}> d; mma(d, a, b, c); put(out, d)"),
            &format!("FragmentC<{sum}> d; cute::{theirs}::fma({d}, {a}, {b}, {c}); put(out, d)"),
        ));
    }
    entries
}

/// Every size, each with another combination of the immediates, and a small size with all of them.
fn warpgroup_products() -> Vec<Entry> {
    let mut entries = vec![
        pair("", "wgmma_fence()", "cute::warpgroup_arrive()"),
        pair("", "wgmma_commit()", "cute::warpgroup_commit_batch()"),
        pair("", "wgmma_wait<0>()", "cute::warpgroup_wait<0>()"),
        pair("", "wgmma_wait<7>()", "cute::warpgroup_wait<7>()"),
        pair(
            "void *out, Words<4> d",
            "wgmma_fence_registers(d.r); put(out, d)",
            "for (int i = 0; i < 4; i++) cute::warpgroup_fence_operand(d.r[i]); put(out, d)",
        ),
    ];
    for (kind, name, sum, sum_name, k) in [
        ("__nv_bfloat16", "BF16", "float", "F32", 16),
        ("__half", "F16", "float", "F32", 16),
        ("__half", "F16", "uint32_t", "F16", 16),
        ("tf32", "TF32", "float", "F32", 8),
    ] {
        let product = |n: usize, from_registers: bool, combination: usize| {
            let bit = |i: usize| combination >> i & 1;
            let transposable = k == 16;
            let major = |i: usize| if bit(i) == 1 && transposable { ("mn", "MN") } else { ("k", "K") };
            let (major_a, major_b) = (if from_registers { ("k", "K") } else { major(0) }, major(1));
            let scale = |i: usize| if bit(i) == 1 { ("-1", "Neg") } else { ("1", "One") };
            let (scale_a, scale_b) = (scale(2), scale(3));
            let registers = if sum == "float" { n / 2 } else { n / 4 };
            let (a_type, a_list, form) =
                if from_registers { ("Words<4>", list("a.r", 4), "RS") } else { ("uint64_t", "a".to_string(), "SS") };
            let a = if from_registers { "a.r" } else { "a" };
            let suffix = if transposable { "" } else { "_TN" };
            let majors = if transposable {
                format!("cute::SM90::GMMA::Major::{}, cute::SM90::GMMA::Major::{}, ", major_a.1, major_b.1)
            } else {
                String::new()
            };
            pair(
                &format!("{sum} *d, {a_type} a, uint64_t b, bool accumulate"),
                &format!(
                    "Sums<{sum}, {registers}> s(d); wgmma<{kind}, {n}, Major::{}, Major::{}, {}, {}>(s.r, {a}, b, accumulate); s.put(d)",
                    major_a.0, major_b.0, scale_a.0, scale_b.0
                ),
                &format!(
                    "Sums<{sum}, {registers}> s(d); cute::SM90::GMMA::MMA_64x{n}x{k}_{sum_name}{name}{name}_{form}{suffix}<{majors}\
                     cute::SM90::GMMA::ScaleIn::{}, cute::SM90::GMMA::ScaleIn::{}>::fma({a_list}, b, {}, \
                     accumulate ? cute::SM90::GMMA::ScaleOut::One : cute::SM90::GMMA::ScaleOut::Zero); s.put(d)",
                    scale_a.1,
                    scale_b.1,
                    list("s.r", registers)
                ),
            )
        };
        for from_registers in [false, true] {
            entries.extend((0..16).map(|combination| product(16, from_registers, combination)));
            entries.extend((1..=32).map(|i| product(8 * i, from_registers, i % 16)));
        }
    }
    entries
}

/// `array[0], array[1], …`
fn list(array: &str, count: usize) -> String {
    (0..count).map(|i| format!("{array}[{i}]")).collect::<Vec<_>>().join(", ")
}
