//! Embeddings on every device, in every type, against direct sums in f64.

use std::collections::BTreeSet;

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::ops::{self, Dropout, Embedding, EmbeddingGrads, EmbeddingTables};
use warpweave::random::Rng;
use warpweave::tensor::Float;
use warpweave::{Result, Stream, Tensor, View};

use crate::dropout::factor;
use crate::in_each_type;
use crate::support::*;

/// Where positions come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Positions {
    None,
    /// They count up from here.
    From(usize),
    Ids,
}

/// Which tokens there are.
#[derive(Debug, Clone, Copy)]
enum Spread {
    /// Any, each as often as another.
    Even,
    /// One of three in four places, one of all in the others.
    Few,
    /// None twice, as far as the vocabulary reaches.
    Different,
    /// The last one alone.
    Last,
    /// Every seventh of the vocabulary.
    Holes,
}

#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    seq_len: usize,
    vocab_size: usize,
    width: usize,
    spread: Spread,
    positions: Positions,
    scale: f32,
    dropout: f32,
    layout: Layout,
    seed: u64,
}

impl Case {
    fn plain(batch: usize, seq_len: usize, vocab_size: usize, width: usize, spread: Spread) -> Self {
        let (positions, scale, dropout, layout, seed) = (Positions::None, 1.5, 0.0, Layout::Dense, 1);
        Case { batch, seq_len, vocab_size, width, spread, positions, scale, dropout, layout, seed }
    }

    fn len(&self) -> usize {
        self.batch * self.seq_len
    }

    fn dropout(&self) -> Dropout {
        Dropout { p: self.dropout, seed: 5 + self.seed, site: 1 << 33 }
    }

    fn tokens(&self) -> Vec<u32> {
        let (v, mut rng) = (self.vocab_size, Rng::new(self.seed, 1));
        let mut token = |i: usize| match self.spread {
            Spread::Even => rng.below(v),
            Spread::Few => rng.below(if i.is_multiple_of(4) { v } else { v.min(3) }),
            Spread::Different => i * 7919 % v,
            Spread::Last => v - 1,
            Spread::Holes => 7 * rng.below(v.div_ceil(7)),
        };
        (0..self.len()).map(|i| token(i) as u32).collect()
    }

    /// The rows of the table of positions.
    fn position_count(&self) -> usize {
        match self.positions {
            Positions::None => 0,
            Positions::From(first) => first + self.seq_len + 2,
            Positions::Ids => self.seq_len.div_ceil(2) + 1,
        }
    }

    /// The position of each token, where there are any.
    fn position_ids(&self) -> Vec<u32> {
        let mut rng = Rng::new(self.seed, 2);
        let id = |i: usize| match self.positions {
            Positions::None => 0,
            Positions::From(first) => first + i % self.seq_len,
            Positions::Ids => rng.below(self.position_count()),
        };
        (0..self.len()).map(id).map(|id| id as u32).collect()
    }

    /// What both passes are told.
    fn embedding<'a>(&self, ids: View<'a, u32>) -> Embedding<'a> {
        let first_position = if let Positions::From(first) = self.positions { first } else { 0 };
        let position_ids = (self.positions == Positions::Ids).then_some(ids);
        Embedding { scale: self.scale, first_position, position_ids, dropout: self.dropout() }
    }

    /// Normal numbers for operand `i`, as T holds them.
    fn rows<T: Float>(&self, i: u64, rows: usize) -> Vec<f32> {
        normal(10 * self.seed + i, rows * self.width).into_iter().map(|x| T::from_f32(x).to_f32()).collect()
    }
}

/// Indices [B, T] on a device; those between the rows of `Layout::Gaps` are none of any table.
struct Indices(Tensor<u32>, Layout);

impl Indices {
    fn new(stream: &Stream, case: &Case, values: &[u32]) -> Self {
        let (rows, frame) = (values.chunks(case.seq_len), [u32::MAX]);
        let framed = match case.layout {
            Layout::Dense => values.to_vec(),
            Layout::Gaps => rows.flat_map(|row| [&frame, row, &frame].concat()).collect(),
        };
        let shape = [case.batch, framed.len() / case.batch];
        Indices(Tensor::from_vec(shape, framed).unwrap().to(stream).unwrap(), case.layout)
    }

    fn view(&self) -> View<'_, u32> {
        match self.1 {
            Layout::Dense => self.0.view(),
            Layout::Gaps => self.0.view().narrow(1, 1, self.0.view().dim(1) - 2),
        }
    }
}

