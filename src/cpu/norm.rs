//! Layer norm and RMS norm. A row stays in the first-level cache, so memory is read and written once.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::activation::join_blocks;
use super::math::{dot, fold, sum, total};
use super::{rows_per_task, simd};
use crate::ops::{NormKind, NormParams, NormStats, NormStatsMut, Residual};
use crate::tensor::{View, ViewMut};

/// See [`crate::ops::norm`].
pub fn norm(params: &NormParams, x: View, residual: Option<Residual>, y: ViewMut, stats: NormStatsMut) {
    let block = rows_per_task(x.dim(1));
    let blocks = y.par_blocks(block).zip(stats.mean.par_blocks(block)).zip(stats.rstd.par_blocks(block));
    match residual {
        None => blocks.enumerate().for_each(|(i, ((mut y, mut mean), mut rstd))| {
            let (mean, rstd) = (mean.row_mut([]), rstd.row_mut([]));
            simd(
                #[inline(always)]
                || {
                    for row in 0..y.dim(0) {
                        (mean[row], rstd[row]) = norm_row(params, x.row([i * block + row]), y.row_mut([row]));
                    }
                },
            );
        }),
        Some(Residual { input, sum }) => {
            blocks.zip(sum.par_blocks(block)).enumerate().for_each(|(i, (((mut y, mut mean), mut rstd), mut sum))| {
                let (mean, rstd) = (mean.row_mut([]), rstd.row_mut([]));
                simd(
                    #[inline(always)]
                    || {
                        for row in 0..y.dim(0) {
                            let sum = sum.row_mut([row]);
                            let inputs = x.row([i * block + row]).iter().zip(input.row([i * block + row]));
                            for (sum, (&x, &residual)) in sum.iter_mut().zip(inputs) {
                                *sum = x + residual;
                            }
                            (mean[row], rstd[row]) = norm_row(params, sum, y.row_mut([row]));
                        }
                    },
                );
            });
        }
    }
}

/// Normalizes one row and returns its mean and rstd.
#[inline(always)]
fn norm_row(params: &NormParams, x: &[f32], y: &mut [f32]) -> (f32, f32) {
    let (x, scale) = (&x[..y.len()], 1.0 / x.len() as f32);
    let (center, correction, variance) = match params.kind {
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
    let rstd = 1.0 / (variance + params.eps).sqrt();
    let shift = -correction * rstd;
    let gamma = &params.gamma.row([])[..y.len()];
    match &params.beta {
        None => {
            for i in 0..y.len() {
                y[i] = (x[i] - center).mul_add(rstd, shift) * gamma[i];
            }
        }
        Some(beta) => {
            let beta = &beta.row([])[..y.len()];
            for i in 0..y.len() {
                y[i] = (x[i] - center).mul_add(rstd, shift).mul_add(gamma[i], beta[i]);
            }
        }
    }
    (center + correction, rstd)
}

/// See [`crate::ops::norm_backward`].
#[expect(clippy::too_many_arguments, reason = "those of the operation")]
pub fn norm_backward(
    params: &NormParams,
    x: View,
    stats: NormStats,
    dy: View,
    residual_grad: Option<View>,
    dx: ViewMut,
    beta_acc: f32,
    mut dgamma: ViewMut,
    dbeta: Option<ViewMut>,
) {
    let (rows, columns) = (x.dim(0), x.dim(1));
    // Blocks depend on the width alone, so the order of the sums over rows does not depend on the number of threads.
    let block = rows_per_task(columns);
    let mut partial = vec![0.0; rows.div_ceil(block) * 2 * columns];
    let blocks = dx.par_blocks(block).zip(partial.par_chunks_exact_mut(2 * columns));
    blocks.enumerate().for_each(|(i, (mut dx, partial))| {
        let (dgamma, dbeta) = partial.split_at_mut(columns);
        let gamma = params.gamma.row([]);
        simd(
            #[inline(always)]
            || {
                for row in 0..dx.dim(0) {
                    let at = i * block + row;
                    let stats = (stats.mean.row([])[at], stats.rstd.row([])[at]);
                    let dx = dx.row_mut([row]);
                    norm_backward_row(params.kind, gamma, x.row([at]), stats, dy.row([at]), dx, dgamma, dbeta);
                    if let Some(grad) = &residual_grad {
                        for (dx, &grad) in dx.iter_mut().zip(grad.row([at])) {
                            *dx += grad;
                        }
                    }
                }
            },
        );
    });
    join_blocks(&partial, 2 * columns, beta_acc, dgamma.row_mut([]));
    if let Some(mut dbeta) = dbeta {
        join_blocks(partial.get(columns..).unwrap_or_default(), 2 * columns, beta_acc, dbeta.row_mut([]));
    }
}

/// The gradient of one row, and its part of `dgamma` and `dbeta`.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "those of the operation")]
fn norm_backward_row(
    kind: NormKind,
    gamma: &[f32],
    x: &[f32],
    (mean, rstd): (f32, f32),
    dy: &[f32],
    dx: &mut [f32],
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    let len = dx.len();
    let (gamma, x, dy, dgamma, dbeta) = (&gamma[..len], &x[..len], &dy[..len], &mut dgamma[..len], &mut dbeta[..len]);
    let scale = 1.0 / len as f32;
    let along = fold(
        [x, dy, gamma],
        0.0,
        #[inline(always)]
        |sum, [x, dy, gamma]| ((x - mean) * rstd).mul_add(dy * gamma, sum),
    );
    let along = total(along) * scale;
    let level = match kind {
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
