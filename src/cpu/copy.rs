//! Copies and casts of views with any strides.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{TASK_ELEMENTS, rows_per_task, simd};
use crate::tensor::{Element, Float, View, ViewMut};

/// Elements that are converted at a time, and the side of a square that is transposed at a time: both fit the first-level cache.
const BATCH: usize = 64;
/// The side of a tile that is transposed by one task.
const TILE: usize = 128;

/// See [`crate::ops::cast`].
pub fn cast<T: Float, U: Float>(x: View<T>, y: ViewMut<U>) {
    copy(
        x,
        y,
        #[inline(always)]
        |x, y| {
            let mut wide = [0.0; BATCH];
            for (x, y) in x.chunks(BATCH).zip(y.chunks_mut(BATCH)) {
                let wide = &mut wide[..x.len()];
                T::load(x, wide);
                U::store(wide, y);
            }
        },
    );
}

/// See [`crate::ops::copy`]. `convert` copies elements side by side. Axes are as [`crate::ops`] orders them: `y` lies closest
/// along the last one.
pub fn copy<T: Element, U: Element>(x: View<T>, y: ViewMut<U>, convert: impl Fn(&[T], &mut [U]) + Copy + Sync) {
    if y.is_empty() {
        return;
    }
    let (mut x, mut y) = match y.shape().rank() {
        0 | 1 => {
            let row = [1, y.len()];
            let is_row = "one axis is a matrix of one row";
            (x.reshape(row).expect(is_row), y.reshape(row).expect(is_row))
        }
        _ => (x, y),
    };
    // The axis along which x lies closest, next to the last one.
    let last = y.shape().rank() - 1;
    if x.strides()[last] != 1
        && let Some(across) = (0..last).find(|&axis| x.strides()[axis] == 1 && x.dim(axis) > 1)
    {
        (x, y) = (x.swap_axes(across, last - 1), y.swap_axes(across, last - 1));
    }
    matrices(x, y, convert);
}

/// Matrix by matrix of the last two axes.
fn matrices<T: Element, U: Element>(x: View<T>, y: ViewMut<U>, convert: impl Fn(&[T], &mut [U]) + Copy + Sync) {
    if y.shape().rank() == 2 {
        return matrix(x, y, convert);
    }
    let block = rows_per_task(y.len() / y.dim(0));
    y.par_blocks(block).enumerate().for_each(|(task, mut y)| {
        for i in 0..y.dim(0) {
            matrices(x.select(0, task * block + i), y.reborrow().select(0, i), convert);
        }
    });
}

fn matrix<T: Element, U: Element>(x: View<T>, y: ViewMut<U>, convert: impl Fn(&[T], &mut [U]) + Copy + Sync) {
    let width = y.dim(1);
    let transposed = !x.has_contiguous_rows() && x.t().has_contiguous_rows() && y.has_contiguous_rows();
    let (rows, columns) = if transposed { (TILE, TILE) } else { (rows_per_task(width), TASK_ELEMENTS) };
    let down = y.dim(0).div_ceil(rows);
    y.par_tiles(rows, columns).enumerate().for_each(|(task, mut y)| {
        let x = x.narrow(0, task % down * rows, y.dim(0)).narrow(1, task / down * columns, y.dim(1));
        simd(
            #[inline(always)]
            || {
                if transposed {
                    return transpose(x.t(), y, convert);
                }
                for row in 0..y.dim(0) {
                    if x.has_contiguous_rows() && y.has_contiguous_rows() {
                        convert(x.row([row]), y.row_mut([row]));
                    } else if x.strides()[1] == 0 && y.has_contiguous_rows() {
                        let mut one = [U::zeroed()];
                        convert(x.select(0, row).narrow(0, 0, 1).as_slice(), &mut one);
                        y.row_mut([row]).fill(one[0]);
                    } else {
                        elements(x, &mut y, row, convert);
                    }
                }
            },
        );
    });
}

/// y = xᵀ, square by square.
#[inline(always)]
fn transpose<T: Element, U: Element>(x: View<T>, mut y: ViewMut<U>, convert: impl Fn(&[T], &mut [U])) {
    let mut square = [[T::zeroed(); BATCH]; BATCH];
    for top in (0..y.dim(0)).step_by(BATCH) {
        let rows = top..y.dim(0).min(top + BATCH);
        for left in (0..y.dim(1)).step_by(BATCH) {
            let columns = left..y.dim(1).min(left + BATCH);
            for (j, column) in columns.clone().enumerate() {
                for (line, &x) in square.iter_mut().zip(&x.row([column])[rows.clone()]) {
                    line[j] = x;
                }
            }
            for (row, line) in rows.clone().zip(&square) {
                convert(&line[..columns.len()], &mut y.row_mut([row])[columns.clone()]);
            }
        }
    }
}

/// One row, with gaps in one of the operands.
#[inline(always)]
fn elements<T: Element, U: Element>(x: View<T>, y: &mut ViewMut<U>, row: usize, convert: impl Fn(&[T], &mut [U])) {
    let (mut x, mut y) = (x.elements([row]), y.elements_mut([row]));
    let (mut from, mut to) = ([T::zeroed(); BATCH], [U::zeroed(); BATCH]);
    loop {
        let mut count = 0;
        for (from, x) in from.iter_mut().zip(x.by_ref().take(BATCH)) {
            *from = x;
            count += 1;
        }
        if count == 0 {
            return;
        }
        convert(&from[..count], &mut to[..count]);
        for (to, y) in to[..count].iter().zip(y.by_ref()) {
            *y = *to;
        }
    }
}