/// y from the flat tables, before dropout.
fn reference(case: &Case, table: &[f64], positions: &[f64]) -> Vec<f64> {
    let (c, places) = (case.width, case.tokens().into_iter().zip(case.position_ids()));
    let row = |(token, position): (u32, u32)| {
        let (token, position) = (token as usize * c, position as usize * c);
        let scale = f64::from(case.scale);
        (0..c).map(move |i| scale * table[token + i] + positions.get(position + i).unwrap_or(&0.0))
    };
    places.flat_map(row).collect()
}

/// The gradients of the tables, and how many rows the greatest sum has.
fn reference_gradient(case: &Case, dy: &[f64]) -> ([Vec<f64>; 2], usize) {
    let (c, mut most) = (case.width, 1);
    let mut sums = |indices: Vec<u32>, rows: usize, scale: f64| {
        let (mut grad, mut count) = (vec![0.0; rows * c], vec![0; rows]);
        for (dy, index) in dy.chunks(c).zip(indices) {
            let index = index as usize;
            count[index] += 1;
            grad[index * c..][..c].iter_mut().zip(dy).for_each(|(grad, dy)| *grad += scale * dy);
        }
        most = most.max(count.into_iter().max().unwrap_or(0));
        grad
    };
    let table = sums(case.tokens(), case.vocab_size, f64::from(case.scale));
    let positions = match case.positions {
        Positions::None => Vec::new(),
        _ => sums(case.position_ids(), case.position_count(), 1.0),
    };
    ([table, positions], most)
}

/// `x` after dropout, exactly.
fn dropped(case: &Case, x: &[f64]) -> Vec<f64> {
    x.iter().enumerate().map(|(i, x)| x * factor(case.dropout(), i as u64)).collect()
}

/// Runs the forward pass and holds it against the reference. Returns the bits of y.
fn check_forward<T: Float, W: Float>(stream: &Stream, case: &Case) -> Vec<u32> {
    let (v, p, c) = (case.vocab_size, case.position_count(), case.width);
    let (table, positions) = (case.rows::<W>(0, v), case.rows::<W>(1, p));
    let operands = [(&table, v), (&positions, p)].map(|(x, rows)| Operand::<W>::new(stream, [rows, c], case.layout, x));
    let [tokens, ids] = [case.tokens(), case.position_ids()].map(|x| Indices::new(stream, case, &x));
    let mut y = Operand::<T>::unwritten(stream, [case.len(), c], case.layout);
    let has_positions = case.positions != Positions::None;
    let tables = EmbeddingTables { tokens: operands[0].view(), positions: has_positions.then(|| operands[1].view()) };
    let out = y.view_mut().reshape([case.batch, case.seq_len, c]).unwrap();
    ops::embedding(&case.embedding(ids.view()), tables, tokens.view(), out).unwrap();
    let y = y.values();
    let want = dropped(case, &reference(case, &to_f64(&table), &to_f64(&positions)));
    let scale = 8.0 / (1.0 - f64::from(case.dropout));
    assert_close("y", &y, &want, Tolerance::sum(2, scale).rounded::<T>());
    for (i, &y) in y.iter().enumerate() {
        assert_eq!(y.to_bits() == 0, factor(case.dropout(), i as u64) == 0.0, "element {i} is {y}: another mask");
    }
    bits(&y)
}

