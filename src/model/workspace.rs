//! What the passes compute, allocated once for a batch shape.

use crate::error::{Error, Result};
use crate::model::config::{Config, FeedForwardKind, NormPosition};
use crate::model::transformer::Mode;
use crate::tensor::Tensor;

/// The statistics of a norm, a row each.
#[derive(Debug)]
pub(crate) struct NormActivations {
    pub mean: Tensor,
    pub rstd: Tensor,
}

/// What self-attention keeps: packed queries, keys and values, its output, the log-sum-exp of its scores.
#[derive(Debug)]
pub(crate) struct AttentionActivations {
    pub qkv: Tensor,
    pub attended: Tensor,
    pub lse: Tensor,
}

/// What the feed-forward layer keeps, before and after its non-linearity.
#[derive(Debug)]
pub(crate) struct FeedForwardActivations {
    pub up: Tensor,
    pub activated: Tensor,
}

/// What one block keeps. `normed2` is for pre-norm, `sum` for post-norm; the other one is empty.
#[derive(Debug)]
pub(crate) struct BlockActivations {
    pub norm1: NormActivations,
    pub normed1: Tensor,
    pub attention: AttentionActivations,
    pub middle: Tensor,
    pub norm2: NormActivations,
    pub normed2: Tensor,
    pub feed_forward: FeedForwardActivations,
    pub sum: Tensor,
}

/// The activations of a forward pass over a batch of B sequences of T tokens.
///
/// A workspace for training keeps every block's activations for the backward pass; one for inference has room for a
/// single block, which all share.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) batch: usize,
    pub(crate) seq_len: usize,
    /// The residual stream before each block and after the last: `layers + 1` of them, or 2 taken in turns.
    pub(crate) stream: Vec<Tensor>,
    pub(crate) blocks: Vec<BlockActivations>,
    pub(crate) final_norm: NormActivations,
    /// The output of the last norm `[B T, C]`; empty for post-norm, which ends with the stream.
    pub(crate) normed: Tensor,
    /// A branch of a residual connection before its dropout.
    pub(crate) branch: Tensor,
    /// The logits of some rows, and their losses.
    pub(crate) logits: Tensor,
    pub(crate) losses: Tensor,
    /// What the last forward pass was given.
    pub(crate) tokens: Tensor<u32>,
    pub(crate) mode: Mode,
}

/// The scratch of a backward pass.
#[derive(Debug)]
pub struct Backward {
    /// The gradient of the hidden states `[B T, C]`: what the losses write and the backward pass takes.
    pub(crate) d: Tensor,
    pub(crate) other: Tensor,
    pub(crate) through: Tensor,
    pub(crate) scratch: Scratch,
}

/// The gradients inside one block.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub branch: Tensor,
    pub attended: Tensor,
    pub qkv: Tensor,
    pub up: Tensor,
    /// The gradient after a gated non-linearity; empty for the others, whose gradient is fused into the product before.
    pub activated: Tensor,
}

/// The logits of this many elements at a time (64 MB): rows of a large vocabulary are taken in pieces.
const LOGITS_ELEMENTS: usize = 16 << 20;

impl Workspace {
    /// For a forward pass and its backward.
    pub fn for_training(config: &Config, batch: usize, seq_len: usize) -> Result<Self> {
        Self::new(config, batch, seq_len, config.layers, config.layers + 1)
    }

    /// For forward passes alone.
    pub fn for_inference(config: &Config, batch: usize, seq_len: usize) -> Result<Self> {
        Self::new(config, batch, seq_len, 1, 2)
    }

