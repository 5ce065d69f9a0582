//! Documents from text files and tables, as a stream: a corpus may be larger than memory.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::lines::{TextReader, is_gzipped, not_utf8};
use super::table::TableReader;
use crate::{Error, Result};

/// The most bytes of a plain text file that are in memory at a time.
const PIECE: usize = 1 << 20;

/// A document, or one piece of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Where it stands, for messages: `path`, or `path:line` for a line of a table.
    pub source: String,
    /// Whether the document starts with this piece.
    pub starts: bool,
    /// Whether the document ends with this piece, so that an end-of-text token follows it.
    pub ends: bool,
}

/// Which column of a table holds the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextColumns {
    /// The field of each object of a `.jsonl`.
    pub jsonl: String,
    /// The column of a `.tsv`, as its header names it.
    pub tsv: String,
}

impl TextColumns {
    /// The same name in both kinds of table.
    pub fn named(column: impl Into<String>) -> Self {
        let column = column.into();
        TextColumns { jsonl: column.clone(), tsv: column }
    }
}

impl Default for TextColumns {
    fn default() -> Self {
        TextColumns::named("text")
    }
}

/// The kinds of files that are read, by their extension, `.gz` left off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    JsonLines,
    Tsv,
}

/// One input file.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
}

/// The documents of `paths`, files or folders, in order; the files of a folder and of those in it come sorted by name.
///
/// | name | documents |
/// |---|---|
/// | `.txt`, `.text` | the file is one document, in pieces of at most 1 MiB |
/// | `.jsonl`, `.ndjson` | one a line, from the object's field `columns.jsonl` |
/// | `.tsv` | one a line, from the column `columns.tsv`; the first line is the header |
///
/// Each may be gzipped, with `.gz` after its name. Files of other names are passed over in folders, and read as plain text
/// when they are named themselves. Hidden files and linked folders are passed over. Texts that are empty are left out.
///
/// A plain text is cut before a line end or, in a longer line, a space that a visible character follows. There GPT-2's
/// pre-tokenizer cuts too, so its pieces give the tokens of the whole text.
///
/// # Errors
/// At once: no paths, a missing file, a folder without a file to read. Per document, naming file and line: an empty file,
/// invalid UTF-8 (with its byte offset), a truncated `.gz`, a malformed line, a missing column. After an error in a file
/// the stream goes on with the next file.
///
/// ```
/// use warpweave::data::{TextColumns, documents};
/// let folder = tempfile::tempdir().unwrap();
/// std::fs::write(folder.path().join("a.txt"), "one document").unwrap();
/// std::fs::write(folder.path().join("b.jsonl"), "{\"text\": \"two\"}\n{\"text\": \"three\"}\n").unwrap();
/// let texts = documents(&[folder.path().to_path_buf()], &TextColumns::default())?
///     .map(|document| document.map(|d| d.text))
///     .collect::<warpweave::Result<Vec<_>>>()?;
/// assert_eq!(texts, ["one document", "two", "three"]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn documents(
    paths: &[PathBuf],
    columns: &TextColumns,
) -> Result<impl Iterator<Item = Result<Document>> + Send + use<>> {
    let columns = columns.clone();
    Ok(find(paths)?.into_iter().flat_map(move |InputFile { path, format }| {
        let column = match format {
            Format::Text => return Documents::Text(TextPieces::new(path)),
            Format::JsonLines => columns.jsonl.clone(),
            Format::Tsv => columns.tsv.clone(),
        };
        Documents::Table { reader: TableReader::new(path, format), column, failed: false }
    }))
}

/// The documents of one file.
enum Documents {
    Text(TextPieces),
    Table { reader: TableReader, column: String, failed: bool },
}

