//! `warpweave tokenize`: learns a vocabulary, and turns text into shards of tokens.

use warpweave::config::{self, Settings, tables};
use warpweave::data::{ShardWriter, TextColumns, Tokenizer, Tokens, documents};
use warpweave::train::START;
use warpweave::{Error, Result};

use crate::common::{self, say};

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let options: config::Tokenize = settings.section()?;
    let columns = TextColumns::named(&options.text_column);
    if Tokens::is_in(&options.out) {
        let expected = "a folder without token shards; remove the old ones or choose another";
        return Err(Error::setting("tokenize.out", expected, options.out.display()));
    }
    std::fs::create_dir_all(&options.out).map_err(Error::io("create", &options.out))?;
    let apply = options.kind.map_or(options.tokenizer.is_some(), |kind| kind == tables::TokenizeKind::Apply);
    let contradiction = if apply { "tokenize.vocab_size" } else { "tokenize.tokenizer" };
    if settings.is_given(contradiction) {
        let kind = if apply { "apply" } else { "train_bpe" };
        return Err(settings.error(contradiction, format_args!("nothing beside kind {kind}"), "a value"));
    }
    let tokenizer = if apply {
        common::tokenizer(options.tokenizer.as_deref().unwrap_or("byte"))?
    } else {
        let texts = documents(&options.input, &columns)?.map(|document| Ok(document?.text));
        Tokenizer::train_bpe(texts, options.vocab_size, &[START])?
    };
    let path = options.out.join("tokenizer.json");
    // The shards come first: a folder with a tokenizer has all its tokens.
    let writer = ShardWriter::create(&options.out, &tokenizer, options.shard_tokens as u64)?;
    let counts = common::encode(documents(&options.input, &columns)?, &tokenizer, writer)?;
    tokenizer.save(&path)?;
    say(format_args!(
        "{} documents, {} bytes, {} tokens of {} ({:.2} bytes a token)",
        counts.documents,
        counts.bytes,
        counts.tokens,
        tokenizer.vocab_size(),
        counts.bytes as f64 / counts.tokens.max(1) as f64
    ))?;
    say(format_args!("tokenizer: {}", path.display()))?;
    Ok(())
}
