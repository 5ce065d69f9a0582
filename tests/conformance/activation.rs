use half::{bf16, f16};
use warpweave::device::{Device, Stream};
use warpweave::ops::{self, Activation, ActivationParams, BiasGrad};
use warpweave::tensor::{Float, View};
use warpweave::{Error, Tensor};

use crate::in_each_type;
use crate::support::{
    Layout, Operand, Tolerance, assert_close, bits, dot, normal, normal_tensor, numerical_gradient, on_devices,
    on_kernels, to_f64,
};

const KINDS: [Activation; 4] = [Activation::GeluTanh, Activation::Gelu, Activation::Relu, Activation::Silu];
const LAYOUTS: [Layout; 2] = [Layout::Dense, Layout::Gaps];

/// What one f32 evaluation of an activation may be wrong by, or of its derivative.
const VALUE: Tolerance = Tolerance { abs: 2e-7, rel: 1e-6 };
const SLOPE: Tolerance = Tolerance { abs: 2e-6, rel: 2e-6 };

/// The standard normal distribution function, with all its digits in the lower tail: the series of erf near 0, the continued
/// fraction of erfc beyond (Abramowitz and Stegun 7.1.5, 7.1.14).
fn normal_cdf(x: f64) -> f64 {
    let t = x.abs() / std::f64::consts::SQRT_2;
    let tail = if t < 2.0 {
        let (mut term, mut sum, mut n) = (t, t, 0.0);
        while term.abs() > 1e-18 * sum {
            n += 1.0;
            term *= -t * t / n;
            sum += term / (2.0 * n + 1.0);
        }
        0.5 - sum / std::f64::consts::PI.sqrt()
    } else {
        let fraction = (1..=60).rev().fold(t, |below, k| t + f64::from(k) / 2.0 / below);
        0.5 * (-t * t).exp() / fraction / std::f64::consts::PI.sqrt()
    };
    if x < 0.0 { tail } else { 1.0 - tail }
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

fn slope(kind: Activation, x: f64) -> f64 {
    numerical_gradient(&[x], |x| reference(kind, x[0]))[0]
}

/// From −20 to 20, denser near 0; never exactly 0, where ReLU has a corner, nor within a finite difference of it.
fn grid(n: usize) -> Vec<f32> {
    let half = n as f32 / 2.0;
    (0..n)
        .map(|i| (i as f32 + 0.5 - half) / half)
        .map(|t| 20.0 * t * t.abs())
        .map(|x| x + 1e-4f32.copysign(x))
        .collect()
}

/// `values` as T has them.
fn rounded<T: Float>(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&x| T::from_f32(x).to_f32()).collect()
}

/// x + bias of rows of `columns`, in f32.
fn biased(x: &[f32], bias: &[f32]) -> Vec<f32> {
    x.iter().enumerate().map(|(i, x)| x + bias[i % bias.len()]).collect()
}

/// The sum of each column.
fn column_sums(x: &[f64], columns: usize) -> Vec<f64> {
    (0..columns).map(|j| x.iter().skip(j).step_by(columns).sum()).collect()
}

fn forward_in<T: Float>() {
    let (rows, columns) = (7, 61);
    let x = rounded::<T>(&grid(rows * columns));
    for kind in KINDS {
        let want: Vec<f64> = x.iter().map(|&x| reference(kind, f64::from(x))).collect();
        on_devices(|stream| {
            let results = LAYOUTS.map(|layout| {
                let x = Operand::<T>::new(stream, [rows, columns], layout, &x);
                let mut y = Operand::<T>::unwritten(stream, [rows, columns], layout);
                ops::activation(kind, x.view(), y.view_mut()).unwrap();
                assert_close(&format!("{kind:?} of {layout:?}"), &y.values(), &want, VALUE.rounded::<T>());
                bits(&y.values())
            });
            assert!(stream.device() == Device::Cpu || results[0] == results[1], "where it lies makes no difference");
            results
        });
    }
}

#[test]
fn forward_matches_the_reference() {
    in_each_type!(forward_in());
}

