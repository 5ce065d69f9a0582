//! Attention and its gradients against a naive one in f64, under every mask.

use proptest::prelude::*;
use warpweave::ops::{self, AttentionOptions, Dropout, Mask, Window};
use warpweave::{Tensor, View};

use super::dropout::factor;
use crate::support::*;

/// Sizes and settings of one case.
#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    seq_len_q: usize,
    seq_len_k: usize,
    kv_heads: usize,
    group: usize,
    head_dim: usize,
    causal: bool,
    window: Option<(usize, usize)>,
    key_lengths: Option<Vec<u32>>,
    p: f32,
    scale: Option<f32>,
}

impl Case {
    /// Two sequences, two heads, nothing masked.
    fn plain(seq_len_q: usize, seq_len_k: usize) -> Self {
        Case {
            batch: 2,
            seq_len_q,
            seq_len_k,
            kv_heads: 2,
            group: 1,
            head_dim: 4,
            causal: false,
            window: None,
            key_lengths: None,
            p: 0.0,
            scale: None,
        }
    }

    fn heads(&self) -> usize {
        self.kv_heads * self.group
    }

    fn q_shape(&self) -> [usize; 4] {
        [self.batch, self.seq_len_q, self.heads(), self.head_dim]
    }

    fn k_shape(&self) -> [usize; 4] {
        [self.batch, self.seq_len_k, self.kv_heads, self.head_dim]
    }

    fn lse_shape(&self) -> [usize; 3] {
        [self.batch, self.heads(), self.seq_len_q]
    }

    fn dropout(&self) -> Dropout {
        Dropout { p: self.p, seed: 11, site: 3 }
    }

    /// Runs `f` with the options; the key lengths live as long.
    fn with_options<R>(&self, f: impl FnOnce(&AttentionOptions) -> R) -> R {
        let lengths = self.key_lengths.clone().map(|l| Tensor::from_vec([self.batch], l).unwrap());
        let mask = Mask {
            causal: self.causal,
            window: self.window.map(|(left, right)| Window { left, right }),
            key_lengths: lengths.as_ref().map(Tensor::view),
        };
        f(&AttentionOptions { scale: self.scale, mask, dropout: self.dropout() })
    }

    /// Whether query `i` of sequence `b` sees key `j`, by the words of the documentation.
    fn sees(&self, b: usize, i: usize, j: usize) -> bool {
        let offset = j as i64 - (i as i64 + self.seq_len_k as i64 - self.seq_len_q as i64);
        (!self.causal || offset <= 0)
            && self.window.is_none_or(|(left, right)| -(left as i64) <= offset && offset <= right as i64)
            && self.key_lengths.as_ref().is_none_or(|lengths| j < lengths[b] as usize)
    }

    /// The output and lse by the definition, one query at a time.
    fn reference(&self, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (heads, d) = (self.heads(), self.head_dim);
        let scale = self.scale.map_or(1.0 / (d as f64).sqrt(), f64::from);
        let mut o = vec![0.0; q.len()];
        let mut lse = vec![f64::NEG_INFINITY; self.batch * heads * self.seq_len_q];
        for b in 0..self.batch {
            for h in 0..heads {
                for i in 0..self.seq_len_q {
                    let at_q = ((b * self.seq_len_q + i) * heads + h) * d;
                    let at_k = |j: usize| ((b * self.seq_len_k + j) * self.kv_heads + h / self.group) * d;
                    let seen: Vec<usize> = (0..self.seq_len_k).filter(|&j| self.sees(b, i, j)).collect();
                    if seen.is_empty() {
                        continue;
                    }
                    let scores: Vec<f64> =
                        seen.iter().map(|&j| scale * dot(&q[at_q..at_q + d], &k[at_k(j)..at_k(j) + d])).collect();
                    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
                    let row = (b * heads + h) * self.seq_len_q + i;
                    lse[row] = max + sum.ln();
                    for (&j, score) in seen.iter().zip(&scores) {
                        let p = (score - lse[row]).exp() * factor(self.dropout(), (row * self.seq_len_k + j) as u64);
                        (0..d).for_each(|x| o[at_q + x] += p * v[at_k(j) + x]);
                    }
                }
            }
        }
        (o, lse)
    }
}

/// The operands of a case.
struct Operands {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    d_o: Tensor,
}

impl Operands {
    fn new(case: &Case) -> Self {
        Operands {
            q: normal_tensor(1, case.q_shape()),
            k: normal_tensor(2, case.k_shape()),
            v: normal_tensor(3, case.k_shape()),
            d_o: normal_tensor(4, case.q_shape()),
        }
    }

