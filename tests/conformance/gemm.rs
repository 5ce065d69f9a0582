//! Products in all layouts against f64, every epilogue, accumulation, and independence of the number of threads.

use proptest::prelude::*;
use warpweave::ops::{self, Activation, Epilogue, Gemm};
use warpweave::{Tensor, View};

use crate::support::*;

/// How an operand lies in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Rows,
    Columns,
    /// Every third column of a wider matrix.
    Strided,
}

/// A matrix of normal numbers in some layout, and the same row by row in f64.
struct Operand {
    memory: Tensor,
    layout: Layout,
    columns: usize,
    values: Vec<f64>,
}

impl Operand {
    fn new(seed: u64, rows: usize, columns: usize, layout: Layout) -> Self {
        let values = normal(seed, rows * columns);
        let at = |i: usize, j: usize| values[i * columns + j];
        let memory = match layout {
            Layout::Rows => Tensor::from_vec([rows, columns], values.clone()),
            Layout::Columns => {
                let data = (0..columns * rows).map(|e| at(e % rows, e / rows)).collect();
                Tensor::from_vec([columns, rows], data)
            }
            Layout::Strided => {
                let data = (0..rows * columns * 3)
                    .map(|e| if e % 3 == 1 { at(e / (columns * 3), e % (columns * 3) / 3) } else { f32::NAN })
                    .collect();
                Tensor::from_vec([rows, columns, 3], data)
            }
        };
        Operand { memory: memory.unwrap(), layout, columns, values: to_f64(&values) }
    }

    fn view(&self) -> View<'_> {
        match self.layout {
            Layout::Rows => self.memory.view(),
            Layout::Columns => self.memory.view().t(),
            Layout::Strided => self.memory.view().select(2, 1),
        }
    }
}

/// A B, row by row.
fn product(a: &Operand, b: &Operand) -> Vec<f64> {
    let (k, n) = (a.columns, b.columns);
    let m = a.memory.len() / if a.layout == Layout::Strided { 3 } else { 1 } / k.max(1);
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                c[i * n + j] += a.values[i * k + p] * b.values[p * n + j];
            }
        }
    }
    c
}

/// A B with an epilogue, into memory full of NaN.
fn run(a: &Operand, b: &Operand, epilogue: Epilogue) -> Tensor {
    let (m, n) = (a.view().dim(0), b.view().dim(1));
    let mut c = Tensor::from_vec([m, n], vec![f32::NAN; m * n]).unwrap();
    ops::gemm(a.view(), b.view(), c.view_mut(), Gemm { epilogue, ..Gemm::default() }).unwrap();
    c
}

/// For products of normal numbers, which stay below 16 in pairs.
fn tolerance(k: usize) -> Tolerance {
    Tolerance::sum(k, 16.0)
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Rows), Just(Layout::Columns), Just(Layout::Strided)]
}

