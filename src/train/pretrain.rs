//! Pre-training: next-token prediction on a corpus of tokens.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Consecutive, Tokens, Windows};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::{Backward, Gradients, Loss, Mode, Transformer, Workspace};
use crate::ops::CrossEntropy;
use crate::train::optimizer::not_finite;
use crate::train::{Optimizer, OptimizerOptions, Update};

/// What decides how pre-training goes, and so what a resumed run must share with the run that it goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainOptions {
    /// Sequences per forward pass.
    pub batch: usize,
    /// Tokens per sequence.
    pub context: usize,
    /// Forward passes whose gradients are averaged before an update.
    pub accumulate: usize,
    /// A token that every sequence begins with, so that fine-tuning's start token is a familiar one.
    pub start: Option<u32>,
    /// What the optimizer does.
    pub optimizer: OptimizerOptions,
    /// The share of label smoothing.
    pub label_smoothing: f32,
    /// The seed of batches and dropout.
    pub seed: u64,
}

/// Pre-training in progress.
///
/// Batches and dropout masks are functions of the seed and the step, so that model, optimizer and step are its whole state.
#[derive(Debug)]
pub struct Pretraining {
    model: Transformer,
    optimizer: Optimizer,
    grads: Gradients,
    work: Workspace,
    back: Backward,
    windows: Windows,
    options: PretrainOptions,
    inputs: Vec<u32>,
    targets: Vec<u32>,
}

/// What one update did.
#[derive(Debug, Clone, Copy)]
pub struct PretrainStep {
    /// The mean loss, in nats per token.
    pub loss: f32,
    /// The tokens trained on.
    pub tokens: usize,
    /// What the optimizer did.
    pub update: Update,
}

impl Pretraining {
    /// Prepares to train `model` on `corpus`.
    pub fn new(model: Transformer, corpus: Arc<Tokens>, options: PretrainOptions) -> Result<Self> {
        let optimizer = Optimizer::new(options.optimizer.clone(), &model)?;
        Self::resume(model, optimizer, corpus, options)
    }

    /// Goes on with a model and an optimizer that have been trained before.
    pub fn resume(
        model: Transformer,
        optimizer: Optimizer,
        corpus: Arc<Tokens>,
        options: PretrainOptions,
    ) -> Result<Self> {
        let config = model.config();
        let at_least_one = |key: &str, value: usize| {
            if value == 0 { Err(Error::setting(key, "at least 1", value)) } else { Ok(()) }
        };
        at_least_one("train.batch", options.batch)?;
        at_least_one("train.context", options.context)?;
        at_least_one("train.accumulate", options.accumulate)?;
        if options.context > config.context {
            let expected = format!("at most the model's {}", config.context);
            return Err(Error::setting("train.context", expected, options.context));
        }
        let windows = Windows::new(corpus, options.context, options.seed)?;
        let tokens = options.batch.checked_mul(options.context).and_then(|n| n.checked_mul(options.accumulate));
        if tokens.is_none_or(|tokens| tokens >= 1 << 40) {
            let got = format!("{} × {} × {}", options.batch, options.context, options.accumulate);
            return Err(Error::setting("train.accumulate", "fewer than 2⁴⁰ tokens a step", got));
        }
        let work = Workspace::for_training(config, options.batch, options.context)?;
        let len = work.rows();
        Ok(Pretraining {
            grads: Gradients::new(model.layout())?,
            work,
            back: Backward::new(config, options.batch, options.context)?,
            inputs: vec![0; len],
            targets: vec![0; len],
            model,
            optimizer,
            windows,
            options,
        })
    }

    /// The model as it is.
    pub fn model(&self) -> &Transformer {
        &self.model
    }

    /// The trained model.
    pub fn into_model(self) -> Transformer {
        self.model
    }

    /// The optimizer as it is.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// What was asked for.
    pub fn options(&self) -> &PretrainOptions {
        &self.options
    }

    /// The tokens trained on.
    pub fn corpus(&self) -> &Tokens {
        self.windows.tokens()
    }

