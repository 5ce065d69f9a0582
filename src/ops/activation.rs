//! Element-wise activations, gated linear units, the gradient of a bias.

use std::ffi::c_void;

use super::elementwise::Rows;
use super::launch::{
    Address, Launcher, PerDevice, WorkspaceSize, address_or_null, launch, launch_with_workspace, per_device,
};
use super::{Check, Operand};
use crate::cpu;
use crate::error::Result;
use crate::ffi::{
    WW_ACTIVATION_GELU, WW_ACTIVATION_GELU_TANH, WW_ACTIVATION_RELU, WW_ACTIVATION_SILU, ww_activation_backward_params,
    ww_activation_params, ww_bias_backward_params, ww_glu_backward_params, ww_glu_params,
};
use crate::tensor::{Float, View, ViewMut};

/// The non-linearity of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), as GPT-2 computes GELU.
    GeluTanh,
    /// x Φ(x), with the error function (Hendrycks and Gimpel 2016).
    Gelu,
    /// max(x, 0).
    Relu,
    /// x σ(x).
    Silu,
}

impl Activation {
    fn code(self) -> i32 {
        match self {
            Activation::GeluTanh => WW_ACTIVATION_GELU_TANH,
            Activation::Gelu => WW_ACTIVATION_GELU,
            Activation::Relu => WW_ACTIVATION_RELU,
            Activation::Silu => WW_ACTIVATION_SILU,
        }
    }
}

/// An activation of x + bias. An [`Activation`] becomes one without a bias by itself: `ops::activation(Activation::Relu, …)`.
#[derive(Clone, Copy)]
pub struct ActivationParams<'a, W: Float = f32> {
    /// Which one.
    pub kind: Activation,
    /// Added to each row first, if there is one: as many numbers as the last axis has, of any type.
    pub bias: Option<View<'a, W>>,
}

impl From<Activation> for ActivationParams<'_> {
    fn from(kind: Activation) -> Self {
        ActivationParams { kind, bias: None }
    }
}

impl<W: Float> ActivationParams<'_, W> {
    fn check(&self, check: &Check, columns: usize) -> Result<()> {
        self.bias.map_or(Ok(()), |bias| check.operand("bias", &bias, [columns]))
    }
}

/// Where a backward pass writes the gradient of a bias.
pub struct BiasGrad<'a> {
    /// As many numbers as the last axis has; f32 in every type.
    pub dbias: ViewMut<'a>,
    /// What `dbias` is multiplied by before it is added to: 0 to write over it, 1 to accumulate. With 0, what it held does not
    /// matter.
    pub beta: f32,
}

impl BiasGrad<'_> {
    fn check(this: Option<&Self>, check: &Check, columns: usize) -> Result<()> {
        this.map_or(Ok(()), |grad| check.operand("bias_grad.dbias", &grad.dbias, [columns]))
    }
}

const ACTIVATION: Launcher<ww_activation_params> = per_device!(activation);
const ACTIVATION_BACKWARD: Launcher<ww_activation_backward_params> = per_device!(activation_backward);
const ACTIVATION_BACKWARD_WORKSPACE: WorkspaceSize<ww_activation_backward_params> =
    per_device!(activation_backward_workspace);
const GLU: Launcher<ww_glu_params> = per_device!(glu);
const GLU_BACKWARD: Launcher<ww_glu_backward_params> = per_device!(glu_backward);
const GLU_BACKWARD_WORKSPACE: WorkspaceSize<ww_glu_backward_params> = per_device!(glu_backward_workspace);
const BIAS_BACKWARD: Launcher<ww_bias_backward_params> = per_device!(bias_backward);
const BIAS_BACKWARD_WORKSPACE: WorkspaceSize<ww_bias_backward_params> = per_device!(bias_backward_workspace);

/// The last extent, 1 for a scalar.
fn columns_of(operand: &impl Operand) -> usize {
    operand.shape().dims().last().copied().unwrap_or(1)
}

