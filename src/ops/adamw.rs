//! The AdamW step and the norm of a gradient, over flat buffers.

use std::ops::Range;

use super::Check;
use crate::cpu;
use crate::error::{Error, Result};
use crate::tensor::{View, ViewMut};

/// The settings of AdamW (Loshchilov and Hutter 2019, algorithm 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// The learning rate of this step, at least 0.
    pub lr: f32,
    /// The decay of the mean of the gradients, in [0, 1).
    pub beta1: f32,
    /// The decay of the mean of their squares, in [0, 1).
    pub beta2: f32,
    /// What is added to the denominator, at least 0.
    pub eps: f32,
    /// How much of a decayed parameter a step takes away, as a fraction of `lr`; at least 0.
    pub weight_decay: f32,
}

/// One AdamW step over flat buffers, in one pass, as `torch.optim.AdamW` computes it:
///
/// g = grad_scale · grads, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
/// p ← p − lr · weight_decay · p − lr · (m / (1 − β₁ˢ)) / (√(v / (1 − β₂ˢ)) + eps)
///
/// with s = `step`, counted from 1. The weight decay applies to the elements in `decayed`, which are ranges in
/// ascending order that do not overlap. `grad_scale` is where clipping and the mean over accumulated batches come in.
/// Shapes: `params`, `grads`, `m`, `v` `[N]`. A NaN in a gradient reaches its parameter and no other.
///
/// ```
/// use warpweave::{Tensor, ops::{self, AdamW}};
/// let options = AdamW { lr: 0.5, beta1: 0.9, beta2: 0.95, eps: 0.0, weight_decay: 0.0 };
/// let mut params = Tensor::from_vec([2], vec![1.0, 1.0])?;
/// let grads = Tensor::from_vec([2], vec![8.0, -0.25])?;
/// let (mut m, mut v) = (Tensor::zeros([2])?, Tensor::zeros([2])?);
/// ops::adamw(&options, 1, 1.0, &[], params.view_mut(), grads.view(), m.view_mut(), v.view_mut())?;
/// // The first step has the length `lr`, whatever the size of the gradient.
/// assert!((params.as_slice()[0] - 0.5).abs() < 1e-6 && (params.as_slice()[1] - 1.5).abs() < 1e-6);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[expect(clippy::too_many_arguments, reason = "the four buffers, and what changes from step to step")]
pub fn adamw(
    options: &AdamW,
    step: u64,
    grad_scale: f32,
    decayed: &[Range<usize>],
    params: ViewMut,
    grads: View,
    m: ViewMut,
    v: ViewMut,
) -> Result<()> {
    let check = Check::cpu("adamw", "params", params.stream())?;
    let not_negative = "a finite number that is at least 0";
    for (arg, value) in [("lr", options.lr), ("eps", options.eps), ("weight_decay", options.weight_decay)] {
        check.that(value.is_finite() && value >= 0.0, arg, not_negative, value)?;
    }
    for (arg, value) in [("beta1", options.beta1), ("beta2", options.beta2)] {
        check.that((0.0..1.0).contains(&value), arg, "a number in [0, 1)", value)?;
    }
    check.that(step >= 1, "step", "a step counted from 1", step)?;
    check.that(grad_scale.is_finite(), "grad_scale", "a finite number", grad_scale)?;

    check.rank("params", params.shape(), 1, "[N]")?;
    check.rows("params", &params)?;
    check.operand("grads", &grads, params.shape())?;
    check.operand("m", &m, params.shape())?;
    check.operand("v", &v, params.shape())?;
    let mut end = 0;
    for range in decayed {
        if range.start < end || range.end < range.start || range.end > params.len() {
            let expected = format!("ascending ranges within 0..{} that do not overlap", params.len());
            return Err(Error::argument("adamw", "decayed", expected, format_args!("{range:?} after ..{end}")));
        }
        end = range.end;
    }
    cpu::adamw::adamw(options, step, grad_scale, decayed, params, grads, m, v);
    Ok(())
}

/// The Euclidean norm of a gradient, √Σ g². Shape `[N]`. A NaN gives NaN, an infinity without NaN gives infinity.
///
/// The squares are summed in f64, in an order that depends on N alone, so that neither the length of the buffer nor the
/// size of its elements costs precision.
///
/// ```
/// use warpweave::{Tensor, ops};
/// let grads = Tensor::from_vec([2], vec![3.0, -4.0])?;
/// assert_eq!(ops::grad_norm(grads.view())?, 5.0);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn grad_norm(grads: View) -> Result<f32> {
    let check = Check::cpu("grad_norm", "grads", grads.stream())?;
    check.rank("grads", grads.shape(), 1, "[N]")?;
    check.rows("grads", &grads)?;
    Ok(cpu::adamw::grad_norm(grads))
}
