//! The data path through its public interface: text files, tokenizers, shards, windows, labelled examples.

#![cfg(feature = "train")]

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use warpweave::data::corpus::{load_speeches, split};
use warpweave::data::labelled::{Input, Task, evaluation_examples, training_examples};
use warpweave::data::prepare::{encode_documents, write_shards};
use warpweave::data::shard::DEFAULT_SHARD_TOKENS;
use warpweave::data::{Consecutive, Document, ShardWriter, TextColumns, Tokenizer, Tokens, Windows, documents};
use warpweave::file::write_atomically;
use warpweave::{Error, Result};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn read(path: &Path) -> Result<Vec<Document>> {
    documents(&[path.to_path_buf()], &TextColumns::default())?.collect()
}

fn texts(path: &Path) -> Vec<String> {
    read(path).unwrap().into_iter().map(|d| d.text).collect()
}

/// The message of an error, which must hold each of `parts`.
fn assert_error<T>(result: Result<T>, parts: &[&str]) {
    let message = result.err().expect("an error").to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

mod source {
    use super::*;

    #[test]
    fn all_formats_of_a_folder_in_order() {
        let dir = folder();
        put(&dir, "b.jsonl", "{\"text\": \"two\"}\n\n{\"text\": \"\"}\n{\"text\": \"three\", \"n\": 1}");
        put(&dir, "a.txt", "one\r\nstill one\n");
        put(&dir, "c/d.tsv", "id\ttext\r\n1\tfour\r\n2\tfive\r\n");
        put(&dir, "e.txt.gz", gzip(b"six"));
        put(&dir, "f.jsonl.gz", gzip(b"{\"text\": \"seven\"}\n"));
        put(&dir, "g.tsv.gz", [gzip(b"text\n"), gzip(b"eight\n")].concat());
        put(&dir, "ignored.bin", [0xFF]);
        put(&dir, ".hidden.txt", "hidden");
        let all = read(dir.path()).unwrap();
        let texts: Vec<_> = all.iter().map(|d| d.text.as_str()).collect();
        assert_eq!(texts, ["one\r\nstill one\n", "two", "three", "four", "five", "six", "seven", "eight"]);
        assert!(all.iter().all(|d| d.starts && d.ends));
        assert!(all[2].source.ends_with("b.jsonl:4"), "{}", all[2].source);
        assert!(all[3].source.ends_with("d.tsv:2"), "{}", all[3].source);
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let dir = folder();
        assert_eq!(texts(&put(&dir, "a.txt", "\u{feff}word")), ["word"]);
        assert_eq!(texts(&put(&dir, "b.tsv", "\u{feff}text\nword\n")), ["word"]);
        assert_error(read(&put(&dir, "c.txt", "\u{feff}")), &["c.txt", "an empty file"]);
    }

    #[test]
    fn a_file_named_itself_is_text_whatever_its_name() {
        let dir = folder();
        assert_eq!(texts(&put(&dir, "notes", "plain")), ["plain"]);
        assert_eq!(texts(&put(&dir, "main.rs.gz", gzip(b"fn main() {}"))), ["fn main() {}"]);
    }

    #[test]
    fn columns_by_name() {
        let dir = folder();
        let paths = [put(&dir, "a.jsonl", "{\"body\": \"x\"}"), put(&dir, "b.tsv", "id\tbody\n1\ty\n")];
        let columns = TextColumns::named("body");
        let texts: Vec<_> = documents(&paths, &columns).unwrap().map(|d| d.unwrap().text).collect();
        assert_eq!(texts, ["x", "y"]);
        assert_error(read(&paths[0]), &["a.jsonl:1", "a column `text`", "`body`"]);
        assert_error(read(&paths[1]), &["b.tsv:2", "a column `text`", "`id`, `body`"]);
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let dir = folder();
        assert_error(read(&dir.path().join("none.txt")), &["cannot read", "none.txt"]);
        assert_error(read(&put(&dir, "empty.txt", "")), &["empty.txt", "an empty file"]);
        assert_error(read(&put(&dir, "empty.txt.gz", gzip(b""))), &["empty.txt.gz", "an empty file"]);
        assert_error(read(&put(&dir, "empty.jsonl", "\n\n")), &["empty.jsonl", "at least one record"]);
        assert_error(read(&put(&dir, "empty.tsv", "text\n")), &["empty.tsv", "at least one record"]);
        fs::create_dir(dir.path().join("sub")).unwrap();
        assert_error(read(&dir.path().join("sub")), &["sub", "a folder with .txt"]);
        assert_error(documents(&[], &TextColumns::default()), &["at least one file"]);
    }

    #[test]
    fn malformed_lines_are_named() {
        let dir = folder();
        assert_error(
            read(&put(&dir, "a.jsonl", "{\"text\": \"x\"}\n{\"text\": ")),
            &["a.jsonl", "line 2", "column 9", "EOF"],
        );
        assert_error(read(&put(&dir, "b.jsonl", "[1]")), &["line 1", "a list"]);
        assert_error(read(&put(&dir, "c.jsonl", "{\"text\": null}")), &["c.jsonl:1", "null"]);
        assert_error(read(&put(&dir, "d.tsv", "id\ttext\n1\n")), &["d.tsv", "2 columns in line 2", "got 1"]);
        assert_error(read(&put(&dir, "e.tsv", "text\ttext\n1\t2\n")), &["e.tsv", "`text` twice"]);
    }

    #[test]
    fn invalid_utf8_is_named_with_its_offset() {
        let dir = folder();
        assert_error(read(&put(&dir, "a.txt", b"ab\xFFcd")), &["a.txt", "UTF-8", "0xff", "offset 2"]);
        assert_error(read(&put(&dir, "cut.txt", b"ab\xC3")), &["cut.txt", "0xc3", "offset 2"]);
        let late = [vec![b'x'; 3 << 20], vec![0x80]].concat();
        assert_error(read(&put(&dir, "late.txt", &late)), &["0x80", "offset 3145728"]);
        assert_error(read(&put(&dir, "late.txt.gz", gzip(&late))), &["0x80", "offset 3145728"]);
        let json = b"{\"text\": \"x\"}\n{\"text\": \"\xFE\"}";
        assert_error(read(&put(&dir, "b.jsonl", json)), &["b.jsonl", "0xfe", "offset 24", "line 2"]);
    }

    #[test]
    fn a_damaged_gzip_is_named() {
        let dir = folder();
        let whole = gzip(&b"words and more words\n".repeat(1000));
        for len in [5, whole.len() / 2, whole.len() - 1] {
            assert_error(read(&put(&dir, "a.txt.gz", &whole[..len])), &["a.txt.gz", "gzip", "truncated"]);
        }
        assert_error(read(&put(&dir, "b.txt.gz", "not gzip at all")), &["b.txt.gz", "gzip"]);
        let mut flipped = whole.clone();
        let crc = flipped.len() - 6;
        flipped[crc] ^= 1;
        assert_error(read(&put(&dir, "c.txt.gz", flipped)), &["c.txt.gz", "gzip"]);
    }

    /// Pieces are bounded, join to the text, and give its tokens.
    #[test]
    fn long_texts_come_in_pieces() {
        let dir = folder();
        let paragraph = "Ein Wörtchen 東京 and  some   words, 1234!\n\n  Indented\n";
        for text in [
            paragraph.repeat(50_000),
            format!("{}\n", "long line ".repeat(300_000)),
            "é".repeat(1_200_001),
            "x".repeat(1 << 20),
            format!("{}é", "x".repeat((1 << 20) - 1)),
        ] {
            let pieces = read(&put(&dir, "long.txt", &text)).unwrap();
            assert!(pieces.iter().all(|p| p.text.len() <= 1 << 20 && !p.text.is_empty()));
            assert_eq!(pieces.iter().map(|p| p.text.as_str()).collect::<String>(), text);
            let last = pieces.len() - 1;
            assert!(pieces.iter().enumerate().all(|(i, p)| p.starts == (i == 0) && p.ends == (i == last)));
        }
        let text = paragraph.repeat(40_000);
        let tokenizer = Tokenizer::gpt2().unwrap();
        let pieces = read(&put(&dir, "long.txt", &text)).unwrap();
        assert!(pieces.len() > 2);
        let joined: Vec<u32> = pieces.iter().flat_map(|p| tokenizer.encode(&p.text).unwrap()).collect();
        assert!(joined == tokenizer.encode(&text).unwrap());
    }
}

mod tokenizer {
    use super::*;

    fn speeches() -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sotu.jsonl.gz");
        load_speeches(path).unwrap().into_iter().take(12).map(|s| s.text).collect()
    }

    fn train(texts: &[String], vocab_size: usize) -> Result<Tokenizer> {
        Tokenizer::train_bpe(texts.iter().cloned().map(Ok), vocab_size, &["<|start|>"])
    }

    #[test]
    fn gpt2_ids() {
        let gpt2 = Tokenizer::gpt2().unwrap();
        assert_eq!(gpt2.vocab_size(), 50_257);
        assert_eq!(gpt2.end_of_text(), 50_256);
        assert_eq!(gpt2.special("<|endoftext|>"), Some(50_256));
        assert_eq!(gpt2.encode("Hello world").unwrap(), [15_496, 995]);
        assert_eq!(gpt2.encode(" the").unwrap(), [262]);
        // From the ranks of the tiktoken file.
        let ids = [
            2_616, 38_776, 40_304, 851, 10_545, 251, 109, 12_859, 105, 32_485, 0, 198, 198, 3_987, 470, 220, 220,
            1_105, 2_682,
        ];
        let text = "naïve café — 東京 🙂!\n\nDon't   1234";
        assert_eq!(gpt2.encode(text).unwrap(), ids);
        assert_eq!(gpt2.decode(&ids).unwrap(), text);
    }

    #[test]
    fn bytes_are_their_own_ids() {
        let bytes = Tokenizer::byte_level(&["<|a|>"]).unwrap();
        assert_eq!(bytes.encode("aé\n").unwrap(), [97, 0xC3, 0xA9, 10]);
        assert_eq!((bytes.special("<|a|>"), bytes.end_of_text(), bytes.vocab_size()), (Some(256), 257, 258));
        assert_eq!(bytes.decode(&[0xFF, 97, 257]).unwrap(), "\u{fffd}a<|endoftext|>");
    }

    #[test]
    fn special_tokens_are_not_read_from_text() {
        for tokenizer in [Tokenizer::gpt2().unwrap(), Tokenizer::byte_level(&[]).unwrap()] {
            let ids = tokenizer.encode("a<|endoftext|>b").unwrap();
            assert!(!ids.contains(&tokenizer.end_of_text()), "{ids:?}");
            assert_eq!(tokenizer.decode(&ids).unwrap(), "a<|endoftext|>b");
        }
        assert_eq!(Tokenizer::gpt2().unwrap().encode("<|endoftext|>").unwrap(), [27, 91, 437, 1_659, 5_239, 91, 29]);
    }

    #[test]
    fn the_same_texts_give_the_same_file() {
        let dir = folder();
        let mut texts = speeches();
        let first = train(&texts, 1_000).unwrap();
        first.save(dir.path().join("a.json")).unwrap();
        let again = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        texts.reverse();
        again.install(|| train(&texts, 1_000)).unwrap().save(dir.path().join("b.json")).unwrap();
        assert!(fs::read(dir.path().join("a.json")).unwrap() == fs::read(dir.path().join("b.json")).unwrap());
        assert_eq!(first.vocab_size(), 1_000);
        assert_eq!((first.special("<|start|>"), first.end_of_text()), (Some(998), 999));

        let ids = first.encode(&texts[0]).unwrap();
        assert!(ids.len() * 5 < texts[0].len() * 2, "{} tokens for {} bytes", ids.len(), texts[0].len());
        assert_eq!(first.decode(&ids).unwrap(), texts[0]);
    }

    #[test]
    fn a_saved_tokenizer_is_the_same_tokenizer() {
        let dir = folder();
        let path = dir.path().join("tokenizer.json");
        let trained = train(&speeches(), 600).unwrap();
        for tokenizer in [trained, Tokenizer::gpt2().unwrap(), Tokenizer::byte_level(&["<|x|>"]).unwrap()] {
            tokenizer.save(&path).unwrap();
            let loaded = Tokenizer::from_file(&path).unwrap();
            assert_eq!(loaded.fingerprint(), tokenizer.fingerprint());
            assert_eq!(loaded.vocab_size(), tokenizer.vocab_size());
            assert_eq!(loaded.end_of_text(), tokenizer.end_of_text());
            let text = "The state of the Union — œuvre <|endoftext|>";
            assert_eq!(loaded.encode(text).unwrap(), tokenizer.encode(text).unwrap());
        }
    }

    #[test]
    fn specials_can_be_added() {
        let mut tokenizer = Tokenizer::gpt2().unwrap();
        let before = tokenizer.fingerprint();
        assert_eq!(tokenizer.add_special("<|extract|>").unwrap(), 50_257);
        assert_eq!(tokenizer.add_special("<|extract|>").unwrap(), 50_257);
        assert_eq!((tokenizer.vocab_size(), tokenizer.end_of_text()), (50_258, 50_256));
        assert_ne!(tokenizer.fingerprint(), before);
        assert!(!tokenizer.encode("<|extract|>").unwrap().contains(&50_257));
        assert_eq!(tokenizer.decode(&[50_257]).unwrap(), "<|extract|>");
        assert_error(tokenizer.add_special(""), &["tokenizer.specials"]);
    }

    #[test]
    fn bad_settings_and_files() {
        let dir = folder();
        assert_error(Tokenizer::byte_level(&["a", "a"]), &["tokenizer.specials", "`a` twice"]);
        assert_error(train(&speeches(), 257), &["tokenize.vocab_size", "at least 258", "257"]);
        assert_error(train(&[], 500), &["some text"]);
        let failing = std::iter::once(Err(Error::data("x", "y", "z")));
        assert_error(Tokenizer::train_bpe(failing, 500, &[]), &["x: expected y, got z"]);
        assert_error(Tokenizer::from_file(dir.path().join("none.json")), &["cannot read", "none.json"]);
        assert_error(Tokenizer::from_file(put(&dir, "a.json", "{}")), &["a.json", "a tokenizer.json"]);
        let foreign = r#"{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
            "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}}"#;
        assert_error(Tokenizer::from_file(put(&dir, "b.json", foreign)), &["b.json", "<|endoftext|>", "none of them"]);
        assert_error(Tokenizer::gpt2().unwrap().decode(&[50_257]), &["ids below 50257", "50257"]);
    }

    /// Few words: no pair is left before the vocabulary is full.
    #[test]
    fn a_short_text_gives_a_small_vocabulary() {
        let tokenizer = train(&["abab abab".to_owned()], 10_000).unwrap();
        assert!(tokenizer.vocab_size() < 270, "{}", tokenizer.vocab_size());
        assert_eq!(tokenizer.decode(&tokenizer.encode("abab zq").unwrap()).unwrap(), "abab zq");
    }

    fn trained() -> &'static [Tokenizer] {
        static TOKENIZERS: std::sync::OnceLock<Vec<Tokenizer>> = std::sync::OnceLock::new();
        TOKENIZERS.get_or_init(|| {
            vec![Tokenizer::byte_level(&[]).unwrap(), train(&speeches()[..2], 500).unwrap(), Tokenizer::gpt2().unwrap()]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn decoding_gives_the_text_back(text in any::<String>(), words in "[ a-z\n\t'é0-9<|>]{0,60}") {
            for tokenizer in trained() {
                for text in [&text, &words] {
                    let ids = tokenizer.encode(text).unwrap();
                    prop_assert_eq!(&tokenizer.decode(&ids).unwrap(), text);
                }
            }
        }

        #[test]
        fn a_stream_gives_what_decoding_gives(
            text in "\\PC{0,12}",
            noise in prop::collection::vec(prop_oneof![0u32..257, 0x80u32..0xC0, 0xE0u32..0xF5], 0..40),
        ) {
            let gpt2 = &trained()[2];
            for (tokenizer, ids) in [(gpt2, gpt2.encode(&text).unwrap()), (&trained()[0], noise)] {
                let mut stream = tokenizer.decode_stream();
                let mut streamed = String::new();
                for &id in &ids {
                    streamed += &stream.push(id).unwrap();
                    // What was given out is final.
                    prop_assert!(tokenizer.decode(&ids).unwrap().starts_with(&streamed));
                }
                streamed += &stream.finish().unwrap();
                prop_assert_eq!(streamed, tokenizer.decode(&ids).unwrap());
            }
        }
    }
}

mod shards {
    use super::*;

    fn write(dir: &Path, tokenizer: &Tokenizer, ids: &[u32], shard_tokens: u64) -> Result<u64> {
        let mut writer = ShardWriter::create(dir, tokenizer, shard_tokens)?;
        for part in ids.chunks(7) {
            writer.push(part)?;
        }
        writer.finish()
    }

    fn wide() -> Tokenizer {
        let mut names: Vec<String> = (0..65_300).map(|i| format!("<{i}>")).collect();
        names.push("<|endoftext|>".to_owned());
        Tokenizer::byte_level(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn reading_across_borders() {
        for (tokenizer, bytes) in [(Tokenizer::byte_level(&[]).unwrap(), 2), (wide(), 4)] {
            let top = tokenizer.vocab_size() as u32;
            let ids: Vec<u32> = (0..1003).map(|i| (i * 7919 + top - 1) % top).collect();
            for shard_tokens in [1, 10, 17, 1003, DEFAULT_SHARD_TOKENS] {
                if shard_tokens == 1 && bytes == 4 {
                    continue;
                }
                let dir = folder();
                let ids = if shard_tokens == 1 { &ids[..30] } else { &ids[..] };
                assert_eq!(write(dir.path(), &tokenizer, ids, shard_tokens).unwrap(), ids.len() as u64);
                let files = fs::read_dir(dir.path()).unwrap().count();
                assert_eq!(files, ids.len().div_ceil(shard_tokens as usize));
                let tokens = Tokens::open(dir.path(), &tokenizer).unwrap();
                assert_eq!((tokens.len(), tokens.fingerprint()), (ids.len() as u64, Some(tokenizer.fingerprint())));
                for (start, len) in [(0, ids.len()), (9, 3), (10, 10), (16, 14), (ids.len(), 0), (0, 0), (29, 1)] {
                    let mut out = vec![0; len];
                    tokens.read(start as u64, &mut out).unwrap();
                    assert_eq!(out, ids[start..start + len]);
                }
                let mut out = [0; 2];
                assert_error(tokens.read(ids.len() as u64 - 1, &mut out), &["Tokens::read", "2 ids from position"]);
                assert_error(tokens.read(u64::MAX, &mut out), &["Tokens::read"]);
            }
        }
    }

    #[test]
    fn memory_reads_alike() {
        let tokens = Tokens::from_vec(vec![5, 6, 7]);
        let mut out = [0; 2];
        tokens.read(1, &mut out).unwrap();
        assert_eq!((out, tokens.len(), tokens.is_empty(), tokens.fingerprint()), ([6, 7], 3, false, None));
        assert_error(tokens.read(2, &mut out), &["Tokens::read", "3 ids"]);
    }

    #[test]
    fn damaged_sets_are_refused() {
        let tokenizer = Tokenizer::byte_level(&[]).unwrap();
        let open = |dir: &TempDir| Tokens::open(dir.path(), &tokenizer);
        let fresh = || {
            let dir = folder();
            write(dir.path(), &tokenizer, &[1; 25], 10).unwrap();
            dir
        };
        let shard = |dir: &TempDir, number: u32| dir.path().join(format!("tokens-0000{number}.bin"));
        let change = |at: usize, byte: u8| {
            let dir = fresh();
            let mut content = fs::read(shard(&dir, 1)).unwrap();
            content[at] = byte;
            fs::write(shard(&dir, 1), content).unwrap();
            open(&dir)
        };
        assert_eq!(open(&fresh()).unwrap().len(), 25);

        let truncate = |len: u64| {
            let dir = fresh();
            fs::OpenOptions::new().write(true).open(shard(&dir, 1)).unwrap().set_len(len).unwrap();
            open(&dir)
        };
        assert_error(truncate(83), &["tokens-00001.bin", "10 ids", "83 bytes"]);
        assert_error(truncate(85), &["a file of 85 bytes"]);
        assert_error(truncate(40), &["a header of 64 bytes", "40 bytes"]);
        assert_error(truncate(0), &["an empty file"]);
        assert_error(change(0, b'X'), &["tokens-00001.bin", "WWTOKENS"]);
        assert_error(change(8, 9), &["version 1", "got 9"]);
        assert_error(change(12, 3), &["2 or 4 bytes"]);
        assert_error(change(23, 0xFF), &["ids of 2 bytes each"]);
        assert_error(change(24, 0), &["ids of the tokenizer in use", "those of another"]);
        assert_error(change(40, 5), &["shard number 1", "got 5"]);

        let dir = fresh();
        fs::remove_file(shard(&dir, 2)).unwrap();
        assert_error(open(&dir), &["a complete set", "2 shards"]);
        fs::remove_file(shard(&dir, 0)).unwrap();
        assert_error(open(&dir), &["cannot read", "tokens-00000.bin"]);

        // An id behind the vocabulary shows when it is read.
        let tokens = change(64 + 4, 0xFF).unwrap();
        let mut ids = [0; 25];
        tokens.read(0, &mut ids).unwrap();
        let tokens = change(64 + 5, 0xFF).unwrap();
        assert_error(tokens.read(0, &mut ids), &["tokens-00001.bin", "ids below 257", "at position 2"]);

        let other = Tokenizer::byte_level(&["<|x|>"]).unwrap();
        assert_error(Tokens::open(fresh().path(), &other), &["with 258 tokens", "with 257 tokens"]);
    }

    #[test]
    fn writing_is_whole_or_not_at_all() {
        let tokenizer = Tokenizer::byte_level(&[]).unwrap();
        let dir = folder();
        let mut writer = ShardWriter::create(dir.path(), &tokenizer, 10).unwrap();
        writer.push(&[1; 25]).unwrap();
        assert_error(writer.push(&[257]), &["ShardWriter::push", "ids below 257"]);
        drop(writer);
        assert_error(Tokens::open(dir.path(), &tokenizer), &["none of which is marked as the last"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the unfinished shard is removed");
        assert_error(ShardWriter::create(dir.path(), &tokenizer, 10), &["without token shards", "tokens-00000.bin"]);
        assert_error(ShardWriter::create(folder().path(), &tokenizer, 0), &["tokenize.shard_tokens"]);
    }

    #[test]
    fn from_files_to_shards() {
        let dir = folder();
        put(&dir, "in/a.txt", "ab");
        put(&dir, "in/b.jsonl", "{\"text\": \"c\"}\n{\"text\": \"d\"}\n");
        let tokenizer = Tokenizer::byte_level(&[]).unwrap();
        let source = || documents(&[dir.path().join("in")], &TextColumns::default()).unwrap();
        let writer = ShardWriter::create(dir.path().join("out"), &tokenizer, 4).unwrap();
        let counts = write_shards(source(), &tokenizer, writer, |_| {}).unwrap();
        assert_eq!((counts.documents, counts.bytes, counts.tokens), (3, 4, 7));
        let tokens = Tokens::open(dir.path().join("out"), &tokenizer).unwrap();
        let mut ids = [0; 7];
        tokens.read(0, &mut ids).unwrap();
        assert_eq!(ids, [97, 98, 256, 99, 256, 100, 256]);

        let mut memory = Vec::new();
        encode_documents(source(), &tokenizer, |ids, _| {
            memory.extend_from_slice(ids);
            Ok(())
        })
        .unwrap();
        assert_eq!(memory, ids);

        // One end-of-text token for a text of several pieces.
        let long = put(&dir, "long.txt", "word ".repeat(500_000));
        let counts =
            encode_documents(documents(&[long], &TextColumns::default()).unwrap(), &tokenizer, |_, _| Ok(())).unwrap();
        assert_eq!((counts.documents, counts.tokens), (1, 2_500_001));
    }

    #[test]
    fn an_atomic_write_that_fails_leaves_the_old_file() {
        let dir = folder();
        let path = put(&dir, "a", "old");
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(Error::data("x", "y", "z"))
        });
        assert_error(failed, &["x: expected y"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_error(write_atomically(dir.path().join("no/a"), |_| Ok(())), &["cannot create", "no/a"]);
    }
}

mod windows {
    use super::*;

    fn corpus(len: u32) -> Arc<Tokens> {
        Arc::new(Tokens::from_vec((0..len).collect()))
    }

    fn starts(windows: &Windows, steps: std::ops::Range<u64>, batch: usize) -> Vec<u32> {
        let context = windows.context();
        let (mut inputs, mut targets) = (vec![0; batch * context], vec![0; batch * context]);
        let mut starts = Vec::new();
        for step in steps {
            windows.batch(step, batch, &mut inputs, &mut targets).unwrap();
            for (row, targets) in inputs.chunks(context).zip(targets.chunks(context)) {
                assert!(row.iter().zip(row[0]..).all(|(&id, expected)| id == expected));
                assert!(targets.iter().zip(row[0] + 1..).all(|(&id, expected)| id == expected));
                starts.push(row[0]);
            }
        }
        starts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn an_epoch_covers_its_windows_once(len in 2u32..700, context in 1usize..40, seed in any::<u64>()) {
            prop_assume!(len as usize > context);
            let windows = Windows::new(corpus(len), context, seed).unwrap();
            let n = windows.per_epoch();
            for epoch in 0..3 {
                let mut starts = starts(&windows, epoch * n..(epoch + 1) * n, 1);
                starts.sort_unstable();
                let expected: Vec<u32> = (0..n as u32).map(|i| starts[0] + i * context as u32).collect();
                prop_assert_eq!(&starts, &expected);
                prop_assert!((starts[0] as usize) < context);
                // No more than two windows are left out: one for the offset, and what does not fill one.
                prop_assert!(len as u64 - 1 - n * (context as u64) < 2 * context as u64);
            }
        }
    }

    #[test]
    fn a_batch_depends_on_seed_and_step_alone() {
        let windows = Windows::new(corpus(5_000), 16, 3).unwrap();
        let all = starts(&windows, 0..100, 12);
        let resumed = Windows::new(corpus(5_000), 16, 3).unwrap();
        assert_eq!(starts(&resumed, 40..100, 12), all[40 * 12..]);
        // Batches follow each other in one order, however large they are.
        assert_eq!(starts(&windows, 0..300, 4), all);
        let other = Windows::new(corpus(5_000), 16, 4).unwrap();
        assert_ne!(starts(&other, 0..100, 12), all);
        // Epochs differ in order and offset.
        let n = windows.per_epoch();
        let epochs: Vec<_> = (0..4).map(|e| starts(&windows, e * n..(e + 1) * n, 1)).collect();
        assert_eq!(epochs.iter().collect::<HashSet<_>>().len(), 4);
        let offsets: HashSet<u32> = epochs.iter().map(|e| e.iter().min().unwrap() % 16).collect();
        assert!(offsets.len() > 1, "{offsets:?}");
    }

    #[test]
    fn too_little_text_is_an_error() {
        assert_error(Windows::new(corpus(64), 64, 0), &["at least 65 tokens", "got 64 tokens"]);
        assert_eq!(Windows::new(corpus(65), 64, 0).unwrap().per_epoch(), 1);
        assert_error(Windows::new(corpus(64), 0, 0), &["context", "at least 1"]);
        let windows = Windows::new(corpus(65), 64, 0).unwrap();
        assert_error(windows.batch(0, 2, &mut [0; 64], &mut [0; 128]), &["Windows::batch", "inputs", "2 × 64", "64"]);
        assert_error(windows.batch(0, 1, &mut [0; 64], &mut [0; 63]), &["targets"]);
    }

    #[test]
    fn evaluation_sees_every_token_once() {
        for (len, context, batch) in [(2, 1, 1), (2, 8, 3), (100, 7, 2), (99, 7, 3), (57, 8, 1)] {
            let evaluation = Consecutive::new(corpus(len), context).unwrap();
            let (mut inputs, mut targets) = (vec![9; batch * context], vec![9; batch * context]);
            let (mut seen, mut first, mut total) = (Vec::new(), 0, 0);
            while first < evaluation.windows() {
                let count = evaluation.batch(first, batch, &mut inputs, &mut targets, u32::MAX).unwrap();
                for (&input, &target) in inputs.iter().zip(&targets) {
                    if target == u32::MAX {
                        assert_eq!(input, 0);
                    } else {
                        assert_eq!(target, input + 1);
                        seen.push(target);
                    }
                }
                total += count;
                first += batch as u64;
            }
            assert_eq!(seen, (1..len).collect::<Vec<_>>());
            assert_eq!((total as u64, evaluation.targets()), (u64::from(len) - 1, u64::from(len) - 1));
            assert_eq!(evaluation.batch(first, batch, &mut inputs, &mut targets, 7).unwrap(), 0);
        }
        assert_error(Consecutive::new(corpus(1), 4), &["at least 2 tokens", "got 1"]);
    }
}

mod labelled {
    use super::*;

    fn classification() -> Task {
        Task::Classification { text: "text".into(), label: "label".into() }
    }

    #[test]
    fn classification_with_numbers_as_labels() {
        let dir = folder();
        let paths = [
            put(&dir, "a.tsv", "label\ttext\n2\tx\n1\ty\n"),
            put(&dir, "b.jsonl.gz", gzip(b"{\"text\": \"z\", \"label\": 2}\n")),
        ];
        let (examples, labels) = training_examples(&paths, &classification()).unwrap();
        assert_eq!(labels.names(), ["1", "2"]);
        let read: Vec<_> = examples.iter().map(|e| (e.input.clone(), e.label)).collect();
        let single = |text: &str| Input::Single(text.to_owned());
        assert_eq!(read, [(single("x"), 1), (single("y"), 0), (single("z"), 1)]);
        assert!(examples[2].source.ends_with("b.jsonl.gz:1"));
    }

    #[test]
    fn pairs_and_choices() {
        let dir = folder();
        let task = Task::Pair { first: "a".into(), second: "b".into(), label: "l".into() };
        let path = put(&dir, "p.tsv", "a\tb\tl\nx\ty\tyes\nu\tv\tno\n");
        let (examples, labels) = training_examples(&[path], &task).unwrap();
        assert_eq!(examples[0].input, Input::Pair { first: "x".into(), second: "y".into() });
        assert_eq!((labels.names()[examples[0].label].as_str(), labels.len()), ("yes", 2));

        let task = Task::MultipleChoice {
            context: "c".into(),
            choices: vec!["two".into(), "one".into()],
            answer: "answer".into(),
        };
        let path = put(&dir, "c.tsv", "c\tone\ttwo\tanswer\nx\ty\tz\tone\nu\tv\tw\t0\n");
        let (examples, labels) = training_examples(std::slice::from_ref(&path), &task).unwrap();
        assert_eq!(examples[0].input, Input::Choices { context: "x".into(), choices: vec!["z".into(), "y".into()] });
        assert_eq!((examples[0].label, examples[1].label), (1, 0));
        assert_eq!(labels.names(), ["two", "one"]);
        assert_eq!(evaluation_examples(&[path], &task, &labels).unwrap(), examples);
        for answer in ["2", "three", "-1"] {
            let path = put(&dir, "d.tsv", format!("c\tone\ttwo\tanswer\nx\ty\tz\t{answer}\n"));
            assert_error(training_examples(&[path], &task), &["d.tsv:2", "`two`, `one`", "0 to 1", answer]);
        }
    }

    #[test]
    fn bad_examples_are_named() {
        let dir = folder();
        let train = put(&dir, "train.tsv", "text\tlabel\nx\tb\ny\ta\n");
        let test = put(&dir, "test.tsv", "text\tlabel\nx\ta\ny\tc\n");
        let (_, labels) = training_examples(&[train], &classification()).unwrap();
        assert_error(
            evaluation_examples(&[test], &classification(), &labels),
            &["test.tsv:3", "the label `c`", "`a`, `b`"],
        );
        let one = put(&dir, "one.tsv", "text\tlabel\nx\ta\n");
        assert_error(training_examples(&[one], &classification()), &["labels", "only `a`"]);
        let empty = put(&dir, "empty.tsv", "text\tlabel\nx\t \n");
        assert_error(training_examples(&[empty], &classification()), &["empty.tsv:2", "a text in `label`"]);
        let other = put(&dir, "other.tsv", "text\tkind\nx\ta\n");
        assert_error(training_examples(&[other], &classification()), &["a column `label`", "`text`, `kind`"]);
        let plain = put(&dir, "plain.txt", "x");
        assert_error(training_examples(&[plain], &classification()), &["plain.txt", "named columns"]);
    }
}

#[test]
fn speeches_split_by_speech() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sotu.jsonl.gz");
    let speeches = load_speeches(path).unwrap();
    assert_eq!((speeches.len(), speeches[0].year, speeches[0].name.as_str()), (233, 1790, "George Washington"));
    assert!(speeches.is_sorted_by_key(|s| s.year));
    let parts = split(speeches.clone());
    assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (186, 23, 24));
    assert_eq!((&parts.test[1], &parts.validation[0]), (&speeches[10], &speeches[5]));
    let dir = folder();
    let bad = put(&dir, "a.tsv", "year\tname\tparty\ttext\nlong ago\tA\tB\tC\n");
    assert_error(load_speeches(bad), &["a.tsv:2", "a year", "long ago"]);
}
