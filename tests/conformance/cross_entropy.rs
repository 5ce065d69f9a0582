//! Softmax and cross-entropy in one, on every device, in every type of logits.

use half::bf16;
use proptest::prelude::*;
use warpweave::ops::{self, CrossEntropy, CrossEntropyLosses, CrossEntropyTargets, GradScale};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::in_each_type;
use crate::support::*;

/// One call's operands, and how they lie.
#[derive(Debug, Clone)]
struct Case {
    rows: usize,
    columns: usize,
    options: CrossEntropy,
    weighted: bool,
    /// The standard deviation of the logits, and what is added to all of them.
    spread: f32,
    offset: f32,
    layout: Layout,
    seed: u64,
}

const FACTOR: f32 = 0.5;
const ON_DEVICE: f32 = 0.25;

impl Case {
    fn plain(rows: usize, columns: usize) -> Self {
        let options = CrossEntropy::default();
        Case { rows, columns, options, weighted: false, spread: 1.0, offset: 0.0, layout: Layout::Dense, seed: 1 }
    }

    fn vocab(&self) -> usize {
        self.options.vocab_size.unwrap_or(self.columns)
    }

    fn logits<T: Float>(&self) -> Vec<f32> {
        let logits = normal(20 * self.seed, self.rows * self.columns);
        logits.iter().map(|x| T::from_f32(self.spread * x + self.offset).to_f32()).collect()
    }

    /// The first and the last token are among them; one of three rows is ignored in every third case.
    fn targets(&self) -> Vec<u32> {
        let (seed, vocab) = (self.seed as usize, self.vocab());
        let mut targets: Vec<u32> = (0..self.rows).map(|i| ((vocab - 1) * (seed + 5 * i) % vocab) as u32).collect();
        if self.seed.is_multiple_of(3) {
            targets[self.rows / 2] = self.options.ignore_index;
        }
        targets
    }

    /// One of four is 0.
    fn weights(&self) -> Vec<f32> {
        let weight = |i: usize| if (i + self.seed as usize) % 4 == 1 { 0.0 } else { 0.5 + i as f32 };
        (0..self.rows).map(|i| if self.weighted { weight(i) } else { 1.0 }).collect()
    }

    fn ignored(&self, row: usize) -> bool {
        self.targets()[row] == self.options.ignore_index || self.weights()[row] == 0.0
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = (1usize..5, 1usize..80, proptest::option::of(0.0f64..1.0));
    let options = (
        prop_oneof![Just(0.0f32), Just(0.1), Just(1.0)],
        prop_oneof![Just(CrossEntropy::IGNORE), Just(0)],
        prop_oneof![Just(0.0f32), Just(1e-2)],
    );
    let numbers = (prop_oneof![Just(1.0f32), Just(30.0)], prop_oneof![Just(0.0f32), Just(1e4)]);
    let layout = prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)];
    (shape, options, any::<bool>(), numbers, layout, 0u64..1000).prop_map(
        |(
            (rows, columns, vocab),
            (label_smoothing, ignore_index, z_loss),
            weighted,
            (spread, offset),
            layout,
            seed,
        )| {
            let vocab_size = vocab.map(|part| 1 + (part * columns as f64) as usize);
            let options = CrossEntropy { label_smoothing, ignore_index, vocab_size, z_loss };
            Case { rows, columns, options, weighted, spread, offset, layout, seed }
        },
    )
}

/// ln Σ exp x.
fn log_sum_exp(x: &[f64]) -> f64 {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + x.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}

/// The target distribution of a row.
fn distribution(case: &Case, target: u32) -> Vec<f64> {
    let smoothing = f64::from(case.options.label_smoothing);
    let uniform = smoothing / case.vocab() as f64;
    (0..case.vocab()).map(|j| if j == target as usize { 1.0 - smoothing + uniform } else { uniform }).collect()
}

/// − Σ over the target distribution of ln softmax, with z · lse², weighted, for each row.
fn reference(case: &Case, x: &[f64]) -> Vec<f64> {
    let (targets, weights, z) = (case.targets(), case.weights(), f64::from(case.options.z_loss));
    let loss = |(row, x): (usize, &[f64])| {
        if case.ignored(row) {
            return 0.0;
        }
        let x = &x[..case.vocab()];
        let lse = log_sum_exp(x);
        let entropy: f64 = distribution(case, targets[row]).iter().zip(x).map(|(q, x)| q * (lse - x)).sum();
        f64::from(weights[row]) * (entropy + z * lse * lse)
    };
    x.chunks(case.columns).enumerate().map(loss).collect()
}

