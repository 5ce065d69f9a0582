//! Rotary position embedding.
//!
//! A task owns a range of positions of all sequences and heads, so that the sines and cosines of a position are
//! computed once for all of them.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{rows_per_task, simd};
use crate::ops::{Rotary, RotaryLayout};
use crate::tensor::ViewMut;

/// How many positions follow each other by the addition theorem before sine and cosine are computed anew.
const ANCHOR: usize = 32;

pub fn rotate(r: &Rotary, x: ViewMut, direction: f32) {
    let (batch, heads, head_dim) = (x.dim(0), x.dim(2), x.dim(3));
    // At least half an anchor's stretch, or finding the first angles would cost more than the rotations.
    let block = rows_per_task(batch * heads * head_dim).max(ANCHOR / 2);
    x.swap_axes(0, 1).par_blocks(block).enumerate().for_each(|(i, mut x)| {
        let mut angles = Angles::new(f64::from(r.theta), head_dim, r.first_position + i * block);
        let (mut cos, mut sin) = (vec![0.0; head_dim / 2], vec![0.0; head_dim / 2]);
        for t in 0..x.dim(0) {
            for (i, &(c, s)) in angles.now.iter().enumerate() {
                (cos[i], sin[i]) = (c as f32, direction * s as f32);
            }
            for b in 0..batch {
                for h in 0..heads {
                    let row = x.row_mut([t, b, h]);
                    simd(
                        #[inline(always)]
                        || match r.layout {
                            RotaryLayout::Interleaved => rotate_interleaved(row, &cos, &sin),
                            RotaryLayout::Half => rotate_half(row, &cos, &sin),
                        },
                    );
                }
            }
            angles.advance();
        }
    });
}

/// Cosine and sine of a position's angles. A position's values do not depend on where a block or a sequence begins.
struct Angles {
    position: usize,
    /// Angle per position of each pair.
    frequencies: Vec<f64>,
    /// Cosine and sine of one position's angle.
    step: Vec<(f64, f64)>,
    /// Cosine and sine at `position`.
    now: Vec<(f64, f64)>,
}

impl Angles {
    fn new(theta: f64, head_dim: usize, position: usize) -> Self {
        let frequencies: Vec<f64> =
            (0..head_dim).step_by(2).map(|i| theta.powf(-(i as f64) / head_dim as f64)).collect();
        let step = frequencies.iter().map(|f| (f.cos(), f.sin())).collect();
        let now = vec![(1.0, 0.0); frequencies.len()];
        let mut angles = Angles { position: position - position % ANCHOR, frequencies, step, now };
        angles.anchor();
        while angles.position < position {
            angles.advance();
        }
        angles
    }

    fn anchor(&mut self) {
        for (now, frequency) in self.now.iter_mut().zip(&self.frequencies) {
            let (sin, cos) = (self.position as f64 * frequency).sin_cos();
            *now = (cos, sin);
        }
    }

    /// On to the next position. The addition theorem is a few multiplications where a sine takes a hundred; 32 of them
    /// lose a few bits of f64, far below what f32 shows.
    fn advance(&mut self) {
        self.position += 1;
        if self.position.is_multiple_of(ANCHOR) {
            self.anchor();
            return;
        }
        for ((cos, sin), &(step_cos, step_sin)) in self.now.iter_mut().zip(&self.step) {
            (*cos, *sin) = (*cos * step_cos - *sin * step_sin, *sin * step_cos + *cos * step_sin);
        }
    }
}

#[inline(always)]
fn rotate_interleaved(row: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (pairs, _) = row.as_chunks_mut::<2>();
    for (([x, y], &cos), &sin) in pairs.iter_mut().zip(cos).zip(sin) {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
}

#[inline(always)]
fn rotate_half(row: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, second) = row.split_at_mut(row.len() / 2);
    for (((x, y), &cos), &sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
}
