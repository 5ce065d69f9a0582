//! Training and evaluation windows over a corpus.

use std::sync::Arc;

use super::shard::Tokens;
use crate::random::philox;
use crate::{Error, Result};

/// Sets the numbers drawn here apart from those that others draw from the same seed.
const OFFSET_DRAW: u32 = 0x0FF5_E700;
const ORDER_DRAW: u32 = 0x0DE2_0000;

/// Rounds of the Feistel network. Luby and Rackoff show that four make a pseudo-random permutation of a large domain; the
/// domains here can be small.
const ROUNDS: u32 = 8;

/// Random training windows of a fixed length.
///
/// An epoch shifts the corpus by a random offset below the context, cuts it into windows of `context` targets each, and
/// goes through all of them once, in random order. The inputs of a window starting at s are the tokens s … s + T − 1, its
/// targets s + 1 … s + T.
///
/// Both offset and order are functions of the seed and the epoch: the batch of a step depends on nothing that came before,
/// and going on after a restart needs no state. The order takes no memory either: it is a Feistel network over Philox,
/// applied until it lands among the windows (cycle walking; Black and Rogaway, *Ciphers with Arbitrary Finite Domains*,
/// CT-RSA 2002).
///
/// ```
/// use std::sync::Arc;
/// use warpweave::data::{Tokens, Windows};
/// let windows = Windows::new(Arc::new(Tokens::from_vec((0..100).collect())), 8, 42)?;
/// let (mut inputs, mut targets) = ([0; 16], [0; 16]);
/// windows.batch(0, 2, &mut inputs, &mut targets)?;
/// assert!(inputs.iter().zip(&targets).all(|(input, target)| input + 1 == *target));
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Windows {
    tokens: Arc<Tokens>,
    context: usize,
    seed: u64,
    per_epoch: u64,
}

impl Windows {
    /// Windows of `context` inputs and targets over `tokens`.
    ///
    /// # Errors
    /// [`Error::Setting`] when the context is 0; [`Error::Data`] when the corpus is shorter than one window.
    pub fn new(tokens: Arc<Tokens>, context: usize, seed: u64) -> Result<Self> {
        if context == 0 {
            return Err(Error::setting("context", "at least 1", 0));
        }
        let (needed, found) = (context as u64 + 1, tokens.len());
        if found < needed {
            let expected = format!("at least {needed} tokens for one context of {context}");
            return Err(Error::data("training text", expected, format!("{found} tokens")));
        }
        // So many fit behind every offset, which makes all epochs equally long; a corpus below two contexts gets one.
        let per_epoch = ((found - context as u64) / context as u64).max(1);
        Ok(Windows { tokens, context, seed, per_epoch })
    }

    /// Windows in an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.per_epoch
    }

    /// Inputs, and targets, in a window.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The corpus.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The batch of `step`, counted from 0: inputs and targets of `batch` windows, (batch, context) each.
    ///
    /// # Errors
    /// [`Error::Argument`] when a buffer has another length; [`Error::Format`] when a shard holds an impossible id.
    pub fn batch(&self, step: u64, batch: usize, inputs: &mut [u32], targets: &mut [u32]) -> Result<()> {
        check_buffers("Windows::batch", batch, self.context, inputs, targets)?;
        let rows = inputs.chunks_exact_mut(self.context).zip(targets.chunks_exact_mut(self.context));
        for (row, (inputs, targets)) in (0..).zip(rows) {
            let start = self.start(u128::from(step) * batch as u128 + row);
            self.tokens.read(start, inputs)?;
            self.tokens.read(start + 1, targets)?;
        }
        Ok(())
    }

    /// Where the `index`th window of the whole run starts.
    fn start(&self, index: u128) -> u64 {
        let epoch = (index / u128::from(self.per_epoch)) as u64;
        let window = permute((index % u128::from(self.per_epoch)) as u64, self.per_epoch, self.seed, epoch);
        let slack = self.tokens.len() - 1 - self.per_epoch * self.context as u64;
        let [low, high, ..] = philox(self.seed, [epoch as u32, (epoch >> 32) as u32, 0, OFFSET_DRAW]);
        let word = u64::from(high) << 32 | u64::from(low);
        let choices = slack.min(self.context as u64 - 1) + 1;
        let offset = ((u128::from(word) * u128::from(choices)) >> 64) as u64;
        offset + window * self.context as u64
    }
}

