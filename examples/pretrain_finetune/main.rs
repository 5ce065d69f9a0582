//! GPT-1's experiment in a few minutes on a CPU: pre-train a small GPT on presidents' speeches, fine-tune it to tell in
//! which era a passage was spoken, and compare with the same network trained on the labels alone.
//!
//! `cargo run --release --example pretrain_finetune`, with `--help` for the options. Everything that it writes lies in
//! `target/pretrain_finetune/`.

mod passages;
mod recipe;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Arg, ArgAction, Command, value_parser};
use warpweave::data::corpus::{self, Split};
use warpweave::data::{Tokenizer, Tokens};
use warpweave::eval::Confusion;
use warpweave::file::write_folder;
use warpweave::model::{self, Transformer};
use warpweave::train::checkpoint::{self, Checkpoint};
use warpweave::train::run::{self, RunOptions};
use warpweave::train::{self, Encoded, Finetuning, Layout, Metrics, Pretraining, SPECIALS, START};
use warpweave::{Error, Result};

use passages::Passages;
use report::{Report, Scores};

/// What the command line asks for.
struct Options {
    steps: u64,
    labels: usize,
    seeds: Vec<u64>,
    reuse: bool,
    out: PathBuf,
}

/// What a run writes into its folder, and what the next one replaces.
const WRITTEN: [&str; 7] =
    ["pretrained", "fine-tuned", "train.tsv", "test.tsv", "finetune-loss.svg", "confusion.svg", "metrics.json"];

fn main() -> std::process::ExitCode {
    match start(&options()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn options() -> Options {
    let number = |name, help, default| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .help(help)
            .default_value(default)
            .value_parser(value_parser!(u64).range(1..))
    };
    let matches = Command::new("pretrain_finetune")
        .about("Pre-train a small GPT on State of the Union addresses, then fine-tune it to tell their eras apart")
        .arg(number("steps", "Steps of pre-training, of 1,024 tokens each", recipe::STEPS))
        .arg(number("labels", "Labelled passages for fine-tuning", "500"))
        .arg(number("seed", "The (first) seed", "1"))
        .arg(number("seeds", "Runs with one seed after another; with several, mean and spread are printed", "1"))
        .arg(
            Arg::new("reuse")
                .long("reuse")
                .help("Fine-tune the pre-trained model that an earlier run has left in the folder")
                .action(ArgAction::SetTrue),
        )
        .arg(Arg::new("short").long("short").help("A quick check: 30 steps, 40 labels").action(ArgAction::SetTrue))
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .help("The folder for everything that is written")
                .default_value("target/pretrain_finetune")
                .value_parser(value_parser!(PathBuf)),
        )
        .get_matches();
    let get = |name| *matches.get_one::<u64>(name).expect("it has a default");
    let short = matches.get_flag("short");
    Options {
        steps: if short { 30 } else { get("steps") },
        labels: if short { 40 } else { get("labels") as usize },
        seeds: (get("seed")..get("seed") + get("seeds")).collect(),
        reuse: matches.get_flag("reuse"),
        out: matches.get_one::<PathBuf>("out").expect("it has a default").clone(),
    }
}

fn start(options: &Options) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sotu.jsonl.gz");
    let split = corpus::split(corpus::load_speeches(path)?);
    let mut reports = Vec::new();
    for &seed in &options.seeds {
        let out = match options.seeds.as_slice() {
            [_] => options.out.clone(),
            _ => options.out.join(format!("seed-{seed}")),
        };
        let report = run_seed(options, &split, seed, &out)?;
        println!("{report}");
        reports.push(report);
    }
    if reports.len() > 1 {
        println!("{}", report::spread(&reports));
        report::save_all(&reports, &options.out.join("seeds.json"))?;
    }
    println!("pictures, samples, metrics and checkpoints: {}", options.out.display());
    Ok(())
}

