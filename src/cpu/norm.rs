//! Layer norm and RMS norm, in f32. A block of rows stays in the second-level cache, so memory is read
//! and written once.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::activation::join_blocks;
use super::math::{dot, fold, sum, total};
use super::{dropout, rows_per_task, simd, wide};
use crate::ops::{
    BranchGrad, Dropout, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, Residual, ResidualGrad,
};
use crate::tensor::{Float, View, ViewMut};

/// What a row is normalized by, in f32.
#[derive(Clone, Copy)]
struct Weights<'a> {
    kind: NormKind,
    eps: f32,
    gamma: &'a [f32],
    beta: Option<&'a [f32]>,
}

/// Calls `f` with the parameters in f32, which are converted once for all rows.
fn with_weights<W: Float>(params: &NormParams<W>, f: impl FnOnce(Weights)) {
    let (kind, eps) = (params.kind, params.eps);
    fn matrix<W: Float>(row: View<W>) -> View<W> {
        row.reshape([1, row.len()]).expect("a row without gaps is a matrix of one")
    }
    wide::read(matrix(params.gamma), |gamma| {
        wide::read_optional(params.beta.map(matrix), |beta| {
            f(Weights { kind, eps, gamma: gamma.row([0]), beta: beta.as_ref().map(|beta| beta.row([0])) });
        });
    });
}

/// See [`crate::ops::norm`].
pub fn norm<T: Float, W: Float>(
    params: &NormParams<W>,
    x: View<T>,
    residual: Option<Residual<T>>,
    y: ViewMut<T>,
    stats: NormStatsMut,
) {
    let block = rows_per_task(x.dim(1));
    let blocks = y.par_blocks(block).zip(stats.mean.par_blocks(block)).zip(stats.rstd.par_blocks(block));
    with_weights(params, |weights| match residual {
        None => blocks.enumerate().for_each(|(i, ((y, mean), rstd))| {
            let x = x.narrow(0, i * block, y.dim(0));
            wide::read(x, |x| wide::write(y, |y| norm_block(weights, x, y, mean, rstd)));
        }),
        Some(Residual { input, sum, dropout }) => {
            blocks.zip(sum.par_blocks(block)).enumerate().for_each(|(i, (((y, mean), rstd), mut sum))| {
                let first = i * block;
                let [x, input] = [x, input].map(|view| view.narrow(0, first, y.dim(0)));
                wide::read(x, |x| {
                    wide::read(input, |input| {
                        wide::write(sum.reborrow(), |sum| add_block(dropout, first, x, input, sum));
                    });
                });
                // The sum as it was rounded.
                wide::read(sum.as_view(), |sum| wide::write(y, |y| norm_block(weights, sum, y, mean, rstd)));
            });
        }
    });
}

/// sum = input + dropout(x), of rows from `first` on.
fn add_block(dropout: Dropout, first: usize, x: View, input: View, mut sum: ViewMut) {
    simd(
        #[inline(always)]
        || {
            for row in 0..sum.dim(0) {
                let (x, sum) = (x.row([row]), sum.row_mut([row]));
                sum.copy_from_slice(x);
                dropout::scale(dropout, ((first + row) * x.len()) as u64, sum);
                for (sum, &input) in sum.iter_mut().zip(input.row([row])) {
                    *sum += input;
                }
            }
        },
    );
}

fn norm_block(weights: Weights, x: View, mut y: ViewMut, mut mean: ViewMut, mut rstd: ViewMut) {
    let (mean, rstd) = (mean.row_mut([]), rstd.row_mut([]));
    simd(
        #[inline(always)]
        || {
            for row in 0..y.dim(0) {
                (mean[row], rstd[row]) = norm_row(weights, x.row([row]), y.row_mut([row]));
            }
        },
    );
}

/// Normalizes one row and returns its mean and rstd.
#[inline(always)]
fn norm_row(weights: Weights, x: &[f32], y: &mut [f32]) -> (f32, f32) {
    let (x, scale) = (&x[..y.len()], 1.0 / x.len() as f32);
    let (center, correction, variance) = match weights.kind {
        NormKind::Layer => {
            let center = sum(x) * scale;
            // The rounding error of a large mean, found in the second pass.
            let deviation = total(fold(
                [x],
                0.0,
                #[inline(always)]
                |sum, [x]| sum + (x - center),
            )) * scale;
            let square = total(fold(
                [x],
                0.0,
                #[inline(always)]
                |sum, [x]| (x - center).mul_add(x - center, sum),
            )) * scale;
            let variance = square - deviation * deviation;
            // Not `f32::max`, which would turn NaN into 0.
            (center, deviation, if variance < 0.0 { 0.0 } else { variance })
        }
        NormKind::Rms => (0.0, 0.0, dot(x, x) * scale),
    };
    let rstd = 1.0 / (variance + weights.eps).sqrt();
    let shift = -correction * rstd;
    let gamma = &weights.gamma[..y.len()];
    match weights.beta {
        None => {
            for i in 0..y.len() {
                y[i] = (x[i] - center).mul_add(rstd, shift) * gamma[i];
            }
        }
        Some(beta) => {
            let beta = &beta[..y.len()];
            for i in 0..y.len() {
                y[i] = (x[i] - center).mul_add(rstd, shift).mul_add(gamma[i], beta[i]);
            }
        }
    }
    (center + correction, rstd)
}

