//! `warpweave finetune`: trains a pre-trained model on a labelled task, or on more text.

use std::sync::atomic::AtomicBool;

use warpweave::config::{self, Settings, tables};
use warpweave::data::Tokenizer;
use warpweave::data::labelled::{self, Example, Task};
use warpweave::eval::{self, Curve, Style};
use warpweave::file::write_folder;
use warpweave::model::{self, Transformer};
use warpweave::train::run::{self, RunOptions};
use warpweave::train::{
    BatchShape, Decay, Encoded, FinetuneOptions, Finetuning, Layout, MetricsLog, OptimizerOptions, PretrainOptions,
    Pretraining, SPECIALS, Schedule, TaskRecord,
};
use warpweave::{Error, Result};

use crate::common;

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let options: config::Finetune = settings.section()?;
    common::use_threads(options.threads)?;
    let stop = common::stop_on_interrupt()?;
    let (model, tokenizer, _) = common::load(&options.model)?;
    std::fs::create_dir_all(&options.out).map_err(Error::io("create", &options.out))?;
    settings.write(options.out.join("config.toml"), tables::FINETUNE.tables)?;
    match task(&options)? {
        Some(task) => labelled_task(&options, task, model, tokenizer, stop),
        None => language_model(&options, model, &tokenizer, stop),
    }
}

/// The labelled task that the options describe; none for language modelling.
fn task(options: &config::Finetune) -> Result<Option<Task>> {
    let label = options.label.clone();
    Ok(Some(match options.task {
        tables::Task::Classification => Task::Classification { text: options.text.clone(), label },
        tables::Task::Entailment | tables::Task::Similarity => {
            Task::Pair { first: options.text.clone(), second: options.second.clone(), label }
        }
        tables::Task::MultipleChoice if options.choices.len() < 2 => {
            return Err(Error::setting(
                "finetune.choices",
                "the columns of two or more choices",
                options.choices.len(),
            ));
        }
        tables::Task::MultipleChoice => {
            Task::MultipleChoice { context: options.text.clone(), choices: options.choices.clone(), answer: label }
        }
        tables::Task::LanguageModel => return Ok(None),
    }))
}

fn optimizer(options: &config::Finetune, d_model: usize, steps: u64) -> Result<OptimizerOptions> {
    let decay = Decay::named(options.schedule, options.min_lr_ratio, d_model);
    let warmup = (options.warmup * steps as f64).round() as u64;
    Ok(OptimizerOptions {
        schedule: Schedule::new(decay, options.lr, warmup, steps)?,
        beta1: options.beta1,
        beta2: options.beta2,
        eps: options.eps,
        weight_decay: options.weight_decay,
        clip: options.clip,
        head_lr_ratio: options.head_lr.map_or(1.0, |head| (head / options.lr.max(f64::MIN_POSITIVE)) as f32),
    })
}

