use proptest::prelude::*;
use warpweave::Tensor;
use warpweave::ops::{self, Mask, Window};

use crate::support::{Tolerance, assert_close, dot, normal_tensor, numerical_gradient, to_f64};

/// Whether query `i` sees key `j`, word for word from the fields of [`Mask`].
fn sees(causal: bool, window: Option<Window>, length: Option<u32>, [i, j, tq, tk]: [usize; 4]) -> bool {
    let distance = j as i64 - (i as i64 + tk as i64 - tq as i64);
    (!causal || distance <= 0)
        && window.is_none_or(|w| -(w.left as i64) <= distance && distance <= w.right as i64)
        && length.is_none_or(|length| j < length as usize)
}

/// Softmax over the keys for which `seen` holds, element by element of `x`.
fn reference(x: &[f64], scale: f64, tk: usize, seen: &[bool]) -> Vec<f64> {
    let mut y = Vec::new();
    for (row, seen) in x.chunks(tk).zip(seen.chunks(tk)) {
        let max = row.iter().zip(seen).filter(|x| *x.1).fold(f64::NEG_INFINITY, |max, (x, _)| max.max(x * scale));
        let weights: Vec<f64> =
            row.iter().zip(seen).map(|(x, &seen)| if seen { (x * scale - max).exp() } else { 0.0 }).collect();
        let total: f64 = weights.iter().sum();
        y.extend(weights.iter().map(|weight| if total > 0.0 { weight / total } else { 0.0 }));
    }
    y
}

fn softmax(x: &Tensor, scale: f32, mask: &Mask) -> Tensor {
    let mut y = normal_tensor(77, x.shape());
    ops::softmax(x.view(), scale, mask, y.view_mut()).unwrap();
    y
}

