//! The mask of dropout against its definition, in every alignment, and the same bits on all devices.

use half::bf16;
use proptest::prelude::*;
use warpweave::ops::{self, Dropout};
use warpweave::random::philox;
use warpweave::tensor::{Float, Tensor, View};
use warpweave::{Device, Stream};

use crate::in_each_type;
use crate::support::*;

/// The definition of the mask, one element at a time: the factor of element `i`.
pub fn factor(dropout: Dropout, i: u64) -> f64 {
    let (block, site) = (i / 4, dropout.site);
    let counter = [block as u32, (block >> 32) as u32, site as u32, (site >> 32) as u32];
    let word = philox(dropout.seed, counter)[(i % 4) as usize];
    let uniform = f64::from(word >> 8) / f64::from(1 << 24);
    if uniform < f64::from(dropout.p) { 0.0 } else { 1.0 / (1.0 - f64::from(dropout.p)) }
}

/// What any device gives, to the bit: the product and the sum each rounded to f32, and the result to T.
fn expected<T: Float>(d: Dropout, x: &[f32], residual: Option<&[f32]>) -> Vec<f32> {
    let scale = 1.0 / (1.0 - d.p);
    let dropped = |i: usize| if factor(d, i as u64) == 0.0 { 0.0 } else { x[i] * scale };
    let sum = |i: usize| residual.map_or(dropped(i), |residual| dropped(i) + residual[i]);
    (0..x.len()).map(|i| T::from_f32(sum(i)).to_f32()).collect()
}

fn round<T: Float>(x: Vec<f32>) -> Vec<f32> {
    x.into_iter().map(|x| T::from_f32(x).to_f32()).collect()
}

/// All three functions, with every element compared.
fn check<T: Float, const N: usize>(stream: &Stream, shape: [usize; N], lies: Layout, d: Dropout) {
    let len = shape.iter().product();
    let [x, residual] = [1, 2].map(|seed| round::<T>(normal(seed, len)));
    let [x_in, residual_in] = [&x, &residual].map(|x| Operand::<T>::new(stream, shape, lies, x));
    let want = bits(&expected::<T>(d, &x, None));
    let mut y = Operand::<T>::unwritten(stream, shape, lies);
    ops::dropout(x_in.view(), d, y.view_mut()).unwrap();
    assert_eq!(bits(&y.values()), want, "dropout");

    let mut in_place = Operand::<T>::new(stream, shape, lies, &x);
    ops::dropout_in_place(d, in_place.view_mut()).unwrap();
    assert_eq!(bits(&in_place.values()), want, "in place");

    let mut y = Operand::<T>::unwritten(stream, shape, lies);
    ops::dropout_add(x_in.view(), d, residual_in.view(), y.view_mut()).unwrap();
    assert_eq!(bits(&y.values()), bits(&expected::<T>(d, &x, Some(&residual))), "dropout_add");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_row_length(
        rows in 1..5usize, width in 1..150usize, p in 0.0..0.99f32, seed: u64, site: u64,
        lies in prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)],
    ) {
        let d = Dropout { p, seed, site };
        on_devices(|stream| check::<f32, 2>(stream, [rows, width], lies, d));
        on_devices(|stream| check::<half::f16, 2>(stream, [rows, width], lies, d));
    }

    #[test]
    fn strided_views(b in 1..4usize, t in 1..5usize, h in 1..4usize, width in 1..20usize) {
        // The heads of a packed [B, T, 3, H, D], with H and T exchanged: no reshape makes a matrix of them.
        let d = Dropout { p: 0.3, seed: 5, site: 6 };
        let packed = normal_tensor(1, [b, t, 3, h, width]);
        fn heads<T: Float>(view: View<'_, T>) -> View<'_, T> {
            view.select(2, 1).swap_axes(1, 2)
        }
        let row = |row: usize| heads(packed.view()).row([row / (h * t), row / t % h, row % t]).to_vec();
        let x: Vec<f32> = (0..b * h * t).flat_map(row).collect();
        on_devices(|stream| {
            let packed = packed.to(stream).unwrap();
            let mut y = Operand::<f32>::unwritten(stream, [b, h, t, width], Layout::Dense);
            ops::dropout(heads(packed.view()), d, y.view_mut()).unwrap();
            assert_eq!(bits(&y.values()), bits(&expected::<f32>(d, &x, None)));
        });
    }
}

/// Over several blocks, with seeds and sites above 2^32 and probabilities at the ends of what they may be.
#[test]
fn the_mask_is_that_of_its_definition() {
    fn every<T: Float>() {
        for p in [0.0, 1e-7, 0.5, 0.999_999, 1.0 - f32::EPSILON / 2.0] {
            let d = Dropout { p, seed: (7 << 40) + 3, site: (9 << 50) + 1 };
            on_devices(|stream| check::<T, 1>(stream, [2500], Layout::Dense, d));
        }
        let d = Dropout { p: 0.5, seed: 1, site: 2 };
        on_devices(|stream| check::<T, 4>(stream, [2, 1, 3, 77], Layout::Gaps, d));
    }
    in_each_type!(every());
}

