//! What the experiment found: a table, pictures, and a file of figures.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use warpweave::eval::{Confusion, Curve, Perplexity, Style, confusion_matrix, loss_curves};
use warpweave::file::write_atomically;
use warpweave::{Error, Result};

use crate::Trained;

/// Accuracy and macro-averaged F1 on the test passages.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scores {
    accuracy: f64,
    macro_f1: f64,
}

impl Scores {
    /// Of a model.
    pub fn of(confusion: &Confusion) -> Self {
        Scores { accuracy: confusion.accuracy(), macro_f1: confusion.macro_f1() }
    }

    /// Of always answering the most frequent class.
    pub fn majority(confusion: &Confusion) -> Self {
        let baseline = confusion.majority_baseline();
        Scores { accuracy: baseline.accuracy, macro_f1: baseline.macro_f1 }
    }
}

/// The figures of one seed.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub labels: usize,
    pub perplexity: Perplexity,
    pub fine_tuned: Scores,
    pub from_scratch: Scores,
    pub majority: Scores,
}

impl Report {
    /// Draws the fine-tuning curves and the confusion matrix of the pre-trained model.
    pub fn draw(&self, out: &Path, trained: [&Trained; 2]) -> Result<()> {
        let curve = |trained: &Trained| Curve {
            name: trained.name.to_string(),
            points: trained.losses.clone(),
            style: Style::Line,
        };
        let title = format!("Training on {} labelled passages", self.labels);
        loss_curves(out.join("finetune-loss.svg"), &title, "nats per passage", &trained.map(curve))?;
        confusion_matrix(out.join("confusion.svg"), "Eras of the test passages, pre-trained", &trained[0].confusion)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "seed": self.seed,
            "labelled_passages": self.labels,
            "validation_nats_per_token": self.perplexity.nats_per_token(),
            "validation_perplexity": self.perplexity.perplexity(),
            "validation_bits_per_byte": self.perplexity.bits_per_byte(),
            "pre_trained": self.fine_tuned,
            "from_scratch": self.from_scratch,
            "majority_class": self.majority,
        })
    }

    /// Writes the figures as JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_json(&self.json(), path)
    }
}

/// Writes the figures of all seeds as JSON.
pub fn save_all(reports: &[Report], path: &Path) -> Result<()> {
    write_json(&reports.iter().map(Report::json).collect(), path)
}

fn write_json(value: &serde_json::Value, path: &Path) -> Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(file, value).map_err(|error| Error::io("write", path)(error.into()))
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nseed {}, {} labelled passages", self.seed, self.labels)?;
        writeln!(f, "{:<42} {:>10} {:>10}", "eras of the test speeches' passages", "accuracy", "macro-F1")?;
        for (name, scores) in [
            ("pre-trained, then fine-tuned", self.fine_tuned),
            ("the same network from scratch", self.from_scratch),
            ("always the most frequent class", self.majority),
        ] {
            writeln!(f, "{name:<42} {:>10.3} {:>10.3}", scores.accuracy, scores.macro_f1)?;
        }
        writeln!(f, "{:<42} {:>10} {:>10}", "language model on the validation speeches", "perplexity", "bits/byte")?;
        let (perplexity, bits) = (self.perplexity.perplexity(), self.perplexity.bits_per_byte());
        let name = format!("pre-trained, {:.3} nats a token", self.perplexity.nats_per_token());
        writeln!(f, "{name:<42} {perplexity:>10.2} {bits:>10.3}")
    }
}

/// Mean and standard deviation over the seeds.
pub fn spread(reports: &[Report]) -> String {
    let row = |name: &str, value: &dyn Fn(&Report) -> f64| {
        let values: Vec<f64> = reports.iter().map(value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
        format!("{name:<42} {mean:>8.3} ± {:.3}\n", variance.sqrt())
    };
    [
        format!("{} seeds: mean ± standard deviation\n", reports.len()),
        row("validation, bits per byte", &|report| report.perplexity.bits_per_byte()),
        row("accuracy, pre-trained", &|report| report.fine_tuned.accuracy),
        row("accuracy, from scratch", &|report| report.from_scratch.accuracy),
        row("accuracy gained", &|report| report.fine_tuned.accuracy - report.from_scratch.accuracy),
        row("macro-F1, pre-trained", &|report| report.fine_tuned.macro_f1),
        row("macro-F1, from scratch", &|report| report.from_scratch.macro_f1),
        row("macro-F1 gained", &|report| report.fine_tuned.macro_f1 - report.from_scratch.macro_f1),
    ]
    .concat()
}
