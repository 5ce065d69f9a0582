//! Scaled dot-product attention, fused so that the scores of a whole sequence never exist at once.

use super::{Check, Dropout, Mask};
use crate::cpu;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

/// The settings of [`attention()`]: the same for its backward pass.
#[derive(Clone, Copy, Default)]
pub struct AttentionOptions<'a> {
    /// The factor of the scores. `None` is 1 / √D.
    pub scale: Option<f32>,
    /// Which keys each query sees.
    pub mask: Mask<'a>,
    /// Drops probabilities. Probability (b, h, i, j) is element `((b H + h) Tq + i) Tk + j`.
    pub dropout: Dropout,
}

/// Multi-head attention: `O = dropout(softmax(mask(scale Q Kᵀ))) V` for each sequence and head.
///
/// | operand | shape |
/// |---|---|
/// | `q`, `o` | `[B, Tq, H, D]` |
/// | `k`, `v` | `[B, Tk, Hkv, D]` |
/// | `lse` | `[B, H, Tq]`, the logarithm of each softmax's denominator, for the backward pass |
///
/// H is a multiple of Hkv, and query head h uses key-value head h / (H / Hkv): Hkv = H is multi-head attention, 1 is
/// multi-query attention, and what lies between is grouped-query attention. A query that sees no key gets zeros, and −∞
/// in `lse`. Keys and values within a sequence's key length must be finite even where the mask hides them; those beyond it
/// are never read. The operands may be slices of one packed `[B, T, 3, H, D]`. Scores live in blocks of a few queries, never for
/// a whole head.
///
/// Source: Vaswani et al., *Attention Is All You Need*, 2017, equation 1; Ainslie et al., *GQA*, 2023.
///
/// # Errors
/// Shapes that do not fit together, H not a multiple of Hkv, a last axis with gaps, key lengths beyond Tk, and a dropout
/// probability outside [0, 1).
///
/// ```
/// use warpweave::{Tensor, ops::{self, AttentionOptions, Mask}};
///
/// // One head, two tokens: the first sees itself alone.
/// let qkv = Tensor::from_vec([1, 2, 3, 1, 1], vec![0.0, 0.0, 1.0, 0.0, 0.0, 3.0])?;
/// let [q, k, v] = [0, 1, 2].map(|part| qkv.view().select(2, part));
/// let (mut o, mut lse) = (Tensor::zeros([1, 2, 1, 1])?, Tensor::zeros([1, 1, 2])?);
/// let options = AttentionOptions { mask: Mask { causal: true, ..Mask::default() }, ..AttentionOptions::default() };
/// ops::attention(q, k, v, &options, o.view_mut(), lse.view_mut())?;
/// assert_eq!(o.as_slice(), [1.0, 2.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn attention(q: View, k: View, v: View, options: &AttentionOptions, o: ViewMut, lse: ViewMut) -> Result<()> {
    let check = Check::cpu("attention", "q", q.stream())?;
    inputs(&check, q, k, v, options)?;
    check.operand("o", &o, q.shape())?;
    check.operand("lse", &lse, [q.dim(0), q.dim(2), q.dim(1)])?;
    cpu::attention::forward(q, k, v, options, o, lse);
    Ok(())
}

/// The gradients of [`attention()`], written over `dq`, `dk` and `dv`, which have the shapes of `q`, `k` and `v` and may be
/// slices of one packed gradient.
///
/// With P recomputed from `lse`, Z the dropout's factors, dP = Z ∘ (dO Vᵀ) and Δ = rowsum(dO ∘ O):
/// `dV = (P ∘ Z)ᵀ dO`, `dS = P ∘ (dP − Δ)`, `dQ = scale dS K`, `dK = scale dSᵀ Q`. A key-value head's gradients are sums over
/// its query heads. `q`, `k`, `v`, `options`, `o` and `lse` are those of the forward pass.
///
/// Source: Dao, *FlashAttention-2*, 2023, algorithm 2; Dao et al., *FlashAttention*, 2022, algorithm 4 for dropout.
///
/// # Errors
/// As [`attention()`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, AttentionOptions}};
///
/// // With a single key the output is its value, whatever the query.
/// let [q, k, v, d_o] = [0.5, 2.0, 3.0, 1.0].map(|x| Tensor::from_vec([1, 1, 1, 1], vec![x]));
/// let (q, k, v, d_o) = (q?, k?, v?, d_o?);
/// let (mut o, mut lse) = (Tensor::zeros([1, 1, 1, 1])?, Tensor::zeros([1, 1, 1])?);
/// let options = AttentionOptions::default();
/// ops::attention(q.view(), k.view(), v.view(), &options, o.view_mut(), lse.view_mut())?;
/// let mut packed = Tensor::zeros([1, 1, 3, 1, 1])?;
/// let [dq, dk, dv] = packed.view_mut().unstack(2);
/// ops::attention_backward(
///     q.view(), k.view(), v.view(), o.view(), lse.view(), d_o.view(), &options, dq, dk, dv,
/// )?;
/// assert_eq!(packed.as_slice(), [0.0, 0.0, 1.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[allow(clippy::too_many_arguments)] // Each is an operand of the algorithm, under the paper's name.
pub fn attention_backward(
    q: View,
    k: View,
    v: View,
    o: View,
    lse: View,
    d_o: View,
    options: &AttentionOptions,
    dq: ViewMut,
    dk: ViewMut,
    dv: ViewMut,
) -> Result<()> {
    let check = Check::cpu("attention_backward", "q", q.stream())?;
    inputs(&check, q, k, v, options)?;
    for (arg, view) in [("o", o), ("d_o", d_o)] {
        check.operand(arg, &view, q.shape())?;
    }
    check.operand("lse", &lse, [q.dim(0), q.dim(2), q.dim(1)])?;
    for (arg, view, like) in [("dq", &dq, q), ("dk", &dk, k), ("dv", &dv, v)] {
        check.operand(arg, view, like.shape())?;
    }
    cpu::attention::backward(q, k, v, o, lse, d_o, options, dq, dk, dv);
    Ok(())
}

/// The checks of what both passes read.
fn inputs(check: &Check, q: View, k: View, v: View, options: &AttentionOptions) -> Result<()> {
    check.rank("q", q.shape(), 4, "[B, Tq, H, D]")?;
    check.rank("k", k.shape(), 4, "[B, Tk, Hkv, D]")?;
    let (heads, kv_heads) = (q.dim(2), k.dim(2));
    check.shape("k", k.shape(), [q.dim(0), k.dim(1), kv_heads, q.dim(3)])?;
    check.shape("v", v.shape(), k.shape())?;
    let divides = heads != 0 && kv_heads != 0 && heads.is_multiple_of(kv_heads);
    check.that(divides, "k", &format!("a number of heads that divides the {heads} of `q`"), kv_heads)?;
    for (arg, view) in [("q", q), ("k", k), ("v", v)] {
        check.rows(arg, &view)?;
    }
    let scale = options.scale.unwrap_or(1.0);
    check.that(scale.is_finite(), "options.scale", "a finite number", scale)?;
    options.mask.check(check, q.dim(0), k.dim(1))?;
    options.dropout.check(check, "p")
}
