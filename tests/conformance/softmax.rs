//! Masked softmax on every device, in every type of scores and biases.

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::ops::{self, Mask, SoftmaxParams, Window};
use warpweave::tensor::{Float, View};
use warpweave::{Stream, Tensor};

use crate::in_each_type;
use crate::support::*;

/// Along which axes of `[B, H, Tq, Tk]` an operand is one element wide.
type Narrow = [bool; 4];

/// One call's operands, and how they lie.
#[derive(Debug, Clone)]
struct Case {
    shape: [usize; 4],
    scale: f32,
    causal: bool,
    window: Option<Window>,
    /// For each sequence.
    lengths: Option<Vec<u32>>,
    allowed: Option<Narrow>,
    bias: Option<Narrow>,
    layout: Layout,
    seed: u64,
}

impl Case {
    fn plain(shape: [usize; 4]) -> Self {
        let (causal, window, lengths, allowed, bias) = (false, None, None, None, None);
        Case { shape, scale: 1.0, causal, window, lengths, allowed, bias, layout: Layout::Dense, seed: 1 }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn index(&self, at: usize) -> [usize; 4] {
        let [_, h, q, k] = self.shape;
        [at / (h * q * k), at / (q * k) % h, at / k % q, at % k]
    }

    fn narrowed(&self, narrow: Narrow) -> [usize; 4] {
        std::array::from_fn(|i| if narrow[i] { 1 } else { self.shape[i] })
    }

    /// Where the element for `at` lies in an operand that is narrow.
    fn broadcast(&self, narrow: Narrow, at: usize) -> usize {
        let (index, dims) = (self.index(at), self.narrowed(narrow));
        (0..4).fold(0, |offset, i| offset * dims[i] + if narrow[i] { 0 } else { index[i] })
    }

    /// Of its own shape: two of three are 0, 1 or another number.
    fn allowed(&self) -> Vec<u8> {
        let dims = self.allowed.map_or([0; 4], |narrow| self.narrowed(narrow));
        normal(20 * self.seed + 5, dims.iter().product())
            .iter()
            .map(|&x| if x > -0.5 { 1 + (x > 1.0) as u8 } else { 0 })
            .collect()
    }

    fn bias<B: Float>(&self) -> Vec<f32> {
        let dims = self.bias.map_or([0; 4], |narrow| self.narrowed(narrow));
        round::<B>(normal(20 * self.seed + 6, dims.iter().product()))
    }

    /// Which keys are seen, word for word from the fields of [`Mask`] and [`SoftmaxParams`].
    fn seen(&self) -> Vec<bool> {
        let allowed = self.allowed();
        let [_, _, tq, tk] = self.shape.map(|dim| dim as i128);
        let sees = |at: usize| {
            let [b, _, i, j] = self.index(at);
            let distance = j as i128 - (i as i128 + tk - tq);
            (!self.causal || distance <= 0)
                && self.window.is_none_or(|w| -(w.left as i128) <= distance && distance <= w.right as i128)
                && self.lengths.as_ref().is_none_or(|lengths| j < lengths[b] as usize)
                && self.allowed.is_none_or(|narrow| allowed[self.broadcast(narrow, at)] != 0)
        };
        (0..self.len()).map(sees).collect()
    }
}

fn round<T: Float>(x: impl IntoIterator<Item = f32>) -> Vec<f32> {
    x.into_iter().map(|x| T::from_f32(x).to_f32()).collect()
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = [1usize..3, 1usize..3, 1usize..9, 1usize..70].prop_map(|shape| shape);
    let window = proptest::option::of((0usize..6, 0usize..4).prop_map(|(left, right)| Window { left, right }));
    let lengths = proptest::option::of([0.0f64..1.1, 0.0f64..1.1]);
    let narrow = || proptest::option::of(any::<Narrow>());
    let scale = prop::sample::select(vec![1.0f32, 0.125, -2.0]);
    let layout = prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)];
    (shape, scale, any::<bool>(), window, lengths, narrow(), narrow(), layout, 0u64..1000).prop_map(
        |(shape, scale, causal, window, lengths, allowed, bias, layout, seed)| {
            let length = |l: f64| ((l * shape[3] as f64) as u32).min(shape[3] as u32);
            let lengths = lengths.map(|lengths| lengths.map(length)[..shape[0]].to_vec());
            Case { shape, scale, causal, window, lengths, allowed, bias, layout, seed }
        },
    )
}

