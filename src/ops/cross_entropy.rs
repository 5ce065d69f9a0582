//! Softmax and cross-entropy in one, with label smoothing, rows to ignore, weights and a padded vocabulary.

use super::launch::{Address, Launcher, PerDevice, address_or_null, launch, per_device};
use super::{Check, Operand};
use crate::cpu;
use crate::error::Result;
use crate::ffi::{ww_cross_entropy_params, ww_reciprocal_count_params};
use crate::tensor::{Float, Shape, View, ViewMut};

/// How a row of logits is held against its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossEntropy {
    /// ε: the target distribution is (1 − ε) at the target plus ε / V everywhere (Szegedy et al. 2016, *Rethinking the
    /// Inception Architecture*, section 7). 0 by default.
    pub label_smoothing: f32,
    /// A row with this target has the loss 0 and no gradient, and its logits are not read. [`CrossEntropy::IGNORE`] by default.
    pub ignore_index: u32,
    /// V, where the logits have more columns than the vocabulary has tokens, as after rounding it up to a multiple of 128. What
    /// the other columns hold, NaN included, does not matter, and their gradient is 0. `None` by default: all columns.
    pub vocab_size: Option<usize>,
    /// z: z · lse² is added to the loss, which keeps the log-sum-exp near 0 (Chowdhery et al. 2022, *PaLM*, section 5, with
    /// 10⁻⁴). 0 by default.
    pub z_loss: f32,
}

impl CrossEntropy {
    /// The default of [`ignore_index`](Self::ignore_index): no vocabulary reaches it.
    pub const IGNORE: u32 = u32::MAX;

    /// The columns that take part, of so many.
    pub(crate) fn vocab(&self, columns: usize) -> usize {
        self.vocab_size.unwrap_or(columns)
    }
}

impl Default for CrossEntropy {
    fn default() -> Self {
        CrossEntropy { label_smoothing: 0.0, ignore_index: Self::IGNORE, vocab_size: None, z_loss: 0.0 }
    }
}

/// What logits are held against. Made from the targets' indices alone where that is all.
#[derive(Clone, Copy)]
pub struct CrossEntropyTargets<'a> {
    /// The column of each row's target. Shape `[R]`.
    pub indices: View<'a, u32>,
    /// What each row's loss and gradient are multiplied by, 1 if absent. A weight of 0 is as good as a target to ignore: the
    /// row's logits are not read, whatever they hold. Shape `[R]`.
    pub weights: Option<View<'a>>,
}

impl<'a> From<View<'a, u32>> for CrossEntropyTargets<'a> {
    fn from(indices: View<'a, u32>) -> Self {
        CrossEntropyTargets { indices, weights: None }
    }
}

/// What is written for each row. Made from where the losses go alone where that is all.
pub struct CrossEntropyLosses<'a> {
    /// Shape `[R]`.
    pub losses: ViewMut<'a>,
    /// ln Σ exp(logits), if it is asked for; 0 for rows that are ignored. Shape `[R]`.
    pub lse: Option<ViewMut<'a>>,
}

impl<'a> From<ViewMut<'a>> for CrossEntropyLosses<'a> {
    fn from(losses: ViewMut<'a>) -> Self {
        CrossEntropyLosses { losses, lse: None }
    }
}

/// What gradients are multiplied by. Made from a number where that is all.
#[derive(Clone, Copy)]
pub struct GradScale<'a> {
    /// A number that the host knows.
    pub factor: f32,
    /// One more that only the device knows, such as what [`reciprocal_count`] finds. Shape `[1]`.
    pub on_device: Option<View<'a>>,
}

impl From<f32> for GradScale<'_> {
    fn from(factor: f32) -> Self {
        GradScale { factor, on_device: None }
    }
}

/// The most columns that the kernels take; the CPU takes any.
const MAX_COLUMNS: usize = 262_144;

const CROSS_ENTROPY: Launcher<ww_cross_entropy_params> = per_device!(cross_entropy);
const RECIPROCAL_COUNT: Launcher<ww_reciprocal_count_params> = per_device!(reciprocal_count);

fn check_operands(
    check: &Check,
    options: &CrossEntropy,
    logits: &impl Operand,
    targets: &CrossEntropyTargets,
    out: &CrossEntropyLosses,
) -> Result<()> {
    let shape: Shape = logits.shape();
    check.rank("logits", shape, 2, "[R, V]")?;
    let (rows, columns) = (shape.dims()[0], shape.dims()[1]);
    check.that(columns > 0, "logits", "at least one column", shape)?;
    if !check.stream.is_host() {
        let expected = format!("at most {MAX_COLUMNS} columns on this device");
        check.that(columns <= MAX_COLUMNS, "logits", &expected, columns)?;
    }
    let CrossEntropy { label_smoothing, z_loss, .. } = *options;
    let vocab = options.vocab(columns);
    check.that((1..=columns).contains(&vocab), "options.vocab_size", &format!("1 to {columns} columns"), vocab)?;
    check.that(
        (0.0..=1.0).contains(&label_smoothing),
        "options.label_smoothing",
        "a number from 0 to 1",
        label_smoothing,
    )?;
    check.that(z_loss >= 0.0 && z_loss.is_finite(), "options.z_loss", "a finite number of at least 0", z_loss)?;
    check.operand("targets", &targets.indices, [rows])?;
    if let Some(weights) = &targets.weights {
        check.operand("weights", weights, [rows])?;
    }
    check.operand("losses", &out.losses, [rows])?;
    if let Some(lse) = &out.lse {
        check.operand("lse", lse, [rows])?;
    }
    check.rows("logits", logits)?;
    if !check.stream.is_host() {
        return Ok(());
    }
    let stray = |&(_, &target): &(usize, &u32)| target as usize >= vocab && target != options.ignore_index;
    match targets.indices.row([]).iter().enumerate().find(stray) {
        None => Ok(()),
        Some((row, target)) => {
            let expected = format!("targets below {vocab}, or {} to ignore a row", options.ignore_index);
            check.that(false, "targets", &expected, format_args!("{target} in row {row}"))
        }
    }
}

