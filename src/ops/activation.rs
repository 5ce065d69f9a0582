//! Element-wise activations, the gated SwiGLU, the gradient of a bias.

use super::Check;
use crate::cpu;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

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

/// y = f(x), element by element.
///
/// `x` and `y` have the same shape, whatever it is. Fails when they do not, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation}};
///
/// let x = Tensor::from_vec([3], vec![-1.0, 0.0, 2.0])?;
/// let mut y = Tensor::zeros([3])?;
/// ops::activation(Activation::Relu, x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [0.0, 0.0, 2.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn activation(kind: Activation, x: View, y: ViewMut) -> Result<()> {
    let check = Check::cpu("activation", "x", x.stream())?;
    check.shape("y", y.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("y", &y)?;
    cpu::activation::activation(kind, x, y);
    Ok(())
}

/// dx = dy · f′(x), element by element: the gradient of [`activation`] at its input `x`. ReLU's is 0 at 0.
///
/// `x`, `dy` and `dx` have the same shape. Fails when they do not, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Activation}};
///
/// let x = Tensor::from_vec([3], vec![-1.0, 0.0, 2.0])?;
/// let dy = Tensor::from_vec([3], vec![5.0, 5.0, 5.0])?;
/// let mut dx = Tensor::zeros([3])?;
/// ops::activation_backward(Activation::Relu, x.view(), dy.view(), dx.view_mut())?;
/// assert_eq!(dx.as_slice(), [0.0, 0.0, 5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn activation_backward(kind: Activation, x: View, dy: View, dx: ViewMut) -> Result<()> {
    let check = Check::cpu("activation_backward", "x", x.stream())?;
    check.shape("dy", dy.shape(), x.shape())?;
    check.shape("dx", dx.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("dy", &dy)?;
    check.rows("dx", &dx)?;
    cpu::activation::activation_backward(kind, x, dy, dx);
    Ok(())
}

/// y = silu(gate) · up, where a row of `x` is `gate | up` (Shazeer 2020, *GLU Variants Improve Transformer*, eq. 5).
///
/// `x` is `[R, 2F]` and `y` `[R, F]`. Fails on other shapes, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let x = Tensor::from_vec([1, 4], vec![0.0, 100.0, 7.0, 0.5])?;
/// let mut y = Tensor::zeros([1, 2])?;
/// ops::swiglu(x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [0.0, 50.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn swiglu(x: View, y: ViewMut) -> Result<()> {
    let check = Check::cpu("swiglu", "x", x.stream())?;
    check.rank("x", x.shape(), 2, "[R, 2F]")?;
    check.that(x.dim(1).is_multiple_of(2), "x", "an even number of columns, gate and up", x.dim(1))?;
    check.shape("y", y.shape(), [x.dim(0), x.dim(1) / 2])?;
    check.rows("x", &x)?;
    check.rows("y", &y)?;
    cpu::activation::swiglu(x, y);
    Ok(())
}

/// The gradient of [`swiglu`] at its input `x`: `dx` = dy · up · silu′(gate) | dy · silu(gate).
///
/// `x` and `dx` are `[R, 2F]`, `dy` is `[R, F]`. Fails on other shapes, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let x = Tensor::from_vec([1, 2], vec![0.0, 3.0])?;
/// let dy = Tensor::from_vec([1, 1], vec![1.0])?;
/// let mut dx = Tensor::zeros([1, 2])?;
/// ops::swiglu_backward(x.view(), dy.view(), dx.view_mut())?;
/// assert_eq!(dx.as_slice(), [1.5, 0.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn swiglu_backward(x: View, dy: View, dx: ViewMut) -> Result<()> {
    let check = Check::cpu("swiglu_backward", "x", x.stream())?;
    check.rank("x", x.shape(), 2, "[R, 2F]")?;
    check.that(x.dim(1).is_multiple_of(2), "x", "an even number of columns, gate and up", x.dim(1))?;
    check.shape("dy", dy.shape(), [x.dim(0), x.dim(1) / 2])?;
    check.shape("dx", dx.shape(), x.shape())?;
    check.rows("x", &x)?;
    check.rows("dy", &dy)?;
    check.rows("dx", &dx)?;
    cpu::activation::swiglu_backward(x, dy, dx);
    Ok(())
}

/// The gradient of a bias that was added to every row: dbias = beta · dbias + Σ over rows of `dy`.
///
/// `dy` is `[R, N]` and `dbias` `[N]`. With `beta` = 0 what `dbias` held, NaN included, does not matter. Fails on other
/// shapes, or when a last axis has gaps.
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
pub fn bias_backward(dy: View, beta: f32, dbias: ViewMut) -> Result<()> {
    let check = Check::cpu("bias_backward", "dy", dy.stream())?;
    check.rank("dy", dy.shape(), 2, "[R, N]")?;
    check.shape("dbias", dbias.shape(), [dy.dim(1)])?;
    check.rows("dy", &dy)?;
    check.rows("dbias", &dbias)?;
    cpu::activation::bias_backward(dy, beta, dbias);
    Ok(())
}
