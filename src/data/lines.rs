//! Reading text files, plain or gzipped, as checked UTF-8 with line numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// The longest line of a table that is read, so that a file without line ends cannot fill the memory.
const LONGEST_LINE: u64 = 256 << 20;

/// A text file, read forwards.
pub(super) struct TextReader {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    gzipped: bool,
    offset: u64,
}

impl TextReader {
    /// Opens `path`, expanding it when its name ends in `.gz`. A byte order mark at its start is skipped.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let gzipped = is_gzipped(path);
        let buffered = BufReader::with_capacity(1 << 16, file);
        let input: Box<dyn BufRead + Send> = if gzipped {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(buffered)))
        } else {
            Box::new(buffered)
        };
        let mut reader = TextReader { path: path.to_path_buf(), input, gzipped, offset: 0 };
        if reader.peek()?.starts_with("\u{feff}".as_bytes()) {
            reader.input.consume(3);
            reader.offset = 3;
        }
        if reader.peek()?.is_empty() {
            return Err(Error::format(path, "text", "an empty file"));
        }
        Ok(reader)
    }

    /// Bytes of the expanded text that lie behind.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is buffered; empty at the end of the file only.
    fn peek(&mut self) -> Result<&[u8]> {
        let TextReader { path, input, gzipped, .. } = self;
        input.fill_buf().map_err(|e| failed(path, *gzipped, e))
    }

    /// Appends at most `limit` bytes to `bytes`; fewer at the end of the file only.
    pub(super) fn read_up_to(&mut self, limit: usize, bytes: &mut Vec<u8>) -> Result<usize> {
        let read =
            (&mut self.input).take(limit as u64).read_to_end(bytes).map_err(|e| failed(&self.path, self.gzipped, e))?;
        self.offset += read as u64;
        Ok(read)
    }

    /// The next line without its line end (`\n` or `\r\n`), into `line`; false at the end of the file. `number` is that
    /// line's, for the error messages.
    pub(super) fn read_line(&mut self, line: &mut String, number: u64) -> Result<bool> {
        let mut bytes = std::mem::take(line).into_bytes();
        bytes.clear();
        let start = self.offset;
        let read = (&mut self.input)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| failed(&self.path, self.gzipped, e))?;
        self.offset += read as u64;
        if read as u64 > LONGEST_LINE {
            let expected = format!("lines of at most {} MiB", LONGEST_LINE >> 20);
            return Err(Error::format(&self.path, expected, format!("a longer one at line {number}")));
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        *line = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            not_utf8(&self.path, e.as_bytes()[at], start + at as u64, Some(number))
        })?;
        Ok(read > 0)
    }
}

/// A failure to read. In a gzipped file what the decoder rejects is the content's fault, not the system's.
fn failed(path: &Path, gzipped: bool, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    if gzipped && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
        let got = match error.kind() {
            UnexpectedEof => "a truncated one".to_owned(),
            _ => error.to_string(),
        };
        return Error::format(path, "a whole gzip file", got);
    }
    Error::io("read", path)(error)
}

/// The error for a `byte` at `offset` that cannot stand there in UTF-8.
pub(super) fn not_utf8(path: &Path, byte: u8, offset: u64, line: Option<u64>) -> Error {
    let line = line.map(|n| format!(" (line {n})")).unwrap_or_default();
    Error::format(path, "UTF-8 text", format!("byte 0x{byte:02x} at byte offset {offset}{line}"))
}

/// Whether the name of the file says that it is gzipped.
pub(super) fn is_gzipped(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"))
}
