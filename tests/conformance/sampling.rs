//! Sampling: the same tokens on every device, those of the definition; and the definition against probabilities in f64.

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::ops::{self, Draw, NO_TOKEN, Sampling};
use warpweave::random::philox;
use warpweave::tensor::Float;
use warpweave::{Result, Stream, Tensor};

use crate::in_each_type;
use crate::support::*;

const PLAIN: Sampling = Sampling { temperature: 1.0, top_k: None, top_p: None, min_p: None };
const DRAW: Draw = Draw { seed: 0x0123_4567_89AB_CDEF, number: 1 << 33 | 5 };

/// Tokens for rows of `vocab_size` logits.
fn sample<T: Float>(
    stream: &Stream,
    options: &Sampling,
    logits: &[f32],
    vocab_size: usize,
    layout: Layout,
    draw: Draw,
) -> Result<Vec<u32>> {
    let rows = logits.len() / vocab_size;
    let logits = Operand::<T>::new(stream, [rows, vocab_size], layout, logits);
    let mut tokens = Tensor::from_vec([rows], vec![7_777_777; rows])?.to(stream)?;
    tokens.view_mut().promise()?;
    ops::sample(options, logits.view(), draw, tokens.view_mut())?;
    tokens.to_vec()
}

/// One row in f32 on the CPU.
fn sample_row(options: &Sampling, logits: &[f32], draw: Draw) -> Result<u32> {
    Ok(sample::<f32>(&Stream::CPU, options, logits, logits.len(), Layout::Dense, draw)?[0])
}

/// The random number of a row.
fn uniform(draw: Draw, row: usize) -> u64 {
    let words = philox(draw.seed, [draw.number as u32, (draw.number >> 32) as u32, row as u32, 1 << 30]);
    u64::from(words[0]) << 32 | u64::from(words[1])
}

/// 2⁴⁰ · exp((logit − greatest) / temperature), by the steps of `ops::sample`.
fn weight(logit: f32, greatest: f32, temperature: f32) -> u128 {
    let scale = (std::f64::consts::LOG2_E / f64::from(temperature)).min(f64::from(f32::MAX)) as f32;
    let z = (logit - greatest) * scale;
    if z < -48.0 {
        return 0;
    }
    let n = z.round_ties_even();
    #[allow(clippy::approx_constant)] // the fit's own, not ln 2
    let fit = [1.0, 0.693_147, 0.240_222_42, 0.055_507_336, 0.009_671_513, 0.001_326_472_7f32];
    let p = fit.iter().rev().copied().reduce(|p, c| p.mul_add(z - n, c)).unwrap();
    (f64::from(p) * 2f64.powi(40 + n as i32)).floor() as u128
}

/// The definition of a row's token, by sorting everything.
fn reference(options: &Sampling, logits: &[f32], u: u64) -> u32 {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap().then(a.cmp(&b)));
    let greatest = logits[order[0]];
    if options.temperature == 0.0 {
        return order[0] as u32;
    }
    let weight = |&token: &usize| weight(logits[token], greatest, options.temperature);
    order.truncate(options.top_k.unwrap_or(usize::MAX));
    let sum = |tokens: &[usize]| tokens.iter().map(weight).sum::<u128>();
    if let Some(p) = options.top_p {
        let (total, p) = (sum(&order), (f64::from(p) * 2f64.powi(64)) as u128);
        let fewest = (1..=order.len()).scan(0, |before, n| {
            *before += weight(&order[n - 1]);
            Some((n, *before))
        });
        let fewest = fewest.filter(|&(_, sum)| sum << 64 >= p * total).map(|(n, _)| n).next();
        order.truncate(fewest.unwrap());
    }
    let min_p = f64::from(options.min_p.unwrap_or(0.0)) * 2f64.powi(40);
    order.retain(|token| weight(token) as f64 >= min_p);
    order.sort_unstable();
    let drawn = (u128::from(u) * sum(&order)) >> 64;
    let mut running = 0;
    let passes = |token: &&usize| {
        running += weight(token);
        running > drawn
    };
    *order.iter().find(passes).unwrap() as u32
}

