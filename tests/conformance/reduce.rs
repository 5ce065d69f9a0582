//! Statistics of rows on every device, against f64.

use half::bf16;
use warpweave::ops::{self, Reductions};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::in_each_type;
use crate::support::*;

/// What `reduce` writes: sum, mean, sum of squares, min, max, max_abs, and the number of elements that are not finite.
struct Results {
    floats: [Vec<f32>; 6],
    non_finite: Vec<u32>,
}

fn run<T: Float>(stream: &Stream, shape: [usize; 2], layout: Layout, x: &[f32]) -> Results {
    let x = Operand::<T>::new(stream, shape, layout, x);
    let mut floats = [(); 6].map(|()| Operand::<f32>::unwritten(stream, [shape[0]], Layout::Dense));
    let mut non_finite = Tensor::from_vec([shape[0]], vec![u32::MAX; shape[0]]).unwrap().to(stream).unwrap();
    non_finite.view_mut().promise().unwrap();
    let [sum, mean, sum_of_squares, min, max, max_abs] = floats.each_mut().map(|float| Some(float.view_mut()));
    let non_finite_view = Some(non_finite.view_mut());
    ops::reduce(x.view(), Reductions { sum, mean, sum_of_squares, min, max, max_abs, non_finite: non_finite_view })
        .unwrap();
    Results { floats: floats.map(|float| float.values()), non_finite: non_finite.to_vec().unwrap() }
}

