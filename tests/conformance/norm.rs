//! Layer norm and RMS norm on every device, in every type of rows and weights.

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::device::{Device, Simulation};
use warpweave::ops::{
    self, BranchGrad, Dropout, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, Residual, ResidualGrad,
};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::dropout::factor;
use crate::in_each_type;
use crate::support::*;

const EPS: f32 = 1e-5;

/// One call's operands, as f32 that T and W may round, and how they lie.
#[derive(Debug, Clone)]
struct Case {
    kind: NormKind,
    rows: usize,
    columns: usize,
    /// Added to every element of x.
    offset: f32,
    residual: bool,
    beta: bool,
    dropout: f32,
    /// For the backward pass; the forward pass reads nothing that was there.
    beta_acc: f32,
    layout: Layout,
    seed: u64,
}

impl Case {
    fn plain(kind: NormKind, rows: usize, columns: usize) -> Self {
        let (residual, beta, dropout, beta_acc) = (false, false, 0.0, 0.0);
        Case { kind, rows, columns, offset: 0.0, residual, beta, dropout, beta_acc, layout: Layout::Dense, seed: 1 }
    }

    fn dropout(&self) -> Dropout {
        Dropout { p: self.dropout, seed: 11 + self.seed, site: 1 << 40 }
    }

    /// Normal numbers for operand `i`, of all rows, as T holds them.
    fn matrix<T: Float>(&self, i: u64) -> Vec<f32> {
        let offset = if i == 0 { self.offset } else { 0.0 };
        round::<T>(normal(10 * self.seed + i, self.rows * self.columns).into_iter().map(|x| x + offset))
    }

    /// The same for one row.
    fn row<W: Float>(&self, i: u64) -> Vec<f32> {
        round::<W>(normal(10 * self.seed + i, self.columns))
    }
}

fn round<T: Float>(x: impl IntoIterator<Item = f32>) -> Vec<f32> {
    x.into_iter().map(|x| T::from_f32(x).to_f32()).collect()
}

fn cases() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![Just(NormKind::Layer), Just(NormKind::Rms)];
    let layout = prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)];
    let offset = prop_oneof![Just(0.0f32), Just(1e3), Just(-3e4)];
    let [dropout, beta_acc] = [[0.0f32, 0.3, 0.9], [0.0, 1.0, 0.5]].map(|values| prop::sample::select(values.to_vec()));
    (kind, 1usize..5, 1usize..140, offset, any::<[bool; 2]>(), dropout, beta_acc, layout, 0u64..1000).prop_map(
        |(kind, rows, columns, offset, [residual, beta], dropout, beta_acc, layout, seed)| Case {
            kind,
            rows,
            columns,
            offset,
            residual,
            beta,
            dropout,
            beta_acc,
            layout,
            seed,
        },
    )
}

/// Mean and rstd of each row, in f64.
fn statistics(kind: NormKind, x: &[f64], columns: usize) -> [Vec<f64>; 2] {
    let of_row = |row: &[f64]| {
        let mean = if kind == NormKind::Layer { row.iter().sum::<f64>() / columns as f64 } else { 0.0 };
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / columns as f64;
        (mean, (variance + f64::from(EPS)).sqrt().recip())
    };
    let (mean, rstd) = x.chunks(columns).map(of_row).unzip();
    [mean, rstd]
}

/// Rows of `gamma.len()` elements, normalized.
fn reference(kind: NormKind, x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let [mean, rstd] = statistics(kind, x, gamma.len());
    let element = |(at, x): (usize, &f64)| {
        let (i, j) = (at / gamma.len(), at % gamma.len());
        (x - mean[i]) * rstd[i] * gamma[j] + beta[j]
    };
    x.iter().enumerate().map(element).collect()
}

