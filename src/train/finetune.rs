//! Fine-tuning on labelled examples, as GPT-1 does it (Radford et al. 2018, sections 3.2 and 3.3).
//!
//! Every task becomes sequences of tokens that begin with a start token and end with an extract token, at whose hidden
//! state a linear head reads the answer:
//!
//! | task | sequences of an example |
//! |---|---|
//! | classification | start text extract |
//! | entailment | start first delimiter second extract |
//! | similarity | both orders of the pair; their hidden states are added |
//! | multiple choice | start context delimiter choice extract, for each choice; the scores compete |
//!
//! The loss is the cross-entropy of the answer plus `lm_weight` times the language model's on the same sequences.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::Tokenizer;
use crate::data::labelled::{Example, Input};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::eval::Confusion;
use crate::model::{Backward, Gradients, Mode, Pooled, Transformer, Workspace};
use crate::ops::CrossEntropy;
use crate::random::Rng;
use crate::train::optimizer::not_finite;
use crate::train::{Metrics, Optimizer, OptimizerOptions, Progress, Update};

/// The token that every sequence begins with, in pre-training too where the vocabulary has it.
pub const START: &str = "<|start|>";
/// The special tokens of fine-tuning. Those that a pre-trained model does not know are added to its vocabulary.
pub const SPECIALS: [&str; 3] = [START, "<|delimiter|>", "<|extract|>"];

/// The stream of random numbers that orders the examples.
const ORDER_STREAM: u64 = 0x0F1E;

/// One example in tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// `group × choices` sequences, each from start to extract token.
    pub sequences: Vec<Vec<u32>>,
    /// The number of the right answer.
    pub label: u32,
}

/// Lays texts out as the sequences of fine-tuning.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    start: u32,
    delimiter: u32,
    extract: u32,
    context: usize,
}

impl Layout {
    /// A layout whose sequences have at most `context` tokens. The tokenizer must have the [`SPECIALS`].
    pub fn new(tokenizer: &Tokenizer, context: usize) -> Result<Self> {
        let special = |name| {
            tokenizer.special(name).ok_or_else(|| Error::data("tokenizer", format!("a special token {name}"), "none"))
        };
        if context < SPECIALS.len() + 2 {
            return Err(Error::setting("finetune.context", format!("at least {}", SPECIALS.len() + 2), context));
        }
        let [start, delimiter, extract] = SPECIALS;
        Ok(Layout { start: special(start)?, delimiter: special(delimiter)?, extract: special(extract)?, context })
    }

    /// The sequences of an example: one, both orders of a pair where `both_orders`, or one for each choice.
    pub fn encode(&self, tokenizer: &Tokenizer, example: &Example, both_orders: bool) -> Result<Encoded> {
        let sequences = match &example.input {
            Input::Single(text) => vec![self.single(&tokenizer.encode(text)?)],
            Input::Pair { first, second } => {
                let (first, second) = (tokenizer.encode(first)?, tokenizer.encode(second)?);
                let reversed = both_orders.then(|| self.pair(&second, &first));
                std::iter::once(self.pair(&first, &second)).chain(reversed).collect()
            }
            Input::Choices { context, choices } => {
                let context = tokenizer.encode(context)?;
                let choice = |choice: &String| Ok(self.pair(&context, &tokenizer.encode(choice)?));
                choices.iter().map(choice).collect::<Result<_>>()?
            }
        };
        Ok(Encoded { sequences, label: example.label as u32 })
    }

    /// start text extract. A text that is too long loses its end.
    pub fn single(&self, text: &[u32]) -> Vec<u32> {
        let text = &text[..text.len().min(self.context - 2)];
        [&[self.start], text, &[self.extract]].concat()
    }

    /// start first delimiter second extract. Of a pair that is too long, the longer text loses its end first.
    pub fn pair(&self, first: &[u32], second: &[u32]) -> Vec<u32> {
        let room = self.context - SPECIALS.len();
        let half = room / 2;
        let first_len = first.len().min(half.max(room.saturating_sub(second.len())));
        let second_len = second.len().min(room - first_len);
        [&[self.start], &first[..first_len], &[self.delimiter], &second[..second_len], &[self.extract]].concat()
    }
}

/// How examples become batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchShape {
    /// Examples at a time.
    pub batch: usize,
    /// Sequences whose hidden states are added: 2 for similarity, otherwise 1.
    pub group: usize,
    /// Candidates that compete: the number of choices, otherwise 1.
    pub choices: usize,
}

/// What fine-tuning needs to know.
#[derive(Debug, Clone)]
pub struct FinetuneOptions {
    /// Examples per update, and what an example is.
    pub shape: BatchShape,
    /// What the optimizer does.
    pub optimizer: OptimizerOptions,
    /// The weight of the language model's loss.
    pub lm_weight: f32,
    /// The share of label smoothing, of the answers.
    pub label_smoothing: f32,
    /// The seed of the order of examples and of dropout.
    pub seed: u64,
}