impl Iterator for Documents {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        let (reader, column, failed) = match self {
            Documents::Text(pieces) => return pieces.next(),
            Documents::Table { reader, column, failed } => (reader, column, failed),
        };
        while !*failed {
            let document = reader.next()?.and_then(|record| Ok((record.text(column)?, record.source())));
            match document {
                Ok((text, _)) if text.is_empty() => {}
                Ok((text, source)) => return Some(Ok(Document { text, source, starts: true, ends: true })),
                Err(error) => {
                    *failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The pieces of one plain text file.
struct TextPieces {
    path: PathBuf,
    reader: Option<TextReader>,
    /// What was read beyond the last piece.
    rest: Vec<u8>,
    /// Where `rest` begins in the file.
    offset: u64,
    started: bool,
    done: bool,
}

impl TextPieces {
    fn new(path: PathBuf) -> Self {
        TextPieces { path, reader: None, rest: Vec::new(), offset: 0, started: false, done: false }
    }

    fn step(&mut self) -> Result<Document> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => {
                let reader = self.reader.insert(TextReader::open(&self.path)?);
                self.offset = reader.offset();
                reader
            }
        };
        let wanted = PIECE - self.rest.len();
        let at_end = reader.read_up_to(wanted, &mut self.rest)? < wanted;
        let valid = match std::str::from_utf8(&self.rest) {
            Ok(text) => text.len(),
            // A character whose end was not read yet.
            Err(e) if e.error_len().is_none() && !at_end => e.valid_up_to(),
            Err(e) => {
                let at = e.valid_up_to();
                return Err(not_utf8(&self.path, self.rest[at], self.offset + at as u64, None));
            }
        };
        let tail = if at_end { Vec::new() } else { self.rest[cut(&self.rest[..valid])..].to_vec() };
        let mut piece = std::mem::replace(&mut self.rest, tail);
        piece.truncate(piece.len() - self.rest.len());
        self.offset += piece.len() as u64;
        let text = String::from_utf8(piece).map_err(Error::library("cut a text between characters"))?;
        let starts = !std::mem::replace(&mut self.started, true);
        self.done = at_end;
        Ok(Document { text, source: self.path.display().to_string(), starts, ends: at_end })
    }
}

impl Iterator for TextPieces {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.step();
        self.done |= item.is_err();
        Some(item)
    }
}

/// Where to cut a text that goes on, given as UTF-8 of at least two characters: never at its ends.
fn cut(text: &[u8]) -> usize {
    // Every byte of a character beyond ASCII counts as visible here: a wrong guess moves a token's border, no more.
    let before = |mark: u8| (1..text.len() - 1).rev().find(|&i| text[i] == mark && !text[i + 1].is_ascii_whitespace());
    let within_word = || (1..text.len()).rev().find(|&i| text[i] & 0xC0 != 0x80);
    before(b'\n').or_else(|| before(b' ')).or_else(within_word).unwrap_or(text.len())
}

/// The input files of `paths`, folders replaced by the files in them.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<InputFile>> {
    if paths.is_empty() {
        return Err(Error::data("input", "at least one file or folder", "none"));
    }
    let mut files = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
        if !metadata.is_dir() {
            files.push(InputFile { path: path.clone(), format: format_of(path).unwrap_or(Format::Text) });
            continue;
        }
        let before = files.len();
        find_in_folder(path, &mut files)?;
        if files.len() == before {
            let expected = "a folder with .txt, .jsonl or .tsv files, each also .gz";
            return Err(Error::data(path.display(), expected, "none in it"));
        }
    }
    Ok(files)
}

/// Walks a folder without recursion: however deep it is, the stack is not.
fn find_in_folder(folder: &Path, files: &mut Vec<InputFile>) -> Result<()> {
    let mut open = VecDeque::from([folder.to_path_buf()]);
    let mut found = Vec::new();
    while let Some(folder) = open.pop_front() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // The entry's own type is that of a link: a linked folder could contain itself.
            if entry.file_type().map_err(Error::io("read", &path))?.is_dir() {
                open.push_back(path);
            } else if let Some(format) = format_of(&path)
                && path.is_file()
            {
                found.push(InputFile { path, format });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    files.append(&mut found);
    Ok(())
}

fn format_of(path: &Path) -> Option<Format> {
    let name = if is_gzipped(path) { Path::new(path.file_stem()?) } else { path };
    match name.extension()?.to_ascii_lowercase().to_str()? {
        "txt" | "text" => Some(Format::Text),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "tsv" => Some(Format::Tsv),
        _ => None,
    }
}
