//! Records with named columns from `.jsonl` and `.tsv` files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::lines::TextReader;
use super::source::{Format, find};
use crate::{Error, Result};

/// One line of a table.
#[derive(Debug, Clone)]
pub struct Record {
    path: Arc<PathBuf>,
    line: u64,
    fields: Fields,
}

#[derive(Debug, Clone)]
enum Fields {
    Json(Map<String, Value>),
    Tsv { header: Arc<[String]>, values: Vec<String> },
}

impl Record {
    /// The text in a column. Numbers and truth values of a JSON object are written out.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no such column, naming those there are, or when it holds a list, an object or null.
    pub fn text(&self, column: &str) -> Result<String> {
        let (found, columns) = match &self.fields {
            Fields::Json(object) => match object.get(column) {
                Some(Value::String(text)) => return Ok(text.clone()),
                Some(Value::Number(number)) => return Ok(number.to_string()),
                Some(Value::Bool(truth)) => return Ok(truth.to_string()),
                Some(other) => {
                    let expected = format!("a text or a number in `{column}`");
                    return Err(Error::data(self.source(), expected, kind_of(other)));
                }
                None => (None, object.keys().map(String::as_str).collect::<Vec<_>>()),
            },
            Fields::Tsv { header, values } => (
                header.iter().position(|name| name == column).map(|i| values[i].clone()),
                header.iter().map(String::as_str).collect(),
            ),
        };
        found.ok_or_else(|| {
            Error::data(self.source(), format!("a column `{column}`"), format!("only `{}`", columns.join("`, `")))
        })
    }

    /// Where the record stands: `path:line`, lines counted from 1.
    pub fn source(&self) -> String {
        format!("{}:{}", self.path.display(), self.line)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line in the file, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// The records of all `.jsonl` and `.tsv` files (each also `.gz`) among `paths`, files or folders, in order.
///
/// The first line of a `.tsv` names its columns; values hold no tabs or line ends and are taken as they stand, without
/// quoting. Each line of a `.jsonl` is an object. Blank lines are passed over.
///
/// # Errors
/// At once: [`Error::Io`] or [`Error::Data`] when a path is missing, a folder holds no known file, or a file is plain text.
/// Per record: a malformed line, with its file and number; a file without a single record.
pub fn records(paths: &[PathBuf]) -> Result<impl Iterator<Item = Result<Record>> + use<>> {
    let files = find(paths)?;
    if let Some(file) = files.iter().find(|file| file.format == Format::Text) {
        return Err(Error::data(file.path.display(), "a .jsonl or .tsv file with named columns", "plain text"));
    }
    Ok(files.into_iter().flat_map(|file| TableReader::new(file.path, file.format)))
}

/// The records of one file. After an error it ends.
pub(super) struct TableReader {
    path: Arc<PathBuf>,
    format: Format,
    state: State,
    line: u64,
    found: bool,
    buffer: String,
}

enum State {
    Unopened,
    Reading { reader: TextReader, header: Option<Arc<[String]>> },
    Done,
}

impl TableReader {
    pub(super) fn new(path: PathBuf, format: Format) -> Self {
        let state = State::Unopened;
        TableReader { path: Arc::new(path), format, state, line: 0, found: false, buffer: String::new() }
    }

    fn step(&mut self) -> Result<Option<Record>> {
        if let State::Unopened = self.state {
            let mut reader = TextReader::open(&self.path)?;
            let header = if self.format == Format::Tsv {
                self.line = 1;
                reader.read_line(&mut self.buffer, 1)?;
                Some(self.parse_header()?)
            } else {
                None
            };
            self.state = State::Reading { reader, header };
        }
        let State::Reading { reader, header } = &mut self.state else { return Ok(None) };
        loop {
            if !reader.read_line(&mut self.buffer, self.line + 1)? {
                if !self.found {
                    return Err(Error::format(&*self.path, "at least one record", "none"));
                }
                return Ok(None);
            }
            self.line += 1;
            if self.buffer.trim().is_empty() {
                continue;
            }
            self.found = true;
            let fields = match header {
                None => parse_object(&self.path, self.line, &self.buffer)?,
                Some(header) => parse_values(&self.path, self.line, &self.buffer, header)?,
            };
            return Ok(Some(Record { path: self.path.clone(), line: self.line, fields }));
        }
    }

    fn parse_header(&self) -> Result<Arc<[String]>> {
        let names: Vec<String> = self.buffer.split('\t').map(str::to_owned).collect();
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                let got = format!("`{name}` twice in line 1");
                return Err(Error::format(&*self.path, "a header of different column names", got));
            }
        }
        Ok(names.into())
    }
}

impl Iterator for TableReader {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.state = State::Done;
        }
        item
    }
}

fn parse_object(path: &Path, line: u64, text: &str) -> Result<Fields> {
    let expected = || format!("a JSON object in line {line}");
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Fields::Json(object)),
        Ok(other) => Err(Error::format(path, expected(), kind_of(&other))),
        Err(error) => Err(Error::format(path, expected(), error_in_line(&error))),
    }
}

/// The parser counts lines within the one it was given, so its position is its column alone.
fn error_in_line(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or(&message);
    format!("{what} at column {}", error.column())
}

fn parse_values(path: &Path, line: u64, text: &str, header: &Arc<[String]>) -> Result<Fields> {
    let values: Vec<String> = text.split('\t').map(str::to_owned).collect();
    if values.len() != header.len() {
        let expected = format!("{} columns in line {line}, as in the header", header.len());
        return Err(Error::format(path, expected, values.len()));
    }
    Ok(Fields::Tsv { header: header.clone(), values })
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
