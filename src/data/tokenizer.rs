//! Text to token ids and back.
//!
//! All tokenizers are Hugging Face `tokenizer.json`s, run by the `tokenizers` crate: byte-level, BPE trained here, GPT-2's
//! own, and whatever file a user brings.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

use flate2::read::GzDecoder;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, DecoderWrapper, Model, ModelWrapper, PreTokenizerWrapper};

use super::bpe::{byte_characters, count_words, learn_merges};
use super::words::words;
use crate::file::write_atomically;
use crate::{Error, Result};

/// The token between documents, as GPT-2 names it.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// Names of the end-of-text token in the vocabularies of other models, in the order in which they are looked for.
const END_OF_TEXT_NAMES: [&str; 6] = [END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "[SEP]", "<|im_end|>"];

/// GPT-2's merges. Where they come from, and their licence: `data/README.md`.
const GPT2_MERGES: &[u8] = include_bytes!("../../data/gpt2-merges.txt.gz");

/// A vocabulary and the rules that split text into its tokens.
///
/// ```
/// use warpweave::data::Tokenizer;
/// let tokenizer = Tokenizer::gpt2()?;
/// assert_eq!(tokenizer.encode("Hello world")?, [15496, 995]);
/// assert_eq!(tokenizer.decode(&[15496, 995])?, "Hello world");
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    vocab_size: usize,
    end_of_text: u32,
    fingerprint: u64,
    /// Whether text goes to the model word by word as in GPT-2, and nothing else happens to it.
    splits_as_gpt2: bool,
}

impl Tokenizer {
    /// Bytes as tokens: id b is byte b, and `specials` follow from 256 on. [`END_OF_TEXT`] is added when it is not among
    /// them.
    ///
    /// # Errors
    /// [`Error::Setting`] when a special token is empty or named twice.
    pub fn byte_level(specials: &[&str]) -> Result<Self> {
        Self::byte_bpe(byte_characters().map(String::from).to_vec(), Vec::new(), specials)
    }

    /// A byte-level BPE vocabulary learned from `texts`: the 256 bytes, then the merges, then `specials`, `vocab_size` in
    /// all. [`END_OF_TEXT`] is added when it is not among the specials. When no pair is left that occurs twice, the
    /// vocabulary stays smaller.
    ///
    /// The same texts give the same vocabulary, in any order and with any number of threads.
    ///
    /// # Errors
    /// [`Error::Setting`] when `vocab_size` has no room for the bytes and specials, or the specials are empty or doubled;
    /// [`Error::Data`] when there is no text; what `texts` yields.
    pub fn train_bpe(
        texts: impl Iterator<Item = Result<String>>,
        vocab_size: usize,
        specials: &[&str],
    ) -> Result<Self> {
        let specials = complete_specials(specials)?;
        let least = 256 + specials.len();
        if vocab_size < least || u32::try_from(vocab_size).is_err() {
            let expected = format!("at least {least} (256 bytes and {} special tokens) and below 2³²", specials.len());
            return Err(Error::setting("tokenize.vocab_size", expected, vocab_size));
        }
        let words = count_words(texts)?;
        if words.is_empty() {
            return Err(Error::data("training texts of the tokenizer", "some text", "none"));
        }
        let mut tokens = byte_characters().map(String::from).to_vec();
        let mut merges = Merges::new();
        for (a, b) in learn_merges(words, vocab_size - least) {
            let (a, b) = (tokens[a as usize].clone(), tokens[b as usize].clone());
            tokens.push(format!("{a}{b}"));
            merges.push((a, b));
        }
        Self::byte_bpe(tokens, merges, &specials)
    }