/// Rows that are aligned in memory, and whose numbers no multiple of four begins.
#[test]
fn aligned_rows_of_odd_numbers() {
    fn odd<T: Float>(stream: &Stream) {
        let d = Dropout { p: 0.4, seed: 3, site: 4 };
        let values = round::<T>(normal(1, 6 * 32));
        let x: Vec<f32> = values.chunks(32).flat_map(|row| row[..19].to_vec()).collect();
        let wide = Operand::<T>::new(stream, [6, 32], Layout::Dense, &values);
        let mut y = Operand::<T>::new(stream, [6, 32], Layout::Dense, &values);
        ops::dropout(wide.view().narrow(1, 0, 19), d, y.view_mut().narrow(1, 0, 19)).unwrap();
        let got: Vec<f32> = y.values().chunks(32).flat_map(|row| row[..19].to_vec()).collect();
        assert_eq!(bits(&got), bits(&expected::<T>(d, &x, None)));
        assert!(y.values().chunks(32).zip(values.chunks(32)).all(|(y, x)| y[19..] == x[19..]), "beyond the rows");
    }
    on_devices(odd::<f32>);
    on_devices(odd::<bf16>);
}

/// One row of residuals for all.
#[test]
fn a_residual_may_be_repeated() {
    on_devices(|stream| {
        let (x, row, d) = (normal(1, 4 * 24), normal(2, 24), Dropout { p: 0.2, seed: 8, site: 9 });
        let [x_in, row_in] = [([4, 24], &x), ([1, 24], &row)].map(|(s, x)| Operand::new(stream, s, Layout::Dense, x));
        let mut y = Operand::<f32>::unwritten(stream, [4, 24], Layout::Dense);
        ops::dropout_add(x_in.view(), d, row_in.view().broadcast([4, 24]).unwrap(), y.view_mut()).unwrap();
        assert_eq!(bits(&y.values()), bits(&expected::<f32>(d, &x, Some(&row.repeat(4)))));
    });
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
    on_devices(|stream| {
        let x = normal(1, 21);
        let x_in = Operand::<f32>::new(stream, [3, 7], Layout::Gaps, &x);
        let mut y = Operand::<f32>::unwritten(stream, [3, 7], Layout::Gaps);
        ops::dropout(x_in.view(), Dropout::default(), y.view_mut()).unwrap();
        assert_eq!(y.values(), x);

        let d = Dropout { p: 0.5, seed: 1, site: 0 };
        for wild in [f32::NAN, f32::INFINITY] {
            let mut x = Operand::<f32>::new(stream, [40], Layout::Dense, &[wild; 40]);
            ops::dropout_in_place(d, x.view_mut()).unwrap();
            for (i, x) in x.values().iter().enumerate() {
                assert_eq!(*x == 0.0, factor(d, i as u64) == 0.0, "element {i} is {x}");
            }
        }
    });
}

#[test]
fn nothing_to_drop() {
    on_devices(|stream| {
        let x = Tensor::<f32>::zeros_on(stream, [3, 0]).unwrap();
        let mut y = Tensor::<f32>::zeros_on(stream, [3, 0]).unwrap();
        ops::dropout(x.view(), Dropout { p: 0.5, seed: 1, site: 0 }, y.view_mut()).unwrap();
    });
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
    on_devices(|stream| {
        let x = normal_tensor(1, [2, 3]).to(stream).unwrap();
        let mut y = Tensor::zeros_on(stream, [2, 3]).unwrap();
        for p in [1.0, -0.1, f32::NAN] {
            let error = ops::dropout(x.view(), Dropout { p, seed: 0, site: 0 }, y.view_mut()).unwrap_err();
            let want = format!("dropout: `p`: expected a probability with 0 ≤ p < 1, got {p}");
            assert_eq!(error.to_string(), want);
        }
        let d = Dropout::default();
        let error = ops::dropout(x.view().t(), d, y.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "dropout: `x`: expected a last axis of stride 1, got strides [1, 3]");
        let error = ops::dropout_in_place(d, y.view_mut().t()).unwrap_err();
        assert_eq!(error.to_string(), "dropout_in_place: `x`: expected a last axis of stride 1, got strides [1, 3]");
        let error = ops::dropout(x.view(), d, y.view_mut().narrow(0, 0, 1)).unwrap_err();
        assert_eq!(error.to_string(), "dropout: `y`: expected [2, 3], got [1, 3]");
        let error = ops::dropout_add(x.view(), d, x.view().narrow(1, 0, 2), y.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "dropout_add: `residual`: expected [2, 3], got [2, 2]");
        if stream.device() != Device::Cpu {
            let far = normal_tensor(1, [2, 3]);
            let error = ops::dropout_add(x.view(), d, far.view(), y.view_mut()).unwrap_err().to_string();
            assert!(error.starts_with("dropout_add: `residual`: expected memory of the stream of `x`"), "{error}");
        }
    });
}
