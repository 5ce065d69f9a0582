//! Token and position embeddings.

use std::ffi::c_void;

use super::launch::{
    Address, Launcher, PerDevice, WorkspaceSize, address_or_null, launch, launch_with_workspace, per_device,
    stride_or_zero,
};
use super::{Check, Dropout, Operand};
use crate::cpu;
use crate::error::{Error, Result};
use crate::ffi::{ww_embedding_backward_params, ww_embedding_params, ww_sinusoidal_positions_params};
use crate::tensor::{Float, Shape, View, ViewMut};

/// How [`embedding()`] makes rows of what it looks up; its backward pass takes the same.
#[derive(Clone, Copy)]
pub struct Embedding<'a> {
    /// What token rows are multiplied by: 1, or √C for the model of 2017 (Vaswani et al. 2017, section 3.4).
    pub scale: f32,
    /// The position of each sequence's first token: 0, or the number of tokens already in a key-value cache.
    pub first_position: usize,
    /// The position of each token, where they do not count up from `first_position`: several documents in one sequence, say.
    /// Shape `[B, T]`.
    pub position_ids: Option<View<'a, u32>>,
    /// Of the sum.
    pub dropout: Dropout,
}

impl Default for Embedding<'_> {
    /// Token rows as they are, positions from 0 on, no dropout.
    fn default() -> Self {
        Embedding { scale: 1.0, first_position: 0, position_ids: None, dropout: Dropout::default() }
    }
}

/// What [`embedding()`] looks up.
#[derive(Clone, Copy)]
pub struct EmbeddingTables<'a, W: Float = f32> {
    /// One row for each token of the vocabulary. Shape `[V, C]`.
    pub tokens: View<'a, W>,
    /// Where positions are learned or sinusoidal, one row for each, added as it is. Shape `[P, C]`.
    pub positions: Option<View<'a, W>>,
}

/// Where [`embedding_backward`] adds the gradients of [`EmbeddingTables`], in f32.
pub struct EmbeddingGrads<'a> {
    /// Shape `[V, C]`.
    pub tokens: ViewMut<'a>,
    /// If it is asked for. Shape `[P, C]`.
    pub positions: Option<ViewMut<'a>>,
}

const EMBEDDING: Launcher<ww_embedding_params> = per_device!(embedding);
const EMBEDDING_BACKWARD: Launcher<ww_embedding_backward_params> = per_device!(embedding_backward);
const EMBEDDING_BACKWARD_WORKSPACE: WorkspaceSize<ww_embedding_backward_params> =
    per_device!(embedding_backward_workspace);
const SINUSOIDAL_POSITIONS: Launcher<ww_sinusoidal_positions_params> = per_device!(sinusoidal_positions);

/// What the kernels take; the CPU takes any sizes.
const MAX_COLUMNS: usize = 1 << 20;
const MAX_TOKENS: usize = i32::MAX as usize;
const MAX_ROWS: usize = 1 << 31;

/// `y[b, t] = dropout(scale · table[tokens[b, t]] + positions[p])`, p being `first_position + t` or `position_ids[b, t]`.
///
/// The sum is made in f32 and rounded to T once, after dropout, which drops the elements of y that
/// [`dropout()`](super::dropout()) would drop. All devices give the same bits. Shapes: `tokens` `[B, T]`, `y` `[B, T, C]`, and
/// those of [`EmbeddingTables`], which may be of another type than y.
///
/// # Errors
/// Other shapes, gaps in a last axis, positions beyond their table, ids without a table, a dropout outside [0, 1), and on another
/// device than the CPU more than 2²⁰ columns, 2³¹ − 1 tokens or 2³¹ rows of a table. On the CPU, too, a token outside the
/// vocabulary, or an id outside the table of positions, with the place where it stands. What tokens a GPU's memory holds cannot be
/// known beforehand: there the row of y is NaN, whatever dropout drops of it.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Embedding, EmbeddingTables}};
/// let table = Tensor::from_vec([3, 2], vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5])?;
/// let tokens = Tensor::from_vec([1, 2], vec![2, 0])?;
/// let mut y = Tensor::<f32>::zeros([1, 2, 2])?;
/// let tables = EmbeddingTables { tokens: table.view(), positions: None };
/// ops::embedding(&Embedding { scale: 10.0, ..Embedding::default() }, tables, tokens.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [20.0, 25.0, 0.0, 5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn embedding<T: Float, W: Float>(
    e: &Embedding,
    tables: EmbeddingTables<W>,
    tokens: View<u32>,
    y: ViewMut<T>,
) -> Result<()> {
    let check = Check::new("embedding", "y", y.stream());
    let sizes = e.check(&check, ["table", "positions"], &tables.tokens, tables.positions.as_ref(), tokens)?;
    check.operand("y", &y, sizes.rows())?;
    if check.stream.is_host() {
        cpu::embedding::embedding(e, tables, tokens, y);
        return Ok(());
    }
    if y.is_empty() {
        return Ok(());
    }
    let (positions, ids) = (tables.positions.as_ref(), e.position_ids.as_ref());
    let params = ww_embedding_params {
        batch: sizes.batch as i64,
        seq_len: sizes.seq_len as i64,
        columns: sizes.columns as i64,
        vocab_size: sizes.vocab_size as i64,
        tokens: tokens.address().cast(),
        tokens_stride: tokens.stride(0),
        table: tables.tokens.address(),
        table_stride: tables.tokens.stride(0),
        positions: address_or_null(positions),
        positions_stride: stride_or_zero(positions, 0),
        position_count: sizes.position_count as i64,
        first_position: e.first_position as i64,
        position_ids: address_or_null(ids).cast(),
        position_ids_stride: stride_or_zero(ids, 0),
        y: y.address(),
        y_strides: [y.stride(0), y.stride(1)],
        dropout: e.dropout.into(),
        scale: e.scale,
        dtype: T::DTYPE as i32,
        weight_dtype: W::DTYPE as i32,
        reserved: 0,
    };
    // SAFETY: every operand above has passed the checks, with the shape that the header names; the kernels look at each token and
    // each id before they use it.
    unsafe { launch(&check, EMBEDDING, &params) }
}