    /// The number of updates so far.
    pub fn steps_done(&self) -> u64 {
        self.optimizer.step()
    }

    /// The number of times that the corpus has been gone through.
    pub fn epoch(&self) -> f64 {
        let per_step = self.options.batch * self.options.accumulate;
        self.steps_done() as f64 * per_step as f64 / self.windows.per_epoch() as f64
    }

    /// The loss of the next batch, without learning from it: whether the last update left a model that works.
    pub fn next_loss(&mut self) -> Result<f32> {
        let Pretraining { model, optimizer, work, windows, options, inputs, targets, .. } = self;
        let pass = optimizer.step() * options.accumulate as u64;
        Device::Cpu.scope(|| {
            windows.batch(pass, options.batch, inputs, targets)?;
            begin_with(options.start, options.context, inputs);
            model.forward(Mode::Inference, inputs, work)?;
            Ok(model.language_model_loss(&CrossEntropy::default(), targets, work)?.mean())
        })
    }

    /// One update. A loss or gradient that is not finite is an [`Error::NotFinite`] and changes nothing.
    pub fn step(&mut self) -> Result<PretrainStep> {
        let Pretraining { model, optimizer, grads, work, back, windows, options, inputs, targets } = self;
        let (done, accumulate) = (optimizer.step(), options.accumulate as u64);
        let ce = CrossEntropy { label_smoothing: options.label_smoothing, ..CrossEntropy::default() };
        Device::Cpu.scope(|| {
            let mut loss = Loss::default();
            for i in 0..accumulate {
                let pass = done * accumulate + i;
                windows.batch(pass, options.batch, inputs, targets)?;
                begin_with(options.start, options.context, inputs);
                grads.accumulate = i > 0;
                model.forward(Mode::Training { seed: options.seed, pass }, inputs, work)?;
                let weight = 1.0 / accumulate as f32;
                loss.add(model.language_model_loss_backward(&ce, weight, targets, work, grads, back)?);
                if !loss.mean().is_finite() {
                    return Err(not_finite("loss", done + 1, loss.mean()));
                }
                model.backward(work, back, grads)?;
            }
            let update = optimizer.update(model, grads)?;
            Ok(PretrainStep { loss: loss.mean(), tokens: loss.tokens, update })
        })
    }
}

/// Puts `start` in the place of each sequence's first token.
fn begin_with(start: Option<u32>, context: usize, inputs: &mut [u32]) {
    if let Some(start) = start {
        inputs.iter_mut().step_by(context).for_each(|first| *first = start);
    }
}

/// The loss over the first `limit` tokens of `corpus` (rounded up to whole sequences), in sequences of at most `context`
/// tokens one after another, each of which begins with `start` where given.
pub fn evaluate(
    model: &Transformer,
    corpus: &Arc<Tokens>,
    batch: usize,
    context: usize,
    start: Option<u32>,
    limit: u64,
) -> Result<Loss> {
    if batch == 0 || limit == 0 {
        return Err(Error::argument(
            "evaluate_language_model",
            "batch, limit",
            "at least 1",
            format!("{batch}, {limit}"),
        ));
    }
    let ce = CrossEntropy::default();
    let sequences = Consecutive::new(corpus.clone(), context)?;
    let windows = sequences.windows().min(limit.div_ceil(context as u64));
    let batch = batch.min(windows as usize);
    let mut work = Workspace::for_inference(model.config(), batch, context)?;
    let (mut inputs, mut targets) = (vec![0; batch * context], vec![0; batch * context]);
    Device::Cpu.scope(|| {
        let mut loss = Loss::default();
        for first in (0..windows).step_by(batch) {
            sequences.batch(first, batch, &mut inputs, &mut targets, ce.ignore_index)?;
            // The last batch stops at the limit, too.
            let counted = (windows - first).min(batch as u64) as usize * context;
            targets[counted..].fill(ce.ignore_index);
            begin_with(start, context, &mut inputs);
            model.forward(Mode::Inference, &inputs, &mut work)?;
            loss.add(model.language_model_loss(&ce, &targets, &mut work)?);
        }
        Ok(loss)
    })
}