/// The gradient of the sum of the losses, by the formula.
fn reference_gradient(case: &Case, x: &[f64]) -> Vec<f64> {
    let (targets, weights, z) = (case.targets(), case.weights(), f64::from(case.options.z_loss));
    let row = |(row, x): (usize, &[f64])| {
        let mut dx = vec![0.0; case.columns];
        if !case.ignored(row) {
            let lse = log_sum_exp(&x[..case.vocab()]);
            let of_softmax = 1.0 + 2.0 * z * lse;
            for ((dx, x), q) in dx.iter_mut().zip(x).zip(distribution(case, targets[row])) {
                *dx = f64::from(weights[row]) * (of_softmax * (x - lse).exp() - q);
            }
        }
        dx
    };
    x.chunks(case.columns).enumerate().flat_map(row).collect()
}

fn indices(stream: &Stream, targets: &[u32]) -> Tensor<u32> {
    Tensor::from_vec([targets.len()], targets.to_vec()).unwrap().to(stream).unwrap()
}

/// The losses alone, then losses, log-sum-exp and gradient, held against the reference; what does not matter is NaN. Returns
/// their bits.
fn check<T: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 3] {
    let Case { rows, columns, layout, options, .. } = *case;
    let x = case.logits::<T>();
    let matters = |i: usize| !case.ignored(i / columns) && i % columns < case.vocab();
    let hidden: Vec<f32> = x.iter().enumerate().map(|(i, &x)| if matters(i) { x } else { f32::NAN }).collect();
    let (targets, weights) = (indices(stream, &case.targets()), case.weights());
    let weights = case.weighted.then(|| Operand::<f32>::new(stream, [rows], layout, &weights));
    let targets = CrossEntropyTargets { indices: targets.view(), weights: weights.as_ref().map(Operand::view) };
    let unwritten = || Operand::<f32>::unwritten(stream, [rows], layout);

    let (logits, mut alone) = (Operand::<T>::new(stream, [rows, columns], layout, &hidden), unwritten());
    ops::cross_entropy(&options, logits.view(), targets, alone.view_mut()).unwrap();
    assert_eq!(bits(&logits.values()), bits(&hidden), "logits that are only read");

    let mut gradient = Operand::<T>::new(stream, [rows, columns], layout, &hidden);
    let (mut losses, mut lse, on_device) = (unwritten(), unwritten(), Tensor::from_vec([1], vec![ON_DEVICE]).unwrap());
    let on_device = on_device.to(stream).unwrap();
    let scale = GradScale { factor: FACTOR, on_device: Some(on_device.view()) };
    let out = CrossEntropyLosses { losses: losses.view_mut(), lse: Some(lse.view_mut()) };
    ops::cross_entropy_fused(&options, scale, gradient.view_mut(), targets, out).unwrap();
    let (losses, lse, gradient) = (losses.values(), lse.values(), gradient.values());
    assert_eq!(bits(&losses), bits(&alone.values()), "losses with a gradient and without");

    let x = to_f64(&x);
    let want: Vec<f64> = (0..rows)
        .map(|row| if case.ignored(row) { 0.0 } else { log_sum_exp(&x[row * columns..][..case.vocab()]) })
        .collect();
    assert_close("lse", &lse, &want, Tolerance { abs: 1e-6, rel: 2e-7 });
    let heaviest = case.weights().iter().fold(1.0f64, |a, &w| a.max(w.into()));
    // z · lse² for a lse around 10⁴ is as inexact as that.
    let tolerance = Tolerance { abs: 1e-6 * heaviest, rel: 1e-6 };
    assert_close("losses", &losses, &reference(case, &x), tolerance);
    let scale = f64::from(FACTOR * ON_DEVICE);
    let want: Vec<f64> = reference_gradient(case, &x).iter().map(|dx| scale * dx).collect();
    // Where 2 z lse is large, so is the difference.
    let size = scale * heaviest * (1.0 + 2.0 * f64::from(options.z_loss) * f64::from(case.offset.max(30.0)));
    assert_close("gradient", &gradient, &want, Tolerance { abs: 3e-7 * size, rel: 3e-6 }.rounded::<T>());
    let does_not_matter = gradient.iter().enumerate().filter(|&(i, _)| !matters(i));
    assert!(does_not_matter.into_iter().all(|(_, dx)| dx.to_bits() == 0), "a gradient where there is none");
    [losses, lse, gradient].map(|x| bits(&x))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn losses_and_gradients(case in cases()) {
        in_each_type!(on_all_devices(&case));
    }

    /// The formula that the devices are held against.
    #[test]
    fn the_reference_gradient_matches_finite_differences(case in cases()) {
        let case = Case { offset: case.offset.min(10.0), ..case };
        let x = to_f64(&case.logits::<f32>());
        let differences = numerical_gradient(&x, |x| reference(&case, x).iter().sum());
        let formula = reference_gradient(&case, &x);
        let error = formula.iter().zip(&differences).map(|(a, b)| (a - b).abs() / (1.0 + a.abs()));
        prop_assert!(error.fold(0.0, f64::max) < 1e-5);
    }
}

