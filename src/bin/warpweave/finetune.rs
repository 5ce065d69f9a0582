//! `warpweave finetune`: trains a pre-trained model on a labelled task, or on more text.

use warpweave::config::{self, Settings, tables};
use warpweave::data::Tokenizer;
use warpweave::data::labelled::{self, Example, Task};
use warpweave::eval::{self, Curve, Style};
use warpweave::file::write_folder;
use warpweave::model::{self, Transformer};
use warpweave::train::run::{self, RunOptions};
use warpweave::train::{
    BatchShape, Encoded, FinetuneOptions, Finetuning, Layout, Metrics, MetricsLog, OptimizerOptions, PretrainOptions,
    Pretraining, SPECIALS, Schedule, TaskRecord, checkpoint,
};
use warpweave::{Error, Result};

use crate::common::{self, say};

/// Runs the subcommand.
pub fn run(mut settings: Settings) -> Result<()> {
    let options: config::Finetune = settings.section()?;
    common::use_threads(options.threads)?;
    let task = task(&options)?;
    let (model, tokenizer) = checkpoint::load_for_inference(&options.model)?;
    let context = options.context.unwrap_or(model.config().context);
    if context > model.config().context {
        let expected = format!("at most the model's {}", model.config().context);
        return Err(settings.error("finetune.context", expected, context));
    }
    let _lock = common::take(&settings, "finetune.out", &options.out, "; remove it or choose another")?;
    common::make_absolute(&mut settings)?;
    settings.write(options.out.join(common::SETTINGS), tables::FINETUNE.tables)?;
    match task {
        Some(task) => labelled_task(&options, task, context, model, tokenizer),
        None => language_model(&options, context, model, &tokenizer),
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
        tables::Task::MultipleChoice => {
            let choices = options.choices.clone();
            let twice = (1..choices.len()).any(|i| choices[..i].contains(&choices[i]));
            if choices.len() < 2 || twice {
                let expected = "the columns of two or more choices, each once";
                return Err(Error::setting("finetune.choices", expected, format!("{choices:?}")));
            }
            Task::MultipleChoice { context: options.text.clone(), choices, answer: label }
        }
        tables::Task::LanguageModel => return Ok(None),
    }))
}

fn optimizer(options: &config::Finetune, d_model: usize, steps: u64) -> Result<OptimizerOptions> {
    let decay = common::decay(options.schedule, options.min_lr_ratio, d_model);
    let warmup = (options.warmup * steps as f64).round() as u64;
    let schedule = |lr| Schedule::new(decay, lr, warmup, steps);
    Ok(OptimizerOptions {
        schedule: schedule(options.lr)?,
        beta1: options.beta1,
        beta2: options.beta2,
        eps: options.eps,
        weight_decay: options.weight_decay,
        clip: options.clip,
        head_schedule: options.head_lr.map(schedule).transpose()?,
    })
}

fn steps(options: &config::Finetune, per_epoch: u64) -> Result<u64> {
    let steps = options.epochs.checked_mul(per_epoch).filter(|&steps| steps < 1 << 40);
    steps.ok_or_else(|| Error::setting("finetune.epochs", "fewer than 2⁴⁰ steps in all", options.epochs))
}