/// The loss of each row: weight · (lse − (1 − ε) · logits\[target\] − ε · mean(logits) + z · lse²) with
/// lse = ln Σ exp(logits). With neither weights nor z, that is PyTorch's `cross_entropy` with `reduction="none"`.
///
/// `logits` is `[R, Vp]`, of which the first V = [`vocab_size`](CrossEntropy::vocab_size) columns take part; `targets` are
/// `[R]` indices, or [`CrossEntropyTargets`] with weights; `losses` is `[R]`, or [`CrossEntropyLosses`] with the log-sum-exp, too.
///
/// Rows whose target is [`ignore_index`](CrossEntropy::ignore_index), or whose weight is 0, get 0 for both, whatever their
/// logits. A logit of −∞ has probability 0, and makes the loss +∞ where the target distribution has more than that. A row with
/// NaN, +∞ or nothing but −∞ gets NaN.
///
/// # Errors
/// Other shapes, no columns, a `vocab_size` of 0 or more than there are columns, a label smoothing outside 0 … 1, a `z_loss` that
/// is negative or not finite, a last axis with gaps, operands on different streams, and on another device than the CPU more than
/// 262,144 columns. On the CPU, another target of V or more. Looking for those would wait for a device: there, the loss of such a row is
/// NaN, and its log-sum-exp is what it is.
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy}};
///
/// let logits = Tensor::from_vec([1, 2], vec![0.0, 0.0])?;
/// let targets = Tensor::from_vec([1], vec![1])?;
/// let mut losses = Tensor::zeros([1])?;
/// ops::cross_entropy(&CrossEntropy::default(), logits.view(), targets.view(), losses.view_mut())?;
/// assert!((losses.as_slice()[0] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), warpweave::Error>(())
/// ```
///
/// Two tokens, padded to four columns:
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy, CrossEntropyLosses, CrossEntropyTargets}};
///
/// let logits = Tensor::from_vec([1, 4], vec![0.0, 0.0, 7.0, 7.0])?;
/// let (targets, weights) = (Tensor::from_vec([1], vec![1])?, Tensor::from_vec([1], vec![0.5])?);
/// let (mut losses, mut lse) = (Tensor::zeros([1])?, Tensor::zeros([1])?);
/// let options = CrossEntropy { vocab_size: Some(2), ..CrossEntropy::default() };
/// let weighted = CrossEntropyTargets { indices: targets.view(), weights: Some(weights.view()) };
/// let out = CrossEntropyLosses { losses: losses.view_mut(), lse: Some(lse.view_mut()) };
/// ops::cross_entropy(&options, logits.view(), weighted, out)?;
/// assert!((lse.as_slice()[0] - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(losses.as_slice()[0], 0.5 * lse.as_slice()[0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn cross_entropy<'a, T: Float>(
    options: &CrossEntropy,
    logits: View<T>,
    targets: impl Into<CrossEntropyTargets<'a>>,
    losses: impl Into<CrossEntropyLosses<'a>>,
) -> Result<()> {
    let (targets, out) = (targets.into(), losses.into());
    let check = Check::new("cross_entropy", "logits", logits.stream());
    check_operands(&check, options, &logits, &targets, &out)?;
    if check.stream.is_host() {
        cpu::cross_entropy::cross_entropy(options, logits, &targets, out);
        return Ok(());
    }
    // SAFETY: the operands have passed the checks; without a gradient the logits are not written.
    unsafe { launch(&check, CROSS_ENTROPY, &abi::<T>(options, None, &logits, &targets, &out)) }
}

