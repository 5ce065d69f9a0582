//! Drawing a token: one vector of logits, in f64.

use std::cmp::Ordering;

use crate::ops::Sampling;

/// How many of the most probable tokens top-p looks at first; four times as many each time that they do not suffice.
const FIRST_LOOK: usize = 64;

/// `logits` holds no NaN, no +∞ and at least one finite number.
pub fn sample(options: &Sampling, logits: &[f32], uniform: f32) -> u32 {
    // Of equal logits the first one wins.
    let best = (1..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
    if options.temperature == 0.0 {
        return best as u32;
    }
    let (max, temperature) = (f64::from(logits[best]), f64::from(options.temperature));
    let weights: Vec<f64> = logits.iter().map(|&logit| ((f64::from(logit) - max) / temperature).exp()).collect();
    let mut kept: Vec<u32> = (0..logits.len() as u32).collect();
    if let Some(k) = options.top_k
        && k < kept.len()
    {
        kept.select_nth_unstable_by(k, by_probability(&weights));
        kept.truncate(k);
    }
    if let Some(p) = options.top_p
        && p < 1.0
    {
        keep_nucleus(&mut kept, &weights, f64::from(p));
    }
    kept.sort_unstable();
    draw(&kept, &weights, f64::from(uniform))
}

/// The more probable first, of equals the lower number.
fn by_probability(weights: &[f64]) -> impl FnMut(&u32, &u32) -> Ordering + Copy + '_ {
    |&a, &b| weights[b as usize].total_cmp(&weights[a as usize]).then(a.cmp(&b))
}

/// Sorts no more of the vocabulary than the nucleus needs: most of it is a tail that nobody looks at.
fn keep_nucleus(kept: &mut Vec<u32>, weights: &[f64], p: f64) {
    let target = p * kept.iter().map(|&token| weights[token as usize]).sum::<f64>();
    let mut look = FIRST_LOOK;
    loop {
        if look < kept.len() {
            kept.select_nth_unstable_by(look, by_probability(weights));
        }
        let seen = look.min(kept.len());
        kept[..seen].sort_unstable_by(by_probability(weights));
        let mut sum = 0.0;
        for i in 0..seen {
            sum += weights[kept[i] as usize];
            if sum >= target {
                kept.truncate(i + 1);
                return;
            }
        }
        if seen == kept.len() {
            return;
        }
        look *= 4;
    }
}

/// Inverse transform sampling: the first token at which the running sum exceeds `uniform` of the whole.
fn draw(kept: &[u32], weights: &[f64], uniform: f64) -> u32 {
    let total: f64 = kept.iter().map(|&token| weights[token as usize]).sum();
    let (mut sum, mut last) = (0.0, kept[0]);
    for &token in kept {
        let weight = weights[token as usize];
        if weight > 0.0 {
            last = token;
        }
        sum += weight;
        if sum > uniform * total {
            break;
        }
    }
    last
}