/// Runs the backward pass and holds it against the reference. Returns the bits of both gradients.
fn check_backward<T: Float>(stream: &Stream, case: &Case) -> [Vec<u32>; 2] {
    let (v, p, c) = (case.vocab_size, case.position_count(), case.width);
    let dy = case.rows::<T>(2, case.len());
    // Not zero before: the gradients are added.
    let before = [case.rows::<f32>(3, v), case.rows::<f32>(4, p)];
    let rows = Operand::<T>::new(stream, [case.len(), c], case.layout, &dy);
    let [tokens, ids] = [case.tokens(), case.position_ids()].map(|x| Indices::new(stream, case, &x));
    let [mut dtable, mut dpositions] =
        [(0, v), (1, p)].map(|(i, rows)| Operand::<f32>::new(stream, [rows, c], case.layout, &before[i]));
    let has_positions = case.positions != Positions::None;
    let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: has_positions.then(|| dpositions.view_mut()) };
    let dy_in = rows.view().reshape([case.batch, case.seq_len, c]).unwrap();
    ops::embedding_backward(&case.embedding(ids.view()), tokens.view(), dy_in, grads).unwrap();
    let got = [dtable.values(), dpositions.values()];
    let (want, most) = reference_gradient(case, &dropped(case, &to_f64(&dy)));
    let named = [case.tokens(), if has_positions { case.position_ids() } else { Vec::new() }];
    for (i, what) in ["dtable", "dpositions"].into_iter().enumerate() {
        let (got, before, want, indices) = (&got[i], &before[i], &want[i], named[i].iter().collect::<BTreeSet<_>>());
        let want: Vec<f64> = before.iter().zip(want).map(|(&before, want)| f64::from(before) + want).collect();
        let scale = 4.0 * f64::from(case.scale.abs().max(1.0)) / (1.0 - f64::from(case.dropout));
        assert_close(what, got, &want, Tolerance::sum(most + 1, scale));
        for (i, (before, got)) in before.iter().zip(got).enumerate() {
            let touched = indices.contains(&((i / c) as u32));
            assert!(
                touched || before.to_bits() == got.to_bits(),
                "{what}: touched in row {}, which nothing names",
                i / c
            );
        }
    }
    got.map(|x| bits(&x))
}

/// Both passes, in the pairs of types that a training step has; forward all devices have the CPU's bits.
fn check(case: &Case) {
    fn both<T: Float, W: Float>(case: &Case) {
        println!("{} rows, {} tables: {case:?}", T::NAME, W::NAME);
        let want = check_forward::<T, W>(&Stream::CPU, case);
        on_kernels(|stream| assert!(check_forward::<T, W>(stream, case) == want, "other bits than the CPU's"));
        on_devices(|stream| check_backward::<T>(stream, case));
    }
    both::<f32, f32>(case);
    both::<bf16, f32>(case);
    both::<f16, f16>(case);
}