/// [`cross_entropy`], and in place of the logits its gradient: `grad_scale` · weight · ((1 + 2 z · lse) · softmax(logits) −
/// target distribution).
///
/// The losses are those of [`cross_entropy`] to the bit; they do not depend on `grad_scale`, a number or a [`GradScale`]. Rows
/// that are ignored get zeros, whatever their logits, and so do columns beyond the vocabulary. A row whose loss is NaN gets NaN in
/// all columns of the vocabulary. Shapes and errors are the same.
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy}};
///
/// let mut logits = Tensor::from_vec([1, 2], vec![0.0, 0.0])?;
/// let targets = Tensor::from_vec([1], vec![1])?;
/// let mut losses = Tensor::zeros([1])?;
/// ops::cross_entropy_fused(&CrossEntropy::default(), 1.0, logits.view_mut(), targets.view(), losses.view_mut())?;
/// assert_eq!(logits.as_slice(), [0.5, -0.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn cross_entropy_fused<'a, T: Float>(
    options: &CrossEntropy,
    grad_scale: impl Into<GradScale<'a>>,
    logits: ViewMut<T>,
    targets: impl Into<CrossEntropyTargets<'a>>,
    losses: impl Into<CrossEntropyLosses<'a>>,
) -> Result<()> {
    let (grad_scale, targets, out) = (grad_scale.into(), targets.into(), losses.into());
    let check = Check::new("cross_entropy_fused", "logits", logits.stream());
    check_operands(&check, options, &logits, &targets, &out)?;
    if let Some(on_device) = &grad_scale.on_device {
        check.operand("grad_scale.on_device", on_device, [1])?;
    }
    if check.stream.is_host() {
        let scale = grad_scale.factor * grad_scale.on_device.map_or(1.0, |scale| scale.row([])[0]);
        cpu::cross_entropy::cross_entropy_fused(options, scale, logits, &targets, out);
        return Ok(());
    }
    // SAFETY: the operands have passed the checks.
    unsafe { launch(&check, CROSS_ENTROPY, &abi::<T>(options, Some(grad_scale), &logits, &targets, &out)) }
}

/// 1 over the number of targets that are not `ignore_index`, or 1 where all are: what turns a sum of losses into their mean, where
/// the targets are known to the device alone. `targets` is `[R]`, `reciprocal` is `[1]`.
///
/// # Errors
/// Other shapes, a last axis with gaps, and operands on different streams.
///
/// ```
/// use warpweave::{Tensor, ops::{self, CrossEntropy, GradScale}};
///
/// let targets = Tensor::from_vec([3], vec![1, CrossEntropy::IGNORE, 0])?;
/// let (mut reciprocal, mut losses) = (Tensor::zeros([1])?, Tensor::zeros([3])?);
/// ops::reciprocal_count(targets.view(), CrossEntropy::IGNORE, reciprocal.view_mut())?;
/// assert_eq!(reciprocal.as_slice(), [0.5]);
/// // The gradient of the mean loss.
/// let mut logits = Tensor::<f32>::zeros([3, 2])?;
/// let mean = GradScale { factor: 1.0, on_device: Some(reciprocal.view()) };
/// ops::cross_entropy_fused(&CrossEntropy::default(), mean, logits.view_mut(), targets.view(), losses.view_mut())?;
/// assert_eq!(logits.as_slice(), [0.25, -0.25, 0.0, 0.0, -0.25, 0.25]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn reciprocal_count(targets: View<u32>, ignore_index: u32, mut reciprocal: ViewMut) -> Result<()> {
    let check = Check::new("reciprocal_count", "targets", targets.stream());
    check.rank("targets", targets.shape(), 1, "[R]")?;
    check.rows("targets", &targets)?;
    check.operand("reciprocal", &reciprocal, [1])?;
    if check.stream.is_host() {
        let counted = targets.row([]).iter().filter(|&&target| target != ignore_index).count();
        reciprocal.row_mut([])[0] = 1.0 / counted.max(1) as f32;
        return Ok(());
    }
    let params = ww_reciprocal_count_params {
        count: targets.len() as i64,
        targets: targets.address().cast(),
        reciprocal: reciprocal.address().cast(),
        ignore_index,
        reserved: 0,
    };
    // SAFETY: both operands have passed the checks.
    unsafe { launch(&check, RECIPROCAL_COUNT, &params) }
}

/// The parameters as the C ABI takes them; with a gradient where there is a scale for it.
fn abi<T: Float>(
    options: &CrossEntropy,
    grad_scale: Option<GradScale>,
    logits: &(impl Address + Operand),
    targets: &CrossEntropyTargets,
    out: &CrossEntropyLosses,
) -> ww_cross_entropy_params {
    let shape = logits.shape();
    let (rows, columns) = (shape.dims()[0], shape.dims()[1]);
    ww_cross_entropy_params {
        rows: rows as i64,
        columns: columns as i64,
        vocab_size: options.vocab(columns) as i64,
        logits: logits.address(),
        logits_stride: logits.stride(0),
        targets: targets.indices.address().cast(),
        weights: address_or_null(targets.weights.as_ref()).cast(),
        device_scale: address_or_null(grad_scale.and_then(|scale| scale.on_device).as_ref()).cast(),
        losses: out.losses.address().cast(),
        lse: address_or_null(out.lse.as_ref()).cast(),
        grad_scale: grad_scale.map_or(0.0, |scale| scale.factor),
        label_smoothing: options.label_smoothing,
        z_loss: options.z_loss,
        ignore_index: options.ignore_index,
        gradient: i32::from(grad_scale.is_some()),
        dtype: T::DTYPE as i32,
    }
}
