//! Steps of AdamW over flat buffers.
//!
//! On a GPU nothing of a step waits for the host: [`grad_norm`](super::grad_norm()) leaves its result on the device,
//! [`adamw_begin`] clips by it, counts the step and skips it where the gradient is not finite, and [`adamw`] updates the
//! weights by what [`AdamWState`] says.

use std::ops::Range;

use super::Check;
use super::launch::{Address, Launcher, PerDevice, address_or_null, launch, per_device};
use crate::cpu;
use crate::device::Stream;
use crate::error::{Error, Result};
use crate::ffi::{ww_adamw_begin_params, ww_adamw_params, ww_adamw_state, ww_range};
use crate::tensor::{DType, Float, Tensor, View, ViewMut};

/// The settings of AdamW (Loshchilov and Hutter 2019, algorithm 2) that all parameters share, and what a step does with
/// their gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// The decay of the mean of the gradients, in [0, 1).
    pub beta1: f32,
    /// The decay of the mean of their squares, in [0, 1).
    pub beta2: f32,
    /// What gradients are multiplied by: one over the scale of the loss, or over the number of accumulated batches.
    pub grad_scale: f32,
    /// The largest norm of the gradient, after `grad_scale`: a larger one is scaled down to it. Infinity for none.
    pub clip: f32,
}

impl Default for AdamWStep {
    /// PyTorch's decays, and gradients as they are.
    fn default() -> Self {
        AdamWStep { beta1: 0.9, beta2: 0.999, grad_scale: 1.0, clip: f32::INFINITY }
    }
}

/// The settings of AdamW that may differ from one group of parameters to the next.
#[derive(Clone, Copy)]
pub struct AdamW<'a> {
    /// The learning rate, at least 0.
    pub lr: f32,
    /// What the learning rate is multiplied by, if anything: a schedule that the device looks up, in memory of the weights'
    /// stream. Shape `[1]`. A captured step then follows the schedule when it is replayed.
    pub lr_scale: Option<View<'a>>,
    /// What is added to the denominator, at least 0.
    pub eps: f32,
    /// How much of a decayed parameter a step takes away, as a fraction of the learning rate; at least 0.
    pub weight_decay: f32,
    /// How weights of 16 bits are rounded.
    pub rounding: Rounding,
}

impl Default for AdamW<'_> {
    /// PyTorch's.
    fn default() -> Self {
        AdamW { lr: 1e-3, lr_scale: None, eps: 1e-8, weight_decay: 0.01, rounding: Rounding::Nearest }
    }
}

/// How a step rounds weights of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// To the nearest number, and to an even one of two. Without a master copy, steps of less than half of a weight's last
    /// place are lost.
    #[default]
    Nearest,
    /// To one of the two numbers around the exact one, so that it is right in the mean: small steps add up without a master
    /// copy (Gupta et al. 2015, *Deep Learning with Limited Numerical Precision*).
    ///
    /// Element i goes away from zero if f + u / 2³² ≥ 1, f being its part of the way from the number nearer to zero to the other
    /// one, and u word (`first` + i) mod 4 of `philox(seed, [(first + i) / 4 (low), (high), step (low), step (high)])`: the
    /// same on every device. For subnormal numbers of f16, f is cut off to a multiple of 2⁻¹⁶. The number after the greatest
    /// finite one is infinity.
    Stochastic {
        /// The seed: another one than that of dropout.
        seed: u64,
        /// The number of the first element. A buffer that is updated in parts gets the same bits as in one call, if each part
        /// says where it begins; other buffers begin behind it.
        first: u64,
    },
}

/// What one call of [`adamw`] updates: elements of one number each. Shapes `[N]`.
pub struct AdamWBuffers<'a, T: Float = f32, G: Float = f32> {
    /// The weights.
    pub weights: ViewMut<'a, T>,
    /// The weights in f32, if they are kept beside those of 16 bits, which are then only written.
    pub master: Option<ViewMut<'a>>,
    /// The gradient.
    pub grads: View<'a, G>,
    /// The mean of the gradients.
    pub m: ViewMut<'a>,
    /// The mean of their squares.
    pub v: ViewMut<'a>,
}

/// Where a run of AdamW stands, in the memory of its device.
#[derive(Debug)]
pub struct AdamWState {
    /// A `ww_adamw_state`.
    words: Tensor<u32>,
    /// Whether a step has begun, so that there are values to update by.
    begun: bool,
}

/// What [`AdamWState::read`] tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWProgress {
    /// The updates so far, without those that were skipped.
    pub step: u64,
    /// The steps that were skipped since the state was made.
    pub skipped: u64,
    /// Whether the last step was.
    pub last_was_skipped: bool,
    /// What the last step that was not skipped multiplied gradients by: [`AdamWStep::grad_scale`], times what clipping did.
    pub grad_scale: f32,
}

const STATE_WORDS: usize = size_of::<ww_adamw_state>() / size_of::<u32>();