/// The gradients of [`embedding()`] from `dy`, that of its output:
/// - `grads.tokens[v] += scale · Σ dropout(dy[b, t])` over all b, t whose token is v;
/// - `grads.positions[p] += Σ dropout(dy[b, t])` over all b, t whose position is p.
///
/// Both are added to what is there, and rows that nothing names are not touched: the table's gradient is as large as the
/// vocabulary, and where the table is the output projection, too, it already holds that one's gradient. Clear it first where it
/// holds nothing.
///
/// Shapes: `tokens` `[B, T]`, `dy` `[B, T, C]`, and those of [`EmbeddingGrads`]. The order in which an element is summed depends
/// on the shape, the tokens and the ids alone, so repeated tokens give the same bits on every run.
///
/// # Errors
/// As [`embedding()`]. On a GPU a token outside the vocabulary is left out of the tokens' gradient, an id outside the table out of
/// that of the positions.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Embedding, EmbeddingGrads}};
/// let tokens = Tensor::from_vec([1, 3], vec![1, 0, 1])?;
/// let dy = Tensor::from_vec([1, 3, 1], vec![0.5, 2.0, 3.0])?;
/// let mut dtable = Tensor::zeros([2, 1])?;
/// let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
/// ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads)?;
/// assert_eq!(dtable.as_slice(), [2.0, 3.5]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn embedding_backward<T: Float>(
    e: &Embedding,
    tokens: View<u32>,
    dy: View<T>,
    grads: EmbeddingGrads,
) -> Result<()> {
    let check = Check::new("embedding_backward", "dtable", grads.tokens.stream());
    let names = ["dtable", "dpositions"];
    // Ids matter to the gradient of positions alone.
    let used = Embedding { position_ids: e.position_ids.filter(|_| grads.positions.is_some()), ..*e };
    let sizes = used.check(&check, names, &grads.tokens, grads.positions.as_ref(), tokens)?;
    check.operand("dy", &dy, sizes.rows())?;
    if check.stream.is_host() {
        cpu::embedding::embedding_backward(e, tokens, dy, grads);
        return Ok(());
    }
    if dy.is_empty() {
        return Ok(());
    }
    let (positions, ids) = (grads.positions.as_ref(), used.position_ids.as_ref());
    let params = |workspace: *mut c_void, workspace_bytes| ww_embedding_backward_params {
        batch: sizes.batch as i64,
        seq_len: sizes.seq_len as i64,
        columns: sizes.columns as i64,
        vocab_size: sizes.vocab_size as i64,
        tokens: tokens.address().cast(),
        tokens_stride: tokens.stride(0),
        position_count: sizes.position_count as i64,
        first_position: e.first_position as i64,
        position_ids: address_or_null(ids).cast(),
        position_ids_stride: stride_or_zero(ids, 0),
        dy: dy.address(),
        dy_strides: [dy.stride(0), dy.stride(1)],
        dtable: grads.tokens.address().cast(),
        dtable_stride: grads.tokens.stride(0),
        dpositions: address_or_null(positions).cast(),
        dpositions_stride: stride_or_zero(positions, 0),
        workspace,
        workspace_bytes,
        dropout: e.dropout.into(),
        scale: e.scale,
        dtype: T::DTYPE as i32,
    };
    // SAFETY: as in `embedding`.
    unsafe { launch_with_workspace(&check, EMBEDDING_BACKWARD, EMBEDDING_BACKWARD_WORKSPACE, params) }
}

