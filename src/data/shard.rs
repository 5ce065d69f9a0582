//! Token ids on disk, memory-mapped: a corpus larger than memory.
//!
//! A set of shards is a folder with `tokens-00000.bin`, `tokens-00001.bin`, …, each a header of 64 bytes and then the ids,
//! little-endian, in 16 bits when the vocabulary has at most 65,536 tokens and in 32 otherwise.
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 8 | `WWTOKENS` |
//! | 8 | 4 | version of the format, 1 |
//! | 12 | 4 | bytes per id, 2 or 4 |
//! | 16 | 8 | number of ids in this shard |
//! | 24 | 8 | fingerprint of the tokenizer |
//! | 32 | 8 | vocabulary size |
//! | 40 | 4 | number of this shard, from 0 |
//! | 44 | 4 | 1 in the last shard of the set, else 0 |
//! | 48 | 16 | zero |

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::tokenizer::Tokenizer;
use crate::file::{Staged, remove_leftovers};
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"WWTOKENS";
const VERSION: u32 = 1;
const HEADER: usize = 64;

/// Ids in a shard unless told otherwise: 200 MB in 16 bits.
pub const DEFAULT_SHARD_TOKENS: u64 = 100_000_000;

/// What a shard's first bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    width: u32,
    count: u64,
    fingerprint: u64,
    vocab_size: u64,
    number: u32,
    last: bool,
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.width.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.count.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.fingerprint.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.vocab_size.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.number.to_le_bytes());
        bytes[44..48].copy_from_slice(&u32::from(self.last).to_le_bytes());
        bytes
    }

    /// Reads and checks the header of a whole file.
    fn parse(path: &Path, file: &[u8]) -> Result<Self> {
        if !file.starts_with(MAGIC) {
            return Err(Error::format(path, "a token shard, which starts with `WWTOKENS`", "something else"));
        }
        let (Some(header), len) = (file.first_chunk::<HEADER>(), file.len()) else {
            return Err(Error::format(path, format!("a header of {HEADER} bytes"), format!("{} bytes", file.len())));
        };
        let u32_at = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if u32_at(8) != VERSION {
            return Err(Error::format(path, format!("version {VERSION} of the shard format"), u32_at(8)));
        }
        let header = Header {
            width: u32_at(12),
            count: u64_at(16),
            fingerprint: u64_at(24),
            vocab_size: u64_at(32),
            number: u32_at(40),
            last: u32_at(44) == 1,
        };
        if header.width != 2 && header.width != 4 {
            return Err(Error::format(path, "2 or 4 bytes per id", header.width));
        }
        let expected = header.count.checked_mul(u64::from(header.width)).and_then(|n| n.checked_add(HEADER as u64));
        if expected != Some(len as u64) {
            let expected = format!("a file for {} ids of {} bytes each", header.count, header.width);
            return Err(Error::format(path, expected, format!("a file of {len} bytes")));
        }
        Ok(header)
    }
}

fn shard_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("tokens-{number:05}.bin"))
}

/// Writes a set of shards, token by token. Without [`finish`](ShardWriter::finish) the set stays incomplete and does not
/// open.
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    shard_tokens: u64,
    header: Header,
    shard: BufWriter<StagedWriter>,
    total: u64,
}

/// A shard that is being written beside its place.
#[derive(Debug)]
struct StagedWriter(Staged);

impl Write for StagedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.file().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.file().flush()
    }
}

impl ShardWriter {
    /// Starts a set in `folder`, which is created when it is missing, with at most `shard_tokens` ids a shard.
    ///
    /// # Errors
    /// [`Error::Data`] when the folder holds shards already; [`Error::Setting`] when `shard_tokens` is 0; [`Error::Io`].
    pub fn create(folder: impl AsRef<Path>, tokenizer: &Tokenizer, shard_tokens: u64) -> Result<Self> {
        let folder = folder.as_ref().to_path_buf();
        if shard_tokens == 0 {
            return Err(Error::setting("tokenize.shard_tokens", "at least 1", 0));
        }
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        remove_leftovers(&folder)?;
        if shard_path(&folder, 0).exists() {
            let got = "tokens-00000.bin in it; remove the old shards or choose another folder";
            return Err(Error::data(folder.display(), "a folder without token shards", got));
        }
        let vocab_size = tokenizer.vocab_size() as u64;
        let width = if vocab_size <= 1 << 16 { 2 } else { 4 };
        let fingerprint = tokenizer.fingerprint();
        let header = Header { width, count: 0, fingerprint, vocab_size, number: 0, last: false };
        let shard = start_shard(&folder, &header)?;
        Ok(ShardWriter { folder, shard_tokens, header, shard, total: 0 })
    }