/// dx without the residual's gradient, dgamma and dbeta, by the formula.
fn reference_gradient(kind: NormKind, x: &[f64], gamma: &[f64], dy: &[f64]) -> [Vec<f64>; 3] {
    let c = gamma.len();
    let [mean, rstd] = statistics(kind, x, c);
    let (mut dx, mut dgamma, mut dbeta) = (Vec::new(), vec![0.0; c], vec![0.0; c]);
    for (i, (x, dy)) in x.chunks(c).zip(dy.chunks(c)).enumerate() {
        let n: Vec<f64> = x.iter().map(|x| (x - mean[i]) * rstd[i]).collect();
        let g: Vec<f64> = dy.iter().zip(gamma).map(|(dy, gamma)| dy * gamma).collect();
        let level = if kind == NormKind::Layer { g.iter().sum::<f64>() / c as f64 } else { 0.0 };
        let along = dot(&g, &n) / c as f64;
        dx.extend((0..c).map(|j| rstd[i] * (g[j] - level - n[j] * along)));
        for j in 0..c {
            dgamma[j] += dy[j] * n[j];
            dbeta[j] += dy[j];
        }
    }
    [dx, dgamma, dbeta]
}

/// y with every intermediate result rounded to T, from statistics in f32: what one operation after the other would give.
fn unfused<T: Float>(kind: NormKind, x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f32> {
    let r = |x: f64| f64::from(T::from_f32(x as f32).to_f32());
    let [mean, rstd] = statistics(kind, x, gamma.len());
    let element = |(at, x): (usize, &f64)| {
        let (i, j) = (at / gamma.len(), at % gamma.len());
        r(r(r(r(x - r(mean[i])) * r(rstd[i])) * gamma[j]) + beta[j]) as f32
    };
    x.iter().enumerate().map(element).collect()
}

/// Runs the forward pass and holds it against the reference. Returns the bits of y, mean, rstd and the sum.
fn check_forward<T: Float, W: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 4] {
    let Case { kind, rows, columns, layout, .. } = *case;
    let shape = [rows, columns];
    let [x, input] = [0, 1].map(|i| case.matrix::<T>(i));
    let [gamma, beta] = [2, 3].map(|i| case.row::<W>(i));
    let mut y = Operand::<T>::unwritten(stream, shape, layout);
    let mut sum = Operand::<T>::written_if(case.residual, stream, shape, layout);
    let [mut mean, mut rstd] = [(); 2].map(|()| Operand::<f32>::unwritten(stream, [rows], layout));
    let operands = [&x, &input].map(|values| Operand::<T>::new(stream, shape, layout, values));
    let weights = [&gamma, &beta].map(|values| Operand::<W>::new(stream, [columns], layout, values));
    let params = NormParams { kind, eps: EPS, gamma: weights[0].view(), beta: case.beta.then(|| weights[1].view()) };
    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
    let residual = Residual { input: operands[1].view(), sum: sum.view_mut(), dropout: case.dropout() };
    let residual = case.residual.then_some(residual);
    ops::norm(&params, operands[0].view(), residual, y.view_mut(), stats).unwrap();
    let [y, mean, rstd, sum] = [y.values(), mean.values(), rstd.values(), sum.values()];

    let normalized = if case.residual {
        let dropped = x.iter().enumerate().map(|(i, &x)| f64::from(x) * factor(case.dropout(), i as u64));
        let want: Vec<f64> = dropped.zip(&input).map(|(x, &input)| x + f64::from(input)).collect();
        // The terms may cancel: the error is that of the greater one.
        let scale = 1.0 + f64::from(case.offset.abs()) / (1.0 - f64::from(case.dropout));
        assert_close("sum", &sum, &want, Tolerance { abs: 1e-6 * scale, rel: 4e-7 }.rounded::<T>());
        to_f64(&sum)
    } else {
        assert!(sum.iter().all(|x| x.is_nan()), "a sum was written without a residual");
        to_f64(&x)
    };
    let beta = if case.beta { to_f64(&beta) } else { vec![0.0; columns] };
    let want = reference(kind, &normalized, &to_f64(&gamma), &beta);
    let [want_mean, want_rstd] = statistics(kind, &normalized, columns);
    let size = normalized.iter().fold(1.0, |a: f64, x| a.max(x.abs()));
    // Where columns are few and alike, rstd reaches 300 and magnifies the rounding of x − mean.
    let scale = want_rstd.iter().fold(4.0, |a: f64, &b| a.max(b)) * (1.0 + size * 1e-5);
    assert_close("y", &y, &want, Tolerance { abs: 1e-6 * scale, rel: 4e-6 }.rounded::<T>());
    if T::NAME != "f32" {
        let unfused = unfused::<T>(kind, &normalized, &to_f64(&gamma), &beta);
        assert_no_worse_than_unfused::<T>("y", &y, &want, &unfused);
    }
    assert_close("mean", &mean, &want_mean, Tolerance { abs: 1e-6, rel: 2e-7 });
    assert_close("rstd", &rstd, &want_rstd, Tolerance { abs: 0.0, rel: 1e-5 });
    [y, mean, rstd, sum].map(|x| bits(&x))
}

