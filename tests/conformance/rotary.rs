//! Rotary positions against rotations by angles in f64, on every device and in every type.

use half::bf16;
use proptest::prelude::*;
use warpweave::ops::{self, Rotary, RotaryLayout};
use warpweave::tensor::{Float, Tensor, View, ViewMut};
use warpweave::{Device, Stream};

use crate::in_each_type;
use crate::support::*;

const LAYOUTS: [RotaryLayout; 2] = [RotaryLayout::Interleaved, RotaryLayout::Half];

/// One call's operands, and how they lie.
#[derive(Debug, Clone)]
struct Case {
    /// `[B, T, H, D]`
    shape: [usize; 4],
    rotary_dim: Option<usize>,
    theta: f32,
    layout: RotaryLayout,
    first_position: usize,
    /// `[B, T]`
    positions: Option<Vec<u32>>,
    lies: Layout,
    seed: u64,
}

impl Case {
    fn plain(shape: [usize; 4], layout: RotaryLayout) -> Self {
        let (rotary_dim, first_position, positions) = (None, 5, None);
        let (theta, lies, seed) = (10_000.0, Layout::Dense, 1);
        Case { shape, rotary_dim, theta, layout, first_position, positions, lies, seed }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn rotary<'a>(&self, positions: Option<View<'a, u32>>) -> Rotary<'a> {
        let Case { theta, layout, rotary_dim, first_position, .. } = *self;
        Rotary { theta, layout, rotary_dim, first_position, positions }
    }

    fn positions(&self, stream: &Stream) -> Option<Tensor<u32>> {
        let [batch, seq_len, ..] = self.shape;
        self.positions.clone().map(|p| Tensor::from_vec([batch, seq_len], p).unwrap().to(stream).unwrap())
    }

    /// Each pair as a complex number times e^(i p θ^(−2j / R)), or times its conjugate.
    fn reference(&self, x: &[f64], direction: f64) -> Vec<f64> {
        let [_, seq_len, heads, head_dim] = self.shape;
        let rotary_dim = self.rotary_dim.unwrap_or(head_dim);
        let mut y = x.to_vec();
        for row in 0..x.len() / head_dim.max(1) {
            let (token, head) = (row / heads, row * head_dim);
            let offset = self.positions.as_ref().map_or(token % seq_len, |positions| positions[token] as usize);
            for j in 0..rotary_dim / 2 {
                let (first, second) = match self.layout {
                    RotaryLayout::Interleaved => (head + 2 * j, head + 2 * j + 1),
                    RotaryLayout::Half => (head + j, head + rotary_dim / 2 + j),
                };
                let wavelength = f64::from(self.theta).powf((2 * j) as f64 / rotary_dim as f64);
                let (sin, cos) = (direction * (self.first_position + offset) as f64 / wavelength).sin_cos();
                y[first] = x[first] * cos - x[second] * sin;
                y[second] = x[first] * sin + x[second] * cos;
            }
        }
        y
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = [1usize..3, 1usize..7, 1usize..12, 1usize..40];
    let rotary_dim = proptest::option::of(0.0f64..1.0);
    let theta = prop_oneof![Just(10_000.0f32), 1.0f32..1e6];
    let first_position = prop_oneof![0..100usize, 99_900..100_100usize, Just(1 << 20)];
    let positions = proptest::option::of(proptest::collection::vec(0u32..1 << 22, 14));
    let lies = prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)];
    (shape, rotary_dim, theta, prop::sample::select(LAYOUTS.to_vec()), first_position, positions, lies, 0u64..1000)
        .prop_map(|([batch, seq_len, heads, pairs], part, theta, layout, first_position, positions, lies, seed)| Case {
            shape: [batch, seq_len, heads, 2 * pairs],
            rotary_dim: part.map(|part| 2 * (part * pairs as f64) as usize),
            theta,
            layout,
            first_position,
            positions: positions.map(|positions| positions[..batch * seq_len].to_vec()),
            lies,
            seed,
        })
}

fn round<T: Float>(x: Vec<f32>) -> Vec<f32> {
    x.into_iter().map(|x| T::from_f32(x).to_f32()).collect()
}

