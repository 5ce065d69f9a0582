//! Layer norm and RMS norm, with the dropout and the residual addition before them.

use std::ffi::c_void;

use super::launch::{
    Address, Launcher, PerDevice, WorkspaceSize, address_or_null, launch, launch_with_workspace, per_device,
    stride_or_zero,
};
use super::{Check, Dropout};
use crate::cpu;
use crate::error::Result;
use crate::ffi::{WW_NORM_LAYER, WW_NORM_RMS, ww_norm_backward_params, ww_norm_params};
use crate::tensor::{Float, View, ViewMut};

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
pub struct NormParams<'a, W: Float = f32> {
    /// Which one.
    pub kind: NormKind,
    /// Added to the variance, or to the mean square.
    pub eps: f32,
    /// The gain of each column. Shape `[C]`.
    pub gamma: View<'a, W>,
    /// The bias of each column, if there is one. Shape `[C]`.
    pub beta: Option<View<'a, W>>,
}

/// The residual connection around the branch whose output is normalized with it.
pub struct Residual<'a, T: Float = f32> {
    /// What the branch's output is added to. Shape `[R, C]`.
    pub input: View<'a, T>,
    /// Where the sum is written: the residual stream that goes on. Shape `[R, C]`.
    pub sum: ViewMut<'a, T>,
    /// Of the branch's output, before it is added.
    pub dropout: Dropout,
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

/// The gradient that reaches what was normalized by the residual connection, which the backward pass adds to that of the norm.
#[derive(Clone, Copy, Default)]
pub enum ResidualGrad<'a, T: Float = f32> {
    /// There is no such connection.
    #[default]
    None,
    /// It lies here. Shape `[R, C]`.
    Apart(View<'a, T>),
    /// It lies in [`NormGrads::dx`], where the sum is written over it.
    InPlace,
}

impl<'a, T: Float> From<Option<View<'a, T>>> for ResidualGrad<'a, T> {
    fn from(grad: Option<View<'a, T>>) -> Self {
        grad.map_or(ResidualGrad::None, ResidualGrad::Apart)
    }
}

/// Where the backward pass writes its gradients.
pub struct NormGrads<'a, T: Float = f32> {
    /// Of what was normalized, and so of the residual's input. Shape `[R, C]`.
    pub dx: ViewMut<'a, T>,
    /// Of the branch's output, if it is asked for.
    pub branch: Option<BranchGrad<'a, T>>,
    /// Of the gain; f32 in every type. Shape `[C]`.
    pub dgamma: ViewMut<'a>,
    /// Of the bias, if there is one. Shape `[C]`.
    pub dbeta: Option<ViewMut<'a>>,
    /// What `dgamma` and `dbeta` are multiplied by before they are added to: 0 to write over them, 1 to accumulate.
    pub beta_acc: f32,
}

/// The gradient of a branch whose output was added to the residual stream after dropout.
pub struct BranchGrad<'a, T: Float = f32> {
    /// Shape `[R, C]`.
    pub dx: ViewMut<'a, T>,
    /// That of [`Residual`].
    pub dropout: Dropout,
}

impl<W: Float> NormParams<'_, W> {
    fn check(&self, check: &Check, columns: usize) -> Result<()> {
        check.that(columns > 0, "x", "at least one column", columns)?;
        if !check.stream.is_host() {
            check.that(
                columns <= MAX_COLUMNS,
                "x",
                &format!("at most {MAX_COLUMNS} columns on this device"),
                columns,
            )?;
        }
        check.that(self.eps >= 0.0 && self.eps.is_finite(), "eps", "a finite number of at least 0", self.eps)?;
        check.operand("gamma", &self.gamma, [columns])?;
        self.beta.map_or(Ok(()), |beta| check.operand("beta", &beta, [columns]))
    }

    fn kind_code(&self) -> i32 {
        match self.kind {
            NormKind::Layer => WW_NORM_LAYER,
            NormKind::Rms => WW_NORM_RMS,
        }
    }
}

/// The widest row that the kernels take; the CPU takes any.
const MAX_COLUMNS: usize = 65_536;

const NORM: Launcher<ww_norm_params> = per_device!(norm);
const NORM_BACKWARD: Launcher<ww_norm_backward_params> = per_device!(norm_backward);
const NORM_BACKWARD_WORKSPACE: WorkspaceSize<ww_norm_backward_params> = per_device!(norm_backward_workspace);

