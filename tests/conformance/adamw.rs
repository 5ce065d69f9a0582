//! AdamW against the paper's formulas in f64; every type and layout to the bit of the CPU's.

#![expect(clippy::single_range_in_vec_init, reason = "lists of ranges")]

use std::ops::Range;

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::device::Stream;
use warpweave::ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep, Rounding};
use warpweave::tensor::{DType, Float};
use warpweave::{Result, Tensor};

use crate::in_each_type;
use crate::support::{Layout, Operand, Tolerance, assert_close, bits, normal, on_devices, on_kernels, to_f64};

const BEGIN: AdamWStep = AdamWStep { beta1: 0.9, beta2: 0.95, grad_scale: 1.0, clip: f32::INFINITY };
const OPTIONS: AdamW = AdamW { lr: 1e-2, lr_scale: None, eps: 1e-8, weight_decay: 0.1, rounding: Rounding::Nearest };

/// One run of AdamW, on one device.
struct Run<T: Float = f32> {
    memory: Memory<T>,
    norm: Tensor,
    state: AdamWState,
}

struct Memory<T: Float> {
    weights: Operand<T>,
    master: Option<Operand<f32>>,
    m: Operand<f32>,
    v: Operand<f32>,
}

impl<T: Float> Memory<T> {
    fn buffers<'a, G: Float>(&'a mut self, grads: &'a Operand<G>) -> AdamWBuffers<'a, T, G> {
        AdamWBuffers {
            weights: self.weights.view_mut(),
            master: self.master.as_mut().map(Operand::view_mut),
            grads: grads.view(),
            m: self.m.view_mut(),
            v: self.v.view_mut(),
        }
    }
}

impl<T: Float> Run<T> {
    fn new(stream: &Stream, layout: Layout, params: &[f32], with_master: bool) -> Self {
        let n = params.len();
        let zeros = || Operand::new(stream, [n], layout, &vec![0.0; n]);
        // Where there is a master copy, nobody reads the weights.
        let weights = match with_master {
            true => Operand::unwritten(stream, [n], layout),
            false => Operand::new(stream, [n], layout, params),
        };
        let master = with_master.then(|| Operand::new(stream, [n], layout, params));
        Run {
            memory: Memory { weights, master, m: zeros(), v: zeros() },
            norm: Tensor::zeros_on(stream, [1]).unwrap(),
            state: AdamWState::new(stream).unwrap(),
        }
    }

    fn step<G: Float>(
        &mut self,
        begin: &AdamWStep,
        options: &AdamW,
        decayed: &[Range<usize>],
        grads: &Operand<G>,
    ) -> Result<()> {
        ops::grad_norm(grads.view(), self.norm.view_mut())?;
        ops::adamw_begin(begin, Some(self.norm.view()), &mut self.state)?;
        ops::adamw(options, &self.state, decayed, self.memory.buffers(grads))
    }

    /// The weights, the master copy, m and v.
    fn values(&self) -> [Vec<f32>; 4] {
        let Memory { weights, master, m, v } = &self.memory;
        [weights.values(), master.as_ref().map(Operand::values).unwrap_or_default(), m.values(), v.values()]
    }

    fn bits(&self) -> Vec<u32> {
        self.values().iter().flat_map(|values| bits(values)).collect()
    }
}