    /// Appends ids.
    ///
    /// # Errors
    /// [`Error::Argument`] when an id is not in the vocabulary; [`Error::Io`].
    pub fn push(&mut self, ids: &[u32]) -> Result<()> {
        if let Some(id) = ids.iter().find(|&&id| u64::from(id) >= self.header.vocab_size) {
            let expected = format!("ids below {}", self.header.vocab_size);
            return Err(Error::argument("ShardWriter::push", "ids", expected, id));
        }
        for &id in ids {
            // A shard is closed only when another follows, so that the last one is never empty.
            if self.header.count == self.shard_tokens {
                self.next_shard()?;
            }
            let bytes = id.to_le_bytes();
            let written = self.shard.write_all(&bytes[..self.header.width as usize]);
            written.map_err(Error::io("write", shard_path(&self.folder, self.header.number)))?;
            self.header.count += 1;
        }
        self.total += ids.len() as u64;
        Ok(())
    }

    /// Completes the set and returns the number of its ids.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<u64> {
        self.header.last = true;
        close_shard(self.shard, &self.header)?;
        Ok(self.total)
    }

    fn next_shard(&mut self) -> Result<()> {
        let next = Header { count: 0, number: self.header.number + 1, ..self.header.clone() };
        let full = std::mem::replace(&mut self.shard, start_shard(&self.folder, &next)?);
        close_shard(full, &self.header)?;
        self.header = next;
        Ok(())
    }
}

fn start_shard(folder: &Path, header: &Header) -> Result<BufWriter<StagedWriter>> {
    let path = shard_path(folder, header.number);
    let mut shard = BufWriter::with_capacity(1 << 18, StagedWriter(Staged::create(&path)?));
    // The place of the header, which is known when the shard is closed.
    shard.write_all(&[0; HEADER]).map_err(Error::io("write", &path))?;
    Ok(shard)
}

fn close_shard(shard: BufWriter<StagedWriter>, header: &Header) -> Result<()> {
    let path = shard.get_ref().0.target().to_path_buf();
    let StagedWriter(mut staged) = shard.into_inner().map_err(|e| Error::io("write", &path)(e.into_error()))?;
    let file = staged.file();
    file.seek(SeekFrom::Start(0)).map_err(Error::io("write", &path))?;
    file.write_all(&header.to_bytes()).map_err(Error::io("write", &path))?;
    staged.commit()
}

/// The token ids of a corpus, in memory or in shards.
#[derive(Debug)]
pub struct Tokens {
    storage: Storage,
    len: u64,
    fingerprint: Option<u64>,
}

#[derive(Debug)]
enum Storage {
    Memory(Vec<u32>),
    Mapped { shards: Vec<Shard>, vocab_size: u64 },
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    map: Mmap,
    width: u32,
    /// The position in the corpus of the shard's first id, and of the first behind it.
    start: u64,
    end: u64,
}

impl Tokens {
    /// A corpus in memory.
    pub fn from_vec(ids: Vec<u32>) -> Self {
        Tokens { len: ids.len() as u64, storage: Storage::Memory(ids), fingerprint: None }
    }