fn on_all_devices<T: Float>(case: &Case) {
    on_devices(|stream| check::<T>(stream, case));
}

/// One row per few lanes, per block or per cluster, and the edges between; rows that no vector load divides; and, without clusters,
/// rows that no block holds at once, whose greatest logits come late.
#[test]
fn every_vocabulary() {
    let options = CrossEntropy { label_smoothing: 0.1, z_loss: 1e-4, ..CrossEntropy::default() };
    for columns in [1, 2, 7, 8, 31, 33, 129, 1000, 2049, 4096, 50_257] {
        let rows = if columns > 2048 { 1 } else { 3 };
        let layout = if columns % 2 == 0 { Layout::Dense } else { Layout::Gaps };
        let case = Case { options, layout, spread: 3.0, ..Case::plain(rows, columns) };
        on_all_devices::<f32>(&case);
        on_all_devices::<bf16>(&Case { weighted: true, seed: 2, ..case });
    }
    on_all_devices::<f32>(&Case::plain(1, 262_144));
    let vocab_size = Some(262_142);
    on_all_devices::<bf16>(&Case { options: CrossEntropy { vocab_size, ..options }, ..Case::plain(1, 262_144) });
}

/// Several rows of one cluster after the other would need more than 8192 rows; several rows that begin in all ways do not.
#[test]
fn rows_of_an_odd_stride() {
    let case = Case { layout: Layout::Gaps, seed: 4, ..Case::plain(9, 1029) };
    in_each_type!(on_all_devices(&case));
}

/// A loss that is almost 0 is a difference of numbers that are not.
#[test]
fn small_losses_are_exact() {
    on_devices(|stream| {
        for (ahead, offset) in [(8.0, 0.0), (14.0, 0.0), (25.0, 0.0), (14.0, 4096.0), (14.0, -4096.0)] {
            let mut logits = vec![offset; 1500];
            logits[700] = ahead + offset;
            let x = Operand::<f32>::new(stream, [1, 1500], Layout::Dense, &logits);
            let mut losses = Operand::<f32>::unwritten(stream, [1], Layout::Dense);
            let targets = indices(stream, &[700]);
            ops::cross_entropy(&CrossEntropy::default(), x.view(), targets.view(), losses.view_mut()).unwrap();
            let want = (1499.0 * f64::from(-ahead).exp()).ln_1p();
            assert_close("loss", &losses.values(), &[want], Tolerance { abs: 3e-7, rel: 1e-6 });
        }
    });
}

/// Rows of three logits, their targets, and what is to come of them: the loss, the log-sum-exp and the gradient.
type Row = ([f32; 3], u32, f64, f64, [f64; 3]);

fn rows_give<T: Float>(label_smoothing: f32, rows: &[Row]) {
    let options = CrossEntropy { label_smoothing, ..CrossEntropy::default() };
    on_devices(|stream| {
        let logits: Vec<f32> = rows.iter().flat_map(|row| row.0).collect();
        let mut logits = Operand::<T>::new(stream, [rows.len(), 3], Layout::Dense, &logits);
        let [mut losses, mut lse] = [(); 2].map(|()| Operand::<f32>::unwritten(stream, [rows.len()], Layout::Dense));
        let targets = indices(stream, &rows.iter().map(|row| row.1).collect::<Vec<_>>());
        let out = CrossEntropyLosses { losses: losses.view_mut(), lse: Some(lse.view_mut()) };
        ops::cross_entropy_fused(&options, 1.0, logits.view_mut(), targets.view(), out).unwrap();
        let tolerance = Tolerance { abs: 1e-7, rel: 1e-6 };
        assert_close("losses", &losses.values(), &rows.iter().map(|row| row.2).collect::<Vec<_>>(), tolerance);
        assert_close("lse", &lse.values(), &rows.iter().map(|row| row.3).collect::<Vec<_>>(), tolerance);
        let gradient: Vec<f64> = rows.iter().flat_map(|row| row.4).collect();
        assert_close("gradient", &logits.values(), &gradient, tolerance.rounded::<T>());
    });
}

