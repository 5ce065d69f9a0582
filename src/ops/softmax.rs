//! Masked softmax over the last axis.

use std::ops::Range;

use super::Check;
use super::launch::{Address, Launcher, PerDevice, address_or_null, launch, per_device};
use crate::cpu;
use crate::error::{Error, Result};
use crate::ffi::{ww_softmax_backward_params, ww_softmax_params};
use crate::tensor::{Float, View, ViewMut};

/// Which keys a query sees: the intersection of all that is set. A query that sees no key gets zeros.
#[derive(Clone, Copy, Default)]
pub struct Mask<'a> {
    /// Query i sees key j only where j ≤ i + (Tk − Tq): the last query is aligned with the last key.
    pub causal: bool,
    /// Query i sees key j only where −left ≤ j − (i + Tk − Tq) ≤ right.
    pub window: Option<Window>,
    /// Sequence b has only its first `key_lengths[b]` keys. Shape `[B]`. On the CPU a length above Tk is an error; elsewhere
    /// it counts as Tk, since looking at it would wait for the device.
    pub key_lengths: Option<View<'a, u32>>,
}

impl Mask<'_> {
    /// The keys that query `i` of sequence `b` sees. They lie side by side; where there are none the range is `0..0`.
    /// Panics where the key lengths lie on another device than the CPU.
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

    /// The key lengths, if there are any, must be `batch` numbers; on the CPU of at most `seq_len_k`.
    pub(super) fn check(&self, check: &Check, batch: usize, seq_len_k: usize) -> Result<()> {
        let Some(lengths) = self.key_lengths else { return Ok(()) };
        check.operand("mask.key_lengths", &lengths, [batch])?;
        if !check.stream.is_host() {
            return Ok(());
        }
        let too_long = lengths.row([]).iter().enumerate().find(|length| *length.1 as usize > seq_len_k);
        too_long.map_or(Ok(()), |(b, length)| {
            let got = format_args!("{length} for sequence {b}");
            Err(Error::argument(check.op, "mask.key_lengths", format_args!("at most {seq_len_k} keys"), got))
        })
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

/// What a softmax is made of. Its default is a plain one.
#[derive(Clone, Copy)]
pub struct SoftmaxParams<'a, B: Float = f32> {
    /// What the scores are multiplied by.
    pub scale: f32,
    /// Which keys a query sees, by position.
    pub mask: Mask<'a>,
    /// Which keys a query sees, one by one: where this is not 0, and `mask` says so too. Broadcast to `[B, H, Tq, Tk]`; the last
    /// axis may have gaps.
    pub allowed: Option<View<'a, u8>>,
    /// Added to the scaled scores, in f32. Broadcast to `[B, H, Tq, Tk]`; the last axis may have gaps.
    pub bias: Option<View<'a, B>>,
}

impl Default for SoftmaxParams<'_> {
    fn default() -> Self {
        SoftmaxParams { scale: 1.0, mask: Mask::default(), allowed: None, bias: None }
    }
}

/// The longest row that the kernels take; the CPU takes any.
const MAX_KEYS: usize = 262_144;

impl<B: Float> SoftmaxParams<'_, B> {
    /// Checks the parameters for operands of shape `[B, H, Tq, Tk]`, to which it broadcasts what is narrower.
    fn checked(mut self, check: &Check, [batch, heads, seq_len_q, seq_len_k]: [usize; 4]) -> Result<Self> {
        check.that(self.scale.is_finite(), "scale", "a finite number", self.scale)?;
        if !check.stream.is_host() {
            check.that(seq_len_k <= MAX_KEYS, "x", &format!("at most {MAX_KEYS} keys on this device"), seq_len_k)?;
        }
        self.mask.check(check, batch, seq_len_k)?;
        let shape = [batch, heads, seq_len_q, seq_len_k];
        if let Some(allowed) = &mut self.allowed {
            check.on_stream("allowed", allowed)?;
            *allowed = check.broadcast("allowed", *allowed, shape)?;
        }
        if let Some(bias) = &mut self.bias {
            check.on_stream("bias", bias)?;
            *bias = check.broadcast("bias", *bias, shape)?;
        }
        Ok(self)
    }
}

const SOFTMAX: Launcher<ww_softmax_params> = per_device!(softmax);
const SOFTMAX_BACKWARD: Launcher<ww_softmax_backward_params> = per_device!(softmax_backward);

/// y = exp(s − max s) / Σ exp(s − max s) with s = scale · x + bias, over the keys that each query sees, and 0 elsewhere.
///
/// A query sees the keys that both `params.mask` and `params.allowed` let it see. A row with no key to see is all zeros, and so
/// is one whose s is −∞ at every key it sees; what masked elements of `x` and `bias` hold, NaN included, does not matter. NaN or
/// +∞ at a key that is seen makes NaN of the keys that are seen in that row, and of no others.
///
/// `x` and `y` are `[B, H, Tq, Tk]`.
///
/// # Errors
/// Other shapes, key lengths that are not `[B]` or, on the CPU, exceed Tk, a `scale` that is not finite, a last axis of `x` or `y` with gaps,
/// operands on different streams, and more than 262,144 keys on another device than the CPU.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Mask, SoftmaxParams}};
///
/// let x = Tensor::from_vec([1, 1, 2, 2], vec![3.0, 9.0, 5.0, 5.0])?;
/// let mut y = Tensor::zeros([1, 1, 2, 2])?;
/// let params = SoftmaxParams { mask: Mask { causal: true, ..Mask::default() }, ..SoftmaxParams::default() };
/// ops::softmax(&params, x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [1.0, 0.0, 0.5, 0.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn softmax<T: Float, B: Float>(params: &SoftmaxParams<B>, x: View<T>, y: ViewMut<T>) -> Result<()> {
    let check = Check::new("softmax", "x", x.stream());
    let shape = scores(&check, "x", &x)?;
    let params = params.checked(&check, shape)?;
    check.operand("y", &y, shape)?;
    if check.stream.is_host() {
        cpu::softmax::softmax(&params, Some(x), y);
        return Ok(());
    }
    // SAFETY: the operands have passed the checks, and those of `params` are broadcast to their shape.
    unsafe { launch(&check, SOFTMAX, &abi::<T, B>(&params, shape, &x, &y)) }
}

