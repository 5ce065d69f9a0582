//! Rotary position embedding.
//!
//! A task owns a range of positions of all sequences and heads, so that the sines and cosines of a position are
//! computed once for all of them.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{rows_per_task, simd, wide};
use crate::ops::{Rotary, RotaryLayout};
use crate::tensor::{Float, ViewMut};

/// How many positions follow each other by the addition theorem before sine and cosine are computed anew.
const ANCHOR: usize = 32;

/// See [`crate::ops::rotary()`]; of `x` the elements that are rotated.
pub fn rotate<T: Float>(r: &Rotary, x: ViewMut<T>, inverse: bool) {
    let (batch, heads, rotary_dim) = (x.dim(0), x.dim(2), x.dim(3));
    // At least half an anchor's stretch, or finding the first angles would cost more than the rotations.
    let block = rows_per_task(batch * heads * rotary_dim).max(ANCHOR / 2);
    x.swap_axes(0, 1).par_blocks(block).enumerate().for_each(|(i, mut x)| {
        let first = i * block;
        let mut angles = Angles::new(f64::from(r.theta), rotary_dim, r.first_position + first);
        let mut turn =
            Turn { layout: r.layout, inverse, cos: vec![0.0; rotary_dim / 2], sin: vec![0.0; rotary_dim / 2] };
        match r.positions {
            None => {
                for t in 0..x.dim(0) {
                    turn.set(angles.at(r.first_position + first + t));
                    for b in 0..batch {
                        turn.heads(x.reborrow().select(0, t).select(0, b));
                    }
                }
            }
            // Sequence after sequence: within one, positions mostly follow each other.
            Some(positions) => {
                for b in 0..batch {
                    for (t, position) in positions.narrow(1, first, x.dim(0)).elements([b]).enumerate() {
                        turn.set(angles.at(r.first_position + position as usize));
                        turn.heads(x.reborrow().select(0, t).select(0, b));
                    }
                }
            }
        }
    });
}

/// The rotation at one position.
struct Turn {
    layout: RotaryLayout,
    inverse: bool,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Turn {
    fn set(&mut self, angles: &[(f64, f64)]) {
        let direction = if self.inverse { -1.0 } else { 1.0 };
        for ((cos, sin), &(c, s)) in self.cos.iter_mut().zip(&mut self.sin).zip(angles) {
            (*cos, *sin) = (c as f32, direction * s as f32);
        }
    }

    /// Rotates all heads `[H, R]` of a token.
    fn heads<T: Float>(&self, x: ViewMut<T>) {
        wide::update(x, |mut x| {
            simd(
                #[inline(always)]
                || {
                    for h in 0..x.dim(0) {
                        match self.layout {
                            RotaryLayout::Interleaved => rotate_interleaved(x.row_mut([h]), &self.cos, &self.sin),
                            RotaryLayout::Half => rotate_half(x.row_mut([h]), &self.cos, &self.sin),
                        }
                    }
                },
            );
        });
    }
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
    fn new(theta: f64, rotary_dim: usize, position: usize) -> Self {
        let frequencies: Vec<f64> =
            (0..rotary_dim).step_by(2).map(|i| theta.powf(-(i as f64) / rotary_dim as f64)).collect();
        let step = frequencies.iter().map(|f| (f.cos(), f.sin())).collect();
        let now = vec![(1.0, 0.0); frequencies.len()];
        let mut angles = Angles { position, frequencies, step, now };
        angles.anchor();
        angles
    }

    /// Those of a position. What they are doesn't depend on those that were asked for before.
    fn at(&mut self, position: usize) -> &[(f64, f64)] {
        if position < self.position || position - position % ANCHOR > self.position {
            self.position = position;
            self.anchor();
        }
        while self.position < position {
            self.advance();
        }
        &self.now
    }

    /// Back to the last multiple of [`ANCHOR`], whose sine and cosine are computed anew.
    fn anchor(&mut self) {
        self.position -= self.position % ANCHOR;
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