#[test]
fn large_logits_infinities_and_nan() {
    let (inf, nan, wide_inf, wide_nan) = (f32::INFINITY, f32::NAN, f64::INFINITY, f64::NAN);
    let ln2 = 2f64.ln();
    let rows: [Row; 10] = [
        ([10240.0, 0.0, -10240.0], 1, 10240.0, 10240.0, [1.0, -1.0, 0.0]),
        ([-10240.0, -10240.0, -10240.0], 1, 3f64.ln(), 3f64.ln() - 10240.0, [1.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0]),
        ([-inf, 1.0, 1.0], 2, ln2, 1.0 + ln2, [0.0, 0.5, -0.5]),
        ([-inf, 2.0, -inf], 1, 0.0, 2.0, [0.0; 3]),
        ([-inf, 1.0, 1.0], 0, wide_inf, 1.0 + ln2, [-1.0, 0.5, 0.5]),
        ([nan, 0.0, 0.0], 1, wide_nan, wide_nan, [wide_nan; 3]),
        ([0.0, 0.0, nan], 2, wide_nan, wide_nan, [wide_nan; 3]),
        ([inf, 0.0, 0.0], 0, wide_nan, wide_nan, [wide_nan; 3]),
        ([-inf; 3], 0, wide_nan, -wide_inf, [wide_nan; 3]),
        ([nan, inf, 0.0], CrossEntropy::IGNORE, 0.0, 0.0, [0.0; 3]),
    ];
    in_each_type!(rows_give(0.0, &rows));
    // Where the target distribution is above 0, a probability of 0 costs everything.
    let smooth: [Row; 3] = [
        ([-inf, 1.0, 1.0], 2, wide_inf, 1.0 + ln2, [-0.125, 0.375, -0.25]),
        ([0.0, -inf, -inf], 0, wide_inf, 0.0, [0.25, -0.125, -0.125]),
        ([nan, 1.0, 1.0], 2, wide_nan, wide_nan, [wide_nan; 3]),
    ];
    in_each_type!(rows_give(0.375, &smooth));
    let uniform: [Row; 1] = [([-inf, 1.0, 1.0], 0, wide_inf, 1.0 + ln2, [-1.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0])];
    in_each_type!(rows_give(1.0, &uniform));
}