/// The whole experiment with one seed.
fn run_seed(options: &Options, split: &Split, seed: u64, out: &Path) -> Result<Report> {
    clear(out, options.reuse)?;

    eprintln!("1. tokenizer: {} tokens from {} training speeches", recipe::VOCABULARY, split.train.len());
    let texts = split.train.iter().map(|speech| Ok(speech.text.clone()));
    let mut tokenizer = Tokenizer::train_bpe(texts, recipe::VOCABULARY, &[START])?;

    eprintln!("2. pre-training: {} steps", options.steps);
    let (pretrained, perplexity) = pretrain(options, split, &tokenizer, seed, out)?;

    let passages = Passages::draw(split, options.labels, seed)?;
    passages.save(out)?;
    eprintln!("3. fine-tuning on {} labelled passages", passages.train.len());
    for name in SPECIALS {
        tokenizer.add_special(name)?;
    }
    let layout = Layout::new(&tokenizer, recipe::CONTEXT)?;
    let encode = |examples: &[_]| -> Result<Vec<Encoded>> {
        examples.iter().map(|example| layout.encode(&tokenizer, example, false)).collect()
    };
    let data = Labelled { train: encode(&passages.train)?, test: encode(&passages.test)?, names: passages.names() };
    let vocabulary = tokenizer.vocab_size();
    let model = pretrained.with_head(data.names.len(), recipe::FINE_TUNED.dropout, vocabulary, seed)?;
    let fine_tuned = finetune("fine-tune", &recipe::FINE_TUNED, model, &data, seed)?;

    eprintln!("4. the same network from scratch, on the same passages");
    let config = model::Config { dropout: recipe::FROM_SCRATCH.dropout, ..fine_tuned.model.config().clone() };
    let model = Transformer::new(config, seed)?;
    let from_scratch = finetune("from scratch", &recipe::FROM_SCRATCH, model, &data, seed)?;

    write_folder(out.join("fine-tuned"), |dir| {
        model::save(&fine_tuned.model, Some(tokenizer.end_of_text()), dir)?;
        tokenizer.save(dir.join("tokenizer.json"))?;
        passages.record(recipe::CONTEXT).save(dir)
    })?;
    let report = Report {
        seed,
        labels: data.train.len(),
        perplexity,
        fine_tuned: Scores::of(&fine_tuned.confusion),
        from_scratch: Scores::of(&from_scratch.confusion),
        majority: Scores::majority(&fine_tuned.confusion),
    };
    report.draw(out, [&fine_tuned, &from_scratch])?;
    report.save(&out.join("metrics.json"))?;
    Ok(report)
}

/// Removes what an earlier run has written, and nothing else. A folder that is not empty and holds nothing of the kind is
/// somebody's own, and refused.
fn clear(out: &Path, keep_pretrained: bool) -> Result<()> {
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    let is_empty = std::fs::read_dir(out).map_err(Error::io("read", out))?.next().is_none();
    if !is_empty && !WRITTEN.iter().any(|name| out.join(name).exists()) && !out.join("seeds.json").exists() {
        let got = format!("{}, which holds something else", out.display());
        return Err(Error::setting("out", "an empty folder or that of an earlier run", got));
    }
    for name in WRITTEN {
        let path = out.join(name);
        if !path.exists() || (keep_pretrained && name == WRITTEN[0]) {
            continue;
        }
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

fn pretrain(
    options: &Options,
    split: &Split,
    tokenizer: &Tokenizer,
    seed: u64,
    out: &Path,
) -> Result<(Transformer, warpweave::eval::Perplexity)> {
    let tokens = |speeches: &[corpus::Speech]| -> Result<Arc<Tokens>> {
        let mut ids = Vec::new();
        for speech in speeches {
            ids.extend(tokenizer.encode(&speech.text)?);
            ids.push(tokenizer.end_of_text());
        }
        Ok(Arc::new(Tokens::from_vec(ids)))
    };
    let validation = tokens(&split.validation)?;
    let (out, reuse) = (out.join("pretrained"), options.reuse);
    let model = Transformer::new(recipe::model(tokenizer.vocab_size()), seed)?;
    let options = recipe::pretraining(tokenizer, options.steps, seed)?;
    let steps = options.steps;
    let run_options = RunOptions {
        name: "pre-training",
        out,
        steps,
        stop_at: None,
        eval_every: (steps / 10).max(1),
        eval_tokens: 65_536,
        save_every: 0,
        sample_every: (steps / 5).max(1),
        sample_prompt: "My fellow citizens".into(),
        keep: 1,
    };
    let corpus = tokens(&split.train)?;
    let mut training = if reuse {
        let Checkpoint { model, optimizer, .. } = checkpoint::load(&checkpoint::latest(&run_options.out)?)?;
        Pretraining::resume(model, optimizer, corpus, options.pretrain)?
    } else {
        Pretraining::new(model, corpus, options.pretrain)?
    };
    let outcome = run::run(&mut training, tokenizer, Some(&validation), &run_options, &AtomicBool::new(false))?;
    let perplexity = match outcome.validation {
        Some(perplexity) => perplexity,
        None => run::score(&training, &validation, tokenizer, run_options.eval_tokens)?,
    };
    Ok((training.into_model(), perplexity))
}

/// The labelled passages in tokens, and the names of their classes.
struct Labelled {
    train: Vec<Encoded>,
    test: Vec<Encoded>,
    names: Vec<String>,
}

/// A model trained on the labels, and how it fared.
struct Trained {
    name: &'static str,
    model: Transformer,
    losses: Vec<(f64, f64)>,
    confusion: Confusion,
}

fn finetune(
    name: &'static str,
    recipe: &recipe::Finetune,
    model: Transformer,
    data: &Labelled,
    seed: u64,
) -> Result<Trained> {
    let options = recipe.options(data.train.len(), seed)?;
    let shape = options.shape;
    let mut finetuning = Finetuning::new(model, &data.train, options)?;
    let mut losses = Vec::new();
    train::run_finetuning(&mut finetuning, name, recipe.epochs, &AtomicBool::new(false), |metrics: &Metrics| {
        losses.extend(metrics.loss.map(|loss| (metrics.step as f64, loss)));
        Ok(())
    })?;
    let model = finetuning.into_model();
    let confusion = train::evaluate_classifier(&model, &data.test, &data.names, shape)?;
    Ok(Trained { name, model, losses, confusion })
}
