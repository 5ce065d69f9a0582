//! Dropout from Philox counters.

use super::Check;
use crate::cpu;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

/// Which elements are dropped: element i of an operand is zeroed when word i mod 4 of
/// `philox(seed, [i / 4 (low), i / 4 (high), site (low), site (high)])`, shifted right by 8 and divided by 2²⁴, is below
/// `p`; the others are scaled by 1 / (1 − p).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dropout {
    /// The probability of dropping, 0 ≤ p < 1. 0 turns dropout off.
    pub p: f32,
    /// The seed of the run.
    pub seed: u64,
    /// Which mask of the run: another one for each layer, place and step.
    pub site: u64,
}

impl Dropout {
    /// The probability must be one that leaves something.
    pub(super) fn check(&self, check: &Check, arg: &'static str) -> Result<()> {
        check.that((0.0..1.0).contains(&self.p), arg, "a probability with 0 ≤ p < 1", self.p)
    }
}

/// `y = mask ⊙ x / (1 − p)`, with the mask that [`Dropout`] defines: zero with probability p, else one.
///
/// It is its own backward pass: apply it to dy, with the same `dropout`, for dx. x and y have any one shape; element i is
/// the i-th in row-major order. A dropped element is zero whatever x holds, NaN too.
///
/// Source: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014, in the form
/// that scales during training.
///
/// # Errors
/// p outside [0, 1), different shapes, and a last axis with gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Dropout}};
///
/// let x = Tensor::from_vec([1, 8], vec![1.0; 8])?;
/// let mut y = Tensor::zeros([1, 8])?;
/// ops::dropout(x.view(), Dropout { p: 0.5, seed: 1, site: 0 }, y.view_mut())?;
/// assert!(y.as_slice().iter().all(|&y| y == 0.0 || y == 2.0));
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn dropout(x: View, dropout: Dropout, y: ViewMut) -> Result<()> {
    let check = Check::cpu("dropout", "x", x.stream())?;
    dropout.check(&check, "p")?;
    check.rows("x", &x)?;
    check.operand("y", &y, x.shape())?;
    cpu::dropout::dropout(x, dropout, None, y);
    Ok(())
}

/// `y = residual + mask ⊙ x / (1 − p)`: [`dropout()`] and the addition after it in one pass.
///
/// The gradient of `residual` is dy, that of x is [`dropout()`] of dy.
///
/// # Errors
/// As [`dropout()`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, Dropout}};
///
/// let (x, residual) = (Tensor::from_vec([1, 2], vec![1.0, 2.0])?, Tensor::from_vec([1, 2], vec![10.0, 20.0])?);
/// let mut y = Tensor::zeros([1, 2])?;
/// ops::dropout_add(x.view(), Dropout::default(), residual.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [11.0, 22.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn dropout_add(x: View, dropout: Dropout, residual: View, y: ViewMut) -> Result<()> {
    let check = Check::cpu("dropout_add", "x", x.stream())?;
    dropout.check(&check, "p")?;
    check.rows("x", &x)?;
    check.operand("residual", &residual, x.shape())?;
    check.operand("y", &y, x.shape())?;
    cpu::dropout::dropout(x, dropout, Some(residual), y);
    Ok(())
}