/// y = f(x + bias), element by element.
///
/// `x` and `y` have the same shape, whatever it is. NaN stays NaN; −∞ gives 0, and ∞ itself.
///
/// # Errors
/// Different shapes, a bias that is not as long as the last axis, a last axis with gaps, operands on different streams, and, on
/// another device than the CPU, strides with more than four axes that cannot be seen as one.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation, ActivationParams}};
///
/// let x = Tensor::from_vec([3], vec![-1.0, 0.0, 2.0])?;
/// let mut y = Tensor::zeros([3])?;
/// ops::activation(Activation::Relu, x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [0.0, 0.0, 2.0]);
///
/// let bias = Tensor::from_vec([3], vec![2.0, -1.0, 1.0])?;
/// let params = ActivationParams { kind: Activation::Relu, bias: Some(bias.view()) };
/// ops::activation(params, x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [1.0, 0.0, 3.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn activation<'b, T: Float, W: Float>(
    f: impl Into<ActivationParams<'b, W>>,
    x: View<T>,
    y: ViewMut<T>,
) -> Result<()> {
    let params = f.into();
    let check = Check::new("activation", "x", x.stream());
    check.shape("y", y.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("y", &y)?;
    params.check(&check, columns_of(&x))?;
    if check.stream.is_host() {
        cpu::activation::activation(&params, x, y);
        return Ok(());
    }
    let rows = rows_of(&check, params.bias.is_some(), [&x, &y])?;
    let params = ww_activation_params {
        rows: rows.shape,
        x: x.address(),
        x_strides: rows.strides[0],
        bias: address_or_null(params.bias.as_ref()),
        y: y.address(),
        y_strides: rows.strides[1],
        kind: params.kind.code(),
        dtype: T::DTYPE as i32,
        bias_dtype: W::DTYPE as i32,
        reserved: 0,
    };
    // SAFETY: the operands have passed the checks; `rows` has their elements.
    unsafe { launch(&check, ACTIVATION, &params) }
}

/// The rows of operands of one shape; those of the last axis where something belongs to each of its columns.
fn rows_of<const N: usize>(check: &Check, by_columns: bool, operands: [&dyn Operand; N]) -> Result<Rows<N>> {
    if by_columns { Rows::with_columns(check, "x", operands) } else { Rows::new(check, "x", operands) }
}

/// dx = dy · f′(x + bias), element by element: the gradient of [`activation`] at its input `x`. ReLU's is 0 at 0.
///
/// `bias_grad` asks for the gradient of the bias in the same pass over memory: dbias = beta · dbias + Σ over rows of dx, from
/// dx before it is rounded to T. The sums are taken in an order that depends on the shape alone.
///
/// `x`, `dy` and `dx` have the same shape.
///
/// # Errors
/// As [`activation`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation, BiasGrad}};
///
/// let x = Tensor::from_vec([2, 2], vec![-1.0, 0.0, 2.0, 1.0])?;
/// let dy = Tensor::from_vec([2, 2], vec![5.0, 5.0, 5.0, 7.0])?;
/// let (mut dx, mut dbias) = (Tensor::zeros([2, 2])?, Tensor::zeros([2])?);
/// let bias_grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
/// ops::activation_backward(Activation::Relu, x.view(), dy.view(), dx.view_mut(), Some(bias_grad))?;
/// assert_eq!(dx.as_slice(), [0.0, 0.0, 5.0, 7.0]);
/// assert_eq!(dbias.as_slice(), [5.0, 7.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn activation_backward<'b, T: Float, W: Float>(
    f: impl Into<ActivationParams<'b, W>>,
    x: View<T>,
    dy: View<T>,
    dx: ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) -> Result<()> {
    let params = f.into();
    let check = Check::new("activation_backward", "x", x.stream());
    check.shape("dy", dy.shape(), x.shape())?;
    check.shape("dx", dx.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("dy", &dy)?;
    check.rows("dx", &dx)?;
    params.check(&check, columns_of(&x))?;
    BiasGrad::check(bias_grad.as_ref(), &check, columns_of(&x))?;
    if check.stream.is_host() {
        cpu::activation::activation_backward(&params, x, Some(dy), dx, bias_grad);
        return Ok(());
    }
    let by_columns = params.bias.is_some() || bias_grad.is_some();
    let rows = rows_of(&check, by_columns, [&x, &dy, &dx])?;
    // SAFETY: the operands have passed the checks; `rows` has their elements.
    unsafe { launch_backward(&check, &params, rows, &x, &dy, &dx, bias_grad) }
}

/// [`activation_backward`] that writes over dy: `grad` holds dy, and dx afterwards.
///
/// # Errors
/// As [`activation`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation}};
///
/// let x = Tensor::from_vec([3], vec![-1.0, 0.0, 2.0])?;
/// let mut grad = Tensor::from_vec([3], vec![5.0, 5.0, 5.0])?;
/// ops::activation_backward_in_place(Activation::Relu, x.view(), grad.view_mut(), None)?;
/// assert_eq!(grad.as_slice(), [0.0, 0.0, 5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn activation_backward_in_place<'b, T: Float, W: Float>(
    f: impl Into<ActivationParams<'b, W>>,
    x: View<T>,
    grad: ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) -> Result<()> {
    let params = f.into();
    let check = Check::new("activation_backward_in_place", "x", x.stream());
    check.shape("grad", grad.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("grad", &grad)?;
    params.check(&check, columns_of(&x))?;
    BiasGrad::check(bias_grad.as_ref(), &check, columns_of(&x))?;
    if check.stream.is_host() {
        cpu::activation::activation_backward(&params, x, None, grad, bias_grad);
        return Ok(());
    }
    let by_columns = params.bias.is_some() || bias_grad.is_some();
    let rows = rows_of(&check, by_columns, [&x, &grad, &grad])?;
    // SAFETY: as in `activation_backward`; the kernels take one operand for both.
    unsafe { launch_backward(&check, &params, rows, &x, &grad, &grad, bias_grad) }
}

/// # Safety
/// As [`launch`], with `rows` of `x`, `dy` and `dx`.
unsafe fn launch_backward<T: Float, W: Float>(
    check: &Check,
    params: &ActivationParams<W>,
    rows: Rows<3>,
    x: &View<T>,
    dy: &impl Address,
    dx: &ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) -> Result<()> {
    let params = |workspace: *mut c_void, workspace_bytes| ww_activation_backward_params {
        rows: rows.shape,
        x: x.address(),
        x_strides: rows.strides[0],
        bias: address_or_null(params.bias.as_ref()),
        dy: dy.address(),
        dy_strides: rows.strides[1],
        dx: dx.address(),
        dx_strides: rows.strides[2],
        dbias: address_or_null(bias_grad.as_ref().map(|grad| &grad.dbias)).cast(),
        workspace,
        workspace_bytes,
        beta: bias_grad.as_ref().map_or(0.0, |grad| grad.beta),
        kind: params.kind.code(),
        dtype: T::DTYPE as i32,
        bias_dtype: W::DTYPE as i32,
    };
    // SAFETY: the caller's promise.
    unsafe { launch_with_workspace(check, ACTIVATION_BACKWARD, ACTIVATION_BACKWARD_WORKSPACE, params) }
}

/// y = f(gate) · up, where a row of `x` + bias is `gate | up`: a gated linear unit (Shazeer 2020, *GLU Variants Improve
/// Transformer*). With SiLU it is SwiGLU, with either GELU GEGLU, with ReLU ReGLU.
///
/// `x` is `[R, 2F]`, `y` `[R, F]`, and the bias, if there is one, `[2F]`.
///
/// # Errors
/// Other shapes, a last axis with gaps, and operands on different streams.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation}};
///
/// let x = Tensor::from_vec([1, 4], vec![0.0, 100.0, 7.0, 0.5])?;
/// let mut y = Tensor::zeros([1, 2])?;
/// ops::glu(Activation::Silu, x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [0.0, 50.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn glu<'b, T: Float, W: Float>(f: impl Into<ActivationParams<'b, W>>, x: View<T>, y: ViewMut<T>) -> Result<()> {
    let params = f.into();
    let check = Check::new("glu", "x", x.stream());
    let [rows, columns] = gated_shape(&check, &x)?;
    check.operand("y", &y, [rows, columns])?;
    params.check(&check, 2 * columns)?;
    if check.stream.is_host() {
        cpu::activation::glu(&params, x, y);
        return Ok(());
    }
    let params = ww_glu_params {
        rows: rows as i64,
        columns: columns as i64,
        x: x.address(),
        x_stride: x.stride(0),
        bias: address_or_null(params.bias.as_ref()),
        y: y.address(),
        y_stride: y.stride(0),
        kind: params.kind.code(),
        dtype: T::DTYPE as i32,
        bias_dtype: W::DTYPE as i32,
        reserved: 0,
    };
    // SAFETY: the operands have passed the checks, with the shapes that the header names.
    unsafe { launch(&check, GLU, &params) }
}