/// One step of Loshchilov and Hutter 2019, algorithm 2, with the schedule multiplier η in the learning rate.
fn reference(
    begin: &AdamWStep,
    options: &AdamW,
    step: u64,
    decays: impl Fn(usize) -> bool,
    state: &mut [Vec<f64>; 3],
    grads: &[f64],
) {
    let [lr, eps, weight_decay] = [options.lr, options.eps, options.weight_decay].map(f64::from);
    let [beta1, beta2, scale, clip] = [begin.beta1, begin.beta2, begin.grad_scale, begin.clip].map(f64::from);
    let norm = scale * grads.iter().map(|g| g * g).sum::<f64>().sqrt();
    let scale = if norm > clip { scale * clip / norm } else { scale };
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

/// Pairs of neighboring cuts, which may coincide.
fn ranges(mut cuts: Vec<usize>) -> Vec<Range<usize>> {
    cuts.sort_unstable();
    cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Four steps against the reference, the master copy or the weights themselves in f32.
fn follow<T: Float>(
    stream: &Stream,
    layout: Layout,
    n: usize,
    seed: u64,
    decayed: &[Range<usize>],
    (begin, options): (&AdamWStep, &AdamW),
) -> Vec<u32> {
    let params = normal(seed, n);
    let mut want = [to_f64(&params), vec![0.0; n], vec![0.0; n]];
    let mut run = Run::<T>::new(stream, layout, &params, T::DTYPE != DType::F32);
    for step in 1..=4 {
        let grads = Operand::<T>::new(stream, [n], layout, &normal(seed.wrapping_add(step), n));
        run.step(begin, options, decayed, &grads).unwrap();
        let decays = |i| decayed.iter().any(|range| range.contains(&i));
        reference(begin, options, step, decays, &mut want, &to_f64(&grads.values()));
    }
    let [weights, master, m, v] = run.values();
    // A few roundings a step. Cancellation in `m` is relative to the gradients, which are around 1.
    let tolerance = Tolerance::sum(16, 1.0);
    let master = if T::DTYPE == DType::F32 { weights.clone() } else { master };
    for ((what, got), want) in ["params", "m", "v"].iter().zip([&master, &m, &v]).zip(&want) {
        assert_close(what, got, want, tolerance);
    }
    let rounded: Vec<f32> = master.iter().map(|&x| T::from_f32(x).to_f32()).collect();
    assert_eq!(bits(&weights), bits(&rounded), "weights are the master copy, rounded");
    assert_eq!(run.state.read().unwrap().step, 4);
    run.bits()
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
        clip in prop_oneof![Just(f32::INFINITY), 0.5f32..2.0],
    ) {
        let begin = AdamWStep { beta1, beta2, grad_scale, clip };
        let options = AdamW { lr, eps, weight_decay: 0.3, ..OPTIONS };
        let decayed = ranges(cuts.iter().map(|cut| (cut * n as f64) as usize).collect());
        follow::<f32>(&Stream::CPU, Layout::Dense, n, seed, &decayed, (&begin, &options));
        follow::<bf16>(&Stream::CPU, Layout::Dense, n, seed, &decayed, (&begin, &options));
    }
}

#[test]
fn steps_are_the_papers_on_every_device() {
    fn check<T: Float>(stream: &Stream) -> Vec<u32> {
        let begin = AdamWStep { grad_scale: 0.5, clip: 4.0, ..BEGIN };
        let cases = [(0, Layout::Dense), (1, Layout::Gaps), (3, Layout::Dense), (4099, Layout::Gaps)];
        let run = |&(n, layout)| {
            let decayed = ranges(vec![n / 7, n / 3, n / 2, n]);
            follow::<T>(stream, layout, n, 3, &decayed, (&begin, &OPTIONS))
        };
        cases.iter().flat_map(run).collect()
    }
    on_devices(|stream| [check::<f32>(stream), check::<bf16>(stream), check::<f16>(stream)]);
}

/// Each combination of types, with and without a master copy, rounded in both ways, in fours and one by one, and with more ranges
/// than one launch takes.
#[test]
fn devices_agree_to_the_bit() {
    fn run<T: Float, G: Float>(stream: &Stream, case: usize) -> Vec<u32> {
        let layout = |bit: usize| if case >> bit & 1 == 0 { Layout::Dense } else { Layout::Gaps };
        let (n, master) = (1500 + 7 * case, case & 1 != 0 && T::DTYPE != DType::F32);
        // 180 ranges of one to three elements, some of which touch.
        let decayed: Vec<_> = (0..180).map(|i| 5 * i + i % 3..5 * i + i % 3 + 1 + i % 3).collect();
        let decayed = if case & 2 == 0 { &decayed[..] } else { &[1001..1003] };
        let first = 4 * case as u64 + u64::from(case >= 6);
        let rounding = if case & 4 == 0 { Rounding::Nearest } else { Rounding::Stochastic { seed: 9, first } };
        let begin = AdamWStep { clip: 3.0, ..BEGIN };
        let mut run = Run::<T>::new(stream, layout(1), &normal(1, n), master);
        for step in 0..2 {
            let grads = Operand::<G>::new(stream, [n], layout(2), &normal(2 + step, n));
            // The norm itself may differ in the last bit.
            let norm = Tensor::from_vec([1], vec![38.7]).unwrap().to(stream).unwrap();
            ops::adamw_begin(&begin, Some(norm.view()), &mut run.state).unwrap();
            let options = AdamW { rounding, ..OPTIONS };
            ops::adamw(&options, &run.state, decayed, run.memory.buffers(&grads)).unwrap();
        }
        run.bits()
    }
    fn check<T: Float>(stream: &Stream) {
        for case in 0..8 {
            assert_eq!(run::<T, T>(stream, case), run::<T, T>(&Stream::CPU, case), "{}, case {case}", T::NAME);
        }
        assert_eq!(run::<T, f32>(stream, 5), run::<T, f32>(&Stream::CPU, 5), "{} with f32", T::NAME);
        assert_eq!(run::<T, bf16>(stream, 6), run::<T, bf16>(&Stream::CPU, 6), "{} with bf16", T::NAME);
        assert_eq!(run::<T, f16>(stream, 7), run::<T, f16>(&Stream::CPU, 7), "{} with f16", T::NAME);
    }
    on_kernels(|stream| {
        in_each_type!(check(stream));
    });
}

#[test]
fn a_gradient_that_is_not_finite_is_skipped() {
    fn check<T: Float>(stream: &Stream) -> Vec<u32> {
        let n = 50;
        let mut run = Run::<T>::new(stream, Layout::Gaps, &normal(1, n), false);
        let grads = |bad: Option<f32>| {
            let mut grads = normal(2, n);
            grads[17] = bad.unwrap_or(grads[17]);
            Operand::<T>::new(stream, [n], Layout::Gaps, &grads)
        };
        let begin = AdamWStep { clip: 1.0, ..BEGIN };
        run.step(&begin, &OPTIONS, &[0..n], &grads(None)).unwrap();
        let (before, scale) = (run.bits(), run.state.read().unwrap().grad_scale);
        for (skipped, bad) in [(1, f32::NAN), (2, f32::INFINITY), (3, f32::NEG_INFINITY)] {
            run.step(&begin, &OPTIONS, &[0..n], &grads(Some(bad))).unwrap();
            assert_eq!(run.bits(), before, "{bad} changed something");
            let progress = run.state.read().unwrap();
            assert_eq!((progress.step, progress.skipped, progress.last_was_skipped), (1, skipped, true));
            assert_eq!(progress.grad_scale, scale);
        }
        run.step(&begin, &OPTIONS, &[0..n], &grads(None)).unwrap();
        let progress = run.state.read().unwrap();
        assert_eq!((progress.step, progress.skipped, progress.last_was_skipped), (2, 3, false));
        assert_ne!(run.bits(), before);

        // What a skip leaves no trace in: the same without the skipped ones.
        let mut smooth = Run::<T>::new(stream, Layout::Gaps, &normal(1, n), false);
        for _ in 0..2 {
            smooth.step(&begin, &OPTIONS, &[0..n], &grads(None)).unwrap();
        }
        assert_eq!(run.bits(), smooth.bits());
        run.bits()
    }
    on_devices(|stream| [check::<f32>(stream), check::<bf16>(stream)]);
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    on_devices(|stream| {
        let steps = |run: &mut Run<bf16>, steps: Range<u64>| {
            for step in steps {
                let grads = Operand::<f32>::new(stream, [70], Layout::Dense, &normal(step, 70));
                let options = AdamW { rounding: Rounding::Stochastic { seed: 4, first: 0 }, ..OPTIONS };
                run.step(&BEGIN, &options, &[], &grads).unwrap();
            }
        };
        let new = || Run::<bf16>::new(stream, Layout::Dense, &normal(0, 70), false);
        let (mut whole, mut stopped) = (new(), new());
        steps(&mut whole, 1..6);
        steps(&mut stopped, 1..4);
        stopped.state = AdamWState::at_step(stream, stopped.state.read().unwrap().step).unwrap();
        steps(&mut stopped, 4..6);
        assert_eq!(stopped.bits(), whole.bits());
        whole.bits()
    });
}

#[test]
fn a_buffer_may_be_updated_in_parts() {
    on_devices(|stream| {
        let n = 201;
        let grads = Operand::<f16>::new(stream, [n], Layout::Dense, &normal(5, n));
        let run = |parts: &[Range<usize>]| {
            let mut run = Run::<f16>::new(stream, Layout::Dense, &normal(4, n), false);
            ops::adamw_begin(&BEGIN, None, &mut run.state).unwrap();
            for part in parts {
                let first = part.start as u64;
                let options = AdamW { rounding: Rounding::Stochastic { seed: 4, first }, ..OPTIONS };
                let Memory { weights, m, v, .. } = &mut run.memory;
                let buffers = AdamWBuffers {
                    weights: weights.view_mut().narrow(0, part.start, part.len()),
                    master: None,
                    grads: grads.view().narrow(0, part.start, part.len()),
                    m: m.view_mut().narrow(0, part.start, part.len()),
                    v: v.view_mut().narrow(0, part.start, part.len()),
                };
                ops::adamw(&options, &run.state, &[0..part.len()], buffers).unwrap();
            }
            run.bits()
        };
        let whole = run(&[0..n]);
        assert_eq!(run(&[0..50, 50..51, 51..135, 135..n]), whole);
        whole
    });
}

/// Steps of an eighth of the weights' last place: lost to nearest, made in the mean stochastically.
#[test]
fn stochastic_rounding_is_right_in_the_mean() {
    fn check<T: Float>(stream: &Stream, last_place: f32) {
        let (n, steps) = (3000, 6);
        let grads = Operand::<T>::new(stream, [n], Layout::Dense, &vec![1.0; n]);
        let mean = |rounding| {
            let mut run = Run::<T>::new(stream, Layout::Dense, &vec![1.5; n], false);
            // The same step each time: m / √v is 1 without a memory.
            let begin = AdamWStep { beta1: 0.0, beta2: 0.0, ..BEGIN };
            let options = AdamW { lr: last_place / 8.0, rounding, ..OPTIONS };
            for _ in 0..steps {
                run.step(&begin, &options, &[], &grads).unwrap();
            }
            run.memory.weights.values().iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64
        };
        assert_eq!(mean(Rounding::Nearest), 1.5);
        let moved = (1.5 - mean(Rounding::Stochastic { seed: 11, first: 0 })) / f64::from(last_place);
        // Each step moves an element by one last place with probability 1/8.
        let deviation = (f64::from(steps) / 8.0 * 7.0 / 8.0 / n as f64).sqrt();
        assert!((moved - f64::from(steps) / 8.0).abs() < 5.0 * deviation, "{moved} in {}", T::NAME);
    }
    on_devices(|stream| {
        check::<bf16>(stream, 2f32.powi(-7));
        check::<f16>(stream, 2f32.powi(-10));
    });
}

#[test]
fn the_learning_rate_may_come_from_the_device() {
    on_devices(|stream| {
        let grads = Operand::<f32>::new(stream, [9], Layout::Dense, &normal(5, 9));
        let scale = Tensor::from_vec([1], vec![0.125]).unwrap().to(stream).unwrap();
        let run = |lr, lr_scale| {
            let mut run = Run::<f32>::new(stream, Layout::Dense, &normal(4, 9), false);
            run.step(&BEGIN, &AdamW { lr, lr_scale, ..OPTIONS }, &[2..5], &grads).unwrap();
            run.bits()
        };
        assert_eq!(run(0.5, Some(scale.view())), run(0.0625, None));
    });
}

#[test]
fn a_small_decay_is_not_rounded_away() {
    // In f32, 1 − 1e-5 · 0.01 is 1 − 1.19e-7.
    let options = AdamW { lr: 1e-5, weight_decay: 0.01, ..OPTIONS };
    let mut run = Run::<f32>::new(&Stream::CPU, Layout::Dense, &[1e-3; 4], false);
    let zeros = Operand::<f32>::new(&Stream::CPU, [4], Layout::Dense, &[0.0; 4]);
    let all = Range { start: 0, end: 4 };
    for _ in 0..1000 {
        run.step(&BEGIN, &options, std::slice::from_ref(&all), &zeros).unwrap();
    }
    let lost = 1e-3 - f64::from(run.memory.weights.values()[3]);
    assert!((lost / 1e-7 - 1.0).abs() < 0.2, "{lost}");
}

#[test]
fn extremes() {
    on_devices(|stream| {
        let options = AdamW { weight_decay: 0.0, ..OPTIONS };
        let mut run = Run::<f32>::new(stream, Layout::Dense, &[1.0; 5], false);
        let grads = Operand::<f32>::new(stream, [5], Layout::Dense, &[1e-20, 1e18, f32::NAN, 0.0, -1.0]);
        // Without a norm, nothing is skipped.
        ops::adamw_begin(&BEGIN, None, &mut run.state).unwrap();
        ops::adamw(&options, &run.state, &[], run.memory.buffers(&grads)).unwrap();
        let params = run.memory.weights.values();
        assert_eq!(params[0], 1.0, "far below eps");
        assert!((params[1] - 0.99).abs() < 1e-6, "a huge gradient makes a step of lr: {}", params[1]);
        assert!(params[2].is_nan());
        assert_eq!(params[3], 1.0);
        assert!((params[4] - 1.01).abs() < 1e-6);

        // The bias corrections of a step beyond i32 are 1.
        let mut late = Run::<f32>::new(stream, Layout::Dense, &[1.0], false);
        late.state = AdamWState::at_step(stream, u64::MAX - 1).unwrap();
        late.step(&BEGIN, &options, &[], &Operand::<f32>::new(stream, [1], Layout::Dense, &[1.0])).unwrap();
        assert_eq!(late.state.read().unwrap().step, u64::MAX);
        let want = 1.0 - 1e-2 * 0.1 / 0.05f32.sqrt();
        assert!((late.memory.weights.values()[0] - want).abs() < 1e-6);

        // A norm that overflows only with the scale of the gradient.
        let norm = Tensor::from_vec([1], vec![1e38]).unwrap().to(stream).unwrap();
        ops::adamw_begin(&AdamWStep { grad_scale: -100.0, ..BEGIN }, Some(norm.view()), &mut late.state).unwrap();
        assert!(late.state.read().unwrap().last_was_skipped);
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let n = 100_003;
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut run = Run::<f32>::new(&Stream::CPU, Layout::Dense, &normal(4, n), false);
            let grads = Operand::<f32>::new(&Stream::CPU, [n], Layout::Dense, &normal(5, n));
            let begin = AdamWStep { clip: 0.37, ..BEGIN };
            run.step(&begin, &OPTIONS, &[10..20_000, 70_000..n], &grads).unwrap();
            (run.bits(), run.norm.as_slice()[0].to_bits())
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "bad input")]
fn bad_arguments_are_named() {
    on_devices(|stream| {
        let grads = |n| Operand::<f32>::new(stream, [n], Layout::Dense, &normal(1, n));
        let refuse = |begin: AdamWStep, options: AdamW, decayed: &[Range<usize>], n| {
            let mut run = Run::<f32>::new(stream, Layout::Dense, &[1.0; 6], false);
            let before = run.bits();
            let error = run.step(&begin, &options, decayed, &grads(n)).unwrap_err().to_string();
            assert_eq!(run.bits(), before, "a refused call writes nothing");
            error
        };
        assert_eq!(
            refuse(BEGIN, AdamW { lr: -1.0, ..OPTIONS }, &[], 6),
            "adamw: `options.lr`: expected a finite number that is at least 0, got -1"
        );
        assert_eq!(
            refuse(AdamWStep { beta2: 1.0, ..BEGIN }, OPTIONS, &[], 6),
            "adamw_begin: `options.beta2`: expected a number in [0, 1), got 1"
        );
        assert_eq!(
            refuse(AdamWStep { grad_scale: f32::NAN, ..BEGIN }, OPTIONS, &[], 6),
            "adamw_begin: `options.grad_scale`: expected a finite number, got NaN"
        );
        assert_eq!(
            refuse(AdamWStep { clip: 0.0, ..BEGIN }, OPTIONS, &[], 6),
            "adamw_begin: `options.clip`: expected a number above 0, got 0"
        );
        for (decayed, got) in [
            (vec![2..4, 3..5], "3..5 after ..4"),
            (vec![2..4, 0..1], "0..1 after ..4"),
            (vec![5..7], "5..7 after ..0"),
            (vec![3..2], "3..2 after ..0"),
        ] {
            assert_eq!(
                refuse(BEGIN, OPTIONS, &decayed, 6),
                format!("adamw: `decayed`: expected ascending ranges within 0..6 that do not overlap, got {got}")
            );
        }
        assert_eq!(refuse(BEGIN, OPTIONS, &[], 5), "adamw: `buffers.grads`: expected [6], got [5]");

        let (six, mut run) = (grads(6), Run::<f32>::new(stream, Layout::Dense, &[1.0; 6], false));
        let fresh = AdamWState::at_step(stream, 7).unwrap();
        assert_eq!(
            ops::adamw(&OPTIONS, &fresh, &[], run.memory.buffers(&six)).unwrap_err().to_string(),
            "adamw: `state`: expected one that `adamw_begin` has begun a step of, got a new one"
        );
        let mut state = AdamWState::new(stream).unwrap();
        ops::adamw_begin(&BEGIN, None, &mut state).unwrap();
        let mut master = Operand::<f32>::new(stream, [6], Layout::Dense, &[1.0; 6]);
        let buffers = AdamWBuffers { master: Some(master.view_mut()), ..run.memory.buffers(&six) };
        assert_eq!(
            ops::adamw(&OPTIONS, &state, &[], buffers).unwrap_err().to_string(),
            "adamw: `buffers.master`: expected none for weights in f32, got one"
        );
    });
}
