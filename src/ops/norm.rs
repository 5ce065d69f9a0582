//! Layer norm and RMS norm, with the residual addition before them.

use super::Check;
use crate::cpu;
use crate::device::Device;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

/// How a row is normalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// By its mean and standard deviation (Ba, Kiros and Hinton 2016, *Layer Normalization*).
    Layer,
    /// By its root mean square (Zhang and Sennrich 2019, *Root Mean Square Layer Normalization*).
    Rms,
}

/// What a normalization is made of.
#[derive(Clone, Copy)]
pub struct NormParams<'a> {
    /// Which one.
    pub kind: NormKind,
    /// Added to the variance, or to the mean square.
    pub eps: f32,
    /// The gain of each column. Shape `[C]`.
    pub gamma: View<'a>,
    /// The bias of each column, if there is one. Shape `[C]`.
    pub beta: Option<View<'a>>,
}

/// A second input, added to the first before the sum is normalized.
pub struct Residual<'a> {
    /// What is added. Shape `[R, C]`.
    pub input: View<'a>,
    /// Where the sum is written: the residual stream that goes on. Shape `[R, C]`.
    pub sum: ViewMut<'a>,
}

/// What the backward pass needs to know of each row.
#[derive(Clone, Copy)]
pub struct NormStats<'a> {
    /// The mean; 0 for RMS norm. Shape `[R]`.
    pub mean: View<'a>,
    /// 1 / √(variance + eps), or 1 / √(mean square + eps). Shape `[R]`.
    pub rstd: View<'a>,
}

/// Where the forward pass writes [`NormStats`].
pub struct NormStatsMut<'a> {
    /// The mean; 0 for RMS norm. Shape `[R]`.
    pub mean: ViewMut<'a>,
    /// 1 / √(variance + eps), or 1 / √(mean square + eps). Shape `[R]`.
    pub rstd: ViewMut<'a>,
}

impl NormParams<'_> {
    fn check(&self, check: &Check, columns: usize) -> Result<()> {
        check.that(columns > 0, "x", "at least one column", columns)?;
        check.that(self.eps >= 0.0 && self.eps.is_finite(), "eps", "a finite number of at least 0", self.eps)?;
        check.shape("gamma", self.gamma.shape(), [columns])?;
        check.rows("gamma", self.gamma.has_contiguous_rows(), self.gamma.strides())?;
        if let Some(beta) = self.beta {
            check.shape("beta", beta.shape(), [columns])?;
            check.rows("beta", beta.has_contiguous_rows(), beta.strides())?;
        }
        Ok(())
    }
}

/// y = (s − mean) · rstd · gamma + beta for each row s of `x`, or of `x` + `residual.input`.
///
/// Layer norm: mean = Σ s / C, rstd = 1 / √(Σ (s − mean)² / C + eps). RMS norm: mean = 0, rstd = 1 / √(Σ s² / C + eps).
/// The variance is taken around the mean in a second pass, so a large mean costs no accuracy.
///
/// `x` and `y` are `[R, C]`, with C at least 1, and the other shapes are those of [`NormParams`], [`Residual`] and
/// [`NormStatsMut`]. Fails on other shapes, on an `eps` that is negative or not finite, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, NormKind, NormParams, NormStatsMut}};
///
/// let (x, gamma) = (Tensor::from_vec([1, 2], vec![1.0, 3.0])?, Tensor::from_vec([2], vec![1.0, 1.0])?);
/// let (mut y, mut mean, mut rstd) = (Tensor::zeros([1, 2])?, Tensor::zeros([1])?, Tensor::zeros([1])?);
/// let params = NormParams { kind: NormKind::Layer, eps: 0.0, gamma: gamma.view(), beta: None };
/// let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
/// ops::norm(&params, x.view(), None, y.view_mut(), stats)?;
/// assert_eq!(y.as_slice(), [-1.0, 1.0]);
/// assert_eq!(mean.as_slice(), [2.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn norm(params: &NormParams, x: View, residual: Option<Residual>, y: ViewMut, stats: NormStatsMut) -> Result<()> {
    let check = Check("norm");
    check.rank("x", x.shape(), 2, "[R, C]")?;
    check.rows("x", x.has_contiguous_rows(), x.strides())?;
    params.check(&check, x.dim(1))?;
    if let Some(Residual { input, sum }) = &residual {
        check.shape("residual.input", input.shape(), x.shape())?;
        check.rows("residual.input", input.has_contiguous_rows(), input.strides())?;
        check.shape("residual.sum", sum.shape(), x.shape())?;
        check.rows("residual.sum", sum.has_contiguous_rows(), sum.strides())?;
    }
    check.shape("y", y.shape(), x.shape())?;
    check.rows("y", y.has_contiguous_rows(), y.strides())?;
    check.shape("stats.mean", stats.mean.shape(), [x.dim(0)])?;
    check.rows("stats.mean", stats.mean.has_contiguous_rows(), stats.mean.strides())?;
    check.shape("stats.rstd", stats.rstd.shape(), [x.dim(0)])?;
    check.rows("stats.rstd", stats.rstd.has_contiguous_rows(), stats.rstd.strides())?;
    match x.device() {
        Device::Cpu => cpu::norm::norm(params, x, residual, y, stats),
    }
    Ok(())
}