/// R and F of an operand `[R, 2F]`.
fn gated_shape<T: Float>(check: &Check, x: &View<T>) -> Result<[usize; 2]> {
    check.rank("x", x.shape(), 2, "[R, 2F]")?;
    check.that(x.dim(1).is_multiple_of(2), "x", "an even number of columns, gate and up", x.dim(1))?;
    check.rows("x", x)?;
    Ok([x.dim(0), x.dim(1) / 2])
}

/// The gradient of [`glu`] at its input `x`: `dx` = dy · up · f′(gate) | dy · f(gate), and that of its bias, as
/// [`activation_backward`] takes it.
///
/// `x` and `dx` are `[R, 2F]`, `dy` is `[R, F]`, the bias and its gradient are `[2F]`.
///
/// # Errors
/// As [`glu`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation}};
///
/// let x = Tensor::from_vec([1, 2], vec![0.0, 3.0])?;
/// let dy = Tensor::from_vec([1, 1], vec![1.0])?;
/// let mut dx = Tensor::zeros([1, 2])?;
/// ops::glu_backward(Activation::Silu, x.view(), dy.view(), dx.view_mut(), None)?;
/// assert_eq!(dx.as_slice(), [1.5, 0.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn glu_backward<'b, T: Float, W: Float>(
    f: impl Into<ActivationParams<'b, W>>,
    x: View<T>,
    dy: View<T>,
    dx: ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) -> Result<()> {
    let params = f.into();
    let check = Check::new("glu_backward", "x", x.stream());
    let [rows, columns] = gated_shape(&check, &x)?;
    check.operand("dy", &dy, [rows, columns])?;
    check.operand("dx", &dx, x.shape())?;
    params.check(&check, 2 * columns)?;
    BiasGrad::check(bias_grad.as_ref(), &check, 2 * columns)?;
    if check.stream.is_host() {
        cpu::activation::glu_backward(&params, x, dy, dx, bias_grad);
        return Ok(());
    }
    let params = |workspace: *mut c_void, workspace_bytes| ww_glu_backward_params {
        rows: rows as i64,
        columns: columns as i64,
        x: x.address(),
        x_stride: x.stride(0),
        bias: address_or_null(params.bias.as_ref()),
        dy: dy.address(),
        dy_stride: dy.stride(0),
        dx: dx.address(),
        dx_stride: dx.stride(0),
        dbias: address_or_null(bias_grad.as_ref().map(|grad| &grad.dbias)).cast(),
        workspace,
        workspace_bytes,
        beta: bias_grad.as_ref().map_or(0.0, |grad| grad.beta),
        kind: params.kind.code(),
        dtype: T::DTYPE as i32,
        bias_dtype: W::DTYPE as i32,
    };
    // SAFETY: as in `glu`.
    unsafe { launch_with_workspace(&check, GLU_BACKWARD, GLU_BACKWARD_WORKSPACE, params) }
}