fn labelled_task(
    options: &config::Finetune,
    task: Task,
    context: usize,
    pretrained: Transformer,
    mut tokenizer: Tokenizer,
) -> Result<()> {
    for name in SPECIALS {
        tokenizer.add_special(name)?;
    }
    let (examples, labels) = labelled::training_examples(&options.train, &task)?;
    let validation = match options.validation.as_slice() {
        [] => Vec::new(),
        paths => labelled::evaluation_examples(paths, &task, &labels)?,
    };
    let both_orders = options.task == tables::Task::Similarity;
    let record = TaskRecord { task, both_orders, labels, context };
    let layout = Layout::new(&tokenizer, context)?;
    let encode = |examples: &[Example]| -> Result<Vec<Encoded>> {
        examples.iter().map(|example| layout.encode(&tokenizer, example, both_orders)).collect()
    };
    let (train, validation) = (encode(&examples)?, encode(&validation)?);
    let full =
        train.iter().filter(|example| example.sequences.iter().any(|sequence| sequence.len() == context)).count();
    if full > 0 {
        say(format_args!(
            "{full} of {} examples fill the context of {context} tokens; what is beyond is cut",
            train.len()
        ))?;
    }

    let steps = steps(options, train.len().div_ceil(options.batch) as u64)?;
    let shape = BatchShape { batch: options.batch, group: record.group(), choices: record.choices() };
    let finetune = FinetuneOptions {
        shape,
        optimizer: optimizer(options, pretrained.config().width, steps)?,
        lm_weight: options.lm_weight,
        label_smoothing: options.label_smoothing,
        seed: options.seed,
    };
    let dropout = options.dropout.unwrap_or(pretrained.config().dropout);
    // A checkpoint's vocabulary may have been padded beyond its tokenizer's.
    let vocabulary = tokenizer.vocab_size().max(pretrained.config().vocab_size);
    let mut model = pretrained.with_head(record.outputs(), dropout, vocabulary, options.seed)?;
    if options.from_scratch {
        model = Transformer::new(model.config().clone(), options.seed)?;
    }
    say(format_args!("{} training examples, {} classes, {steps} steps", train.len(), record.labels.len()))?;

    let mut finetuning = Finetuning::new(model, &train, finetune)?;
    let mut log = MetricsLog::create(options.out.join(run::METRICS))?;
    let (mut losses, mut lm_losses) = (Vec::new(), Vec::new());
    let stop = common::stop_on_interrupt()?;
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
    if !whole {
        say("stopped before the last step")?;
    }
    if !validation.is_empty() {
        let confusion = warpweave::train::evaluate_classifier(&model, &validation, record.labels.names(), shape)?;
        log.append(&Metrics {
            step: losses.len() as u64,
            val_accuracy: Some(confusion.accuracy()),
            val_macro_f1: Some(confusion.macro_f1()),
            ..Metrics::default()
        })?;
        say(&confusion)?;
        eval::confusion_matrix(options.out.join("confusion.svg"), "Validation", &confusion)?;
    }
    let curve = |name: &str, points| Curve { name: name.into(), points, style: Style::Line };
    let curves = [curve("answers", losses), curve("language model", lm_losses)];
    eval::loss_curves(options.out.join(run::CURVES), "Fine-tuning", "nats per answer or token", &curves)?;
    say(format_args!("model: {}", path.display()))
}

/// Goes on with next-token prediction, on other text.
fn language_model(options: &config::Finetune, context: usize, model: Transformer, tokenizer: &Tokenizer) -> Result<()> {
    let folder = |name: &str| options.out.join("tokens").join(name);
    let corpus = common::corpus(&options.train, &options.text, tokenizer, &folder("train"))?;
    let validation = match options.validation.as_slice() {
        [] => None,
        paths => Some(common::corpus(paths, &options.text, tokenizer, &folder("validation"))?),
    };
    let windows = (corpus.len().saturating_sub(1) / context as u64).max(1);
    let steps = steps(options, windows.div_ceil(options.batch as u64))?;
    let pretrain = PretrainOptions {
        batch: options.batch,
        context,
        accumulate: 1,
        start: common::start_token(tokenizer),
        optimizer: optimizer(options, model.config().width, steps)?,
        label_smoothing: options.label_smoothing,
        seed: options.seed,
    };
    let dropout = options.dropout.unwrap_or(model.config().dropout);
    // A classification head is of no use here.
    let vocabulary = model.config().vocab_size;
    let mut model = model.with_head(0, dropout, vocabulary, options.seed)?;
    if options.from_scratch {
        model = Transformer::new(model.config().clone(), options.seed)?;
    }
    let mut training = Pretraining::new(model, corpus, pretrain)?;
    let run_options = RunOptions {
        name: "fine-tuning",
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
    let stop = common::stop_on_interrupt()?;
    let outcome = run::run(&mut training, tokenizer, validation.as_ref(), &run_options, stop)?;
    if let Some(scores) = outcome.validation {
        say(format_args!("validation: {scores}"))?;
    }
    if outcome.stopped {
        say("stopped before the last step")?;
    }
    say(format_args!("model: {}", outcome.checkpoint.display()))
}
