use proptest::prelude::*;
use warpweave::Tensor;
use warpweave::ops::{self, NormKind, NormParams, NormStats, NormStatsMut, Residual};

use crate::support::{Tolerance, assert_close, dot, normal_tensor, numerical_gradient, to_f64};

const EPS: f32 = 1e-5;

/// Rows of `gamma.len()` elements, normalized; and the mean and rstd of each.
fn reference(kind: NormKind, x: &[f64], gamma: &[f64], beta: &[f64]) -> [Vec<f64>; 3] {
    let (c, [mut y, mut means, mut rstds]) = (gamma.len(), [const { Vec::new() }; 3]);
    for row in x.chunks(c) {
        let mean = if kind == NormKind::Layer { row.iter().sum::<f64>() / c as f64 } else { 0.0 };
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / c as f64;
        let rstd = (variance + f64::from(EPS)).sqrt().recip();
        y.extend((0..c).map(|j| (row[j] - mean) * rstd * gamma[j] + beta[j]));
        means.push(mean);
        rstds.push(rstd);
    }
    [y, means, rstds]
}

/// y, mean, rstd, and the sum where there is a residual.
fn forward(
    kind: NormKind,
    x: &Tensor,
    residual: Option<&Tensor>,
    gamma: &Tensor,
    beta: Option<&Tensor>,
) -> [Tensor; 4] {
    let (r, c) = (x.shape().dims()[0], x.shape().dims()[1]);
    let [mut y, mut sum] = [1, 2].map(|seed| normal_tensor(seed, [r, c]));
    let [mut mean, mut rstd] = [3, 4].map(|seed| normal_tensor(seed, [r]));
    let params = NormParams { kind, eps: EPS, gamma: gamma.view(), beta: beta.map(Tensor::view) };
    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
    let residual = residual.map(|input| Residual { input: input.view(), sum: sum.view_mut() });
    ops::norm(&params, x.view(), residual, y.view_mut(), stats).unwrap();
    [y, mean, rstd, sum]
}

/// dx, dgamma and dbeta; the latter two on top of what [`normal_tensor`] gives for seeds 6 and 7.
fn backward(
    kind: NormKind,
    x: &Tensor,
    [mean, rstd]: [&Tensor; 2],
    gamma: &Tensor,
    dy: &Tensor,
    residual_grad: Option<&Tensor>,
    beta_acc: f32,
) -> [Tensor; 3] {
    let c = gamma.len();
    let [mut dgamma, mut dbeta] = [6, 7].map(|seed| normal_tensor(seed, [c]));
    let mut dx = normal_tensor(5, x.shape());
    let params = NormParams { kind, eps: EPS, gamma: gamma.view(), beta: None };
    let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
    let (grad, dgamma_out) = (residual_grad.map(Tensor::view), dgamma.view_mut());
    let dbeta_out = Some(dbeta.view_mut());
    ops::norm_backward(&params, x.view(), stats, dy.view(), grad, dx.view_mut(), beta_acc, dgamma_out, dbeta_out)
        .unwrap();
    [dx, dgamma, dbeta]
}

