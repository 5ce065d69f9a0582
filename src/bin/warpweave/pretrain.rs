//! `warpweave pretrain`: trains a language model on text.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use warpweave::config::{self, Section, Settings, tables};
use warpweave::data::{Tokenizer, Tokens};
use warpweave::model::{Config, Transformer};
use warpweave::train::checkpoint::{self, State};
use warpweave::train::run::{self, RunOptions};
use warpweave::train::{OptimizerOptions, PretrainOptions, Pretraining, Schedule};
use warpweave::{Error, Result};

use crate::common::{self, say};

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let train: config::Train = settings.section()?;
    let prepared = if train.resume { resume(settings, &train.out)? } else { start(settings)? };
    let Prepared { mut training, tokenizer, validation, train, lock: _lock } = prepared;
    say(format_args!(
        "{} parameters, {} training tokens, {} steps of {} tokens",
        training.model().layout().len(),
        training.corpus().len(),
        train.steps,
        train.batch * training.options().context * train.accumulate,
    ))?;
    let options = RunOptions {
        name: "pre-training",
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
    let stop = common::stop_on_interrupt()?;
    let outcome = run::run(&mut training, &tokenizer, validation.as_ref(), &options, stop)?;
    if let Some(scores) = outcome.validation {
        say(format_args!("validation: {scores}"))?;
    }
    if outcome.stopped {
        let (step, out) = (training.steps_done(), train.out.display());
        say(format_args!("stopped at step {step}; go on with --resume --out {out}"))?;
    }
    say(format_args!("model: {}", outcome.checkpoint.display()))?;
    say(format_args!("curves: {}", train.out.join(run::CURVES).display()))
}

/// What a run is made of.
struct Prepared {
    training: Pretraining,
    tokenizer: Tokenizer,
    validation: Option<Arc<Tokens>>,
    train: config::Train,
    /// Held as long as the run goes on.
    lock: File,
}

/// A new run: from random weights, or from those that `--init` names.
fn start(mut settings: Settings) -> Result<Prepared> {
    let (model, data): (config::Model, config::Data) = (settings.section()?, settings.section()?);
    let train: config::Train = settings.section()?;
    common::use_threads(train.threads)?;
    let initial = train.init.as_ref().map(|path| checkpoint::load_for_inference(path)).transpose()?;
    let tokenizer = match &initial {
        Some((_, tokenizer)) if !settings.is_given("data.tokenizer") => tokenizer.clone(),
        _ => common::tokenizer(&data.tokenizer)?,
    };
    let model = match initial {
        Some((initial, theirs)) => {
            if theirs.fingerprint() != tokenizer.fingerprint() {
                let expected = "the tokenizer of the model that --init names, or nothing";
                return Err(settings.error("data.tokenizer", expected, &data.tokenizer));
            }
            let mut others = config::Model::TABLE.settings.iter().map(|setting| setting.key());
            if let Some(key) = others.find(|key| settings.is_given(key) && key != "model.dropout") {
                let expected = "nothing beside --init, which brings its own model; only dropout may change";
                return Err(settings.error(&key, expected, "a value"));
            }
            let dropout = model.dropout.unwrap_or(initial.config().dropout);
            // A classification head is of no use here.
            let vocabulary = initial.config().vocab_size;
            initial.with_head(0, dropout, vocabulary, train.seed)?
        }
        None => Transformer::new(common::model_config(&model, tokenizer.vocab_size())?, train.seed)?,
    };
    let options = pretrain_options(&settings, &train, model.config(), common::start_token(&tokenizer))?;
    let hint = ", or --resume to go on with the run in it";
    let lock = common::take(&settings, "train.out", &train.out, hint)?;
    common::make_absolute(&mut settings)?;
    settings.write(train.out.join(common::SETTINGS), tables::PRETRAIN.tables)?;
    let (corpus, validation) = corpora(&data, &train, &tokenizer)?;
    let training = Pretraining::new(model, corpus, options)?;
    Ok(Prepared { training, tokenizer, validation, train, lock })
}