/// Softmax of scores `s` over the keys that are seen.
fn reference(s: &[f64], tk: usize, seen: &[bool]) -> Vec<f64> {
    let mut y = Vec::new();
    for (row, seen) in s.chunks(tk).zip(seen.chunks(tk)) {
        let max = row.iter().zip(seen).filter(|x| *x.1).fold(f64::NEG_INFINITY, |max, (s, _)| max.max(*s));
        let weights: Vec<f64> =
            row.iter().zip(seen).map(|(s, &seen)| if seen { (s - max).exp() } else { 0.0 }).collect();
        let total: f64 = weights.iter().sum();
        y.extend(weights.iter().map(|weight| if total > 0.0 { weight / total } else { 0.0 }));
    }
    y
}

/// The gradient at x, from the output, by the formula.
fn reference_gradient(y: &[f64], scale: f64, dy: &[f64], tk: usize) -> Vec<f64> {
    let row = |(y, dy): (&[f64], &[f64])| {
        let mean = dot(y, dy);
        y.iter().zip(dy).map(|(y, dy)| scale * y * (dy - mean)).collect::<Vec<_>>()
    };
    y.chunks(tk).zip(dy.chunks(tk)).flat_map(row).collect()
}

/// Runs both passes and holds them against the reference; what is masked is NaN. Returns the bits of y and dx.
fn check<T: Float, B: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 2] {
    let Case { shape, scale, layout, seed, .. } = *case;
    let (seen, tk) = (case.seen(), shape[3]);
    let hide =
        |x: &[f32]| -> Vec<f32> { x.iter().zip(&seen).map(|(&x, &seen)| if seen { x } else { f32::NAN }).collect() };
    let x = round::<T>(normal(20 * seed, case.len()));
    let bias = case.bias::<B>();
    let score = |at: usize| {
        let bias = case.bias.map_or(0.0, |narrow| bias[case.broadcast(narrow, at)]);
        f64::from(scale) * f64::from(x[at]) + f64::from(bias)
    };
    let s: Vec<f64> = (0..case.len()).map(score).collect();

    // A bias as large as x has elements that nobody sees.
    let bias_in = if case.bias == Some([false; 4]) { hide(&bias) } else { bias.clone() };
    let allowed_shape = case.narrowed(case.allowed.unwrap_or([true; 4]));
    let allowed = case.allowed.map(|_| Tensor::from_vec(allowed_shape, case.allowed()).unwrap().to(stream).unwrap());
    let bias_shape = case.narrowed(case.bias.unwrap_or([true; 4]));
    let bias_in = case.bias.map(|_| Operand::<B>::new(stream, bias_shape, layout, &bias_in));
    let lengths = case.lengths.clone().map(|l| Tensor::from_vec([l.len()], l).unwrap().to(stream).unwrap());
    let mask = Mask { causal: case.causal, window: case.window, key_lengths: lengths.as_ref().map(Tensor::view) };
    let (allowed, bias) = (allowed.as_ref().map(Tensor::view), bias_in.as_ref().map(Operand::view));
    let params = SoftmaxParams { scale, mask, allowed, bias };
    let x_in = Operand::<T>::new(stream, shape, layout, &hide(&x));
    let mut y_out = Operand::<T>::unwritten(stream, shape, layout);
    ops::softmax(&params, x_in.view(), y_out.view_mut()).unwrap();
    let y = y_out.values();
    let want = reference(&s, tk, &seen);
    let size = s.iter().fold(1.0, |a: f64, s| a.max(s.abs()));
    let tolerance = Tolerance { abs: 1e-8, rel: 2e-6 + 2.5e-7 * size };
    assert_close("y", &y, &want, tolerance.rounded::<T>());
    assert!(y.iter().zip(&seen).all(|(y, seen)| *seen || y.to_bits() == 0), "a masked key is not 0");
    if T::NAME != "f32" {
        // Scaled, biased and then normalized, each rounded to T.
        let r = |s: f64| f64::from(T::from_f32(s as f32).to_f32());
        let scaled = |at: usize| {
            let bias = score(at) - f64::from(scale) * f64::from(x[at]);
            r(r(f64::from(scale) * f64::from(x[at])) + bias)
        };
        let unfused = reference(&(0..case.len()).map(scaled).collect::<Vec<_>>(), tk, &seen);
        let unfused: Vec<f32> = unfused.iter().map(|&y| r(y) as f32).collect();
        assert_no_worse_than_unfused::<T>("y", &y, &want, &unfused);
    }
    let mut in_place = Operand::<T>::new(stream, shape, layout, &hide(&x));
    ops::softmax_in_place(&params, in_place.view_mut()).unwrap();
    assert_eq!(bits(&in_place.values()), bits(&y), "in place");

    let dy = round::<T>(normal(20 * seed + 1, case.len()));
    let dy_in: Vec<f32> = dy.iter().zip(&y).map(|(&dy, &y)| if y == 0.0 { f32::NAN } else { dy }).collect();
    let mut grad = Operand::<T>::new(stream, shape, layout, &dy_in);
    ops::softmax_backward(y_out.view(), scale, grad.view_mut()).unwrap();
    let dx = grad.values();
    let want = reference_gradient(&to_f64(&y), f64::from(scale), &to_f64(&dy), tk);
    assert_close("dx", &dx, &want, Tolerance { abs: 2e-6, rel: 2e-6 }.rounded::<T>());
    [y, dx].map(|x| bits(&x))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn both_passes_under_every_mask(case in cases()) {
        on_devices(|stream| check::<f32, f32>(stream, &case));
        on_devices(|stream| check::<bf16, bf16>(stream, &case));
        on_devices(|stream| check::<f16, f32>(stream, &case));
        on_devices(|stream| check::<f32, f16>(stream, &case));
    }

    /// The formula that the devices are held against.
    #[test]
    fn the_reference_gradient_matches_finite_differences(case in cases()) {
        let [x, dy] = [0, 1].map(|i| to_f64(&normal(20 * case.seed + i, case.len())));
        let (seen, tk, scale) = (case.seen(), case.shape[3], f64::from(case.scale));
        let softmax = |x: &[f64]| reference(&x.iter().map(|x| scale * x).collect::<Vec<_>>(), tk, &seen);
        let formula = reference_gradient(&softmax(&x), scale, &dy, tk);
        let differences = numerical_gradient(&x, |x| dot(&softmax(x), &dy));
        let error = formula.iter().zip(&differences).map(|(a, b)| (a - b).abs());
        prop_assert!(error.fold(0.0, f64::max) < 1e-8);
    }
}