/// A bias of the type W, on rows that vectors divide and on rows that they don't.
fn biased_in<T: Float, W: Float>() {
    for (kind, [rows, columns]) in KINDS.into_iter().zip([[9, 64], [5, 33], [2, 1], [1, 40]]) {
        let (x, bias) = (rounded::<T>(&normal(1, rows * columns)), rounded::<W>(&normal(2, columns)));
        let want: Vec<f64> = biased(&x, &bias).iter().map(|&x| reference(kind, f64::from(x))).collect();
        on_devices(|stream| {
            LAYOUTS.map(|layout| {
                let x = Operand::<T>::new(stream, [rows, columns], layout, &x);
                let bias = Operand::<W>::new(stream, [columns], layout, &bias);
                let mut y = Operand::<T>::unwritten(stream, [rows, columns], layout);
                let params = ActivationParams { kind, bias: Some(bias.view()) };
                ops::activation(params, x.view(), y.view_mut()).unwrap();
                assert_close(&format!("{kind:?} of {layout:?}"), &y.values(), &want, VALUE.rounded::<T>());
                bits(&y.values())
            })
        });
    }
}

#[test]
fn a_bias_of_any_type_is_added_first() {
    biased_in::<f32, bf16>();
    biased_in::<bf16, f32>();
    biased_in::<f16, f16>();
}

/// The error function's GELU keeps its digits where f32 has any. The CPU's is right to 2e-7 of its input.
#[test]
fn kernels_keep_the_digits_of_the_lower_tail() {
    let x: Vec<f32> = (0..400).map(|i| -12.9 + i as f32 / 32.0).take_while(|&x| x < -0.5).collect();
    for kind in [Activation::Gelu, Activation::Silu] {
        let want: Vec<f64> = x.iter().map(|&x| reference(kind, f64::from(x))).collect();
        let tolerance = Tolerance { abs: 1e-37, rel: 1.2e-6 };
        on_kernels(|stream| {
            let x = Operand::<f32>::new(stream, [x.len()], Layout::Dense, &x);
            let mut y = Operand::<f32>::unwritten(stream, [want.len()], Layout::Dense);
            ops::activation(kind, x.view(), y.view_mut()).unwrap();
            assert_close(&format!("{kind:?}"), &y.values(), &want, tolerance);
        });
    }
}

fn backward_in<T: Float>(kind: Activation, [rows, columns]: [usize; 2]) {
    let n = rows * columns;
    let (x, dy) = (rounded::<T>(&grid(n)), rounded::<T>(&normal(1, n)));
    let want: Vec<f64> = x.iter().zip(&dy).map(|(&x, &dy)| f64::from(dy) * slope(kind, f64::from(x))).collect();
    on_devices(|stream| {
        LAYOUTS.map(|layout| {
            let (x, dy) = (
                Operand::<T>::new(stream, [rows, columns], layout, &x),
                Operand::<T>::new(stream, [rows, columns], layout, &dy),
            );
            let mut dx = Operand::<T>::unwritten(stream, [rows, columns], layout);
            ops::activation_backward(kind, x.view(), dy.view(), dx.view_mut(), None).unwrap();
            assert_close(&format!("{kind:?} of {layout:?}"), &dx.values(), &want, SLOPE.rounded::<T>());
            let mut grad = dy;
            ops::activation_backward_in_place(kind, x.view(), grad.view_mut(), None).unwrap();
            assert_eq!(bits(&grad.values()), bits(&dx.values()), "in place");
            bits(&dx.values())
        })
    });
}

#[test]
fn backward_matches_finite_differences() {
    for kind in KINDS {
        in_each_type!(backward_in(kind, [6, 67]));
    }
    backward_in::<bf16>(Activation::Gelu, [3, 128]);
}

