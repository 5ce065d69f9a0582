//! The language model's loss: cross-entropy of the next token.

use crate::error::{Error, Result};
use crate::model::parameters::Gradients;
use crate::model::transformer::Transformer;
use crate::model::workspace::{Backward, Workspace};
use crate::ops::{self, CrossEntropy, Gemm};
use crate::tensor::{View, ViewMut};

/// A sum of losses over tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// Σ loss, in nats.
    pub sum: f64,
    /// The number of targets that count.
    pub tokens: usize,
}

impl Loss {
    /// Nats per token; 0 when no target counts.
    pub fn mean(&self) -> f32 {
        if self.tokens == 0 { 0.0 } else { (self.sum / self.tokens as f64) as f32 }
    }

    /// Both together.
    pub fn add(&mut self, other: Loss) {
        self.sum += other.sum;
        self.tokens += other.tokens;
    }
}

/// Some rows of the hidden states and their logits.
struct Piece<'a> {
    start: usize,
    hidden: View<'a>,
    logits: ViewMut<'a>,
    targets: View<'a, u32>,
    losses: ViewMut<'a>,
}

impl Transformer {
    /// The loss of the last forward pass' hidden states for `targets` `[B T]`.
    pub fn language_model_loss(&self, options: &CrossEntropy, targets: &[u32], work: &mut Workspace) -> Result<Loss> {
        self.for_logits(options, targets, work, |piece| {
            ops::cross_entropy(options, piece.logits.as_view(), piece.targets, piece.losses.reborrow())
        })
    }

    /// The same, and the gradients of `weight` times the mean loss: of the output projection in `grads`, of the hidden
    /// states in `back`.
    ///
    /// Logits are made and used up in pieces, so those of all tokens need never exist at once.
    pub fn language_model_loss_backward(
        &self,
        options: &CrossEntropy,
        weight: f32,
        targets: &[u32],
        work: &mut Workspace,
        grads: &mut Gradients,
        back: &mut Backward,
    ) -> Result<Loss> {
        self.check_backward("language_model_loss_backward", work, grads, back)?;
        let scale = weight / count(options, targets).max(1) as f32;
        let output = self.output_slot();
        let mut beta = grads.beta();
        if let Some(score) = self.layout().score {
            grads.clear_unless_accumulating(score);
        }
        self.for_logits(options, targets, work, |piece| {
            let Piece { start, hidden, logits, targets, losses } = piece;
            ops::cross_entropy_fused(options, scale, logits.reborrow(), *targets, losses.reborrow())?;
            let d = back.d.view_mut().narrow(0, *start, hidden.dim(0));
            ops::gemm(logits.as_view(), output.view(self.parameters()), d, Gemm::default())?;
            let d_output = output.view_mut(&mut grads.flat);
            ops::gemm(logits.as_view().t(), *hidden, d_output, Gemm { beta, ..Gemm::default() })?;
            beta = 1.0;
            Ok(())
        })
    }

    /// Makes the logits piece by piece and lets `f` turn them into losses.
    fn for_logits(
        &self,
        options: &CrossEntropy,
        targets: &[u32],
        work: &mut Workspace,
        mut f: impl FnMut(&mut Piece) -> Result<()>,
    ) -> Result<Loss> {
        let rows = work.batch * work.seq_len;
        if targets.len() != rows {
            return Err(Error::argument("language_model_loss", "targets", rows, targets.len()));
        }
        let weight = self.output_slot().view(self.parameters()).t();
        let (hidden, logits, losses) = work.hidden_and_logits(self.config());
        let mut loss = Loss { sum: 0.0, tokens: count(options, targets) };
        for (i, targets) in targets.chunks(logits.shape().dims()[0]).enumerate() {
            let (start, len) = (i * logits.shape().dims()[0], targets.len());
            let mut piece = Piece {
                start,
                hidden: hidden.view().narrow(0, start, len),
                logits: logits.view_mut().narrow(0, 0, len),
                targets: View::contiguous(targets, [len]),
                losses: losses.view_mut().narrow(0, 0, len),
            };
            ops::gemm(piece.hidden, weight, piece.logits.reborrow(), Gemm::default())?;
            f(&mut piece)?;
            loss.sum += piece.losses.as_slice().iter().map(|&loss| f64::from(loss)).sum::<f64>();
        }
        Ok(loss)
    }
}

/// How many targets count.
fn count(options: &CrossEntropy, targets: &[u32]) -> usize {
    targets.iter().filter(|&&target| target != options.ignore_index).count()
}