fn labelled_task(
    options: &config::Finetune,
    task: Task,
    pretrained: Transformer,
    mut tokenizer: Tokenizer,
    stop: &AtomicBool,
) -> Result<()> {
    for name in SPECIALS {
        tokenizer.add_special(name)?;
    }
    let (examples, labels) = labelled::training_examples(&options.train, &task)?;
    let validation = match options.validation.as_slice() {
        [] => Vec::new(),
        paths => labelled::evaluation_examples(paths, &task, &labels)?,
    };
    let context = options.context.unwrap_or(pretrained.config().context);
    let both_orders = options.task == tables::Task::Similarity;
    let record = TaskRecord { task, both_orders, labels, context };
    let layout = Layout::new(&tokenizer, context)?;
    let encode = |examples: &[Example]| -> Result<Vec<Encoded>> {
        examples.iter().map(|example| layout.encode(&tokenizer, example, both_orders)).collect()
    };
    let (train, validation) = (encode(&examples)?, encode(&validation)?);

    let steps = options.epochs * train.len().div_ceil(options.batch) as u64;
    let shape = BatchShape { batch: options.batch, group: record.group(), choices: record.choices() };
    let finetune = FinetuneOptions {
        shape,
        optimizer: optimizer(options, pretrained.config().width, steps)?,
        lm_weight: options.lm_weight,
        label_smoothing: options.label_smoothing,
        seed: options.seed,
    };
    let dropout = options.dropout.unwrap_or(pretrained.config().dropout);
    let mut model = pretrained.with_head(record.outputs(), dropout, tokenizer.vocab_size(), options.seed)?;
    if options.from_scratch {
        model = Transformer::new(model.config().clone(), options.seed)?;
    }
    println!("{} training examples, {} classes, {steps} steps", train.len(), record.labels.len());

    let mut finetuning = Finetuning::new(model, &train, finetune)?;
    let mut log = MetricsLog::create(options.out.join(run::METRICS))?;
    let (mut losses, mut lm_losses) = (Vec::new(), Vec::new());
    let whole = warpweave::train::run_finetuning(&mut finetuning, "finetune", options.epochs, stop, |metrics| {
        losses.extend(metrics.loss.map(|loss| (metrics.step as f64, loss)));
        lm_losses.extend(metrics.lm_loss.map(|loss| (metrics.step as f64, loss)));
        log.append(metrics)
    })?;
    let model = finetuning.into_model();
    let path = options.out.join("model");
    write_folder(&path, |dir| {
        model::save(&model, Some(tokenizer.end_of_text()), dir)?;
        tokenizer.save(dir.join("tokenizer.json"))?;
        record.save(dir)
    })?;
    let curve = |name: &str, points| Curve { name: name.into(), points, style: Style::Line };
    let curves = [curve("answers", losses), curve("language model", lm_losses)];
    eval::loss_curves(options.out.join(run::CURVES), "Fine-tuning", "nats per answer or token", &curves)?;
    if !whole {
        println!("stopped before the last step");
    }
    if !validation.is_empty() {
        let confusion = warpweave::train::evaluate_classifier(&model, &validation, record.labels.names(), shape)?;
        println!("{confusion}");
        eval::confusion_matrix(options.out.join("confusion.svg"), "Validation", &confusion)?;
    }
    println!("model: {}", path.display());
    Ok(())
}

/// Goes on with next-token prediction, on other text.
fn language_model(
    options: &config::Finetune,
    model: Transformer,
    tokenizer: &Tokenizer,
    stop: &AtomicBool,
) -> Result<()> {
    let folder = |name: &str| options.out.join("tokens").join(name);
    let corpus = common::corpus(&options.train, &options.text, tokenizer, &folder("train"))?;
    let validation = match options.validation.as_slice() {
        [] => None,
        paths => Some(common::corpus(paths, &options.text, tokenizer, &folder("validation"))?),
    };
    let context = options.context.unwrap_or(model.config().context);
    let windows = (corpus.len().saturating_sub(1) / context as u64).max(1);
    let steps = options.epochs * windows.div_ceil(options.batch as u64);
    let pretrain = PretrainOptions {
        batch: options.batch,
        context,
        accumulate: 1,
        start: common::start_token(tokenizer),
        optimizer: optimizer(options, model.config().width, steps)?,
        label_smoothing: options.label_smoothing,
        seed: options.seed,
    };
    let model = if options.from_scratch { Transformer::new(model.config().clone(), options.seed)? } else { model };
    let mut training = Pretraining::new(model, corpus, pretrain)?;
    let run_options = RunOptions {
        out: options.out.clone(),
        steps,
        stop_at: None,
        eval_every: 0,
        eval_tokens: u64::MAX,
        save_every: 0,
        sample_every: 0,
        sample_prompt: String::new(),
        keep: 1,
    };
    let outcome = run::run(&mut training, tokenizer, validation.as_ref(), &run_options, stop)?;
    if let Some(scores) = outcome.validation {
        println!("validation: {scores}");
    }
    println!("model: {}", outcome.checkpoint.display());
    Ok(())
}
