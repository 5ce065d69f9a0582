//! Matrix products, with what usually follows them fused in.

use super::{Activation, Check};
use crate::cpu;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

/// What [`gemm()`] computes besides the product.
pub struct Gemm<'a> {
    /// The factor of the product.
    pub alpha: f32,
    /// The factor of what C holds already. With 0, C is not read.
    pub beta: f32,
    /// What happens to the product before it is stored.
    pub epilogue: Epilogue<'a>,
}

impl Default for Gemm<'_> {
    fn default() -> Self {
        Gemm { alpha: 1.0, beta: 0.0, epilogue: Epilogue::None }
    }
}

/// What happens to `X = alpha A B + beta C` before it is stored in C. All but the first two need `beta = 0`.
#[derive(Default)]
pub enum Epilogue<'a> {
    /// C = X.
    #[default]
    None,
    /// C = X + bias, with the bias of shape `[N]` added to every row.
    Bias(View<'a>),
    /// C = X + bias + residual.
    Residual {
        /// Shape `[N]`.
        bias: Option<View<'a>>,
        /// Shape `[M, N]`.
        residual: View<'a>,
    },
    /// C = act(X + bias).
    Activation {
        /// Shape `[N]`.
        bias: Option<View<'a>>,
        /// The activation.
        kind: Activation,
        /// Receives X + bias, which the backward pass needs. Shape `[M, N]`.
        pre: Option<ViewMut<'a>>,
    },
    /// C = act′(pre) ⊙ X: the gradient through [`Epilogue::Activation`], where X is the gradient of the activation's
    /// result.
    ActivationBackward {
        /// The activation.
        kind: Activation,
        /// What the activation was applied to. Shape `[M, N]`.
        pre: View<'a>,
    },
}

/// `C = epilogue(alpha A B + beta C)` for A `[M, K]`, B `[K, N]` and C `[M, N]`.
///
/// A and B may have any strides: a transposed operand is `.t()` of a view. C and what the epilogue reads or writes need
/// rows without gaps. Any extent may be 0; a product over K = 0 is 0. A NaN in C has no effect when `beta` is 0.
///
/// The gradients are products too: `dA = dC Bᵀ` and `dB = Aᵀ dC`.
///
/// # Errors
/// Shapes that do not fit together, rows of C or of an epilogue's operand with gaps, and an epilogue other than
/// [`Epilogue::None`] and [`Epilogue::Bias`] with `beta ≠ 0`.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Epilogue, Gemm}};
///
/// let x = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let weight = Tensor::from_vec([2, 3], vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0])?;
/// let bias = Tensor::from_vec([2], vec![10.0, 20.0])?;
/// let mut y = Tensor::zeros([2, 2])?;
/// let options = Gemm { epilogue: Epilogue::Bias(bias.view()), ..Gemm::default() };
/// ops::gemm(x.view(), weight.view().t(), y.view_mut(), options)?;
/// assert_eq!(y.as_slice(), [14.0, 22.0, 20.0, 25.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn gemm(a: View, b: View, c: ViewMut, options: Gemm) -> Result<()> {
    let check = Check::cpu("gemm", "c", c.stream())?;
    check.rank("a", a.shape(), 2, "[M, K]")?;
    let (m, k) = (a.dim(0), a.dim(1));
    check.rank("b", b.shape(), 2, "[K, N]")?;
    let n = b.dim(1);
    check.shape("b", b.shape(), [k, n])?;
    check.on_stream("a", &a)?;
    check.on_stream("b", &b)?;
    check.operand("c", &c, [m, n])?;

    let bias_fits = |bias: &View| check.operand("bias", bias, [n]);
    match &options.epilogue {
        Epilogue::None => {}
        Epilogue::Bias(bias) => bias_fits(bias)?,
        Epilogue::Residual { bias, residual } => {
            bias.as_ref().map_or(Ok(()), bias_fits)?;
            check.operand("residual", residual, [m, n])?;
        }
        Epilogue::Activation { bias, pre, .. } => {
            bias.as_ref().map_or(Ok(()), bias_fits)?;
            if let Some(pre) = pre {
                check.operand("pre", pre, [m, n])?;
            }
        }
        Epilogue::ActivationBackward { pre, .. } => {
            check.operand("pre", pre, [m, n])?;
        }
    }
    let accumulates = matches!(options.epilogue, Epilogue::None | Epilogue::Bias(_));
    check.that(accumulates || options.beta == 0.0, "beta", "0 with this epilogue", options.beta)?;

    cpu::gemm::gemm(a, b, c, options);
    Ok(())
}