/// Runs it and holds it against f64; returns the bits.
fn check<T: Float>(stream: &Stream, shape: [usize; 2], layout: Layout, x: &[f32]) -> [Vec<u32>; 7] {
    let Results { floats, non_finite } = run::<T>(stream, shape, layout, x);
    let x: Vec<f64> = x.iter().map(|&x| f64::from(T::from_f32(x).to_f32())).collect();
    let rows: Vec<&[f64]> = (0..shape[0]).map(|row| &x[row * shape[1]..][..shape[1]]).collect();
    let nan_or = |row: &[f64], value: f64| if row.iter().any(|x| x.is_nan()) { f64::NAN } else { value };
    let of_rows = |f: &dyn Fn(&[f64]) -> f64| rows.iter().map(|row| f(row)).collect::<Vec<f64>>();
    // The sum of as many numbers as meet in one thread, and of those in turn: far fewer than a row's.
    let size = x.iter().filter(|x| x.is_finite()).fold(0.0, |size: f64, x| size.max(x.abs()));
    let (terms, count) = (shape[1].min(512), shape[1] as f64);
    let sums = Tolerance { abs: Tolerance::sum(terms, size).abs * (count / 512.0).max(1.0), rel: 1e-6 };
    let sum = of_rows(&|row| row.iter().sum());
    assert_close("sum", &floats[0], &sum, sums);
    let mean = of_rows(&|row| row.iter().sum::<f64>() / count);
    assert_close("mean", &floats[1], &mean, Tolerance { abs: sums.abs / count, ..sums });
    let squares = of_rows(&|row| row.iter().map(|x| x * x).sum());
    assert_close("sum_of_squares", &floats[2], &squares, Tolerance { abs: 0.0, rel: 5e-6 });
    let exact = Tolerance { abs: 0.0, rel: 0.0 };
    assert_close(
        "min",
        &floats[3],
        &of_rows(&|row| nan_or(row, row.iter().copied().fold(f64::INFINITY, f64::min))),
        exact,
    );
    let max = of_rows(&|row| nan_or(row, row.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
    assert_close("max", &floats[4], &max, exact);
    let max_abs = of_rows(&|row| nan_or(row, row.iter().fold(0.0, |max, x| x.abs().max(max))));
    assert_close("max_abs", &floats[5], &max_abs, exact);
    let counted: Vec<u32> = rows.iter().map(|row| row.iter().filter(|x| !x.is_finite()).count() as u32).collect();
    assert_eq!(non_finite, counted, "non_finite");
    let [a, b, c, d, e, f] = floats.map(|float| bits(&float));
    [a, b, c, d, e, f, non_finite]
}

/// A warp's rows, a block's, and those of several blocks, and the edges between; rows that no vector divides, and parts with a single
/// element.
#[test]
fn every_length() {
    fn each<T: Float>() {
        for columns in [1, 7, 8, 31, 32, 33, 1000, 1024, 1025, 1032, 5001, 16384, 16385, 40_000] {
            let rows = if columns > 2000 { 2 } else { 9 };
            let layout = if columns % 3 == 0 { Layout::Gaps } else { Layout::Dense };
            let x = normal(columns as u64, rows * columns);
            on_devices(|stream| check::<T>(stream, [rows, columns], layout, &x));
        }
    }
    in_each_type!(each());
}

/// So many parts that a block joins them, and so many rows that parts are larger.
#[test]
fn many_parts_and_many_rows() {
    on_devices(|stream| check::<bf16>(stream, [1, 130 * 16384 + 5], Layout::Dense, &normal(1, 130 * 16384 + 5)));
    on_devices(|stream| check::<f32>(stream, [600, 1030], Layout::Dense, &normal(2, 600 * 1030)));
}

#[test]
fn nan_and_infinities() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    fn each<T: Float>(rows: &[[f32; 5]]) {
        for width in [5, 1200, 20_000] {
            // What is not finite lies at either end of rows of a warp, a block and several.
            let row = |ends: &[f32; 5]| {
                let mut row = vec![0.5; width];
                row[..3].copy_from_slice(&ends[..3]);
                row[width - 2..].copy_from_slice(&ends[3..]);
                row
            };
            let x: Vec<f32> = rows.iter().flat_map(row).collect();
            on_devices(|stream| check::<T>(stream, [rows.len(), width], Layout::Dense, &x));
        }
    }
    let rows = [
        [1.0, 2.0, -3.0, 0.0, -0.0],
        [inf, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, -inf],
        [inf, 0.0, 0.0, 0.0, -inf],
        [nan, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, nan],
        [nan, nan, nan, nan, nan],
        [-2.0, -2.0, -7.0, -1.0, -1.0],
    ];
    in_each_type!(each(&rows));
}

/// Finite numbers whose squares, or whose sum, are not.
#[test]
fn sums_that_overflow() {
    on_devices(|stream| {
        let results = run::<f32>(stream, [1, 4], Layout::Dense, &[3e38, 3e38, -1.0, 0.0]);
        let got = results.floats.map(|float| float[0]);
        assert_eq!(got, [f32::INFINITY, f32::INFINITY, f32::INFINITY, -1.0, 3e38, 3e38]);
        assert_eq!(results.non_finite, [0]);
    });
}

#[test]
fn a_long_sum_is_as_exact_as_a_short_one() {
    // Summed one after the other in f32, it would stop growing at 2^24 / 10.
    let count = 3_000_000;
    on_devices(|stream| {
        let results = run::<f32>(stream, [1, count], Layout::Dense, &vec![0.1; count]);
        let want = f64::from(0.1f32) * count as f64;
        assert!((f64::from(results.floats[0][0]) / want - 1.0).abs() < 2e-6, "{} of {want}", results.floats[0][0]);
    });
}

#[test]
fn rows_without_elements_and_no_rows() {
    on_devices(|stream| {
        let results = run::<f32>(stream, [2, 0], Layout::Dense, &[]);
        let got = results.floats.map(|float| float[1]);
        assert!(got[1].is_nan(), "the mean of nothing is {}", got[1]);
        assert_eq!([got[0], got[2], got[3], got[4], got[5]], [0.0, 0.0, f32::INFINITY, f32::NEG_INFINITY, 0.0]);
        assert_eq!(results.non_finite, [0, 0]);
        let results = run::<f32>(stream, [0, 3], Layout::Dense, &[]);
        assert!(results.non_finite.is_empty());
    });
}

/// What is asked for does not change what comes out, and what is not asked for is not written.
#[test]
fn some_of_the_statistics() {
    on_devices(|stream| {
        let x = normal(3, 2 * 20_000);
        let all = run::<f32>(stream, [2, 20_000], Layout::Dense, &x);
        let x = Operand::<f32>::new(stream, [2, 20_000], Layout::Dense, &x);
        let mut max = Operand::<f32>::unwritten(stream, [2], Layout::Dense);
        ops::reduce(x.view(), Reductions { max: Some(max.view_mut()), ..Reductions::default() }).unwrap();
        assert_eq!(bits(&max.values()), bits(&all.floats[4]));
        ops::reduce(x.view(), Reductions::default()).unwrap();
    });
}

#[test]
fn what_is_refused() {
    on_devices(|stream| {
        let x: Tensor = Tensor::zeros_on(stream, [2, 3]).unwrap();
        let mut wrong: Tensor = Tensor::zeros_on(stream, [3]).unwrap();
        let wanted = Reductions { mean: Some(wrong.view_mut()), ..Reductions::default() };
        let error = ops::reduce(x.view(), wanted).unwrap_err().to_string();
        assert!(error.contains("reduce: `mean`: expected [2], got [3]"), "{error}");
        let error = ops::reduce(x.view().t(), Reductions::default()).unwrap_err().to_string();
        assert!(error.contains("`x`: expected a last axis of stride 1"), "{error}");
        let error = ops::reduce(x.view().reshape([6]).unwrap(), Reductions::default()).unwrap_err().to_string();
        assert!(error.contains("shape [R, C]"), "{error}");
    });
}
