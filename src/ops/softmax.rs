//! Masked softmax over the last axis.

use std::ops::Range;

use super::Check;
use crate::cpu;
use crate::device::Device;
use crate::error::Result;
use crate::tensor::{View, ViewMut};

/// Which keys a query sees: the intersection of all that is set. A query that sees no key gets zeros.
#[derive(Clone, Copy, Default)]
pub struct Mask<'a> {
    /// Query i sees key j only where j ≤ i + (Tk − Tq): the last query is aligned with the last key.
    pub causal: bool,
    /// Query i sees key j only where −left ≤ j − (i + Tk − Tq) ≤ right.
    pub window: Option<Window>,
    /// Sequence b has only its first `key_lengths[b]` keys. Shape `[B]`.
    pub key_lengths: Option<View<'a, u32>>,
}

impl Mask<'_> {
    /// The keys that query `i` of sequence `b` sees. They lie side by side; where there are none the range is `0..0`.
    ///
    /// ```
    /// use warpweave::ops::{Mask, Window};
    ///
    /// let mask = Mask { causal: true, window: Some(Window { left: 2, right: 0 }), key_lengths: None };
    /// // Four queries at the end of six keys: query 1 stands at position 3.
    /// assert_eq!(mask.keys(0, 1, 4, 6), 1..4);
    /// ```
    pub fn keys(&self, b: usize, i: usize, seq_len_q: usize, seq_len_k: usize) -> Range<usize> {
        let signed = |x: usize| isize::try_from(x).unwrap_or(isize::MAX);
        let position = signed(i) + signed(seq_len_k) - signed(seq_len_q);
        let mut start = 0;
        let mut end = match self.key_lengths {
            Some(lengths) => signed(lengths.row([])[b] as usize),
            None => signed(seq_len_k),
        };
        if self.causal {
            end = end.min(position + 1);
        }
        if let Some(Window { left, right }) = self.window {
            start = position.saturating_sub(signed(left)).max(0);
            end = end.min(position.saturating_add(signed(right)).saturating_add(1));
        }
        end = end.min(signed(seq_len_k));
        if start < end { start as usize..end as usize } else { 0..0 }
    }

    /// The key lengths, if there are any, must be `batch` numbers of at most `seq_len_k`.
    pub(crate) fn check(&self, op: &'static str, batch: usize, seq_len_k: usize) -> Result<()> {
        let Some(lengths) = self.key_lengths else { return Ok(()) };
        let check = Check(op);
        check.shape("mask.key_lengths", lengths.shape(), [batch])?;
        check.rows("mask.key_lengths", lengths.has_contiguous_rows(), lengths.strides())?;
        for (b, &length) in lengths.row([]).iter().enumerate() {
            let fits = length as usize <= seq_len_k;
            check.that(
                fits,
                "mask.key_lengths",
                &format!("at most {seq_len_k} keys"),
                format_args!("{length} for sequence {b}"),
            )?;
        }
        Ok(())
    }
}

/// How far a query sees to each side of its own position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// Keys before the query's position.
    pub left: usize,
    /// Keys after it.
    pub right: usize,
}

/// y = exp(scale · x − max) / Σ exp(scale · x − max) over the keys that `mask` lets each query see, and 0 elsewhere.
///
/// `x` and `y` are `[B, H, Tq, Tk]`. A row with no key to see is all zeros, and so is one that is −∞ at every key it sees;
/// what masked elements of `x` hold, NaN included, does not matter. Fails on other shapes, on key lengths that are not
/// `[B]` or exceed Tk, on a `scale` that is not finite, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Mask}};
///
/// let x = Tensor::from_vec([1, 1, 2, 2], vec![3.0, 9.0, 5.0, 5.0])?;
/// let mut y = Tensor::zeros([1, 1, 2, 2])?;
/// ops::softmax(x.view(), 1.0, &Mask { causal: true, ..Mask::default() }, y.view_mut())?;
/// assert_eq!(y.as_slice(), [1.0, 0.0, 0.5, 0.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn softmax(x: View, scale: f32, mask: &Mask, y: ViewMut) -> Result<()> {
    let check = Check("softmax");
    check.rank("x", x.shape(), 4, "[B, H, Tq, Tk]")?;
    check.rows("x", x.has_contiguous_rows(), x.strides())?;
    check.that(scale.is_finite(), "scale", "a finite number", scale)?;
    mask.check(check.0, x.dim(0), x.dim(3))?;
    check.shape("y", y.shape(), x.shape())?;
    check.rows("y", y.has_contiguous_rows(), y.strides())?;
    match x.device() {
        Device::Cpu => cpu::softmax::softmax(x, scale, mask, y),
    }
    Ok(())
}

/// dx = scale · y · (dy − Σ y · dy), the sum over each row: the gradient of [`softmax`] at its input, from its output `y`.
///
/// A masked element has y = 0 and gets 0, since `y` alone tells which are masked; `dy` must be finite there. `y`, `dy`
/// and `dx` are `[B, H, Tq, Tk]`. Fails on other shapes, on a `scale` that is not finite, or when a last axis has gaps.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let y = Tensor::from_vec([1, 1, 1, 2], vec![0.5, 0.5])?;
/// let dy = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 0.0])?;
/// let mut dx = Tensor::zeros([1, 1, 1, 2])?;
/// ops::softmax_backward(y.view(), dy.view(), 1.0, dx.view_mut())?;
/// assert_eq!(dx.as_slice(), [0.25, -0.25]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn softmax_backward(y: View, dy: View, scale: f32, dx: ViewMut) -> Result<()> {
    let check = Check("softmax_backward");
    check.rank("y", y.shape(), 4, "[B, H, Tq, Tk]")?;
    check.rows("y", y.has_contiguous_rows(), y.strides())?;
    check.shape("dy", dy.shape(), y.shape())?;
    check.rows("dy", dy.has_contiguous_rows(), dy.strides())?;
    check.that(scale.is_finite(), "scale", "a finite number", scale)?;
    check.shape("dx", dx.shape(), y.shape())?;
    check.rows("dx", dx.has_contiguous_rows(), dx.strides())?;
    match y.device() {
        Device::Cpu => cpu::softmax::softmax_backward(y, dy, scale, dx),
    }
    Ok(())
}