/// Runs both directions and holds them against the reference. Returns their bits.
fn check<T: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 2] {
    let positions = case.positions(stream);
    let rotary = case.rotary(positions.as_ref().map(Tensor::view));
    let x = round::<T>(normal(case.seed, case.len()));
    let [forward, backward] = [1.0, -1.0].map(|direction| {
        let mut operand = Operand::<T>::new(stream, case.shape, case.lies, &x);
        let run = if direction > 0.0 { ops::rotary } else { ops::rotary_backward };
        run(&rotary, operand.view_mut()).unwrap();
        let (y, want) = (operand.values(), case.reference(&to_f64(&x), direction));
        assert_close("rotary", &y, &want, Tolerance::sum(2, 1.0).rounded::<T>());
        // What does not turn is left alone.
        let rotary_dim = case.rotary_dim.unwrap_or(case.shape[3]);
        let still = |i: &usize| i % case.shape[3] >= rotary_dim;
        assert!(
            (0..case.len()).filter(still).all(|i| y[i].to_bits() == x[i].to_bits()),
            "an element beyond {rotary_dim}"
        );
        y
    });
    [forward, backward].map(|y| bits(&y))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rotates_by_the_papers_angles(case in cases()) {
        on_devices(|stream| check::<f32>(stream, &case));
        on_devices(|stream| check::<half::f16>(stream, &case));
        on_devices(|stream| check::<bf16>(stream, &case));
    }

    /// The formula that the devices are held against, backwards.
    #[test]
    fn the_reference_gradient_matches_finite_differences(case in cases()) {
        let case = Case { shape: [1, 2, 2, case.shape[3].min(8)], rotary_dim: None, positions: None, ..case };
        let [x, dy] = [0, 1].map(|i| to_f64(&normal(case.seed + i, case.len())));
        let want = numerical_gradient(&x, |x| dot(&case.reference(x, 1.0), &dy));
        let dx: Vec<f32> = case.reference(&dy, -1.0).iter().map(|&dx| dx as f32).collect();
        assert_close("dx", &dx, &want, Tolerance { abs: 1e-6, rel: 1e-6 });
    }
}

/// Heads that are vectors, parts of them, and more than one launch's pairs; more heads than a thread has.
#[test]
fn heads_of_every_width() {
    fn every<T: Float>() {
        for layout in LAYOUTS {
            for (shape, rotary_dim) in [
                ([1, 3, 13, 64], None),
                ([2, 2, 3, 256], None),
                ([1, 2, 1, 96], Some(32)),
                ([2, 1, 2, 2], None),
                ([3, 2, 5, 48], Some(6)),
                ([1, 1, 2, 1040], None),
                ([1, 1, 2, 700], Some(594)),
            ] {
                let case = Case { rotary_dim, ..Case::plain(shape, layout) };
                on_devices(|stream| check::<T>(stream, &case));
                if shape[3] <= 256 {
                    on_devices(|stream| check::<T>(stream, &Case { lies: Layout::Gaps, ..case.clone() }));
                }
            }
        }
    }
    in_each_type!(every());
}

#[test]
fn nothing_to_rotate() {
    for (shape, rotary_dim) in
        [([0, 3, 2, 8], None), ([2, 0, 2, 8], None), ([2, 3, 0, 8], None), ([1, 2, 2, 6], Some(0))]
    {
        on_devices(|stream| {
            let mut x = Tensor::<f32>::from_vec(shape, vec![1.0; shape.iter().product()]).unwrap().to(stream).unwrap();
            ops::rotary(&Rotary { rotary_dim, first_position: 3, ..Rotary::default() }, x.view_mut()).unwrap();
            assert!(x.to_vec().unwrap().iter().all(|&x| x == 1.0));
        });
    }
}

/// At angles that are whole numbers of radians, of which f64 knows the sine.
#[test]
fn positions_of_any_size_are_exact() {
    let positions = vec![0, 1, (1 << 20) - 1, 1 << 24, (1 << 24) + 1, 1 << 31, u32::MAX - 1, u32::MAX];
    for layout in LAYOUTS {
        let case = Case { first_position: 0, positions: Some(positions.clone()), ..Case::plain([2, 4, 1, 2], layout) };
        on_devices(|stream| check::<f32>(stream, &case));
        let case = Case { first_position: (1 << 40) + 7, ..case };
        on_devices(|stream| check::<f32>(stream, &case));
    }
}

/// Not only as far as they show beside numbers around 1: a small angle's sine, times a large number.
#[test]
fn small_angles_keep_their_digits() {
    on_devices(|stream| {
        let mut x = Tensor::from_vec([1, 1, 1, 128], vec![1.0; 64].into_iter().chain(vec![0.0; 64]).collect()).unwrap();
        x = x.to(stream).unwrap();
        let rotary = Rotary { theta: 1e6, first_position: 1, ..Rotary::default() };
        ops::rotary::<f32>(&rotary, x.view_mut()).unwrap();
        let sines: Vec<f64> = (0..64).map(|j| 1e6f64.powf(f64::from(-2 * j) / 128.0).sin()).collect();
        assert_close("sine", &x.to_vec().unwrap()[64..], &sines, Tolerance { abs: 0.0, rel: 3e-7 });
    });
}