/// y = (s − mean) · rstd · gamma + beta for each row s of `x`, or of `residual.input` + dropout(`x`).
///
/// Layer norm: mean = Σ s / C, rstd = 1 / √(Σ (s − mean)² / C + eps). RMS norm: mean = 0, rstd = 1 / √(Σ s² / C + eps).
/// The variance is taken around the mean, so a large mean costs no accuracy. The sum with a residual is rounded to T, and
/// what is normalized is the rounded sum: what the backward pass reads. Its dropout drops the elements that
/// [`dropout()`](super::dropout()) drops.
///
/// `x` and `y` are `[R, C]`, with C at least 1, and the other shapes are those of [`NormParams`], [`Residual`] and
/// [`NormStatsMut`]. The weights may be of another type than the rows.
///
/// # Errors
/// Other shapes, an `eps` that is negative or not finite, a dropout outside [0, 1), a last axis with gaps, operands on
/// different streams, and more than 65,536 columns on another device than the CPU.
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
pub fn norm<T: Float, W: Float>(
    params: &NormParams<W>,
    x: View<T>,
    residual: Option<Residual<T>>,
    y: ViewMut<T>,
    stats: NormStatsMut,
) -> Result<()> {
    let check = Check::new("norm", "x", x.stream());
    check.rank("x", x.shape(), 2, "[R, C]")?;
    check.rows("x", &x)?;
    params.check(&check, x.dim(1))?;
    if let Some(Residual { input, sum, dropout }) = &residual {
        check.operand("residual.input", input, x.shape())?;
        check.operand("residual.sum", sum, x.shape())?;
        dropout.check(&check, "residual.dropout.p")?;
    }
    check.operand("y", &y, x.shape())?;
    check.operand("stats.mean", &stats.mean, [x.dim(0)])?;
    check.operand("stats.rstd", &stats.rstd, [x.dim(0)])?;
    if check.stream.is_host() {
        cpu::norm::norm(params, x, residual, y, stats);
        return Ok(());
    }
    let (input, sum) = (residual.as_ref().map(|r| &r.input), residual.as_ref().map(|r| &r.sum));
    let params = ww_norm_params {
        rows: x.dim(0) as i64,
        columns: x.dim(1) as i64,
        x: x.address(),
        x_stride: x.stride(0),
        residual: address_or_null(input),
        residual_stride: stride_or_zero(input, 0),
        sum: address_or_null(sum),
        sum_stride: stride_or_zero(sum, 0),
        y: y.address(),
        y_stride: y.stride(0),
        gamma: params.gamma.address(),
        beta: address_or_null(params.beta.as_ref()),
        mean: stats.mean.address().cast(),
        rstd: stats.rstd.address().cast(),
        dropout: residual.as_ref().map(|r| r.dropout).unwrap_or_default().into(),
        eps: params.eps,
        kind: params.kind_code(),
        dtype: T::DTYPE as i32,
        weight_dtype: W::DTYPE as i32,
    };
    // SAFETY: every operand above has passed the checks, with the shape that the header names.
    unsafe { launch(&check, NORM, &params) }
}

