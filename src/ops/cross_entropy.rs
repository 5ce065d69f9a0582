//! Softmax and cross-entropy in one, with label smoothing and rows to ignore.

use super::Check;
use crate::cpu;
use crate::error::Result;
use crate::tensor::{Shape, View, ViewMut};

/// How a row of logits is held against its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossEntropy {
    /// ε: the target distribution is (1 − ε) at the target plus ε / V everywhere (Szegedy et al. 2016, *Rethinking the
    /// Inception Architecture*, section 7). 0 by default.
    pub label_smoothing: f32,
    /// A row with this target has the loss 0 and no gradient. [`CrossEntropy::IGNORE`] by default.
    pub ignore_index: u32,
}

impl CrossEntropy {
    /// The default of [`ignore_index`](Self::ignore_index): no vocabulary reaches it.
    pub const IGNORE: u32 = u32::MAX;

    fn check(&self, check: Check, logits: Shape, targets: &View<u32>, losses: &ViewMut) -> Result<()> {
        check.rank("logits", logits, 2, "[R, V]")?;
        let (rows, vocab) = (logits.dims()[0], logits.dims()[1]);
        check.that(vocab > 0, "logits", "at least one column", logits)?;
        let smoothing = self.label_smoothing;
        check.that((0.0..=1.0).contains(&smoothing), "options.label_smoothing", "a number from 0 to 1", smoothing)?;
        check.operand("targets", targets, [rows])?;
        check.operand("losses", losses, [rows])?;
        let stray = |&(_, &target): &(usize, &u32)| target as usize >= vocab && target != self.ignore_index;
        match targets.row([]).iter().enumerate().find(stray) {
            None => Ok(()),
            Some((row, target)) => {
                let expected = format!("targets below {vocab}, or {} to ignore a row", self.ignore_index);
                check.that(false, "targets", &expected, format_args!("{target} in row {row}"))
            }
        }
    }
}

impl Default for CrossEntropy {
    fn default() -> Self {
        CrossEntropy { label_smoothing: 0.0, ignore_index: Self::IGNORE }
    }
}

/// The loss of each row: `ln Σ exp(logits) − (1 − ε) · logits[target] − ε · mean(logits)`, as PyTorch's `cross_entropy`
/// with `reduction="none"`.
///
/// `logits` is `[R, V]`, with V at least 1; `targets` and `losses` are `[R]`. Rows whose target is
/// [`ignore_index`](CrossEntropy::ignore_index) get 0. Fails on other shapes, on another target of V or more, on a label
/// smoothing outside 0 … 1, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy}};
///
/// let logits = Tensor::from_vec([1, 2], vec![0.0, 0.0])?;
/// let targets = Tensor::from_vec([1], vec![1])?;
/// let mut losses = Tensor::zeros([1])?;
/// ops::cross_entropy(&CrossEntropy::default(), logits.view(), targets.view(), losses.view_mut())?;
/// assert!((losses.as_slice()[0] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn cross_entropy(options: &CrossEntropy, logits: View, targets: View<u32>, losses: ViewMut) -> Result<()> {
    let check = Check::cpu("cross_entropy", "logits", logits.stream())?;
    options.check(check, logits.shape(), &targets, &losses)?;
    check.rows("logits", &logits)?;
    cpu::cross_entropy::cross_entropy(options, logits, targets, losses);
    Ok(())
}

/// [`cross_entropy`], and in place of the logits its gradient: `grad_scale` · (softmax(logits) − target distribution).
///
/// The losses are those of [`cross_entropy`] to the bit. Rows to ignore get zeros, whatever their logits. Shapes and
/// errors are the same.
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy}};
///
/// let mut logits = Tensor::from_vec([1, 2], vec![0.0, 0.0])?;
/// let targets = Tensor::from_vec([1], vec![1])?;
/// let mut losses = Tensor::zeros([1])?;
/// ops::cross_entropy_fused(&CrossEntropy::default(), 1.0, logits.view_mut(), targets.view(), losses.view_mut())?;
/// assert_eq!(logits.as_slice(), [0.5, -0.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn cross_entropy_fused(
    options: &CrossEntropy,
    grad_scale: f32,
    logits: ViewMut,
    targets: View<u32>,
    losses: ViewMut,
) -> Result<()> {
    let check = Check::cpu("cross_entropy_fused", "logits", logits.stream())?;
    options.check(check, logits.shape(), &targets, &losses)?;
    check.rows("logits", &logits)?;
    cpu::cross_entropy::cross_entropy_fused(options, grad_scale, logits, targets, losses);
    Ok(())
}