/// Fine-tuning in progress.
#[derive(Debug)]
pub struct Finetuning<'a> {
    model: Transformer,
    optimizer: Optimizer,
    grads: Gradients,
    examples: &'a [Encoded],
    options: FinetuneOptions,
    room: Vec<Room>,
    /// The order of the examples in this epoch.
    order: Vec<usize>,
}

/// What one update did.
#[derive(Debug, Clone, Copy)]
pub struct FinetuneStep {
    /// The mean loss of the answers, in nats.
    pub loss: f32,
    /// The mean loss of the language model, in nats per token.
    pub lm_loss: f32,
    /// The tokens of the batch.
    pub tokens: usize,
    /// What the optimizer did.
    pub update: Update,
}

/// The memory of one batch shape.
#[derive(Debug)]
struct Room {
    examples: usize,
    work: Workspace,
    back: Option<Backward>,
    pooled: Pooled,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    extract: Vec<usize>,
    labels: Vec<u32>,
    seq_len: usize,
}

impl Room {
    fn new(model: &Transformer, shape: BatchShape, examples: usize, seq_len: usize, train: bool) -> Result<Self> {
        let (config, sequences) = (model.config(), examples * shape.group * shape.choices);
        let (work, back) = if train {
            (Workspace::for_training(config, sequences, seq_len)?, Some(Backward::new(config, sequences, seq_len)?))
        } else {
            (Workspace::for_inference(config, sequences, seq_len)?, None)
        };
        let pooled = Pooled::new(model, sequences, shape.group, shape.choices)?;
        let tokens = sequences * seq_len;
        Ok(Room {
            examples,
            work,
            back,
            pooled,
            inputs: vec![0; tokens],
            targets: vec![0; tokens],
            extract: vec![0; sequences],
            labels: vec![0; examples],
            seq_len,
        })
    }

    /// Copies a batch in; what stands behind the end of a sequence is no target, and causality hides it. Returns the number
    /// of its tokens.
    fn fill<'e>(&mut self, batch: impl Iterator<Item = &'e Encoded>) -> usize {
        let ignore = CrossEntropy::default().ignore_index;
        self.inputs.fill(0);
        self.targets.fill(ignore);
        let (mut row, mut tokens) = (0, 0);
        for (example, label) in batch.zip(&mut self.labels) {
            *label = example.label;
            for sequence in &example.sequences {
                let (start, len) = (row * self.seq_len, sequence.len());
                self.inputs[start..start + len].copy_from_slice(sequence);
                self.targets[start..start + len - 1].copy_from_slice(&sequence[1..]);
                self.extract[row] = len - 1;
                row += 1;
                tokens += len;
            }
        }
        tokens
    }
}

impl<'a> Finetuning<'a> {
    /// Prepares to train `model`, which has a head, on `examples`.
    pub fn new(model: Transformer, examples: &'a [Encoded], options: FinetuneOptions) -> Result<Self> {
        if examples.is_empty() || options.shape.batch == 0 {
            return Err(Error::data(
                "fine-tuning examples",
                "at least one, in batches of at least one",
                examples.len(),
            ));
        }
        check(&model, examples, options.shape)?;
        let optimizer = Optimizer::new(options.optimizer.clone(), &model)?;
        let grads = Gradients::new(model.layout())?;
        let seq_len = longest(examples);
        let batch = options.shape.batch.min(examples.len());
        let mut room = vec![Room::new(&model, options.shape, batch, seq_len, true)?];
        // The last batch of an epoch may be smaller.
        if !examples.len().is_multiple_of(batch) {
            room.push(Room::new(&model, options.shape, examples.len() % batch, seq_len, true)?);
        }
        Ok(Finetuning { model, optimizer, grads, examples, options, room, order: Vec::new() })
    }

