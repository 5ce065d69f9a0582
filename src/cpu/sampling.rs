//! Drawing tokens: the steps of `kernels/sampling/`, which give the same tokens.

use std::cell::RefCell;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use super::{rows_per_task, scratch, simd};
use crate::ops::{Draw, Sampling};
use crate::random::philox;
use crate::tensor::{Float, View};

/// The greatest logit's weight.
const WHOLE: u64 = 1 << 40;
/// How many of the most probable tokens top-p looks at first; four times as many each time that they do not suffice.
const FIRST_LOOK: usize = 64;
/// Tokens whose weights are added up together, before the drawn one is looked for among them.
const CHUNK: usize = 512;

/// The first row that holds NaN or +∞, or no finite logit.
pub fn first_bad_row<T: Float>(logits: View<T>) -> Option<usize> {
    let bad = |&row: &usize| {
        let key = with_row(logits, row, greatest_key);
        key <= key_of(f32::NEG_INFINITY) || key >= key_of(f32::INFINITY)
    };
    (0..logits.dim(0)).into_par_iter().with_min_len(rows_per_task(logits.dim(1))).find_first(bad)
}

/// See [`crate::ops::sample`]; no row is bad.
pub fn sample<T: Float>(options: &Sampling, logits: View<T>, draw: Draw, tokens: &mut [u32]) {
    let rows = tokens.par_iter_mut().with_min_len(rows_per_task(logits.dim(1))).enumerate();
    rows.for_each(|(row, token)| {
        let u = uniform(draw, row as u64);
        *token = with_row(logits, row, |logits| sample_row(options, logits, u));
    });
}

fn uniform(Draw { seed, number }: Draw, row: u64) -> u64 {
    let word = philox(seed, [number as u32, (number >> 32) as u32, row as u32, (row >> 32) as u32 + (1 << 30)]);
    u64::from(word[0]) << 32 | u64::from(word[1])
}

fn with_row<T: Float, R>(logits: View<T>, row: usize, f: impl FnOnce(&[f32]) -> R) -> R {
    if let Some(logits) = T::as_f32(logits) {
        return f(logits.row([row]));
    }
    scratch::with(logits.dim(1), |memory| {
        simd(
            #[inline(always)]
            || T::load(logits.row([row]), memory),
        );
        f(memory)
    })
}

fn sample_row(options: &Sampling, logits: &[f32], u: u64) -> u32 {
    let key = greatest_key(logits);
    if options.temperature == 0.0 {
        let first = logits.iter().position(|&logit| key_of(logit) == key);
        return first.unwrap_or_else(|| unreachable!("the greatest logit is one of them")) as u32;
    }
    let scale = std::f64::consts::LOG2_E / f64::from(options.temperature);
    let weights = Weights { greatest: logit_of(key), scale: scale.min(f64::from(f32::MAX)) as f32 };
    let least_weight = (f64::from(options.min_p.unwrap_or(0.0)) * WHOLE as f64).ceil() as u64;
    Choice { weights, least_weight, cutoff: cutoff(options, logits, weights) }.token_at(logits, u)
}

/// An integer in the order of numbers: −0 and 0 alike, NaN above all.
#[inline(always)]
fn key_of(logit: f32) -> u32 {
    let bits = logit.to_bits();
    let bits = if bits == 1 << 31 { 0 } else { bits };
    let key = bits ^ ((bits as i32 >> 31) as u32 | 1 << 31);
    if logit.is_nan() { u32::MAX } else { key }
}

/// The number that has a key.
#[inline(always)]
fn logit_of(key: u32) -> f32 {
    f32::from_bits(key ^ if key >> 31 == 0 { u32::MAX } else { 1 << 31 })
}

fn greatest_key(logits: &[f32]) -> u32 {
    simd(
        #[inline(always)]
        || {
            logits.iter().fold(
                0,
                #[inline(always)]
                |greatest: u32, &logit| greatest.max(key_of(logit)),
            )
        },
    )
}

/// What tokens weigh: ⌊2⁴⁰ · exp((logit − greatest) / temperature)⌋, in steps that each round once.
#[derive(Clone, Copy)]
struct Weights {
    greatest: f32,
    /// log₂ e / temperature
    scale: f32,
}

impl Weights {
    #[inline(always)]
    fn of(&self, logit: f32) -> u64 {
        /// 1.5 · 2²³: adding it rounds to an integer, which then stands in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let z = (logit - self.greatest) * self.scale;
        let z = if z < -48.0 { -48.0 } else { z };
        let rounded = z + ROUND;
        let f = z - (rounded - ROUND);
        // 2^f for |f| ≤ 1/2 within 2⁻²² of it: a minimax fit that is 1 at 0.
        #[allow(clippy::approx_constant)] // the fit's own, not ln 2
        const FIRST: f32 = 0.693_147;
        let p = 0.001_326_472_7f32.mul_add(f, 0.009_671_513);
        let p = p.mul_add(f, 0.055_507_336).mul_add(f, 0.240_222_42).mul_add(f, FIRST).mul_add(f, 1.0);
        let fixed = (p * 16_777_216.0) as i32 as u64;
        fixed << 16 >> ROUND.to_bits().wrapping_sub(rounded.to_bits())
    }

    #[inline(always)]
    fn of_entry(&self, entry: Entry) -> u64 {
        self.of(logit_of((entry >> 32) as u32))
    }
}

/// A token as the filters order them: its logit's key, and its number inverted, so that of equals the lower one is greater.
type Entry = u64;

