//! Causal attention on packed queries, keys and values, as the model calls it.
//!
//! A query and a key that it sees take 4 D FLOPs forward (two products) and 10 D backward (five, one of which computes
//! the scores again); softmax does not count. Half of the square is not seen and does not count either.

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, AttentionOptions, Mask};

use crate::support::{CHAR, GPT2, GPT2_1024, Net, SMALL, flops, group, random, time};

/// Short sequences, where the corners beyond the mask weigh; long ones, where the products do; many sequences and one.
const NETS: [Net; 4] = [CHAR, SMALL, GPT2, Net { batch: 1, ..GPT2_1024 }];

pub fn bench(criterion: &mut Criterion) {
    let options = AttentionOptions { mask: Mask { causal: true, ..Mask::default() }, ..AttentionOptions::default() };
    let mut forward = group(criterion, "attention");
    for net in &NETS {
        time(&mut forward, "causal", net.name, flops(4 * net.head_dim() * seen(net)), || {
            let [batch, seq_len, heads, head_dim] = shape(net);
            let qkv = random([batch, seq_len, 3, heads, head_dim])?;
            let (mut o, mut lse) = (Tensor::zeros(shape(net))?, Tensor::zeros([batch, heads, seq_len])?);
            Ok(move || {
                let [q, k, v] = [0, 1, 2].map(|part| qkv.view().select(2, part));
                ops::attention(q, k, v, &options, o.view_mut(), lse.view_mut())
            })
        });
    }
    forward.finish();

    let mut backward = group(criterion, "attention_backward");
    for net in &NETS {
        time(&mut backward, "causal", net.name, flops(10 * net.head_dim() * seen(net)), || {
            let [batch, seq_len, heads, head_dim] = shape(net);
            let qkv = random([batch, seq_len, 3, heads, head_dim])?;
            let (mut o, mut lse) = (Tensor::zeros(shape(net))?, Tensor::zeros([batch, heads, seq_len])?);
            let [q, k, v] = [0, 1, 2].map(|part| qkv.view().select(2, part));
            ops::attention(q, k, v, &options, o.view_mut(), lse.view_mut())?;
            let (d_o, mut d_qkv) = (random(shape(net))?, Tensor::zeros(qkv.shape())?);
            Ok(move || {
                let [q, k, v] = [0, 1, 2].map(|part| qkv.view().select(2, part));
                let [dq, dk, dv] = d_qkv.view_mut().unstack(2);
                ops::attention_backward(q, k, v, o.view(), lse.view(), d_o.view(), &options, dq, dk, dv)
            })
        });
    }
    backward.finish();
}

fn shape(net: &Net) -> [usize; 4] {
    [net.batch, net.seq_len, net.heads, net.head_dim()]
}

/// Pairs of a query and a key that it sees, over all sequences and heads.
fn seen(net: &Net) -> usize {
    net.batch * net.heads * net.seq_len * (net.seq_len + 1) / 2
}
