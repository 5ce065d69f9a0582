//! Embeddings: gathers of rows, and their scattered gradients. All of it is bound by memory.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{rows_per_task, simd};
use crate::ops::Embedding;
use crate::tensor::{View, ViewMut};

pub fn embedding(e: &Embedding, tokens: View<u32>, y: ViewMut) {
    let (seq_len, width) = (y.dim(1), y.dim(2));
    let (batch_block, seq_block) = (rows_per_task(seq_len * width), rows_per_task(width));
    y.par_blocks(batch_block).enumerate().for_each(|(i, y)| {
        y.swap_axes(0, 1).par_blocks(seq_block).enumerate().for_each(|(j, mut y)| {
            for b in 0..y.dim(1) {
                let tokens = tokens.row([i * batch_block + b]);
                for t in 0..y.dim(0) {
                    let seq_index = j * seq_block + t;
                    let token = e.table.row([tokens[seq_index] as usize]);
                    match &e.positions {
                        Some(positions) => {
                            let position = positions.row([e.first_position + seq_index]);
                            simd(
                                #[inline(always)]
                                || scale_add(y.row_mut([t, b]), e.scale, token, position),
                            );
                        }
                        None => simd(
                            #[inline(always)]
                            || scale(y.row_mut([t, b]), e.scale, token),
                        ),
                    }
                }
            }
        });
    });
}

/// The tokens are sorted, so that a task owns the rows of a range of the vocabulary and an element's sum has the order
/// of the tokens. (Tasks that own columns need no sorting, but read and write scattered pieces of rows: four times
/// slower.)
pub fn tokens_backward(tokens: View<u32>, scale: f32, dy: View, dtable: ViewMut) {
    let mut occurrences = Vec::with_capacity(tokens.len());
    for b in 0..tokens.dim(0) {
        occurrences.extend(tokens.row([b]).iter().enumerate().map(|(t, &token)| Occurrence { token, b, t }));
    }
    occurrences.sort_unstable();
    add_occurrences(&occurrences, scale, dy, dtable, 0);
}

/// A token at [b, t]. Ordered by the token, then by the place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Occurrence {
    token: u32,
    b: usize,
    t: usize,
}

/// Adds the gradients of `occurrences` to the rows of `dtable`, whose first row is that of `first_token`: in two halves
/// of about the same number of occurrences and without a common token, as long as there are enough for two tasks.
fn add_occurrences(occurrences: &[Occurrence], scale: f32, dy: View, mut dtable: ViewMut, first_token: u32) {
    if occurrences.len() > rows_per_task(dy.dim(2)) {
        let middle = occurrences[occurrences.len() / 2].token;
        let before = occurrences.partition_point(|o| o.token < middle);
        // Where one token fills the first half, it stays there and the others go.
        let at = if before > 0 { before } else { occurrences.partition_point(|o| o.token <= middle) };
        if let Some(&Occurrence { token, .. }) = occurrences.get(at) {
            let (left, right) = occurrences.split_at(at);
            let (left_rows, right_rows) = dtable.split_at(0, (token - first_token) as usize);
            rayon::join(
                || add_occurrences(left, scale, dy, left_rows, first_token),
                || add_occurrences(right, scale, dy, right_rows, token),
            );
            return;
        }
    }
    for o in occurrences {
        let row = dtable.row_mut([(o.token - first_token) as usize]);
        simd(
            #[inline(always)]
            || add_scaled(row, scale, dy.row([o.b, o.t])),
        );
    }
}

pub fn positions_backward(first_position: usize, dy: View, dpositions: ViewMut) {
    let (batch, seq_len, width) = (dy.dim(0), dy.dim(1), dy.dim(2));
    let block = rows_per_task(batch * width);
    dpositions.narrow(0, first_position, seq_len).par_blocks(block).enumerate().for_each(|(i, mut dpositions)| {
        for t in 0..dpositions.dim(0) {
            for b in 0..batch {
                simd(
                    #[inline(always)]
                    || add_scaled(dpositions.row_mut([t]), 1.0, dy.row([b, i * block + t])),
                );
            }
        }
    });
}

pub fn sinusoidal_positions(positions: ViewMut) {
    let width = positions.dim(1);
    let block = rows_per_task(width);
    positions.par_blocks(block).enumerate().for_each(|(i, mut positions)| {
        for p in 0..positions.dim(0) {
            let position = (i * block + p) as f64;
            for (column, y) in positions.row_mut([p]).iter_mut().enumerate() {
                let even = column & !1;
                let angle = position / 10_000f64.powf(even as f64 / width as f64);
                *y = if column == even { angle.sin() } else { angle.cos() } as f32;
            }
        }
    });
}

#[inline(always)]
fn scale(y: &mut [f32], scale: f32, x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = scale * x;
    }
}

#[inline(always)]
fn scale_add(y: &mut [f32], scale: f32, x: &[f32], position: &[f32]) {
    for ((y, &x), &position) in y.iter_mut().zip(x).zip(position) {
        *y = scale * x + position;
    }
}

#[inline(always)]
fn add_scaled(y: &mut [f32], scale: f32, x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += scale * x;
    }
}