fn kinds() -> impl Strategy<Value = NormKind> {
    prop_oneof![Just(NormKind::Layer), Just(NormKind::Rms)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn forward_matches_the_reference(
        kind in kinds(), r in 1usize..5, c in 1usize..140, offset in prop_oneof![Just(0.0f32), Just(1e3), Just(-3e4)],
        seed in 0u64..1000, residual: bool, with_beta: bool,
    ) {
        let [mut x, input] = [0, 1].map(|i| normal_tensor(seed + i, [r, c]));
        x.as_mut_slice().iter_mut().for_each(|x| *x += offset);
        let [gamma, beta] = [2, 3].map(|i| normal_tensor(seed + i, [c]));
        let [y, mean, rstd, sum] = forward(kind, &x, residual.then_some(&input), &gamma, with_beta.then_some(&beta));
        // The sum is f32: what is normalized is that, rounded.
        let added: Vec<f32> = x.as_slice().iter().zip(input.as_slice()).map(|(x, input)| x + input).collect();
        let normalized = if residual { &added[..] } else { x.as_slice() };
        if residual {
            prop_assert_eq!(sum.as_slice(), &added[..]);
        }
        let beta = if with_beta { to_f64(beta.as_slice()) } else { vec![0.0; c] };
        let want = reference(kind, &to_f64(normalized), &to_f64(gamma.as_slice()), &beta);
        // Where columns are few and alike, rstd reaches 300 and magnifies the rounding of x − mean.
        let scale = want[2].iter().fold(4.0, |a: f64, &b| a.max(b));
        assert_close("y", y.as_slice(), &want[0], Tolerance { abs: 1e-6 * scale, rel: 4e-6 });
        assert_close("mean", mean.as_slice(), &want[1], Tolerance { abs: 1e-6, rel: 2e-7 });
        assert_close("rstd", rstd.as_slice(), &want[2], Tolerance { abs: 0.0, rel: 1e-5 });
    }

    #[test]
    fn backward_matches_finite_differences(
        kind in kinds(), r in 1usize..5, c in 2usize..70, seed in 0u64..1000, accumulate: bool, residual: bool,
    ) {
        let [x, dy, grad] = [0, 1, 2].map(|i| normal_tensor(seed + i, [r, c]));
        let gamma = normal_tensor(seed + 3, [c]);
        let [_, mean, rstd, _] = forward(kind, &x, None, &gamma, None);
        let beta_acc = if accumulate { 1.0 } else { 0.0 };
        let got = backward(kind, &x, [&mean, &rstd], &gamma, &dy, residual.then_some(&grad), beta_acc);

        let [x64, gamma64, dy64, grad64] = [&x, &gamma, &dy, &grad].map(|t| to_f64(t.as_slice()));
        let zeros = vec![0.0; c];
        let mut dx = numerical_gradient(&x64, |x| dot(&reference(kind, x, &gamma64, &zeros)[0], &dy64));
        if residual {
            dx.iter_mut().zip(&grad64).for_each(|(dx, grad)| *dx += grad);
        }
        let scale = mean.len() as f64 + rstd.as_slice().iter().fold(1.0, |a: f64, &b| a.max(f64::from(b)).powi(2));
        assert_close("dx", got[0].as_slice(), &dx, Tolerance { abs: 3e-6 * scale, rel: 1e-5 });
        let mut dgamma = numerical_gradient(&gamma64, |g| dot(&reference(kind, &x64, g, &zeros)[0], &dy64));
        let mut dbeta = numerical_gradient(&zeros, |b| dot(&reference(kind, &x64, &gamma64, b)[0], &dy64));
        if accumulate {
            for (gradient, seed) in [(&mut dgamma, 6), (&mut dbeta, 7)] {
                let before = to_f64(normal_tensor(seed, [c]).as_slice());
                gradient.iter_mut().zip(before).for_each(|(gradient, before)| *gradient += before);
            }
        }
        assert_close("dgamma", got[1].as_slice(), &dgamma, Tolerance { abs: 1e-5, rel: 1e-5 });
        assert_close("dbeta", got[2].as_slice(), &dbeta, Tolerance { abs: 1e-5, rel: 1e-5 });
    }
}

#[test]
fn parameter_gradients_over_many_blocks_of_rows() {
    let (r, c) = (1000, 50);
    let [x, dy] = [1, 2].map(|seed| normal_tensor(seed, [r, c]));
    let gamma = normal_tensor(3, [c]);
    let [_, mean, rstd, _] = forward(NormKind::Layer, &x, None, &gamma, None);
    let [_, dgamma, dbeta] = backward(NormKind::Layer, &x, [&mean, &rstd], &gamma, &dy, None, 0.0);
    let column = |j: usize, factor: &dyn Fn(usize) -> f64| -> f64 {
        (0..r).map(|i| f64::from(dy.as_slice()[i * c + j]) * factor(i)).sum()
    };
    let n = reference(NormKind::Layer, &to_f64(x.as_slice()), &vec![1.0; c], &vec![0.0; c]);
    let want: Vec<f64> = (0..c).map(|j| column(j, &|i| n[0][i * c + j])).collect();
    assert_close("dgamma", dgamma.as_slice(), &want, Tolerance::sum(r, 1.0));
    let want: Vec<f64> = (0..c).map(|j| column(j, &|_| 1.0)).collect();
    assert_close("dbeta", dbeta.as_slice(), &want, Tolerance::sum(r, 1.0));
}

#[test]
fn a_constant_row_gives_beta_and_nan_stays_in_its_row() {
    let mut x = normal_tensor(1, [3, 40]);
    x.as_mut_slice()[..40].fill(12345.678);
    x.as_mut_slice()[45] = f32::NAN;
    let [gamma, beta] = [2, 3].map(|seed| normal_tensor(seed, [40]));
    let [y, ..] = forward(NormKind::Layer, &x, None, &gamma, Some(&beta));
    let want = to_f64(beta.as_slice());
    assert_close("constant", &y.as_slice()[..40], &want, Tolerance { abs: 1e-3, rel: 0.0 });
    assert!(y.as_slice()[40..80].iter().all(|y| y.is_nan()));
    assert!(y.as_slice()[80..].iter().all(|y| y.is_finite()));
    let [y, ..] = forward(NormKind::Rms, &x, None, &gamma, Some(&beta));
    assert!(y.as_slice()[40..80].iter().all(|y| y.is_nan()));
}

#[test]
fn strided_rows_and_no_rows() {
    let wide = normal_tensor(1, [6, 30]);
    let gamma = normal_tensor(2, [11]);
    let x = wide.view().narrow(1, 7, 11);
    let dense: Vec<f32> = (0..6).flat_map(|row| x.row([row]).to_vec()).collect();
    let dense = Tensor::from_vec([6, 11], dense).unwrap();
    let mut y = Tensor::zeros([6, 20]).unwrap();
    let [mut mean, mut rstd] = [(); 2].map(|()| Tensor::zeros([6]).unwrap());
    let params = NormParams { kind: NormKind::Rms, eps: EPS, gamma: gamma.view(), beta: None };
    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
    ops::norm(&params, x, None, y.view_mut().narrow(1, 9, 11), stats).unwrap();
    let [want, ..] = forward(NormKind::Rms, &dense, None, &gamma, None);
    for row in 0..6 {
        assert_eq!(&y.view().row([row])[9..], want.view().row([row]));
        assert_eq!(&y.view().row([row])[..9], [0.0; 9]);
    }
    let none = Tensor::zeros([0, 11]).unwrap();
    let [y, mean, rstd, _] = forward(NormKind::Layer, &none, None, &gamma, None);
    assert!(y.is_empty());
    let [_, dgamma, _] = backward(NormKind::Layer, &none, [&mean, &rstd], &gamma, &none, None, 0.0);
    assert_eq!(dgamma.as_slice(), [0.0; 11]);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let [x, dy] = [1, 2].map(|seed| normal_tensor(seed, [777, 129]));
    let gamma = normal_tensor(3, [129]);
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let [y, mean, rstd, sum] = forward(NormKind::Layer, &x, Some(&dy), &gamma, None);
            let [dx, dgamma, dbeta] = backward(NormKind::Layer, &sum, [&mean, &rstd], &gamma, &dy, Some(&x), 1.0);
            [y, mean, rstd, dx, dgamma, dbeta].map(|t| t.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let (x, gamma, short) = (normal_tensor(1, [2, 3]), normal_tensor(2, [3]), normal_tensor(3, [2]));
    let message = |eps: f32, gamma: &Tensor, beta: Option<&Tensor>, rows: usize, residual: Option<&Tensor>| {
        let [mut y, mut sum] = [(); 2].map(|()| Tensor::zeros([2, 3]).unwrap());
        let [mut mean, mut rstd] = [2, rows].map(|rows| Tensor::zeros([rows]).unwrap());
        let params = NormParams { kind: NormKind::Layer, eps, gamma: gamma.view(), beta: beta.map(Tensor::view) };
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        let residual = residual.map(|input| Residual { input: input.view(), sum: sum.view_mut() });
        ops::norm(&params, x.view(), residual, y.view_mut(), stats).unwrap_err().to_string()
    };
    assert_eq!(message(-1.0, &gamma, None, 2, None), "norm: `eps`: expected a finite number of at least 0, got -1");
    assert_eq!(
        message(f32::NAN, &gamma, None, 2, None),
        "norm: `eps`: expected a finite number of at least 0, got NaN"
    );
    assert_eq!(message(EPS, &short, None, 2, None), "norm: `gamma`: expected [3], got [2]");
    assert_eq!(message(EPS, &gamma, Some(&short), 2, None), "norm: `beta`: expected [3], got [2]");
    assert_eq!(message(EPS, &gamma, None, 5, None), "norm: `stats.rstd`: expected [2], got [5]");
    assert_eq!(message(EPS, &gamma, None, 2, Some(&gamma)), "norm: `residual.input`: expected [2, 3], got [3]");
}
