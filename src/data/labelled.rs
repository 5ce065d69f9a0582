//! Labelled examples for fine-tuning, from the columns of `.tsv` and `.jsonl` files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::table::{Record, records};
use crate::{Error, Result};

/// What is learned, and the columns that hold it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One text has one of a set of labels.
    Classification {
        /// The column of the text.
        text: String,
        /// The column of the label.
        label: String,
    },
    /// Two texts have one of a set of labels together: entailment, or similarity.
    Pair {
        /// The column of the first text: the premise.
        first: String,
        /// The column of the second text: the hypothesis.
        second: String,
        /// The column of the label.
        label: String,
    },
    /// One of several texts belongs to a context.
    MultipleChoice {
        /// The column of the context.
        context: String,
        /// The columns of the choices.
        choices: Vec<String>,
        /// The column of the answer: the name of the right choice's column, or its number among `choices`, from 0.
        answer: String,
    },
}

/// The texts of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Of [`Task::Classification`].
    Single(String),
    /// Of [`Task::Pair`].
    Pair {
        /// The first text.
        first: String,
        /// The second text.
        second: String,
    },
    /// Of [`Task::MultipleChoice`].
    Choices {
        /// What all choices share.
        context: String,
        /// The choices, in the order of the task's columns.
        choices: Vec<String>,
    },
}

/// One labelled example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The texts.
    pub input: Input,
    /// The number of the label in [`Labels`].
    pub label: usize,
    /// Where the example stands: `path:line`.
    pub source: String,
}

/// The labels of a task, numbered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Labels(Vec<String>);

impl Labels {
    /// Sorts `names` and drops doubles.
    ///
    /// # Errors
    /// [`Error::Data`] when fewer than two are left.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self> {
        Self::at_least_two(names.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: there are two at least.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a label.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|label| label == name)
    }

    fn at_least_two(names: Vec<String>) -> Result<Self> {
        if names.len() < 2 {
            let got = names.first().map_or("none".to_owned(), |name| format!("only `{name}`"));
            return Err(Error::data("labels", "at least two different ones", got));
        }
        Ok(Labels(names))
    }
}

/// Reads training examples and collects their labels, sorted by name; those of a multiple choice are the choices'
/// columns, in the task's order.
///
/// # Errors
/// As [`records`]; [`Error::Data`], naming file and line, for a missing column, an empty text or label, or an impossible
/// answer; when there are fewer than two labels.
pub fn training_examples(paths: &[PathBuf], task: &Task) -> Result<(Vec<Example>, Labels)> {
    let mut read = Vec::new();
    for record in records(paths)? {
        let record = record?;
        read.push((task.input(&record)?, task.label(&record)?, record.source()));
    }
    let labels = match task {
        Task::MultipleChoice { choices, .. } => Labels::at_least_two(choices.clone())?,
        _ => Labels::new(read.iter().map(|(_, label, _)| label.clone()))?,
    };
    let examples = read
        .into_iter()
        .map(|(input, label, source)| {
            let label = number_of(&labels, &label, &source)?;
            Ok(Example { input, label, source })
        })
        .collect::<Result<_>>()?;
    Ok((examples, labels))
}

/// Reads examples for evaluation, whose labels are among the `labels` of training.
///
/// # Errors
/// As [`training_examples`], and [`Error::Data`], naming label, file, line and the known labels, for one that training
/// has not seen.
///
/// ```
/// use warpweave::data::labelled::{Task, evaluation_examples, training_examples};
/// let folder = tempfile::tempdir().unwrap();
/// let (train, test) = (folder.path().join("train.tsv"), folder.path().join("test.tsv"));
/// std::fs::write(&train, "text\tmood\nwhat a day\tglad\noh no\tsad\n").unwrap();
/// std::fs::write(&test, "text\tmood\nhm\tpuzzled\n").unwrap();
/// let task = Task::Classification { text: "text".into(), label: "mood".into() };
/// let (examples, labels) = training_examples(&[train], &task)?;
/// assert_eq!((examples.len(), labels.names()), (2, &["glad".to_owned(), "sad".to_owned()][..]));
/// let message = evaluation_examples(&[test], &task, &labels).unwrap_err().to_string();
/// assert!(message.contains("test.tsv:2") && message.contains("puzzled") && message.contains("`glad`, `sad`"));
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn evaluation_examples(paths: &[PathBuf], task: &Task, labels: &Labels) -> Result<Vec<Example>> {
    records(paths)?
        .map(|record| {
            let record = record?;
            let source = record.source();
            let label = number_of(labels, &task.label(&record)?, &source)?;
            Ok(Example { input: task.input(&record)?, label, source })
        })
        .collect()
}

fn number_of(labels: &Labels, label: &str, source: &str) -> Result<usize> {
    labels.number(label).ok_or_else(|| {
        let expected = format!("one of the labels seen in training, `{}`", labels.names().join("`, `"));
        Error::data(source, expected, format!("the label `{label}`"))
    })
}

impl Task {
    fn input(&self, record: &Record) -> Result<Input> {
        Ok(match self {
            Task::Classification { text, .. } => Input::Single(not_empty(record, text)?),
            Task::Pair { first, second, .. } => {
                Input::Pair { first: not_empty(record, first)?, second: not_empty(record, second)? }
            }
            Task::MultipleChoice { context, choices, .. } => Input::Choices {
                context: not_empty(record, context)?,
                choices: choices.iter().map(|choice| not_empty(record, choice)).collect::<Result<_>>()?,
            },
        })
    }

    /// The label's name; of a multiple choice, the right choice's column.
    fn label(&self, record: &Record) -> Result<String> {
        match self {
            Task::Classification { label, .. } | Task::Pair { label, .. } => not_empty(record, label),
            Task::MultipleChoice { choices, answer, .. } => {
                let given = not_empty(record, answer)?;
                let numbered = || given.parse::<usize>().ok().and_then(|number| choices.get(number));
                choices.iter().find(|&choice| *choice == given).or_else(numbered).cloned().ok_or_else(|| {
                    let columns = choices.join("`, `");
                    let most = choices.len().saturating_sub(1);
                    let expected = format!("`{columns}` or a number from 0 to {most} in `{answer}`");
                    Error::data(record.source(), expected, format!("`{given}`"))
                })
            }
        }
    }
}

fn not_empty(record: &Record, column: &str) -> Result<String> {
    let text = record.text(column)?;
    if text.trim().is_empty() {
        return Err(Error::data(record.source(), format!("a text in `{column}`"), "an empty one"));
    }
    Ok(text)
}
