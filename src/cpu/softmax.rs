//! Masked softmax over rows.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::math::{dot, exp, fold, greater, join, sum};
use super::{rows_per_task, simd};
use crate::ops::Mask;
use crate::tensor::{View, ViewMut};

/// Calls `f` with the index [b, h, i] of each row of `out` and the row itself, in parallel and inside [`simd`].
fn for_rows(out: ViewMut, f: impl Fn([usize; 3], &mut [f32]) + Sync) {
    let f = &f;
    let block = rows_per_task(out.dim(3));
    out.par_blocks(1).enumerate().for_each(|(b, out)| {
        out.select(0, 0).par_blocks(1).enumerate().for_each(|(h, out)| {
            out.select(0, 0).par_blocks(block).enumerate().for_each(|(i, mut out)| {
                simd(
                    #[inline(always)]
                    || {
                        for row in 0..out.dim(0) {
                            f([b, h, i * block + row], out.row_mut([row]));
                        }
                    },
                );
            });
        });
    });
}

/// See [`crate::ops::softmax`].
pub fn softmax(x: View, scale: f32, mask: &Mask, y: ViewMut) {
    let (seq_len_q, seq_len_k) = (x.dim(2), x.dim(3));
    for_rows(
        y,
        #[inline(always)]
        |at, y| {
            let keys = mask.keys(at[0], at[2], seq_len_q, seq_len_k);
            y[..keys.start].fill(0.0);
            y[keys.end..].fill(0.0);
            softmax_row(&x.row(at)[keys.clone()], scale, &mut y[keys]);
        },
    );
}

#[inline(always)]
fn softmax_row(x: &[f32], scale: f32, y: &mut [f32]) {
    let max = join(
        fold(
            [x],
            f32::NEG_INFINITY,
            #[inline(always)]
            |max, [x]| greater(max, scale * x),
        ),
        greater,
    );
    // A row of −∞ alone has no greatest element to subtract; NaN still reaches the sum.
    let max = if max == f32::NEG_INFINITY { 0.0 } else { max };
    for (y, &x) in y.iter_mut().zip(x) {
        // Not fused: of a product that overflows the maximum must be subtracted as it was found.
        *y = exp(scale * x - max);
    }
    let total = sum(y);
    let norm = if total == 0.0 { 0.0 } else { 1.0 / total };
    for y in y {
        *y *= norm;
    }
}

/// See [`crate::ops::softmax_backward`].
pub fn softmax_backward(y: View, dy: View, scale: f32, dx: ViewMut) {
    for_rows(
        dx,
        #[inline(always)]
        |at, dx| {
            let (y, dy) = (y.row(at), dy.row(at));
            let mean = dot(y, dy);
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = scale * y * (dy - mean);
            }
        },
    );
}
