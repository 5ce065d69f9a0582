//! Embeddings, of tokens that repeat as the vocabulary's size demands.

use std::collections::BTreeSet;

use warpweave::Result;
use warpweave::ops::{self, Embedding, EmbeddingGrads, EmbeddingTables};
use warpweave::tensor::{Float, Tensor};

use super::{Case, Least, bytes};

/// Tokens of any kind, and how many different ones they are.
fn tokens(case: &Case, shape: [usize; 2], vocab_size: usize) -> Result<(Tensor<u32>, usize)> {
    let token = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) % vocab_size as u32;
    let tokens: Vec<u32> = (0..shape[0] * shape[1]).map(token).collect();
    let different = tokens.iter().collect::<BTreeSet<_>>().len();
    Ok((Tensor::from_vec(shape, tokens)?.to(&case.stream)?, different))
}

pub fn embedding<T: Float>(case: &Case) -> Result<Least> {
    let [batch, seq_len, vocab_size, columns] = case.axes();
    let (table, positions) = (case.tensor::<T, _>([vocab_size, columns])?, case.tensor::<T, _>([seq_len, columns])?);
    let (tokens, different) = tokens(case, [batch, seq_len], vocab_size)?;
    let mut y = case.zeros::<T, _>([batch, seq_len, columns])?;
    case.stream.reset_counters()?;
    let tables = EmbeddingTables { tokens: table.view(), positions: Some(positions.view()) };
    ops::embedding(&Embedding::default(), tables, tokens.view(), y.view_mut())?;
    let read = [different * columns * size_of::<T>(), bytes(&positions), batch * seq_len * size_of::<u32>()];
    Ok(Least::of(read, [bytes(&y)]))
}

pub fn embedding_backward<T: Float>(case: &Case) -> Result<Least> {
    let [batch, seq_len, vocab_size, columns] = case.axes();
    let dy = case.tensor::<T, _>([batch, seq_len, columns])?;
    let (tokens, different) = tokens(case, [batch, seq_len], vocab_size)?;
    let (mut dtable, mut dpositions) = (case.zeros([vocab_size, columns])?, case.zeros([seq_len, columns])?);
    case.stream.reset_counters()?;
    let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: Some(dpositions.view_mut()) };
    ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads)?;
    // dy once; the rows of both gradients that something is added to.
    let sums = [different * columns * size_of::<f32>(), bytes(&dpositions)];
    Ok(Least::of([bytes(&dy), batch * seq_len * size_of::<u32>(), sums[0], sums[1]], sums))
}
