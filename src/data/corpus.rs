//! The State of the Union addresses that the repository carries, split by speech.

use std::path::Path;

use super::table::{Record, records};
use crate::{Error, Result};

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// When it was given.
    pub year: u16,
    /// The president.
    pub name: String,
    /// The president's party, `none` for Washington.
    pub party: String,
    /// What was said.
    pub text: String,
}

/// Speeches apart for training, for choosing between models, and for the final figure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Eight of ten.
    pub train: Vec<Speech>,
    /// One of ten.
    pub validation: Vec<Speech>,
    /// One of ten.
    pub test: Vec<Speech>,
}

/// Reads speeches from a `.jsonl` or `.tsv` file with the columns `year`, `name`, `party` and `text`, sorted by year.
///
/// # Errors
/// As [`records`]; [`Error::Data`] for a missing column or an impossible year.
pub fn load_speeches(path: impl AsRef<Path>) -> Result<Vec<Speech>> {
    let mut speeches =
        records(&[path.as_ref().to_path_buf()])?.map(|record| speech(&record?)).collect::<Result<Vec<_>>>()?;
    speeches.sort_by_key(|speech| speech.year);
    Ok(speeches)
}

fn speech(record: &Record) -> Result<Speech> {
    let year = record.text("year")?;
    let year = year.parse().map_err(|_| Error::data(record.source(), "a year in `year`", format!("`{year}`")))?;
    Ok(Speech { year, name: record.text("name")?, party: record.text("party")?, text: record.text("text")? })
}

/// Splits `speeches`, sorted by year, so that all times are in all parts and no passage of a test speech was trained on:
/// of each ten, the first is for testing and the sixth for validation.
pub fn split(speeches: Vec<Speech>) -> Split {
    let mut split = Split::default();
    for (i, speech) in speeches.into_iter().enumerate() {
        let part = match i % 10 {
            0 => &mut split.test,
            5 => &mut split.validation,
            _ => &mut split.train,
        };
        part.push(speech);
    }
    split
}
