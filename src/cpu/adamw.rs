//! AdamW and the gradient norm: one pass over flat buffers, bound by memory.
//!
//! AdamW moves 28 bytes an element (four reads, three writes), the norm 4.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::{TASK_ELEMENTS, simd};
use crate::ops::AdamW;
use crate::tensor::{View, ViewMut};

/// What one step's formulas need, prepared in f64.
struct Step {
    grad_scale: f32,
    beta1: f32,
    beta2: f32,
    /// 1 − β₁.
    gain1: f32,
    /// 1 − β₂.
    gain2: f32,
    /// lr / (1 − β₁ˢ).
    step_size: f32,
    /// 1 / √(1 − β₂ˢ).
    v_scale: f32,
    eps: f32,
    /// lr · weight_decay.
    decay: f32,
}

impl Step {
    fn new(options: &AdamW, step: u64, grad_scale: f32) -> Self {
        let (beta1, beta2) = (f64::from(options.beta1), f64::from(options.beta2));
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Step {
            grad_scale,
            beta1: options.beta1,
            beta2: options.beta2,
            gain1: (1.0 - beta1) as f32,
            gain2: (1.0 - beta2) as f32,
            step_size: (f64::from(options.lr) / correction(beta1)) as f32,
            v_scale: correction(beta2).sqrt().recip() as f32,
            eps: options.eps,
            decay: (f64::from(options.lr) * f64::from(options.weight_decay)) as f32,
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "those of the operation")]
pub fn adamw(
    options: &AdamW,
    step: u64,
    grad_scale: f32,
    decayed: &[Range<usize>],
    mut params: ViewMut,
    grads: View,
    mut m: ViewMut,
    mut v: ViewMut,
) {
    let step = Step::new(options, step, grad_scale);
    let params = params.as_mut_slice().par_chunks_mut(TASK_ELEMENTS);
    let grads = grads.as_slice().par_chunks(TASK_ELEMENTS);
    let m = m.as_mut_slice().par_chunks_mut(TASK_ELEMENTS);
    let v = v.as_mut_slice().par_chunks_mut(TASK_ELEMENTS);
    params.zip(grads).zip(m).zip(v).enumerate().for_each(|(i, (((params, grads), m), v))| {
        let first = i * TASK_ELEMENTS;
        let mut at = 0;
        while at < params.len() {
            let (decay, end) = decay_run(decayed, first + at);
            let run = at..(end - first).min(params.len());
            at = run.end;
            let decay = if decay { step.decay } else { 0.0 };
            let (params, grads) = (&mut params[run.clone()], &grads[run.clone()]);
            let (m, v) = (&mut m[run.clone()], &mut v[run]);
            simd(
                #[inline(always)]
                || update(&step, decay, params, grads, m, v),
            );
        }
    });
}

/// Whether element `at` is decayed, and up to which element that holds.
fn decay_run(decayed: &[Range<usize>], at: usize) -> (bool, usize) {
    match decayed.get(decayed.partition_point(|range| range.end <= at)) {
        Some(range) if range.start <= at => (true, range.end),
        Some(range) => (false, range.start),
        None => (false, usize::MAX),
    }
}

/// The decay is subtracted together with the step, not multiplied by 1 − decay: that would round away most of a small
/// one. The moments are stored at the end, since a moment read back from where it was stored made the loop three times
/// slower.
#[inline(always)]
fn update(step: &Step, decay: f32, params: &mut [f32], grads: &[f32], m: &mut [f32], v: &mut [f32]) {
    for (((p, &g), m), v) in params.iter_mut().zip(grads).zip(m).zip(v) {
        let g = step.grad_scale * g;
        let mean = step.beta1 * *m + step.gain1 * g;
        let square = step.beta2 * *v + step.gain2 * g * g;
        *p -= step.step_size * mean / (step.v_scale * square.sqrt() + step.eps) + decay * *p;
        (*m, *v) = (mean, square);
    }
}

pub fn grad_norm(grads: View) -> f32 {
    sum_of_squares(grads.as_slice()).sqrt() as f32
}

/// Split at points that depend on the length alone, so that the sum has one order with any number of threads.
fn sum_of_squares(x: &[f32]) -> f64 {
    if x.len() <= TASK_ELEMENTS {
        return simd(
            #[inline(always)]
            || sum_of_squares_of_task(x),
        );
    }
    let (left, right) = x.split_at((x.len() / 2).next_multiple_of(TASK_ELEMENTS));
    let (left, right) = rayon::join(|| sum_of_squares(left), || sum_of_squares(right));
    left + right
}

/// In f64 no square of an f32 overflows, and on vectors it still keeps up with memory.
#[inline(always)]
fn sum_of_squares_of_task(x: &[f32]) -> f64 {
    const LANES: usize = 32;
    let mut sums = [0f64; LANES];
    let (rows, rest) = x.as_chunks::<LANES>();
    for row in rows {
        for lane in 0..LANES {
            sums[lane] += f64::from(row[lane]) * f64::from(row[lane]);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(x) * f64::from(x);
    }
    // In halves, as vectors add: with a sum from left to right the loop above would not become one of vectors.
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}