    /// The updates of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.examples.len().div_ceil(self.room[0].examples) as u64
    }

    /// The model as it is.
    pub fn model(&self) -> &Transformer {
        &self.model
    }

    /// The trained model.
    pub fn into_model(self) -> Transformer {
        self.model
    }

    /// One update, on the next batch of the epoch's order.
    pub fn step(&mut self) -> Result<FinetuneStep> {
        let done = self.optimizer.step();
        let (epoch, index) = (done / self.steps_per_epoch(), (done % self.steps_per_epoch()) as usize);
        if index == 0 || self.order.is_empty() {
            self.order = (0..self.examples.len()).collect();
            Rng::new(self.options.seed, ORDER_STREAM + epoch).shuffle(&mut self.order);
        }
        let order = &self.order;
        let full = self.room[0].examples;
        let batch = &order[index * full..(index * full + full).min(order.len())];
        let room = if batch.len() == full { &mut self.room[0] } else { &mut self.room[1] };
        let tokens = room.fill(batch.iter().map(|&i| &self.examples[i]));

        let Finetuning { model, optimizer, grads, options, .. } = self;
        let mode = Mode::Training { seed: options.seed, pass: done };
        let Room { work, back, pooled, inputs, targets, extract, labels, .. } = room;
        let back = back.as_mut().expect("a room for training has one");
        Device::Cpu.scope(|| {
            let (weight, ce) = (options.lm_weight, CrossEntropy::default());
            let answers = CrossEntropy { label_smoothing: options.label_smoothing, ..ce };
            model.forward(mode, inputs, work)?;
            let lm_loss = model.language_model_loss_backward(&ce, weight, targets, work, grads, back)?.mean();
            model.classify(extract, work, pooled)?;
            let loss = model.classify_backward(&answers, labels, work, pooled, grads, back)?.mean();
            if !loss.is_finite() || !lm_loss.is_finite() {
                return Err(not_finite("loss", done + 1, loss + lm_loss));
            }
            model.backward(work, back, grads)?;
            Ok(FinetuneStep { loss, lm_loss, tokens, update: optimizer.update(model, grads)? })
        })
    }
}

/// Trains for `epochs` with a progress bar called `name`; each step is handed to `report`. Stops early, and returns `false`,
/// once `stop` is set.
pub fn run(
    finetuning: &mut Finetuning,
    name: &str,
    epochs: u64,
    stop: &AtomicBool,
    mut report: impl FnMut(&Metrics) -> Result<()>,
) -> Result<bool> {
    let steps = epochs * finetuning.steps_per_epoch();
    let mut progress = Progress::new(name, 0, steps);
    let mut tokens = 0;
    for step in 1..=steps {
        let done = finetuning.step()?;
        tokens += done.tokens as u64;
        progress.step(step, f64::from(done.loss), done.tokens as u64);
        report(&Metrics {
            step,
            epoch: Some(step as f64 / finetuning.steps_per_epoch() as f64),
            loss: Some(f64::from(done.loss)),
            lm_loss: Some(f64::from(done.lm_loss)),
            lr: Some(f64::from(done.update.lr)),
            grad_norm: Some(f64::from(done.update.grad_norm)),
            tokens: Some(tokens),
            tokens_per_second: Some(progress.tokens_per_second()),
            ..Metrics::default()
        })?;
        if stop.load(Ordering::Relaxed) && step < steps {
            progress.finish();
            return Ok(false);
        }
    }
    progress.finish();
    Ok(true)
}

/// The answers that a model gives, beside the right ones.
pub fn evaluate(model: &Transformer, examples: &[Encoded], labels: &[String], shape: BatchShape) -> Result<Confusion> {
    check(model, examples, shape)?;
    let mut confusion = Confusion::new(labels.iter().cloned())?;
    let seq_len = longest(examples);
    Device::Cpu.scope(|| {
        let mut room: Option<Room> = None;
        for batch in examples.chunks(shape.batch.max(1)) {
            let room = match &mut room {
                Some(room) if room.examples == batch.len() => room,
                room => room.insert(Room::new(model, shape, batch.len(), seq_len, false)?),
            };
            room.fill(batch.iter());
            model.forward(Mode::Inference, &room.inputs, &mut room.work)?;
            model.classify(&room.extract, &room.work, &mut room.pooled)?;
            let logits = room.pooled.logits();
            for (i, example) in batch.iter().enumerate() {
                let predicted = argmax(logits.row([i]));
                confusion.add(example.label as usize, predicted)?;
            }
        }
        Ok(confusion)
    })
}

fn argmax(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

fn longest(examples: &[Encoded]) -> usize {
    examples.iter().flat_map(|example| &example.sequences).map(Vec::len).max().unwrap_or(1)
}

fn check(model: &Transformer, examples: &[Encoded], shape: BatchShape) -> Result<()> {
    let sequences = shape.group * shape.choices;
    let classes = model.config().labels * shape.choices;
    let context = model.config().context;
    for (i, example) in examples.iter().enumerate() {
        let what = || format!("example {}", i + 1);
        if example.sequences.len() != sequences {
            return Err(Error::data(what(), format!("{sequences} sequences"), example.sequences.len()));
        }
        if let Some(bad) = example.sequences.iter().find(|sequence| !(2..=context).contains(&sequence.len())) {
            return Err(Error::data(what(), format!("2 to {context} tokens"), bad.len()));
        }
        if example.label as usize >= classes {
            return Err(Error::data(what(), format!("a label below {classes}"), example.label));
        }
    }
    Ok(())
}
