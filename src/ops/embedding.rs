//! Token and position embeddings.

use super::Check;
use crate::cpu;
use crate::error::{Error, Result};
use crate::tensor::{View, ViewMut};

/// What [`embedding()`] looks up: a table of tokens and, where positions are learned or sinusoidal, a table of
/// positions.
#[derive(Clone, Copy)]
pub struct Embedding<'a> {
    /// One row for each token of the vocabulary. Shape `[V, C]`.
    pub table: View<'a>,
    /// What token rows are multiplied by: 1, or √C for the model of 2017 (Vaswani et al. 2017, section 3.4).
    pub scale: f32,
    /// One row for each position, added as it is. Shape `[P, C]`.
    pub positions: Option<View<'a>>,
    /// The position of each sequence's first token: 0, or the number of tokens already in a key-value cache.
    pub first_position: usize,
}

/// `y[b, t] = scale · table[tokens[b, t]] + positions[first_position + t]`.
///
/// Shapes: `tokens` `[B, T]`, `y` `[B, T, C]`. A token outside the vocabulary and a position outside the table of
/// positions are errors that say where it stands.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Embedding}};
/// let table = Tensor::from_vec([3, 2], vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5])?;
/// let tokens = Tensor::from_vec([1, 2], vec![2, 0])?;
/// let mut y = Tensor::zeros([1, 2, 2])?;
/// let embedding = Embedding { table: table.view(), scale: 10.0, positions: None, first_position: 0 };
/// ops::embedding(&embedding, tokens.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [20.0, 25.0, 0.0, 5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn embedding(e: &Embedding, tokens: View<u32>, y: ViewMut) -> Result<()> {
    let check = Check::cpu("embedding", "y", y.stream())?;
    check.rank("table", e.table.shape(), 2, "[V, C]")?;
    check.rows("table", &e.table)?;
    let (vocab_size, width) = (e.table.dim(0), e.table.dim(1));
    check_tokens(&check, tokens, vocab_size)?;
    if let Some(positions) = e.positions {
        check_positions(&check, "positions", &positions, width, e.first_position, tokens.dim(1))?;
    }
    check.operand("y", &y, [tokens.dim(0), tokens.dim(1), width])?;
    cpu::embedding::embedding(e, tokens, y);
    Ok(())
}

/// The gradients of [`embedding()`]: `dtable[v] += scale · Σ dy[b, t]` over all b, t whose token is v, and
/// `dpositions[first_position + t] += Σ dy[b, t]` over all b.
///
/// Shapes: `tokens` `[B, T]`, `dy` `[B, T, C]`, `dtable` `[V, C]`, `dpositions` `[P, C]`. Both gradients are
/// accumulated into. Each element is summed in the order of the tokens, so repeated tokens give the same bits on every
/// run. The errors are those of [`embedding()`].
///
/// ```
/// use warpweave::{Tensor, ops};
/// let tokens = Tensor::from_vec([1, 3], vec![1, 0, 1])?;
/// let dy = Tensor::from_vec([1, 3, 1], vec![0.5, 2.0, 3.0])?;
/// let mut dtable = Tensor::zeros([2, 1])?;
/// ops::embedding_backward(tokens.view(), 1.0, 0, dy.view(), dtable.view_mut(), None)?;
/// assert_eq!(dtable.as_slice(), [2.0, 3.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn embedding_backward(
    tokens: View<u32>,
    scale: f32,
    first_position: usize,
    dy: View,
    dtable: ViewMut,
    dpositions: Option<ViewMut>,
) -> Result<()> {
    let check = Check::cpu("embedding_backward", "dtable", dtable.stream())?;
    check.rank("dtable", dtable.shape(), 2, "[V, C]")?;
    check.rows("dtable", &dtable)?;
    let (vocab_size, width) = (dtable.dim(0), dtable.dim(1));
    check_tokens(&check, tokens, vocab_size)?;
    if let Some(dpositions) = &dpositions {
        check_positions(&check, "dpositions", &dpositions.as_view(), width, first_position, tokens.dim(1))?;
    }
    check.operand("dy", &dy, [tokens.dim(0), tokens.dim(1), width])?;
    cpu::embedding::tokens_backward(tokens, scale, dy, dtable);
    if let Some(dpositions) = dpositions {
        cpu::embedding::positions_backward(first_position, dy, dpositions);
    }
    Ok(())
}

/// The fixed positions of the Transformer of 2017: `positions[p, 2i] = sin(p / 10000^(2i / C))`, and the cosine at 2i +
/// 1 (Vaswani et al. 2017, section 3.5). Shape `[P, C]`.
///
/// ```
/// use warpweave::{Tensor, ops};
/// let mut positions = Tensor::zeros([2, 4])?;
/// ops::sinusoidal_positions(positions.view_mut())?;
/// assert_eq!(positions.as_slice()[..4], [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(positions.as_slice()[4], 1f32.sin());
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn sinusoidal_positions(positions: ViewMut) -> Result<()> {
    let check = Check::cpu("sinusoidal_positions", "positions", positions.stream())?;
    check.rank("positions", positions.shape(), 2, "[P, C]")?;
    check.rows("positions", &positions)?;
    cpu::embedding::sinusoidal_positions(positions);
    Ok(())
}

fn check_tokens(check: &Check, tokens: View<u32>, vocab_size: usize) -> Result<()> {
    check.rank("tokens", tokens.shape(), 2, "[B, T]")?;
    check.rows("tokens", &tokens)?;
    for b in 0..tokens.dim(0) {
        let row = tokens.row([b]);
        if let Some(t) = row.iter().position(|&token| token as usize >= vocab_size) {
            let expected = format!("tokens below the vocabulary's size {vocab_size}");
            return Err(Error::argument(check.op, "tokens", expected, format_args!("{} at [{b}, {t}]", row[t])));
        }
    }
    Ok(())
}

fn check_positions(
    check: &Check,
    arg: &'static str,
    positions: &View,
    width: usize,
    first_position: usize,
    seq_len: usize,
) -> Result<()> {
    check.rank(arg, positions.shape(), 2, "[P, C]")?;
    check.rows(arg, positions)?;
    let len = positions.dim(0);
    check.shape(arg, positions.shape(), [len, width])?;
    if first_position.checked_add(seq_len).is_none_or(|end| end > len) {
        let expected = format!("at least {first_position} + {seq_len} positions");
        return Err(Error::argument(check.op, arg, expected, positions.shape()));
    }
    Ok(())
}