/// One row per warp, per block or per cluster, and the edges between; rows that no vector load divides.
#[test]
fn every_length() {
    for tk in [1, 2, 3, 7, 8, 31, 32, 33, 127, 128, 129, 768, 1000, 2048, 4097, 65_536, 262_144] {
        let rows = if tk > 2048 { 1 } else { 3 };
        let narrow = Some([true, true, true, false]);
        let layout = if tk % 2 == 0 { Layout::Dense } else { Layout::Gaps };
        let case = Case { layout, bias: narrow, ..Case::plain([1, 1, rows, tk]) };
        let masked = Case { allowed: narrow, causal: true, layout: Layout::Gaps, ..case.clone() };
        on_devices(|stream| check::<f32, f32>(stream, &case));
        on_devices(|stream| check::<bf16, f32>(stream, &masked));
    }
}

#[test]
fn large_logits_infinities_and_nan() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let rows = [
        [1024.0, 1016.0, -3e4, 0.0],
        [3e4, 3e4, -3e4, 0.0],
        [-inf, 2.0, -inf, 2.0],
        [-inf; 4],
        [nan, 0.0, 0.0, 0.0],
        [inf, 0.0, 0.0, 0.0],
        [nan, nan, nan, nan],
    ];
    let e = 8f64.exp();
    let want = [
        [e / (e + 1.0), 1.0 / (e + 1.0), 0.0, 0.0],
        [0.5, 0.5, 0.0, 0.0],
        [0.0, 0.5, 0.0, 0.5],
        [0.0; 4],
        [f64::NAN; 4],
        [f64::NAN; 4],
        [f64::NAN; 4],
    ];
    fn run<T: Float>(rows: &[[f32; 4]], want: &[[f64; 4]], allowed: Option<&[u8]>) {
        on_devices(|stream| {
            let shape = [1, 1, rows.len(), 4];
            let x = Operand::<T>::new(stream, shape, Layout::Dense, &rows.concat());
            let mut y = Operand::<T>::unwritten(stream, shape, Layout::Dense);
            let allowed = allowed.map(|a| Tensor::from_vec([4], a.to_vec()).unwrap().to(stream).unwrap());
            let params = SoftmaxParams { allowed: allowed.as_ref().map(Tensor::view), ..SoftmaxParams::default() };
            ops::softmax(&params, x.view(), y.view_mut()).unwrap();
            assert_close("y", &y.values(), &want.concat(), Tolerance { abs: 1e-7, rel: 1e-6 }.rounded::<T>());
        });
    }
    in_each_type!(run(&rows, &want, None));
    // NaN stays with the keys that are seen, and what is masked does not matter.
    let (first, none, nan) = ([1.0, 0.0, 0.0, 0.0], [0.0; 4], [f64::NAN, 0.0, f64::NAN, 0.0]);
    let want = [first, first, none, none, nan, nan, nan];
    in_each_type!(run(&rows, &want, Some(&[1, 0, 2, 0])));
}

