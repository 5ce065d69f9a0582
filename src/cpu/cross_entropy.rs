//! Cross-entropy over rows: the greatest logit, then the sum of exponentials, then (fused) the gradient.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::math::{exp, fold, fold_mut, max, total};
use super::{rows_per_task, simd};
use crate::ops::CrossEntropy;
use crate::tensor::{View, ViewMut};

/// See [`crate::ops::cross_entropy`].
pub fn cross_entropy(options: &CrossEntropy, logits: View, targets: View<u32>, losses: ViewMut) {
    let block = rows_per_task(logits.dim(1));
    let blocks = logits.par_blocks(block).zip(targets.par_blocks(block)).zip(losses.par_blocks(block));
    blocks.for_each(|((logits, targets), mut losses)| {
        simd(
            #[inline(always)]
            || {
                for (row, (loss, &target)) in losses.row_mut([]).iter_mut().zip(targets.row([])).enumerate() {
                    *loss = if target == options.ignore_index {
                        0.0
                    } else {
                        let logits = logits.row([row]);
                        let max = max(logits);
                        let sum = total(fold(
                            [logits],
                            0.0,
                            #[inline(always)]
                            |sum, [x]| sum + exp(x - max),
                        ));
                        sum.ln() + below_max(options, logits, max, target)
                    };
                }
            },
        );
    });
}

/// See [`crate::ops::cross_entropy_fused`].
pub fn cross_entropy_fused(
    options: &CrossEntropy,
    grad_scale: f32,
    logits: ViewMut,
    targets: View<u32>,
    losses: ViewMut,
) {
    let block = rows_per_task(logits.dim(1));
    let blocks = logits.par_blocks(block).zip(targets.par_blocks(block)).zip(losses.par_blocks(block));
    blocks.for_each(|((mut logits, targets), mut losses)| {
        simd(
            #[inline(always)]
            || {
                for (row, (loss, &target)) in losses.row_mut([]).iter_mut().zip(targets.row([])).enumerate() {
                    let logits = logits.row_mut([row]);
                    if target == options.ignore_index {
                        *loss = 0.0;
                        logits.fill(0.0);
                    } else {
                        *loss = fused_row(options, grad_scale, logits, target);
                    }
                }
            },
        );
    });
}

/// The loss of one row, whose logits become their gradient.
#[inline(always)]
fn fused_row(options: &CrossEntropy, grad_scale: f32, logits: &mut [f32], target: u32) -> f32 {
    let max = max(logits);
    let below_max = below_max(options, logits, max, target);
    let sum = fold_mut(
        logits,
        0.0,
        #[inline(always)]
        |sum, x| {
            *x = exp(*x - max);
            sum + *x
        },
    );
    let sum = total(sum);
    let (scale, uniform) = (grad_scale / sum, grad_scale * options.label_smoothing / logits.len() as f32);
    for x in logits.iter_mut() {
        *x = x.mul_add(scale, -uniform);
    }
    logits[target as usize] -= grad_scale * (1.0 - options.label_smoothing);
    sum.ln() + below_max
}

/// Σ over the target distribution of max − logit: the loss is this plus the logarithm of the sum of exponentials.
#[inline(always)]
fn below_max(options: &CrossEntropy, logits: &[f32], max: f32, target: u32) -> f32 {
    let smoothing = options.label_smoothing;
    let at_target = (1.0 - smoothing) * (max - logits[target as usize]);
    if smoothing == 0.0 {
        return at_target;
    }
    let sum = total(fold(
        [logits],
        0.0,
        #[inline(always)]
        |sum, [x]| sum + (max - x),
    ));
    at_target + smoothing * (sum / logits.len() as f32)
}