    /// Opens the shards in `folder`, written with `tokenizer`. Nothing but their headers is read.
    ///
    /// The files are mapped into memory and must not be changed or cut while the value lives.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] when a shard is truncated, missing, foreign or of another set, or when it was
    /// written with another tokenizer.
    pub fn open(folder: impl AsRef<Path>, tokenizer: &Tokenizer) -> Result<Self> {
        let folder = folder.as_ref();
        let mut shards: Vec<Shard> = Vec::new();
        loop {
            let number = shards.len() as u32;
            let path = shard_path(folder, number);
            if number > 0 && !path.exists() {
                let got = format!("{number} shards, none of which is marked as the last");
                return Err(Error::format(folder, "a complete set of token shards", got));
            }
            let file = File::open(&path).map_err(Error::io("read", &path))?;
            if file.metadata().map_err(Error::io("read", &path))?.len() == 0 {
                return Err(Error::format(&path, "a token shard", "an empty file"));
            }
            // SAFETY: the map is read-only and private to this value. Shards appear under their names only when they are
            // whole (`Staged::commit`) and this crate never writes to them afterwards; that others don't is the documented
            // condition of this function.
            let map = unsafe { Mmap::map(&file) }.map_err(Error::io("read", &path))?;
            let header = Header::parse(&path, &map)?;
            if header.number != number {
                return Err(Error::format(&path, format!("shard number {number}"), header.number));
            }
            if header.fingerprint != tokenizer.fingerprint() || header.vocab_size != tokenizer.vocab_size() as u64 {
                let describe = |fingerprint: u64, size: u64| format!("{fingerprint:016x} with {size} tokens");
                let expected = describe(tokenizer.fingerprint(), tokenizer.vocab_size() as u64);
                let expected = format!("ids of the tokenizer in use ({expected})");
                let got = format!("those of another ({})", describe(header.fingerprint, header.vocab_size));
                return Err(Error::format(&path, expected, got));
            }
            let start = shards.last().map_or(0, |shard| shard.end);
            let end = start.checked_add(header.count).ok_or_else(|| {
                Error::format(&path, "fewer than 2⁶⁴ ids in all", format!("{} more ids", header.count))
            })?;
            shards.push(Shard { path, map, width: header.width, start, end });
            if header.last {
                let vocab_size = header.vocab_size;
                let fingerprint = Some(header.fingerprint);
                return Ok(Tokens { storage: Storage::Mapped { shards, vocab_size }, len: end, fingerprint });
            }
        }
    }

    /// Removes the token shards in `folder`, and nothing else.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(folder: &Path) -> Result<()> {
        for number in 0.. {
            let path = shard_path(folder, number);
            if !path.is_file() {
                break;
            }
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }

    /// A number that differs, almost surely, between corpora: FNV-1a over the length and 4,096 ids spread evenly.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn checksum(&self) -> Result<u64> {
        const SAMPLES: u64 = 4096;
        let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        let mut hash = mix(0xcbf2_9ce4_8422_2325, self.len);
        let samples = SAMPLES.min(self.len);
        for i in 0..samples {
            let mut id = [0];
            self.read((u128::from(i) * u128::from(self.len) / u128::from(samples)) as u64, &mut id)?;
            hash = mix(hash, u64::from(id[0]));
        }
        Ok(hash)
    }

    /// Whether `folder` holds token shards.
    pub fn is_in(folder: &Path) -> bool {
        shard_path(folder, 0).is_file()
    }

    /// The number of ids.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The fingerprint of the tokenizer that the shards were written with; `None` for a corpus in memory.
    pub fn fingerprint(&self) -> Option<u64> {
        self.fingerprint
    }

    /// Copies the ids from position `start` on into `ids`, as many as it holds, across the borders of shards.
    ///
    /// # Errors
    /// [`Error::Argument`] when the range ends behind the corpus; [`Error::Format`] when a shard holds an id that is not in
    /// the vocabulary.
    pub fn read(&self, start: u64, ids: &mut [u32]) -> Result<()> {
        let end = start.checked_add(ids.len() as u64).filter(|&end| end <= self.len).ok_or_else(|| {
            let got = format!("{} ids from position {start} on", ids.len());
            Error::argument("Tokens::read", "start", format!("a range within {} ids", self.len), got)
        })?;
        match &self.storage {
            Storage::Memory(all) => ids.copy_from_slice(&all[start as usize..end as usize]),
            Storage::Mapped { shards, vocab_size } => {
                let first = shards.partition_point(|shard| shard.end <= start);
                let (mut rest, mut position) = (ids, start);
                for shard in &shards[first..] {
                    let count = (shard.end - position).min(rest.len() as u64) as usize;
                    let (part, behind) = rest.split_at_mut(count);
                    shard.read(position - shard.start, part, *vocab_size)?;
                    position += count as u64;
                    rest = behind;
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Shard {
    fn read(&self, start: u64, ids: &mut [u32], vocab_size: u64) -> Result<()> {
        let width = self.width as usize;
        let bytes = &self.map[HEADER + start as usize * width..][..ids.len() * width];
        if width == 2 {
            for (id, b) in ids.iter_mut().zip(bytes.chunks_exact(2)) {
                *id = u32::from(u16::from_le_bytes([b[0], b[1]]));
            }
        } else {
            for (id, b) in ids.iter_mut().zip(bytes.chunks_exact(4)) {
                *id = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            }
        }
        match ids.iter().position(|&id| u64::from(id) >= vocab_size) {
            None => Ok(()),
            Some(i) => {
                let got = format!("{} at position {}", ids[i], start + i as u64);
                Err(Error::format(&self.path, format!("ids below {vocab_size}"), got))
            }
        }
    }
}
