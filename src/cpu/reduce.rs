//! Statistics of rows, a batch of elements after the other in the first-level cache.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::math::{fold, greater, join, total};
use super::{TASK_ELEMENTS, rows_per_task, simd};
use crate::ops::Reductions;
use crate::tensor::{Element, Float, View, ViewMut};

/// Elements whose sums are f32; beyond, they are f64.
const BATCH: usize = 1024;

#[derive(Clone, Copy)]
struct Stats {
    sum: f64,
    /// NaN where an element is, and nowhere else: squares do not cancel.
    squares: f64,
    /// Of what is not NaN.
    min: f32,
    max: f32,
    non_finite: u32,
}

impl Stats {
    const NONE: Stats = Stats { sum: 0.0, squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY, non_finite: 0 };

    fn join(self, other: Stats) -> Stats {
        Stats {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            non_finite: self.non_finite + other.non_finite,
        }
    }

    /// `x`, unless an element was NaN.
    fn or_nan(&self, x: f32) -> f32 {
        if self.squares.is_nan() { f32::NAN } else { x }
    }
}

/// See [`crate::ops::reduce`].
pub fn reduce<T: Float>(x: View<T>, wanted: Reductions) {
    let [rows, columns] = [0, 1].map(|axis| x.dim(axis));
    let parts = columns.div_ceil(TASK_ELEMENTS).max(1);
    let parts_per_task = rows_per_task(columns.min(TASK_ELEMENTS));
    let part = |part: usize| {
        let (row, start) = (part / parts, part % parts * TASK_ELEMENTS);
        stats_of(&x.row([row])[start..columns.min(start + TASK_ELEMENTS)])
    };
    let of_parts: Vec<Stats> = (0..rows * parts).into_par_iter().with_min_len(parts_per_task).map(part).collect();
    let of_rows: Vec<Stats> =
        of_parts.chunks(parts).map(|parts| parts.iter().copied().fold(Stats::NONE, Stats::join)).collect();
    let Reductions { sum, mean, sum_of_squares, min, max, max_abs, non_finite } = wanted;
    write(sum, &of_rows, |row| row.sum as f32);
    write(mean, &of_rows, |row| (row.sum / columns as f64) as f32);
    write(sum_of_squares, &of_rows, |row| row.squares as f32);
    write(min, &of_rows, |row| row.or_nan(row.min));
    write(max, &of_rows, |row| row.or_nan(row.max));
    write(max_abs, &of_rows, |row| row.or_nan(row.max.max(-row.min).max(0.0)));
    write(non_finite, &of_rows, |row| row.non_finite);
}

fn write<T: Element>(output: Option<ViewMut<T>>, rows: &[Stats], value: impl Fn(&Stats) -> T) {
    if let Some(mut output) = output {
        output.row_mut([]).iter_mut().zip(rows).for_each(|(output, row)| *output = value(row));
    }
}

fn stats_of<T: Float>(x: &[T]) -> Stats {
    let mut wide = [0.0; BATCH];
    let mut stats = Stats::NONE;
    for x in x.chunks(BATCH) {
        let wide = &mut wide[..x.len()];
        simd(
            #[inline(always)]
            || T::load(x, wide),
        );
        stats = stats.join(batch(wide));
    }
    stats
}

fn batch(x: &[f32]) -> Stats {
    simd(
        #[inline(always)]
        || {
            let sum = fold(
                [x],
                0.0,
                #[inline(always)]
                |sum, [x]| sum + x,
            );
            let squares = fold(
                [x],
                0.0,
                #[inline(always)]
                |sum, [x]| x.mul_add(x, sum),
            );
            let non_finite = fold(
                [x],
                0.0,
                #[inline(always)]
                |count, [x]| count + if x.is_finite() { 0.0 } else { 1.0 },
            );
            let min = fold(
                [x],
                f32::INFINITY,
                #[inline(always)]
                |min, [x]| lesser(min, x),
            );
            let max = fold(
                [x],
                f32::NEG_INFINITY,
                #[inline(always)]
                |max, [x]| greater(max, x),
            );
            Stats {
                sum: f64::from(total(sum)),
                squares: f64::from(total(squares)),
                min: join(min, lesser),
                max: join(max, greater),
                non_finite: total(non_finite) as u32,
            }
        },
    )
}

/// `x`, where it is less.
#[inline(always)]
fn lesser(min: f32, x: f32) -> f32 {
    if x < min { x } else { min }
}
