//! Dropout from Philox counters.

use super::elementwise::Rows;
use super::launch::{Address, Launcher, PerDevice, address_or_null, launch, per_device};
use super::{Check, Operand};
use crate::cpu;
use crate::error::Result;
use crate::ffi::ww_dropout_apply_params;
use crate::tensor::{Float, View, ViewMut};

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

const APPLY: Launcher<ww_dropout_apply_params> = per_device!(dropout_apply);

/// `y = mask ⊙ x / (1 − p)`, with the mask that [`Dropout`] defines: zero with probability p, else one.
///
/// It is its own backward pass: apply it to dy, with the same `dropout`, for dx. x and y have any one shape; element i is
/// the i-th in row-major order. A dropped element is zero whatever x holds, NaN too. The mask is the same on every device, and so
/// is each bit of y.
///
/// Source: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014, in the form
/// that scales during training.
///
/// # Errors
/// p outside [0, 1), different shapes, a last axis with gaps, operands on different streams; on another device than the CPU
/// strides with more than four axes that do not merge.
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
pub fn dropout<T: Float>(x: View<T>, dropout: Dropout, y: ViewMut<T>) -> Result<()> {
    let check = Check::new("dropout", "x", x.stream());
    dropout.check(&check, "p")?;
    check.rows("x", &x)?;
    check.operand("y", &y, x.shape())?;
    if check.stream.is_host() {
        cpu::dropout::dropout(Some(x), dropout, None, y);
        return Ok(());
    }
    // SAFETY: the operands have passed the checks, with one shape.
    unsafe { apply(&check, &x, dropout, None, &y) }
}

/// [`dropout()`] that writes over its input. Errors are the same.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Dropout}};
///
/// let mut x = Tensor::from_vec([1, 8], vec![1.0; 8])?;
/// ops::dropout_in_place(Dropout { p: 0.5, seed: 1, site: 0 }, x.view_mut())?;
/// assert!(x.as_slice().iter().all(|&x| x == 0.0 || x == 2.0));
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn dropout_in_place<T: Float>(dropout: Dropout, x: ViewMut<T>) -> Result<()> {
    let check = Check::new("dropout_in_place", "x", x.stream());
    dropout.check(&check, "p")?;
    check.rows("x", &x)?;
    if check.stream.is_host() {
        cpu::dropout::dropout(None, dropout, None, x);
        return Ok(());
    }
    // SAFETY: as in `dropout`; the kernel takes one operand for both.
    unsafe { apply(&check, &x, dropout, None, &x) }
}

/// `y = residual + mask ⊙ x / (1 − p)`: [`dropout()`] and the addition after it in one pass, rounded once.
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
pub fn dropout_add<T: Float>(x: View<T>, dropout: Dropout, residual: View<T>, y: ViewMut<T>) -> Result<()> {
    let check = Check::new("dropout_add", "x", x.stream());
    dropout.check(&check, "p")?;
    check.rows("x", &x)?;
    check.operand("residual", &residual, x.shape())?;
    check.operand("y", &y, x.shape())?;
    if check.stream.is_host() {
        cpu::dropout::dropout(Some(x), dropout, Some(residual), y);
        return Ok(());
    }
    // SAFETY: the operands have passed the checks, with one shape.
    unsafe { apply(&check, &x, dropout, Some(residual), &y) }
}

/// Enqueues the kernel.
///
/// # Safety
/// As [`launch`]: the operands have passed the checks. `x` and `y` may be one.
unsafe fn apply<T: Float>(
    check: &Check,
    x: &(impl Operand + Address),
    dropout: Dropout,
    residual: Option<View<T>>,
    y: &ViewMut<T>,
) -> Result<()> {
    // Where there is no residual, x stands in for it: its axes merge as x's do.
    let beside: &dyn Operand = residual.as_ref().map_or(x, |residual| residual);
    let Rows { shape, strides } = Rows::new(check, "x", [x, beside, y])?;
    let params = ww_dropout_apply_params {
        rows: shape,
        x: x.address(),
        x_strides: strides[0],
        residual: address_or_null(residual.as_ref()),
        residual_strides: strides[1],
        y: y.address(),
        y_strides: strides[2],
        dropout: dropout.into(),
        dtype: T::DTYPE as i32,
        reserved: 0,
    };
    // SAFETY: the caller's promise.
    unsafe { launch(check, APPLY, &params) }
}
