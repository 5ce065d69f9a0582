//! Token embeddings with learned positions and dropout, and their gradients.
//!
//! The rows of a token that occurs again are in cache then: the least bytes count each different token's row once.

use std::collections::BTreeSet;

use criterion::{Criterion, Throughput};
use half::{bf16, f16};
use warpweave::ops::{self, Dropout, Embedding, EmbeddingGrads, EmbeddingTables};
use warpweave::tensor::Float;
use warpweave::{Result, Stream, Tensor};

use crate::support::{Bench, GPT2_1024, Group, Net, STEPS, label, moved_as, on_all, random_on, random_tokens, time_on};

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "embedding", &[embedding::<f32>, embedding::<bf16>, embedding::<f16>]);
    let backward: [Bench; 3] = [embedding_backward::<f32>, embedding_backward::<bf16>, embedding_backward::<f16>];
    on_all(criterion, "embedding_backward", &backward);
}

/// What differs is the table, 65 rows, 4,096 and 50,257, and the number of tokens.
fn nets() -> impl Iterator<Item = &'static Net> {
    STEPS.iter().chain([&GPT2_1024])
}

/// Without dropout, as in inference, and with it.
const DROPOUTS: [(&str, f32); 2] = [("learned", 0.0), ("dropout", 0.1)];

fn options(p: f32) -> Embedding<'static> {
    Embedding { dropout: Dropout { p, seed: 1, site: 2 }, ..Embedding::default() }
}

fn embedding<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, p) in DROPOUTS {
        for net in nets() {
            // Rows of both tables in, the sum out.
            let work = moved_as::<T>((table_rows(net) + net.rows()) * net.width);
            time_on(group, stream, label::<T>(name, stream), net.name, work, || {
                let table = random_on::<T, 2>(stream, [net.vocab_size, net.width])?;
                let positions = random_on::<T, 2>(stream, [net.seq_len, net.width])?;
                let tokens = tokens(net)?.to(stream)?;
                let mut y = Tensor::zeros_on(stream, [net.batch, net.seq_len, net.width])?;
                Ok(move || {
                    let tables = EmbeddingTables { tokens: table.view(), positions: Some(positions.view()) };
                    ops::embedding::<T, T>(&options(p), tables, tokens.view(), y.view_mut())
                })
            });
        }
    }
}

fn embedding_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, p) in DROPOUTS {
        for net in nets() {
            // The gradient in, rows of both tables' gradients, of f32, in and out.
            let bytes = (net.rows() * size_of::<T>() + 2 * table_rows(net) * size_of::<f32>()) * net.width;
            let work = Throughput::BytesDecimal(bytes as u64);
            time_on(group, stream, label::<T>(name, stream), net.name, work, || {
                let mut dtable = Tensor::zeros_on(stream, [net.vocab_size, net.width])?;
                let mut dpositions = Tensor::zeros_on(stream, [net.seq_len, net.width])?;
                let dy = random_on::<T, 3>(stream, [net.batch, net.seq_len, net.width])?;
                let tokens = tokens(net)?.to(stream)?;
                Ok(move || {
                    let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: Some(dpositions.view_mut()) };
                    ops::embedding_backward(&options(p), tokens.view(), dy.view(), grads)
                })
            });
        }
    }
}

fn tokens(net: &Net) -> Result<Tensor<u32>> {
    random_tokens([net.batch, net.seq_len], net.vocab_size)
}

/// The rows of the two tables that a batch reaches.
fn table_rows(net: &Net) -> usize {
    let tokens = tokens(net).expect("a batch of tokens fits memory");
    tokens.as_slice().iter().collect::<BTreeSet<_>>().len() + net.seq_len
}