/// Runs the backward pass, with the residual's gradient and that of the branch where the case has a residual, and holds it
/// against the reference. Returns the bits of dx, the branch's gradient, dgamma and dbeta.
fn check_backward<T: Float, W: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 4] {
    let Case { kind, rows, columns, layout, beta_acc, .. } = *case;
    let shape = [rows, columns];
    let [x, dy, grad] = [0, 1, 4].map(|i| case.matrix::<T>(i));
    let gamma = case.row::<W>(2);
    // With beta_acc = 0 what the gradients held must not matter.
    let before = [6, 7].map(|i| if beta_acc == 0.0 { vec![f32::NAN; columns] } else { case.row::<f32>(i) });
    let stats = statistics(kind, &to_f64(&x), columns).map(|values| {
        let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        Operand::<f32>::new(stream, [rows], layout, &values)
    });
    let operands = [&x, &dy, &grad].map(|values| Operand::<T>::new(stream, shape, layout, values));
    let weights = Operand::<W>::new(stream, [columns], layout, &gamma);
    let mut dx = Operand::<T>::unwritten(stream, shape, layout);
    let mut branch = Operand::<T>::written_if(case.residual, stream, shape, layout);
    let [mut dgamma, mut dbeta] = [0, 1].map(|i| Operand::<f32>::new(stream, [columns], layout, &before[i]));
    let params = NormParams { kind, eps: EPS, gamma: weights.view(), beta: None };
    let branch_grad = BranchGrad { dx: branch.view_mut(), dropout: case.dropout() };
    let grads = NormGrads {
        dx: dx.view_mut(),
        branch: case.residual.then_some(branch_grad),
        dgamma: dgamma.view_mut(),
        dbeta: case.beta.then(|| dbeta.view_mut()),
        beta_acc,
    };
    let [x_in, dy_in, grad_in] = &operands;
    let saved = NormStats { mean: stats[0].view(), rstd: stats[1].view() };
    let residual_grad = ResidualGrad::from(case.residual.then(|| grad_in.view()));
    ops::norm_backward(&params, x_in.view(), saved, dy_in.view(), residual_grad, grads).unwrap();
    let [dx, branch, dgamma, dbeta] = [dx.values(), branch.values(), dgamma.values(), dbeta.values()];
    if case.residual {
        check_in_place(case, &params, [x_in, dy_in, grad_in], saved, &[&dx, &branch]);
    }

    let [mut want, mut want_dgamma, mut want_dbeta] =
        reference_gradient(kind, &to_f64(&x), &to_f64(&gamma), &to_f64(&dy));
    let rstd = statistics(kind, &to_f64(&x), columns)[1].iter().fold(1.0, |a: f64, &b| a.max(b));
    // The statistics come rounded to f32: x − mean is as wrong as the mean, times rstd twice.
    let center = 1e-7 * rstd * rstd * f64::from(case.offset.abs());
    let tolerance = Tolerance { abs: 3e-6 * (rows as f64 + rstd * rstd) + 20.0 * center, rel: 1e-5 };
    if case.residual {
        want.iter_mut().zip(&grad).for_each(|(dx, &grad)| *dx += f64::from(grad));
        let dropped: Vec<f64> = want.iter().enumerate().map(|(i, dx)| dx * factor(case.dropout(), i as u64)).collect();
        let keep = 1.0 / (1.0 - f64::from(case.dropout));
        let tolerance = Tolerance { abs: tolerance.abs * keep, ..tolerance };
        assert_close("branch", &branch, &dropped, tolerance.rounded::<T>());
        let is_dropped = |i: usize| factor(case.dropout(), i as u64) == 0.0;
        assert!(branch.iter().enumerate().all(|(i, &x)| !is_dropped(i) || x.to_bits() == 0), "dropped is not zero");
    } else {
        assert!(branch.iter().all(|x| x.is_nan()), "a branch's gradient was written without a branch");
    }
    assert_close("dx", &dx, &want, tolerance.rounded::<T>());
    for (name, got, want, before, asked) in [
        ("dgamma", &dgamma, &mut want_dgamma, &before[0], true),
        ("dbeta", &dbeta, &mut want_dbeta, &before[1], case.beta),
    ] {
        if !asked {
            assert_eq!(bits(got), bits(before), "{name} was written and not asked for");
            continue;
        }
        if beta_acc != 0.0 {
            want.iter_mut().zip(before).for_each(|(want, &before)| *want += f64::from(beta_acc * before));
        }
        let sum = Tolerance::sum(rows, 4.0);
        assert_close(name, got, want, Tolerance { abs: sum.abs + 1e-5 + rows as f64 * center, rel: 1e-5 });
    }
    [dx, branch, dgamma, dbeta].map(|x| bits(&x))
}