/// See [`crate::ops::norm_backward`].
pub fn norm_backward<T: Float, W: Float>(
    params: &NormParams<W>,
    x: View<T>,
    stats: NormStats,
    dy: View<T>,
    residual_grad: ResidualGrad<T>,
    grads: NormGrads<T>,
) {
    let NormGrads { dx, branch, mut dgamma, dbeta, beta_acc } = grads;
    let (rows, columns) = (x.dim(0), x.dim(1));
    let (apart, in_place) = match residual_grad {
        ResidualGrad::None => (None, false),
        ResidualGrad::Apart(grad) => (Some(grad), false),
        ResidualGrad::InPlace => (None, true),
    };
    // Blocks depend on the width alone, so the order of the sums over rows does not depend on the number of threads.
    let block = rows_per_task(columns);
    let mut partial = vec![0.0; rows.div_ceil(block) * 2 * columns];
    let blocks = dx.par_blocks(block).zip(partial.par_chunks_exact_mut(2 * columns));
    with_weights(params, |weights| {
        let task = |i: usize, dx: ViewMut<T>, partial: &mut [f32], branch: Option<BranchGrad<T>>| {
            let [x, dy] = [x, dy].map(|view| view.narrow(0, i * block, dx.dim(0)));
            let apart = apart.map(|grad| grad.narrow(0, i * block, dx.dim(0)));
            let stats = [stats.mean, stats.rstd].map(|view| view.narrow(0, i * block, dx.dim(0)));
            let fill = |mut dx: ViewMut| {
                wide::read(x, |x| {
                    wide::read(dy, |dy| {
                        wide::read_optional(apart, |grad| {
                            let grad = if in_place { ResidualGrad::InPlace } else { grad.into() };
                            norm_backward_block(weights, x, stats, dy, grad, dx.reborrow(), partial);
                        });
                    });
                });
                if let Some(BranchGrad { dx: branch, dropout }) = branch {
                    wide::write(branch, |branch| drop_rows(dropout, i * block, dx.as_view(), branch));
                }
            };
            if in_place { wide::update(dx, fill) } else { wide::write(dx, fill) }
        };
        match branch {
            None => blocks.enumerate().for_each(|(i, (dx, partial))| task(i, dx, partial, None)),
            Some(BranchGrad { dx: branch, dropout }) => {
                blocks.zip(branch.par_blocks(block)).enumerate().for_each(|(i, ((dx, partial), branch))| {
                    task(i, dx, partial, Some(BranchGrad { dx: branch, dropout }));
                });
            }
        }
    });
    join_blocks(&partial, 2 * columns, beta_acc, dgamma.row_mut([]));
    if let Some(mut dbeta) = dbeta {
        join_blocks(partial.get(columns..).unwrap_or_default(), 2 * columns, beta_acc, dbeta.row_mut([]));
    }
}

/// The gradients of a block of rows, whose part of `dgamma` and `dbeta` is `partial`.
fn norm_backward_block(
    weights: Weights,
    x: View,
    [mean, rstd]: [View; 2],
    dy: View,
    residual_grad: ResidualGrad,
    mut dx: ViewMut,
    partial: &mut [f32],
) {
    let (dgamma, dbeta) = partial.split_at_mut(x.dim(1));
    simd(
        #[inline(always)]
        || {
            for row in 0..dx.dim(0) {
                let stats = (mean.row([])[row], rstd.row([])[row]);
                let (x, dy, dx) = (x.row([row]), dy.row([row]), dx.row_mut([row]));
                if let ResidualGrad::InPlace = residual_grad {
                    norm_backward_row::<true>(weights, x, stats, dy, dx, dgamma, dbeta);
                } else {
                    norm_backward_row::<false>(weights, x, stats, dy, dx, dgamma, dbeta);
                }
                if let ResidualGrad::Apart(grad) = &residual_grad {
                    for (dx, &grad) in dx.iter_mut().zip(grad.row([row])) {
                        *dx += grad;
                    }
                }
            }
        },
    );
}

/// y = dropout(x), of rows from `first` on.
fn drop_rows(dropout: Dropout, first: usize, x: View, mut y: ViewMut) {
    simd(
        #[inline(always)]
        || {
            for row in 0..y.dim(0) {
                let (x, y) = (x.row([row]), y.row_mut([row]));
                y.copy_from_slice(x);
                dropout::scale(dropout, ((first + row) * x.len()) as u64, y);
            }
        },
    );
}

/// The gradient of one row, written to `dx` or added to what it holds, and its part of `dgamma` and `dbeta`.
#[inline(always)]
fn norm_backward_row<const ADD: bool>(
    weights: Weights,
    x: &[f32],
    (mean, rstd): (f32, f32),
    dy: &[f32],
    dx: &mut [f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    let len = dx.len();
    let (x, dy, dgamma, dbeta) = (&x[..len], &dy[..len], &mut dgamma[..len], &mut dbeta[..len]);
    let gamma = &weights.gamma[..len];
    let scale = 1.0 / len as f32;
    let along = fold(
        [x, dy, gamma],
        0.0,
        #[inline(always)]
        |sum, [x, dy, gamma]| ((x - mean) * rstd).mul_add(dy * gamma, sum),
    );
    let along = total(along) * scale;
    let level = match weights.kind {
        NormKind::Layer => dot(dy, gamma) * scale,
        NormKind::Rms => 0.0,
    };
    for i in 0..len {
        let n = (x[i] - mean) * rstd;
        let own = rstd * (dy[i].mul_add(gamma[i], -level) - n * along);
        dx[i] = if ADD { own + dx[i] } else { own };
        dgamma[i] = dy[i].mul_add(n, dgamma[i]);
        dbeta[i] += dy[i];
    }
}