/// The fixed positions of the Transformer of 2017: `positions[p, 2i] = sin(p / 10000^(2i / C))`, and the cosine at 2i +
/// 1 (Vaswani et al. 2017, section 3.5). Shape `[P, C]`.
///
/// Computed in f64 on every device, and rounded to f32 and then to T. Beside that at most p · 2⁻⁵⁰ is wrong.
///
/// # Errors
/// Another shape, gaps in the last axis, and more than 2²⁰ columns on another device than the CPU.
///
/// ```
/// use warpweave::{Tensor, ops};
/// let mut positions = Tensor::<f32>::zeros([2, 4])?;
/// ops::sinusoidal_positions(positions.view_mut())?;
/// assert_eq!(positions.as_slice()[..4], [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(positions.as_slice()[4], 1f32.sin());
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn sinusoidal_positions<T: Float>(positions: ViewMut<T>) -> Result<()> {
    let check = Check::new("sinusoidal_positions", "positions", positions.stream());
    check.rank("positions", positions.shape(), 2, "[P, C]")?;
    check.rows("positions", &positions)?;
    if check.stream.is_host() {
        cpu::embedding::sinusoidal_positions(positions);
        return Ok(());
    }
    at_most(&check, "positions", MAX_COLUMNS, "columns", positions.dim(1))?;
    let params = ww_sinusoidal_positions_params {
        rows: positions.dim(0) as i64,
        columns: positions.dim(1) as i64,
        positions: positions.address(),
        positions_stride: positions.stride(0),
        dtype: T::DTYPE as i32,
        reserved: 0,
    };
    // SAFETY: the operand has passed the checks, with the shape that the header names.
    unsafe { launch(&check, SINUSOIDAL_POSITIONS, &params) }
}

struct Sizes {
    batch: usize,
    seq_len: usize,
    columns: usize,
    vocab_size: usize,
    /// 0 without a table of positions.
    position_count: usize,
}

impl Sizes {
    /// The shape of y and dy.
    fn rows(&self) -> [usize; 3] {
        [self.batch, self.seq_len, self.columns]
    }
}

impl Embedding<'_> {
    /// What both passes check; the tables are called `names`.
    fn check(
        &self,
        check: &Check,
        names: [&'static str; 2],
        table: &impl Operand,
        positions: Option<&impl Operand>,
        tokens: View<u32>,
    ) -> Result<Sizes> {
        let [vocab_size, columns] = matrix(check, names[0], table, "[V, C]")?;
        let [batch, seq_len] = matrix(check, "tokens", &tokens, "[B, T]")?;
        check_indices(
            check,
            "tokens",
            tokens,
            || format!("tokens below the vocabulary's size {vocab_size}"),
            vocab_size,
        )?;
        self.dropout.check(check, "dropout.p")?;
        let mut position_count = 0;
        if let Some(positions) = positions {
            [position_count, _] = matrix(check, names[1], positions, "[P, C]")?;
            check.shape(names[1], positions.shape(), [position_count, columns])?;
        }
        match self.position_ids {
            Some(ids) => {
                check.that(positions.is_some(), "position_ids", "a table of positions for ids", "none")?;
                check.operand("position_ids", &ids, [batch, seq_len])?;
                let expected = || format!("positions below {position_count}, the rows of their table");
                check_indices(check, "position_ids", ids, expected, position_count)?;
            }
            None if positions.is_some() => {
                let first = self.first_position;
                if first.checked_add(seq_len).is_none_or(|end| end > position_count) {
                    let expected = format!("at least {first} + {seq_len} positions");
                    return Err(Error::argument(check.op, names[1], expected, Shape::from([position_count, columns])));
                }
            }
            None => {}
        }
        if !check.stream.is_host() {
            at_most(check, names[0], MAX_COLUMNS, "columns", columns)?;
            at_most(check, names[0], MAX_ROWS, "rows", vocab_size)?;
            at_most(check, names[1], MAX_ROWS, "rows", position_count)?;
            at_most(check, "tokens", MAX_TOKENS, "tokens", tokens.len())?;
        }
        Ok(Sizes { batch, seq_len, columns, vocab_size, position_count })
    }
}

/// The operand must be a matrix without gaps in its rows: its sizes.
fn matrix(check: &Check, arg: &'static str, operand: &impl Operand, names: &'static str) -> Result<[usize; 2]> {
    let shape = operand.shape();
    check.rank(arg, shape, 2, names)?;
    check.rows(arg, operand)?;
    Ok([shape.dims()[0], shape.dims()[1]])
}

fn at_most(check: &Check, arg: &'static str, most: usize, what: &str, got: usize) -> Result<()> {
    check.that(got <= most, arg, &format!("at most {most} {what} on this device"), got)
}

/// Where the host can look at them, all indices must be below `limit`.
fn check_indices(
    check: &Check,
    arg: &'static str,
    indices: View<u32>,
    expected: impl Fn() -> String,
    limit: usize,
) -> Result<()> {
    if !check.stream.is_host() {
        return Ok(());
    }
    for b in 0..indices.dim(0) {
        let row = indices.row([b]);
        if let Some(t) = row.iter().position(|&index| index as usize >= limit) {
            return Err(Error::argument(check.op, arg, expected(), format_args!("{} at [{b}, {t}]", row[t])));
        }
    }
    Ok(())
}
