//! `math.cuh`. The kernels are compiled with `--use_fast_math`, with which these functions of CUDA are the approximations.

use super::{Entry, pair};

pub fn entries() -> Vec<Entry> {
    let one = |ours: &str, theirs: &str| {
        pair("void *out, float x", &format!("put(out, {ours}(x))"), &format!("put(out, {theirs})"))
    };
    let two = |ours: &str, theirs: &str| {
        pair(
            "void *out, float low, float high",
            &format!("put(out, {ours}(low, high))"),
            &format!("put(out, {theirs}(low, high))"),
        )
    };
    vec![
        one("exp2_approx", "exp2f(x)"),
        one("log2_approx", "__log2f(x)"),
        one("rcp_approx", "1.0f / x"),
        one("rsqrt_approx", "rsqrtf(x)"),
        one("tanh_approx", "tanhf(x)"),
        one("round_tf32", "nvcuda::wmma::__float_to_tf32(x)"),
        two("pack_bf16x2", "__floats2bfloat162_rn"),
        two("pack_f16x2", "__floats2half2_rn"),
    ]
}
