//! A pre-training run: steps with a progress bar, evaluations, samples, metrics, curves and checkpoints, until it is done
//! or stopped.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::{Tokenizer, Tokens};
use crate::error::{Error, Result};
use crate::eval::{Curve, Perplexity, Style, loss_curves};
use crate::file::{remove_leftovers, write_atomically};
use crate::generate::{self, Request};
use crate::ops::Sampling;
use crate::train::checkpoint::{self, State};
use crate::train::pretrain::{Pretraining, evaluate};
use crate::train::{Metrics, MetricsLog, Progress};

/// The file names of a run's folder.
pub const METRICS: &str = "metrics.jsonl";
/// The loss curves.
pub const CURVES: &str = "loss.svg";
/// What the model wrote as it learned.
pub const SAMPLES: &str = "samples.txt";

/// How many tokens of the validation text are decoded at a time, to count its bytes.
const DECODED_TOKENS: usize = 1 << 16;

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// What the run is called, by the progress bar and over the curves.
    pub name: &'static str,
    /// The folder for everything that is written.
    pub out: PathBuf,
    /// The last step of the schedule.
    pub steps: u64,
    /// Where to pause before that.
    pub stop_at: Option<u64>,
    /// Steps between evaluations; 0: at the end alone.
    pub eval_every: u64,
    /// The most tokens of an evaluation.
    pub eval_tokens: u64,
    /// Steps between checkpoints; 0: at the end alone.
    pub save_every: u64,
    /// Steps between samples; 0: none.
    pub sample_every: u64,
    /// The text that samples go on from; nothing to begin a document.
    pub sample_prompt: String,
    /// Checkpoints to keep.
    pub keep: usize,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// The loss of the last evaluation, in nats per token and bits per byte.
    pub validation: Option<Perplexity>,
    /// Whether it was stopped before its last step.
    pub stopped: bool,
}

/// The validation text, with what a byte count needs.
struct Validation<'a> {
    tokens: &'a Arc<Tokens>,
    limit: u64,
    bytes: u64,
}

/// Trains until the last step, or until `stop` is set; then the state is saved, and the run can be resumed.
pub fn run(
    training: &mut Pretraining,
    tokenizer: &Tokenizer,
    validation: Option<&Arc<Tokens>>,
    options: &RunOptions,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let out = &options.out;
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    remove_leftovers(out)?;
    drop_later_samples(&out.join(SAMPLES), training.steps_done())?;
    let mut log = match training.steps_done() {
        0 => MetricsLog::create(out.join(METRICS))?,
        step => MetricsLog::resume(out.join(METRICS), step)?,
    };
    let validation = validation
        .map(|tokens| prepare(tokens, tokenizer, training.options().context, options.eval_tokens))
        .transpose()?;
    let last = options.stop_at.unwrap_or(options.steps).min(options.steps);
    let mut progress = Progress::new(options.name, training.steps_done(), last);
    let mut tokens = training.steps_done() * tokens_per_step(training);
    let mut scores = None;
    let mut stopped = stop.load(Ordering::Relaxed);

    if training.steps_done() == 0
        && let Some(validation) = &validation
    {
        let scores = progress.pause(|_| score_prepared(training, validation))?;
        log.append(&Metrics { tokens: Some(0), ..with_scores(0, Some(scores)) })?;
    }
    while training.steps_done() < last && !stopped {
        let done = training.step().map_err(|error| with_last_checkpoint(error, out))?;
        stopped = stop.load(Ordering::Relaxed);
        let step = training.steps_done();
        tokens += done.tokens as u64;
        progress.step(step, f64::from(done.loss), done.tokens as u64);
        let ends = stopped || step >= last;
        let due = |every: u64| ends || (every > 0 && step.is_multiple_of(every));
        if due(options.eval_every) {
            let score = |_: &Progress| validation.as_ref().map(|v| score_prepared(training, v)).transpose();
            scores = progress.pause(score)?;
        }
        log.append(&Metrics {
            epoch: Some(training.epoch()),
            loss: Some(f64::from(done.loss)),
            lr: Some(f64::from(done.update.lr)),
            grad_norm: Some(f64::from(done.update.grad_norm)),
            tokens: Some(tokens),
            tokens_per_second: Some(progress.tokens_per_second()),
            ..with_scores(step, scores.filter(|_| due(options.eval_every)))
        })?;
        if options.sample_every > 0 && due(options.sample_every) {
            progress.pause(|progress| sample(training, tokenizer, options, progress))?;
        }
        if !ends && due(options.save_every) {
            progress.pause(|progress| save(training, tokenizer, options, progress))?;
        }
    }
    let checkpoint = save(training, tokenizer, options, &progress)?;
    progress.finish();
    Ok(Outcome { checkpoint, validation: scores, stopped: training.steps_done() < options.steps })
}

fn tokens_per_step(training: &Pretraining) -> u64 {
    let options = training.options();
    (options.batch * options.context * options.accumulate) as u64
}

fn prepare<'a>(tokens: &'a Arc<Tokens>, tokenizer: &Tokenizer, context: usize, limit: u64) -> Result<Validation<'a>> {
    // Whole sequences, whose targets begin with the second token.
    let targets = limit.div_ceil(context as u64).saturating_mul(context as u64).min(tokens.len().saturating_sub(1));
    let mut bytes = 0;
    let mut ids = vec![0; DECODED_TOKENS];
    for start in (0..targets).step_by(DECODED_TOKENS) {
        let len = (targets - start).min(DECODED_TOKENS as u64) as usize;
        tokens.read(1 + start, &mut ids[..len])?;
        // The end of a text is no byte of it.
        let text: Vec<u32> = ids[..len].iter().copied().filter(|&id| id != tokenizer.end_of_text()).collect();
        bytes += tokenizer.decode(&text)?.len() as u64;
    }
    Ok(Validation { tokens, limit, bytes })
}