fn cases() -> impl Strategy<Value = Case> {
    let spread = prop_oneof![Just(Spread::Even), Just(Spread::Few), Just(Spread::Different), Just(Spread::Last)];
    let positions = prop_oneof![Just(Positions::None), (0..4usize).prop_map(Positions::From), Just(Positions::Ids)];
    let layout = prop_oneof![Just(Layout::Dense), Just(Layout::Gaps)];
    let dropout = prop_oneof![Just(0.0f32), Just(0.3), Just(0.9)];
    let width = prop_oneof![Just(1), Just(64), 1..140usize];
    ((1..7usize, 1..20usize, 1..40usize, width), spread, positions, -3.0f32..3.0, dropout, layout, 0..1000u64).prop_map(
        |((batch, seq_len, vocab_size, width), spread, positions, scale, dropout, layout, seed)| Case {
            batch,
            seq_len,
            vocab_size,
            width,
            spread,
            positions,
            scale,
            dropout,
            layout,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn matches_the_reference(case in cases()) {
        check(&case);
    }

    /// The formula that the devices are held against.
    #[test]
    fn the_reference_gradient_matches_finite_differences(case in cases()) {
        let case = Case { width: case.width.min(3), batch: case.batch.min(3), ..case };
        let [table, positions, dy] = [(0, case.vocab_size), (1, case.position_count()), (2, case.len())]
            .map(|(i, rows)| to_f64(&case.rows::<f32>(i, rows)));
        let ([dtable, dpositions], _) = reference_gradient(&case, &dropped(&case, &dy));
        let loss = |table: &[f64], positions: &[f64]| dot(&dropped(&case, &reference(&case, table, positions)), &dy);
        for (formula, differences) in [
            (dtable, numerical_gradient(&table, |table| loss(table, &positions))),
            (dpositions, numerical_gradient(&positions, |positions| loss(&table, positions))),
        ] {
            let error = formula.iter().zip(&differences).map(|(a, b)| (a - b).abs() / (1.0 + a.abs()));
            prop_assert!(error.fold(0.0, f64::max) < 1e-6);
        }
    }
}

/// Rows of one element, of more threads than a block has, and of vectors that nothing divides; a vocabulary of one.
#[test]
fn rows_of_every_width() {
    for (width, layout) in
        [(1, Layout::Dense), (3, Layout::Gaps), (768, Layout::Dense), (1025, Layout::Dense), (2056, Layout::Gaps)]
    {
        let case =
            Case { positions: Positions::From(1), dropout: 0.2, layout, ..Case::plain(5, 7, 1, width, Spread::Last) };
        check(&case);
    }
    check(&Case { positions: Positions::Ids, ..Case::plain(1, 1, 1, 1, Spread::Last) });
}

/// Runs that end in their chunk, at its end, in the next one and many chunks later.
#[test]
fn runs_of_every_length() {
    for spread in [Spread::Even, Spread::Few, Spread::Different, Spread::Last, Spread::Holes] {
        for (batch, seq_len) in [(1, 16), (3, 11), (1, 257), (41, 10)] {
            let case = Case { positions: Positions::From(0), ..Case::plain(batch, seq_len, 23, 20, spread) };
            on_devices(|stream| check_backward::<bf16>(stream, &case));
        }
    }
}

/// More tokens than one tile of the sort: with tokens of one, two and three digits. By position there are more sequences than a chunk
/// has rows.
#[test]
fn many_tokens() {
    for (vocab_size, spread) in
        [(5, Spread::Even), (1000, Spread::Few), (70_000, Spread::Different), (70_000, Spread::Last)]
    {
        let case = Case { positions: Positions::From(0), ..Case::plain(1021, 9, vocab_size, 2, spread) };
        on_devices(|stream| check_backward::<f32>(stream, &case));
    }
    let case = Case { positions: Positions::Ids, layout: Layout::Gaps, ..Case::plain(3, 1501, 300, 1, Spread::Even) };
    on_devices(|stream| check_backward::<bf16>(stream, &case));
}

/// What the host cannot look at: a token or a position that is in no table.
#[test]
fn stray_tokens_and_positions_on_a_gpu() {
    fn each<T: Float>() {
        let case = Case { positions: Positions::Ids, dropout: 0.5, ..Case::plain(3, 5, 11, 24, Spread::Even) };
        let (c, p) = (case.width, case.position_count());
        let (mut tokens, mut ids) = (case.tokens(), case.position_ids());
        (tokens[2], tokens[7], ids[7], ids[9]) = (11, u32::MAX, p as u32, u32::MAX);
        on_kernels(|stream| {
            let [token_view, id_view] = [&tokens, &ids].map(|x| Indices::new(stream, &case, x));
            let [table, positions, dy] = [(0, 11), (1, p), (2, 15)].map(|(i, rows)| case.rows::<T>(i, rows));
            let [table_in, positions_in, dy_in] = [(&table, 11), (&positions, p), (&dy, 15)]
                .map(|(x, rows)| Operand::<T>::new(stream, [rows, c], Layout::Dense, x));
            let mut y = Operand::<T>::unwritten(stream, [15, c], Layout::Dense);
            let tables = EmbeddingTables { tokens: table_in.view(), positions: Some(positions_in.view()) };
            let e = case.embedding(id_view.view());
            let out = y.view_mut().reshape([3, 5, c]).unwrap();
            ops::embedding(&e, tables, token_view.view(), out).unwrap();
            let y = y.values();
            for (i, row) in y.chunks(c).enumerate() {
                let stray = [2, 7, 9].contains(&i);
                assert!(row.iter().all(|y| y.is_nan() == stray), "row {i}: {row:?}");
            }
            let [mut dtable, mut dpositions] = [11, p].map(|rows| Tensor::<f32>::zeros_on(stream, [rows, c]).unwrap());
            let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: Some(dpositions.view_mut()) };
            let dy_in = dy_in.view().reshape([3, 5, c]).unwrap();
            ops::embedding_backward(&e, token_view.view(), dy_in, grads).unwrap();
            for (grad, indices, scale) in [(&dtable, &tokens, case.scale), (&dpositions, &ids, 1.0)] {
                let mut want = vec![0.0; grad.len()];
                for (dy, &index) in dropped(&case, &to_f64(&dy)).chunks(c).zip(indices) {
                    let row = want.chunks_mut(c).nth(index as usize).into_iter().flatten();
                    row.zip(dy).for_each(|(want, dy)| *want += f64::from(scale) * dy);
                }
                assert_close("gradient", &grad.to_vec().unwrap(), &want, Tolerance::sum(15, 12.0));
            }
            bits(&y)
        });
    }
    in_each_type!(each());
}

/// Of each row's gradient one element is NaN or infinite: it stays in its column, and in the rows that it belongs to.
#[test]
fn a_nan_stays_in_its_row() {
    on_devices(|stream| {
        let tokens = Tensor::from_vec([1, 3], vec![2, 0, 2]).unwrap().to(stream).unwrap();
        let dy =
            Tensor::from_vec([1, 3, 2], vec![f32::NAN, 1.0, f32::INFINITY, 3.0, 4.0, 5.0]).unwrap().to(stream).unwrap();
        let mut dtable = Tensor::zeros_on(stream, [3, 2]).unwrap();
        let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
        ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads).unwrap();
        let got = dtable.to_vec().unwrap();
        assert!(got[4].is_nan());
        assert_eq!(got[..4], [f32::INFINITY, 3.0, 0.0, 0.0]);
        assert_eq!(got[5], 6.0);
    });
}