/// 1, sizes around those of the kernel's tiles, and anything between.
fn extents() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), Just(2), 1..20usize, Just(64), 60..70usize, 190..200usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_layout(
        m in extents(), n in extents(), k in extents(), of_a in layouts(), of_b in layouts(),
        alpha in prop_oneof![Just(1.0f32), -2.0..2.0f32], beta in prop_oneof![Just(0.0f32), Just(1.0), -2.0..2.0f32],
    ) {
        let (a, b) = (Operand::new(1, m, k, of_a), Operand::new(2, k, n, of_b));
        // C is part of a wider matrix, and what lies beside it must stay.
        let mut c = normal_tensor(3, [m, n + 3]);
        let mut want = to_f64(c.as_slice());
        for (i, row) in product(&a, &b).chunks(n).enumerate() {
            for (j, x) in row.iter().enumerate() {
                let c = &mut want[i * (n + 3) + j + 1];
                *c = f64::from(alpha) * x + f64::from(beta) * *c;
            }
        }
        let options = Gemm { alpha, beta, ..Gemm::default() };
        ops::gemm(a.view(), b.view(), c.view_mut().narrow(1, 1, n), options).unwrap();
        assert_close("C", c.as_slice(), &want, Tolerance { abs: 4.0 * tolerance(k).abs, ..tolerance(k) });
    }

    #[test]
    fn every_epilogue(m in extents(), n in extents(), k in 1..40usize, kind in 0..4usize, has_bias: bool, has_pre: bool) {
        let kind = [Activation::GeluTanh, Activation::Gelu, Activation::Relu, Activation::Silu][kind];
        let (a, b) = (Operand::new(1, m, k, Layout::Rows), Operand::new(2, k, n, Layout::Columns));
        let (bias, residual) = (normal_tensor(3, [n]), normal_tensor(4, [m, n]));
        let x = product(&a, &b);
        let biased = |with: bool| -> Vec<f64> {
            x.iter().enumerate().map(|(e, x)| if with { x + f64::from(bias.as_slice()[e % n]) } else { *x }).collect()
        };
        assert_close("bias", run(&a, &b, Epilogue::Bias(bias.view())).as_slice(), &biased(true), tolerance(k));

        let optional = has_bias.then(|| bias.view());
        let want: Vec<f64> = biased(has_bias).iter().zip(residual.as_slice()).map(|(x, r)| x + f64::from(*r)).collect();
        let c = run(&a, &b, Epilogue::Residual { bias: optional, residual: residual.view() });
        assert_close("residual", c.as_slice(), &want, tolerance(k));

        // The activations have tests of their own: here the fused one must be the separate one, to the bit.
        let mut pre = Tensor::zeros([m, n]).unwrap();
        let kept = has_pre.then(|| pre.view_mut());
        let c = run(&a, &b, Epilogue::Activation { bias: optional, kind, pre: kept });
        let linear = match optional {
            Some(bias) => run(&a, &b, Epilogue::Bias(bias)),
            None => run(&a, &b, Epilogue::None),
        };
        let mut want = Tensor::zeros([m, n]).unwrap();
        ops::activation(kind, linear.view(), want.view_mut()).unwrap();
        prop_assert_eq!(c.as_slice(), want.as_slice());
        if has_pre {
            prop_assert_eq!(pre.as_slice(), linear.as_slice());
        }

        let c = run(&a, &b, Epilogue::ActivationBackward { kind, pre: residual.view() });
        ops::activation_backward(kind, residual.view(), run(&a, &b, Epilogue::None).view(), want.view_mut(), None).unwrap();
        prop_assert_eq!(c.as_slice(), want.as_slice());
    }
}

/// Shapes that are cut into several tiles, decoding's few rows among them.
const LARGE: [(usize, usize, usize); 6] =
    [(768, 65, 128), (300, 700, 129), (1, 3000, 257), (7, 2500, 300), (16, 1000, 64), (500, 64, 1100)];

fn run_on(threads: usize, a: &Operand, b: &Operand, n: usize) -> Vec<f32> {
    let m = a.view().dim(0);
    let mut c = Tensor::zeros([m, n]).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| ops::gemm(a.view(), b.view(), c.view_mut(), Gemm::default())).unwrap();
    c.as_slice().to_vec()
}