#[inline(always)]
fn entry(logit: f32, token: u32) -> Entry {
    u64::from(key_of(logit)) << 32 | u64::from(!token)
}

/// Below the entry of every token.
const KEEP_ALL: Entry = 0;

thread_local! {
    /// The memory of `cutoff`, kept so that no draw pays for fresh pages.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// The last token that top-k and top-p keep.
fn cutoff(options: &Sampling, logits: &[f32], weights: Weights) -> Entry {
    let top_k = options.top_k.filter(|&k| k < logits.len());
    let top_p = options.top_p.filter(|&p| p < 1.0);
    if top_k.is_none() && top_p.is_none() {
        return KEEP_ALL;
    }
    ENTRIES.with_borrow_mut(|entries| {
        entries.clear();
        entries.extend(logits.iter().zip(0..).map(|(&logit, token)| entry(logit, token)));
        let mut last = KEEP_ALL;
        if let Some(k) = top_k {
            last = *entries.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)).1;
            entries.truncate(k);
        }
        match top_p {
            None => last,
            Some(p) => nucleus(entries, weights, p),
        }
    })
}

/// The last entry of the smallest set of greatest ones that have the share `p` of all their weights. Sorts no more of them than
/// that needs: most of a vocabulary is a tail that nobody looks at.
fn nucleus(entries: &mut [Entry], weights: Weights, p: f32) -> Entry {
    let total: u64 = simd(
        #[inline(always)]
        || {
            entries.iter().fold(
                0,
                #[inline(always)]
                |sum, &entry| sum + weights.of_entry(entry),
            )
        },
    );
    let p = ((f64::from(p) * 2f64.powi(64)) as u64).max(1);
    let target = (u128::from(p) * u128::from(total)).div_ceil(1 << 64) as u64;
    let mut look = FIRST_LOOK;
    loop {
        if look < entries.len() {
            entries.select_nth_unstable_by(look, |a, b| b.cmp(a));
        }
        let seen = look.min(entries.len());
        let first = &mut entries[..seen];
        first.sort_unstable_by(|a, b| b.cmp(a));
        let mut sum = 0;
        let reaches = |entry: &&Entry| {
            sum += weights.of_entry(**entry);
            sum >= target
        };
        if let Some(&last) = first.iter().find(reaches) {
            return last;
        }
        look *= 4;
    }
}

/// Which tokens are left, and what they weigh.
struct Choice {
    weights: Weights,
    least_weight: u64,
    cutoff: Entry,
}

impl Choice {
    #[inline(always)]
    fn weight(&self, logit: f32, token: u32) -> u64 {
        let weight = self.weights.of(logit);
        if (entry(logit, token) >= self.cutoff) & (weight >= self.least_weight) { weight } else { 0 }
    }

    fn sum(&self, logits: &[f32], first: u32) -> u64 {
        simd(
            #[inline(always)]
            || {
                let mut sum = 0;
                for (i, &logit) in logits.iter().enumerate() {
                    sum += self.weight(logit, first + i as u32);
                }
                sum
            },
        )
    }

    /// The first token at which the running sum of weights exceeds `u` / 2⁶⁴ of the whole.
    fn token_at(&self, logits: &[f32], u: u64) -> u32 {
        let chunks = || logits.chunks(CHUNK).zip((0..).step_by(CHUNK));
        let sums: Vec<u64> = chunks().map(|(chunk, first)| self.sum(chunk, first)).collect();
        let total = sums.iter().sum::<u64>();
        let mut rest = ((u128::from(u) * u128::from(total)) >> 64) as u64;
        for ((chunk, first), sum) in chunks().zip(sums) {
            if rest >= sum {
                rest -= sum;
                continue;
            }
            for (&logit, token) in chunk.iter().zip(first..) {
                let weight = self.weight(logit, token);
                if rest < weight {
                    return token;
                }
                rest -= weight;
            }
        }
        unreachable!("u / 2⁶⁴ is below 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_right_to_their_resolution() {
        for (greatest, temperature) in [(0.0f32, 1.0f32), (7.5, 0.1), (-3.0, 1.0), (100.0, 30.0), (1e-3, 1e-4)] {
            let scale = (std::f64::consts::LOG2_E / f64::from(temperature)) as f32;
            let weights = Weights { greatest, scale };
            assert_eq!(weights.of(greatest), WHOLE);
            assert_eq!(weights.of(f32::NEG_INFINITY), 0);
            for i in 0..100_000 {
                let logit = greatest - temperature * i as f32 / 3000.0;
                let want = ((f64::from(logit) - f64::from(greatest)) / f64::from(temperature)).exp() * WHOLE as f64;
                let error = (weights.of(logit) as f64 - want).abs();
                assert!(
                    error <= want * 2f64.powi(-17) + 1.0,
                    "{logit} of {greatest} at {temperature}: {error} of {want}"
                );
            }
        }
    }

    #[test]
    fn keys_have_the_order_of_numbers() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let numbers = [-inf, -f32::MAX, -1.5, -1.0, -1e-45, 0.0, 1e-45, 1.0, 1.5, f32::MAX, inf];
        for pair in numbers.windows(2) {
            assert!(key_of(pair[0]) < key_of(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(logit_of(key_of(number)).to_bits(), number.to_bits());
        }
        assert_eq!(key_of(-0.0), key_of(0.0));
        assert!([nan, -nan].map(key_of) == [u32::MAX; 2] && key_of(inf) < u32::MAX && key_of(-inf) > 0);
    }
}