fn from_words(words: [u32; STATE_WORDS]) -> ww_adamw_state {
    // SAFETY: integers and floats without gaps, as the header and the bindings assert by the size: all bits are a value.
    unsafe { std::mem::transmute(words) }
}

fn to_words(state: ww_adamw_state) -> [u32; STATE_WORDS] {
    // SAFETY: as above.
    unsafe { std::mem::transmute(state) }
}

impl AdamWState {
    /// The beginning of a run on a device.
    pub fn new(stream: &Stream) -> Result<Self> {
        AdamWState::at_step(stream, 0)
    }

    /// A run that goes on after `step` updates.
    pub fn at_step(stream: &Stream, step: u64) -> Result<Self> {
        let state = ww_adamw_state { step, ..from_words([0; STATE_WORDS]) };
        let words = Tensor::from_vec([STATE_WORDS], to_words(state).to_vec())?.to(stream)?;
        Ok(AdamWState { words, begun: false })
    }

    /// Copies to the host how far the run is, and waits for that.
    ///
    /// # Errors
    /// [`Error::Fault`] when work that was enqueued before failed.
    pub fn read(&self) -> Result<AdamWProgress> {
        let state = self.values()?;
        let last_was_skipped = state.skip != 0;
        Ok(AdamWProgress { step: state.step, skipped: state.skipped, last_was_skipped, grad_scale: state.grad_scale })
    }

    fn values(&self) -> Result<ww_adamw_state> {
        Ok(from_words(self.words.to_vec()?.try_into().expect("the state has its size")))
    }
}

const ADAMW_BEGIN: Launcher<ww_adamw_begin_params> = per_device!(adamw_begin);
const ADAMW: Launcher<ww_adamw_params> = per_device!(adamw);

/// Begins a step: what holds for all parameters, and does not need the host.
///
/// With n = |grad_scale| · grad_norm: where n is not finite, the step is skipped. It is counted as such, and [`adamw`] changes
/// nothing until the next one begins. Otherwise it is step s, one more than the last one that was not skipped, and gradients
/// are multiplied by grad_scale · min(1, clip / n). `grad_norm` is that of the whole gradient, shape `[1]`; without it nothing is
/// clipped or skipped.
///
/// # Errors
/// A decay outside [0, 1), a `grad_scale` that is not finite, a `clip` that is not above 0, and memory of different streams.
///
/// ```
/// use warpweave::{Device, Tensor, ops::{self, AdamWState, AdamWStep}};
///
/// let mut state = AdamWState::new(&Device::Cpu.stream()?)?;
/// for norm in [8.0, f32::NAN] {
///     let norm = Tensor::from_vec([1], vec![norm])?;
///     ops::adamw_begin(&AdamWStep { clip: 2.0, ..AdamWStep::default() }, Some(norm.view()), &mut state)?;
/// }
/// let progress = state.read()?;
/// assert_eq!((progress.step, progress.skipped, progress.last_was_skipped), (1, 1, true));
/// assert_eq!(progress.grad_scale, 0.25);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn adamw_begin(options: &AdamWStep, grad_norm: Option<View>, state: &mut AdamWState) -> Result<()> {
    let stream = state.words.stream().clone();
    let check = Check::new("adamw_begin", "state", &stream);
    for (arg, value) in [("options.beta1", options.beta1), ("options.beta2", options.beta2)] {
        check.that((0.0..1.0).contains(&value), arg, "a number in [0, 1)", value)?;
    }
    check.that(options.grad_scale.is_finite(), "options.grad_scale", "a finite number", options.grad_scale)?;
    check.that(options.clip > 0.0, "options.clip", "a number above 0", options.clip)?;
    if let Some(norm) = &grad_norm {
        check.operand("grad_norm", norm, [1])?;
    }
    state.begun = true;
    if check.stream.is_host() {
        let mut values = state.values()?;
        cpu::adamw::begin(options, grad_norm.map_or(0.0, |norm| norm.as_slice()[0]), &mut values);
        state.words.as_mut_slice().copy_from_slice(&to_words(values));
        return Ok(());
    }
    let params = ww_adamw_begin_params {
        state: state.words.view_mut().address().cast(),
        norm: address_or_null(grad_norm.as_ref()).cast(),
        beta1: options.beta1,
        beta2: options.beta2,
        grad_scale: options.grad_scale,
        clip: options.clip,
    };
    // SAFETY: the norm has passed the checks; the state is the tensor's memory, of its size.
    unsafe { launch(&check, ADAMW_BEGIN, &params) }
}

