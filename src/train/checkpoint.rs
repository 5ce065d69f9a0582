//! Checkpoints: a folder `step-00000100` that holds the model, the tokenizer, the optimizer's state and the step.
//!
//! A checkpoint is written beside its place and renamed, so that one that can be seen is whole, whenever the process ends.
//! Batches and dropout masks are functions of seed and step, so that nothing else is needed to go on to the bit.

use std::fs::File;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::data::Tokenizer;
use crate::error::{Error, Result};
use crate::file::{Staged, remove_folder, write_atomically, write_folder};
use crate::model::{self, Transformer};
use crate::tensor::Tensor;
use crate::train::{Optimizer, PretrainOptions};

const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
const TOKENIZER: &str = "tokenizer.json";
const STEP_PREFIX: &str = "step-";

/// Where a run stands. A resumed run must have the same options and corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The updates so far.
    pub step: u64,
    /// The number of training tokens.
    pub corpus_tokens: u64,
    /// Their [checksum](crate::data::Tokens::checksum).
    pub corpus_checksum: u64,
    /// The [fingerprint](Tokenizer::fingerprint) of the tokenizer.
    pub tokenizer: u64,
    /// How it is trained.
    pub options: PretrainOptions,
}

/// A checkpoint, read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The model.
    pub model: Transformer,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The rest.
    pub state: State,
}

/// Writes a checkpoint into the folder of a run and removes all but the newest `keep`.
pub fn save(
    run: &Path,
    model: &Transformer,
    tokenizer: &Tokenizer,
    optimizer: &Optimizer,
    state: &State,
    keep: usize,
) -> Result<PathBuf> {
    std::fs::create_dir_all(run).map_err(Error::io("create", run))?;
    let path = run.join(format!("{STEP_PREFIX}{:08}", state.step));
    if path.exists() {
        // A run that was stopped and resumed at once passes here again, with the same weights.
        if read_state(&path)? == *state {
            return Ok(path);
        }
        return Err(Error::data(path.display(), "no checkpoint, or one of this run", "a checkpoint of another run"));
    }
    write_folder(&path, |dir| {
        model::save(model, Some(tokenizer.end_of_text()), dir)?;
        tokenizer.save(dir.join(TOKENIZER))?;
        save_optimizer(optimizer, &dir.join(OPTIMIZER))?;
        let path = dir.join(STATE);
        write_atomically(&path, |file| {
            serde_json::to_writer_pretty(file, state).map_err(|error| Error::io("write", &path)(error.into()))
        })
    })?;
    let older = all(run)?.into_iter().rev().filter(|other| *other != path);
    for old in older.skip(keep.saturating_sub(1)) {
        remove_folder(&old)?;
    }
    Ok(path)
}

fn save_optimizer(optimizer: &Optimizer, path: &Path) -> Result<()> {
    let view = |tensor| {
        let tensor: &Tensor = tensor;
        TensorView::new(Dtype::F32, vec![tensor.len()], bytemuck::cast_slice(tensor.as_slice()))
            .map_err(Error::library("write the optimizer's state"))
    };
    let views = [("m", view(&optimizer.m)?), ("v", view(&optimizer.v)?)];
    let file = Staged::create(path)?;
    file.write_by_name(|path| {
        safetensors::tensor::serialize_to_file(views, None, path).map_err(Error::library("write the optimizer's state"))
    })?;
    file.commit()
}

/// Reads a checkpoint.
pub fn load(path: &Path) -> Result<Checkpoint> {
    let model = model::load(path)?;
    let state = read_state(path)?;
    if let Some(step) = step_of(path)
        && step != state.step
    {
        return Err(Error::format(path.join(STATE), format!("`step` {step}, as its folder is named"), state.step));
    }
    let mut optimizer = Optimizer::new(state.options.optimizer.clone(), &model)?;
    optimizer.resume(state.step)?;

    let path = path.join(OPTIMIZER);
    let file = File::open(&path).map_err(Error::io("read", &path))?;
    // SAFETY: as for the weights: a private, read-only map of a file that is only ever replaced by renaming.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io("map", &path))?;
    let tensors = SafeTensors::deserialize(&map)
        .map_err(|error| Error::format(&path, "a whole safetensors file with an honest header", error))?;
    for (name, tensor) in [("m", &mut optimizer.m), ("v", &mut optimizer.v)] {
        let stored = tensors.tensor(name).map_err(|error| Error::format(&path, format!("a tensor `{name}`"), error))?;
        let out: &mut [u8] = bytemuck::cast_slice_mut(tensor.as_mut_slice());
        if stored.dtype() != Dtype::F32 || stored.data().len() != out.len() {
            let expected = format!("`{name}` of {} f32", out.len() / 4);
            return Err(Error::format(&path, expected, format!("{:?} {:?}", stored.dtype(), stored.shape())));
        }
        out.copy_from_slice(stored.data());
    }
    Ok(Checkpoint { model, optimizer, state })
}

fn read_state(checkpoint: &Path) -> Result<State> {
    let path = checkpoint.join(STATE);
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    serde_json::from_str(&text).map_err(|error| Error::format(&path, "the state of a training run", error))
}

/// The step that a checkpoint's folder is named after.
fn step_of(checkpoint: &Path) -> Option<u64> {
    checkpoint.file_name()?.to_str()?.strip_prefix(STEP_PREFIX)?.parse().ok()
}

/// The checkpoints of a run, oldest first.
pub fn all(run: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(run).map_err(Error::io("read", run))? {
        let path = entry.map_err(Error::io("read", run))?.path();
        if let Some(step) = step_of(&path) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The newest checkpoint of a run.
pub fn latest(run: &Path) -> Result<PathBuf> {
    let none = || Error::data(run.display(), "a folder with a checkpoint `step-…`", "none");
    if !run.is_dir() {
        return Err(none());
    }
    all(run)?.pop().ok_or_else(none)
}

/// The folder of a model: `path` itself when a model lies there, the `model` in it, or the newest checkpoint in it.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    for folder in [path.to_path_buf(), path.join("model")] {
        if folder.join("config.json").is_file() {
            return Ok(folder);
        }
    }
    latest(path)
}

/// A model with its tokenizer, which has no more tokens than the model.
pub fn load_for_inference(path: &Path) -> Result<(Transformer, Tokenizer)> {
    let path = resolve(path)?;
    let (model, file) = (model::load(&path)?, path.join(TOKENIZER));
    let tokenizer = Tokenizer::from_file(&file)?;
    if tokenizer.vocab_size() > model.config().vocab_size {
        let expected = format!("at most the model's {} tokens", model.config().vocab_size);
        return Err(Error::format(&file, expected, tokenizer.vocab_size()));
    }
    Ok((model, tokenizer))
}

/// The tokenizer of a checkpoint.
pub fn load_tokenizer(path: &Path) -> Result<Tokenizer> {
    Tokenizer::from_file(path.join(TOKENIZER))
}
