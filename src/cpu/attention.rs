//! Attention in blocks of queries: the scores of one block against the keys that it sees lie in the core's cache between
//! the two products. Causal and window masks shorten the products; only the corners of a block are computed in vain.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::gemm::{FEW_ROWS, product, transpose};
use super::{dropout, math, scratch, simd};
use crate::ops::AttentionOptions;
use crate::tensor::{View, ViewMut};

/// Queries of a block: the most for which the kernel reads the keys and values as they lie, without copying them.
///
/// Measured on one core of an AVX-512 machine, causal, head dim 64: of 32, 48 and 64, 48 is the fastest or within 2 % of
/// it for 64 and 256 tokens, forward and backward; 64 takes 10 to 20 % longer for 64 tokens, since more of the scores of
/// a block lie beyond the causal corner.
const BLOCK: usize = 48;

/// What the rows of one head share.
struct Head<'a> {
    options: &'a AttentionOptions<'a>,
    scale: f32,
    batch: usize,
    /// The index of this head's probability (0, 0) among all.
    origin: u64,
    seq_len_q: usize,
    seq_len_k: usize,
}

impl<'a> Head<'a> {
    /// Head `head` of sequence `batch`, for q `[B, Tq, H, D]` and Tk keys.
    fn new(options: &'a AttentionOptions<'a>, q: View, seq_len_k: usize, batch: usize, head: usize) -> Self {
        let (seq_len_q, heads, head_dim) = (q.dim(1), q.dim(2), q.dim(3));
        Head {
            options,
            scale: options.scale.unwrap_or(1.0 / (head_dim as f32).sqrt()),
            batch,
            origin: ((batch * heads + head) * seq_len_q) as u64 * seq_len_k as u64,
            seq_len_q,
            seq_len_k,
        }
    }

    /// The keys that query `i` sees.
    #[inline(always)]
    fn keys(&self, i: usize) -> Range<usize> {
        self.options.mask.keys(self.batch, i, self.seq_len_q, self.seq_len_k)
    }

    /// The least range of keys with all that some queries see.
    fn keys_of(&self, queries: Range<usize>) -> Range<usize> {
        queries.map(|i| self.keys(i)).filter(|keys| !keys.is_empty()).fold(0..0, |all, keys| {
            if all.is_empty() { keys } else { all.start.min(keys.start)..all.end.max(keys.end) }
        })
    }

    /// Dropout of numbers that belong to the probabilities of query `i` from key `first` on.
    #[inline(always)]
    fn drop(&self, i: usize, first: usize, row: &mut [f32]) {
        dropout::scale(self.options.dropout, self.origin + i as u64 * self.seq_len_k as u64 + first as u64, row);
    }
}

/// One head of `[B, T, H, D]`, as `[T, D]`.
fn head_of(view: View, batch: usize, head: usize) -> View {
    view.select(0, batch).select(1, head)
}

/// Columns `range` of a matrix.
fn columns<'a>(matrix: View<'a>, range: &Range<usize>) -> View<'a> {
    matrix.narrow(1, range.start, range.len())
}

/// Rows `range` of a matrix.
fn rows<'a>(matrix: View<'a>, range: &Range<usize>) -> View<'a> {
    matrix.narrow(0, range.start, range.len())
}

/// Runs `f` with the transpose of a matrix, laid out row by row if more than a few rows are to be multiplied by it.
fn with_transpose<R>(matrix: View, multiplied_by: usize, f: impl FnOnce(View) -> R) -> R {
    if multiplied_by <= FEW_ROWS {
        return f(matrix.t());
    }
    scratch::with(matrix.len(), |memory| {
        simd(
            #[inline(always)]
            || transpose(matrix.t(), memory),
        );
        f(View::contiguous(memory, matrix.t().shape()))
    })
}