/// Written over the residual's gradient, dx is what it is apart from it, and so is the branch's gradient, to the bit.
fn check_in_place<T: Float, W: Float>(
    case: &Case,
    params: &NormParams<W>,
    [x, dy, grad]: [&Operand<T>; 3],
    stats: NormStats,
    want: &[&[f32]; 2],
) {
    let stream = x.view().stream();
    let (shape, layout) = ([case.rows, case.columns], case.layout);
    let mut dx = Operand::<T>::new(stream, shape, layout, &grad.values());
    let mut branch = Operand::<T>::unwritten(stream, shape, layout);
    let mut dgamma = Operand::<f32>::unwritten(stream, [case.columns], layout);
    let grads = NormGrads {
        dx: dx.view_mut(),
        branch: Some(BranchGrad { dx: branch.view_mut(), dropout: case.dropout() }),
        dgamma: dgamma.view_mut(),
        dbeta: None,
        beta_acc: 0.0,
    };
    ops::norm_backward(params, x.view(), stats, dy.view(), ResidualGrad::InPlace, grads).unwrap();
    assert_eq!([dx.values(), branch.values()].map(|x| bits(&x)), want.map(bits), "in place");
}

/// Both passes, in every pair of types that a training step has.
fn check(case: &Case) {
    fn both<T: Float, W: Float>(case: &Case) {
        println!("{} rows, {} weights: {case:?}", T::NAME, W::NAME);
        // In 16 bits a large offset leaves no digits for the rest.
        let case = &Case { offset: if T::NAME == "f32" { case.offset } else { 0.0 }, ..case.clone() };
        on_devices(|stream| check_forward::<T, W>(stream, case));
        on_devices(|stream| check_backward::<T, W>(stream, case));
    }
    both::<f32, f32>(case);
    both::<bf16, bf16>(case);
    both::<f16, f16>(case);
    both::<bf16, f32>(case);
    both::<f16, f32>(case);
    both::<f32, bf16>(case);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn matches_the_reference(case in cases()) {
        check(&case);
    }

    /// The formula that the devices are held against.
    #[test]
    fn the_reference_gradient_matches_finite_differences(case in cases()) {
        let case = Case { columns: case.columns.max(2), ..case };
        let [x, dy] = [0, 1].map(|i| to_f64(&normal(10 * case.seed + i, case.rows * case.columns)));
        let gamma = to_f64(&case.row::<f32>(2));
        let (kind, zeros) = (case.kind, vec![0.0; case.columns]);
        let [dx, dgamma, dbeta] = reference_gradient(kind, &x, &gamma, &dy);
        let wants = [
            (dx, numerical_gradient(&x, |x| dot(&reference(kind, x, &gamma, &zeros), &dy))),
            (dgamma, numerical_gradient(&gamma, |gamma| dot(&reference(kind, &x, gamma, &zeros), &dy))),
            (dbeta, numerical_gradient(&zeros, |beta| dot(&reference(kind, &x, &gamma, beta), &dy))),
        ];
        for (formula, differences) in wants {
            let error = formula.iter().zip(&differences).map(|(a, b)| (a - b).abs() / (1.0 + a.abs()));
            let rstd = statistics(kind, &x, case.columns)[1].iter().fold(1.0, |a: f64, &b| a.max(b));
            prop_assert!(error.fold(0.0, f64::max) < 1e-7 * rstd.powi(3));
        }
    }
}