/// The loss on the first `limit` tokens of `validation`.
pub fn score(
    training: &Pretraining,
    validation: &Arc<Tokens>,
    tokenizer: &Tokenizer,
    limit: u64,
) -> Result<Perplexity> {
    score_prepared(training, &prepare(validation, tokenizer, training.options().context, limit)?)
}

fn score_prepared(training: &Pretraining, validation: &Validation) -> Result<Perplexity> {
    let options = training.options();
    let (batch, context, start) = (options.batch, options.context, options.start);
    let loss = evaluate(training.model(), validation.tokens, batch, context, start, validation.limit)?;
    let mut scores = Perplexity::default();
    scores.add(loss.sum, loss.tokens as u64, validation.bytes);
    Ok(scores)
}

fn with_scores(step: u64, scores: Option<Perplexity>) -> Metrics {
    Metrics {
        step,
        val_loss: scores.as_ref().map(Perplexity::nats_per_token),
        val_bits_per_byte: scores.as_ref().map(Perplexity::bits_per_byte),
        ..Metrics::default()
    }
}

fn sample(training: &mut Pretraining, tokenizer: &Tokenizer, options: &RunOptions, progress: &Progress) -> Result<()> {
    check_finite(training, options)?;
    let step = training.steps_done();
    let start = training.options().start.unwrap_or(tokenizer.end_of_text());
    let prompt = [vec![start], tokenizer.encode(&options.sample_prompt)?].concat();
    let request = Request {
        prompt,
        tokens: 60,
        sampling: Sampling { temperature: 0.8, top_k: Some(50), ..Sampling::default() },
        seed: step,
        vocab_size: tokenizer.vocab_size(),
        end: Some(tokenizer.end_of_text()),
    };
    let mut ids = Vec::new();
    generate::generate(training.model(), &request, |id| {
        ids.push(id);
        Ok(true)
    })?;
    let text = format!("{}{}", options.sample_prompt, tokenizer.decode(&ids)?);
    let text = format!("step {step}: {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
    progress.println(&text);
    let path = options.out.join(SAMPLES);
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| writeln!(file, "{text}\n")).map_err(Error::io("write", &path))
}

/// Saves a model that works, and draws the curves. A picture that cannot be drawn is no reason to end a run.
fn save(
    training: &mut Pretraining,
    tokenizer: &Tokenizer,
    options: &RunOptions,
    progress: &Progress,
) -> Result<PathBuf> {
    check_finite(training, options)?;
    let state = State {
        step: training.steps_done(),
        corpus_tokens: training.corpus().len(),
        corpus_checksum: training.corpus().checksum()?,
        tokenizer: tokenizer.fingerprint(),
        options: training.options().clone(),
    };
    let optimizer = training.optimizer();
    let checkpoint = checkpoint::save(&options.out, training.model(), tokenizer, optimizer, &state, options.keep)?;
    if let Err(error) = draw(options.name, &options.out) {
        progress.println(&format!("warning: {error}"));
    }
    Ok(checkpoint)
}

/// The model must have survived the last update: its loss on the next batch is a number.
fn check_finite(training: &mut Pretraining, options: &RunOptions) -> Result<()> {
    let value = training.next_loss()?;
    if value.is_finite() {
        return Ok(());
    }
    let advice = "try a lower learning rate, a longer warm-up or a smaller clipping norm".into();
    let error = Error::NotFinite { what: "loss after the update", step: training.steps_done(), value, advice };
    Err(with_last_checkpoint(error, &options.out))
}

/// Leaves the samples up to `step`: what comes later will be written again.
fn drop_later_samples(path: &Path, step: u64) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let step_of = |sample: &str| sample.strip_prefix("step ")?.split(':').next()?.parse::<u64>().ok();
    let kept = text.split_inclusive("\n\n").filter(|sample| step_of(sample).is_some_and(|at| at <= step));
    let kept: String = kept.collect();
    write_atomically(path, |file| file.write_all(kept.as_bytes()).map_err(Error::io("write", path)))
}

/// Draws the curves of the run in `out` from its metrics.
fn draw(name: &str, out: &Path) -> Result<()> {
    let metrics = MetricsLog::read(out.join(METRICS))?;
    let points = |value: fn(&Metrics) -> Option<f64>| -> Vec<(f64, f64)> {
        metrics.iter().filter_map(|line| Some((line.step as f64, value(line)?))).collect()
    };
    let curve = |name: &str, points, style| Curve { name: name.into(), points, style };
    let curves = [
        curve("training", points(|line| line.loss), Style::Faint),
        curve("validation", points(|line| line.val_loss), Style::Dotted),
    ];
    let drawn: Vec<Curve> = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
    if drawn.is_empty() {
        return Ok(());
    }
    loss_curves(out.join(CURVES), name, "nats per token", &drawn)
}

/// Adds to an error of a step what was kept.
fn with_last_checkpoint(error: Error, out: &Path) -> Error {
    match error {
        Error::NotFinite { what, step, value, advice } => {
            let kept = match checkpoint::latest(out) {
                Ok(path) => format!("the last good checkpoint is {}", path.display()),
                Err(_) => "no checkpoint had been saved yet".to_string(),
            };
            Error::NotFinite { what, step, value, advice: format!("{kept}; {advice}") }
        }
        other => other,
    }
}