/// All rows on all devices, against the definition.
fn check<T: Float>(options: &Sampling, logits: &[f32], vocab_size: usize, layout: Layout, draw: Draw) {
    let logits: Vec<f32> = logits.iter().map(|&x| T::from_f32(x).to_f32()).collect();
    let rows = logits.chunks(vocab_size).enumerate();
    let want: Vec<u32> = rows.map(|(row, logits)| reference(options, logits, uniform(draw, row))).collect();
    on_devices(|stream| {
        let tokens = sample::<T>(stream, options, &logits, vocab_size, layout, draw).unwrap();
        assert_eq!(tokens, want, "{options:?} of {vocab_size} logits in {} on {}", T::NAME, stream.device());
    });
}

/// What is drawn from: normal numbers, rounded to whole ones where many shall be equal, with some −∞ among them.
fn logits(seed: u64, n: usize, spread: f32, ties: bool, without: bool) -> Vec<f32> {
    let shape = |(i, x): (usize, f32)| match spread * x {
        _ if without && i % 7 != 3 && x > 0.0 => f32::NEG_INFINITY,
        x if ties => x.round(),
        x => x,
    };
    let mut logits: Vec<f32> = normal(seed, n).into_iter().enumerate().map(shape).collect();
    logits.iter_mut().step_by(7).for_each(|x| *x = if x.is_finite() { *x } else { -0.0 });
    logits
}

