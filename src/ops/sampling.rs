//! Drawing the next token from a model's logits.

use super::Check;
use crate::cpu;
use crate::error::{Error, Result};
use crate::tensor::View;

/// How [`sample`] chooses. The filters apply one after another: temperature, then `top_k`, then `top_p`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What the logits are divided by. 0 takes the most probable token.
    pub temperature: f32,
    /// Keep the k most probable tokens; at least 1.
    pub top_k: Option<usize>,
    /// Keep the smallest set of most probable tokens whose probability is at least p, in (0, 1] (Holtzman et al. 2020).
    pub top_p: Option<f32>,
}

impl Default for Sampling {
    /// The model's distribution as it is.
    fn default() -> Self {
        Sampling { temperature: 1.0, top_k: None, top_p: None }
    }
}

/// A token drawn from softmax(`logits` / temperature), among those that the filters keep.
///
/// Shape: `logits` `[V]`. The kept tokens share [0, 1) in the order of their numbers, each as much as its probability,
/// and the one at `uniform` is taken; so the same `uniform` gives the same token. Of equally probable tokens the
/// filters prefer the lower number. A logit of −∞ is a token that is never drawn. NaN, +∞, and logits that are all −∞
/// are errors.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Sampling}};
/// let logits = Tensor::from_vec([4], vec![0.0, 2.0, 1.0, 2.0])?;
/// let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
/// assert_eq!(ops::sample(&greedy, logits.view(), 0.7)?, 1);
/// let top_2 = Sampling { top_k: Some(2), ..Sampling::default() };
/// assert_eq!(ops::sample(&top_2, logits.view(), 0.7)?, 3);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn sample(options: &Sampling, logits: View, uniform: f32) -> Result<u32> {
    let check = Check::cpu("sample", "logits", logits.stream())?;
    let Sampling { temperature, top_k, top_p } = *options;
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
    check.that((0.0..1.0).contains(&uniform), "uniform", "a number in [0, 1)", uniform)?;
    check.rank("logits", logits.shape(), 1, "[V]")?;
    check.rows("logits", &logits)?;
    let bad = |logit: f32| logit.is_nan() || logit == f32::INFINITY;
    let logits = logits.as_slice();
    if let Some(token) = logits.iter().position(|&logit| bad(logit)) {
        let got = format_args!("{} for token {token}", logits[token]);
        return Err(Error::argument("sample", "logits", "finite numbers or -inf", got));
    }
    if !logits.iter().any(|logit| logit.is_finite()) {
        let got = format_args!("none among {}", logits.len());
        return Err(Error::argument("sample", "logits", "at least one finite number", got));
    }
    Ok(cpu::sampling::sample(options, logits, uniform))
}
