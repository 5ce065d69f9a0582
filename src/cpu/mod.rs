//! The operations on [`Device::Cpu`](crate::Device::Cpu): native Rust in f32, on rayon's threads.
//!
//! The functions here trust the checks of [`crate::ops`]. Loops over elements run inside [`simd`], which compiles them for
//! the vector instructions of the machine that the program finds itself on.

pub mod activation;
pub mod adamw;
pub mod attention;
pub mod copy;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
pub mod gemm;
pub mod math;
pub mod norm;
pub mod reduce;
pub mod rotary;
pub mod sampling;
pub mod scratch;
pub mod softmax;
pub mod stochastic;
pub mod wide;

/// Runs `f` compiled for the widest vector instructions at hand. `f` itself, what it calls and every closure that it hands
/// on must be `#[inline(always)]`: what stays out of line is compiled without FMA, where a `mul_add` is a function call.
#[inline]
pub fn simd<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// The widest vector instructions at hand, by name.
pub fn vector_instructions() -> &'static str {
    match pulp::Arch::new() {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        pulp::Arch::V4(_) => "AVX-512",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        pulp::Arch::V3(_) => "AVX2",
        #[cfg(target_arch = "aarch64")]
        pulp::Arch::Neon(_) => "NEON",
        _ => "no vector instructions",
    }
}

/// The fewest elements worth a task of their own: below that, handing them to another thread costs more than it saves.
const TASK_ELEMENTS: usize = 16 * 1024;

/// How many rows of `width` elements make one parallel task.
pub fn rows_per_task(width: usize) -> usize {
    TASK_ELEMENTS.div_ceil(width.max(1))
}