prop_compose! {
    fn sampling()(
        temperature in prop_oneof![Just(1.0f32), 0.1f32..3.0, Just(0.0f32), Just(1e-6f32), Just(1e6f32)],
        top_k in prop::option::of(prop_oneof![1..5usize, 1..200usize, Just(usize::MAX)]),
        top_p in prop::option::of(prop_oneof![Just(1.0f32), Just(1e-30f32), 0.01f32..1.0, 0.9f32..1.0]),
        min_p in prop::option::of(prop_oneof![Just(0.0f32), Just(1.0f32), 0.0f32..0.3]),
    ) -> Sampling {
        Sampling { temperature, top_k, top_p, min_p }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn tokens_are_those_of_the_definition(
        options in sampling(),
        vocab_size in prop_oneof![1..70usize, 1..300usize],
        rows in 1..12usize,
        (seed, number) in any::<(u64, u64)>(),
        spread in prop_oneof![0.0f32..6.0, Just(1e30f32)],
        (ties, without, gaps) in any::<(bool, bool, bool)>(),
        dtype in 0..3usize,
    ) {
        let logits = logits(seed, rows * vocab_size, spread, ties, without);
        // A row that begins with −0 or another finite number: −∞ alone would be an error.
        let logits: Vec<f32> = logits.iter().enumerate().map(|(i, &x)| match i % vocab_size {
            0 if x == f32::NEG_INFINITY => -spread,
            _ if dtype == 2 => x.clamp(-6e4, 6e4),
            _ => x,
        }).collect();
        let layout = if gaps { Layout::Gaps } else { Layout::Dense };
        let draw = Draw { seed, number };
        match dtype {
            0 => check::<f32>(&options, &logits, vocab_size, layout, draw),
            1 => check::<bf16>(&options, &logits, vocab_size, layout, draw),
            _ => check::<f16>(&options, &logits, vocab_size, layout, draw),
        }
    }
}

/// All filters at once, and each alone.
fn filters() -> [Sampling; 6] {
    let (k, p) = (Some(40), Some(0.9));
    [
        PLAIN,
        Sampling { top_k: k, ..PLAIN },
        Sampling { top_p: p, ..PLAIN },
        Sampling { min_p: Some(0.01), ..PLAIN },
        Sampling { temperature: 0.0, ..PLAIN },
        Sampling { temperature: 0.7, top_k: Some(500), top_p: p, min_p: Some(1e-3) },
    ]
}

/// Rows of several warps, of a block, of a cluster, and those that are read again.
#[test]
fn long_rows() {
    for (i, options) in filters().iter().enumerate() {
        for (vocab_size, rows) in [(1025, 3), (5000, 2)] {
            let logits = logits(i as u64, rows * vocab_size, 2.0, i % 2 == 1, false);
            let layout = if i % 2 == 0 { Layout::Dense } else { Layout::Gaps };
            check::<f32>(options, &logits, vocab_size, layout, DRAW);
            check::<bf16>(options, &logits, vocab_size, layout, DRAW);
        }
    }
    let [plain, _, nucleus, _, greedy, all] = filters();
    let huge = logits(9, 50_257, 3.0, false, false);
    check::<f16>(&all, &huge, 50_257, Layout::Gaps, DRAW);
    check::<f32>(&nucleus, &huge, 50_257, Layout::Dense, DRAW);
    let huge = logits(10, 262_144, 3.0, false, true);
    check::<f32>(&plain, &huge, 262_144, Layout::Dense, DRAW);
    check::<bf16>(&greedy, &huge, 262_144, Layout::Dense, DRAW);
}

/// A row's warps find the drawn token among equals wherever it lies: the filters keep the lower numbers.
#[test]
fn of_equals_the_filters_keep_the_lower_numbers() {
    let flat = vec![2.5; 3000];
    let (first, last) = extreme_draws();
    let ends = |options: Sampling| {
        [first, last].map(|draw| {
            check::<bf16>(&options, &flat, 3000, Layout::Dense, draw);
            sample_row(&options, &flat, draw).unwrap()
        })
    };
    assert_eq!(ends(PLAIN), [0, 2999]);
    assert_eq!(ends(Sampling { top_k: Some(7), ..PLAIN }), [0, 6]);
    assert_eq!(ends(Sampling { top_p: Some(0.5), ..PLAIN }), [0, 1499]);
    assert_eq!(ends(Sampling { top_k: Some(1800), top_p: Some(0.75), ..PLAIN }), [0, 1349]);
    assert_eq!(ends(Sampling { top_p: Some(1e-30), ..PLAIN }), [0, 0], "at least one token stays");
    assert_eq!(ends(Sampling { top_k: Some(1_000_000), top_p: Some(1.0), min_p: Some(1.0), ..PLAIN }), [0, 2999]);
}

/// Draws whose first row's random number is close to 0 and to 1: within 1 / 4000.
fn extreme_draws() -> (Draw, Draw) {
    let draws = || (0..30_000).map(|number| Draw { seed: 3, number });
    let u = |draw: &Draw| uniform(*draw, 0);
    let (first, last) = (draws().min_by_key(u).unwrap(), draws().max_by_key(u).unwrap());
    assert!(u(&first) < u64::MAX / 4000 && !u(&last) < u64::MAX / 4000);
    (first, last)
}

#[test]
fn temperature_zero_takes_the_first_of_the_largest() {
    let greedy = Sampling { temperature: 0.0, top_k: Some(3), top_p: Some(0.1), min_p: Some(0.5) };
    let inf = f32::INFINITY;
    let rows = [[-1.0, 3.0, 2.0, 3.0], [-inf, -3e38, -inf, -inf], [-0.0, 0.0, -0.0, 0.0], [-2.0, -2.0, -2.0, -1.0]];
    fn run<T: Float>(options: &Sampling, rows: &[[f32; 4]]) {
        on_devices(|stream| {
            let tokens = sample::<T>(stream, options, &rows.concat(), 4, Layout::Dense, DRAW).unwrap();
            assert_eq!(tokens, [1, 1, 0, 3]);
        });
    }
    // f16 has no -3e38.
    run::<f32>(&greedy, &rows);
    run::<bf16>(&greedy, &rows);
    check::<f16>(&greedy, &rows[2..].concat(), 4, Layout::Gaps, DRAW);
}

#[test]
fn extreme_logits_and_temperatures() {
    let logits = [f32::NEG_INFINITY, 3.0e38, -3.0e38, f32::NEG_INFINITY];
    for temperature in [1e-45, 1e-38, 1.0, 1e3] {
        let options = Sampling { temperature, ..PLAIN };
        check::<f32>(&options, &logits, 4, Layout::Dense, DRAW);
        assert_eq!(sample_row(&options, &logits, DRAW).unwrap(), 1);
    }
    // A temperature so high that both finite logits are equally probable; the others are never drawn.
    let hot = Sampling { temperature: f32::MAX, ..PLAIN };
    let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, -1.0, f32::NEG_INFINITY];
    let mut drawn = [0; 5];
    for number in 0..64 {
        let draw = Draw { seed: 1, number };
        let token = sample_row(&hot, &logits, draw).unwrap();
        assert_eq!(token, if uniform(draw, 0) >> 63 == 0 { 1 } else { 3 });
        drawn[token as usize] += 1;
    }
    assert!(drawn[1] > 16 && drawn[3] > 16, "{drawn:?}");
    check::<f16>(&hot, &logits, 5, Layout::Gaps, DRAW);
}

