//! Masked softmax over rows.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

<<<<<<< HEAD
use super::math::{dot, exp, fold, greater, join, sum};
=======
use super::math::{dot, exp, fold, join, sum};
>>>>>>> part-b
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
<<<<<<< HEAD
                simd(
                    #[inline(always)]
                    || {
                        for row in 0..out.dim(0) {
                            f([b, h, i * block + row], out.row_mut([row]));
                        }
                    },
                );
=======
                simd(|| {
                    for row in 0..out.dim(0) {
                        f([b, h, i * block + row], out.row_mut([row]));
                    }
                });
>>>>>>> part-b
            });
        });
    });
}

/// See [`crate::ops::softmax`].
pub fn softmax(x: View, scale: f32, mask: &Mask, y: ViewMut) {
    let (seq_len_q, seq_len_k) = (x.dim(2), x.dim(3));
<<<<<<< HEAD
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
=======
    for_rows(y, |at, y| {
        let keys = mask.keys(at[0], at[2], seq_len_q, seq_len_k);
        y[..keys.start].fill(0.0);
        y[keys.end..].fill(0.0);
        softmax_row(&x.row(at)[keys.clone()], scale, &mut y[keys]);
    });
>>>>>>> part-b
}

#[inline(always)]
fn softmax_row(x: &[f32], scale: f32, y: &mut [f32]) {
<<<<<<< HEAD
    let max = join(
        fold(
            [x],
            f32::NEG_INFINITY,
            #[inline(always)]
            |max, [x]| greater(max, scale * x),
        ),
        greater,
    );
=======
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let max = join(fold([x], f32::NEG_INFINITY, |max, [x]| greater(max, scale * x)), greater);
>>>>>>> part-b
    // A row of −∞ alone has no greatest element to subtract; NaN still reaches the sum.
    let max = if max == f32::NEG_INFINITY { 0.0 } else { max };
    for (y, &x) in y.iter_mut().zip(x) {
        *y = exp(scale.mul_add(x, -max));
    }
    let total = sum(y);
    let norm = if total == 0.0 { 0.0 } else { 1.0 / total };
    for y in y {
        *y *= norm;
    }
}

/// See [`crate::ops::softmax_backward`].
pub fn softmax_backward(y: View, dy: View, scale: f32, dx: ViewMut) {
<<<<<<< HEAD
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
=======
    for_rows(dx, |at, dx| {
        let (y, dy) = (y.row(at), dy.row(at));
        let mean = dot(y, dy);
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = scale * y * (dy - mean);
        }
    });
>>>>>>> part-b
}