/// In a sequence, alone at its position, and among others out of order.
#[test]
fn a_token_gets_the_same_bits_wherever_it_stands() {
    fn same<T: Float>(stream: &Stream, layout: RotaryLayout) {
        let (seq_len, first, token) = (70, 7, 2 * 16);
        let x = normal(1, seq_len * token);
        let operand = |x: &[f32]| Operand::<T>::new(stream, [1, seq_len, 2, 16], Layout::Dense, x);
        let rotary = |first_position, positions, x: ViewMut<T>| {
            ops::rotary(&Rotary { layout, first_position, positions, ..Rotary::default() }, x).unwrap();
        };
        let (mut whole, mut alone) = (operand(&x), operand(&x));
        rotary(first, None, whole.view_mut());
        for t in 0..seq_len {
            rotary(first + t, None, alone.view_mut().narrow(1, t, 1));
        }
        assert_eq!(bits(&whole.values()), bits(&alone.values()), "alone");

        let exchange = |x: &[f32]| [&x[35 * token..], &x[..35 * token]].concat();
        let positions = Tensor::from_vec([1, seq_len], (35..70).chain(0..35).collect()).unwrap().to(stream).unwrap();
        let mut exchanged = operand(&exchange(&x));
        rotary(first, Some(positions.view()), exchanged.view_mut());
        assert_eq!(bits(&exchanged.values()), bits(&exchange(&whole.values())), "out of order");
    }
    for layout in LAYOUTS {
        on_devices(|stream| same::<f32>(stream, layout));
        on_devices(|stream| same::<bf16>(stream, layout));
    }
}

/// One row of positions for all sequences, and of every second number.
#[test]
fn positions_may_have_any_strides() {
    on_devices(|stream| {
        let shape = [3, 5, 2, 8];
        let numbers = Tensor::from_vec([1, 5, 2], vec![9, 0, 8, 0, 1, 0, 0, 0, 1000, 0]).unwrap().to(stream).unwrap();
        let positions = numbers.view().select(2, 0).broadcast([3, 5]).unwrap();
        let case = Case { positions: Some([9, 8, 1, 0, 1000].repeat(3)), ..Case::plain(shape, RotaryLayout::Half) };
        let x = normal(1, case.len());
        let mut operand = Operand::<f32>::new(stream, shape, Layout::Dense, &x);
        ops::rotary(&case.rotary(Some(positions)), operand.view_mut()).unwrap();
        assert_close("rotary", &operand.values(), &case.reference(&to_f64(&x), 1.0), Tolerance::sum(2, 1.0));
    });
}

/// Queries and keys of `[B, T, 3, H, D]`; the values stay. And heads before tokens, `[B, H, T, D]`.
#[test]
fn the_parts_of_a_packed_projection_rotate_in_place() {
    fn packed<T: Float>(stream: &Stream, layout: RotaryLayout) {
        let (dims, part) = ([2, 5, 3, 2, 16], 2 * 16);
        let case = Case::plain([2, 5, 2, 16], layout);
        let x = round::<T>(normal(3, dims.iter().product()));
        let values: Vec<T> = x.iter().map(|&x| T::from_f32(x)).collect();
        let mut packed = Tensor::from_vec(dims, values).unwrap().to(stream).unwrap();
        let [queries, keys, _] = packed.view_mut().unstack(2);
        ops::rotary(&case.rotary(None), queries).unwrap();
        ops::rotary(&case.rotary(None), keys).unwrap();
        let y: Vec<f32> = packed.to_vec().unwrap().into_iter().map(T::to_f32).collect();
        for i in 0..3 {
            let gather = |x: &[f32]| x.chunks(part).skip(i).step_by(3).flatten().copied().collect::<Vec<f32>>();
            let (got, before) = (gather(&y), to_f64(&gather(&x)));
            let want = if i < 2 { case.reference(&before, 1.0) } else { before };
            assert_close("part", &got, &want, Tolerance::sum(2, 1.0).rounded::<T>());
        }
    }
    for layout in LAYOUTS {
        on_devices(|stream| packed::<f32>(stream, layout));
        on_devices(|stream| packed::<bf16>(stream, layout));
    }
    on_devices(|stream| {
        let x = normal_tensor(4, [1, 3, 4, 8]);
        let mut y = x.to(stream).unwrap();
        ops::rotary(&Rotary::default(), y.view_mut().swap_axes(1, 2)).unwrap();
        let y = y.to_vec().unwrap();
        for head in 0..3 {
            let case = Case { first_position: 0, ..Case::plain([1, 4, 1, 8], RotaryLayout::Half) };
            let rows = head * 32..(head + 1) * 32;
            let want = case.reference(&to_f64(&x.as_slice()[rows.clone()]), 1.0);
            assert_close("head", &y[rows], &want, Tolerance::sum(2, 1.0));
        }
    });
}