/// One sequence for all of a batch, by a stride of 0; rows of y and dy that lie apart in both axes.
#[test]
fn strided_operands() {
    on_devices(|stream| {
        let tokens = Tensor::from_vec([1, 3], vec![1, 0, 1]).unwrap().to(stream).unwrap();
        let tokens = tokens.view().broadcast([2, 3]).unwrap();
        let table = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap().to(stream).unwrap();
        let mut y = Tensor::from_vec([3, 2, 4], vec![9.0; 24]).unwrap().to(stream).unwrap();
        let tables = EmbeddingTables { tokens: table.view(), positions: None };
        let out = y.view_mut().swap_axes(0, 1).narrow(2, 1, 2);
        ops::embedding(&Embedding::default(), tables, tokens, out).unwrap();
        let (zero, one) = ([9.0, 1.0, 2.0, 9.0], [9.0, 3.0, 4.0, 9.0]);
        assert_eq!(y.to_vec().unwrap(), [one, one, zero, zero, one, one].concat());

        let mut dtable = Tensor::zeros_on(stream, [2, 2]).unwrap();
        let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
        let dy = y.view().swap_axes(0, 1).narrow(2, 1, 2);
        ops::embedding_backward(&Embedding::default(), tokens, dy, grads).unwrap();
        assert_eq!(dtable.to_vec().unwrap(), [2.0, 4.0, 12.0, 16.0]);
    });
}