/// With the bias and its gradient: more rows than one part of the sums has, more columns than one block.
fn biased_backward_in<T: Float, W: Float>(kind: Activation, [rows, columns]: [usize; 2], beta: f32) {
    let n = rows * columns;
    let (x, dy) = (rounded::<T>(&normal(3, n)), rounded::<T>(&normal(4, n)));
    let (bias, before) = (rounded::<W>(&normal(5, columns)), normal(6, columns));
    let want: Vec<f64> =
        biased(&x, &bias).iter().zip(&dy).map(|(&x, &dy)| f64::from(dy) * slope(kind, f64::from(x))).collect();
    let mut sums = column_sums(&want, columns);
    sums.iter_mut().zip(&before).for_each(|(sum, &before)| *sum += f64::from(beta * before));
    // Some x are at ReLU's corner but for the finite difference.
    let near = |&i: &usize| kind == Activation::Relu && biased(&x, &bias)[i].abs() < 1e-4;
    assert!(!(0..n).any(|i| near(&i)), "another seed");
    let before = if beta == 0.0 { vec![f32::NAN; columns] } else { before };
    on_devices(|stream| {
        LAYOUTS.map(|layout| {
            let [x, dy] = [&x, &dy].map(|values| Operand::<T>::new(stream, [rows, columns], layout, values));
            let bias = Operand::<W>::new(stream, [columns], layout, &bias);
            let params = ActivationParams { kind, bias: Some(bias.view()) };
            let mut dx = Operand::<T>::unwritten(stream, [rows, columns], layout);
            let mut dbias = Operand::<f32>::new(stream, [columns], layout, &before);
            let grad = BiasGrad { dbias: dbias.view_mut(), beta };
            ops::activation_backward(params, x.view(), dy.view(), dx.view_mut(), Some(grad)).unwrap();
            assert_close(&format!("{kind:?} of {layout:?}: dx"), &dx.values(), &want, SLOPE.rounded::<T>());
            let tolerance = Tolerance::sum(rows + 1, 2.0);
            let tolerance = Tolerance { abs: tolerance.abs + 1e-6 * rows as f64, ..tolerance };
            assert_close(&format!("{kind:?} of {layout:?}: dbias"), &dbias.values(), &sums, tolerance);

            let (mut grad, mut again) = (dy, Operand::<f32>::new(stream, [columns], layout, &before));
            let bias_grad = BiasGrad { dbias: again.view_mut(), beta };
            ops::activation_backward_in_place(params, x.view(), grad.view_mut(), Some(bias_grad)).unwrap();
            assert_eq!(bits(&grad.values()), bits(&dx.values()), "in place");
            assert_eq!(bits(&again.values()), bits(&dbias.values()), "in place");

            let mut plain = Operand::<T>::unwritten(stream, [rows, columns], layout);
            ops::activation_backward(params, x.view(), grad.view(), plain.view_mut(), None).unwrap();
            [bits(&dx.values()), bits(&dbias.values()), bits(&plain.values())]
        })
    });
}

#[test]
fn the_gradient_of_the_bias_comes_with_dx() {
    biased_backward_in::<f32, f32>(Activation::GeluTanh, [270, 16], 1.0);
    biased_backward_in::<bf16, f32>(Activation::Gelu, [40, 136], 0.0);
    biased_backward_in::<f16, bf16>(Activation::Silu, [33, 7], -0.5);
    biased_backward_in::<f32, f16>(Activation::Relu, [1, 70], 0.0);
}

/// Where an operand lies says nothing about the order of sums, and no row means no sum.
#[test]
fn dbias_of_no_rows_is_beta_times_what_it_was() {
    on_devices(|stream| {
        let x = Operand::<bf16>::new(stream, [0, 24], Layout::Dense, &[]);
        let mut dx = Operand::<bf16>::new(stream, [0, 24], Layout::Dense, &[]);
        let mut dbias = Operand::<f32>::new(stream, [24], Layout::Dense, &[3.0; 24]);
        let grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.5 };
        ops::activation_backward(Activation::Silu, x.view(), x.view(), dx.view_mut(), Some(grad)).unwrap();
        assert_eq!(dbias.values(), [1.5; 24]);
        ops::bias_backward(x.view(), 0.0, dbias.view_mut()).unwrap();
        assert_eq!(dbias.values(), [0.0; 24]);
    });
}

fn extremes_in<T: Float>() {
    let x = [f32::NEG_INFINITY, -6e4, -200.0, -90.0, -0.0, 90.0, 200.0, 6e4, f32::INFINITY, f32::NAN].map(T::from_f32);
    let x = x.map(T::to_f32);
    let exact = Tolerance { abs: 1e-30, rel: 1e-6 }.rounded::<T>();
    on_devices(|stream| {
        for kind in KINDS {
            let (input, one) = (
                Operand::<T>::new(stream, [10], Layout::Dense, &x),
                Operand::<T>::new(stream, [10], Layout::Dense, &[1.0; 10]),
            );
            let [mut y, mut dx] = [(); 2].map(|()| Operand::<T>::unwritten(stream, [10], Layout::Dense));
            ops::activation(kind, input.view(), y.view_mut()).unwrap();
            ops::activation_backward(kind, input.view(), one.view(), dx.view_mut(), None).unwrap();
            let want: Vec<f64> = x.iter().map(|&x| if x < 0.0 { 0.0 } else { f64::from(x) }).collect();
            assert_close(&format!("{kind:?}"), &y.values(), &want, exact);
            let middle = if kind == Activation::Relu { 0.0 } else { 0.5 };
            let want = [0.0, 0.0, 0.0, 0.0, middle, 1.0, 1.0, 1.0, 1.0];
            assert_close(&format!("{kind:?}'"), &dx.values()[..9], &want, exact);
            assert!(kind == Activation::Relu || dx.values()[9].is_nan());
        }
    });
}

