//! Embeddings against direct sums in f64.

use proptest::prelude::*;
use warpweave::ops::{self, Embedding};
use warpweave::random::Rng;
use warpweave::{Result, Tensor};

use crate::support::{Tolerance, assert_close, dot, normal, normal_tensor, numerical_gradient, to_f64};

/// The sizes of one case: B, T, V, C, P and the first position.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    seq_len: usize,
    vocab_size: usize,
    width: usize,
    positions: usize,
    first_position: usize,
}

fn sizes() -> impl Strategy<Value = Sizes> {
    (1..5usize, 1..20usize, 1..12usize, prop_oneof![Just(1), Just(65), 1..200usize], 0..4usize, 0..3usize).prop_map(
        |(batch, seq_len, vocab_size, width, first_position, spare)| Sizes {
            batch,
            seq_len,
            vocab_size,
            width,
            positions: first_position + seq_len + spare,
            first_position,
        },
    )
}

fn draw_tokens(seed: u64, s: Sizes) -> Tensor<u32> {
    let mut rng = Rng::new(seed, 1);
    let tokens = (0..s.batch * s.seq_len).map(|_| rng.below(s.vocab_size) as u32).collect();
    Tensor::from_vec([s.batch, s.seq_len], tokens).unwrap()
}

/// y from the flat `[table, positions]`.
fn reference(s: Sizes, tokens: &[u32], scale: f64, table: &[f64], positions: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for b in 0..s.batch {
        for t in 0..s.seq_len {
            for c in 0..s.width {
                let token = tokens[b * s.seq_len + t] as usize;
                y.push(scale * table[token * s.width + c] + positions[(s.first_position + t) * s.width + c]);
            }
        }
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn looks_up_scales_and_adds(s in sizes(), seed: u64, scale in -3.0f32..3.0) {
        let tokens = draw_tokens(seed, s);
        let table = normal_tensor(seed, [s.vocab_size, s.width]);
        let positions = normal_tensor(seed ^ 1, [s.positions, s.width]);
        let zeros = vec![0.0; s.positions * s.width];
        for with_positions in [true, false] {
            let mut y = normal_tensor(9, [s.batch, s.seq_len, s.width]);
            let e = Embedding {
                table: table.view(),
                scale,
                positions: with_positions.then(|| positions.view()),
                first_position: s.first_position,
            };
            ops::embedding(&e, tokens.view(), y.view_mut()).unwrap();
            let (table, positions) = (to_f64(table.as_slice()), to_f64(positions.as_slice()));
            let positions = if with_positions { &positions } else { &zeros };
            let want = reference(s, tokens.as_slice(), f64::from(scale), &table, positions);
            assert_close("y", y.as_slice(), &want, Tolerance::sum(2, 4.0));
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences(s in sizes(), seed: u64, scale in -3.0f32..3.0) {
        let s = Sizes { width: s.width.min(5), ..s };
        let tokens = draw_tokens(seed, s);
        let (table, positions) = (normal(seed, s.vocab_size * s.width), normal(seed ^ 1, s.positions * s.width));
        let dy = normal_tensor(seed ^ 2, [s.batch, s.seq_len, s.width]);
        // Not zero before: the gradients are added.
        let before = (normal_tensor(seed ^ 3, [s.vocab_size, s.width]), normal_tensor(seed ^ 4, [s.positions, s.width]));
        let mut dtable = Tensor::from_vec(before.0.shape(), before.0.as_slice().to_vec()).unwrap();
        let mut dpositions = Tensor::from_vec(before.1.shape(), before.1.as_slice().to_vec()).unwrap();
        ops::embedding_backward(
            tokens.view(), scale, s.first_position, dy.view(), dtable.view_mut(), Some(dpositions.view_mut()),
        ).unwrap();

        let (table, positions, dy64) = (to_f64(&table), to_f64(&positions), to_f64(dy.as_slice()));
        let loss = |table: &[f64], positions: &[f64]| {
            dot(&reference(s, tokens.as_slice(), f64::from(scale), table, positions), &dy64)
        };
        // Finite differences lose half of the digits of f64.
        let tolerance = Tolerance { abs: 1e-4, rel: 1e-5 };
        for (what, got, before, gradient) in [
            ("dtable", &dtable, &before.0, numerical_gradient(&table, |table| loss(table, &positions))),
            ("dpositions", &dpositions, &before.1, numerical_gradient(&positions, |positions| loss(&table, positions))),
        ] {
            let want: Vec<f64> = before.as_slice().iter().zip(gradient).map(|(&b, g)| f64::from(b) + g).collect();
            assert_close(what, got.as_slice(), &want, tolerance);
        }
    }
}

#[test]
fn strided_operands_and_untouched_neighbours() {
    let tokens = Tensor::from_vec([2, 3], vec![1, 0, 7, 1, 1, 7]).unwrap();
    let tokens = tokens.view().narrow(1, 0, 2);
    let wide = normal_tensor(1, [2, 12]);
    let table = wide.view().narrow(1, 3, 5);
    let mut y = Tensor::from_vec([2, 2, 7], vec![9.0; 28]).unwrap();
    let e = Embedding { table, scale: 1.0, positions: None, first_position: 0 };
    ops::embedding(&e, tokens, y.view_mut().narrow(2, 1, 5)).unwrap();
    for (b, t, token) in [(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 1)] {
        let row = y.view();
        let row = row.row([b, t]);
        assert_eq!(&row[1..6], table.row([token]));
        assert_eq!((row[0], row[6]), (9.0, 9.0));
    }

    let dy = normal_tensor(2, [2, 2, 9]);
    let mut dtable = Tensor::from_vec([4, 7], vec![0.0; 28]).unwrap();
    let target = dtable.view_mut().narrow(0, 1, 2).narrow(1, 1, 5);
    ops::embedding_backward(tokens, 1.0, 0, dy.view().narrow(2, 2, 5), target, None).unwrap();
    let dy_row = |b, t| dy.view().row([b, t])[2..7].to_vec();
    let want: Vec<f32> = (0..5).map(|c| dy_row(0, 0)[c] + dy_row(1, 0)[c] + dy_row(1, 1)[c]).collect();
    assert_eq!(dtable.as_slice()[7 + 1..7 + 6], dy_row(0, 1));
    assert_eq!(dtable.as_slice()[14 + 1..14 + 6], want);
    assert_eq!(dtable.as_slice().iter().filter(|x| **x != 0.0).count(), 10, "nothing else is written");
}

/// More tokens than one task takes, spread evenly, unevenly and not at all.
#[test]
fn gradients_of_many_tokens_reach_their_rows() {
    let (batch, seq_len, vocab_size, width) = (3, 67, 40, 1000);
    let dy = normal_tensor(1, [batch, seq_len, width]);
    let mut rng = Rng::new(2, 0);
    let mut uniform = || rng.below(vocab_size) as u32;
    let spreads: [(&str, Vec<u32>); 5] = [
        ("even", (0..201).map(|_| uniform()).collect()),
        ("mostly the first", (0..201).map(|i| if i % 7 == 0 { uniform() } else { 0 }).collect()),
        ("mostly the last", (0..201).map(|i| if i % 7 == 0 { uniform() } else { 39 }).collect()),
        ("two", (0..201).map(|i| if i < 130 { 7 } else { 3 }).collect()),
        ("one", vec![20; 201]),
    ];
    for (spread, tokens) in spreads {
        let mut want = vec![0.0; vocab_size * width];
        for (row, &token) in dy.as_slice().chunks_exact(width).zip(&tokens) {
            for (c, &dy) in row.iter().enumerate() {
                want[token as usize * width + c] += 2.0 * f64::from(dy);
            }
        }
        let tokens = Tensor::from_vec([batch, seq_len], tokens).unwrap();
        let mut dtable = Tensor::zeros([vocab_size, width]).unwrap();
        ops::embedding_backward(tokens.view(), 2.0, 0, dy.view(), dtable.view_mut(), None).unwrap();
        assert_close(spread, dtable.as_slice(), &want, Tolerance::sum(201, 8.0));
    }
}

#[test]
fn a_nan_stays_in_its_row() {
    let tokens = Tensor::from_vec([1, 3], vec![2, 0, 2]).unwrap();
    let dy = Tensor::from_vec([1, 3, 2], vec![f32::NAN, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let mut dtable: Tensor = Tensor::zeros([3, 2]).unwrap();
    ops::embedding_backward(tokens.view(), 1.0, 0, dy.view(), dtable.view_mut(), None).unwrap();
    assert!(dtable.as_slice()[4].is_nan());
    assert_eq!(dtable.as_slice()[..4], [2.0, 3.0, 0.0, 0.0]);
    assert_eq!(dtable.as_slice()[5], 6.0);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let s = Sizes { batch: 8, seq_len: 129, vocab_size: 11, width: 333, positions: 140, first_position: 3 };
    let tokens = draw_tokens(1, s);
    let dy = normal_tensor(2, [s.batch, s.seq_len, s.width]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut dtable = Tensor::zeros([s.vocab_size, s.width]).unwrap();
            let mut dpositions = Tensor::zeros([s.positions, s.width]).unwrap();
            let (dt, dp) = (dtable.view_mut(), dpositions.view_mut());
            ops::embedding_backward(tokens.view(), 0.7, 3, dy.view(), dt, Some(dp)).unwrap();
            let mut y = Tensor::zeros([s.batch, s.seq_len, s.width]).unwrap();
            let (table, positions) = (dtable.view(), Some(dpositions.view()));
            let e = Embedding { table, scale: 0.7, positions, first_position: 3 };
            ops::embedding(&e, tokens.view(), y.view_mut()).unwrap();
            [dtable.as_slice(), dpositions.as_slice(), y.as_slice()].concat()
        })
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(3), run(3));
}

#[test]
fn sinusoidal_positions_are_the_papers() {
    // More rows than one task takes, and an odd width.
    for (len, width) in [(1, 1), (40, 7), (300, 128)] {
        let mut positions = Tensor::zeros([len, width]).unwrap();
        ops::sinusoidal_positions(positions.view_mut()).unwrap();
        let mut want = Vec::new();
        for p in 0..len {
            for c in 0..width {
                let wavelength = (10_000f64.ln() * (2 * (c / 2)) as f64 / width as f64).exp();
                want.push(if c % 2 == 0 { (p as f64 / wavelength).sin() } else { (p as f64 / wavelength).cos() });
            }
        }
        assert_close("positions", positions.as_slice(), &want, Tolerance { abs: 1e-7, rel: 1e-7 });
    }
}

#[test]
fn empty_operands_are_fine() {
    let table = normal_tensor(1, [3, 4]);
    for shape in [[0, 5], [5, 0]] {
        let tokens = Tensor::zeros(shape).unwrap();
        let mut y: Tensor = Tensor::zeros([shape[0], shape[1], 4]).unwrap();
        let e = Embedding { table: table.view(), scale: 1.0, positions: None, first_position: 0 };
        ops::embedding(&e, tokens.view(), y.view_mut()).unwrap();
        let (mut dtable, mut dpositions) = (Tensor::zeros([3, 4]).unwrap(), Tensor::zeros([9, 4]).unwrap());
        let (dt, dp) = (dtable.view_mut(), dpositions.view_mut());
        ops::embedding_backward(tokens.view(), 1.0, 0, y.view(), dt, Some(dp)).unwrap();
        assert!(dtable.as_slice().iter().chain(dpositions.as_slice()).all(|&x| x == 0.0));
    }
}

#[test]
fn bad_arguments_are_named() {
    let table = normal_tensor(1, [5, 4]);
    let positions = normal_tensor(2, [6, 4]);
    let forward = |tokens: &[u32], positions: Option<&Tensor>, first_position, width| -> Result<()> {
        let tokens = Tensor::from_vec([2, 2], tokens.to_vec())?;
        let mut y = Tensor::zeros([2, 2, width])?;
        let positions = positions.map(Tensor::view);
        let e = Embedding { table: table.view(), scale: 1.0, positions, first_position };
        ops::embedding(&e, tokens.view(), y.view_mut())
    };
    let message = |result: Result<()>| result.unwrap_err().to_string();
    assert!(forward(&[0, 4, 4, 0], Some(&positions), 4, 4).is_ok());
    assert_eq!(
        message(forward(&[0, 1, 2, 5], None, 0, 4)),
        "embedding: `tokens`: expected tokens below the vocabulary's size 5, got 5 at [1, 1]"
    );
    assert_eq!(
        message(forward(&[0; 4], Some(&positions), 5, 4)),
        "embedding: `positions`: expected at least 5 + 2 positions, got [6, 4]"
    );
    assert!(message(forward(&[0; 4], Some(&positions), usize::MAX, 4)).contains("positions, got [6, 4]"));
    assert_eq!(
        message(forward(&[0; 4], Some(&normal_tensor(1, [20, 3])), 0, 4)),
        "embedding: `positions`: expected [20, 4], got [20, 3]"
    );
    assert_eq!(message(forward(&[0; 4], None, 0, 3)), "embedding: `y`: expected [2, 2, 4], got [2, 2, 3]");

    let tokens = Tensor::from_vec([1, 2], vec![0, 9]).unwrap();
    let dy = normal_tensor(3, [1, 2, 4]);
    let mut dtable: Tensor = Tensor::zeros([5, 4]).unwrap();
    let result = ops::embedding_backward(tokens.view(), 1.0, 0, dy.view(), dtable.view_mut(), None);
    assert_eq!(
        message(result),
        "embedding_backward: `tokens`: expected tokens below the vocabulary's size 5, got 9 at [0, 1]"
    );
    let result = ops::embedding_backward(tokens.view(), 1.0, 0, dy.view(), dtable.view_mut().t(), None);
    assert_eq!(message(result), "embedding_backward: `dtable`: expected a last axis of stride 1, got strides [1, 4]");
    assert!(dtable.as_slice().iter().all(|&x| x == 0.0), "a refused call writes nothing");
}