/// Rows that fill more shared memory than a block of every GPU without clusters has: the bits are those of one that has it.
#[test]
fn wide_rows_in_little_shared_memory() {
    if Device::Sim.stream().is_err() {
        return; // as `on_devices` says
    }
    for (residual, dropout) in [(false, 0.0), (true, 0.1)] {
        let case = Case { beta: true, residual, dropout, ..Case::plain(NormKind::Layer, 1, 65_536) };
        let run = |compute_capability| {
            let stream = Stream::simulated(Simulation { compute_capability, ..Simulation::default() }).unwrap();
            (check_forward::<f32, f32>(&stream, &case), check_backward::<f32, f32>(&stream, &case))
        };
        assert_eq!(run(86), run(80));
    }
}

/// One row per warp, per block or per cluster, and the edges between; rows that no vector load divides.
#[test]
fn every_width() {
    for columns in [1, 2, 3, 7, 8, 31, 32, 33, 127, 128, 129, 768, 1000, 2048, 4097, 65_536] {
        for (kind, layout) in [(NormKind::Layer, Layout::Gaps), (NormKind::Rms, Layout::Dense)] {
            let rows = if columns > 2048 { 2 } else { 3 };
            let plain = Case { layout, ..Case::plain(kind, rows, columns) };
            let case = Case { beta: true, residual: kind == NormKind::Layer, dropout: 0.1, ..plain };
            if columns <= 1000 {
                check(&case);
            } else if kind == NormKind::Layer {
                on_devices(|stream| {
                    (check_forward::<f32, f32>(stream, &case), check_backward::<f32, f32>(stream, &case))
                });
            } else {
                on_devices(|stream| {
                    (check_forward::<bf16, bf16>(stream, &case), check_backward::<bf16, bf16>(stream, &case))
                });
            }
        }
    }
}

/// More rows than a block takes, so that the gradients of the parameters are summed in two stages.
#[test]
fn parameter_gradients_over_many_rows() {
    for (rows, columns) in [(1000, 50), (300, 200)] {
        let case = Case { beta: true, beta_acc: 1.0, ..Case::plain(NormKind::Layer, rows, columns) };
        on_devices(|stream| check_backward::<f32, f32>(stream, &case));
        on_devices(|stream| check_backward::<bf16, f32>(stream, &case));
    }
}

