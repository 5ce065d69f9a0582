//! From text files to batches of tokens.
//!
//! The path of a corpus: [`source`] finds and reads files as a stream of documents, a [`tokenizer`] turns text into token
//! ids, [`prepare`] writes the ids of a corpus to [`shard`]s on disk, and [`batches`] draws training windows from them.
//! Every stage holds a bounded part of the corpus in memory. Labelled examples for fine-tuning come through [`labelled`],
//! which reads the same files.

pub mod batches;
mod bpe;
pub mod corpus;
pub mod labelled;
mod lines;
pub mod prepare;
pub mod shard;
pub mod source;
pub mod table;
pub mod tokenizer;
mod words;

pub use batches::{Consecutive, Windows};
pub use corpus::Speech;
pub use shard::{ShardWriter, Tokens};
pub use source::{Document, TextColumns, documents};
pub use tokenizer::{DecodeStream, Tokenizer};
