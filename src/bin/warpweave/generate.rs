//! `warpweave generate`: goes on with a text.

use std::io::{IsTerminal, Read};

use warpweave::config::{self, Settings};
use warpweave::generate::{Request, StopText, generate};
use warpweave::ops::Sampling;
use warpweave::train::checkpoint;
use warpweave::{Error, Result};

use crate::common::{self, write};

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let options: config::Generate = settings.section()?;
    common::use_threads(options.threads)?;
    let (model, tokenizer) = checkpoint::load_for_inference(&options.model)?;
    let prompt = match options.prompt {
        Some(prompt) => prompt,
        None => {
            let mut prompt = String::new();
            if std::io::stdin().is_terminal() {
                eprintln!("the text to go on from, then Ctrl-D:");
            }
            std::io::stdin().read_to_string(&mut prompt).map_err(Error::io("read", "standard input"))?;
            prompt
        }
    };
    let start = common::start_token(&tokenizer).unwrap_or(tokenizer.end_of_text());
    let request = Request {
        prompt: [vec![start], tokenizer.encode(&prompt)?].concat(),
        tokens: options.tokens,
        sampling: Sampling {
            temperature: options.temperature,
            top_k: options.top_k,
            top_p: (options.top_p < 1.0).then_some(options.top_p),
            min_p: (options.min_p > 0.0).then_some(options.min_p),
        },
        seed: options.seed,
        vocab_size: tokenizer.vocab_size(),
        end: Some(tokenizer.end_of_text()),
    };
    if !write(&prompt)? {
        return Ok(());
    }
    let mut decoder = tokenizer.decode_stream();
    let mut stop = StopText::new(options.stop.as_deref());
    generate(&model, &request, |id| {
        let (text, stopped) = stop.push(&decoder.push(id)?);
        Ok(write(&text)? && !stopped)
    })?;
    let (text, stopped) = stop.push(&decoder.finish()?);
    write(&text)?;
    if !stopped {
        write(stop.finish())?;
    }
    write("\n").map(drop)
}
