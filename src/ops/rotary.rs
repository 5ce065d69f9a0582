//! Rotary position embedding.

use super::Check;
use crate::cpu;
use crate::error::Result;
use crate::tensor::ViewMut;

/// Which two elements of a head make a pair that is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotaryLayout {
    /// 2i and 2i + 1, as in the paper and in GPT-J.
    Interleaved,
    /// i and i + D / 2, as in GPT-NeoX and LLaMA.
    Half,
}

/// The settings of a rotary position embedding (Su et al. 2021, equation 34).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotary {
    /// The base of the angles, 10000 in the paper.
    pub theta: f32,
    /// Which elements are paired.
    pub layout: RotaryLayout,
    /// The position of each sequence's first token: 0, or the number of tokens already in a key-value cache.
    pub first_position: usize,
}

/// Rotates pair i of the head vectors at position p by the angle p · theta^(−2i / D), in place:
///
/// `(x, y) ← (x cos − y sin, x sin + y cos)`
///
/// Shape: `x` `[B, T, H, D]` with any strides but the last, so that the queries or keys of a packed projection are
/// rotated where they lie. D must be even. The angles are computed in f64 and depend on the position alone: a token
/// gets the same bits in a whole sequence and alone, at `first_position`.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Rotary, RotaryLayout}};
/// let mut x = Tensor::from_vec([1, 2, 1, 2], vec![1.0, 0.0, 1.0, 0.0])?;
/// let rotary = Rotary { theta: 10_000.0, layout: RotaryLayout::Half, first_position: 0 };
/// ops::rotary(&rotary, x.view_mut())?;
/// assert_eq!(x.as_slice(), [1.0, 0.0, 1f32.cos(), 1f32.sin()]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn rotary(r: &Rotary, x: ViewMut) -> Result<()> {
    rotate("rotary", "x", r, x, 1.0)
}

/// The gradient of [`rotary()`], in place: the rotation back.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Rotary, RotaryLayout}};
/// let mut dx = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 0.0])?;
/// let rotary = Rotary { theta: 10_000.0, layout: RotaryLayout::Half, first_position: 1 };
/// ops::rotary_backward(&rotary, dx.view_mut())?;
/// assert_eq!(dx.as_slice(), [1f32.cos(), -1f32.sin()]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn rotary_backward(r: &Rotary, dx: ViewMut) -> Result<()> {
    rotate("rotary_backward", "dx", r, dx, -1.0)
}

/// Rotates by `direction` · angle.
fn rotate(op: &'static str, arg: &'static str, r: &Rotary, x: ViewMut, direction: f32) -> Result<()> {
    let check = Check::cpu(op, arg, x.stream())?;
    check.that(r.theta.is_finite() && r.theta > 0.0, "theta", "a finite number above 0", r.theta)?;
    check.rank(arg, x.shape(), 4, "[B, T, H, D]")?;
    check.that(x.dim(3).is_multiple_of(2), arg, "an even head_dim D", x.shape())?;
    check.rows(arg, &x)?;
    cpu::rotary::rotate(r, x, direction);
    Ok(())
}