/// See [`crate::ops::attention()`].
pub fn forward(q: View, k: View, v: View, options: &AttentionOptions, o: ViewMut, lse: ViewMut) {
    let (batches, group, seq_len_q, seq_len_k) = (q.dim(0), q.dim(2) / k.dim(2), q.dim(1), k.dim(1));
    // o is [B, Tq, H, D], lse [B, H, Tq].
    let heads = o.swap_axes(1, 2).par_tiles(1, 1).zip(lse.par_tiles(1, 1));
    heads.enumerate().for_each(|(task, (o, lse))| {
        let (batch, h) = (task % batches, task / batches);
        let head = Head::new(options, q, seq_len_k, batch, h);
        let [q, k, v] = [(q, h), (k, h / group), (v, h / group)].map(|(view, h)| head_of(view, batch, h));
        let (o, lse) = (o.select(0, 0).select(0, 0), lse.select(0, 0).select(0, 0));
        with_transpose(k, seq_len_q, |k_t| {
            let blocks = o.par_blocks(BLOCK).zip(lse.par_blocks(BLOCK));
            blocks.enumerate().for_each(|(block, (o, lse))| {
                let first = block * BLOCK;
                forward_block(&head, first, q.narrow(0, first, o.dim(0)), k_t, v, o, lse);
            });
        });
    });
}

/// The output of the queries from `first` on.
fn forward_block(head: &Head, first: usize, q: View, k_t: View, v: View, mut o: ViewMut, mut lse: ViewMut) {
    let count = q.dim(0);
    let keys = head.keys_of(first..first + count);
    scratch::with(count * keys.len() + count, |memory| {
        let (scores, sums) = memory.split_at_mut(count * keys.len());
        let shape = [count, keys.len()];
        product(head.scale, q, columns(k_t, &keys), 0.0, ViewMut::contiguous(scores, shape));
        simd(
            #[inline(always)]
            || {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let seen = head.keys(first + i);
                    let row = &mut scores[i * keys.len()..(i + 1) * keys.len()];
                    if seen.is_empty() {
                        row.fill(0.0);
                        lse.row_mut([])[i] = f32::NEG_INFINITY;
                        continue;
                    }
                    row[..seen.start - keys.start].fill(0.0);
                    row[seen.end - keys.start..].fill(0.0);
                    let row = &mut row[seen.start - keys.start..seen.end - keys.start];
                    let max = math::max(row);
                    row.iter_mut().for_each(|s| *s = math::exp(*s - max));
                    *sum = math::sum(row);
                    lse.row_mut([])[i] = max + sum.ln();
                    head.drop(first + i, seen.start, row);
                }
            },
        );
        product(1.0, View::contiguous(scores, shape), rows(v, &keys), 0.0, o.reborrow());
        // Dividing here takes D divisions a query, not one for every key.
        simd(
            #[inline(always)]
            || {
                for (i, sum) in sums.iter().enumerate() {
                    let row = o.row_mut([i]);
                    if head.keys(first + i).is_empty() {
                        row.fill(0.0);
                    } else {
                        let factor = 1.0 / sum;
                        row.iter_mut().for_each(|o| *o *= factor);
                    }
                }
            },
        );
    });
}