/// [`softmax`] that writes over its input. Errors are the same.
///
/// ```
/// use warpweave::{Tensor, ops::{self, SoftmaxParams}};
///
/// let mut x = Tensor::from_vec([1, 1, 1, 2], vec![5.0, 5.0])?;
/// ops::softmax_in_place(&SoftmaxParams::default(), x.view_mut())?;
/// assert_eq!(x.as_slice(), [0.5, 0.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn softmax_in_place<T: Float, B: Float>(params: &SoftmaxParams<B>, x: ViewMut<T>) -> Result<()> {
    let check = Check::new("softmax_in_place", "x", x.stream());
    let shape = scores(&check, "x", &x)?;
    let params = params.checked(&check, shape)?;
    if check.stream.is_host() {
        cpu::softmax::softmax(&params, None, x);
        return Ok(());
    }
    // SAFETY: as in `softmax`; the kernel takes one operand for both.
    unsafe { launch(&check, SOFTMAX, &abi::<T, B>(&params, shape, &x, &x)) }
}

/// The shape `[B, H, Tq, Tk]` of an operand.
fn scores<O: super::Operand>(check: &Check, arg: &'static str, operand: &O) -> Result<[usize; 4]> {
    check.rank(arg, operand.shape(), 4, "[B, H, Tq, Tk]")?;
    check.rows(arg, operand)?;
    Ok(std::array::from_fn(|axis| operand.shape().dims()[axis]))
}

/// The parameters as the C ABI takes them.
fn abi<T: Float, B: Float>(
    params: &SoftmaxParams<B>,
    [batch, heads, seq_len_q, seq_len_k]: [usize; 4],
    x: &impl Address,
    y: &impl Address,
) -> ww_softmax_params {
    let SoftmaxParams { scale, mask, allowed, bias } = params;
    // −1 is no limit; what reaches beyond every key is none either.
    let side = |side: fn(Window) -> usize| mask.window.map_or(-1, |w| i64::try_from(side(w)).unwrap_or(-1));
    fn strides<const N: usize>(view: Option<&impl Address>) -> [i64; N] {
        view.map_or([0; N], |view| std::array::from_fn(|axis| view.stride(axis)))
    }
    ww_softmax_params {
        batch: batch as i64,
        heads: heads as i64,
        seq_len_q: seq_len_q as i64,
        seq_len_k: seq_len_k as i64,
        x: x.address(),
        x_strides: strides(Some(x)),
        y: y.address(),
        y_strides: strides(Some(y)),
        key_lengths: address_or_null(mask.key_lengths.as_ref()).cast(),
        allowed: address_or_null(allowed.as_ref()).cast(),
        allowed_strides: strides(allowed.as_ref()),
        bias: address_or_null(bias.as_ref()),
        bias_strides: strides(bias.as_ref()),
        window_left: side(|w| w.left),
        window_right: side(|w| w.right),
        scale: *scale,
        causal: i32::from(mask.causal),
        dtype: T::DTYPE as i32,
        bias_dtype: B::DTYPE as i32,
    }
}

/// dx = scale · y · (dy − Σ y · dy), the sum over each row: the gradient of [`softmax`] at its input `x`, from its output `y`.
/// `grad` holds dy, and dx afterwards. It is the gradient of the bias, too, for a `scale` of 1, where nothing was broadcast.
///
/// A masked element has y = 0 and gets 0 whatever `grad` holds there, NaN included. `y` and `grad` are `[B, H, Tq, Tk]`.
///
/// # Errors
/// As [`softmax`].
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let y = Tensor::from_vec([1, 1, 1, 2], vec![0.5, 0.5])?;
/// let mut grad = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 0.0])?;
/// ops::softmax_backward(y.view(), 1.0, grad.view_mut())?;
/// assert_eq!(grad.as_slice(), [0.25, -0.25]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn softmax_backward<T: Float>(y: View<T>, scale: f32, grad: ViewMut<T>) -> Result<()> {
    let check = Check::new("softmax_backward", "y", y.stream());
    let shape = scores(&check, "y", &y)?;
    check.that(scale.is_finite(), "scale", "a finite number", scale)?;
    check.operand("grad", &grad, shape)?;
    if check.stream.is_host() {
        cpu::softmax::softmax_backward(y, scale, grad);
        return Ok(());
    }
    check.that(shape[3] <= MAX_KEYS, "y", &format!("at most {MAX_KEYS} keys on this device"), shape[3])?;
    let [batch, heads, seq_len_q, seq_len_k] = shape.map(|dim| dim as i64);
    let params = ww_softmax_backward_params {
        batch,
        heads,
        seq_len_q,
        seq_len_k,
        y: y.address(),
        y_strides: [0, 1, 2].map(|axis| y.stride(axis)),
        grad: grad.address(),
        grad_strides: [0, 1, 2].map(|axis| grad.stride(axis)),
        scale,
        dtype: T::DTYPE as i32,
    };
    // SAFETY: both operands have passed the checks, with the shape that the header names.
    unsafe { launch(&check, SOFTMAX_BACKWARD, &params) }
}
