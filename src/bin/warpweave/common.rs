//! What several subcommands do: threads, tokenizers, corpora, models.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use warpweave::config;
use warpweave::data::prepare::write_shards;
use warpweave::data::{ShardWriter, TextColumns, Tokenizer, Tokens, documents};
use warpweave::model::{Config, Transformer};
use warpweave::train::{START, checkpoint};
use warpweave::{Error, Result};

/// The number of tokens of one shard of a corpus that a run makes for itself.
const SHARD_TOKENS: u64 = 100_000_000;

/// Computes with `threads` threads; all cores when not given.
pub fn use_threads(threads: Option<usize>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(Error::library("start the threads"))
}

/// Set when the user presses Ctrl-C. Pressed again, the program ends at once.
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

/// The tokenizer that an option names: `gpt2`, `byte`, a tokenizer.json or its folder.
pub fn tokenizer(name: &str) -> Result<Tokenizer> {
    match name {
        "gpt2" => Tokenizer::gpt2(),
        "byte" => Tokenizer::byte_level(&[START]),
        path => {
            let path = Path::new(path);
            Tokenizer::from_file(if path.is_dir() { path.join("tokenizer.json") } else { path.to_path_buf() })
        }
    }
}

/// The token that training sequences begin with: the one that fine-tuning will use, where the vocabulary has it.
pub fn start_token(tokenizer: &Tokenizer) -> Option<u32> {
    tokenizer.special(START)
}

/// The text of files, or shards of tokens in a folder. Text is first turned into shards in `folder`, which are mapped into
/// memory like any others, so that a corpus may be larger than that.
pub fn corpus(paths: &[PathBuf], column: &str, tokenizer: &Tokenizer, folder: &Path) -> Result<Arc<Tokens>> {
    if let [path] = paths
        && Tokens::is_in(path)
    {
        return Ok(Arc::new(Tokens::open(path, tokenizer)?));
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
    }
    let writer = ShardWriter::create(folder, tokenizer, SHARD_TOKENS)?;
    write_shards(documents(paths, &TextColumns::named(column))?, tokenizer, writer, |_| {})?;
    Ok(Arc::new(Tokens::open(folder, tokenizer)?))
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
        ffn_width: options.ffn_width.unwrap_or(4 * width),
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

/// A model with its tokenizer, which must fit together.
pub fn load(path: &Path) -> Result<(Transformer, Tokenizer, PathBuf)> {
    let folder = checkpoint::resolve(path)?;
    let (model, tokenizer) = checkpoint::load_for_inference(&folder)?;
    Ok((model, tokenizer, folder))
}