/// The gradients of [`norm`] from `dy`, that of its output.
///
/// With n = (x − mean) · rstd and g = dy · gamma, for each row:
/// - dx = rstd · (g − mean(g) − n · mean(g · n)) + `residual_grad`, without mean(g) for RMS norm;
/// - dgamma = `beta_acc` · dgamma + Σ over rows of dy · n;
/// - dbeta = `beta_acc` · dbeta + Σ over rows of dy.
///
/// `x` is what was normalized: `residual.sum` where there was a residual, and then `dx` is the gradient of both inputs;
/// `residual_grad` is the gradient that reaches the sum by its other path. `x`, `dy`, `residual_grad` and `dx` are
/// `[R, C]`, the statistics `[R]`, `dgamma` and `dbeta` `[C]`. With `beta_acc` = 0 what `dgamma` and `dbeta` held does not
/// matter. Fails on other shapes, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, NormKind, NormParams, NormStats}};
///
/// let (x, gamma) = (Tensor::from_vec([1, 2], vec![1.0, 3.0])?, Tensor::from_vec([2], vec![1.0, 1.0])?);
/// let (mean, rstd) = (Tensor::from_vec([1], vec![2.0])?, Tensor::from_vec([1], vec![1.0])?);
/// let dy = Tensor::from_vec([1, 2], vec![5.0, 7.0])?;
/// let (mut dx, mut dgamma) = (Tensor::zeros([1, 2])?, Tensor::zeros([2])?);
/// let params = NormParams { kind: NormKind::Layer, eps: 0.0, gamma: gamma.view(), beta: None };
/// let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
/// ops::norm_backward(&params, x.view(), stats, dy.view(), None, dx.view_mut(), 0.0, dgamma.view_mut(), None)?;
/// assert_eq!(dx.as_slice(), [0.0, 0.0]);
/// assert_eq!(dgamma.as_slice(), [-5.0, 7.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[expect(clippy::too_many_arguments, reason = "each is an operand of the formula")]
pub fn norm_backward(
    params: &NormParams,
    x: View,
    stats: NormStats,
    dy: View,
    residual_grad: Option<View>,
    dx: ViewMut,
    beta_acc: f32,
    dgamma: ViewMut,
    dbeta: Option<ViewMut>,
) -> Result<()> {
    let check = Check("norm_backward");
    check.rank("x", x.shape(), 2, "[R, C]")?;
    check.rows("x", x.has_contiguous_rows(), x.strides())?;
    params.check(&check, x.dim(1))?;
    check.shape("stats.mean", stats.mean.shape(), [x.dim(0)])?;
    check.rows("stats.mean", stats.mean.has_contiguous_rows(), stats.mean.strides())?;
    check.shape("stats.rstd", stats.rstd.shape(), [x.dim(0)])?;
    check.rows("stats.rstd", stats.rstd.has_contiguous_rows(), stats.rstd.strides())?;
    check.shape("dy", dy.shape(), x.shape())?;
    check.rows("dy", dy.has_contiguous_rows(), dy.strides())?;
    if let Some(grad) = residual_grad {
        check.shape("residual_grad", grad.shape(), x.shape())?;
        check.rows("residual_grad", grad.has_contiguous_rows(), grad.strides())?;
    }
    check.shape("dx", dx.shape(), x.shape())?;
    check.rows("dx", dx.has_contiguous_rows(), dx.strides())?;
    check.shape("dgamma", dgamma.shape(), [x.dim(1)])?;
    check.rows("dgamma", dgamma.has_contiguous_rows(), dgamma.strides())?;
    if let Some(dbeta) = &dbeta {
        check.shape("dbeta", dbeta.shape(), [x.dim(1)])?;
        check.rows("dbeta", dbeta.has_contiguous_rows(), dbeta.strides())?;
    }
    match x.device() {
        Device::Cpu => {
            cpu::norm::norm_backward(params, x, stats, dy, residual_grad, dx, beta_acc, dgamma, dbeta);
        }
    }
    Ok(())
}