#[test]
fn a_constant_row_gives_beta_and_nan_stays_in_its_row() {
    fn check<T: Float>(stream: &Stream) -> [Vec<u32>; 2] {
        let mut x = normal(1, 3 * 40);
        x[..40].fill(1234.0);
        x[45] = f32::NAN;
        let [gamma, beta] = [2, 3].map(|seed| Operand::<T>::new(stream, [40], Layout::Dense, &normal(seed, 40)));
        let x = Operand::<T>::new(stream, [3, 40], Layout::Dense, &x);
        [NormKind::Layer, NormKind::Rms].map(|kind| {
            let mut y = Operand::<T>::unwritten(stream, [3, 40], Layout::Dense);
            let [mut mean, mut rstd] = [(); 2].map(|()| Tensor::zeros_on(stream, [3]).unwrap());
            let params = NormParams { kind, eps: EPS, gamma: gamma.view(), beta: Some(beta.view()) };
            let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
            ops::norm(&params, x.view(), None, y.view_mut(), stats).unwrap();
            let y = y.values();
            if kind == NormKind::Layer {
                let tolerance = Tolerance { abs: 1e-3, rel: 0.0 };
                assert_close("constant", &y[..40], &to_f64(&beta.values()), tolerance);
            }
            assert!(y[40..80].iter().all(|y| y.is_nan()), "{kind:?}");
            assert!(y[..40].iter().chain(&y[80..]).all(|y| y.is_finite()), "{kind:?}");
            // Which NaN it is, is the device's.
            y.iter().filter(|y| !y.is_nan()).map(|y| y.to_bits()).collect()
        })
    }
    in_each_type!(run());
    fn run<T: Float>() {
        on_devices(check::<T>);
    }
}

#[test]
fn no_rows() {
    on_devices(|stream| {
        for layout in [Layout::Dense, Layout::Gaps] {
            let case = Case { beta: true, layout, ..Case::plain(NormKind::Layer, 0, 11) };
            check_forward::<f32, f32>(stream, &case);
            let [.., dgamma, dbeta] = check_backward::<f32, f32>(stream, &case);
            assert_eq!([dgamma, dbeta], [(); 2].map(|()| vec![0; 11]));
        }
    });
}

/// One row of input for all of the output.
#[test]
fn broadcast_rows() {
    on_devices(|stream| {
        let row = Operand::<f32>::new(stream, [1, 33], Layout::Dense, &normal(1, 33));
        let gamma = Operand::<f32>::new(stream, [33], Layout::Dense, &normal(2, 33));
        let params = NormParams { kind: NormKind::Layer, eps: EPS, gamma: gamma.view(), beta: None };
        let mut y = Operand::<f32>::unwritten(stream, [5, 33], Layout::Gaps);
        let [mut mean, mut rstd] = [(); 2].map(|()| Tensor::zeros_on(stream, [5]).unwrap());
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        ops::norm(&params, row.view().broadcast([5, 33]).unwrap(), None, y.view_mut(), stats).unwrap();
        let y = y.values();
        let want = reference(NormKind::Layer, &to_f64(&row.values()), &to_f64(&gamma.values()), &[0.0; 33]);
        y.chunks(33).for_each(|y| assert_close("y", y, &want, Tolerance { abs: 4e-6, rel: 4e-6 }));
        bits(&y)
    });
}

