//! Masked softmax over rows, in f32.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::math::{exp, fold, greater, join, sum, total};
use super::{rows_per_task, scratch, simd, wide};
use crate::ops::{Mask, SoftmaxParams};
use crate::tensor::{Element, Float, View, ViewMut};

/// Calls `f` with b, h, the number of the first row, and a block of rows of one sequence and head of `out`, in parallel.
fn for_blocks<T: Float>(out: ViewMut<T>, f: impl Fn([usize; 3], ViewMut<T>) + Sync) {
    let f = &f;
    let block = rows_per_task(out.dim(3));
    out.par_blocks(1).enumerate().for_each(|(b, out)| {
        out.select(0, 0).par_blocks(1).enumerate().for_each(|(h, out)| {
            out.select(0, 0).par_blocks(block).enumerate().for_each(|(i, out)| f([b, h, i * block], out));
        });
    });
}

/// The block of rows of `view` that begins at [b, h, i], `rows` of them.
fn block_of<T: Element>(view: View<T>, [b, h, i]: [usize; 3], rows: usize) -> View<T> {
    view.select(0, b).select(0, h).narrow(0, i, rows)
}

/// What a block of rows is made of, besides the scores.
struct Block<'a> {
    scale: f32,
    mask: Mask<'a>,
    batch: usize,
    first_query: usize,
    seq_len_q: usize,
    bias: Option<View<'a>>,
    allowed: Option<View<'a, u8>>,
}

/// See [`crate::ops::softmax`]; over `y` itself where there is no `x`. What is broadcast has the shape of `y`.
pub fn softmax<T: Float, B: Float>(params: &SoftmaxParams<B>, x: Option<View<T>>, y: ViewMut<T>) {
    let seq_len_q = y.dim(2);
    for_blocks(y, |at, y| {
        let (rows, width) = (y.dim(0), y.dim(1));
        let allowed = params.allowed.map(|allowed| block_of(allowed, at, rows));
        let with_bias = |bias: Option<View>| {
            let (mask, scale, [batch, _, first_query]) = (params.mask, params.scale, at);
            let block = Block { scale, mask, batch, first_query, seq_len_q, bias, allowed };
            match x {
                Some(x) => wide::read(block_of(x, at, rows), |x| wide::write(y, |y| softmax_block(&block, x, y))),
                None => wide::update(y, |y| {
                    scratch::with(rows * width, |memory| {
                        wide::load(y.as_view(), memory);
                        softmax_block(&block, View::contiguous(memory, [rows, width]), y);
                    });
                }),
            }
        };
        match params.bias {
            None => with_bias(None),
            Some(bias) => scratch::with(rows * width, |memory| {
                let bias = block_of(bias, at, rows);
                for (i, row) in memory.chunks_exact_mut(width.max(1)).enumerate() {
                    row.iter_mut().zip(bias.elements([i])).for_each(|(wide, bias)| *wide = bias.to_f32());
                }
                with_bias(Some(View::contiguous(memory, [rows, width])));
            }),
        }
    });
}

fn softmax_block(block: &Block, x: View, mut y: ViewMut) {
    simd(
        #[inline(always)]
        || {
            for row in 0..y.dim(0) {
                let keys = block.mask.keys(block.batch, block.first_query + row, block.seq_len_q, x.dim(1));
                let y = y.row_mut([row]);
                y[..keys.start].fill(0.0);
                y[keys.end..].fill(0.0);
                let (x, y) = (&x.row([row])[keys.clone()], &mut y[keys.clone()]);
                if block.allowed.is_none() && block.bias.is_none() {
                    softmax_row(x, block.scale, y);
                } else {
                    masked_row(block, row, keys, x, y);
                }
            }
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

/// A row with a bias, or where single keys are masked.
#[inline(always)]
fn masked_row(block: &Block, row: usize, keys: Range<usize>, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = block.scale * x;
    }
    if let Some(bias) = &block.bias {
        for (y, &bias) in y.iter_mut().zip(&bias.row([row])[keys.clone()]) {
            *y += bias;
        }
    }
    let allowed = block.allowed.map(|allowed| allowed.narrow(1, keys.start, keys.len()));
    hide(y, allowed, row, f32::NEG_INFINITY);
    let max = largest(y, 1.0);
    for y in y.iter_mut() {
        *y = exp(*y - max);
    }
    divide_by_sum(y);
    // NaN at a key that is seen stays with those.
    hide(y, allowed, row, 0.0);
}

/// Writes `hidden` where a key of the row is not allowed.
#[inline(always)]
fn hide(y: &mut [f32], allowed: Option<View<u8>>, row: usize, hidden: f32) {
    let Some(allowed) = allowed else { return };
    for (y, allowed) in y.iter_mut().zip(allowed.elements([row])) {
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
    for_blocks(grad, |at, grad| {
        let y = block_of(y, at, grad.dim(0));
        wide::read(y, |y| wide::update(grad, |grad| softmax_backward_block(y, scale, grad)));
    });
}

fn softmax_backward_block(y: View, scale: f32, mut grad: ViewMut) {
    simd(
        #[inline(always)]
        || {
            for row in 0..grad.dim(0) {
                let (y, grad) = (y.row([row]), grad.row_mut([row]));
                // Where y is 0 the gradient is not looked at: it may be NaN.
                let mean = total(fold(
                    [y, grad],
                    0.0,
                    #[inline(always)]
                    |sum, [y, dy]| y.mul_add(if y == 0.0 { 0.0 } else { dy }, sum),
                ));
                for (grad, &y) in grad.iter_mut().zip(y) {
                    *grad = scale * y * if y == 0.0 { 0.0 } else { *grad - mean };
                }
            }
        },
    );
}
