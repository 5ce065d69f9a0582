//! The classification head: a linear layer over the hidden state at chosen tokens (Radford et al. 2018, section 3.2).

use crate::error::{Error, Result};
use crate::model::layers::Place;
use crate::model::loss::Loss;
use crate::model::parameters::{Gradients, Slot};
use crate::model::transformer::Transformer;
use crate::model::workspace::{Backward, Workspace};
use crate::ops::{self, CrossEntropy, Gemm};
use crate::tensor::{Tensor, View};

/// Which hidden states are classified, and what the head makes of them.
///
/// An example has `choices` candidates, and a candidate `group` sequences whose hidden states are added: 1 × 1 for a single
/// text or an entailment pair, 1 × 2 for a similarity pair in both orders, n × 1 for multiple choice, where the head has
/// one output and the choices compete.
#[derive(Debug)]
pub struct Pooled {
    /// For each sequence the position of its extract token.
    positions: Vec<usize>,
    group: usize,
    choices: usize,
    states: Tensor,
    dropped: Tensor,
    logits: Tensor,
    losses: Tensor,
}

impl Pooled {
    /// Room for `sequences` sequences.
    pub fn new(model: &Transformer, sequences: usize, group: usize, choices: usize) -> Result<Self> {
        let (labels, width) = (model.config().labels, model.config().width);
        let per_example = group * choices;
        if per_example == 0 || !sequences.is_multiple_of(per_example) {
            let expected = format!("a multiple of {group} × {choices}");
            return Err(Error::argument("Pooled", "sequences", expected, sequences));
        }
        if labels == 0 || (choices > 1 && labels != 1) {
            let expected = if choices > 1 { "a head with 1 output" } else { "a classification head" };
            return Err(Error::argument("Pooled", "model", expected, format!("{labels} outputs")));
        }
        let candidates = sequences / group;
        Ok(Pooled {
            positions: Vec::with_capacity(sequences),
            group,
            choices,
            states: Tensor::zeros([candidates, width])?,
            dropped: Tensor::zeros([candidates, width])?,
            logits: Tensor::zeros([candidates, labels])?,
            losses: Tensor::zeros([candidates / choices])?,
        })
    }

    fn classes(&self) -> usize {
        self.logits.shape().dims()[1] * self.choices
    }

    /// The logits of the last [`Transformer::classify`], [examples, classes].
    pub fn logits(&self) -> View<'_> {
        let shape = [self.losses.len(), self.classes()];
        View::contiguous(self.logits.as_slice(), shape)
    }
}

impl Transformer {
    fn score_slot(&self) -> Result<Slot> {
        self.layout().score.ok_or_else(|| Error::argument("classify", "model", "a classification head", "none"))
    }

    /// Computes the class logits of the last forward pass' sequences, each read at its extract token.
    pub fn classify(&self, extract: &[usize], work: &Workspace, pooled: &mut Pooled) -> Result<()> {
        let seq_len = work.seq_len;
        let score = self.score_slot()?.view(self.parameters());
        if extract.len() != work.batch {
            return Err(Error::argument("classify", "extract", work.batch, extract.len()));
        }
        let room = pooled.states.shape().dims()[0] * pooled.group;
        if room != work.batch {
            let expected = format!("room for {} sequences", work.batch);
            return Err(Error::argument("classify", "pooled", expected, room));
        }
        if let Some(position) = extract.iter().find(|&&position| position >= seq_len) {
            return Err(Error::argument("classify", "extract", format!("positions below {seq_len}"), position));
        }
        pooled.positions.clear();
        pooled.positions.extend_from_slice(extract);
        let hidden = self.hidden(work);
        pooled.states.as_mut_slice().fill(0.0);
        for (i, position) in extract.iter().enumerate() {
            let mut states = pooled.states.view_mut();
            let state = states.row_mut([i / pooled.group]);
            state.iter_mut().zip(hidden.row([i * seq_len + position])).for_each(|(sum, x)| *sum += x);
        }
        let dropout = self.pass(work.mode, work.batch, seq_len, 0).dropout(Place::Head);
        ops::dropout(pooled.states.view(), dropout, pooled.dropped.view_mut())?;
        ops::gemm(pooled.dropped.view(), score.t(), pooled.logits.view_mut(), Gemm::default())
    }

    /// The loss of [`Transformer::classify`]'s logits, and the gradients of its mean: the head's is added to
    /// `grads`, the hidden states' to what [`Transformer::language_model_loss_backward`] has left in `back`.
    pub fn classify_backward(
        &self,
        options: &CrossEntropy,
        labels: &[u32],
        work: &Workspace,
        pooled: &mut Pooled,
        grads: &mut Gradients,
        back: &mut Backward,
    ) -> Result<Loss> {
        self.check_backward("classify_backward", work, grads, back)?;
        if pooled.positions.len() != work.batch {
            return Err(Error::argument("classify_backward", "pooled", work.batch, pooled.positions.len()));
        }
        let slot = self.score_slot()?;
        let (examples, classes) = (pooled.losses.len(), pooled.classes());
        let scale = 1.0 / examples.max(1) as f32;
        let logits = pooled.logits.view_mut().reshape([examples, classes])?;
        if labels.len() != examples {
            return Err(Error::argument("classify_backward", "labels", examples, labels.len()));
        }
        let targets = View::contiguous(labels, [examples]);
        ops::cross_entropy_fused(options, scale, logits, targets, pooled.losses.view_mut())?;

        let d_logits = pooled.logits.view();
        let d_score = slot.view_mut(&mut grads.flat);
        ops::gemm(d_logits.t(), pooled.dropped.view(), d_score, Gemm { beta: 1.0, ..Gemm::default() })?;
        let score = slot.view(self.parameters());
        ops::gemm(d_logits, score, pooled.states.view_mut(), Gemm::default())?;
        let dropout = self.pass(work.mode, work.batch, work.seq_len, 0).dropout(Place::Head);
        ops::dropout(pooled.states.view(), dropout, pooled.dropped.view_mut())?;
        for (i, position) in pooled.positions.iter().enumerate() {
            let (mut d, d_states) = (back.d.view_mut(), pooled.dropped.view());
            let d = d.row_mut([i * work.seq_len + position]);
            d.iter_mut().zip(d_states.row([i / pooled.group])).for_each(|(sum, x)| *sum += x);
        }
        let sum = pooled.losses.as_slice().iter().map(|&loss| f64::from(loss)).sum();
        Ok(Loss { sum, tokens: examples })
    }
}