/// The filtered probabilities in f64.
fn probabilities(options: &Sampling, logits: &[f32]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |x: f32| ((f64::from(x) - f64::from(greatest)) / f64::from(options.temperature)).exp();
    let mut p: Vec<f64> = logits.iter().map(|&x| weight(x)).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].partial_cmp(&p[a]).unwrap());
    order.iter().skip(options.top_k.unwrap_or(usize::MAX)).for_each(|&token| p[token] = 0.0);
    let (total, mut before) = (p.iter().sum::<f64>(), 0.0);
    for &token in &order {
        let probability = p[token];
        if before >= options.top_p.map_or(f64::INFINITY, f64::from) * total {
            p[token] = 0.0;
        }
        before += probability;
    }
    p.iter_mut().filter(|p| **p < f64::from(options.min_p.unwrap_or(0.0))).for_each(|p| *p = 0.0);
    let total: f64 = p.iter().sum();
    p.iter().map(|p| p / total).collect()
}

/// Pearson's statistic over draws that differ by their number or their row. All devices draw alike, so the CPU does.
#[test]
fn tokens_come_with_their_probabilities() {
    const ROWS: usize = 8192;
    let logits = logits(5, 24, 1.5, false, false);
    for (i, options) in filters().iter().filter(|options| options.temperature > 0.0).enumerate() {
        let options = Sampling { top_k: options.top_k.map(|k| k.min(9)), ..*options };
        let want = probabilities(&options, &logits);
        let mut drawn = vec![0u32; logits.len()];
        for number in 0..4 {
            let draw = Draw { seed: i as u64, number };
            let tokens =
                sample::<f32>(&Stream::CPU, &options, &logits.repeat(ROWS), logits.len(), Layout::Dense, draw).unwrap();
            tokens.iter().for_each(|&token| drawn[token as usize] += 1);
        }
        let kept = want.iter().filter(|&&p| p > 0.0).count() as f64;
        let term = |(&drawn, &p): (&u32, &f64)| {
            assert!(p > 0.0 || drawn == 0, "{options:?} draws a token that is filtered out");
            let expected = p * (4 * ROWS) as f64;
            if p > 0.0 { (f64::from(drawn) - expected).powi(2) / expected } else { 0.0 }
        };
        let statistic: f64 = drawn.iter().zip(&want).map(term).sum();
        // Its mean is kept - 1 and its variance twice that.
        let limit = kept - 1.0 + 4.0 * (2.0 * kept).sqrt();
        assert!(statistic < limit, "{options:?}: {statistic} of {limit}, {drawn:?} for {want:?}");
    }
}

