//! Drawing the next tokens from a model's logits.

use super::Check;
use super::launch::{Address, Launcher, PerDevice, launch, per_device};
use crate::cpu;
use crate::error::{Error, Result};
use crate::ffi::ww_sample_params;
use crate::tensor::{Float, View, ViewMut};

/// The token of a row that [`sample`] cannot draw from, on a GPU: NaN or +∞ somewhere, or finite nowhere.
pub const NO_TOKEN: u32 = u32::MAX;

/// The longest rows: sums of so many weights fit into 64 bits.
const MAX_VOCAB_SIZE: usize = 1 << 23;

/// How [`sample`] chooses. The filters apply one after another, in the order of these fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What the logits are divided by. 0 takes the most probable token.
    pub temperature: f32,
    /// Keep the k most probable tokens; at least 1.
    pub top_k: Option<usize>,
    /// Of those, keep the smallest set of most probable tokens whose share of their probability is at least p, in (0, 1]
    /// (Holtzman et al. 2020).
    pub top_p: Option<f32>,
    /// Of those, keep the tokens that are at least p times as probable as the most probable one, p in [0, 1]
    /// (Nguyen et al. 2024).
    pub min_p: Option<f32>,
}

impl Default for Sampling {
    /// The model's distribution as it is.
    fn default() -> Self {
        Sampling { temperature: 1.0, top_k: None, top_p: None, min_p: None }
    }
}

/// Where the random numbers of a call of [`sample`] come from.
///
/// Row r takes words 0 (high) and 1 (low) of `philox(seed, [number (low), number (high), r (low), r (high) + 2³⁰])` as the
/// upper and the lower half of u, an integer of 64 bits: so rows are independent, and so are calls with different numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draw {
    /// The seed of the run.
    pub seed: u64,
    /// Which draw of the run.
    pub number: u64,
}

/// For each row a token drawn from softmax(`logits` / temperature), among those that the filters keep.
///
/// Shapes: `logits` `[R, V]`, `tokens` `[R]`; 1 ≤ V ≤ 2²³. The kept tokens share [0, 1) in the order of their numbers, each as
/// much as its probability, and the one at u / 2⁶⁴ is taken, u coming from `draw`. Of equal logits the filters and
/// temperature 0 prefer the lower number. A logit of −∞ is a token that is never drawn.
///
/// The same arguments give the same tokens on every device, without exception, whatever the type of logits that hold the same
/// numbers: probabilities are integers, 2⁴⁰ for the greatest logit, rounded down from an exponential whose steps are fixed;
/// their sums are exact. So a token less than 2⁻⁴⁰ times as probable as the most probable one is never drawn, and the
/// others' probabilities are right to 2⁻¹⁷ of themselves or to 2⁻⁴⁰ of the greatest. A temperature below 4.3e-39 counts as that.
///
/// # Errors
/// Options outside their ranges and shapes that don't fit. On the CPU also a row that holds NaN or +∞ or no finite logit; on a
/// GPU, where looking would wait for the device, such a row's token is [`NO_TOKEN`], and the other rows' are as they should be.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Draw, Sampling}};
/// let logits = Tensor::from_vec([2, 4], vec![0.0, 2.0, 1.0, 2.0, 5.0, 0.0, f32::NEG_INFINITY, 0.0])?;
/// let mut tokens = Tensor::zeros([2])?;
///
/// let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
/// ops::sample(&greedy, logits.view(), Draw { seed: 1, number: 0 }, tokens.view_mut())?;
/// assert_eq!(tokens.as_slice(), [1, 0]);
///
/// let top_2 = Sampling { top_k: Some(2), ..Sampling::default() };
/// for number in 0..100 {
///     ops::sample(&top_2, logits.view(), Draw { seed: 1, number }, tokens.view_mut())?;
///     assert!([1, 3].contains(&tokens.as_slice()[0]));
///     assert!([0, 1].contains(&tokens.as_slice()[1]));
/// }
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn sample<T: Float>(options: &Sampling, logits: View<T>, draw: Draw, mut tokens: ViewMut<u32>) -> Result<()> {
    let check = Check::new("sample", "logits", logits.stream());
    let Sampling { temperature, top_k, top_p, min_p } = *options;
    check.that(
        temperature.is_finite() && temperature >= 0.0,
        "temperature",
        "a finite number that is at least 0",
        temperature,
    )?;
    if let Some(k) = top_k {
        check.that(k >= 1, "top_k", "at least 1", k)?;
    }
    if let Some(p) = top_p {
        check.that(p > 0.0 && p <= 1.0, "top_p", "a number in (0, 1]", p)?;
    }
    if let Some(p) = min_p {
        check.that((0.0..=1.0).contains(&p), "min_p", "a number in [0, 1]", p)?;
    }
    check.rank("logits", logits.shape(), 2, "[R, V]")?;
    let [rows, vocab_size] = [logits.dim(0), logits.dim(1)];
    let expected = format_args!("1 to {MAX_VOCAB_SIZE} tokens").to_string();
    check.that((1..=MAX_VOCAB_SIZE).contains(&vocab_size), "logits", &expected, vocab_size)?;
    check.rows("logits", &logits)?;
    check.operand("tokens", &tokens, [rows])?;
    if check.stream.is_host() {
        check_rows(logits)?;
        cpu::sampling::sample(options, logits, draw, tokens.as_mut_slice());
        return Ok(());
    }
    let params = ww_sample_params {
        rows: rows as i64,
        vocab_size: vocab_size as i64,
        logits: logits.address(),
        logits_stride: logits.stride(0),
        tokens: tokens.address().cast(),
        seed: draw.seed,
        draw: draw.number,
        top_k: top_k.unwrap_or(vocab_size).min(vocab_size) as i64,
        temperature,
        top_p: top_p.unwrap_or(1.0),
        min_p: min_p.unwrap_or(0.0),
        dtype: T::DTYPE as i32,
    };
    // SAFETY: both operands have passed the checks, with the shapes that the header names.
    unsafe { launch(&check, SAMPLE, &params) }
}

const SAMPLE: Launcher<ww_sample_params> = per_device!(sample);

/// Every row must be one that a token can be drawn from.
fn check_rows<T: Float>(logits: View<T>) -> Result<()> {
    let Some(row) = cpu::sampling::first_bad_row(logits) else { return Ok(()) };
    let logits = logits.row([row]);
    let bad = |logit: f32| logit.is_nan() || logit == f32::INFINITY;
    Err(match logits.iter().map(|logit| logit.to_f32()).enumerate().find(|&(_, logit)| bad(logit)) {
        Some((token, logit)) => {
            let got = format_args!("{logit} for token {token} of row {row}");
            Error::argument("sample", "logits", "finite numbers or -inf", got)
        }
        None => {
            let got = format_args!("none among {} in row {row}", logits.len());
            Error::argument("sample", "logits", "at least one finite number in each row", got)
        }
    })
}