#[test]
fn extremes_have_their_limits_and_nan_stays_nan() {
    in_each_type!(extremes_in());
}

#[test]
fn strided_operands_of_any_rank() {
    let x = normal_tensor(2, [3, 5, 2, 7]);
    on_devices(|stream| {
        let x = x.to(stream).unwrap();
        let run = |x: View| {
            let mut y = Tensor::zeros_on(stream, x.shape()).unwrap();
            ops::activation(Activation::Silu, x, y.view_mut()).unwrap();
            y.to(&Stream::CPU).unwrap()
        };
        let (y, z) = (run(x.view().swap_axes(0, 2)), run(x.view().narrow(3, 2, 4).select(0, 1).select(0, 3)));
        let mut heads = Tensor::zeros_on(stream, [3, 2, 5, 7]).unwrap();
        ops::activation(Activation::Silu, x.view(), heads.view_mut().swap_axes(1, 2)).unwrap();
        let (heads, whole) = (heads.to(&Stream::CPU).unwrap(), run(x.view()));
        for (a, b, c, d) in (0..3 * 5 * 2 * 7).map(|i| (i / 70, i / 14 % 5, i / 7 % 2, i % 7)) {
            let want = whole.view().row([a, b, c])[d].to_bits();
            assert_eq!(y.view().row([c, b, a])[d].to_bits(), want);
            assert_eq!(heads.view().row([a, c, b])[d].to_bits(), want);
            if (a, b) == (1, 3) && (2..6).contains(&d) {
                assert_eq!(z.view().row([c])[d - 2].to_bits(), want);
            }
        }
        // A bias, and the gradient of one, over rows of several axes.
        let (bias, dy) =
            (normal_tensor(3, [7]).to(stream).unwrap(), normal_tensor(4, [2, 5, 3, 7]).to(stream).unwrap());
        let params = ActivationParams { kind: Activation::Silu, bias: Some(bias.view()) };
        let [mut dx, mut want_dx] = [(); 2].map(|()| Tensor::zeros_on(stream, [2, 5, 3, 7]).unwrap());
        let [mut dbias, mut want] = [(); 2].map(|()| Tensor::zeros_on(stream, [7]).unwrap());
        let grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
        ops::activation_backward(params, x.view().swap_axes(0, 2), dy.view(), dx.view_mut(), Some(grad)).unwrap();
        ops::activation_backward(params, x.view().swap_axes(0, 2), dy.view(), want_dx.view_mut(), None).unwrap();
        assert_eq!(dx.to_vec().unwrap(), want_dx.to_vec().unwrap());
        ops::bias_backward(dx.view().reshape([30, 7]).unwrap(), 0.0, want.view_mut()).unwrap();
        let want = to_f64(&want.to_vec().unwrap());
        assert_close("dbias", &dbias.to_vec().unwrap(), &want, Tolerance::sum(30, 1.0));

        assert!(run(Tensor::zeros_on(stream, [0, 4]).unwrap().view()).is_empty());
        let scalar = Tensor::from_vec([], vec![2.0]).unwrap().to(stream).unwrap();
        let want = reference(Activation::Silu, 2.0);
        assert_close("a scalar", run(scalar.view()).as_slice(), &[want], VALUE);
    });
}

/// `x` of 2 `f` columns.
fn glu_reference(kind: Activation, x: &[f64], f: usize) -> Vec<f64> {
    x.chunks(2 * f).flat_map(|row| (0..f).map(|j| reference(kind, row[j]) * row[f + j])).collect()
}

