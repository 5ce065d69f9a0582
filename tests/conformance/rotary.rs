//! Rotary positions against rotations by angles in f64.

use proptest::prelude::*;
use warpweave::ops::{self, Rotary, RotaryLayout};
use warpweave::{Tensor, ViewMut};

use crate::support::{Tolerance, assert_close, dot, normal, normal_tensor, numerical_gradient, to_f64};

const LAYOUTS: [RotaryLayout; 2] = [RotaryLayout::Interleaved, RotaryLayout::Half];

/// Each pair as a complex number times e^(i p θ^(−2j / D)).
fn reference(r: &Rotary, [batch, seq_len, heads, head_dim]: [usize; 4], x: &[f64]) -> Vec<f64> {
    let mut y = x.to_vec();
    for b in 0..batch {
        for t in 0..seq_len {
            for h in 0..heads {
                for j in 0..head_dim / 2 {
                    let head = ((b * seq_len + t) * heads + h) * head_dim;
                    let (first, second) = match r.layout {
                        RotaryLayout::Interleaved => (head + 2 * j, head + 2 * j + 1),
                        RotaryLayout::Half => (head + j, head + head_dim / 2 + j),
                    };
                    let wavelength = (f64::from(r.theta).ln() * (2 * j) as f64 / head_dim as f64).exp();
                    let angle = (r.first_position + t) as f64 / wavelength;
                    y[first] = x[first] * angle.cos() - x[second] * angle.sin();
                    y[second] = x[first] * angle.sin() + x[second] * angle.cos();
                }
            }
        }
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rotates_by_the_papers_angles(
        batch in 1..4usize, seq_len in 1..80usize, heads in 1..4usize, pairs in 0..20usize,
        theta in prop_oneof![Just(10_000.0f32), 1.0f32..1e6],
        first_position in prop_oneof![0..100usize, 99_900..100_100usize],
        seed: u64,
    ) {
        let shape = [batch, seq_len, heads, 2 * pairs];
        for layout in LAYOUTS {
            let r = Rotary { theta, layout, first_position };
            let mut x = normal_tensor(seed, shape);
            let want = reference(&r, shape, &to_f64(x.as_slice()));
            ops::rotary(&r, x.view_mut()).unwrap();
            assert_close("rotary", x.as_slice(), &want, Tolerance::sum(2, 1.0));
        }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences(
        seq_len in 1..4usize, heads in 1..3usize, pairs in 1..4usize, first_position in 0..50usize, seed: u64,
    ) {
        let shape = [2, seq_len, heads, 2 * pairs];
        for layout in LAYOUTS {
            let r = Rotary { theta: 100.0, layout, first_position };
            let x = to_f64(&normal(seed, shape.iter().product()));
            let mut dx = normal_tensor(seed ^ 1, shape);
            let dy = to_f64(dx.as_slice());
            ops::rotary_backward(&r, dx.view_mut()).unwrap();
            let want = numerical_gradient(&x, |x| dot(&reference(&r, shape, x), &dy));
            assert_close("dx", dx.as_slice(), &want, Tolerance { abs: 1e-5, rel: 1e-5 });
        }
    }
}

#[test]
fn a_token_alone_gets_the_bits_of_the_whole_sequence() {
    let shape = [1, 100, 2, 16];
    for layout in LAYOUTS {
        let mut whole = normal_tensor(1, shape);
        let rotary = |first_position, x: ViewMut| {
            ops::rotary(&Rotary { theta: 10_000.0, layout, first_position }, x).unwrap();
        };
        let mut single = normal_tensor(1, shape);
        rotary(7, whole.view_mut());
        for t in 0..100 {
            rotary(7 + t, single.view_mut().narrow(1, t, 1));
        }
        assert_eq!(whole.as_slice(), single.as_slice());
    }
}

#[test]
fn the_parts_of_a_packed_projection_rotate_in_place() {
    let shape = [2, 5, 3, 2, 4];
    let r = Rotary { theta: 10_000.0, layout: RotaryLayout::Half, first_position: 1 };
    let before = normal_tensor(3, shape);
    let mut packed = normal_tensor(3, shape);
    let [queries, keys, _] = packed.view_mut().unstack(2);
    ops::rotary(&r, queries).unwrap();
    ops::rotary(&r, keys).unwrap();
    for (part, rotated) in [true, true, false].into_iter().enumerate() {
        let gather = |tensor: &Tensor| {
            let part = tensor.view().select(2, part);
            let rows = (0..20).flat_map(|i| part.row([i / 10, i / 2 % 5, i % 2]).to_vec());
            rows.collect::<Vec<f32>>()
        };
        let (got, mut want) = (gather(&packed), to_f64(&gather(&before)));
        if rotated {
            want = reference(&r, [2, 5, 2, 4], &want);
        }
        assert_close("part", &got, &want, Tolerance::sum(2, 1.0));
    }
}

#[test]
fn the_way_back_and_forth() {
    let r = Rotary { theta: 10_000.0, layout: RotaryLayout::Interleaved, first_position: 1_000_000 };
    let mut x = normal_tensor(1, [2, 70, 3, 8]);
    ops::rotary(&r, x.view_mut()).unwrap();
    ops::rotary_backward(&r, x.view_mut()).unwrap();
    let want = to_f64(normal_tensor(1, [2, 70, 3, 8]).as_slice());
    assert_close("x", x.as_slice(), &want, Tolerance::sum(4, 1.0));
}

#[test]
fn a_nan_stays_in_its_pair() {
    for (layout, partner) in [(RotaryLayout::Interleaved, 1), (RotaryLayout::Half, 4)] {
        let mut x = Tensor::from_vec([1, 1, 2, 8], vec![1.0; 16]).unwrap();
        x.as_mut_slice()[0] = f32::NAN;
        ops::rotary(&Rotary { theta: 10.0, layout, first_position: 3 }, x.view_mut()).unwrap();
        let nans: Vec<usize> = (0..16).filter(|&i| x.as_slice()[i].is_nan()).collect();
        assert_eq!(nans, [0, partner]);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut x = normal_tensor(1, [3, 201, 4, 32]);
        let r = Rotary { theta: 10_000.0, layout: RotaryLayout::Half, first_position: 5 };
        pool.install(|| ops::rotary(&r, x.view_mut())).unwrap();
        x.as_slice().to_vec()
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn bad_arguments_are_named() {
    let r = Rotary { theta: 10_000.0, layout: RotaryLayout::Half, first_position: 0 };
    let mut x = normal_tensor(1, [1, 2, 2, 3]);
    let message = |result: warpweave::Result<()>| result.unwrap_err().to_string();
    assert_eq!(message(ops::rotary(&r, x.view_mut())), "rotary: `x`: expected an even head_dim D, got [1, 2, 2, 3]");
    assert_eq!(
        message(ops::rotary_backward(&r, x.view_mut().select(0, 0))),
        "rotary_backward: `dx`: expected shape [B, T, H, D], got [2, 2, 3]"
    );
    assert_eq!(
        message(ops::rotary(&r, x.view_mut().swap_axes(2, 3))),
        "rotary: `x`: expected a last axis of stride 1, got strides [12, 6, 1, 3]"
    );
    for theta in [0.0, -1.0, f32::INFINITY, f32::NAN] {
        let error = message(ops::rotary(&Rotary { theta, ..r }, x.view_mut()));
        assert!(error.starts_with("rotary: `theta`: expected a finite number above 0, got "), "{error}");
    }
}
