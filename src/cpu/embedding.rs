//! Embeddings: gathers of rows, and their scattered gradients. All of it is bound by memory.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{rows_per_task, simd};
use crate::ops::Embedding;
use crate::tensor::{View, ViewMut};

/// The fewest columns that a task of [`tokens_backward`] takes of each row: four cache lines, so that rows that lie
/// scattered through the table are still read and written at nearly full speed.
const MIN_COLUMNS: usize = 64;

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
                            simd(|| scale_add(y.row_mut([t, b]), e.scale, token, position));
                        }
                        None => simd(|| scale(y.row_mut([t, b]), e.scale, token)),
                    }
                }
            }
        });
    });
}

/// Every task goes over all tokens and owns a range of columns: no two tasks meet in one element, the work is the same for
/// each however often a token repeats, and an element's sum has the order of the tokens.
pub fn tokens_backward(tokens: View<u32>, scale: f32, dy: View, dtable: ViewMut) {
    let (batch, seq_len) = (dy.dim(0), dy.dim(1));
    let block = rows_per_task(batch * seq_len).max(MIN_COLUMNS).next_multiple_of(MIN_COLUMNS);
    dtable.swap_axes(0, 1).par_blocks(block).enumerate().for_each(|(i, dtable)| {
        let mut dtable = dtable.swap_axes(0, 1);
        let dy = dy.narrow(2, i * block, dtable.dim(1));
        for b in 0..batch {
            for (t, &token) in tokens.row([b]).iter().enumerate() {
                simd(|| add_scaled(dtable.row_mut([token as usize]), scale, dy.row([b, t])));
            }
        }
    });
}

pub fn positions_backward(first_position: usize, dy: View, dpositions: ViewMut) {
    let (batch, seq_len, width) = (dy.dim(0), dy.dim(1), dy.dim(2));
    let block = rows_per_task(batch * width);
    dpositions.narrow(0, first_position, seq_len).par_blocks(block).enumerate().for_each(|(i, mut dpositions)| {
        for t in 0..dpositions.dim(0) {
            for b in 0..batch {
                simd(|| add_scaled(dpositions.row_mut([t]), 1.0, dy.row([b, i * block + t])));
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
