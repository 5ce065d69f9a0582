//! Sampling against distributions that are filtered in full, in f64.

use proptest::prelude::*;
use warpweave::ops::{self, Sampling};
use warpweave::{Result, Tensor};

use crate::support::normal;

const PLAIN: Sampling = Sampling { temperature: 1.0, top_k: None, top_p: None };

fn sample(options: &Sampling, logits: &[f32], uniform: f32) -> Result<u32> {
    let logits = Tensor::from_vec([logits.len()], logits.to_vec())?;
    ops::sample(options, logits.view(), uniform)
}

/// The filtered probabilities, by sorting everything.
fn reference(options: &Sampling, logits: &[f32]) -> Vec<f64> {
    let temperature = f64::from(options.temperature);
    let max = logits.iter().map(|&x| f64::from(x)).fold(f64::NEG_INFINITY, f64::max);
    let mut p: Vec<f64> = logits.iter().map(|&x| ((f64::from(x) - max) / temperature).exp()).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].partial_cmp(&p[a]).unwrap());
    if let Some(k) = options.top_k {
        order.iter().skip(k).for_each(|&token| p[token] = 0.0);
    }
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= total);
    // At 1 every token stays; a running sum that rounds up to 1 early would say otherwise.
    if let Some(top_p) = options.top_p.filter(|&top_p| top_p < 1.0) {
        let mut before = 0.0;
        for &token in &order {
            let probability = p[token];
            if before >= f64::from(top_p) {
                p[token] = 0.0;
            }
            before += probability;
        }
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= total);
    }
    p
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Evenly spread `uniform`s meet each token as often as its probability says.
    #[test]
    fn tokens_come_with_their_probabilities(
        n in 1..400usize,
        seed: u64,
        spread in 0.0f32..4.0,
        ties: bool,
        temperature in 0.3f32..2.0,
        top_k in prop::option::of(1..420usize),
        top_p in prop::option::of(prop_oneof![Just(1.0f32), 0.01f32..1.0]),
    ) {
        let mut logits: Vec<f32> = normal(seed, n).iter().map(|x| spread * x).collect();
        if ties {
            logits.iter_mut().for_each(|x| *x = x.round());
        }
        let options = Sampling { temperature, top_k, top_p };
        let want = reference(&options, &logits);
        const DRAWS: usize = 4096;
        let mut counts = vec![0usize; n];
        for i in 0..DRAWS {
            counts[sample(&options, &logits, i as f32 / DRAWS as f32).unwrap() as usize] += 1;
        }
        for (token, (&count, want)) in counts.iter().zip(&want).enumerate() {
            let difference = (count as f64 - want * DRAWS as f64).abs();
            prop_assert!(difference <= 1.0 + 1e-3, "token {token}: {count} of {DRAWS} draws for probability {want}");
            prop_assert!(*want > 0.0 || count == 0, "token {token} is filtered out");
        }
    }
}

#[test]
fn temperature_zero_takes_the_first_of_the_largest() {
    let greedy = Sampling { temperature: 0.0, top_k: Some(3), top_p: Some(0.1) };
    for uniform in [0.0, 0.5, 0.999_999] {
        assert_eq!(sample(&greedy, &[-1.0, 3.0, 2.0, 3.0], uniform).unwrap(), 1);
    }
    assert_eq!(sample(&greedy, &[f32::NEG_INFINITY, -3e38], 0.0).unwrap(), 1);
    assert_eq!(sample(&greedy, &[7.0], 0.0).unwrap(), 0);
    assert_eq!(sample(&greedy, &[-0.0, 0.0], 0.0).unwrap(), 0);
}

#[test]
fn of_equals_the_filters_keep_the_lower_numbers() {
    let flat = vec![2.5; 1000];
    let last = 1.0 - f32::EPSILON;
    let ends = |options: Sampling| (sample(&options, &flat, 0.0).unwrap(), sample(&options, &flat, last).unwrap());
    assert_eq!(ends(PLAIN), (0, 999));
    assert_eq!(ends(Sampling { top_k: Some(7), ..PLAIN }), (0, 6));
    assert_eq!(ends(Sampling { top_p: Some(0.5), ..PLAIN }), (0, 499));
    assert_eq!(ends(Sampling { top_k: Some(700), top_p: Some(0.5), ..PLAIN }), (0, 349));
    assert_eq!(ends(Sampling { top_p: Some(1e-9), ..PLAIN }), (0, 0), "at least one token stays");
    assert_eq!(ends(Sampling { top_k: Some(1_000_000), top_p: Some(1.0), ..PLAIN }), (0, 999));
}

#[test]
fn extreme_logits_and_temperatures() {
    let logits = [f32::NEG_INFINITY, 3.0e38, -3.0e38, f32::NEG_INFINITY];
    for uniform in [0.0, 0.5, 1.0 - f32::EPSILON] {
        for temperature in [1e-38, 1.0, 1e3] {
            assert_eq!(sample(&Sampling { temperature, ..PLAIN }, &logits, uniform).unwrap(), 1);
        }
    }
    // A temperature so high that both finite logits are equally probable; the others are never drawn.
    let hot = Sampling { temperature: f32::MAX, ..PLAIN };
    let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, -1.0, f32::NEG_INFINITY];
    assert_eq!(sample(&hot, &logits, 0.0).unwrap(), 1);
    assert_eq!(sample(&hot, &logits, 0.49).unwrap(), 1);
    assert_eq!(sample(&hot, &logits, 0.51).unwrap(), 3);
    assert_eq!(sample(&hot, &logits, 1.0 - f32::EPSILON).unwrap(), 3);
}

#[test]
fn bad_arguments_are_named() {
    let message =
        |options: Sampling, logits: &[f32], uniform| sample(&options, logits, uniform).unwrap_err().to_string();
    let logits = [0.0, 1.0];
    for (logits, got) in [
        (vec![0.0, f32::NAN], "sample: `logits`: expected finite numbers or -inf, got NaN for token 1"),
        (vec![f32::INFINITY, 0.0], "sample: `logits`: expected finite numbers or -inf, got inf for token 0"),
        (vec![f32::NEG_INFINITY; 3], "sample: `logits`: expected at least one finite number, got none among 3"),
        (vec![], "sample: `logits`: expected at least one finite number, got none among 0"),
    ] {
        assert_eq!(message(PLAIN, &logits, 0.5), got);
        assert_eq!(message(Sampling { temperature: 0.0, ..PLAIN }, &logits, 0.5), got);
    }
    assert_eq!(
        message(Sampling { temperature: -1.0, ..PLAIN }, &logits, 0.5),
        "sample: `temperature`: expected a finite number that is at least 0, got -1"
    );
    assert_eq!(
        message(Sampling { top_k: Some(0), ..PLAIN }, &logits, 0.5),
        "sample: `top_k`: expected at least 1, got 0"
    );
    for (p, got) in [(0.0, "0"), (1.5, "1.5"), (f32::NAN, "NaN")] {
        assert_eq!(
            message(Sampling { top_p: Some(p), ..PLAIN }, &logits, 0.5),
            format!("sample: `top_p`: expected a number in (0, 1], got {got}")
        );
    }
    assert_eq!(message(PLAIN, &logits, 1.0), "sample: `uniform`: expected a number in [0, 1), got 1");
    let matrix: Tensor = Tensor::zeros([2, 2]).unwrap();
    assert_eq!(
        ops::sample(&PLAIN, matrix.view(), 0.5).unwrap_err().to_string(),
        "sample: `logits`: expected shape [V], got [2, 2]"
    );
}