    /// GPT-2's vocabulary: 50,257 tokens, [`END_OF_TEXT`] being 50,256.
    pub fn gpt2() -> Result<Self> {
        let mut text = String::new();
        GzDecoder::new(GPT2_MERGES)
            .read_to_string(&mut text)
            .map_err(Error::library("expand the built-in vocabulary of GPT-2"))?;
        let merges: Merges = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(' '))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        // The first ids are the bytes that are printable themselves, then the others.
        let characters = byte_characters();
        let (printable, others): (Vec<_>, Vec<_>) = characters.into_iter().partition(|&c| (c as u32) < 256);
        let mut tokens: Vec<String> = printable.into_iter().chain(others).map(String::from).collect();
        tokens.extend(merges.iter().map(|(a, b)| format!("{a}{b}")));
        Self::byte_bpe(tokens, merges, &[])
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] when the file is no `tokenizer.json`, or has no end-of-text token under any of its
    /// usual names.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let json = fs::read(path).map_err(Error::io("read", path))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&json)
            .map_err(|error| Error::format(path, "a tokenizer.json", error.to_string()))?;
        // Files saved beside a model may cut or fill every text to that model's length.
        inner.with_truncation(None).map_err(Error::library("set up the tokenizer"))?;
        inner.with_padding(None);
        let end_of_text = END_OF_TEXT_NAMES.iter().find_map(|name| inner.token_to_id(name)).ok_or_else(|| {
            let expected = format!("an end-of-text token: one of {}", END_OF_TEXT_NAMES.join(" "));
            Error::format(path, expected, "none of them")
        })?;
        Self::finish(inner, end_of_text)
    }

    /// Writes a `tokenizer.json`, whole or not at all. The same tokenizer gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let json = json_of(&self.inner)?;
        write_atomically(path, |file| file.write_all(json.as_bytes()).map_err(Error::io("write", path)))
    }

    /// The ids of `text`. Special tokens are never read out of it: a text that holds the letters `<|endoftext|>` gives
    /// the tokens of these letters.
    ///
    /// # Errors
    /// [`Error::Library`] when a tokenizer from a file cannot represent the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        if self.splits_as_gpt2 {
            return self.encode_by_word(text);
        }
        let encoding = self.inner.encode_fast(text, false).map_err(Error::library("encode text"))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Encodes each different word once. The way through the whole library tracks where every character of the text comes
    /// from, and takes many times as long.
    fn encode_by_word(&self, text: &str) -> Result<Vec<u32>> {
        let characters = byte_characters();
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut known: HashMap<&str, Range<usize>> = HashMap::new();
        for word in words(text) {
            if let Some(range) = known.get(word) {
                ids.extend_from_within(range.clone());
                continue;
            }
            let spelled: String = word.bytes().map(|byte| characters[byte as usize]).collect();
            let tokens = self.inner.get_model().tokenize(&spelled).map_err(Error::library("encode text"))?;
            let start = ids.len();
            ids.extend(tokens.iter().map(|token| token.id));
            known.insert(word, start..ids.len());
        }
        Ok(ids)
    }

    /// The text of `ids`, special tokens by their names. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`Error::Argument`] when an id is not in the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            let expected = format!("ids below {}", self.vocab_size);
            return Err(Error::argument("Tokenizer::decode", "ids", expected, id));
        }
        self.inner.decode(ids, false).map_err(Error::library("decode tokens"))
    }

    /// One more than the highest id.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token after each document.
    pub fn end_of_text(&self) -> u32 {
        self.end_of_text
    }

    /// The id of a special token.
    pub fn special(&self, name: &str) -> Option<u32> {
        self.inner.get_added_vocabulary().get_vocab().get(name).copied()
    }

    /// Adds a special token behind the vocabulary and returns its id; the present id when there is one.
    ///
    /// # Errors
    /// [`Error::Setting`] when the name is empty.
    pub fn add_special(&mut self, name: &str) -> Result<u32> {
        if name.is_empty() {
            return Err(Error::setting("tokenizer.specials", "a name", "an empty one"));
        }
        self.inner.add_special_tokens([AddedToken::from(name, true)]).map_err(Error::library("add a special token"))?;
        *self = Self::finish(self.inner.clone(), self.end_of_text)?;
        self.special(name).ok_or_else(|| Error::library("add a special token")(format!("`{name}` was not taken")))
    }

    /// A hash of the whole tokenizer (FNV-1a, 64 bits, of its `tokenizer.json`): equal for equal tokenizers. Token shards
    /// carry it, so that they are not read with another vocabulary.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// A decoder for tokens that come one at a time.
    pub fn decode_stream(&self) -> DecodeStream<'_> {
        DecodeStream { tokenizer: self, ids: Vec::new(), emitted: 0 }
    }

    /// A byte-level BPE of `tokens`, in the order of their ids, with `specials` behind them.
    fn byte_bpe(tokens: Vec<String>, merges: Merges, specials: &[&str]) -> Result<Self> {
        let specials = complete_specials(specials)?;
        let vocab: Vocab = tokens.into_iter().zip(0..).collect();
        let model =
            BPE::builder().vocab_and_merges(vocab, merges).build().map_err(Error::library("build the tokenizer"))?;
        let mut inner = tokenizers::Tokenizer::new(ModelWrapper::BPE(model));
        let bytes = ByteLevel::new(false, true, true);
        inner.with_pre_tokenizer(Some(PreTokenizerWrapper::ByteLevel(bytes)));
        inner.with_decoder(Some(DecoderWrapper::ByteLevel(bytes)));
        inner
            .add_special_tokens(specials.iter().map(|&name| AddedToken::from(name, true)))
            .map_err(Error::library("add the special tokens"))?;
        let end_of_text = inner
            .token_to_id(END_OF_TEXT)
            .ok_or_else(|| Error::library("add the special tokens")(format!("`{END_OF_TEXT}` was not taken")))?;
        Self::finish(inner, end_of_text)
    }

    fn finish(mut inner: tokenizers::Tokenizer, end_of_text: u32) -> Result<Self> {
        inner.set_encode_special_tokens(true);
        let vocab_size = inner.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        let fingerprint = fnv1a(json_of(&inner)?.as_bytes());
        let bytes = match inner.get_pre_tokenizer() {
            Some(PreTokenizerWrapper::ByteLevel(bytes)) => bytes.use_regex && !bytes.add_prefix_space,
            _ => false,
        };
        let added = inner.get_added_tokens_decoder();
        let splits_as_gpt2 = bytes && inner.get_normalizer().is_none() && added.values().all(|token| token.special);
        Ok(Tokenizer { inner, vocab_size, end_of_text, fingerprint, splits_as_gpt2 })
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size)
            .field("end_of_text", &self.end_of_text)
            .field("fingerprint", &format_args!("{:016x}", self.fingerprint))
            .finish_non_exhaustive()
    }
}

