//! Cross-entropy over rows: the greatest logit, then the sum of exponentials, then (fused) the gradient.

use rayon::iter::{Either, IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::math::{exp, fold, fold_mut, max, total};
use super::{rows_per_task, simd, wide};
use crate::ops::{CrossEntropy, CrossEntropyLosses, CrossEntropyTargets};
use crate::tensor::{Float, View, ViewMut};

/// The targets and results of a block of rows.
struct Block<'a> {
    targets: &'a [u32],
    weights: Option<&'a [f32]>,
    losses: &'a mut [f32],
    lse: Option<&'a mut [f32]>,
}

impl Block<'_> {
    /// Calls `f` with the number, the target and the weight of each row that counts, and keeps the loss and the
    /// log-sum-exp that it returns; `ignored` with the number of each other row, for which both are 0.
    #[inline(always)]
    fn each(
        self,
        options: &CrossEntropy,
        mut f: impl FnMut(usize, u32, f32) -> [f32; 2],
        mut ignored: impl FnMut(usize),
    ) {
        let Block { targets, weights, losses, mut lse } = self;
        for (row, (loss, &target)) in losses.iter_mut().zip(targets).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            let [row_loss, row_lse] = if target == options.ignore_index || weight == 0.0 {
                ignored(row);
                [0.0; 2]
            } else {
                f(row, target, weight)
            };
            *loss = row_loss;
            if let Some(lse) = &mut lse {
                lse[row] = row_lse;
            }
        }
    }
}

/// Calls `f` with each block of logits and what belongs to it, in parallel.
fn for_blocks<L: Send>(
    logits: impl IndexedParallelIterator<Item = L>,
    block: usize,
    targets: &CrossEntropyTargets,
    out: CrossEntropyLosses,
    f: impl Fn(L, Block) + Sync + Send,
) {
    let lse = match out.lse {
        Some(lse) => Either::Left(lse.par_blocks(block).map(Some)),
        None => Either::Right((0..targets.indices.len().div_ceil(block)).into_par_iter().map(|_| None)),
    };
    let blocks = logits.zip(targets.indices.par_blocks(block)).zip(out.losses.par_blocks(block)).zip(lse);
    blocks.enumerate().for_each(|(i, (((logits, indices), mut losses), mut lse))| {
        let weights = targets.weights.map(|weights| weights.narrow(0, i * block, indices.len()));
        let block = Block {
            targets: indices.row([]),
            weights: weights.as_ref().map(|weights| weights.row([])),
            losses: losses.row_mut([]),
            lse: lse.as_mut().map(|lse| lse.row_mut([])),
        };
        f(logits, block);
    });
}

/// See [`crate::ops::cross_entropy`].
pub fn cross_entropy<T: Float>(
    options: &CrossEntropy,
    logits: View<T>,
    targets: &CrossEntropyTargets,
    out: CrossEntropyLosses,
) {
    let block = rows_per_task(logits.dim(1));
    for_blocks(logits.par_blocks(block), block, targets, out, |logits, block| {
        wide::read(logits, |logits| losses_of(options, logits, block));
    });
}

fn losses_of(options: &CrossEntropy, logits: View, block: Block) {
    let vocab = options.vocab(logits.dim(1));
    simd(
        #[inline(always)]
        || {
            block.each(
                options,
                #[inline(always)]
                |row, target, weight| {
                    let logits = &logits.row([row])[..vocab];
                    let base = base(logits);
                    let sum = total(fold(
                        [logits],
                        0.0,
                        #[inline(always)]
                        |sum, [x]| sum + exp(x - base),
                    ));
                    loss(options, weight, base, sum, below_base(options, logits, base, target))
                },
                |_| (),
            );
        },
    );
}

/// See [`crate::ops::cross_entropy_fused`].
pub fn cross_entropy_fused<T: Float>(
    options: &CrossEntropy,
    grad_scale: f32,
    logits: ViewMut<T>,
    targets: &CrossEntropyTargets,
    out: CrossEntropyLosses,
) {
    let block = rows_per_task(logits.dim(1));
    for_blocks(logits.par_blocks(block), block, targets, out, |logits, block| {
        wide::update(logits, |logits| losses_and_gradients_of(options, grad_scale, logits, block));
    });
}

fn losses_and_gradients_of(options: &CrossEntropy, grad_scale: f32, logits: ViewMut, block: Block) {
    let vocab = options.vocab(logits.dim(1));
    // Two closures write them, one at a time.
    let logits = std::cell::RefCell::new(logits);
    simd(
        #[inline(always)]
        || {
            block.each(
                options,
                #[inline(always)]
                |row, target, weight| {
                    let mut logits = logits.borrow_mut();
                    let (logits, padding) = logits.row_mut([row]).split_at_mut(vocab);
                    padding.fill(0.0);
                    fused_row(options, grad_scale, weight, logits, target)
                },
                |row| logits.borrow_mut().row_mut([row]).fill(0.0),
            );
        },
    );
}

/// The loss and the log-sum-exp of one row, whose logits become their gradient.
#[inline(always)]
fn fused_row(options: &CrossEntropy, grad_scale: f32, weight: f32, logits: &mut [f32], target: u32) -> [f32; 2] {
    let base = base(logits);
    let below_base = below_base(options, logits, base, target);
    let sum = fold_mut(
        logits,
        0.0,
        #[inline(always)]
        |sum, x| {
            *x = exp(*x - base);
            sum + *x
        },
    );
    let sum = total(sum);
    let [loss, lse] = loss(options, weight, base, sum, below_base);
    let scale = grad_scale * weight;
    let of_softmax = if options.z_loss == 0.0 { scale } else { scale * (1.0 + 2.0 * options.z_loss * lse) };
    let (of_softmax, uniform) = (of_softmax / sum, scale * options.label_smoothing / logits.len() as f32);
    for x in logits.iter_mut() {
        *x = x.mul_add(of_softmax, -uniform);
    }
    logits[target as usize] -= scale * (1.0 - options.label_smoothing);
    [loss, lse]
}

/// What logits are subtracted from: the greatest. Those of −∞ alone have none for that.
#[inline(always)]
fn base(logits: &[f32]) -> f32 {
    let max = max(logits);
    if max == f32::NEG_INFINITY { 0.0 } else { max }
}

/// The loss and the log-sum-exp, from the sum of exponentials.
#[inline(always)]
fn loss(options: &CrossEntropy, weight: f32, base: f32, sum: f32, below_base: f32) -> [f32; 2] {
    let log_sum = sum.ln();
    let lse = base + log_sum;
    let z_loss = if options.z_loss == 0.0 { 0.0 } else { options.z_loss * lse * lse };
    [weight * (log_sum + below_base + z_loss), lse]
}

/// Σ over the target distribution of base − logit: the loss is this plus the logarithm of the sum of exponentials.
#[inline(always)]
fn below_base(options: &CrossEntropy, logits: &[f32], base: f32, target: u32) -> f32 {
    let smoothing = options.label_smoothing;
    // A logit of −∞ does not matter where the distribution is 0.
    let at_target = if smoothing == 1.0 { 0.0 } else { (1.0 - smoothing) * (base - logits[target as usize]) };
    if smoothing == 0.0 {
        return at_target;
    }
    let sum = total(fold(
        [logits],
        0.0,
        #[inline(always)]
        |sum, [x]| sum + (base - x),
    ));
    at_target + smoothing * (sum / logits.len() as f32)
}
