use proptest::prelude::*;
use warpweave::Tensor;
use warpweave::ops::{self, CrossEntropy};

use crate::support::{Tolerance, assert_close, normal_tensor, numerical_gradient, to_f64};

/// − Σ over the target distribution of ln softmax, for each row.
fn reference(x: &[f64], targets: &[u32], smoothing: f64, ignore: u32) -> Vec<f64> {
    let vocab = x.len() / targets.len();
    x.chunks(vocab)
        .zip(targets)
        .map(|(row, &target)| {
            if target == ignore {
                return 0.0;
            }
            let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let lse = max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
            let uniform = smoothing / vocab as f64;
            let weight = |j| if j == target as usize { 1.0 - smoothing + uniform } else { uniform };
            row.iter().enumerate().filter(|&(j, _)| weight(j) > 0.0).map(|(j, x)| weight(j) * (lse - x)).sum()
        })
        .collect()
}

fn losses(options: &CrossEntropy, logits: &Tensor, targets: &[u32]) -> Vec<f32> {
    let targets = Tensor::from_vec([targets.len()], targets.to_vec()).unwrap();
    let mut losses = normal_tensor(90, targets.shape());
    ops::cross_entropy(options, logits.view(), targets.view(), losses.view_mut()).unwrap();
    losses.as_slice().to_vec()
}

/// The losses and the gradient.
fn fused(options: &CrossEntropy, scale: f32, logits: &Tensor, targets: &[u32]) -> [Vec<f32>; 2] {
    let targets = Tensor::from_vec([targets.len()], targets.to_vec()).unwrap();
    let mut logits = Tensor::from_vec(logits.shape(), logits.as_slice().to_vec()).unwrap();
    let mut losses = normal_tensor(91, targets.shape());
    ops::cross_entropy_fused(options, scale, logits.view_mut(), targets.view(), losses.view_mut()).unwrap();
    [losses.as_slice().to_vec(), logits.as_slice().to_vec()]
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn losses_and_gradients(
        r in 1usize..5, v in 1usize..80, smoothing in prop_oneof![Just(0.0f32), Just(0.1), Just(1.0)],
        ignore in prop_oneof![Just(CrossEntropy::IGNORE), Just(0)], spread in prop_oneof![Just(1.0f32), Just(30.0)],
        seed in 0u64..1000,
    ) {
        let options = CrossEntropy { label_smoothing: smoothing, ignore_index: ignore };
        let mut logits = normal_tensor(seed, [r, v]);
        logits.as_mut_slice().iter_mut().for_each(|x| *x *= spread);
        let mut targets: Vec<u32> = (0..r).map(|i| ((seed as usize + 7 * i) % v) as u32).collect();
        if seed % 3 == 0 {
            targets[r / 2] = ignore;
        }
        let [got, gradient] = fused(&options, 0.25, &logits, &targets);
        let x = to_f64(logits.as_slice());
        let of = |x: &[f64]| reference(x, &targets, f64::from(smoothing), ignore);
        let tolerance = Tolerance { abs: 1e-6 * f64::from(spread), rel: 2e-6 };
        assert_close("losses", &got, &of(&x), tolerance);
        prop_assert_eq!(bits(&got), bits(&losses(&options, &logits, &targets)));
        let want = numerical_gradient(&x, |x| 0.25 * of(x).iter().sum::<f64>());
        assert_close("gradient", &gradient, &want, Tolerance { abs: 3e-7, rel: 2e-6 });
    }
}

#[test]
fn a_whole_vocabulary() {
    let logits = normal_tensor(1, [2, 50257]);
    let options = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    let targets = [50256, 0];
    let [got, gradient] = fused(&options, 1.0, &logits, &targets);
    let x = to_f64(logits.as_slice());
    assert_close("losses", &got, &reference(&x, &targets, 0.1f32.into(), u32::MAX), Tolerance { abs: 0.0, rel: 1e-6 });
    for (row, x) in x.chunks(50257).enumerate() {
        let total: f64 = x.iter().map(|x| x.exp()).sum();
        let smoothing = f64::from(0.1f32);
        let one_hot = |j| if j == targets[row] as usize { 1.0 - smoothing } else { 0.0 };
        let want: Vec<f64> =
            x.iter().enumerate().map(|(j, x)| x.exp() / total - one_hot(j) - smoothing / 50257.0).collect();
        assert_close("gradient", &gradient[row * 50257..][..50257], &want, Tolerance { abs: 1e-10, rel: 2e-6 });
    }
}