/// Where `index` goes in the random order of 0 … `n` − 1 that belongs to `seed` and `epoch`.
fn permute(index: u64, n: u64, seed: u64, epoch: u64) -> u64 {
    // The network permutes numbers of an even number of bits, fewer than 4 n of them.
    let half = (u64::BITS - (n - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1 << half) - 1;
    let mut place = index;
    loop {
        let (mut left, mut right) = (place >> half, place & mask);
        for round in 0..ROUNDS {
            let counter = [right as u32, epoch as u32, (epoch >> 32) as u32, ORDER_DRAW | round];
            (left, right) = (right, left ^ u64::from(philox(seed, counter)[0]) & mask);
        }
        place = left << half | right;
        if place < n {
            return place;
        }
    }
}

/// A corpus in order, cut into windows for evaluation: each token but the first is a target exactly once.
#[derive(Debug, Clone)]
pub struct Consecutive {
    tokens: Arc<Tokens>,
    context: usize,
}

impl Consecutive {
    /// Windows of at most `context` targets.
    ///
    /// # Errors
    /// [`Error::Setting`] when the context is 0; [`Error::Data`] when there are fewer than two tokens.
    pub fn new(tokens: Arc<Tokens>, context: usize) -> Result<Self> {
        if context == 0 {
            return Err(Error::setting("context", "at least 1", 0));
        }
        if tokens.len() < 2 {
            return Err(Error::data("evaluation text", "at least 2 tokens", tokens.len()));
        }
        Ok(Consecutive { tokens, context })
    }

    /// The number of windows. All but the last are full.
    pub fn windows(&self) -> u64 {
        self.targets().div_ceil(self.context as u64)
    }

    /// The number of targets: one less than the tokens.
    pub fn targets(&self) -> u64 {
        self.tokens.len() - 1
    }

    /// Inputs and targets of the windows from `first` on, (batch, context) each. What lies behind the corpus gets input 0
    /// and target `ignore`. Returns how many targets count.
    ///
    /// # Errors
    /// [`Error::Argument`] when a buffer has another length; [`Error::Format`] when a shard holds an impossible id.
    pub fn batch(
        &self,
        first: u64,
        batch: usize,
        inputs: &mut [u32],
        targets: &mut [u32],
        ignore: u32,
    ) -> Result<usize> {
        check_buffers("Consecutive::batch", batch, self.context, inputs, targets)?;
        let start = first.saturating_mul(self.context as u64).min(self.targets());
        let count = (self.targets() - start).min(inputs.len() as u64) as usize;
        inputs[count..].fill(0);
        targets[count..].fill(ignore);
        self.tokens.read(start, &mut inputs[..count])?;
        self.tokens.read(start + 1, &mut targets[..count])?;
        Ok(count)
    }
}

fn check_buffers(op: &'static str, batch: usize, context: usize, inputs: &[u32], targets: &[u32]) -> Result<()> {
    for (arg, len) in [("inputs", inputs.len()), ("targets", targets.len())] {
        if batch.checked_mul(context) != Some(len) {
            return Err(Error::argument(op, arg, format!("{batch} × {context} ids"), len));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_order_is_a_permutation(n in 1u64..600, seed in any::<u64>(), epoch in any::<u64>()) {
            let mut places: Vec<u64> = (0..n).map(|i| permute(i, n, seed, epoch)).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn large_domains_stay_in_range() {
        for n in [u64::from(u32::MAX), 1 << 32, (1 << 32) + 1, 1 << 40] {
            assert!((0..1000).all(|i| permute(n - 1 - i, n, 1, 2) < n));
        }
    }

    /// Each of 8 elements stands at each of 8 places about equally often over the epochs.
    #[test]
    fn the_order_is_even() {
        let mut counts = [[0u32; 8]; 8];
        for epoch in 0..8000 {
            for i in 0..8 {
                counts[i as usize][permute(i, 8, 5, epoch) as usize] += 1;
            }
        }
        assert!(counts.iter().flatten().all(|&c| (850..1150).contains(&c)), "{counts:?}");
    }
}