fn glu_in<T: Float, W: Float>(kind: Activation, [rows, f]: [usize; 2], has_bias: bool, beta: f32) {
    let (x, dy) = (rounded::<T>(&normal(11, 2 * rows * f)), rounded::<T>(&normal(12, rows * f)));
    let bias = if has_bias { rounded::<W>(&normal(13, 2 * f)) } else { vec![0.0; 2 * f] };
    let input = to_f64(&biased(&x, &bias));
    let want = glu_reference(kind, &input, f);
    // Row by row: elements of other rows are constants.
    let gradient = |row: usize| {
        let (x, dy) = (&input[2 * f * row..][..2 * f], to_f64(&dy[f * row..][..f]));
        numerical_gradient(x, |x| dot(&glu_reference(kind, x, f), &dy))
    };
    let want_dx: Vec<f64> = (0..rows).flat_map(gradient).collect();
    let before = if beta == 0.0 { vec![f32::NAN; 2 * f] } else { normal(14, 2 * f) };
    let mut sums = column_sums(&want_dx, 2 * f);
    if beta != 0.0 {
        sums.iter_mut().zip(&before).for_each(|(sum, &before)| *sum += f64::from(beta * before));
    }
    let tolerance = Tolerance { abs: 4e-6, rel: 2e-6 }.rounded::<T>();
    on_devices(|stream| {
        LAYOUTS.map(|layout| {
            let x = Operand::<T>::new(stream, [rows, 2 * f], layout, &x);
            let dy = Operand::<T>::new(stream, [rows, f], layout, &dy);
            let bias = Operand::<W>::new(stream, [2 * f], layout, &bias);
            let params = ActivationParams { kind, bias: has_bias.then(|| bias.view()) };
            let mut y = Operand::<T>::unwritten(stream, [rows, f], layout);
            let [mut dx, mut alone] = [(); 2].map(|()| Operand::<T>::unwritten(stream, [rows, 2 * f], layout));
            let mut dbias = Operand::<f32>::new(stream, [2 * f], layout, &before);
            ops::glu(params, x.view(), y.view_mut()).unwrap();
            ops::glu_backward(params, x.view(), dy.view(), alone.view_mut(), None).unwrap();
            let grad = BiasGrad { dbias: dbias.view_mut(), beta };
            ops::glu_backward(params, x.view(), dy.view(), dx.view_mut(), Some(grad)).unwrap();
            let what = format!("{kind:?} of {layout:?}");
            assert_close(&format!("{what}: y"), &y.values(), &want, tolerance);
            assert_close(&format!("{what}: dx"), &dx.values(), &want_dx, tolerance);
            assert_eq!(bits(&alone.values()), bits(&dx.values()), "{what}: without dbias");
            let of_sum = Tolerance { abs: 4e-6 * (rows + 1) as f64, rel: 2e-6 };
            assert_close(&format!("{what}: dbias"), &dbias.values(), &sums, of_sum);
            [y.values(), dx.values(), dbias.values()].map(|values| bits(&values))
        })
    });
}

#[test]
fn gated_units_and_their_gradients() {
    glu_in::<f32, f32>(Activation::Silu, [5, 12], false, 0.0);
    glu_in::<f32, bf16>(Activation::GeluTanh, [3, 9], true, 1.0);
    glu_in::<bf16, bf16>(Activation::Gelu, [4, 40], true, 0.0);
    glu_in::<f16, f32>(Activation::Relu, [2, 17], true, -0.5);
    glu_in::<bf16, f32>(Activation::Silu, [260, 8], false, 0.0);
    glu_in::<f32, f32>(Activation::Silu, [1, 1], true, 0.0);
}

fn bias_in<T: Float>() {
    for ([rows, columns], beta) in [([1, 1], 0.0), ([0, 5], 1.0), ([270, 9], -0.5), ([150, 16], 1.0), ([17, 300], 0.0)]
    {
        let (dy, before) = (rounded::<T>(&normal(7, rows * columns)), normal(8, columns));
        let mut want = column_sums(&to_f64(&dy), columns);
        want.iter_mut().zip(&before).for_each(|(sum, &before)| *sum += f64::from(beta * before));
        // With beta = 0 it does not matter what was there.
        let before = if beta == 0.0 { vec![f32::NAN; columns] } else { before };
        on_devices(|stream| {
            LAYOUTS.map(|layout| {
                let dy = Operand::<T>::new(stream, [rows, columns], layout, &dy);
                let mut dbias = Operand::<f32>::new(stream, [columns], layout, &before);
                ops::bias_backward(dy.view(), beta, dbias.view_mut()).unwrap();
                let what = format!("[{rows}, {columns}] of {layout:?}");
                assert_close(&what, &dbias.values(), &want, Tolerance::sum(rows + 1, 1.0));
                bits(&dbias.values())
            })
        });
    }
}

#[test]
fn bias_gradient_is_the_column_sum() {
    in_each_type!(bias_in());
}

