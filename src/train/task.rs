//! What a fine-tuned model was trained to do, kept beside its weights so that `eval` knows.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::labelled::{Labels, Task};
use crate::error::{Error, Result};
use crate::file::write_atomically;

const FILE: &str = "task.json";

/// A task and its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The kind, with the columns of its data.
    pub task: Task,
    /// Whether a pair is read in both orders.
    pub both_orders: bool,
    /// The names of the answers.
    pub labels: Labels,
    /// The longest sequence that the model was trained on.
    pub context: usize,
}

impl TaskRecord {
    /// Sequences whose hidden states are added for one answer.
    pub fn group(&self) -> usize {
        if self.both_orders { 2 } else { 1 }
    }

    /// Candidates that compete in one example.
    pub fn choices(&self) -> usize {
        match &self.task {
            Task::MultipleChoice { choices, .. } => choices.len(),
            Task::Classification { .. } | Task::Pair { .. } => 1,
        }
    }

    /// The number of outputs that the head needs.
    pub fn outputs(&self) -> usize {
        match &self.task {
            Task::MultipleChoice { .. } => 1,
            Task::Classification { .. } | Task::Pair { .. } => self.labels.len(),
        }
    }

    /// Writes the record into a model's folder.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        write_atomically(&path, |file| {
            serde_json::to_writer_pretty(file, self).map_err(|error| Error::io("write", &path)(error.into()))
        })
    }

    /// Reads the record of the model in `dir`.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        serde_json::from_str(&text).map_err(|error| Error::format(&path, "the task of a fine-tuned model", error))
    }

    /// Whether the model in `dir` has been fine-tuned on a labelled task.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }
}
