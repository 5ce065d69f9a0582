//! Rotary position embedding.

use super::Check;
use super::launch::{Address, Launcher, PerDevice, address_or_null, launch, per_device};
use crate::cpu;
use crate::error::Result;
use crate::ffi::{WW_ROTARY_HALF, WW_ROTARY_INTERLEAVED, ww_rotary_params};
use crate::tensor::{Float, View, ViewMut};

/// Which two elements of a head make a pair that is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotaryLayout {
    /// 2i and 2i + 1, as in the paper and in GPT-J.
    Interleaved,
    /// i and i + R / 2, with R the rotary dimension, as in GPT-NeoX and LLaMA.
    #[default]
    Half,
}

/// The settings of a rotary position embedding (Su et al. 2021, equation 34).
#[derive(Clone, Copy)]
pub struct Rotary<'a> {
    /// The base of the angles, 10000 in the paper.
    pub theta: f32,
    /// Which elements are paired.
    pub layout: RotaryLayout,
    /// How many elements of each head, from its first on, are rotated; the others stay as they are. `None` for all of them. GPT-NeoX
    /// rotates a quarter, GPT-J 64 of 256.
    pub rotary_dim: Option<usize>,
    /// The position of each sequence's first token: 0, or the number of tokens already in a key-value cache.
    pub first_position: usize,
    /// Where each token stands, counted from `first_position`, for sequences that are packed or padded: `[B, T]` with any
    /// strides. `None` for 0, 1, 2, …
    pub positions: Option<View<'a, u32>>,
}

impl Default for Rotary<'_> {
    /// All elements of a head, in the [`Half`](RotaryLayout::Half) layout, with the paper's base, from position 0 on.
    fn default() -> Self {
        Rotary { theta: 10_000.0, layout: RotaryLayout::Half, rotary_dim: None, first_position: 0, positions: None }
    }
}

const ROTARY: Launcher<ww_rotary_params> = per_device!(rotary);

/// Far enough from where an f64 no longer tells positions apart.
const MAX_POSITION: usize = 1 << 52;

/// Rotates pair i of the head vectors at position p by the angle p · theta^(−2i / R), in place:
///
/// `(x, y) ← (x cos − y sin, x sin + y cos)`
///
/// Shape: `x` `[B, T, H, D]` with any strides but the last, so that the queries or keys of a packed projection are
/// rotated where they lie. R is `rotary_dim`, or D: even, and at most D. The angles are exact far beyond f32, and depend on the
/// position alone: a token gets the same bits in a whole sequence and alone, at `first_position` and through `positions`.
///
/// # Errors
/// Another rank, an R that is odd or above D, a theta that is not a finite number above 0, positions that are not `[B, T]`, a
/// first position above 2⁵², a last axis of `x` with gaps, operands on different streams.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Rotary}};
/// let mut x = Tensor::from_vec([1, 2, 1, 2], vec![1.0, 0.0, 1.0, 0.0])?;
/// ops::rotary(&Rotary::default(), x.view_mut())?;
/// assert_eq!(x.as_slice(), [1.0, 0.0, 1f32.cos(), 1f32.sin()]);
///
/// // Two sequences packed into one row: the second begins at position 0 again.
/// let mut x = Tensor::from_vec([1, 2, 1, 2], vec![1.0, 0.0, 1.0, 0.0])?;
/// let positions = Tensor::from_vec([1, 2], vec![0, 0])?;
/// ops::rotary(&Rotary { positions: Some(positions.view()), ..Rotary::default() }, x.view_mut())?;
/// assert_eq!(x.as_slice(), [1.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn rotary<T: Float>(r: &Rotary, x: ViewMut<T>) -> Result<()> {
    rotate("rotary", "x", r, x, false)
}

/// The gradient of [`rotary()`], in place: the rotation back.
///
/// # Errors
/// As [`rotary()`].
///
/// ```
/// use warpweave::{Tensor, ops::{self, Rotary}};
/// let mut dx = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 0.0])?;
/// ops::rotary_backward(&Rotary { first_position: 1, ..Rotary::default() }, dx.view_mut())?;
/// assert_eq!(dx.as_slice(), [1f32.cos(), -1f32.sin()]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn rotary_backward<T: Float>(r: &Rotary, dx: ViewMut<T>) -> Result<()> {
    rotate("rotary_backward", "dx", r, dx, true)
}

/// Rotates by the angle, or by its opposite where that is `inverse`.
fn rotate<T: Float>(op: &'static str, arg: &'static str, r: &Rotary, x: ViewMut<T>, inverse: bool) -> Result<()> {
    let check = Check::new(op, arg, x.stream());
    check.that(r.theta.is_finite() && r.theta > 0.0, "theta", "a finite number above 0", r.theta)?;
    check.rank(arg, x.shape(), 4, "[B, T, H, D]")?;
    let [batch, seq_len, heads, head_dim] = [0, 1, 2, 3].map(|axis| x.dim(axis));
    let rotary_dim = r.rotary_dim.unwrap_or(head_dim);
    if r.rotary_dim.is_none() {
        check.that(head_dim.is_multiple_of(2), arg, "an even head_dim D", x.shape())?;
    }
    let expected = format!("an even number up to D = {head_dim}");
    check.that(rotary_dim.is_multiple_of(2) && rotary_dim <= head_dim, "rotary_dim", &expected, rotary_dim)?;
    check.that(r.first_position <= MAX_POSITION, "first_position", "a position up to 2⁵²", r.first_position)?;
    check.rows(arg, &x)?;
    if let Some(positions) = &r.positions {
        check.shape("positions", positions.shape(), [batch, seq_len])?;
        check.on_stream("positions", positions)?;
    }
    if check.stream.is_host() {
        cpu::rotary::rotate(r, x.narrow(3, 0, rotary_dim), inverse);
        return Ok(());
    }
    let params = ww_rotary_params {
        batch: batch as i64,
        seq_len: seq_len as i64,
        heads: heads as i64,
        head_dim: head_dim as i64,
        rotary_dim: rotary_dim as i64,
        x: x.address(),
        x_strides: [0, 1, 2].map(|axis| x.stride(axis)),
        positions: address_or_null(r.positions.as_ref()).cast(),
        positions_strides: [0, 1].map(|axis| r.positions.as_ref().map_or(0, |positions| positions.stride(axis))),
        first_position: r.first_position as u64,
        theta: r.theta,
        layout: match r.layout {
            RotaryLayout::Interleaved => WW_ROTARY_INTERLEAVED,
            RotaryLayout::Half => WW_ROTARY_HALF,
        },
        inverse: i32::from(inverse),
        dtype: T::DTYPE as i32,
    };
    // SAFETY: `x` and the positions have passed the checks, with the shapes that the header names.
    unsafe { launch(&check, ROTARY, &params) }
}