/// More columns than one task of the CPU's second stage takes, and more blocks than one.
#[test]
fn bias_gradient_of_many_columns() {
    let dy = normal_tensor(4, [70, 2500]);
    let mut dbias = Tensor::from_vec([2500], vec![f32::NAN; 2500]).unwrap();
    ops::bias_backward(dy.view(), 0.0, dbias.view_mut()).unwrap();
    let want = column_sums(&to_f64(dy.as_slice()), 2500);
    assert_close("dbias", dbias.as_slice(), &want, Tolerance::sum(70, 1.0));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, dy) = (normal_tensor(5, [130, 514]), normal_tensor(6, [130, 514]));
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let [mut y, mut dx] = [(); 2].map(|()| Tensor::zeros([130, 514]).unwrap());
            let [mut dbias, mut sums] = [(); 2].map(|()| Tensor::zeros([514]).unwrap());
            let mut gated = Tensor::zeros([130, 257]).unwrap();
            ops::activation(Activation::Gelu, x.view(), y.view_mut()).unwrap();
            let grad = BiasGrad { dbias: sums.view_mut(), beta: 0.0 };
            ops::activation_backward(Activation::GeluTanh, x.view(), dy.view(), dx.view_mut(), Some(grad)).unwrap();
            ops::bias_backward(dy.view(), 0.0, dbias.view_mut()).unwrap();
            ops::glu(Activation::Silu, x.view(), gated.view_mut()).unwrap();
            [y, dx, dbias, sums, gated].map(|t| bits(t.as_slice()))
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_shapes_are_named() {
    let (x, mut y) = (normal_tensor(1, [2, 3]), normal_tensor(1, [3, 2]));
    let same = |error: Error, want: &str| assert_eq!(error.to_string(), want);
    let error = ops::activation(Activation::Relu, x.view(), y.view_mut()).unwrap_err();
    same(error, "activation: `y`: expected [2, 3], got [3, 2]");
    let error = ops::activation(Activation::Relu, x.view().t(), y.view_mut()).unwrap_err();
    same(error, "activation: `x`: expected a last axis of stride 1, got strides [1, 3]");
    let bias = normal_tensor(2, [2]);
    let params = ActivationParams { kind: Activation::Relu, bias: Some(bias.view()) };
    let mut wide = normal_tensor(1, [2, 3]);
    same(ops::activation(params, x.view(), wide.view_mut()).unwrap_err(), "activation: `bias`: expected [3], got [2]");
    let error = ops::activation_backward(Activation::Relu, x.view(), x.view(), y.view_mut(), None).unwrap_err();
    same(error, "activation_backward: `dx`: expected [2, 3], got [3, 2]");
    let mut narrow = normal_tensor(2, [2]);
    let grad = BiasGrad { dbias: narrow.view_mut(), beta: 0.0 };
    let error = ops::activation_backward_in_place(Activation::Relu, x.view(), wide.view_mut(), Some(grad)).unwrap_err();
    same(error, "activation_backward_in_place: `bias_grad.dbias`: expected [3], got [2]");
    let error = ops::glu(Activation::Silu, x.view(), y.view_mut()).unwrap_err();
    same(error, "glu: `x`: expected an even number of columns, gate and up, got 3");
    let error =
        ops::glu_backward(Activation::Silu, x.view().narrow(1, 0, 2), x.view(), y.view_mut(), None).unwrap_err();
    same(error, "glu_backward: `dy`: expected [2, 1], got [2, 3]");
    let error = ops::bias_backward(x.view(), 0.0, y.view_mut().select(0, 0)).unwrap_err();
    same(error, "bias_backward: `dbias`: expected [3], got [2]");
}

/// What the kernels refuse, the CPU does.
#[test]
fn five_axes_that_do_not_merge_are_too_many_for_a_kernel() {
    let x = normal_tensor(1, [2, 3, 2, 3, 4, 2]);
    let run = |stream: &Stream| {
        let x = x.to(stream).unwrap();
        let view = x.view().swap_axes(0, 4).swap_axes(1, 3);
        let mut y = Tensor::zeros_on(stream, view.shape()).unwrap();
        ops::activation(Activation::Relu, view, y.view_mut())
    };
    run(&Stream::CPU).unwrap();
    on_kernels(|stream| {
        let message = run(stream).unwrap_err().to_string();
        assert_eq!(
            message,
            "activation: `x`: expected strides with at most four axes that do not merge, on this device, got [4, 3, 2, 3, 2, 2]"
        );
    });
}