/// See [`crate::ops::attention_backward()`].
#[allow(clippy::too_many_arguments)] // As the operation.
pub fn backward(
    q: View,
    k: View,
    v: View,
    o: View,
    lse: View,
    d_o: View,
    options: &AttentionOptions,
    dq: ViewMut,
    dk: ViewMut,
    dv: ViewMut,
) {
    let (batches, group, seq_len_q, seq_len_k) = (q.dim(0), q.dim(2) / k.dim(2), q.dim(1), k.dim(1));
    // A task has one key-value head and its query heads, so that it alone writes the gradients of all of them.
    let dq = dq.swap_axes(1, 2).par_tiles(1, group);
    let dkv = dk.swap_axes(1, 2).par_tiles(1, 1).zip(dv.swap_axes(1, 2).par_tiles(1, 1));
    dq.zip(dkv).enumerate().for_each(|(task, (dq, (dk, dv)))| {
        let (batch, kv_head) = (task % batches, task / batches);
        let (k, v) = (head_of(k, batch, kv_head), head_of(v, batch, kv_head));
        let (mut dq, mut dk, mut dv) = (dq.select(0, 0), dk.select(0, 0).select(0, 0), dv.select(0, 0).select(0, 0));
        for j in 0..seq_len_k {
            dk.row_mut([j]).fill(0.0);
            dv.row_mut([j]).fill(0.0);
        }
        with_transpose(k, seq_len_q, |k_t| {
            with_transpose(v, seq_len_q, |v_t| {
                for member in 0..group {
                    let h = kv_head * group + member;
                    let head = Head::new(options, q, seq_len_k, batch, h);
                    let [q, o, d_o] = [q, o, d_o].map(|view| head_of(view, batch, h));
                    let lse = lse.select(0, batch).select(0, h);
                    for first in (0..seq_len_q).step_by(BLOCK) {
                        let queries = first..seq_len_q.min(first + BLOCK);
                        let block = Block {
                            first,
                            q: rows(q, &queries),
                            o: rows(o, &queries),
                            d_o: rows(d_o, &queries),
                            lse: &lse.row([])[queries.clone()],
                        };
                        let dq = dq.reborrow().select(0, member).narrow(0, first, queries.len());
                        backward_block(&head, block, [k, k_t, v_t], dq, dk.reborrow(), dv.reborrow());
                    }
                }
            });
        });
    });
}

/// The queries of one block and what belongs to them, from query `first` on.
struct Block<'a> {
    first: usize,
    q: View<'a>,
    o: View<'a>,
    d_o: View<'a>,
    lse: &'a [f32],
}

/// Writes the gradient of a block's queries and adds its part to those of the keys and values.
fn backward_block(head: &Head, block: Block, [k, k_t, v_t]: [View; 3], dq: ViewMut, dk: ViewMut, dv: ViewMut) {
    let count = block.lse.len();
    let keys = head.keys_of(block.first..block.first + count);
    let shape = [count, keys.len()];
    scratch::with((2 * count + 1) * keys.len(), |memory| {
        let (p, rest) = memory.split_at_mut(count * keys.len());
        let (ds, factors) = rest.split_at_mut(count * keys.len());
        product(head.scale, block.q, columns(k_t, &keys), 0.0, ViewMut::contiguous(p, shape));
        product(1.0, block.d_o, columns(v_t, &keys), 0.0, ViewMut::contiguous(ds, shape));
        simd(
            #[inline(always)]
            || {
                for i in 0..count {
                    let seen = head.keys(block.first + i);
                    let row = i * keys.len()..(i + 1) * keys.len();
                    let (p, ds) = (&mut p[row.clone()], &mut ds[row]);
                    let local = match seen.is_empty() {
                        true => 0..0,
                        false => seen.start - keys.start..seen.end - keys.start,
                    };
                    for row in [&mut *p, &mut *ds] {
                        row[..local.start].fill(0.0);
                        row[local.end..].fill(0.0);
                    }
                    let (p, ds) = (&mut p[local.clone()], &mut ds[local]);
                    let factors = &mut factors[..p.len()];
                    factors.fill(1.0);
                    head.drop(block.first + i, seen.start, factors);
                    let delta = math::dot(block.d_o.row([i]), block.o.row([i]));
                    let lse = block.lse[i];
                    for ((p, ds), factor) in p.iter_mut().zip(ds).zip(factors) {
                        let probability = math::exp(*p - lse);
                        *p = probability * *factor;
                        *ds = head.scale * probability * (*ds * *factor - delta);
                    }
                }
            },
        );
        let (p, ds) = (View::contiguous(p, shape), View::contiguous(ds, shape));
        product(1.0, ds, rows(k, &keys), 0.0, dq);
        product(1.0, ds.t(), block.q, 1.0, dk.narrow(0, keys.start, keys.len()));
        product(1.0, p.t(), block.d_o, 1.0, dv.narrow(0, keys.start, keys.len()));
    });
}
