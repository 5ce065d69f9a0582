//! Token embeddings with learned positions, and their gradients.
//!
//! The rows of a token that occurs again are in cache then: the least bytes count each different token's row once.

use std::collections::BTreeSet;

use criterion::Criterion;
use warpweave::ops::{self, Embedding};
use warpweave::{Result, Tensor};

use crate::support::{Net, STEPS, group, moved, random, random_tokens, time};

pub fn bench(criterion: &mut Criterion) {
    // What differs is the table: 65 rows, 4,096 and 50,257. A call meets the rows of the one before in cache, as it
    // does in training only with a small vocabulary.
    let mut forward = group(criterion, "embedding");
    for net in &STEPS {
        // Rows of both tables in, the sum out.
        let rows = table_rows(net) + net.rows();
        time(&mut forward, "learned", net.name, moved(rows * net.width), || {
            let (table, positions) = (random([net.vocab_size, net.width])?, random([net.seq_len, net.width])?);
            let (tokens, mut y) = (tokens(net)?, Tensor::zeros([net.batch, net.seq_len, net.width])?);
            Ok(move || {
                let (table, positions) = (table.view(), Some(positions.view()));
                let embedding = Embedding { table, scale: 1.0, positions, first_position: 0 };
                ops::embedding(&embedding, tokens.view(), y.view_mut())
            })
        });
    }
    forward.finish();

    let mut backward = group(criterion, "embedding_backward");
    for net in &STEPS {
        // The gradient in, rows of both tables' gradients in and out.
        let rows = 2 * table_rows(net) + net.rows();
        time(&mut backward, "learned", net.name, moved(rows * net.width), || {
            let (mut dtable, mut dpositions) =
                (Tensor::zeros([net.vocab_size, net.width])?, Tensor::zeros([net.seq_len, net.width])?);
            let (tokens, dy) = (tokens(net)?, random([net.batch, net.seq_len, net.width])?);
            Ok(move || {
                let (dtable, dpositions) = (dtable.view_mut(), Some(dpositions.view_mut()));
                ops::embedding_backward(tokens.view(), 1.0, 0, dy.view(), dtable, dpositions)
            })
        });
    }
    backward.finish();
}

fn tokens(net: &Net) -> Result<Tensor<u32>> {
    random_tokens([net.batch, net.seq_len], net.vocab_size)
}

/// The rows of the two tables that a batch reaches.
fn table_rows(net: &Net) -> usize {
    let tokens = tokens(net).expect("a batch of tokens fits memory");
    tokens.as_slice().iter().collect::<BTreeSet<_>>().len() + net.seq_len
}
