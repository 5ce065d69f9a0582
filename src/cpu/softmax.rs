//! Masked softmax over rows, in f32.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::math::{exp, fold, greater, join, sum, total};
use super::{rows_per_task, scratch, simd};
use crate::ops::SoftmaxParams;
use crate::tensor::{Float, View, ViewMut};

/// Calls `f` with the index [b, h, i] of each row of `out`, the row itself and two rows of scratch memory, in parallel and
/// inside [`simd`].
fn for_rows<T: Float>(out: ViewMut<T>, f: impl Fn([usize; 3], &mut [T], [&mut [f32]; 2]) + Sync) {
    let f = &f;
    let (width, block) = (out.dim(3), rows_per_task(out.dim(3)));
    out.par_blocks(1).enumerate().for_each(|(b, out)| {
        out.select(0, 0).par_blocks(1).enumerate().for_each(|(h, out)| {
            out.select(0, 0).par_blocks(block).enumerate().for_each(|(i, mut out)| {
                scratch::with_rows(width, |[first, second]| {
                    simd(
                        #[inline(always)]
                        || {
                            for row in 0..out.dim(0) {
                                f([b, h, i * block + row], out.row_mut([row]), [&mut *first, &mut *second]);
                            }
                        },
                    );
                });
            });
        });
    });
}

/// See [`crate::ops::softmax`]; over `y` itself where there is no `x`. What is broadcast has the shape of `y`.
pub fn softmax<T: Float, B: Float>(params: &SoftmaxParams<B>, x: Option<View<T>>, y: ViewMut<T>) {
    let (seq_len_q, seq_len_k) = (y.dim(2), y.dim(3));
    for_rows(
        y,
        #[inline(always)]
        |at, y, [scores, wide]| {
            let keys = params.mask.keys(at[0], at[2], seq_len_q, seq_len_k);
            let x = match &x {
                Some(x) => T::widen(&x.row(at)[keys.clone()], scores),
                None => {
                    T::load(&y[keys.clone()], &mut scores[..keys.len()]);
                    &scores[..keys.len()]
                }
            };
            T::write(
                y,
                wide,
                #[inline(always)]
                |y| {
                    y[..keys.start].fill(0.0);
                    y[keys.end..].fill(0.0);
                    let y = &mut y[keys.clone()];
                    if params.allowed.is_none() && params.bias.is_none() {
                        softmax_row(x, params.scale, y);
                    } else {
                        let part = (keys.start, keys.len());
                        masked_row(params, at, part, x, y);
                    }
                },
            );
        },
    );
}

/// y = softmax(scale · x).
#[inline(always)]
fn softmax_row(x: &[f32], scale: f32, y: &mut [f32]) {
    let max = largest(x, scale);
    for (y, &x) in y.iter_mut().zip(x) {
        // Not fused: of a product that overflows the maximum must be subtracted as it was found.
        *y = exp(scale * x - max);
    }
    divide_by_sum(y);
}

/// The keys from `first` on, `len` of them, of row `at`: with a bias, or where single keys are masked.
#[inline(always)]
fn masked_row<B: Float>(
    params: &SoftmaxParams<B>,
    at: [usize; 3],
    (first, len): (usize, usize),
    x: &[f32],
    y: &mut [f32],
) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = params.scale * x;
    }
    if let Some(bias) = params.bias {
        for (y, bias) in y.iter_mut().zip(bias.narrow(3, first, len).elements(at)) {
            *y += bias.to_f32();
        }
    }
    let allowed = params.allowed.map(|allowed| allowed.narrow(3, first, len));
    hide(y, allowed, at, f32::NEG_INFINITY);
    let max = largest(y, 1.0);
    for y in y.iter_mut() {
        *y = exp(*y - max);
    }
    divide_by_sum(y);
    // NaN at a key that is seen stays with those.
    hide(y, allowed, at, 0.0);
}

/// Writes `hidden` where a key of row `at` is not allowed.
#[inline(always)]
fn hide(y: &mut [f32], allowed: Option<View<u8>>, at: [usize; 3], hidden: f32) {
    let Some(allowed) = allowed else { return };
    for (y, allowed) in y.iter_mut().zip(allowed.elements(at)) {
        *y = if allowed == 0 { hidden } else { *y };
    }
}

/// The greatest of scale · x. A row of −∞ alone, or of NaN, has none to subtract: 0.
#[inline(always)]
fn largest(x: &[f32], scale: f32) -> f32 {
    let max = join(
        fold(
            [x],
            f32::NEG_INFINITY,
            #[inline(always)]
            |max, [x]| greater(max, scale * x),
        ),
        greater,
    );
    if max == f32::NEG_INFINITY { 0.0 } else { max }
}

#[inline(always)]
fn divide_by_sum(y: &mut [f32]) {
    let total = sum(y);
    let norm = if total == 0.0 { 0.0 } else { 1.0 / total };
    for y in y {
        *y *= norm;
    }
}

/// See [`crate::ops::softmax_backward`].
pub fn softmax_backward<T: Float>(y: View<T>, scale: f32, grad: ViewMut<T>) {
    for_rows(
        grad,
        #[inline(always)]
        |at, grad, [wide_y, wide]| {
            let y = T::widen(y.row(at), wide_y);
            T::update(
                grad,
                wide,
                #[inline(always)]
                |grad| {
                    // Where y is 0 the gradient is not looked at: it may be NaN.
                    let mean = total(fold(
                        [y, grad],
                        0.0,
                        #[inline(always)]
                        |sum, [y, dy]| if y == 0.0 { sum } else { y.mul_add(dy, sum) },
                    ));
                    for (grad, &y) in grad.iter_mut().zip(y) {
                        *grad = if y == 0.0 { 0.0 } else { scale * y * (*grad - mean) };
                    }
                },
            );
        },
    );
}
