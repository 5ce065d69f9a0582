//! `warpweave pretrain`: trains a language model on text.

use std::path::Path;

use warpweave::config::{self, Settings, tables};
use warpweave::model::{Config, Transformer};
use warpweave::train::checkpoint::{self, State};
use warpweave::train::run::{self, RunOptions};
use warpweave::train::{Decay, OptimizerOptions, PretrainOptions, Pretraining, Schedule};
use warpweave::{Error, Result};

use crate::common;

/// The effective options of a run, in its folder.
const CONFIG: &str = "config.toml";

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let settings = with_resumed(settings)?;
    let model: config::Model = settings.section()?;
    let data: config::Data = settings.section()?;
    let train: config::Train = settings.section()?;
    common::use_threads(train.threads)?;
    let stop = common::stop_on_interrupt()?;
    let tokenizer = common::tokenizer(&data.tokenizer)?;

    let resumed = if train.resume { Some(checkpoint::load(&checkpoint::latest(&train.out)?)?) } else { None };
    if resumed.is_none() && train.out.is_dir() && !checkpoint::all(&train.out)?.is_empty() {
        let expected = "a folder without a run, or --resume to go on with the run in it";
        return Err(settings.error("train.out", expected, train.out.display()));
    }
    let start_from = match (&resumed, &train.init) {
        (None, Some(path)) => Some(common::load(path)?.0),
        _ => None,
    };
    let config = match (&resumed, &start_from) {
        (Some(checkpoint), _) => checkpoint.model.config().clone(),
        (None, Some(model)) => model.config().clone(),
        (None, None) => common::model_config(&model, tokenizer.vocab_size())?,
    };
    if config.vocab_size != tokenizer.vocab_size() {
        let expected = format!("a tokenizer of the model's {} tokens", config.vocab_size);
        return Err(settings.error("data.tokenizer", expected, tokenizer.vocab_size()));
    }
    std::fs::create_dir_all(&train.out).map_err(Error::io("create", &train.out))?;
    let shards = |name| train.out.join("tokens").join(name);
    let corpus = common::corpus(&data.train, &data.text_column, &tokenizer, &shards("train"))?;
    let validation = match data.validation.as_slice() {
        [] => None,
        paths => Some(common::corpus(paths, &data.text_column, &tokenizer, &shards("validation"))?),
    };
    let options = pretrain_options(&train, &config, common::start_token(&tokenizer))?;
    let mut training = match resumed {
        Some(checkpoint) => {
            let now = State { step: checkpoint.state.step, corpus_tokens: corpus.len(), options: options.clone() };
            same(&checkpoint.state, &now, &train.out)?;
            Pretraining::resume(checkpoint.model, checkpoint.optimizer, corpus, options)?
        }
        None => {
            let model = start_from.map_or_else(|| Transformer::new(config, train.seed), Ok)?;
            settings.write(train.out.join(CONFIG), tables::PRETRAIN.tables)?;
            Pretraining::new(model, corpus, options)?
        }
    };
    println!(
        "{} parameters, {} training tokens, {} steps of {} tokens",
        training.model().layout().len(),
        training.corpus().len(),
        train.steps,
        train.batch * training.options().context * train.accumulate,
    );
    let options = RunOptions {
        out: train.out.clone(),
        steps: train.steps,
        stop_at: train.stop_at,
        eval_every: train.eval_every,
        eval_tokens: train.eval_tokens,
        save_every: train.save_every,
        sample_every: train.sample_every,
        sample_prompt: train.sample_prompt,
        keep: train.keep,
    };
    let outcome = run::run(&mut training, &tokenizer, validation.as_ref(), &options, stop)?;
    if let Some(scores) = outcome.validation {
        println!("validation: {scores}");
    }
    if outcome.stopped {
        println!("stopped at step {}; go on with --resume --out {}", training.steps_done(), train.out.display());
    }
    println!("model: {}", outcome.checkpoint.display());
    println!("curves: {}", train.out.join(run::CURVES).display());
    Ok(())
}

/// The settings of the run to resume, under those given now.
fn with_resumed(given: Settings) -> Result<Settings> {
    let train: config::Train = given.section()?;
    if !train.resume {
        return Ok(given);
    }
    let path = train.out.join(CONFIG);
    let mut settings = if path.is_file() { Settings::read(&path)? } else { Settings::new() };
    settings.overlay(given);
    Ok(settings)
}

fn pretrain_options(train: &config::Train, config: &Config, start: Option<u32>) -> Result<PretrainOptions> {
    let decay = Decay::named(train.schedule, train.min_lr_ratio, config.width);
    Ok(PretrainOptions {
        batch: train.batch,
        context: train.context.unwrap_or(config.context),
        accumulate: train.accumulate,
        start,
        optimizer: OptimizerOptions {
            schedule: Schedule::new(decay, train.lr, train.warmup, train.steps)?,
            beta1: train.beta1,
            beta2: train.beta2,
            eps: train.eps,
            weight_decay: train.weight_decay,
            clip: train.clip,
            head_lr_ratio: 1.0,
        },
        label_smoothing: train.label_smoothing,
        seed: train.seed,
    })
}

/// A run goes on to the bit only with what it began with: the first difference is an error.
fn same(before: &State, now: &State, out: &Path) -> Result<()> {
    let flat = |state: &State| {
        let mut fields = Vec::new();
        flatten("", &serde_json::to_value(state).map_err(Error::library("compare the runs"))?, &mut fields);
        Ok::<_, Error>(fields)
    };
    for ((key, before), (_, now)) in flat(before)?.into_iter().zip(flat(now)?) {
        if before != now {
            let what = format!("resume {}: {key}", out.display());
            return Err(Error::data(what, format!("{before}, as the run began"), now));
        }
    }
    Ok(())
}

fn flatten(key: &str, value: &serde_json::Value, fields: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                flatten(&if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, value, fields);
            }
        }
        other => fields.push((key.to_string(), other.to_string())),
    }
}