    fn forward(&self, case: &Case) -> (Tensor, Tensor) {
        // Whatever the outputs hold is written over.
        let nan = |shape: &[usize]| vec![f32::NAN; shape.iter().product()];
        let mut o = Tensor::from_vec(case.q_shape(), nan(&case.q_shape())).unwrap();
        let mut lse = Tensor::from_vec(case.lse_shape(), nan(&case.lse_shape())).unwrap();
        let (q, k, v) = (self.q.view(), self.k.view(), self.v.view());
        case.with_options(|options| ops::attention(q, k, v, options, o.view_mut(), lse.view_mut())).unwrap();
        (o, lse)
    }

    fn backward(&self, case: &Case, o: View, lse: View) -> [Tensor; 3] {
        let nan = |shape: [usize; 4]| Tensor::from_vec(shape, vec![f32::NAN; shape.iter().product()]).unwrap();
        let (mut dq, mut dk, mut dv) = (nan(case.q_shape()), nan(case.k_shape()), nan(case.k_shape()));
        let (q, k, v, d_o) = (self.q.view(), self.k.view(), self.v.view(), self.d_o.view());
        case.with_options(|options| {
            let (dq, dk, dv) = (dq.view_mut(), dk.view_mut(), dv.view_mut());
            ops::attention_backward(q, k, v, o, lse, d_o, options, dq, dk, dv)
        })
        .unwrap();
        [dq, dk, dv]
    }

    fn all(&self) -> [Vec<f64>; 3] {
        [&self.q, &self.k, &self.v].map(|x| to_f64(x.as_slice()))
    }
}

/// Outputs are means of values below 4 in size; dropout scales them.
fn tolerance(case: &Case) -> Tolerance {
    Tolerance::sum(case.head_dim + case.seq_len_k, 8.0 / f64::from(1.0 - case.p))
}

fn check_forward(case: &Case) {
    let operands = Operands::new(case);
    let [q, k, v] = operands.all();
    let (o, lse) = operands.forward(case);
    let (want_o, want_lse) = case.reference(&q, &k, &v);
    assert_close("o", o.as_slice(), &want_o, tolerance(case));
    assert_close("lse", lse.as_slice(), &want_lse, tolerance(case));
}

fn check_gradients(case: &Case) {
    let operands = Operands::new(case);
    let (o, lse) = operands.forward(case);
    let gradients = operands.backward(case, o.view(), lse.view());
    let (inputs, d_o) = (operands.all(), to_f64(operands.d_o.as_slice()));
    for (which, name) in ["dq", "dk", "dv"].into_iter().enumerate() {
        let want = numerical_gradient(&inputs[which], |x| {
            let mut inputs = inputs.each_ref().map(|x| &x[..]);
            inputs[which] = x;
            dot(&case.reference(inputs[0], inputs[1], inputs[2]).0, &d_o)
        });
        // A key's gradient sums over queries and the group.
        let terms = case.seq_len_q * case.group + case.seq_len_k + case.head_dim;
        let tolerance = Tolerance::sum(terms, 32.0 / f64::from(1.0 - case.p).powi(2));
        assert_close(name, gradients[which].as_slice(), &want, tolerance);
    }
}

