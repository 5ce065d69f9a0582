//! Dropout: Philox in vector lanes.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{rows_per_task, simd, wide};
use crate::ops::Dropout;
use crate::random::philox;
use crate::tensor::{Float, View, ViewMut};

/// Philox blocks that are drawn side by side, one in each 32-bit lane of an AVX-512 vector.
const BLOCKS: usize = 16;
/// Random words in that many blocks.
const WORDS: usize = 4 * BLOCKS;

/// See [`crate::ops::dropout()`] and [`crate::ops::dropout_add()`]; over `y` itself where there is no `x`.
pub fn dropout<T: Float>(x: Option<View<T>>, dropout: Dropout, residual: Option<View<T>>, y: ViewMut<T>) {
    apply(x, dropout, residual, y, 0);
}

/// Dropout of a part of an operand, whose first element is the operand's element `start`.
fn apply<T: Float>(x: Option<View<T>>, dropout: Dropout, residual: Option<View<T>>, mut y: ViewMut<T>, start: u64) {
    if y.is_empty() {
        return;
    }
    let width = y.dims().last().copied().unwrap_or(1);
    let matrix = [y.len() / width, width];
    let [x_rows, residual_rows] = [x, residual].map(|view| view.map(|view| view.reshape(matrix)).transpose());
    if let (Ok(x), Ok(residual), Ok(y)) = (x_rows, residual_rows, y.reborrow().reshape(matrix)) {
        let block = rows_per_task(width);
        return y.par_blocks(block).enumerate().for_each(|(task, y)| {
            let (first, rows) = (task * block, y.dim(0));
            let start = start + (first * width) as u64;
            let [x, residual] = [x, residual].map(|view| view.map(|view| view.narrow(0, first, rows)));
            match x {
                None => wide::update(y, |y| drop_rows(None, dropout, None, y, start)),
                Some(x) => wide::read(x, |x| {
                    wide::read_optional(residual, |residual| {
                        wide::write(y, |y| drop_rows(Some(x), dropout, residual, y, start));
                    });
                }),
            }
        });
    }
    let part = (y.len() / y.dim(0)) as u64;
    for i in 0..y.dim(0) {
        let [x, residual] = [x, residual].map(|view| view.map(|view| view.select(0, i)));
        apply(x, dropout, residual, y.reborrow().select(0, i), start + i as u64 * part);
    }
}

fn drop_rows(x: Option<View>, dropout: Dropout, residual: Option<View>, mut y: ViewMut, start: u64) {
    simd(
        #[inline(always)]
        || {
            for row in 0..y.dim(0) {
                let y = y.row_mut([row]);
                if let Some(x) = x {
                    y.copy_from_slice(x.row([row]));
                }
                scale(dropout, start + (row * y.len()) as u64, y);
                if let Some(residual) = residual {
                    y.iter_mut().zip(residual.row([row])).for_each(|(y, residual)| *y += residual);
                }
            }
        },
    );
}

/// Drops elements of `row`, which are an operand's from element `start` on, and scales the others.
#[inline(always)]
pub fn scale(dropout: Dropout, start: u64, row: &mut [f32]) {
    if dropout.p == 0.0 {
        return;
    }
    let keep = 1.0 / (1.0 - dropout.p);
    let (mut block, mut skip, mut row) = (start / 4, (start % 4) as usize, row);
    while !row.is_empty() {
        let mask = mask(dropout, block, keep);
        let (now, rest) = row.split_at_mut(row.len().min(WORDS - skip));
        for (x, &factor) in now.iter_mut().zip(&mask[skip..]) {
            *x = if factor == 0.0 { 0.0 } else { *x * factor };
        }
        (block, skip, row) = (block + BLOCKS as u64, 0, rest);
    }
}

/// The factors, 0 or `keep`, of the elements of [`BLOCKS`] Philox blocks.
#[inline(always)]
fn mask(dropout: Dropout, first: u64, keep: f32) -> [f32; WORDS] {
    let site = [dropout.site as u32, (dropout.site >> 32) as u32];
    let mut mask = [0.0; WORDS];
    for lane in 0..BLOCKS {
        let block = first + lane as u64;
        let words = philox(dropout.seed, [block as u32, (block >> 32) as u32, site[0], site[1]]);
        for i in 0..4 {
            let uniform = (words[i] >> 8) as f32 * (1.0 / 16_777_216.0);
            mask[4 * lane + i] = if uniform < dropout.p { 0.0 } else { keep };
        }
    }
    mask
}