    fn new(config: &Config, batch: usize, seq_len: usize, blocks: usize, streams: usize) -> Result<Self> {
        let (rows, c) = (rows(config, batch, seq_len)?, config.width);
        let norm =
            || Ok::<_, crate::Error>(NormActivations { mean: Tensor::zeros([rows])?, rstd: Tensor::zeros([rows])? });
        let if_norm = |position| if config.norm_position == position { rows } else { 0 };
        let block = || {
            Ok::<_, crate::Error>(BlockActivations {
                norm1: norm()?,
                normed1: Tensor::zeros([rows, c])?,
                attention: AttentionActivations {
                    qkv: Tensor::zeros([rows, config.qkv_width()])?,
                    attended: Tensor::zeros([rows, c])?,
                    lse: Tensor::zeros([batch, config.heads, seq_len])?,
                },
                middle: Tensor::zeros([rows, c])?,
                norm2: norm()?,
                normed2: Tensor::zeros([if_norm(NormPosition::Pre), c])?,
                feed_forward: FeedForwardActivations {
                    up: Tensor::zeros([rows, config.up_width()])?,
                    activated: Tensor::zeros([rows, config.ffn_width])?,
                },
                sum: Tensor::zeros([if_norm(NormPosition::Post), c])?,
            })
        };
        let logit_rows = (LOGITS_ELEMENTS / config.vocab_size).clamp(batch.max(1), rows.max(1));
        Ok(Workspace {
            batch,
            seq_len,
            stream: (0..streams).map(|_| Tensor::zeros([rows, c])).collect::<Result<_>>()?,
            blocks: (0..blocks).map(|_| block()).collect::<Result<_>>()?,
            final_norm: norm()?,
            normed: Tensor::zeros([if_norm(NormPosition::Pre), c])?,
            branch: Tensor::zeros([rows, c])?,
            logits: Tensor::zeros([logit_rows, config.vocab_size])?,
            losses: Tensor::zeros([logit_rows])?,
            tokens: Tensor::zeros([batch, seq_len])?,
            mode: Mode::Inference,
        })
    }

    /// The number of tokens in a batch, B T.
    pub fn rows(&self) -> usize {
        self.batch * self.seq_len
    }

    /// The hidden states of the last forward pass `[B T, C]`.
    pub(crate) fn hidden(&self, config: &Config) -> &Tensor {
        hidden(config, &self.normed, &self.stream)
    }

    /// The hidden states, and the room for logits and losses.
    pub(crate) fn hidden_and_logits(&mut self, config: &Config) -> (&Tensor, &mut Tensor, &mut Tensor) {
        (hidden(config, &self.normed, &self.stream), &mut self.logits, &mut self.losses)
    }
}

/// The number of tokens of a batch that the model can take.
fn rows(config: &Config, batch: usize, seq_len: usize) -> Result<usize> {
    config.check()?;
    let rows = batch.checked_mul(seq_len).filter(|&rows| rows > 0 && seq_len <= config.context);
    rows.ok_or_else(|| {
        let expected = format!("at least one sequence of 1 to {} tokens", config.context);
        Error::argument("Workspace", "batch, seq_len", expected, format!("{batch} × {seq_len}"))
    })
}

fn hidden<'a>(config: &Config, normed: &'a Tensor, stream: &'a [Tensor]) -> &'a Tensor {
    match config.norm_position {
        NormPosition::Pre => normed,
        NormPosition::Post => &stream[config.layers % stream.len()],
    }
}

impl Backward {
    /// For the backward pass of a [`Workspace::for_training`] of the same shape.
    pub fn new(config: &Config, batch: usize, seq_len: usize) -> Result<Self> {
        let (rows, c) = (rows(config, batch, seq_len)?, config.width);
        let gated = if config.feed_forward == FeedForwardKind::Swiglu { rows } else { 0 };
        let dropped = if config.dropout > 0.0 { rows } else { 0 };
        Ok(Backward {
            d: Tensor::zeros([rows, c])?,
            other: Tensor::zeros([rows, c])?,
            through: Tensor::zeros([rows, c])?,
            scratch: Scratch {
                branch: Tensor::zeros([dropped, c])?,
                attended: Tensor::zeros([rows, c])?,
                qkv: Tensor::zeros([rows, config.qkv_width()])?,
                up: Tensor::zeros([rows, config.up_width()])?,
                activated: Tensor::zeros([gated, config.ffn_width])?,
            },
        })
    }
}