fn cases(longest: usize) -> impl Strategy<Value = Case> {
    let sizes = (1..3usize, 1..=longest, 1..=longest, 1..3usize, 1..4usize, 1..10usize);
    let window = proptest::option::of((0..longest, 0..longest));
    let settings = (any::<bool>(), window, proptest::option::of((0.0..=1.0f64, 0.0..=1.0f64)), any::<bool>());
    (sizes, settings).prop_map(|((batch, seq_len_q, seq_len_k, kv_heads, group, head_dim), settings)| {
        let (causal, window, shares, drops) = settings;
        let length = |share: f64| (share * seq_len_k as f64).round() as u32;
        let key_lengths = shares.map(|(first, second)| [length(first), length(second)][..batch].to_vec());
        let p = if drops { 0.4 } else { 0.0 };
        Case { batch, seq_len_q, seq_len_k, kv_heads, group, head_dim, causal, window, key_lengths, p, scale: None }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn forward_under_any_mask(case in cases(150)) {
        check_forward(&case);
    }

    #[test]
    fn gradients_under_any_mask(case in cases(7)) {
        check_gradients(&case);
    }
}

/// Every combination of masks, for few and many queries, square and not.
#[test]
fn every_combination_of_masks() {
    for (seq_len_q, seq_len_k) in [(1, 1), (5, 3), (3, 7), (1, 9), (33, 65), (65, 33), (130, 130)] {
        for bits in 0..16 {
            let lengths = vec![0, seq_len_k as u32 / 2 + 1];
            let case = Case {
                causal: bits & 1 != 0,
                window: (bits & 2 != 0).then_some((2, 1)),
                key_lengths: (bits & 4 != 0).then_some(lengths),
                p: if bits & 8 != 0 { 0.3 } else { 0.0 },
                group: 2,
                ..Case::plain(seq_len_q, seq_len_k)
            };
            check_forward(&case);
            if seq_len_k <= 9 {
                check_gradients(&case);
            }
        }
    }
}

/// More queries than a block has, and few as in decoding with a cache.
#[test]
fn gradients_across_blocks() {
    let small = Case { batch: 1, kv_heads: 1, head_dim: 2, causal: true, ..Case::plain(67, 70) };
    check_gradients(&small);
    check_gradients(&Case { window: Some((3, 0)), p: 0.2, group: 2, ..small });
}

#[test]
fn scale_is_applied_as_given() {
    let case = Case { scale: Some(0.7), ..Case::plain(5, 6) };
    check_forward(&case);
    check_gradients(&case);
}

/// Scores of ±10⁴: the softmax is one key or a few, never NaN.
#[test]
fn large_logits() {
    for (seq_len_q, seq_len_k) in [(1, 1), (5, 3), (3, 7), (33, 65)] {
        let case = Case { causal: true, scale: Some(1.0), ..Case::plain(seq_len_q, seq_len_k) };
        let mut operands = Operands::new(&case);
        for tensor in [&mut operands.q, &mut operands.k] {
            // Powers of two apart: equal logits are exactly equal, others far apart.
            tensor.as_mut_slice().iter_mut().for_each(|x| *x = (x.signum() * 50.0) * if *x > 1.0 { 2.0 } else { 1.0 });
        }
        let [q, k, v] = operands.all();
        let (o, lse) = operands.forward(&case);
        let (want_o, want_lse) = case.reference(&q, &k, &v);
        assert_close("o", o.as_slice(), &want_o, tolerance(&case));
        assert_close("lse", lse.as_slice(), &want_lse, tolerance(&case));
        for gradient in operands.backward(&case, o.view(), lse.view()) {
            assert!(gradient.as_slice().iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn without_keys_there_are_zeros() {
    let alone = Case { key_lengths: Some(vec![0, 0]), ..Case::plain(20, 6) };
    for case in [alone.clone(), Case { causal: true, p: 0.5, ..alone }, Case::plain(5, 0)] {
        let operands = Operands::new(&case);
        let (o, lse) = operands.forward(&case);
        assert!(o.as_slice().iter().all(|&x| x == 0.0));
        assert!(lse.as_slice().iter().all(|&x| x == f32::NEG_INFINITY));
        for gradient in operands.backward(&case, o.view(), lse.view()) {
            assert!(gradient.as_slice().iter().all(|&x| x == 0.0));
        }
    }
}

/// Padding may hold anything: it is not read.
#[test]
fn keys_beyond_the_length_have_no_effect() {
    let case = Case { key_lengths: Some(vec![3, 5]), ..Case::plain(20, 9) };
    let clean = Operands::new(&case);
    let mut padded = Operands::new(&case);
    let row = case.kv_heads * case.head_dim;
    for tensor in [&mut padded.k, &mut padded.v] {
        for (b, from) in [(0, 3), (1, 5)] {
            tensor.as_mut_slice()[(b * 9 + from) * row..(b + 1) * 9 * row].fill(f32::NAN);
        }
    }
    let (o, lse) = clean.forward(&case);
    let (padded_o, padded_lse) = padded.forward(&case);
    assert_eq!((o.as_slice(), lse.as_slice()), (padded_o.as_slice(), padded_lse.as_slice()));
    let gradients = clean.backward(&case, o.view(), lse.view());
    let with_padding = padded.backward(&case, o.view(), lse.view());
    for (a, b) in gradients.iter().zip(&with_padding) {
        assert_eq!(a.as_slice(), b.as_slice());
    }
}

#[test]
fn a_nan_query_spoils_its_own_row_alone() {
    let case = Case { batch: 1, kv_heads: 1, ..Case::plain(20, 9) };
    let mut operands = Operands::new(&case);
    operands.q.as_mut_slice()[3 * case.head_dim] = f32::NAN;
    let (o, _) = operands.forward(&case);
    for (i, row) in o.as_slice().chunks(case.head_dim).enumerate() {
        assert!(row.iter().all(|x| x.is_nan() == (i == 3)), "row {i}: {row:?}");
    }
}

/// q, k and v in one packed tensor, their gradients in another.
#[test]
fn packed_operands() {
    let case = Case { causal: true, ..Case::plain(70, 70) };
    let operands = Operands::new(&case);
    let (o, lse) = operands.forward(&case);
    let gradients = operands.backward(&case, o.view(), lse.view());

    let [b, t, h, d] = case.q_shape();
    let (mut packed, mut d_packed) = (Tensor::zeros([b, t, 3, h, d]).unwrap(), Tensor::zeros([b, t, 3, h, d]).unwrap());
    let parts = [&operands.q, &operands.k, &operands.v];
    for (i, row) in packed.as_mut_slice().chunks_mut(h * d).enumerate() {
        row.copy_from_slice(&parts[i % 3].as_slice()[i / 3 * h * d..][..h * d]);
    }
    let [q, k, v] = [0, 1, 2].map(|part| packed.view().select(2, part));
    let (mut o_packed, mut lse_packed) = (Tensor::zeros([b, t, h, d]).unwrap(), Tensor::zeros([b, h, t]).unwrap());
    case.with_options(|options| {
        ops::attention(q, k, v, options, o_packed.view_mut(), lse_packed.view_mut()).unwrap();
        let [dq, dk, dv] = d_packed.view_mut().unstack(2);
        let (o, lse, d_o) = (o_packed.view(), lse_packed.view(), operands.d_o.view());
        ops::attention_backward(q, k, v, o, lse, d_o, options, dq, dk, dv).unwrap();
    });
    assert_eq!((o.as_slice(), lse.as_slice()), (o_packed.as_slice(), lse_packed.as_slice()));
    for (i, row) in d_packed.as_slice().chunks(h * d).enumerate() {
        assert_eq!(row, &gradients[i % 3].as_slice()[i / 3 * h * d..][..h * d]);
    }
}

#[test]
fn any_number_of_threads() {
    let case = Case { causal: true, p: 0.1, group: 2, ..Case::plain(150, 150) };
    let operands = Operands::new(&case);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (o, lse) = operands.forward(&case);
            let gradients = operands.backward(&case, o.view(), lse.view());
            let all = [o, lse].into_iter().chain(gradients);
            all.flat_map(|tensor| tensor.as_slice().to_vec()).collect::<Vec<f32>>()
        })
    };
    let once = run(1);
    assert!(once == run(1) && once == run(2) && once == run(3));
}

#[test]
fn bad_arguments_are_named() {
    let case = Case::plain(3, 4);
    let operands = Operands::new(&case);
    let (q, k, v) = (operands.q.view(), operands.k.view(), operands.v.view());
    let message = |q: View, k: View, v: View, options: &AttentionOptions| {
        let (mut o, mut lse) = (Tensor::zeros(case.q_shape()).unwrap(), Tensor::zeros(case.lse_shape()).unwrap());
        ops::attention(q, k, v, options, o.view_mut(), lse.view_mut()).unwrap_err().to_string()
    };
    let default = AttentionOptions::default();
    assert_eq!(message(q.select(0, 0), k, v, &default), "attention: `q`: expected shape [B, Tq, H, D], got [3, 2, 4]");
    assert_eq!(message(q, k.narrow(3, 0, 3), v, &default), "attention: `k`: expected [2, 4, 2, 4], got [2, 4, 2, 3]");
    assert_eq!(message(q, k, v.narrow(1, 0, 3), &default), "attention: `v`: expected [2, 4, 2, 4], got [2, 3, 2, 4]");
    assert_eq!(
        message(q.narrow(2, 0, 1), k, v, &default),
        "attention: `k`: expected a number of heads that divides the 1 of `q`, got 2"
    );
    assert_eq!(
        message(q, k.narrow(2, 0, 0), v.narrow(2, 0, 0), &default),
        "attention: `k`: expected a number of heads that divides the 2 of `q`, got 0"
    );
    let wide = normal_tensor(5, [2, 3, 4, 2]);
    assert!(message(wide.view().swap_axes(2, 3), k, v, &default).starts_with("attention: `q`: expected a last axis"));
    let drops = AttentionOptions { dropout: Dropout { p: 1.0, seed: 0, site: 0 }, ..default };
    assert_eq!(message(q, k, v, &drops), "attention: `p`: expected a probability with 0 ≤ p < 1, got 1");
    let lengths = Tensor::from_vec([2], vec![1, 5]).unwrap();
    let mask = Mask { key_lengths: Some(lengths.view()), ..Mask::default() };
    assert_eq!(
        message(q, k, v, &AttentionOptions { mask, ..default }),
        "attention: `mask.key_lengths`: expected at most 4 keys, got 5 for sequence 1"
    );
    assert_eq!(message(q.narrow(1, 0, 2), k, v, &default), "attention: `o`: expected [2, 2, 2, 4], got [2, 3, 2, 4]");
}