/// What a mask and a bias that hides keys by −∞ have in common.
#[test]
fn a_bias_of_minus_infinity_is_a_mask() {
    on_devices(|stream| {
        let x = Operand::<f32>::new(stream, [1, 2, 3, 50], Layout::Dense, &normal(1, 300));
        let hidden = |j: usize| j % 3 == 1 || j > 40;
        let bias: Vec<f32> = (0..50).map(|j| if hidden(j) { f32::NEG_INFINITY } else { 0.0 }).collect();
        let allowed: Vec<u8> = (0..50).map(|j| u8::from(!hidden(j))).collect();
        let bias = Operand::<bf16>::new(stream, [50], Layout::Dense, &bias);
        let allowed = Tensor::from_vec([50], allowed).unwrap().to(stream).unwrap();
        let run = |allowed: Option<View<u8>>, bias: Option<View<bf16>>| {
            let mut y = Operand::<f32>::unwritten(stream, [1, 2, 3, 50], Layout::Dense);
            let params = SoftmaxParams { scale: 0.5, mask: Mask::default(), allowed, bias };
            ops::softmax(&params, x.view(), y.view_mut()).unwrap();
            y.values()
        };
        let y = run(Some(allowed.view()), None);
        assert_eq!(bits(&y), bits(&run(None, Some(bias.view()))));
        bits(&y)
    });
}

#[test]
fn strided_operands() {
    on_devices(|stream| {
        // Heads between the sequence and the row, as a projection leaves them.
        let x = normal_tensor(1, [2, 5, 3, 7]);
        let mut y = Tensor::zeros_on(stream, [2, 5, 3, 7]).unwrap();
        let mask = Mask { causal: true, ..Mask::default() };
        // The last axis of what is broadcast may have any stride.
        let bias = Operand::<f32>::new(stream, [7, 2], Layout::Dense, &normal(2, 14));
        let params = SoftmaxParams { scale: 0.5, mask, allowed: None, bias: Some(bias.view().select(1, 1)) };
        let on_device = x.to(stream).unwrap();
        ops::softmax(&params, on_device.view().swap_axes(1, 2), y.view_mut().swap_axes(1, 2)).unwrap();
        let y = Tensor::from_vec([2, 5, 3, 7], y.to_vec().unwrap()).unwrap();
        let (x, y) = (x.view().swap_axes(1, 2), y.view().swap_axes(1, 2));
        let bias = normal(2, 14);
        for at in (0..30).map(|i| [i / 15, i / 5 % 3, i % 5]) {
            let s: Vec<f64> = (0..7).map(|j| 0.5 * f64::from(x.row(at)[j]) + f64::from(bias[2 * j + 1])).collect();
            let seen: Vec<bool> = (0..7).map(|j| j <= at[2] + 2).collect();
            assert_close("y", y.row(at), &reference(&s, 7, &seen), Tolerance { abs: 1e-8, rel: 3e-6 });
        }
    });
}