/// A step of AdamW over flat buffers, in one pass, as `torch.optim.AdamW` computes it:
///
/// g = grad_scale · grads, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
/// p ← p − lr · weight_decay · p − lr · (m / (1 − β₁ˢ)) / (√(v / (1 − β₂ˢ)) + eps)
///
/// p being the weights, or their master copy. What [`adamw_begin`] decided comes from `state`: s, the β, `grad_scale` with clipping
/// in it, and whether the step is skipped: then nothing is written. A step may take several calls, for groups of parameters with
/// settings of their own. The weight decay applies to the elements in `decayed`, which are ranges in ascending order that do
/// not overlap. Without a norm to skip by, a NaN in a gradient reaches its parameter and no other.
///
/// All arithmetic is in f32 and in one order: the results are the same to the bit on every device, but for the bits of a NaN.
///
/// # Errors
/// A state that no step has begun with, settings that are negative or not finite, other shapes, ranges that overlap or reach
/// beyond N, a master copy of weights in f32, gaps, and memory of different streams.
///
/// ```
/// use warpweave::{Device, Tensor, ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep}};
///
/// let mut weights = Tensor::from_vec([2], vec![1.0, 1.0])?;
/// let grads = Tensor::from_vec([2], vec![8.0, -0.25])?;
/// let (mut norm, mut m, mut v) = (Tensor::zeros([1])?, Tensor::zeros([2])?, Tensor::zeros([2])?);
/// let mut state = AdamWState::new(&Device::Cpu.stream()?)?;
///
/// ops::grad_norm(grads.view(), norm.view_mut())?;
/// ops::adamw_begin(&AdamWStep::default(), Some(norm.view()), &mut state)?;
/// let options = AdamW { lr: 0.5, ..AdamW::default() };
/// let (weights_out, m, v) = (weights.view_mut(), m.view_mut(), v.view_mut());
/// let buffers = AdamWBuffers { weights: weights_out, master: None, grads: grads.view(), m, v };
/// ops::adamw(&options, &state, &[], buffers)?;
/// // The first step has the length `lr`, whatever the size of the gradient.
/// assert!((weights.as_slice()[0] - 0.5).abs() < 1e-6 && (weights.as_slice()[1] - 1.5).abs() < 1e-6);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn adamw<T: Float, G: Float>(
    options: &AdamW,
    state: &AdamWState,
    decayed: &[Range<usize>],
    buffers: AdamWBuffers<T, G>,
) -> Result<()> {
    let AdamWBuffers { weights, master, grads, m, v } = &buffers;
    let check = Check::new("adamw", "buffers.weights", weights.stream());
    let settings =
        [("options.lr", options.lr), ("options.eps", options.eps), ("options.weight_decay", options.weight_decay)];
    for (arg, value) in settings {
        check.that(value.is_finite() && value >= 0.0, arg, "a finite number that is at least 0", value)?;
    }
    if let Some(scale) = &options.lr_scale {
        check.operand("options.lr_scale", scale, [1])?;
    }
    check.on_stream("state", &state.words.view())?;
    check.that(state.begun, "state", "one that `adamw_begin` has begun a step of", "a new one")?;
    check.rank("buffers.weights", weights.shape(), 1, "[N]")?;
    check.rows("buffers.weights", weights)?;
    if let Some(master) = master {
        check.that(T::DTYPE != DType::F32, "buffers.master", "none for weights in f32", "one")?;
        check.operand("buffers.master", master, weights.shape())?;
    }
    check.operand("buffers.grads", grads, weights.shape())?;
    check.operand("buffers.m", m, weights.shape())?;
    check.operand("buffers.v", v, weights.shape())?;
    let mut end = 0;
    for range in decayed {
        if range.start < end || range.end < range.start || range.end > weights.len() {
            let expected = format!("ascending ranges within 0..{} that do not overlap", weights.len());
            return Err(Error::argument("adamw", "decayed", expected, format_args!("{range:?} after ..{end}")));
        }
        end = range.end;
    }
    if check.stream.is_host() {
        cpu::adamw::adamw(options, &state.values()?, decayed, buffers);
        return Ok(());
    }
    let decayed: Vec<ww_range> =
        decayed.iter().map(|range| ww_range { begin: range.start as i64, end: range.end as i64 }).collect();
    let (stochastic, seed, first) = match options.rounding {
        Rounding::Nearest => (0, 0, 0),
        Rounding::Stochastic { seed, first } => (1, seed, first),
    };
    let params = ww_adamw_params {
        count: weights.len() as i64,
        state: state.words.view().address().cast_const().cast(),
        weights: weights.address(),
        master: address_or_null(master.as_ref()).cast(),
        grads: grads.address(),
        m: m.address().cast(),
        v: v.address().cast(),
        lr_scale: address_or_null(options.lr_scale.as_ref()).cast_const().cast(),
        decayed: decayed.as_ptr(),
        decayed_count: decayed.len() as i64,
        seed,
        first,
        lr: options.lr,
        eps: options.eps,
        weight_decay: options.weight_decay,
        stochastic,
        dtype: T::DTYPE as i32,
        grad_dtype: G::DTYPE as i32,
    };
    // SAFETY: every operand above has passed the checks, with the shape that the header names; the ranges outlive the call.
    unsafe { launch(&check, ADAMW, &params) }
}