/// A target outside the vocabulary is an error where the host can see it, and NaN where it cannot.
#[test]
fn targets_beyond_the_vocabulary() {
    on_kernels(|stream| {
        let options = CrossEntropy { vocab_size: Some(5), label_smoothing: 0.1, ..CrossEntropy::default() };
        let x = normal(1, 6 * 7);
        let mut logits = Operand::<f32>::new(stream, [6, 7], Layout::Gaps, &x);
        let targets = indices(stream, &[4, 5, u32::MAX - 1, CrossEntropy::IGNORE, 7, 0]);
        let weights = Operand::<f32>::new(stream, [6], Layout::Dense, &[1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
        let [mut losses, mut lse] = [(); 2].map(|()| Operand::<f32>::unwritten(stream, [6], Layout::Dense));
        let weighted = CrossEntropyTargets { indices: targets.view(), weights: Some(weights.view()) };
        let out = CrossEntropyLosses { losses: losses.view_mut(), lse: Some(lse.view_mut()) };
        ops::cross_entropy_fused(&options, 1.0, logits.view_mut(), weighted, out).unwrap();
        let is_nan = |x: &[f32]| x.iter().map(|x| x.is_nan()).collect::<Vec<_>>();
        assert_eq!(is_nan(&losses.values()), [false, true, true, false, false, false]);
        for (row, gradient) in logits.values().chunks(7).enumerate() {
            assert_eq!(is_nan(&gradient[..5]), [row == 1 || row == 2; 5], "row {row}");
            assert_eq!(gradient[5..], [0.0; 2], "row {row}");
            let want = log_sum_exp(&to_f64(&x[7 * row..][..5]));
            let want = if row == 3 || row == 4 { 0.0 } else { want };
            assert_close("lse", &lse.values()[row..=row], &[want], Tolerance { abs: 1e-6, rel: 1e-6 });
        }
    });
}

#[test]
fn the_reciprocal_of_a_count() {
    on_devices(|stream| {
        for (len, every) in [(0, 1), (1, 1), (1, 2), (5, 2), (1024, 1), (3001, 3)] {
            let targets: Vec<u32> = (0..len).map(|i| if i % every == 0 { 7 } else { i }).collect();
            let counted = targets.iter().filter(|&&target| target != 7).count();
            let targets = indices(stream, &targets);
            let mut reciprocal = Operand::<f32>::unwritten(stream, [1], Layout::Gaps);
            ops::reciprocal_count(targets.view(), 7, reciprocal.view_mut()).unwrap();
            assert_eq!(reciprocal.values(), [1.0 / counted.max(1) as f32], "{len} targets");
        }
    });
}

#[test]
fn no_rows() {
    on_devices(|stream| {
        let mut logits = Operand::<bf16>::new(stream, [0, 9], Layout::Dense, &[]);
        let mut losses = Operand::<f32>::unwritten(stream, [0], Layout::Dense);
        let targets = indices(stream, &[]);
        let options = CrossEntropy::default();
        ops::cross_entropy(&options, logits.view(), targets.view(), losses.view_mut()).unwrap();
        ops::cross_entropy_fused(&options, 1.0, logits.view_mut(), targets.view(), losses.view_mut()).unwrap();
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let options = CrossEntropy { label_smoothing: 0.2, ignore_index: 7, ..CrossEntropy::default() };
    let case = Case { options, weighted: true, ..Case::plain(300, 257) };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check::<f32>(&Stream::CPU, &case))
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let message = |options: CrossEntropy, vocab: usize, targets: &[u32]| {
        let logits = Tensor::<f32>::zeros([2, vocab]).unwrap();
        let targets = Tensor::from_vec([targets.len()], targets.to_vec()).unwrap();
        let mut losses = Tensor::zeros([2]).unwrap();
        ops::cross_entropy(&options, logits.view(), targets.view(), losses.view_mut()).unwrap_err().to_string()
    };
    let plain = CrossEntropy::default();
    let want = "cross_entropy: `targets`: expected targets below 5, or 4294967295 to ignore a row, got 5 in row 1";
    assert_eq!(message(plain, 5, &[4, 5]), want);
    assert_eq!(message(CrossEntropy { vocab_size: Some(5), ..plain }, 8, &[4, 5]), want);
    let want = "cross_entropy: `options.label_smoothing`: expected a number from 0 to 1, got NaN";
    assert_eq!(message(CrossEntropy { label_smoothing: f32::NAN, ..plain }, 5, &[0, 0]), want);
    let want = "cross_entropy: `options.z_loss`: expected a finite number of at least 0, got -1";
    assert_eq!(message(CrossEntropy { z_loss: -1.0, ..plain }, 5, &[0, 0]), want);
    for vocab_size in [0, 6] {
        let want = format!("cross_entropy: `options.vocab_size`: expected 1 to 5 columns, got {vocab_size}");
        assert_eq!(message(CrossEntropy { vocab_size: Some(vocab_size), ..plain }, 5, &[0, 0]), want);
    }
    assert_eq!(message(plain, 5, &[0]), "cross_entropy: `targets`: expected [2], got [1]");
    assert_eq!(message(plain, 0, &[0, 0]), "cross_entropy: `logits`: expected at least one column, got [2, 0]");

    // A stray target leaves the logits as they were.
    let (mut logits, targets) = (normal_tensor(1, [1, 3]), Tensor::from_vec([1], vec![3]).unwrap());
    let mut losses = Tensor::zeros([1]).unwrap();
    let error = ops::cross_entropy_fused(&plain, 1.0, logits.view_mut(), targets.view(), losses.view_mut());
    assert!(error.is_err());
    assert_eq!(logits.as_slice(), normal_tensor(1, [1, 3]).as_slice());

    // Each optional operand has the shape that it must have.
    let (targets, two) = (Tensor::from_vec([1], vec![0]).unwrap(), Tensor::zeros([2]).unwrap());
    let mut fused = |scale: GradScale, weights, lse: Option<&mut Tensor>| {
        let targets = CrossEntropyTargets { indices: targets.view(), weights };
        let out = CrossEntropyLosses { losses: losses.view_mut(), lse: lse.map(Tensor::view_mut) };
        ops::cross_entropy_fused(&plain, scale, logits.view_mut(), targets, out).unwrap_err().to_string()
    };
    let want = "cross_entropy_fused: `weights`: expected [1], got [2]";
    assert_eq!(fused(1.0.into(), Some(two.view()), None), want);
    let want = "cross_entropy_fused: `lse`: expected [1], got [2]";
    assert_eq!(fused(1.0.into(), None, Some(&mut Tensor::zeros([2]).unwrap())), want);
    let on_device = GradScale { factor: 1.0, on_device: Some(two.view()) };
    let want = "cross_entropy_fused: `grad_scale.on_device`: expected [1], got [2]";
    assert_eq!(fused(on_device, None, None), want);
}