/// `specials` with [`END_OF_TEXT`] behind them unless it is among them.
fn complete_specials<'a>(specials: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut seen = HashSet::new();
    for name in specials {
        if name.is_empty() || !seen.insert(name) {
            let got = if name.is_empty() { "an empty one".to_owned() } else { format!("`{name}` twice") };
            return Err(Error::setting("tokenizer.specials", "different, non-empty names", got));
        }
    }
    let missing = (!specials.contains(&END_OF_TEXT)).then_some(END_OF_TEXT);
    Ok(specials.iter().copied().chain(missing).collect())
}

fn json_of(inner: &tokenizers::Tokenizer) -> Result<String> {
    inner.to_string(true).map_err(Error::library("write the tokenizer as JSON"))
}

/// Fowler-Noll-Vo hash 1a: its value is defined for good, which the standard library's hashers do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Decodes tokens one at a time, and gives out only what later tokens cannot change: whole characters.
///
/// ```
/// use warpweave::data::Tokenizer;
/// let tokenizer = Tokenizer::byte_level(&[])?;
/// let mut stream = tokenizer.decode_stream();
/// assert_eq!(stream.push(0xC3)?, "");
/// assert_eq!(stream.push(0xA9)?, "é");
/// assert_eq!(stream.finish()?, "");
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Debug)]
pub struct DecodeStream<'t> {
    tokenizer: &'t Tokenizer,
    /// The tokens since the last whole character, behind the one token that ended it: some decoders treat the first token
    /// of a text in a way of their own.
    ids: Vec<u32>,
    /// How many bytes of these tokens' text were given out.
    emitted: usize,
}

impl DecodeStream<'_> {
    /// Takes the next token and returns the text that it completes, often none.
    ///
    /// # Errors
    /// [`Error::Argument`] when the id is not in the vocabulary.
    pub fn push(&mut self, id: u32) -> Result<String> {
        self.ids.push(id);
        let text = self.tokenizer.decode(&self.ids).inspect_err(|_| {
            self.ids.pop();
        })?;
        // The start of a character decodes to one U+FFFD, which the next token may turn into that character.
        let settled = text.strip_suffix(char::REPLACEMENT_CHARACTER).unwrap_or(&text);
        let new = settled.get(self.emitted..).unwrap_or_default().to_owned();
        if settled.len() == text.len() {
            self.ids = vec![id];
            self.emitted = self.tokenizer.decode(&self.ids)?.len();
        } else if self.ids.len() > 8 {
            // An incomplete character has three bytes at most, so the last four tokens say all about it.
            self.ids.drain(..self.ids.len() - 4);
            let text = self.tokenizer.decode(&self.ids)?;
            self.emitted = text.len() - char::REPLACEMENT_CHARACTER.len_utf8();
        } else {
            self.emitted = self.emitted.max(settled.len());
        }
        Ok(new)
    }

    /// What is left at the end: an incomplete character, as U+FFFD.
    ///
    /// # Errors
    /// None that [`push`](DecodeStream::push) has not returned.
    pub fn finish(self) -> Result<String> {
        let text = self.tokenizer.decode(&self.ids)?;
        Ok(text.get(self.emitted..).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn encoding_by_word_is_encoding(any in any::<String>(), words in "[ \\na-eé'!]{0,80}(<\\|endoftext\\|>)?") {
            static GPT2: std::sync::OnceLock<Tokenizer> = std::sync::OnceLock::new();
            let gpt2 = GPT2.get_or_init(|| Tokenizer::gpt2().unwrap());
            prop_assert!(gpt2.splits_as_gpt2);
            for text in [any, words] {
                let library = gpt2.inner.encode_fast(text.as_str(), false).unwrap();
                prop_assert_eq!(gpt2.encode(&text).unwrap(), library.get_ids());
            }
        }
    }
}