/// The gradient of a bias that was added to every row: dbias = beta · dbias + Σ over rows of `dy`.
///
/// `dy` is `[R, N]` and `dbias` `[N]`. With `beta` = 0 what `dbias` held, NaN included, does not matter. The sums are taken in f32
/// and in an order that depends on the shape alone.
///
/// # Errors
/// Other shapes, a last axis with gaps, and operands on different streams.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let dy = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let mut dbias = Tensor::from_vec([2], vec![10.0, 20.0])?;
/// ops::bias_backward(dy.view(), 1.0, dbias.view_mut())?;
/// assert_eq!(dbias.as_slice(), [14.0, 26.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn bias_backward<T: Float>(dy: View<T>, beta: f32, dbias: ViewMut) -> Result<()> {
    let check = Check::new("bias_backward", "dy", dy.stream());
    check.rank("dy", dy.shape(), 2, "[R, N]")?;
    check.rows("dy", &dy)?;
    check.operand("dbias", &dbias, [dy.dim(1)])?;
    if check.stream.is_host() {
        cpu::activation::bias_backward(dy, beta, dbias);
        return Ok(());
    }
    let params = |workspace: *mut c_void, workspace_bytes| ww_bias_backward_params {
        rows: dy.dim(0) as i64,
        columns: dy.dim(1) as i64,
        dy: dy.address(),
        dy_stride: dy.stride(0),
        dbias: dbias.address().cast(),
        workspace,
        workspace_bytes,
        beta,
        dtype: T::DTYPE as i32,
    };
    // SAFETY: both operands have passed the checks, with the shapes that the header names.
    unsafe { launch_with_workspace(&check, BIAS_BACKWARD, BIAS_BACKWARD_WORKSPACE, params) }
}
