//! `matrix.cuh`, `mma.cuh`.

use super::{Entry, pair, since_hopper};

pub fn entries() -> Vec<Entry> {
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
                &format!("Words<{count}> w; cute::{theirs}::copy(*(const cute::uint128_t *)row, {registers}); put(out, w)"),
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

/// `array[0], array[1], …`
fn list(array: &str, count: usize) -> String {
    (0..count).map(|i| format!("{array}[{i}]")).collect::<Vec<_>>().join(", ")
}
