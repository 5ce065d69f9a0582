//! Layer norm and RMS norm, in f32. A row stays in the first-level cache, so memory is read and written once.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::activation::join_blocks;
use super::math::{dot, fold, sum, total};
use super::{dropout, rows_per_task, scratch, simd};
use crate::ops::{BranchGrad, Dropout, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, Residual};
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
    scratch::with_rows(params.gamma.len(), |[gamma, beta]| {
        let gamma = W::widen(params.gamma.row([]), gamma);
        let beta = params.beta.as_ref().map(|view| W::widen(view.row([]), beta));
        f(Weights { kind: params.kind, eps: params.eps, gamma, beta });
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
    let columns = x.dim(1);
    let block = rows_per_task(columns);
    let blocks = y.par_blocks(block).zip(stats.mean.par_blocks(block)).zip(stats.rstd.par_blocks(block));
    with_weights(params, |weights| match residual {
        None => blocks.enumerate().for_each(|(i, ((mut y, mut mean), mut rstd))| {
            let (mean, rstd) = (mean.row_mut([]), rstd.row_mut([]));
            scratch::with_rows(columns, |[wide_x, wide_y]| {
                simd(
                    #[inline(always)]
                    || {
                        for row in 0..y.dim(0) {
                            let x = T::widen(x.row([i * block + row]), wide_x);
                            (mean[row], rstd[row]) = T::write(
                                y.row_mut([row]),
                                wide_y,
                                #[inline(always)]
                                |y| norm_row(weights, x, y),
                            );
                        }
                    },
                );
            });
        }),
        Some(Residual { input, sum, dropout }) => {
            blocks.zip(sum.par_blocks(block)).enumerate().for_each(|(i, (((mut y, mut mean), mut rstd), mut sum))| {
                let (mean, rstd) = (mean.row_mut([]), rstd.row_mut([]));
                scratch::with_rows(columns, |[wide, wide_input, wide_y]| {
                    simd(
                        #[inline(always)]
                        || {
                            for row in 0..y.dim(0) {
                                let at = i * block + row;
                                let input = T::widen(input.row([at]), wide_input);
                                let sum = sum.row_mut([row]);
                                T::write(
                                    sum,
                                    wide,
                                    #[inline(always)]
                                    |sum| add_row(dropout, at, x.row([at]), input, sum),
                                );
                                // The sum as it was rounded.
                                let sum = T::widen(sum, wide);
                                (mean[row], rstd[row]) = T::write(
                                    y.row_mut([row]),
                                    wide_y,
                                    #[inline(always)]
                                    |y| norm_row(weights, sum, y),
                                );
                            }
                        },
                    );
                });
            });
        }
    });
}

/// sum = input + dropout(x), of row `row`.
#[inline(always)]
fn add_row<T: Float>(dropout: Dropout, row: usize, x: &[T], input: &[f32], sum: &mut [f32]) {
    T::load(x, sum);
    dropout::scale(dropout, (row * x.len()) as u64, sum);
    for (sum, &input) in sum.iter_mut().zip(input) {
        *sum += input;
    }
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
    residual_grad: Option<View<T>>,
    grads: NormGrads<T>,
) {
    let NormGrads { dx, branch, mut dgamma, dbeta, beta_acc } = grads;
    let (rows, columns) = (x.dim(0), x.dim(1));
    // Blocks depend on the width alone, so the order of the sums over rows does not depend on the number of threads.
    let block = rows_per_task(columns);
    let mut partial = vec![0.0; rows.div_ceil(block) * 2 * columns];
    let blocks = dx.par_blocks(block).zip(partial.par_chunks_exact_mut(2 * columns));
    with_weights(params, |weights| {
        let task = |i: usize, mut dx: ViewMut<T>, partial: &mut [f32], mut branch: Option<BranchGrad<T>>| {
            let (dgamma, dbeta) = partial.split_at_mut(columns);
            scratch::with_rows(columns, |[wide_x, wide_dy, wide_grad, wide_dx, wide_branch]| {
                simd(
                    #[inline(always)]
                    || {
                        for row in 0..dx.dim(0) {
                            let at = i * block + row;
                            let stats = (stats.mean.row([])[at], stats.rstd.row([])[at]);
                            let (x, dy) = (T::widen(x.row([at]), wide_x), T::widen(dy.row([at]), wide_dy));
                            T::write(
                                dx.row_mut([row]),
                                wide_dx,
                                #[inline(always)]
                                |dx| {
                                    norm_backward_row(weights, x, stats, dy, dx, dgamma, dbeta);
                                    if let Some(grad) = &residual_grad {
                                        for (dx, &grad) in dx.iter_mut().zip(T::widen(grad.row([at]), wide_grad)) {
                                            *dx += grad;
                                        }
                                    }
                                    if let Some(BranchGrad { dx: branch, dropout }) = &mut branch {
                                        T::write(
                                            branch.row_mut([row]),
                                            wide_branch,
                                            #[inline(always)]
                                            |branch| {
                                                branch.copy_from_slice(dx);
                                                dropout::scale(*dropout, (at * columns) as u64, branch);
                                            },
                                        );
                                    }
                                },
                            );
                        }
                    },
                );
            });
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

/// The gradient of one row, and its part of `dgamma` and `dbeta`.
#[inline(always)]
fn norm_backward_row(
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
        dx[i] = rstd * (dy[i].mul_add(gamma[i], -level) - n * along);
        dgamma[i] = dy[i].mul_add(n, dgamma[i]);
        dbeta[i] += dy[i];
    }
}
