//! From documents to token ids: what stands between the reader, the tokenizer and the shards.

use rayon::prelude::*;

use super::shard::ShardWriter;
use super::source::Document;
use super::tokenizer::Tokenizer;
use crate::Result;

/// How much text is encoded at a time.
const BATCH_BYTES: usize = 4 << 20;

/// What went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// Token ids, with the end-of-text token of each document.
    pub tokens: u64,
}

/// Encodes `documents` in order, on all threads, with an end-of-text token after each, and hands the ids on in batches.
/// `take` gets the ids of a batch and the counts so far.
///
/// # Errors
/// The first error of `documents`, of the tokenizer or of `take`.
pub fn encode_documents(
    documents: impl Iterator<Item = Result<Document>>,
    tokenizer: &Tokenizer,
    mut take: impl FnMut(&[u32], &Counts) -> Result<()>,
) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut documents = documents.peekable();
    while documents.peek().is_some() {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some(document) = documents.next()
        {
            let document = document?;
            bytes += document.text.len();
            batch.push(document);
        }
        let encoded: Vec<Vec<u32>> = batch
            .par_iter()
            .map(|document| {
                let mut ids = tokenizer.encode(&document.text)?;
                if document.ends {
                    ids.push(tokenizer.end_of_text());
                }
                Ok(ids)
            })
            .collect::<Result<_>>()?;
        counts.bytes += bytes as u64;
        counts.documents += batch.iter().filter(|document| document.ends).count() as u64;
        let ids = encoded.concat();
        counts.tokens += ids.len() as u64;
        take(&ids, &counts)?;
    }
    Ok(counts)
}

/// Encodes `documents` into `writer` and completes the set. `progress` is told the counts now and then.
///
/// # Errors
/// As [`encode_documents`] and [`ShardWriter`].
pub fn write_shards(
    documents: impl Iterator<Item = Result<Document>>,
    tokenizer: &Tokenizer,
    mut writer: ShardWriter,
    mut progress: impl FnMut(&Counts),
) -> Result<Counts> {
    let counts = encode_documents(documents, tokenizer, |ids, counts| {
        writer.push(ids)?;
        progress(counts);
        Ok(())
    })?;
    writer.finish()?;
    Ok(counts)
}