/// A length above Tk is an error where the host can see it, and counts as Tk where it cannot.
#[test]
fn lengths_beyond_the_keys() {
    on_kernels(|stream| {
        let x = Operand::<f32>::new(stream, [2, 1, 1, 5], Layout::Dense, &normal(1, 10));
        let lengths = Tensor::from_vec([2], vec![9u32, u32::MAX]).unwrap().to(stream).unwrap();
        let mask = Mask { key_lengths: Some(lengths.view()), ..Mask::default() };
        let mut y = Operand::<f32>::unwritten(stream, [2, 1, 1, 5], Layout::Dense);
        ops::softmax(&SoftmaxParams { mask, ..SoftmaxParams::default() }, x.view(), y.view_mut()).unwrap();
        let want = reference(&to_f64(&x.values()), 5, &[true; 10]);
        assert_close("y", &y.values(), &want, Tolerance { abs: 1e-8, rel: 3e-6 });
    });
}

#[test]
fn nothing_to_do() {
    on_devices(|stream| {
        for shape in [[0, 2, 3, 4], [2, 0, 3, 4], [2, 2, 0, 4], [2, 2, 3, 0]] {
            let x = Operand::<f32>::new(stream, shape, Layout::Dense, &[]);
            let mut y = Operand::<f32>::unwritten(stream, shape, Layout::Dense);
            ops::softmax(&SoftmaxParams::default(), x.view(), y.view_mut()).unwrap();
            ops::softmax_backward(x.view(), 1.0, y.view_mut()).unwrap();
        }
    });
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
    for side in [usize::MAX, isize::MAX as usize, u32::MAX as usize] {
        let window = Some(Window { left: side, right: side });
        on_devices(|stream| check::<f32, f32>(stream, &Case { window, ..Case::plain([1, 1, 3, 9]) }));
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case { causal: true, scale: 0.3, ..Case::plain([2, 3, 70, 300]) };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check::<f32, f32>(&Stream::CPU, &case))
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let (x, flat) = (normal_tensor(1, [2, 1, 3, 4]), normal_tensor(1, [3, 4]));
    let message = |params: SoftmaxParams| {
        let mut y = Tensor::zeros(x.shape()).unwrap();
        ops::softmax(&params, x.view(), y.view_mut()).unwrap_err().to_string()
    };
    let lengths = |lengths: &[u32]| {
        let lengths = Tensor::from_vec([lengths.len()], lengths.to_vec()).unwrap();
        let mask = Mask { key_lengths: Some(lengths.view()), ..Mask::default() };
        message(SoftmaxParams { mask, ..SoftmaxParams::default() })
    };
    assert_eq!(lengths(&[4]), "softmax: `mask.key_lengths`: expected [2], got [1]");
    let want = "softmax: `mask.key_lengths`: expected at most 4 keys, got 5 for sequence 1";
    assert_eq!(lengths(&[4, 5]), want);
    let scale = message(SoftmaxParams { scale: f32::INFINITY, ..SoftmaxParams::default() });
    assert_eq!(scale, "softmax: `scale`: expected a finite number, got inf");
    let bias = message(SoftmaxParams { bias: Some(flat.view().narrow(0, 0, 2)), ..SoftmaxParams::default() });
    assert_eq!(bias, "softmax: `bias`: expected a shape that repeats to [2, 1, 3, 4], got [2, 4]");
    let allowed = Tensor::from_vec([5], vec![1u8; 5]).unwrap();
    let allowed = message(SoftmaxParams { allowed: Some(allowed.view()), ..SoftmaxParams::default() });
    assert_eq!(allowed, "softmax: `allowed`: expected a shape that repeats to [2, 1, 3, 4], got [5]");

    let mut out = Tensor::zeros([3, 4]).unwrap();
    let error = ops::softmax(&SoftmaxParams::default(), flat.view(), out.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "softmax: `x`: expected shape [B, H, Tq, Tk], got [3, 4]");
    let error = ops::softmax_backward(x.view(), 1.0, out.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "softmax_backward: `grad`: expected [2, 1, 3, 4], got [3, 4]");
}
