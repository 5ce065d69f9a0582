//! What several subcommands do: threads, tokenizers, corpora, models.

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use warpweave::config::tables::ScheduleName;
use warpweave::config::{self, Settings};
use warpweave::data::prepare::{Counts, write_shards};
use warpweave::data::shard::DEFAULT_SHARD_TOKENS;
use warpweave::data::{Document, ShardWriter, TextColumns, Tokenizer, Tokens, documents};
use warpweave::file::remove_leftovers;
use warpweave::model::Config;
use warpweave::train::{Decay, START, checkpoint};
use warpweave::{Error, Result};

const TOKENIZER: &str = "tokenizer.json";

/// The effective options of a run, in its folder.
pub const SETTINGS: &str = "settings.toml";

/// Computes with `threads` threads; all cores when not given.
pub fn use_threads(threads: Option<usize>) -> Result<()> {
    const MOST: usize = 1024;
    let Some(threads) = threads else { return Ok(()) };
    if threads > MOST {
        return Err(Error::setting("threads", format!("at most {MOST}"), threads));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(Error::library("start the threads"))
}

/// Set when the user presses Ctrl-C. Pressed again, the program ends at once. To be called when there is something that
/// can be stopped and saved: before that, Ctrl-C ends the program.
pub fn stop_on_interrupt() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step; press Ctrl-C again to end at once");
    })
    .map_err(Error::library("listen for Ctrl-C"))?;
    Ok(&STOP)
}

/// Prints to standard output. Returns whether somebody still reads: who closes a pipe has seen enough.
pub fn write(text: impl Display) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true).map_err(Error::io("write", "standard output")),
    }
}

/// Prints a line to standard output, if somebody still reads.
pub fn say(text: impl Display) -> Result<()> {
    write(format_args!("{text}\n")).map(drop)
}

/// The tokenizer that an option names: `gpt2`, `byte`, a tokenizer.json or its folder.
pub fn tokenizer(name: &str) -> Result<Tokenizer> {
    match name {
        "gpt2" => Tokenizer::gpt2(),
        "byte" => Tokenizer::byte_level(&[START]),
        path => {
            let path = Path::new(path);
            if path.is_dir() && !path.join(TOKENIZER).is_file() {
                return Tokenizer::from_file(checkpoint::resolve(path)?.join(TOKENIZER));
            }
            Tokenizer::from_file(if path.is_dir() { path.join(TOKENIZER) } else { path.to_path_buf() })
        }
    }
}

/// The token that training sequences begin with: the one that fine-tuning will use, where the vocabulary has it.
pub fn start_token(tokenizer: &Tokenizer) -> Option<u32> {
    tokenizer.special(START)
}

/// The text of files, or the shards of tokens in a folder. Text is first turned into shards in `folder`, which are mapped
/// into memory like any others, so that a corpus may be larger than that.
pub fn corpus(paths: &[PathBuf], column: &str, tokenizer: &Tokenizer, folder: &Path) -> Result<Arc<Tokens>> {
    if let [path] = paths
        && Tokens::is_in(path)
    {
        return Ok(Arc::new(Tokens::open(path, tokenizer)?));
    }
    if let Some(path) = paths.iter().find(|path| Tokens::is_in(path)) {
        return Err(Error::data(
            path.display(),
            "token shards of one folder alone, or text",
            "shards among other paths",
        ));
    }
    let documents = documents(paths, &TextColumns::named(column))?;
    let writer = ShardWriter::create(folder, tokenizer, DEFAULT_SHARD_TOKENS)?;
    encode(documents, tokenizer, writer)?;
    Ok(Arc::new(Tokens::open(folder, tokenizer)?))
}

/// Encodes documents into shards; a line now and then says how far that is.
pub fn encode(
    documents: impl Iterator<Item = Result<Document>>,
    tokenizer: &Tokenizer,
    writer: ShardWriter,
) -> Result<Counts> {
    let mut last = Instant::now();
    write_shards(documents, tokenizer, writer, |counts| {
        if last.elapsed() >= Duration::from_secs(5) {
            last = Instant::now();
            eprintln!("{:.0} MB of text, {} tokens", counts.bytes as f64 / 1e6, counts.tokens);
        }
    })
}

/// The model that the options of `[model]` describe.
pub fn model_config(options: &config::Model, vocab_size: usize) -> Result<Config> {
    let preset = Config::preset(&options.preset)?;
    let width = options.width.unwrap_or(preset.width);
    let heads = options.heads.unwrap_or(preset.heads);
    let config = Config {
        vocab_size,
        context: options.context.unwrap_or(preset.context),
        layers: options.layers.unwrap_or(preset.layers),
        width,
        heads,
        kv_heads: options.kv_heads.unwrap_or(heads),
        ffn_width: options.ffn_width.unwrap_or(width.saturating_mul(4)),
        feed_forward: options.activation.unwrap_or(preset.feed_forward),
        norm: options.norm.unwrap_or(preset.norm),
        norm_position: options.norm_position.unwrap_or(preset.norm_position),
        positions: options.positions.unwrap_or(preset.positions),
        window: options.window.or(preset.window),
        tied: options.tied.unwrap_or(preset.tied),
        bias: options.bias.unwrap_or(preset.bias),
        dropout: options.dropout.unwrap_or(preset.dropout),
        init_std: options.init_std.unwrap_or(preset.init_std),
        ..preset
    };
    config.check()?;
    Ok(config)
}

/// What the learning rate does after the warm-up.
pub fn decay(name: ScheduleName, min_ratio: f64, d_model: usize) -> Decay {
    match name {
        ScheduleName::Constant => Decay::Constant,
        ScheduleName::Cosine => Decay::Cosine { min_ratio },
        ScheduleName::Linear => Decay::Linear { min_ratio },
        ScheduleName::InverseSqrt => Decay::InverseSqrt { d_model },
    }
}

/// Takes the folder of a new run: no other process may be using it, and it must hold nothing that the run would replace.
/// The folder is free again when the returned file is dropped.
pub fn take(settings: &Settings, key: &str, out: &Path, hint: &str) -> Result<File> {
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    let lock = lock(out)?;
    let model = ["model", "config.json", "model.safetensors"].iter().any(|name| out.join(name).exists());
    let shards = ["train", "validation"].map(|name| out.join("tokens").join(name));
    let began = out.join(SETTINGS).is_file();
    if model || !checkpoint::all(out)?.is_empty() || (!began && shards.iter().any(|folder| Tokens::is_in(folder))) {
        let expected = format_args!("a folder without a model or tokens{hint}");
        return Err(settings.error(key, expected, out.display()));
    }
    // What a run that never came to its first checkpoint has left.
    shards.iter().try_for_each(|folder| Tokens::remove(folder))?;
    remove_leftovers(out)?;
    Ok(lock)
}

/// Keeps other processes out of a run's folder until the returned file is dropped.
pub fn lock(out: &Path) -> Result<File> {
    let path = out.join(".lock");
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::data(out.display(), "a folder that no other run is using", "one that is in use"))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

/// Makes the paths of options absolute, so that they mean the same from another folder.
pub fn make_absolute(settings: &mut Settings) -> Result<()> {
    settings.make_paths_absolute()?;
    let key = "data.tokenizer";
    if settings.is_given(key) {
        let data: String = settings.text(key)?;
        if !["gpt2", "byte"].contains(&data.as_str()) {
            let path = std::path::absolute(&data).map_err(Error::io("find", &data))?;
            settings.set(key, &path.to_string_lossy())?;
        }
    }
    Ok(())
}