/// Rows that no token can be drawn from are an error where the host sees them, and marked where it does not.
#[test]
fn rows_that_cannot_be_drawn_from() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    fn run<T: Float>(row: [f32; 3], got: &str) {
        let rows = [[0.0, -1.0, 2.0], row, [1.0, f32::NEG_INFINITY, 0.0]].concat();
        for options in [PLAIN, filters()[5], Sampling { temperature: 0.0, ..PLAIN }] {
            let error = sample::<T>(&Stream::CPU, &options, &rows, 3, Layout::Dense, DRAW).unwrap_err();
            assert_eq!(error.to_string(), format!("sample: `logits`: expected {got}"));
            on_kernels(|stream| {
                let tokens = sample::<T>(stream, &options, &rows, 3, Layout::Dense, DRAW).unwrap();
                let good = |row: usize| reference(&options, &rows[3 * row..3 * row + 3], uniform(DRAW, row));
                assert_eq!(tokens, [good(0), NO_TOKEN, good(2)]);
            });
        }
    }
    in_each_type!(run([0.0, nan, 0.0], "finite numbers or -inf, got NaN for token 1 of row 1"));
    in_each_type!(run([-nan, nan, 0.0], "finite numbers or -inf, got NaN for token 0 of row 1"));
    in_each_type!(run([0.0, -inf, inf], "finite numbers or -inf, got inf for token 2 of row 1"));
    in_each_type!(run([-inf; 3], "at least one finite number in each row, got none among 3 in row 1"));
}

#[test]
fn bad_arguments_are_named() {
    on_devices(|stream| {
        let logits = Tensor::<f32>::zeros_on(stream, [2, 2]).unwrap();
        let message = |options: Sampling| {
            let mut tokens = Tensor::zeros_on(stream, [2]).unwrap();
            ops::sample(&options, logits.view(), DRAW, tokens.view_mut()).unwrap_err().to_string()
        };
        assert_eq!(
            message(Sampling { temperature: -1.0, ..PLAIN }),
            "sample: `temperature`: expected a finite number that is at least 0, got -1"
        );
        assert_eq!(message(Sampling { top_k: Some(0), ..PLAIN }), "sample: `top_k`: expected at least 1, got 0");
        for (p, got) in [(0.0, "0"), (1.5, "1.5"), (f32::NAN, "NaN")] {
            let want = format!("sample: `top_p`: expected a number in (0, 1], got {got}");
            assert_eq!(message(Sampling { top_p: Some(p), ..PLAIN }), want);
        }
        for (p, got) in [(-0.5, "-0.5"), (1.5, "1.5"), (f32::NAN, "NaN")] {
            let want = format!("sample: `min_p`: expected a number in [0, 1], got {got}");
            assert_eq!(message(Sampling { min_p: Some(p), ..PLAIN }), want);
        }
        let mut one = Tensor::zeros_on(stream, [1]).unwrap();
        let error = ops::sample(&PLAIN, logits.view(), DRAW, one.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "sample: `tokens`: expected [2], got [1]");
        let error = ops::sample(&PLAIN, logits.view().select(0, 0), DRAW, one.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "sample: `logits`: expected shape [R, V], got [2]");
        let empty = Tensor::<bf16>::zeros_on(stream, [1, 0]).unwrap();
        let error = ops::sample(&PLAIN, empty.view(), DRAW, one.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "sample: `logits`: expected 1 to 8388608 tokens, got 0");
        // Without rows there is nothing to do.
        let (none, mut tokens) =
            (Tensor::<f16>::zeros_on(stream, [0, 5]).unwrap(), Tensor::zeros_on(stream, [0]).unwrap());
        ops::sample(&PLAIN, none.view(), DRAW, tokens.view_mut()).unwrap();
    });
}
