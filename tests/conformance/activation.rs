use proptest::prelude::*;
use warpweave::ops::{self, Activation};
use warpweave::{Tensor, View};

use crate::support::{Tolerance, assert_close, dot, normal, normal_tensor, numerical_gradient, to_f64};

const KINDS: [Activation; 4] = [Activation::GeluTanh, Activation::Gelu, Activation::Relu, Activation::Silu];

/// The standard normal distribution function: half a Simpson integral of its density from 0, in steps of 1/100 at most.
fn normal_cdf(x: f64) -> f64 {
    let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let steps = 2000;
    let (end, h) = (x.clamp(-9.0, 9.0), x.clamp(-9.0, 9.0) / steps as f64);
    let inner: f64 = (1..steps).map(|i| density(i as f64 * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    0.5 + (density(0.0) + inner + density(end)) * h / 3.0
}

fn reference(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
        Activation::Gelu => x * normal_cdf(x),
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

fn forward(kind: Activation, x: View) -> Tensor {
    let mut y = normal_tensor(99, x.shape());
    ops::activation(kind, x, y.view_mut()).unwrap();
    y
}

fn backward(kind: Activation, x: View, dy: View) -> Tensor {
    let mut dx = normal_tensor(98, x.shape());
    ops::activation_backward(kind, x, dy, dx.view_mut()).unwrap();
    dx
}

/// From −20 to 20, denser near 0; never exactly 0, where ReLU has a corner.
fn grid() -> Tensor {
    let x: Vec<f32> = (-400..400).map(|i| (i as f32 + 0.5) / 400.0).map(|t| 20.0 * t * t.abs()).collect();
    Tensor::from_vec([x.len()], x).unwrap()
}

#[test]
fn forward_matches_the_reference() {
    let x = grid();
    for kind in KINDS {
        let want: Vec<f64> = x.as_slice().iter().map(|&x| reference(kind, f64::from(x))).collect();
        let tolerance = Tolerance { abs: 2e-7, rel: 1e-6 };
        assert_close(&format!("{kind:?}"), forward(kind, x.view()).as_slice(), &want, tolerance);
    }
}

#[test]
fn backward_matches_finite_differences() {
    let (x, dy) = (grid(), normal_tensor(1, [800]));
    for kind in KINDS {
        let want: Vec<f64> = to_f64(x.as_slice())
            .iter()
            .zip(to_f64(dy.as_slice()))
            .map(|(&x, dy)| dy * numerical_gradient(&[x], |x| reference(kind, x[0]))[0])
            .collect();
        // ReLU's corner lies within the step of the difference for the four points nearest to it.
        let near = |&i: &usize| kind != Activation::Relu || x.as_slice()[i].abs() > 1e-4;
        let keep: Vec<usize> = (0..800).filter(near).collect();
        let got = backward(kind, x.view(), dy.view());
        let got: Vec<f32> = keep.iter().map(|&i| got.as_slice()[i]).collect();
        let want: Vec<f64> = keep.iter().map(|&i| want[i]).collect();
        assert_close(&format!("{kind:?}"), &got, &want, Tolerance { abs: 2e-6, rel: 2e-6 });
    }
}

#[test]
fn extremes_stay_finite_and_nan_stays_nan() {
    let x = Tensor::from_vec([7], vec![-1e30, -200.0, -89.0, 89.0, 200.0, 1e30, f32::NAN]).unwrap();
    let one = Tensor::from_vec([7], vec![1.0; 7]).unwrap();
    for kind in KINDS {
        let (y, dx) = (forward(kind, x.view()), backward(kind, x.view(), one.view()));
        let exact = Tolerance { abs: 1e-30, rel: 1e-6 };
        let want = [0.0, 0.0, 0.0, 89.0, 200.0, 1e30f32, f32::NAN].map(f64::from);
        assert_close(&format!("{kind:?}"), y.as_slice(), &want, exact);
        let want: Vec<f64> = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0].into();
        assert_close(&format!("{kind:?}'"), &dx.as_slice()[..6], &want, exact);
        assert!(kind == Activation::Relu || dx.as_slice()[6].is_nan());
    }
}

#[test]
fn strided_operands_of_any_rank() {
    let x = normal_tensor(2, [3, 5, 2, 7]);
    let strided = x.view().swap_axes(0, 2);
    let y = forward(Activation::Silu, strided);
    let narrow = x.view().narrow(3, 2, 4).select(0, 1).select(0, 3);
    let z = forward(Activation::Silu, narrow);
    let whole = forward(Activation::Silu, x.view());
    for (a, b, c, d) in (0..3 * 5 * 2 * 7).map(|i| (i / 70, i / 14 % 5, i / 7 % 2, i % 7)) {
        let want = whole.view().row([a, b, c])[d].to_bits();
        assert_eq!(y.view().row([c, b, a])[d].to_bits(), want);
        if (a, b) == (1, 3) && (2..6).contains(&d) {
            assert_eq!(z.view().row([c])[d - 2].to_bits(), want);
        }
    }
    assert!(forward(Activation::Gelu, normal_tensor(3, [0, 4]).view()).is_empty());
    let scalar = Tensor::from_vec([], vec![2.0]).unwrap();
    assert_eq!(forward(Activation::Relu, scalar.view()).as_slice(), [2.0]);
}

fn swiglu_reference(x: &[f64], f: usize) -> Vec<f64> {
    let mut y = Vec::new();
    for row in x.chunks(2 * f) {
        y.extend((0..f).map(|j| reference(Activation::Silu, row[j]) * row[f + j]));
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn swiglu_and_its_gradient(r in 1usize..6, f in 1usize..40, seed in 0u64..1000) {
        let (x, dy) = (normal_tensor(seed, [r, 2 * f]), normal_tensor(seed + 1, [r, f]));
        let (mut y, mut dx) = (normal_tensor(7, [r, f]), normal_tensor(8, [r, 2 * f]));
        ops::swiglu(x.view(), y.view_mut()).unwrap();
        ops::swiglu_backward(x.view(), dy.view(), dx.view_mut()).unwrap();
        let x = to_f64(x.as_slice());
        let tolerance = Tolerance { abs: 1e-6, rel: 2e-6 };
        assert_close("y", y.as_slice(), &swiglu_reference(&x, f), tolerance);
        let want = numerical_gradient(&x, |x| dot(&swiglu_reference(x, f), &to_f64(dy.as_slice())));
        assert_close("dx", dx.as_slice(), &want, tolerance);
    }

    #[test]
    fn bias_gradient_is_the_column_sum(r in 0usize..150, n in 1usize..50, beta in 0usize..3, seed in 0u64..1000) {
        let beta = [0.0, 1.0, -0.5][beta];
        let (dy, before) = (normal_tensor(seed, [r, n]), normal(seed + 1, n));
        let mut dbias = Tensor::from_vec([n], before.clone()).unwrap();
        ops::bias_backward(dy.view(), beta, dbias.view_mut()).unwrap();
        let want: Vec<f64> = (0..n)
            .map(|j| (0..r).map(|i| f64::from(dy.as_slice()[i * n + j])).sum::<f64>() + f64::from(beta * before[j]))
            .collect();
        assert_close("dbias", dbias.as_slice(), &want, Tolerance::sum(r + 1, 1.0));
    }
}

#[test]
fn bias_gradient_of_many_columns_and_over_nan() {
    // More columns than one task of the second stage takes.
    let dy = normal_tensor(4, [70, 2500]);
    let mut dbias = Tensor::from_vec([2500], vec![f32::NAN; 2500]).unwrap();
    ops::bias_backward(dy.view(), 0.0, dbias.view_mut()).unwrap();
    let want: Vec<f64> = (0..2500).map(|j| (0..70).map(|i| f64::from(dy.as_slice()[i * 2500 + j])).sum()).collect();
    assert_close("dbias", dbias.as_slice(), &want, Tolerance::sum(70, 1.0));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, dy) = (normal_tensor(5, [130, 514]), normal_tensor(6, [130, 514]));
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let mut dbias = Tensor::zeros([514]).unwrap();
            ops::bias_backward(dy.view(), 0.0, dbias.view_mut()).unwrap();
            let mut gated = Tensor::zeros([130, 257]).unwrap();
            ops::swiglu(x.view(), gated.view_mut()).unwrap();
            [forward(Activation::Gelu, x.view()), backward(Activation::GeluTanh, x.view(), dy.view()), dbias, gated]
                .map(|t| t.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_shapes_are_named() {
    let (x, mut y) = (normal_tensor(1, [2, 3]), normal_tensor(1, [3, 2]));
    let error = ops::activation(Activation::Relu, x.view(), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "activation: `y`: expected [2, 3], got [3, 2]");
    let error = ops::activation(Activation::Relu, x.view().t(), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "activation: `x`: expected a last axis of stride 1, got strides [1, 3]");
    let error = ops::activation_backward(Activation::Relu, x.view(), x.view(), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "activation_backward: `dx`: expected [2, 3], got [3, 2]");
    let error = ops::swiglu(x.view(), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "swiglu: `x`: expected an even number of columns, gate and up, got 3");
    let error = ops::swiglu_backward(x.view().narrow(1, 0, 2), x.view(), y.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "swiglu_backward: `dy`: expected [2, 1], got [2, 3]");
    let error = ops::bias_backward(x.view(), 0.0, y.view_mut().select(0, 0)).unwrap_err();
    assert_eq!(error.to_string(), "bias_backward: `dbias`: expected [3], got [2]");
}
