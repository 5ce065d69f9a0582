//! AdamW against the paper's formulas in f64, and the gradient norm.

use std::ops::Range;

use proptest::prelude::*;
use warpweave::ops::{self, AdamW};
use warpweave::{Result, Tensor};

use crate::support::{Tolerance, assert_close, normal, normal_tensor, to_f64};

const OPTIONS: AdamW = AdamW { lr: 1e-2, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 };

/// Parameters and moments of one run.
struct State([Tensor; 3]);

impl State {
    fn new(params: Vec<f32>) -> Self {
        let n = params.len();
        let params = Tensor::from_vec([n], params).unwrap();
        State([params, Tensor::zeros([n]).unwrap(), Tensor::zeros([n]).unwrap()])
    }

    fn step(&mut self, o: &AdamW, step: u64, scale: f32, decayed: &[Range<usize>], grads: &Tensor) -> Result<()> {
        let [params, m, v] = &mut self.0;
        ops::adamw(o, step, scale, decayed, params.view_mut(), grads.view(), m.view_mut(), v.view_mut())
    }

    fn bits(&self) -> Vec<u32> {
        self.0.iter().flat_map(|tensor| tensor.as_slice()).map(|x| x.to_bits()).collect()
    }
}

/// One step of Loshchilov and Hutter 2019, algorithm 2, with the schedule multiplier η in the learning rate.
fn reference(
    o: &AdamW,
    step: u64,
    scale: f64,
    decays: impl Fn(usize) -> bool,
    state: &mut [Vec<f64>; 3],
    grads: &[f64],
) {
    let [lr, beta1, beta2, eps, weight_decay] = [o.lr, o.beta1, o.beta2, o.eps, o.weight_decay].map(f64::from);
    let [params, m, v] = state;
    for i in 0..grads.len() {
        let g = scale * grads[i];
        m[i] = beta1 * m[i] + (1.0 - beta1) * g;
        v[i] = beta2 * v[i] + (1.0 - beta2) * g.powi(2);
        let m_hat = m[i] / (1.0 - beta1.powi(step as i32));
        let v_hat = v[i] / (1.0 - beta2.powi(step as i32));
        let decay = if decays(i) { weight_decay * params[i] } else { 0.0 };
        params[i] -= lr * (m_hat / (v_hat.sqrt() + eps) + decay);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn steps_are_the_papers(
        n in prop_oneof![1..40usize, 16_000..40_000usize],
        seed: u64,
        cuts in prop::collection::vec(0.0..=1.0f64, 0..9),
        lr in 1e-4f32..0.1,
        beta1 in prop_oneof![Just(0.0f32), 0.5f32..0.99],
        beta2 in 0.5f32..0.9999,
        eps in prop_oneof![Just(1e-8f32), 1e-3f32..0.1],
        grad_scale in 0.1f32..2.0,
    ) {
        let options = AdamW { lr, beta1, beta2, eps, weight_decay: 0.3 };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * n as f64) as usize).collect();
        cuts.sort_unstable();
        let decayed: Vec<Range<usize>> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();

        let params = normal(seed, n);
        let mut want = [to_f64(&params), vec![0.0; n], vec![0.0; n]];
        let mut got = State::new(params);
        for step in 1..=4 {
            let grads = normal_tensor(seed.wrapping_add(step), [n]);
            got.step(&options, step, grad_scale, &decayed, &grads).unwrap();
            let decays = |i| decayed.iter().any(|range| range.contains(&i));
            reference(&options, step, f64::from(grad_scale), decays, &mut want, &to_f64(grads.as_slice()));
        }
        for ((what, got), want) in ["params", "m", "v"].iter().zip(&got.0).zip(&want) {
            // A few roundings a step. Cancellation in `m` is relative to the gradients, which are around 1.
            assert_close(what, got.as_slice(), want, Tolerance::sum(16, 1.0));
        }
    }

    #[test]
    fn the_norm_is_the_root_of_the_sum_of_squares(n in prop_oneof![0..70usize, 16_000..70_000usize], seed: u64) {
        let grads = normal_tensor(seed, [n]);
        let want = grads.as_slice().iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let got = ops::grad_norm(grads.view()).unwrap();
        assert_close("grad_norm", &[got], &[want], Tolerance { abs: 0.0, rel: 1e-7 });
    }
}

#[test]
fn a_small_decay_is_not_rounded_away() {
    // In f32, 1 − 1e-5 · 0.01 is 1 − 1.19e-7.
    let options = AdamW { lr: 1e-5, weight_decay: 0.01, ..OPTIONS };
    let mut state = State::new(vec![1.0; 4]);
    state.0[0].as_mut_slice().fill(1e-3);
    let zeros = Tensor::zeros([4]).unwrap();
    let all = Range { start: 0, end: 4 };
    for step in 1..=1000 {
        state.step(&options, step, 1.0, std::slice::from_ref(&all), &zeros).unwrap();
    }
    let lost = 1e-3 - f64::from(state.0[0].as_slice()[3]);
    assert!((lost / 1e-7 - 1.0).abs() < 0.2, "{lost}");
}