#[test]
fn large_logits_infinities_and_nan() {
    let inf = f32::INFINITY;
    let rows = [[1e5, 0.0, -1e5], [-inf, 1.0, 1.0], [f32::NAN, 0.0, 0.0], [f32::NAN, inf, 0.0]];
    let logits = Tensor::from_vec([4, 3], rows.concat()).unwrap();
    let [losses, gradient] = fused(&CrossEntropy::default(), 1.0, &logits, &[1, 2, 1, CrossEntropy::IGNORE]);
    let ln2 = 2f64.ln();
    let tolerance = Tolerance { abs: 0.0, rel: 1e-6 };
    assert_close("losses", &losses, &[1e5, ln2, f64::NAN, 0.0], tolerance);
    let nan = f64::NAN;
    let want = [[1.0, -1.0, 0.0], [0.0, 0.5, -0.5], [nan, nan, nan], [0.0; 3]].concat();
    assert_close("gradient", &gradient, &want, tolerance);
}

#[test]
fn strided_logits_and_no_rows() {
    let wide = normal_tensor(1, [5, 20]);
    let targets = Tensor::from_vec([5], vec![0, 8, 3, 4, 5]).unwrap();
    let logits = wide.view().narrow(1, 2, 9);
    let dense: Vec<f32> = (0..5).flat_map(|row| logits.row([row]).to_vec()).collect();
    let mut got = Tensor::zeros([5]).unwrap();
    ops::cross_entropy(&CrossEntropy::default(), logits, targets.view(), got.view_mut()).unwrap();
    let dense = Tensor::from_vec([5, 9], dense).unwrap();
    assert_eq!(got.as_slice(), losses(&CrossEntropy::default(), &dense, targets.as_slice()));
    assert!(losses(&CrossEntropy::default(), &Tensor::zeros([0, 9]).unwrap(), &[]).is_empty());
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let logits = normal_tensor(1, [300, 257]);
    let targets: Vec<u32> = (0..300).map(|i| i % 257).collect();
    let options = CrossEntropy { label_smoothing: 0.2, ignore_index: 7 };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fused(&options, 0.1, &logits, &targets)).map(|x| bits(&x))
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let message = |smoothing, vocab: usize, targets: &[u32]| {
        let options = CrossEntropy { label_smoothing: smoothing, ..CrossEntropy::default() };
        let logits = Tensor::zeros([2, vocab]).unwrap();
        let targets = Tensor::from_vec([targets.len()], targets.to_vec()).unwrap();
        let mut losses = Tensor::zeros([2]).unwrap();
        ops::cross_entropy(&options, logits.view(), targets.view(), losses.view_mut()).unwrap_err().to_string()
    };
    let want = "cross_entropy: `targets`: expected targets below 5, or 4294967295 to ignore a row, got 5 in row 1";
    assert_eq!(message(0.0, 5, &[4, 5]), want);
    let want = "cross_entropy: `options.label_smoothing`: expected a number from 0 to 1, got NaN";
    assert_eq!(message(f32::NAN, 5, &[0, 0]), want);
    assert_eq!(message(0.0, 5, &[0]), "cross_entropy: `targets`: expected [2], got [1]");
    assert_eq!(message(0.0, 0, &[0, 0]), "cross_entropy: `logits`: expected at least one column, got [2, 0]");

    // A stray target leaves the logits as they were.
    let (mut logits, targets) = (normal_tensor(1, [1, 3]), Tensor::from_vec([1], vec![3]).unwrap());
    let mut losses = Tensor::zeros([1]).unwrap();
    let error =
        ops::cross_entropy_fused(&CrossEntropy::default(), 1.0, logits.view_mut(), targets.view(), losses.view_mut());
    assert!(error.is_err());
    assert_eq!(logits.as_slice(), normal_tensor(1, [1, 3]).as_slice());
}
