//! `warpweave eval`: perplexity of a language model, accuracy of a fine-tuned one.

use warpweave::config::{self, Settings};
use warpweave::data::labelled;
use warpweave::data::prepare::encode_documents;
use warpweave::data::{TextColumns, Tokens, documents};
use warpweave::eval::Perplexity;
use warpweave::train::{
    BatchShape, Encoded, Layout, TaskRecord, checkpoint, evaluate_classifier, evaluate_language_model,
};
use warpweave::{Error, Result};

use crate::common::{self, say};

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let options: config::Eval = settings.section()?;
    common::use_threads(options.threads)?;
    let folder = checkpoint::resolve(&options.model)?;
    let (model, tokenizer) = checkpoint::load_for_inference(&folder)?;
    if TaskRecord::is_in(&folder) {
        let record = TaskRecord::load(&folder)?;
        let layout = Layout::new(&tokenizer, record.context)?;
        let examples = labelled::evaluation_examples(&options.data, &record.task, &record.labels)?;
        let encoded: Vec<Encoded> = examples
            .iter()
            .map(|example| layout.encode(&tokenizer, example, record.both_orders))
            .collect::<Result<_>>()?;
        let shape = BatchShape { batch: options.batch, group: record.group(), choices: record.choices() };
        say(evaluate_classifier(&model, &encoded, record.labels.names(), shape)?)?;
        return Ok(());
    }
    if model.config().labels > 0 {
        let expected = "a `task.json` beside a model with a classification head";
        return Err(Error::format(folder.join("task.json"), expected, "none"));
    }
    let start = common::start_token(&tokenizer);
    // What comes first is not predicted: it stands before the text.
    let mut ids = vec![start.unwrap_or(tokenizer.end_of_text())];
    let text = documents(&options.data, &TextColumns::named(&options.text_column))?;
    let counts = encode_documents(text, &tokenizer, |new, _| {
        ids.extend_from_slice(new);
        Ok(())
    })?;
    let corpus = std::sync::Arc::new(Tokens::from_vec(ids));
    let loss = evaluate_language_model(&model, &corpus, options.batch, model.config().context, start, u64::MAX)?;
    let mut scores = Perplexity::default();
    scores.add(loss.sum, loss.tokens as u64, counts.bytes);
    say(format_args!("{scores}, {} tokens", loss.tokens))?;
    Ok(())
}