/// The residual's dropout is `ops::dropout` and its addition, to the bit.
#[test]
fn the_dropout_is_that_of_the_operation() {
    let case = Case { residual: true, dropout: 0.4, ..Case::plain(NormKind::Layer, 7, 131) };
    let [x, input] = [0, 1].map(|i| Tensor::from_vec([7, 131], case.matrix::<f32>(i)).unwrap());
    let mut want = Tensor::zeros([7, 131]).unwrap();
    ops::dropout_add(x.view(), case.dropout(), input.view(), want.view_mut()).unwrap();
    let [.., sum] = check_forward::<f32, f32>(&Stream::CPU, &case);
    assert_eq!(sum, bits(want.as_slice()));
    // Without anything to add, what is dropped shows as zeros: the same on every device.
    on_devices(|stream| {
        let mut sum = Operand::<f32>::unwritten(stream, [7, 131], Layout::Gaps);
        let [x, zero] = [x.to(stream).unwrap(), Tensor::zeros_on(stream, [7, 131]).unwrap()];
        let gamma = Operand::<f32>::new(stream, [131], Layout::Dense, &case.row::<f32>(2));
        let mut y = Operand::<f32>::unwritten(stream, [7, 131], Layout::Dense);
        let [mut mean, mut rstd] = [(); 2].map(|()| Tensor::zeros_on(stream, [7]).unwrap());
        let params = NormParams { kind: NormKind::Rms, eps: EPS, gamma: gamma.view(), beta: None };
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        let residual = Residual { input: zero.view(), sum: sum.view_mut(), dropout: case.dropout() };
        ops::norm(&params, x.view(), Some(residual), y.view_mut(), stats).unwrap();
        for (i, &sum) in sum.values().iter().enumerate() {
            assert_eq!(sum == 0.0, factor(case.dropout(), i as u64) == 0.0, "element {i} is {sum}");
        }
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case { residual: true, beta: true, beta_acc: 1.0, ..Case::plain(NormKind::Layer, 777, 129) };
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            (check_forward::<f32, f32>(&Stream::CPU, &case), check_backward::<f32, f32>(&Stream::CPU, &case))
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn wrong_arguments_are_named() {
    let (x, gamma, short) = (normal_tensor(1, [2, 3]), normal_tensor(2, [3]), normal_tensor(3, [2]));
    let message = |eps: f32, gamma: &Tensor, beta: Option<&Tensor>, rows: usize, residual: Option<(&Tensor, f32)>| {
        let [mut y, mut sum] = [(); 2].map(|()| Tensor::zeros([2, 3]).unwrap());
        let [mut mean, mut rstd] = [2, rows].map(|rows| Tensor::zeros([rows]).unwrap());
        let params = NormParams { kind: NormKind::Layer, eps, gamma: gamma.view(), beta: beta.map(Tensor::view) };
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        let residual = residual.map(|(input, p)| {
            let dropout = Dropout { p, ..Dropout::default() };
            Residual { input: input.view(), sum: sum.view_mut(), dropout }
        });
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
    let wrong_input = message(EPS, &gamma, None, 2, Some((&gamma, 0.0)));
    assert_eq!(wrong_input, "norm: `residual.input`: expected [2, 3], got [3]");
    let wrong_dropout = message(EPS, &gamma, None, 2, Some((&x, 1.0)));
    assert_eq!(wrong_dropout, "norm: `residual.dropout.p`: expected a probability with 0 ≤ p < 1, got 1");
}

/// The CPU takes rows of any width, the kernels up to 65,536.
#[test]
fn too_wide_for_the_kernels() {
    let case = Case::plain(NormKind::Rms, 1, 65_537);
    check_forward::<f32, f32>(&Stream::CPU, &case);
    on_kernels(|stream| {
        let [x, mut y] = [(); 2].map(|()| Tensor::zeros_on(stream, [1, 65_537]).unwrap());
        let gamma = Tensor::zeros_on(stream, [65_537]).unwrap();
        let [mut mean, mut rstd] = [(); 2].map(|()| Tensor::zeros_on(stream, [1]).unwrap());
        let params: NormParams = NormParams { kind: NormKind::Rms, eps: EPS, gamma: gamma.view(), beta: None };
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        let error = ops::norm::<f32, f32>(&params, x.view(), None, y.view_mut(), stats).unwrap_err();
        let want = "norm: `x`: expected at most 65536 columns on this device, got 65537";
        assert_eq!(error.to_string(), want);
    });
}