#[test]
fn extremes() {
    let mut state = State::new(vec![1.0; 5]);
    let grads = Tensor::from_vec([5], vec![1e-20, 1e18, f32::NAN, 0.0, -1.0]).unwrap();
    let options = AdamW { weight_decay: 0.0, ..OPTIONS };
    state.step(&options, 1, 1.0, &[], &grads).unwrap();
    let params = state.0[0].as_slice();
    assert_eq!(params[0], 1.0, "far below eps");
    assert!((params[1] - 0.99).abs() < 1e-6, "a huge gradient makes a step of lr: {}", params[1]);
    assert!(params[2].is_nan());
    assert_eq!(params[3], 1.0);
    assert!((params[4] - 1.01).abs() < 1e-6);
    // The bias corrections of a step beyond i32 are 1.
    let mut late = State::new(vec![1.0]);
    late.step(&options, u64::MAX, 1.0, &[], &Tensor::from_vec([1], vec![1.0]).unwrap()).unwrap();
    let want = 1.0 - 1e-2 * 0.1 / 0.05f32.sqrt();
    assert!((late.0[0].as_slice()[0] - want).abs() < 1e-6);
}

#[test]
fn infinities_and_nan_reach_the_norm() {
    let norm = |grads: &[f32]| {
        let mut padded = vec![1.0; 40_000];
        padded[30_001..30_001 + grads.len()].copy_from_slice(grads);
        ops::grad_norm(Tensor::from_vec([40_000], padded).unwrap().view()).unwrap()
    };
    assert!(norm(&[f32::NAN]).is_nan());
    assert!(norm(&[f32::INFINITY, f32::NAN]).is_nan());
    assert_eq!(norm(&[f32::NEG_INFINITY]), f32::INFINITY);
    assert_eq!(norm(&[3e38, 3e38]), f32::INFINITY);
    assert_eq!(norm(&[3e30, 4e30]), 5e30, "squares beyond f32 do not overflow");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let n = 100_003;
    let grads = normal_tensor(5, [n]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut state = State::new(normal(4, n));
            state.step(&OPTIONS, 3, 0.37, &[10..20_000, 70_000..n], &grads).unwrap();
            (state.bits(), ops::grad_norm(grads.view()).unwrap().to_bits())
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
#[expect(clippy::reversed_empty_ranges, clippy::single_range_in_vec_init, reason = "bad input, and lists of ranges")]
fn bad_arguments_are_named() {
    let grads = normal_tensor(1, [6]);
    let refuse = |options: AdamW, step, scale, decayed: &[Range<usize>], grads: &Tensor| {
        let mut state = State::new(vec![1.0; 6]);
        let error = state.step(&options, step, scale, decayed, grads).unwrap_err().to_string();
        assert_eq!(state.bits(), State::new(vec![1.0; 6]).bits(), "a refused call writes nothing");
        error
    };
    assert_eq!(
        refuse(AdamW { lr: -1.0, ..OPTIONS }, 1, 1.0, &[], &grads),
        "adamw: `lr`: expected a finite number that is at least 0, got -1"
    );
    assert_eq!(
        refuse(AdamW { beta2: 1.0, ..OPTIONS }, 1, 1.0, &[], &grads),
        "adamw: `beta2`: expected a number in [0, 1), got 1"
    );
    assert_eq!(refuse(OPTIONS, 0, 1.0, &[], &grads), "adamw: `step`: expected a step counted from 1, got 0");
    assert_eq!(refuse(OPTIONS, 1, f32::NAN, &[], &grads), "adamw: `grad_scale`: expected a finite number, got NaN");
    for (decayed, got) in [
        (vec![2..4, 3..5], "3..5 after ..4"),
        (vec![2..4, 0..1], "0..1 after ..4"),
        (vec![5..7], "5..7 after ..0"),
        (vec![3..2], "3..2 after ..0"),
    ] {
        assert_eq!(
            refuse(OPTIONS, 1, 1.0, &decayed, &grads),
            format!("adamw: `decayed`: expected ascending ranges within 0..6 that do not overlap, got {got}")
        );
    }
    assert_eq!(refuse(OPTIONS, 1, 1.0, &[], &normal_tensor(1, [5])), "adamw: `grads`: expected [6], got [5]");
    let matrix = normal_tensor(1, [2, 3]);
    assert_eq!(
        ops::grad_norm(matrix.view()).unwrap_err().to_string(),
        "grad_norm: `grads`: expected shape [N], got [2, 3]"
    );
    assert_eq!(
        ops::grad_norm(matrix.view().select(1, 0)).unwrap_err().to_string(),
        "grad_norm: `grads`: expected a last axis of stride 1, got strides [3]"
    );
}
