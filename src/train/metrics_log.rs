//! `metrics.jsonl`: one JSON object a line, one line a report.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::file::write_atomically;
use crate::{Error, Result};

/// One line of the log. What was not measured at that step is left out of the line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// The training step, counted from 1; 0 is before the first.
    pub step: u64,
    /// The epoch, where the data is gone through in epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<f64>,
    /// The training loss of this step, in nats per token (or per example when fine-tuning).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// The language model's loss beside it when fine-tuning, in nats per token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lm_loss: Option<f64>,
    /// The learning rate of this step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// The gradient's norm before clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grad_norm: Option<f64>,
    /// The tokens trained on since the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Training speed since the line before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// The loss on the validation data after this step, in nats per token (or per example).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// Bits per byte on the validation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_bits_per_byte: Option<f64>,
    /// Accuracy on the validation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Macro-averaged F1 on the validation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_macro_f1: Option<f64>,
}

/// The file, open for appending. Each line is handed to the system as it is written, in one piece.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Starts a log, in place of one that may lie there.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        Ok(Self { path, file })
    }

    /// Opens a log to continue a run whose last saved step is `step`: lines of later steps are dropped, because the
    /// run will write them again, and so is a last line that an interruption left half-written. A log that doesn't
    /// exist is started.
    ///
    /// # Errors
    /// A line other than the last that is no such JSON object is an [`Error::Format`], and the file stays as it is.
    pub fn resume(path: impl AsRef<Path>, step: u64) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        if !path.try_exists().map_err(Error::io("read", &path))? {
            return Self::create(path);
        }
        write_atomically(&path, |kept| {
            let mut kept = BufWriter::new(kept);
            for_each_line(&path, |line, metrics| match metrics.step <= step {
                true => writeln!(kept, "{line}").map_err(Error::io("write", &path)),
                false => Ok(()),
            })?;
            kept.flush().map_err(Error::io("write", &path))
        })?;
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io("write", &path))?;
        Ok(Self { path, file })
    }

    /// Appends a line.
    ///
    /// Numbers that JSON cannot hold, NaN and the infinities, become `null`.
    pub fn append(&mut self, metrics: &Metrics) -> Result<()> {
        let mut line = serde_json::to_string(metrics).map_err(Error::library("write metrics as JSON"))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(Error::io("write", &self.path))
    }

    /// Reads a log, without a last line that is half-written.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Metrics>> {
        let mut all = Vec::new();
        for_each_line(path.as_ref(), |_, metrics| {
            all.push(metrics);
            Ok(())
        })?;
        Ok(all)
    }
}

/// Calls `f` with each whole line and what it says.
fn for_each_line(path: &Path, mut f: impl FnMut(&str, Metrics) -> Result<()>) -> Result<()> {
    let mut reader = BufReader::new(File::open(path).map_err(Error::io("read", path))?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        reader.read_until(b'\n', &mut bytes).map_err(Error::io("read", path))?;
        // A line is whole once its line end is there: what comes after the last one is nothing, or half a line.
        let Some(line) = bytes.strip_suffix(b"\n") else { break };
        let bad = |got: String| Error::format(path, format!("metrics as a JSON object in line {number}"), got);
        let line = std::str::from_utf8(line).map_err(|error| bad(error.to_string()))?;
        let metrics = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        f(line, metrics)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Metrics {
        Metrics { step, loss: Some(4.5), lr: Some(1e-3), ..Metrics::default() }
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::create(&path).unwrap();
        log.append(&at(1)).unwrap();
        log.append(&Metrics { step: 2, val_loss: Some(f64::NAN), ..Metrics::default() }).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"step\":1,\"loss\":4.5,\"lr\":0.001}\n{\"step\":2,\"val_loss\":null}\n");
        assert_eq!(MetricsLog::read(&path).unwrap(), [at(1), Metrics { step: 2, ..Metrics::default() }]);
    }

    #[test]
    fn resuming_drops_what_will_be_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::resume(&path, 0).unwrap();
        (1..=5).for_each(|step| log.append(&at(step)).unwrap());
        log.file.write_all(b"{\"step\":6,\"lo").unwrap();
        drop(log);
        assert_eq!(MetricsLog::read(&path).unwrap().len(), 5);

        let mut log = MetricsLog::resume(&path, 3).unwrap();
        (4..=6).for_each(|step| log.append(&at(step)).unwrap());
        let steps: Vec<u64> = MetricsLog::read(&path).unwrap().iter().map(|metrics| metrics.step).collect();
        assert_eq!(steps, [1, 2, 3, 4, 5, 6]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no file may be left beside the log");
    }

    #[test]
    fn a_line_of_something_else_is_an_error_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, "{\"step\":1}\nhello\n{\"step\":3}\n").unwrap();
        let error = MetricsLog::resume(&path, 1).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: expected metrics as a JSON object in line 2"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":1}\nhello\n{\"step\":3}\n");
    }
}
