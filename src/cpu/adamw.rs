//! AdamW and the gradient norm: one pass over flat buffers, bound by memory.
//!
//! AdamW moves 28 bytes an element (four reads, three writes), the norm 4.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::{TASK_ELEMENTS, scratch, simd, stochastic, wide};
use crate::ffi::ww_adamw_state;
use crate::ops::{AdamW, AdamWBuffers, AdamWStep, Rounding};
use crate::tensor::{Float, View};

/// See [`crate::ops::adamw_begin`].
pub fn begin(options: &AdamWStep, grad_norm: f32, state: &mut ww_adamw_state) {
    let norm = options.grad_scale.abs() * grad_norm;
    state.skip = i32::from(!norm.is_finite());
    if state.skip != 0 {
        state.skipped += 1;
        return;
    }
    let (beta1, beta2) = (f64::from(options.beta1), f64::from(options.beta2));
    state.step += 1;
    state.beta1 = options.beta1;
    state.beta2 = options.beta2;
    state.gain1 = (1.0 - beta1) as f32;
    state.gain2 = (1.0 - beta2) as f32;
    state.m_gain = 1.0 / (1.0 - power(beta1, state.step));
    state.v_scale = (1.0 - power(beta2, state.step)).sqrt().recip() as f32;
    state.grad_scale =
        if norm > options.clip { options.grad_scale * (options.clip / norm) } else { options.grad_scale };
}

/// By squaring, as on a GPU: what libraries give differs in the last bits.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut result = 1.0;
    while exponent != 0 {
        if !exponent.is_multiple_of(2) {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

/// What one step's formulas need.
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

/// See [`crate::ops::adamw`].
pub fn adamw<T: Float, G: Float>(
    options: &AdamW,
    state: &ww_adamw_state,
    decayed: &[Range<usize>],
    buffers: AdamWBuffers<T, G>,
) {
    if state.skip != 0 {
        return;
    }
    let lr = options.lr * options.lr_scale.map_or(1.0, |scale| scale.as_slice()[0]);
    let step = Step {
        grad_scale: state.grad_scale,
        beta1: state.beta1,
        beta2: state.beta2,
        gain1: state.gain1,
        gain2: state.gain2,
        step_size: (f64::from(lr) * state.m_gain) as f32,
        v_scale: state.v_scale,
        eps: options.eps,
        decay: lr * options.weight_decay,
    };
    let AdamWBuffers { weights, master, grads, m, v } = buffers;
    let tasks = 0..weights.len().div_ceil(TASK_ELEMENTS);
    let master: Vec<_> = match master {
        Some(master) => master.par_blocks(TASK_ELEMENTS).map(Some).collect(),
        None => tasks.clone().map(|_| None).collect(),
    };
    let blocks = weights.par_blocks(TASK_ELEMENTS).zip(master).zip(grads.par_blocks(TASK_ELEMENTS));
    let moments = m.par_blocks(TASK_ELEMENTS).zip(v.par_blocks(TASK_ELEMENTS));
    blocks.zip(moments).zip(tasks.into_par_iter()).for_each(|((((weights, master), grads), (mut m, mut v)), task)| {
        let first = task * TASK_ELEMENTS;
        let mut update = |params: &mut [f32]| {
            wide::read(row(grads), |grads| {
                update_task(&step, decayed, first, params, grads.row([0]), m.as_mut_slice(), v.as_mut_slice());
            });
        };
        match T::as_f32_mut(weights) {
            Ok(mut weights) => update(weights.as_mut_slice()),
            Err(mut weights) => {
                let weights = weights.as_mut_slice();
                let round = |params: &[f32], weights: &mut [T]| match options.rounding {
                    Rounding::Nearest => round(params, weights),
                    Rounding::Stochastic { seed, first: start } => {
                        stochastic::round(seed, state.step, start.wrapping_add(first as u64), params, weights);
                    }
                };
                match master {
                    Some(mut master) => {
                        update(master.as_mut_slice());
                        round(master.as_view().as_slice(), weights);
                    }
                    None => scratch::with(weights.len(), |params| {
                        wide::load(View::contiguous(weights, [1, weights.len()]), params);
                        update(params);
                        round(params, weights);
                    }),
                }
            }
        }
    });
}

/// A vector as a matrix of one row.
fn row<T: Float>(vector: View<T>) -> View<T> {
    vector.reshape([1, vector.len()]).expect("a vector without gaps is a row")
}

fn round<T: Float>(params: &[f32], weights: &mut [T]) {
    simd(
        #[inline(always)]
        || T::store(params, weights),
    );
}

/// The elements from `first` on.
fn update_task(
    step: &Step,
    decayed: &[Range<usize>],
    first: usize,
    params: &mut [f32],
    grads: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
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
            || update(step, decay, params, grads, m, v),
        );
    }
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

/// See [`crate::ops::grad_norm`] and [`crate::ops::grad_norm_accumulate`]: √(before² + Σ g²).
pub fn grad_norm<T: Float>(grads: View<T>, before: f32) -> f32 {
    (f64::from(before).powi(2) + sum_of_squares(grads.as_slice())).sqrt() as f32
}

/// Split at points that depend on the length alone, so that the sum has one order with any number of threads.
fn sum_of_squares<T: Float>(x: &[T]) -> f64 {
    if x.len() <= TASK_ELEMENTS {
        return wide::read(View::contiguous(x, [1, x.len()]), |x| {
            simd(
                #[inline(always)]
                || sum_of_squares_of_task(x.row([0])),
            )
        });
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
