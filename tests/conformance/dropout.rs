//! The mask of dropout against its definition, in every alignment.

use proptest::prelude::*;
use warpweave::ops::{self, Dropout};
use warpweave::random::philox;
use warpweave::{Tensor, View};

use crate::support::*;

/// The definition of the mask, one element at a time: the factor of element `i`.
pub fn factor(dropout: Dropout, i: u64) -> f64 {
    let (block, site) = (i / 4, dropout.site);
    let counter = [block as u32, (block >> 32) as u32, site as u32, (site >> 32) as u32];
    let word = philox(dropout.seed, counter)[(i % 4) as usize];
    let uniform = f64::from(word >> 8) / f64::from(1 << 24);
    if uniform < f64::from(dropout.p) { 0.0 } else { 1.0 / (1.0 - f64::from(dropout.p)) }
}

const TOLERANCE: Tolerance = Tolerance { abs: 1e-30, rel: 4e-7 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_row_length(rows in 1..5usize, width in 1..150usize, p in 0.0..0.99f32, seed: u64, site: u64) {
        let d = Dropout { p, seed, site };
        let (x, residual) = (normal_tensor(1, [rows, width]), normal_tensor(2, [rows, width]));
        let dropped: Vec<f64> =
            x.as_slice().iter().enumerate().map(|(i, &x)| f64::from(x) * factor(d, i as u64)).collect();
        let mut y = Tensor::from_vec([rows, width], vec![f32::NAN; rows * width]).unwrap();
        ops::dropout(x.view(), d, y.view_mut()).unwrap();
        assert_close("dropout", y.as_slice(), &dropped, TOLERANCE);

        let sums: Vec<f64> = dropped.iter().zip(residual.as_slice()).map(|(x, &r)| x + f64::from(r)).collect();
        ops::dropout_add(x.view(), d, residual.view(), y.view_mut()).unwrap();
        // The sum may cancel: its error is that of its terms.
        assert_close("dropout_add", y.as_slice(), &sums, Tolerance { abs: 1e-6 / f64::from(1.0 - p), ..TOLERANCE });
    }

    #[test]
    fn strided_views(b in 1..4usize, t in 1..5usize, h in 1..4usize, width in 1..9usize) {
        // The heads of a packed [B, T, 3, H, D], with H and T exchanged: no reshape makes a matrix of them.
        let d = Dropout { p: 0.3, seed: 5, site: 6 };
        let packed = normal_tensor(1, [b, t, 3, h, width]);
        fn heads(view: View<'_>) -> View<'_> {
            view.select(2, 1).swap_axes(1, 2)
        }
        let x = heads(packed.view());
        let mut want = Vec::new();
        for (row, index) in (0..b * h * t).map(|row| (row, [row / (h * t), row / t % h, row % t])) {
            let values = x.row(index).iter().enumerate();
            want.extend(values.map(|(i, &x)| f64::from(x) * factor(d, (row * width + i) as u64)));
        }
        let mut y = Tensor::zeros([b, h, t, width]).unwrap();
        ops::dropout(x, d, y.view_mut()).unwrap();
        assert_close("dropout", y.as_slice(), &want, TOLERANCE);
    }
}

#[test]
fn the_share_of_zeros_and_the_mean() {
    let n = 200_000;
    let x = Tensor::from_vec([n / 100, 100], vec![1.0; n]).unwrap();
    let mut y = Tensor::zeros([n / 100, 100]).unwrap();
    ops::dropout(x.view(), Dropout { p: 0.1, seed: 3, site: 4 }, y.view_mut()).unwrap();
    let zeros = y.as_slice().iter().filter(|&&y| y == 0.0).count() as f64 / n as f64;
    let mean = y.as_slice().iter().map(|&y| f64::from(y)).sum::<f64>() / n as f64;
    // Four standard deviations of a binomial share.
    assert!((zeros - 0.1).abs() < 0.0027 && (mean - 1.0).abs() < 0.003, "zeros {zeros}, mean {mean}");
}

#[test]
fn no_dropout_is_the_identity_and_a_dropped_nan_is_gone() {
    let x = normal_tensor(1, [3, 7]);
    let mut y = Tensor::zeros([3, 7]).unwrap();
    ops::dropout(x.view(), Dropout::default(), y.view_mut()).unwrap();
    assert_eq!(x.as_slice(), y.as_slice());

    let d = Dropout { p: 0.5, seed: 1, site: 0 };
    let x = Tensor::from_vec([40], vec![f32::NAN; 40]).unwrap();
    let mut y = Tensor::zeros([40]).unwrap();
    ops::dropout(x.view(), d, y.view_mut()).unwrap();
    for (i, y) in y.as_slice().iter().enumerate() {
        assert_eq!(*y == 0.0, factor(d, i as u64) == 0.0, "element {i} is {y}");
    }
}

#[test]
fn any_number_of_threads() {
    let x = normal_tensor(1, [300, 257]);
    let run = |threads| {
        let mut y = Tensor::zeros([300, 257]).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| ops::dropout(x.view(), Dropout { p: 0.2, seed: 1, site: 2 }, y.view_mut())).unwrap();
        y.as_slice().to_vec()
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn bad_arguments_are_named() {
    let (x, mut y) = (normal_tensor(1, [2, 3]), Tensor::zeros([2, 3]).unwrap());
    for p in [1.0, -0.1, f32::NAN] {
        let error = ops::dropout(x.view(), Dropout { p, seed: 0, site: 0 }, y.view_mut()).unwrap_err();
        let want = format!("dropout: `p`: expected a probability with 0 ≤ p < 1, got {p}");
        assert_eq!(error.to_string(), want);
    }
    let d = Dropout::default();
    let error = ops::dropout(x.view().t(), d, y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "dropout: `x`: expected a last axis of stride 1, got strides [1, 3]");
    let error = ops::dropout(x.view(), d, y.view_mut().narrow(0, 0, 1)).unwrap_err();
    assert_eq!(error.to_string(), "dropout: `y`: expected [2, 3], got [1, 3]");
    let error = ops::dropout_add(x.view(), d, x.view().narrow(1, 0, 2), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "dropout_add: `residual`: expected [2, 3], got [2, 2]");
}