/// The run in `out`, from its newest checkpoint. What decides how it goes must be as it was.
fn resume(mut given: Settings, out: &Path) -> Result<Prepared> {
    let checkpoint_path = checkpoint::latest(out)?;
    let lock = common::lock(out)?;
    common::make_absolute(&mut given)?;
    let mut settings = Settings::read(out.join(common::SETTINGS))?;
    // The folder may have moved, and a pause that was reached is over.
    settings.forget("train.stop_at");
    settings.forget("train.out");
    let fixed = [&config::Model::TABLE, &config::Data::TABLE];
    if let Some(changed) = given.first_change(&settings, &fixed)? {
        let key = changed.key();
        return Err(given.error(&key, "nothing beside --resume, or what the run began with", "another value"));
    }
    settings.overlay(given);
    let (data, train): (config::Data, config::Train) = (settings.section()?, settings.section()?);
    common::use_threads(train.threads)?;
    let tokenizer = checkpoint::load_tokenizer(&checkpoint_path)?;
    let checkpoint = checkpoint::load(&checkpoint_path)?;
    let config = checkpoint.model.config();
    let options = pretrain_options(&settings, &train, config, common::start_token(&tokenizer))?;
    let shards = train.out.join("tokens/train");
    let had_shards = Tokens::is_in(&shards);
    let (corpus, validation) = corpora(&data, &train, &tokenizer)?;
    let now = State {
        step: checkpoint.state.step,
        corpus_tokens: corpus.len(),
        corpus_checksum: corpus.checksum()?,
        tokenizer: tokenizer.fingerprint(),
        options: options.clone(),
    };
    if let Err(error) = same(&checkpoint.state, &now, out) {
        if !had_shards {
            // They were made just now, of another text.
            Tokens::remove(&shards)?;
        }
        return Err(error);
    }
    // Flags given now hold for the next time, too; a pause does not.
    settings.forget("train.stop_at");
    settings.set("train.resume", "false")?;
    settings.write(out.join(common::SETTINGS), tables::PRETRAIN.tables)?;
    let training = Pretraining::resume(checkpoint.model, checkpoint.optimizer, corpus, options)?;
    Ok(Prepared { training, tokenizer, validation, train, lock })
}

/// The tokens to train on and to validate with. A resumed run has those that it made when it began.
fn corpora(
    data: &config::Data,
    train: &config::Train,
    tokenizer: &Tokenizer,
) -> Result<(Arc<Tokens>, Option<Arc<Tokens>>)> {
    let corpus = |name: &str, paths: &[_]| {
        let folder = train.out.join("tokens").join(name);
        if train.resume && Tokens::is_in(&folder) {
            return Ok(Arc::new(Tokens::open(&folder, tokenizer)?));
        }
        common::corpus(paths, &data.text_column, tokenizer, &folder)
    };
    let validation = match data.validation.as_slice() {
        [] => None,
        paths => Some(corpus("validation", paths)?),
    };
    Ok((corpus("train", &data.train)?, validation))
}

fn pretrain_options(
    settings: &Settings,
    train: &config::Train,
    config: &Config,
    start: Option<u32>,
) -> Result<PretrainOptions> {
    let context = train.context.unwrap_or(config.context);
    if context > config.context {
        return Err(settings.error("train.context", format_args!("at most the model's {}", config.context), context));
    }
    let warmup = train.warmup.unwrap_or((train.steps / 10).min(100));
    if warmup > train.steps {
        return Err(settings.error("train.warmup", format_args!("at most the {} steps", train.steps), warmup));
    }
    let decay = common::decay(train.schedule, train.min_lr_ratio, config.width);
    Ok(PretrainOptions {
        batch: train.batch,
        context,
        accumulate: train.accumulate,
        start,
        optimizer: OptimizerOptions {
            schedule: Schedule::new(decay, train.lr, warmup, train.steps)?,
            beta1: train.beta1,
            beta2: train.beta2,
            eps: train.eps,
            weight_decay: train.weight_decay,
            clip: train.clip,
            head_schedule: None,
        },
        label_smoothing: train.label_smoothing,
        seed: train.seed,
    })
}

/// A run goes on to the bit only with what it began with: the first difference is an error.
fn same(before: &State, now: &State, out: &Path) -> Result<()> {
    let fields = |state: &State| -> Result<BTreeMap<String, String>> {
        let mut fields = BTreeMap::new();
        flatten("", &serde_json::to_value(state).map_err(Error::library("compare the runs"))?, &mut fields);
        Ok(fields)
    };
    if (before.corpus_tokens, before.corpus_checksum) != (now.corpus_tokens, now.corpus_checksum) {
        let what = format!("resume {}: training text", out.display());
        let expected = format!("the {} tokens that the run began with", before.corpus_tokens);
        return Err(Error::data(what, expected, format!("{} tokens of another text", now.corpus_tokens)));
    }
    let (before, now) = (fields(before)?, fields(now)?);
    for key in before.keys().chain(now.keys()) {
        let value = |fields: &BTreeMap<String, String>| fields.get(key).cloned().unwrap_or_else(|| "none".into());
        if before.get(key) != now.get(key) {
            let what = format!("resume {}: {key}", out.display());
            return Err(Error::data(what, format!("{}, as the run began", value(&before)), value(&now)));
        }
    }
    Ok(())
}

fn flatten(key: &str, value: &serde_json::Value, fields: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                flatten(&if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, value, fields);
            }
        }
        other => {
            fields.insert(key.to_string(), other.to_string());
        }
    }
}