/// The gradients of [`norm`] from `dy`, that of its output.
///
/// With n = (x − mean) · rstd and g = dy · gamma, for each row:
/// - dx = rstd · (g − mean(g) − n · mean(g · n)) + the residual's gradient, without mean(g) for RMS norm;
/// - branch.dx = dropout(dx), from dx before it is rounded to T;
/// - dgamma = beta_acc · dgamma + Σ over rows of dy · n;
/// - dbeta = beta_acc · dbeta + Σ over rows of dy.
///
/// `x` is what was normalized: `residual.sum` where there was a residual. Then `dx` is the gradient of the residual's input,
/// `branch.dx` that of the forward pass's `x`, and [`ResidualGrad`] the gradient that reaches the sum by its other path. `x`
/// and `dy` are `[R, C]`, and the other shapes are those of [`NormStats`], [`ResidualGrad`] and [`NormGrads`]. With
/// `beta_acc` = 0 what `dgamma` and `dbeta` held does not matter. The sums over rows are taken in an order that depends on the
/// shape alone.
///
/// # Errors
/// As [`norm`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, NormGrads, NormKind, NormParams, NormStats, ResidualGrad}};
///
/// let (x, gamma) = (Tensor::from_vec([1, 2], vec![1.0, 3.0])?, Tensor::from_vec([2], vec![1.0, 1.0])?);
/// let (mean, rstd) = (Tensor::from_vec([1], vec![2.0])?, Tensor::from_vec([1], vec![1.0])?);
/// let dy = Tensor::from_vec([1, 2], vec![5.0, 7.0])?;
/// // The gradient of the residual stream, to which that of the norm is added.
/// let (mut dx, mut dgamma) = (Tensor::from_vec([1, 2], vec![0.5, 0.25])?, Tensor::zeros([2])?);
/// let params = NormParams { kind: NormKind::Layer, eps: 0.0, gamma: gamma.view(), beta: None };
/// let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
/// let (dx_out, dgamma_out) = (dx.view_mut(), dgamma.view_mut());
/// let grads = NormGrads { dx: dx_out, branch: None, dgamma: dgamma_out, dbeta: None, beta_acc: 0.0 };
/// ops::norm_backward(&params, x.view(), stats, dy.view(), ResidualGrad::InPlace, grads)?;
/// assert_eq!(dx.as_slice(), [0.5, 0.25]);
/// assert_eq!(dgamma.as_slice(), [-5.0, 7.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn norm_backward<T: Float, W: Float>(
    params: &NormParams<W>,
    x: View<T>,
    stats: NormStats,
    dy: View<T>,
    residual_grad: ResidualGrad<T>,
    grads: NormGrads<T>,
) -> Result<()> {
    let check = Check::new("norm_backward", "x", x.stream());
    check.rank("x", x.shape(), 2, "[R, C]")?;
    check.rows("x", &x)?;
    params.check(&check, x.dim(1))?;
    check.operand("stats.mean", &stats.mean, [x.dim(0)])?;
    check.operand("stats.rstd", &stats.rstd, [x.dim(0)])?;
    check.operand("dy", &dy, x.shape())?;
    if let ResidualGrad::Apart(grad) = &residual_grad {
        check.operand("residual_grad", grad, x.shape())?;
    }
    check.operand("grads.dx", &grads.dx, x.shape())?;
    if let Some(branch) = &grads.branch {
        check.operand("grads.branch.dx", &branch.dx, x.shape())?;
        branch.dropout.check(&check, "grads.branch.dropout.p")?;
    }
    check.operand("grads.dgamma", &grads.dgamma, [x.dim(1)])?;
    if let Some(dbeta) = &grads.dbeta {
        check.operand("grads.dbeta", dbeta, [x.dim(1)])?;
    }
    if check.stream.is_host() {
        cpu::norm::norm_backward(params, x, stats, dy, residual_grad, grads);
        return Ok(());
    }
    let branch = grads.branch.as_ref();
    let (residual_address, residual_stride) = match &residual_grad {
        ResidualGrad::None => (std::ptr::null_mut(), 0),
        ResidualGrad::Apart(grad) => (grad.address(), grad.stride(0)),
        ResidualGrad::InPlace => (grads.dx.address(), grads.dx.stride(0)),
    };
    let params = |workspace: *mut c_void, workspace_bytes| ww_norm_backward_params {
        rows: x.dim(0) as i64,
        columns: x.dim(1) as i64,
        x: x.address(),
        x_stride: x.stride(0),
        dy: dy.address(),
        dy_stride: dy.stride(0),
        residual_grad: residual_address,
        residual_grad_stride: residual_stride,
        dx: grads.dx.address(),
        dx_stride: grads.dx.stride(0),
        dbranch: address_or_null(branch.map(|branch| &branch.dx)),
        dbranch_stride: stride_or_zero(branch.map(|branch| &branch.dx), 0),
        gamma: params.gamma.address(),
        mean: stats.mean.address().cast(),
        rstd: stats.rstd.address().cast(),
        dgamma: grads.dgamma.address().cast(),
        dbeta: address_or_null(grads.dbeta.as_ref()).cast(),
        workspace,
        workspace_bytes,
        dropout: branch.map(|branch| branch.dropout).unwrap_or_default().into(),
        beta_acc: grads.beta_acc,
        kind: params.kind_code(),
        dtype: T::DTYPE as i32,
        weight_dtype: W::DTYPE as i32,
    };
    // SAFETY: every operand above has passed the checks, with the shape that the header names.
    unsafe { launch_with_workspace(&check, NORM_BACKWARD, NORM_BACKWARD_WORKSPACE, params) }
}