#[test]
fn large_shapes_and_any_number_of_threads() {
    for (m, n, k) in LARGE {
        for (of_a, of_b) in
            [(Layout::Rows, Layout::Rows), (Layout::Rows, Layout::Columns), (Layout::Columns, Layout::Rows)]
        {
            let (a, b) = (Operand::new(1, m, k, of_a), Operand::new(2, k, n, of_b));
            let c = run_on(1, &a, &b, n);
            assert_close(&format!("{m} x {n} x {k}, {of_a:?} {of_b:?}"), &c, &product(&a, &b), tolerance(k));
            for threads in [1, 2, 3] {
                assert!(c == run_on(threads, &a, &b, n), "{m} x {n} x {k}, {of_a:?} {of_b:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn extents_of_zero() {
    let bias = normal_tensor(1, [3]);
    let mut c = normal_tensor(2, [2, 3]);
    let before = c.as_slice().to_vec();
    let empty = Tensor::zeros([0, 3]).unwrap();
    let tall = Tensor::zeros([2, 0]).unwrap();
    let options = Gemm { beta: 2.0, epilogue: Epilogue::Bias(bias.view()), ..Gemm::default() };
    ops::gemm(tall.view(), empty.view(), c.view_mut(), options).unwrap();
    let want: Vec<f64> =
        before.iter().enumerate().map(|(e, c)| 2.0 * f64::from(*c) + f64::from(bias.as_slice()[e % 3])).collect();
    assert_close("K = 0", c.as_slice(), &want, tolerance(1));

    c.as_mut_slice().fill(f32::NAN);
    ops::gemm(tall.view(), empty.view(), c.view_mut(), Gemm::default()).unwrap();
    assert_eq!(c.as_slice(), [0.0; 6]);

    let (mut none, mut thin) = (Tensor::zeros([0, 3]).unwrap(), Tensor::zeros([2, 0]).unwrap());
    let (a, b) = (normal_tensor(1, [2, 4]), normal_tensor(2, [4, 3]));
    ops::gemm(a.view().narrow(0, 0, 0), b.view(), none.view_mut(), Gemm::default()).unwrap();
    ops::gemm(a.view(), b.view().narrow(1, 0, 0), thin.view_mut(), Gemm::default()).unwrap();
}

#[test]
fn nan_spreads_from_the_operands_alone() {
    for (m, n, k) in [(1, 1, 1), (1, 40, 9), (5, 1, 3), (20, 70, 2), (70, 70, 70), (300, 9, 33)] {
        let (mut a, b) = (normal_tensor(1, [m, k]), normal_tensor(2, [k, n]));
        let mut c = Tensor::from_vec([m, n], vec![f32::NAN; m * n]).unwrap();
        ops::gemm(a.view(), b.view(), c.view_mut(), Gemm::default()).unwrap();
        assert!(c.as_slice().iter().all(|c| c.is_finite()), "{m} x {n} x {k}");
        a.as_mut_slice()[(m - 1) * k] = f32::NAN;
        ops::gemm(a.view(), b.view(), c.view_mut(), Gemm::default()).unwrap();
        let (head, last) = c.as_slice().split_at((m - 1) * n);
        assert!(head.iter().all(|c| c.is_finite()) && last.iter().all(|c| c.is_nan()), "{m} x {n} x {k}");
    }
}

#[test]
fn bad_arguments_are_named() {
    let (a, b, other) = (normal_tensor(1, [2, 4]), normal_tensor(2, [4, 3]), normal_tensor(3, [3, 2]));
    let message = |a: View, b: View, options: Gemm| {
        let mut c = Tensor::zeros([2, 3]).unwrap();
        ops::gemm(a, b, c.view_mut(), options).unwrap_err().to_string()
    };
    let default = Gemm::default;
    let with = |epilogue| Gemm { epilogue, ..Gemm::default() };
    assert_eq!(message(a.view().select(0, 0), b.view(), default()), "gemm: `a`: expected shape [M, K], got [4]");
    assert_eq!(message(a.view(), other.view(), default()), "gemm: `b`: expected [4, 2], got [3, 2]");
    assert_eq!(message(a.view(), b.view().narrow(1, 0, 2), default()), "gemm: `c`: expected [2, 2], got [2, 3]");
    let bias = normal_tensor(4, [2]);
    assert_eq!(message(a.view(), b.view(), with(Epilogue::Bias(bias.view()))), "gemm: `bias`: expected [3], got [2]");
    let residual = || Epilogue::Residual { bias: None, residual: other.view() };
    assert_eq!(message(a.view(), b.view(), with(residual())), "gemm: `residual`: expected [2, 3], got [3, 2]");
    let residual = || Epilogue::Residual { bias: None, residual: other.view().t() };
    assert_eq!(
        message(a.view(), b.view(), with(residual())),
        "gemm: `residual`: expected a last axis of stride 1, got strides [1, 2]"
    );
    let square = normal_tensor(5, [2, 3]);
    let residual = Epilogue::Residual { bias: None, residual: square.view() };
    assert_eq!(
        message(a.view(), b.view(), Gemm { beta: 1.0, epilogue: residual, ..default() }),
        "gemm: `beta`: expected 0 with this epilogue, got 1"
    );
    let mut c = Tensor::zeros([3, 2]).unwrap();
    let error = ops::gemm(a.view(), b.view(), c.view_mut().t(), default()).unwrap_err();
    assert_eq!(error.to_string(), "gemm: `c`: expected a last axis of stride 1, got strides [1, 2]");
}
