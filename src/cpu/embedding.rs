//! Embeddings: gathers of rows, and their scattered gradients. All of it is bound by memory.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{dropout, rows_per_task, scratch, simd, wide};
use crate::ops::{Dropout, Embedding, EmbeddingGrads, EmbeddingTables};
use crate::tensor::{Float, View, ViewMut};

/// See [`crate::ops::embedding()`].
pub fn embedding<T: Float, W: Float>(e: &Embedding, tables: EmbeddingTables<W>, tokens: View<u32>, y: ViewMut<T>) {
    let (seq_len, width) = (y.dim(1), y.dim(2));
    let (batch_block, seq_block) = (rows_per_task(seq_len * width), rows_per_task(width));
    y.par_blocks(batch_block).enumerate().for_each(|(i, y)| {
        y.swap_axes(0, 1).par_blocks(seq_block).enumerate().for_each(|(j, mut y)| {
            for b in 0..y.dim(1) {
                let (sequence, first) = (i * batch_block + b, j * seq_block);
                wide::write(y.reborrow().select(1, b), |y| {
                    embed_part(e, tables, tokens.row([sequence]), [sequence, first], y);
                });
            }
        });
    });
}

/// The rows of one sequence, which is `tokens`, from its place `first` on.
fn embed_part<W: Float>(
    e: &Embedding,
    tables: EmbeddingTables<W>,
    tokens: &[u32],
    [sequence, first]: [usize; 2],
    mut y: ViewMut,
) {
    for t in 0..y.dim(0) {
        let (place, y) = (first + t, y.row_mut([t]));
        let element = ((sequence * tokens.len() + place) * y.len()) as u64;
        wide::read(row_of(tables.tokens, tokens[place] as usize), |token| {
            let position = tables.positions.map(|positions| row_of(positions, position(e, sequence, place)));
            wide::read_optional(position, |position| {
                simd(
                    #[inline(always)]
                    || {
                        match &position {
                            Some(position) => scale_add(y, e.scale, token.row([0]), position.row([0])),
                            None => scale(y, e.scale, token.row([0])),
                        }
                        dropout::scale(e.dropout, element, y);
                    },
                );
            });
        });
    }
}

fn position(e: &Embedding, sequence: usize, place: usize) -> usize {
    e.position_ids.map_or(e.first_position + place, |ids| ids.row([sequence])[place] as usize)
}

/// A matrix of one row.
fn row_of<T: Float>(table: View<T>, row: usize) -> View<T> {
    table.narrow(0, row, 1)
}

/// See [`crate::ops::embedding_backward`].
pub fn embedding_backward<T: Float>(e: &Embedding, tokens: View<u32>, dy: View<T>, grads: EmbeddingGrads) {
    Rows { dy, scale: e.scale, dropout: e.dropout }.add_by_index(tokens, grads.tokens);
    let Some(positions) = grads.positions else { return };
    let rows = Rows { dy, scale: 1.0, dropout: e.dropout };
    match e.position_ids {
        Some(ids) => rows.add_by_index(ids, positions),
        None => rows.add_by_place(positions.narrow(0, e.first_position, dy.dim(1))),
    }
}

/// What is added to the rows of a gradient: scale · dropout(dy), of [B, T, C].
#[derive(Clone, Copy)]
struct Rows<'a, T: Float> {
    dy: View<'a, T>,
    scale: f32,
    dropout: Dropout,
}

/// An index at [b, t]. Ordered by the index, then by the place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Occurrence {
    index: u32,
    b: usize,
    t: usize,
}

impl<T: Float> Rows<'_, T> {
    /// target += the row at [b, t].
    fn add(self, [b, t]: [usize; 2], target: &mut [f32]) {
        let element = ((b * self.dy.dim(1) + t) * target.len()) as u64;
        wide::read(row_of(self.dy.select(0, b), t), |dy| {
            if self.dropout.p == 0.0 {
                return simd(
                    #[inline(always)]
                    || add_scaled(target, self.scale, dy.row([0])),
                );
            }
            scratch::with(target.len(), |dropped| {
                simd(
                    #[inline(always)]
                    || {
                        dropped.copy_from_slice(dy.row([0]));
                        dropout::scale(self.dropout, element, dropped);
                        add_scaled(target, self.scale, dropped);
                    },
                );
            });
        });
    }

    /// Adds each row to the row of `target` that its index names.
    ///
    /// The indices are sorted, so that a task owns a range of the target's rows and an element's sum has the order of the places.
    /// (Tasks that own columns need no sorting, but read and write scattered pieces of rows: four times slower.)
    fn add_by_index(self, indices: View<u32>, target: ViewMut) {
        let mut occurrences = Vec::with_capacity(indices.len());
        for b in 0..indices.dim(0) {
            occurrences.extend(indices.row([b]).iter().enumerate().map(|(t, &index)| Occurrence { index, b, t }));
        }
        occurrences.sort_unstable();
        self.add_occurrences(&occurrences, target, 0);
    }

    /// Adds the rows of `occurrences` to those of `target`, whose first one is that of index `first`: in two halves of about the
    /// same number of occurrences and without a common index, as long as there are enough for two tasks.
    fn add_occurrences(self, occurrences: &[Occurrence], mut target: ViewMut, first: u32) {
        if occurrences.len() > rows_per_task(self.dy.dim(2)) {
            let middle = occurrences[occurrences.len() / 2].index;
            let before = occurrences.partition_point(|o| o.index < middle);
            // Where one index fills the first half, it stays there and the others go.
            let at = if before > 0 { before } else { occurrences.partition_point(|o| o.index <= middle) };
            if let Some(&Occurrence { index, .. }) = occurrences.get(at) {
                let (left, right) = occurrences.split_at(at);
                let (left_rows, right_rows) = target.split_at(0, (index - first) as usize);
                rayon::join(
                    || self.add_occurrences(left, left_rows, first),
                    || self.add_occurrences(right, right_rows, index),
                );
                return;
            }
        }
        for o in occurrences {
            self.add([o.b, o.t], target.row_mut([(o.index - first) as usize]));
        }
    }

    /// Adds the rows at place t of all sequences to row t of `target`.
    fn add_by_place(self, target: ViewMut) {
        let batch = self.dy.dim(0);
        let block = rows_per_task(batch * self.dy.dim(2));
        target.par_blocks(block).enumerate().for_each(|(i, mut target)| {
            for t in 0..target.dim(0) {
                for b in 0..batch {
                    self.add([b, i * block + t], target.row_mut([t]));
                }
            }
        });
    }
}

/// See [`crate::ops::sinusoidal_positions`].
pub fn sinusoidal_positions<T: Float>(positions: ViewMut<T>) {
    let width = positions.dim(1);
    let block = rows_per_task(width);
    positions.par_blocks(block).enumerate().for_each(|(i, positions)| {
        wide::write(positions, |mut positions| {
            for p in 0..positions.dim(0) {
                let position = (i * block + p) as f64;
                for (column, y) in positions.row_mut([p]).iter_mut().enumerate() {
                    let even = column & !1;
                    let angle = position / 10_000f64.powf(even as f64 / width as f64);
                    *y = if column == even { angle.sin() } else { angle.cos() } as f32;
                }
            }
        });
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