#[test]
fn the_way_back_and_forth() {
    on_devices(|stream| {
        let x = normal(1, 2 * 70 * 3 * 8);
        let mut there = Operand::<f32>::new(stream, [2, 70, 3, 8], Layout::Dense, &x);
        let r = Rotary { layout: RotaryLayout::Interleaved, first_position: 1_000_000, ..Rotary::default() };
        ops::rotary(&r, there.view_mut()).unwrap();
        ops::rotary_backward(&r, there.view_mut()).unwrap();
        assert_close("x", &there.values(), &to_f64(&x), Tolerance::sum(4, 1.0));
    });
}

#[test]
fn a_nan_stays_in_its_pair() {
    for (layout, partner) in [(RotaryLayout::Interleaved, 1), (RotaryLayout::Half, 4)] {
        on_devices(|stream| {
            let mut x = vec![1.0; 16];
            x[0] = f32::NAN;
            let mut x = Operand::<f32>::new(stream, [1, 1, 2, 8], Layout::Dense, &x);
            ops::rotary(&Rotary { theta: 10.0, layout, first_position: 3, ..Rotary::default() }, x.view_mut()).unwrap();
            let x = x.values();
            let nans: Vec<usize> = (0..16).filter(|&i| x[i].is_nan()).collect();
            assert_eq!(nans, [0, partner]);
        });
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut x = normal_tensor(1, [3, 201, 4, 32]);
        pool.install(|| ops::rotary(&Rotary { first_position: 5, ..Rotary::default() }, x.view_mut())).unwrap();
        x.as_slice().to_vec()
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn bad_arguments_are_named() {
    let r = Rotary::default();
    on_devices(|stream| {
        let mut x = normal_tensor(1, [1, 2, 2, 3]).to(stream).unwrap();
        let message = |result: warpweave::Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            message(ops::rotary(&r, x.view_mut())),
            "rotary: `x`: expected an even head_dim D, got [1, 2, 2, 3]"
        );
        assert_eq!(
            message(ops::rotary_backward(&r, x.view_mut().select(0, 0))),
            "rotary_backward: `dx`: expected shape [B, T, H, D], got [2, 2, 3]"
        );
        assert_eq!(
            message(ops::rotary(&r, x.view_mut().swap_axes(2, 3))),
            "rotary: `x`: expected a last axis of stride 1, got strides [12, 6, 1, 3]"
        );
        for rotary_dim in [1, 4] {
            let wrong = Rotary { rotary_dim: Some(rotary_dim), ..r };
            let want = format!("rotary: `rotary_dim`: expected an even number up to D = 3, got {rotary_dim}");
            assert_eq!(message(ops::rotary(&wrong, x.view_mut())), want);
        }
        for theta in [0.0, -1.0, f32::INFINITY, f32::NAN] {
            let error = message(ops::rotary(&Rotary { theta, ..r }, x.view_mut()));
            assert!(error.starts_with("rotary: `theta`: expected a finite number above 0, got "), "{error}");
        }
        let r = Rotary { rotary_dim: Some(2), ..r };
        let far = message(ops::rotary(&Rotary { first_position: usize::MAX, ..r }, x.view_mut()));
        assert!(far.starts_with("rotary: `first_position`: expected a position up to 2⁵², got "), "{far}");
        let positions = Tensor::from_vec([2, 2], vec![0; 4]).unwrap().to(stream).unwrap();
        let error = message(ops::rotary(&Rotary { positions: Some(positions.view()), ..r }, x.view_mut()));
        assert_eq!(error, "rotary: `positions`: expected [1, 2], got [2, 2]");
        if stream.device() != Device::Cpu {
            let positions = Tensor::from_vec([1, 2], vec![0; 2]).unwrap();
            let error = message(ops::rotary(&Rotary { positions: Some(positions.view()), ..r }, x.view_mut()));
            assert!(error.starts_with("rotary: `positions`: expected memory of the stream of `x`"), "{error}");
        }
    });
}