fn windows() -> impl Strategy<Value = Option<Window>> {
    proptest::option::of((0usize..6, 0usize..4).prop_map(|(left, right)| Window { left, right }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn forward_and_backward_under_every_mask(
        [b, h] in [1usize..3, 1usize..3], [tq, tk] in [1usize..9, 1usize..40], causal: bool, window in windows(),
        lengths in proptest::option::of([0.0f64..1.1, 0.0f64..1.1]),
        scale in prop_oneof![Just(1.0f32), Just(0.125), Just(-2.0)], seed in 0u64..1000,
    ) {
        let lengths = lengths.map(|l| l.map(|l| ((l * tk as f64) as u32).min(tk as u32))[..b].to_vec());
        let tensor = lengths.clone().map(|lengths| Tensor::from_vec([b], lengths).unwrap());
        let mask = Mask { causal, window, key_lengths: tensor.as_ref().map(Tensor::view) };
        let seen: Vec<bool> = (0..b * h * tq * tk)
            .map(|at| {
                let length = lengths.as_ref().map(|lengths| lengths[at / (h * tq * tk)]);
                sees(causal, window, length, [at / tk % tq, at % tk, tq, tk])
            })
            .collect();
        let mut x = normal_tensor(seed, [b, h, tq, tk]);
        let (dy, x64) = (normal_tensor(seed + 1, x.shape()), to_f64(x.as_slice()));
        // What is masked must not matter.
        for (x, seen) in x.as_mut_slice().iter_mut().zip(&seen) {
            *x = if *seen { *x } else { f32::NAN };
        }
        let y = softmax(&x, scale, &mask);
        assert_close("y", y.as_slice(), &reference(&x64, f64::from(scale), tk, &seen), Tolerance { abs: 1e-8, rel: 2e-6 });

        let mut dx = normal_tensor(78, x.shape());
        ops::softmax_backward(y.view(), dy.view(), scale, dx.view_mut()).unwrap();
        let want = numerical_gradient(&x64, |x| dot(&reference(x, f64::from(scale), tk, &seen), &to_f64(dy.as_slice())));
        assert_close("dx", dx.as_slice(), &want, Tolerance { abs: 2e-6, rel: 2e-6 });
    }
}

#[test]
fn large_logits_infinities_and_nan() {
    let inf = f32::INFINITY;
    let rows = [[1e4, 9999.0, -1e4, 0.0], [-inf, 2.0, -inf, 2.0], [-inf; 4], [f32::NAN, 0.0, 0.0, 0.0]];
    let x = Tensor::from_vec([1, 1, 4, 4], rows.concat()).unwrap();
    let y = softmax(&x, 1.0, &Mask::default());
    let e = 1f64.exp();
    let want = [[e / (e + 1.0), 1.0 / (e + 1.0), 0.0, 0.0], [0.0, 0.5, 0.0, 0.5], [0.0; 4], [f64::NAN; 4]].concat();
    assert_close("y", y.as_slice(), &want, Tolerance { abs: 0.0, rel: 1e-6 });
}

#[test]
fn strided_operands() {
    // Heads between the sequence and the row, as a projection leaves them.
    let x = normal_tensor(1, [2, 5, 3, 7]);
    let mut y = Tensor::zeros([2, 5, 3, 7]).unwrap();
    let mask = Mask { causal: true, ..Mask::default() };
    ops::softmax(x.view().swap_axes(1, 2), 0.5, &mask, y.view_mut().swap_axes(1, 2)).unwrap();
    let dense: Vec<f32> =
        (0..30).flat_map(|i| x.view().swap_axes(1, 2).row([i / 15, i / 5 % 3, i % 5]).to_vec()).collect();
    let want = softmax(&Tensor::from_vec([2, 3, 5, 7], dense).unwrap(), 0.5, &mask);
    for i in 0..30 {
        let at = [i / 15, i / 5 % 3, i % 5];
        assert_eq!(y.view().swap_axes(1, 2).row(at), want.view().row(at));
    }
}

#[test]
fn a_mask_never_overflows() {
    let all = Mask { window: Some(Window { left: usize::MAX, right: usize::MAX }), ..Mask::default() };
    assert_eq!(all.keys(0, 3, 4, 9), 0..9);
    // More queries than keys: the first ones stand before every key.
    let causal = Mask { causal: true, ..Mask::default() };
    assert_eq!([0, 1, 2, 3].map(|i| causal.keys(0, i, 4, 2)), [0..0, 0..0, 0..1, 0..2]);
    let tight = Mask { window: Some(Window { left: 0, right: 0 }), causal: true, ..Mask::default() };
    assert_eq!([0, 1, 2].map(|i| tight.keys(0, i, 3, 3)), [0..1, 1..2, 2..3]);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let [x, dy] = [1, 2].map(|seed| normal_tensor(seed, [2, 3, 70, 300]));
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let y = softmax(&x, 0.3, &Mask { causal: true, ..Mask::default() });
            let mut dx = Tensor::zeros(x.shape()).unwrap();
            ops::softmax_backward(y.view(), dy.view(), 0.3, dx.view_mut()).unwrap();
            [y, dx].map(|t| t.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let (x, flat) = (normal_tensor(1, [2, 1, 3, 4]), normal_tensor(1, [3, 4]));
    let message = |scale, lengths: &[u32]| {
        let lengths = Tensor::from_vec([lengths.len()], lengths.to_vec()).unwrap();
        let mask = Mask { key_lengths: Some(lengths.view()), ..Mask::default() };
        ops::softmax(x.view(), scale, &mask, Tensor::zeros(x.shape()).unwrap().view_mut()).unwrap_err().to_string()
    };
    assert_eq!(message(1.0, &[4]), "softmax: `mask.key_lengths`: expected [2], got [1]");
    let want = "softmax: `mask.key_lengths`: expected at most 4 keys, got 5 for sequence 1";
    assert_eq!(message(1.0, &[4, 5]), want);
    assert_eq!(message(f32::INFINITY, &[4, 4]), "softmax: `scale`: expected a finite number, got inf");
    let error = ops::softmax(flat.view(), 1.0, &Mask::default(), flat_out().view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "softmax: `x`: expected shape [B, H, Tq, Tk], got [3, 4]");
    let error = ops::softmax_backward(x.view(), flat.view(), 1.0, flat_out().view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "softmax_backward: `dy`: expected [2, 1, 3, 4], got [3, 4]");
}

fn flat_out() -> Tensor {
    Tensor::zeros([3, 4]).unwrap()
}
