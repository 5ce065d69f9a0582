//! Text from a trained model, token by token, with a key-value cache.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::{KvCache, Transformer, Workspace};
use crate::ops::{self, Draw, Sampling};
use crate::tensor::Tensor;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Request {
    /// The tokens to go on from, at least one.
    pub prompt: Vec<u32>,
    /// The most tokens to add.
    pub tokens: usize,
    /// How each is chosen.
    pub sampling: Sampling,
    /// The seed of the choices.
    pub seed: u64,
    /// The number of tokens of the tokenizer; a model may have been padded to more, which are never chosen.
    pub vocab_size: usize,
    /// Generation ends after the first of these tokens, which is not given out.
    pub end: Option<u32>,
}

/// Generates tokens one after another and hands each to `emit`, until it returns `false`.
///
/// ```
/// use warpweave::generate::{Request, generate};
/// use warpweave::model::{Config, Transformer};
/// use warpweave::ops::Sampling;
///
/// let model = Transformer::new(Config::gpt2(50, 16, 1, 16, 2), 1)?;
/// let request =
///     Request { prompt: vec![3], tokens: 20, sampling: Sampling::default(), seed: 1, vocab_size: 50, end: None };
/// let mut text = Vec::new();
/// generate(&model, &request, |token| {
///     text.push(token);
///     Ok(true)
/// })?;
/// assert_eq!(text.len(), 20);
/// # Ok::<(), warpweave::Error>(())
/// ```
///
/// A text longer than the model's context goes on from its second half: the cache is filled anew with the latest
/// `context / 2` tokens.
pub fn generate(
    model: &Transformer,
    request: &Request,
    mut emit: impl FnMut(u32) -> Result<bool> + Send,
) -> Result<()> {
    let context = model.config().context;
    let mut history = request.prompt.clone();
    if history.is_empty() {
        return Err(Error::argument("generate", "prompt", "at least one token", "none"));
    }
    let mut drawn = Tensor::<u32>::zeros([1])?;
    let mut cache = KvCache::new(model.config(), 1)?;
    let mut one = Workspace::for_inference(model.config(), 1, 1)?;
    // The first token of `history` that the cache has not seen.
    let mut unseen = history.len().saturating_sub(context);
    Device::Cpu.scope(|| {
        for number in 0..request.tokens as u64 {
            if cache.len() + history.len() - unseen > context {
                cache.clear();
                unseen = history.len() - context.div_ceil(2);
            }
            let tokens = &history[unseen..];
            let mut many;
            let work = match tokens.len() {
                1 => &mut one,
                n => {
                    many = Workspace::for_inference(model.config(), 1, n)?;
                    &mut many
                }
            };
            model.decode(tokens, work, &mut cache)?;
            unseen = history.len();
            let logits = model.last_logits(work)?;
            let logits = logits.narrow(1, 0, request.vocab_size.min(logits.dim(1)));
            ops::sample(&request.sampling, logits, Draw { seed: request.seed, number }, drawn.view_mut())?;
            let token = drawn.as_slice()[0];
            if Some(token) == request.end || !emit(token)? {
                break;
            }
            history.push(token);
        }
        Ok(())
    })
}

/// Holds back text that may be the beginning of a stop string, so that nothing of it is given out.
#[derive(Debug)]
pub struct StopText {
    stop: String,
    held: String,
    found: bool,
}

impl StopText {
    /// Stops before `stop`; never when there is none or it is empty.
    pub fn new(stop: Option<&str>) -> Self {
        StopText { stop: stop.unwrap_or_default().to_string(), held: String::new(), found: false }
    }

    /// Takes more text and returns what can be given out, and whether the stop string has come.
    pub fn push(&mut self, text: &str) -> (String, bool) {
        if self.found {
            return (String::new(), true);
        }
        self.held.push_str(text);
        if self.stop.is_empty() {
            return (std::mem::take(&mut self.held), false);
        }
        if let Some(at) = self.held.find(&self.stop) {
            self.found = true;
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        // The longest end of the text that the stop string begins with.
        let keep = self.stop.char_indices().map(|(at, _)| &self.stop[..at]).rfind(|start| self.held.ends_with(start));
        let keep = keep.map_or(0, str::len);
        let rest = self.held.split_off(self.held.len() - keep);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What was held back, when no more text comes.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::StopText;

    #[test]
    fn text_before_the_stop_string_is_given_out_and_nothing_after() {
        for (pieces, expected) in [
            (vec!["one ST", "OP two"], "one "),
            (vec!["one STSTOP"], "one ST"),
            (vec!["S", "T", "O", "ne"], "STOne"),
            (vec!["one S"], "one S"),
            (vec!["STOP", "more"], ""),
        ] {
            let mut stop = StopText::new(Some("STOP"));
            let mut out: String = pieces.iter().map(|piece| stop.push(piece).0).collect();
            out.push_str(&stop.finish());
            assert_eq!(out, expected, "{pieces:?}");
        }
    }
}