/// Without positions nothing is added, not even 0.
#[test]
fn a_zero_keeps_its_sign() {
    on_devices(|stream| {
        let table = Tensor::from_vec([1, 2], vec![-0.0, 0.0]).unwrap().to(stream).unwrap();
        let tokens = Tensor::zeros_on(stream, [1, 1]).unwrap();
        let mut y = Tensor::<f32>::zeros_on(stream, [1, 1, 2]).unwrap();
        let tables = EmbeddingTables { tokens: table.view(), positions: None };
        ops::embedding(&Embedding::default(), tables, tokens.view(), y.view_mut()).unwrap();
        assert_eq!(bits(&y.to_vec().unwrap()), bits(&[-0.0, 0.0]));
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case { positions: Positions::From(3), dropout: 0.1, ..Case::plain(8, 129, 11, 333, Spread::Even) };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (check_forward::<f32, f32>(&Stream::CPU, &case), check_backward::<bf16>(&Stream::CPU, &case)))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn sinusoidal_positions_are_the_papers() {
    fn each<T: Float>() {
        // More rows than one task takes, an odd width, and positions whose sines have lost digits in f32.
        for (len, width, layout) in
            [(1, 1, Layout::Dense), (40, 7, Layout::Gaps), (30, 128, Layout::Dense), (5000, 2, Layout::Dense)]
        {
            let mut want = Vec::new();
            for p in 0..len {
                for c in 0..width {
                    let wavelength = (10_000f64.ln() * (2 * (c / 2)) as f64 / width as f64).exp();
                    want.push(if c % 2 == 0 { (p as f64 / wavelength).sin() } else { (p as f64 / wavelength).cos() });
                }
            }
            on_devices(|stream| {
                let mut positions = Operand::<T>::unwritten(stream, [len, width], layout);
                ops::sinusoidal_positions(positions.view_mut()).unwrap();
                let got = positions.values();
                assert_close("positions", &got, &want, Tolerance { abs: 1e-11, rel: 7e-8 }.rounded::<T>());
                bits(&got)
            });
        }
    }
    in_each_type!(each());
}

#[test]
fn empty_operands_are_fine() {
    on_devices(|stream| {
        for ([batch, seq_len], width) in [([0, 5], 4), ([5, 0], 4), ([2, 3], 0)] {
            let table = Tensor::<f32>::zeros_on(stream, [3, width]).unwrap();
            let tokens = Tensor::zeros_on(stream, [batch, seq_len]).unwrap();
            let mut y = Tensor::<f32>::zeros_on(stream, [batch, seq_len, width]).unwrap();
            let tables = EmbeddingTables { tokens: table.view(), positions: Some(table.view()) };
            let e = Embedding { first_position: 3 - seq_len.min(3), ..Embedding::default() };
            let fits = e.first_position + seq_len <= 3;
            assert_eq!(ops::embedding(&e, tables, tokens.view(), y.view_mut()).is_ok(), fits);
            let tables = EmbeddingTables { positions: None, ..tables };
            ops::embedding(&e, tables, tokens.view(), y.view_mut()).unwrap();
            let mut dtable = Tensor::zeros_on(stream, [3, width]).unwrap();
            let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
            ops::embedding_backward(&e, tokens.view(), y.view(), grads).unwrap();
            assert!(dtable.to_vec().unwrap().iter().all(|&x| x == 0.0));
        }
        let mut none = Tensor::<f32>::zeros_on(stream, [0, 4]).unwrap();
        ops::sinusoidal_positions(none.view_mut()).unwrap();
    });
}

#[test]
fn bad_arguments_are_named() {
    let table = normal_tensor(1, [5, 4]);
    let positions = normal_tensor(2, [6, 4]);
    let forward = |tokens: &[u32], positions: Option<&Tensor>, e: &Embedding, width| -> Result<()> {
        let tokens = Tensor::from_vec([2, 2], tokens.to_vec())?;
        let mut y: Tensor = Tensor::zeros([2, 2, width])?;
        let tables = EmbeddingTables { tokens: table.view(), positions: positions.map(Tensor::view) };
        ops::embedding(e, tables, tokens.view(), y.view_mut())
    };
    let plain = Embedding::default();
    let from = |first_position| Embedding { first_position, ..plain };
    let message = |result: Result<()>| result.unwrap_err().to_string();
    assert!(forward(&[0, 4, 4, 0], Some(&positions), &from(4), 4).is_ok());
    assert_eq!(
        message(forward(&[0, 1, 2, 5], None, &plain, 4)),
        "embedding: `tokens`: expected tokens below the vocabulary's size 5, got 5 at [1, 1]"
    );
    assert_eq!(
        message(forward(&[0; 4], Some(&positions), &from(5), 4)),
        "embedding: `positions`: expected at least 5 + 2 positions, got [6, 4]"
    );
    assert!(message(forward(&[0; 4], Some(&positions), &from(usize::MAX), 4)).contains("positions, got [6, 4]"));
    assert_eq!(
        message(forward(&[0; 4], Some(&normal_tensor(1, [20, 3])), &plain, 4)),
        "embedding: `positions`: expected [20, 4], got [20, 3]"
    );
    assert_eq!(message(forward(&[0; 4], None, &plain, 3)), "embedding: `y`: expected [2, 2, 4], got [2, 2, 3]");
    let dropping = Embedding { dropout: Dropout { p: 1.0, ..Dropout::default() }, ..plain };
    assert_eq!(
        message(forward(&[0; 4], None, &dropping, 4)),
        "embedding: `dropout.p`: expected a probability with 0 ≤ p < 1, got 1"
    );
    let ids = Tensor::from_vec([2, 2], vec![0, 5, 6, 0]).unwrap();
    let with_ids = Embedding { position_ids: Some(ids.view()), ..plain };
    assert_eq!(
        message(forward(&[0; 4], Some(&positions), &with_ids, 4)),
        "embedding: `position_ids`: expected positions below 6, the rows of their table, got 6 at [1, 0]"
    );
    assert_eq!(
        message(forward(&[0; 4], None, &with_ids, 4)),
        "embedding: `position_ids`: expected a table of positions for ids, got none"
    );

    let tokens = Tensor::from_vec([1, 2], vec![0, 9]).unwrap();
    let dy = normal_tensor(3, [1, 2, 4]);
    let mut dtable: Tensor = Tensor::zeros([5, 4]).unwrap();
    let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
    assert_eq!(
        message(ops::embedding_backward(&plain, tokens.view(), dy.view(), grads)),
        "embedding_backward: `tokens`: expected tokens below the vocabulary's size 5, got 9 at [0, 1]"
    );
    let grads = EmbeddingGrads { tokens: dtable.view_mut().t(), positions: None };
    assert_eq!(
        message(ops::embedding_backward(&plain, tokens.view(), dy.view(), grads)),
        "embedding_backward: `dtable`: expected a last axis of stride 1, got strides [1, 4]"
    );
    assert!(dtable.as_slice().iter().all(|&x| x == 0.0), "a refused call writes nothing");
}
