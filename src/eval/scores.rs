//! Scores: accuracy and macro-averaged F1 from a confusion matrix, perplexity and bits per byte from a summed loss.

use std::fmt;

use crate::{Error, Result};

/// How often each true class was predicted as each class.
///
/// ```
/// use warpweave::eval::Confusion;
///
/// let mut confusion = Confusion::new(["cat", "dog"])?;
/// confusion.add(0, 0)?;
/// confusion.add(1, 0)?;
/// assert_eq!(confusion.accuracy(), 0.5);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    labels: Vec<String>,
    /// Row-major: `counts[truth * labels.len() + predicted]`.
    counts: Vec<u64>,
}

/// What a classifier that always answers the same class scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// The class that is always answered.
    pub label: usize,
    /// The share of examples of that class.
    pub accuracy: f64,
    /// The macro-averaged F1 of these answers.
    pub macro_f1: f64,
}

impl Confusion {
    /// An empty matrix over `labels`, in the order of the model's outputs.
    ///
    /// # Errors
    /// There must be at least one label, and no two alike.
    pub fn new<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Result<Self> {
        let labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        if labels.is_empty() {
            return Err(Error::argument("Confusion::new", "labels", "at least one label", "none"));
        }
        if let Some(twice) = labels.iter().enumerate().find(|(i, label)| labels[..*i].contains(label)) {
            return Err(Error::argument("Confusion::new", "labels", "distinct labels", format!("`{}` twice", twice.1)));
        }
        let counts = vec![0; labels.len() * labels.len()];
        Ok(Self { labels, counts })
    }

    /// Counts one example.
    ///
    /// # Errors
    /// Both indices must be below the number of labels.
    pub fn add(&mut self, truth: usize, predicted: usize) -> Result<()> {
        let classes = self.labels.len();
        for (arg, index) in [("truth", truth), ("predicted", predicted)] {
            if index >= classes {
                return Err(Error::argument("Confusion::add", arg, format!("a class below {classes}"), index));
            }
        }
        self.counts[truth * classes + predicted] += 1;
        Ok(())
    }

    /// The classes' names.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How often `truth` was predicted as `predicted`; 0 for classes that don't exist.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        let classes = self.labels.len();
        if truth < classes && predicted < classes { self.counts[truth * classes + predicted] } else { 0 }
    }

    /// The number of examples counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The number of examples whose true class is `label`.
    pub fn truths(&self, label: usize) -> u64 {
        (0..self.labels.len()).map(|predicted| self.count(label, predicted)).sum()
    }

    /// The number of examples that were predicted as `label`.
    pub fn predictions(&self, label: usize) -> u64 {
        (0..self.labels.len()).map(|truth| self.count(truth, label)).sum()
    }

    /// The share of examples that were predicted right; NaN as long as there are none.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.labels.len()).map(|label| self.count(label, label)).sum();
        right as f64 / self.total() as f64
    }

    /// The share of predictions of `label` that were right; 0 where it was never predicted.
    pub fn precision(&self, label: usize) -> f64 {
        ratio_or_zero(self.count(label, label), self.predictions(label))
    }

    /// The share of examples of `label` that were found; 0 where there were none.
    pub fn recall(&self, label: usize) -> f64 {
        ratio_or_zero(self.count(label, label), self.truths(label))
    }

    /// The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); 0 where that is 0 / 0.
    pub fn f1(&self, label: usize) -> f64 {
        ratio_or_zero(2 * self.count(label, label), self.truths(label) + self.predictions(label))
    }

    /// The mean of [`f1`](Self::f1) over the labels that occur among the truths or the predictions, which is what
    /// scikit-learn's `f1_score(average="macro")` computes; NaN as long as there are no examples.
    pub fn macro_f1(&self) -> f64 {
        let present = || (0..self.labels.len()).filter(|&label| self.truths(label) + self.predictions(label) > 0);
        present().map(|label| self.f1(label)).sum::<f64>() / present().count() as f64
    }

    /// The scores of always answering `label`, which should be the most frequent class of the *training* data.
    ///
    /// # Errors
    /// `label` must be below the number of labels.
    pub fn baseline(&self, label: usize) -> Result<Baseline> {
        let mut constant = Confusion::new(self.labels.iter().cloned())?;
        constant.add(label, label)?;
        constant.counts.fill(0);
        for truth in 0..self.labels.len() {
            constant.counts[truth * self.labels.len() + label] = self.truths(truth);
        }
        Ok(Baseline { label, accuracy: constant.accuracy(), macro_f1: constant.macro_f1() })
    }

    /// The scores of always answering the class that is the most frequent among the truths counted here: what a model
    /// that learned nothing but the classes' frequencies reaches. Of equally frequent classes the first is taken.
    pub fn majority_baseline(&self) -> Baseline {
        let most = (0..self.labels.len()).rev().max_by_key(|&label| self.truths(label)).unwrap_or(0);
        self.baseline(most).expect("the most frequent label is one of the labels")
    }
}

/// More classes than this are summed up in one line.
const MAX_TABLE: usize = 20;

impl Confusion {
    fn fmt_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let baseline = self.majority_baseline();
        write!(
            f,
            "accuracy {:.3}, macro-F1 {:.3}, {} examples (always `{}`: accuracy {:.3}, macro-F1 {:.3})",
            self.accuracy(),
            self.macro_f1(),
            self.total(),
            self.labels[baseline.label],
            baseline.accuracy,
            baseline.macro_f1
        )
    }
}

fn ratio_or_zero(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

/// A table for the terminal: a row per true class, a column per predicted class, and each class's recall and F1; of more
/// than 20 classes the last line alone.
impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "true \\ predicted";
        let classes = self.labels.len();
        if classes > MAX_TABLE {
            return self.fmt_summary(f);
        }
        let chars = |text: &str| text.chars().count();
        let first = self.labels.iter().map(|label| chars(label)).chain([chars(CORNER)]).max().unwrap_or(0);
        let widths: Vec<usize> = (0..classes)
            .map(|p| (0..classes).map(|t| self.count(t, p).to_string().len()).max().unwrap_or(0))
            .zip(&self.labels)
            .map(|(digits, label)| digits.max(chars(label)))
            .collect();

        write!(f, "{CORNER:<first$}")?;
        for (label, &width) in self.labels.iter().zip(&widths) {
            write!(f, "  {label:>width$}")?;
        }
        writeln!(f, "  recall     F1")?;
        for (truth, label) in self.labels.iter().enumerate() {
            write!(f, "{label:<first$}")?;
            for (predicted, &width) in widths.iter().enumerate() {
                write!(f, "  {:>width$}", self.count(truth, predicted))?;
            }
            writeln!(f, "  {:>6.3}  {:>5.3}", self.recall(truth), self.f1(truth))?;
        }
        self.fmt_summary(f)
    }
}

/// A language model's loss, summed over a text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Perplexity {
    /// The sum of -ln p(token) over all predicted tokens.
    pub nats: f64,
    /// The number of tokens that were predicted.
    pub tokens: u64,
    /// The number of bytes of text that these tokens stand for.
    pub bytes: u64,
}

impl Perplexity {
    /// Adds a piece of text: the sum of its tokens' losses in nats, and how many tokens and bytes it has.
    pub fn add(&mut self, nats: f64, tokens: u64, bytes: u64) {
        self.nats += nats;
        self.tokens += tokens;
        self.bytes += bytes;
    }

    /// The mean loss of a token, in nats; NaN as long as there are none.
    pub fn nats_per_token(&self) -> f64 {
        self.nats / self.tokens as f64
    }

    /// exp(nats per token): among how many equally likely tokens the model hesitates. It depends on the tokenizer.
    pub fn perplexity(&self) -> f64 {
        self.nats_per_token().exp()
    }

    /// The loss in bits over the text's length in bytes, which can be compared between tokenizers; NaN where no bytes
    /// were counted.
    pub fn bits_per_byte(&self) -> f64 {
        self.nats / std::f64::consts::LN_2 / self.bytes as f64
    }
}

/// `3.912 nats/token, perplexity 50.0, 1.544 bits/byte`; the last part only where the bytes are known.
impl fmt::Display for Perplexity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} nats/token, perplexity {:.2}", self.nats_per_token(), self.perplexity())?;
        if self.bytes > 0 { write!(f, ", {:.3} bits/byte", self.bits_per_byte()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(labels: &[&str], truth: &[usize], predicted: &[usize]) -> Confusion {
        let mut confusion = Confusion::new(labels.iter().copied()).unwrap();
        for (&t, &p) in truth.iter().zip(predicted) {
            confusion.add(t, p).unwrap();
        }
        confusion
    }

    #[track_caller]
    fn assert_close(got: f64, expected: f64) {
        let difference = (got - expected).abs();
        assert!(difference <= 1e-12, "got {got}, expected {expected}");
    }

    #[test]
    fn three_classes_as_scikit_learn_scores_them() {
        // sklearn.metrics: y_true = [0, 1, 2, 0, 1, 2], y_pred = [0, 2, 1, 0, 0, 1] is the example of f1_score's own
        // documentation, with f1_score(average="macro") = 0.26666666666666666.
        let confusion = counted(&["a", "b", "c"], &[0, 1, 2, 0, 1, 2], &[0, 2, 1, 0, 0, 1]);
        assert_close(confusion.accuracy(), 1.0 / 3.0);
        assert_close(confusion.macro_f1(), 0.26666666666666666);
        assert_close(confusion.precision(0), 2.0 / 3.0);
        assert_close(confusion.recall(0), 1.0);
        assert_close(confusion.f1(0), 0.8);
        assert_close(confusion.f1(1), 0.0);
    }

    #[test]
    fn labels_that_never_occur_are_left_out_of_the_macro_average() {
        // `c` occurs nowhere, `b` only among the predictions: f1_score([0, 0], [0, 1], average="macro") is
        // (2/3 + 0) / 2.
        let confusion = counted(&["a", "b", "c"], &[0, 0], &[0, 1]);
        assert_close(confusion.macro_f1(), 1.0 / 3.0);
    }

    #[test]
    fn baselines() {
        let confusion = counted(&["a", "b"], &[0, 1, 1, 1], &[0, 0, 1, 0]);
        let majority = confusion.majority_baseline();
        assert_eq!(majority.label, 1);
        assert_close(majority.accuracy, 0.75);
        // F1 of `b` is 2·3 / (2·3 + 1), that of `a` is 0.
        assert_close(majority.macro_f1, 3.0 / 7.0);
        assert_close(confusion.baseline(0).unwrap().accuracy, 0.25);
        assert!(confusion.baseline(2).is_err());
        assert_eq!(counted(&["a", "b"], &[0, 1], &[0, 0]).majority_baseline().label, 0);
    }

    #[test]
    fn bad_labels_and_classes_are_errors() {
        assert!(Confusion::new(Vec::<String>::new()).is_err());
        let error = Confusion::new(["a", "b", "a"]).unwrap_err().to_string();
        assert_eq!(error, "Confusion::new: `labels`: expected distinct labels, got `a` twice");
        let error = Confusion::new(["a"]).unwrap().add(0, 1).unwrap_err().to_string();
        assert_eq!(error, "Confusion::add: `predicted`: expected a class below 1, got 1");
    }

    #[test]
    fn an_empty_matrix_scores_nan() {
        let confusion = Confusion::new(["a"]).unwrap();
        assert!(confusion.accuracy().is_nan() && confusion.macro_f1().is_nan());
    }

    #[test]
    fn the_table_lines_up() {
        let confusion = counted(&["early", "später"], &[0, 0, 1, 1], &[0, 1, 1, 1]);
        let expected = "\
true \\ predicted  early  später  recall     F1
early                 1       1   0.500  0.667
später                0       2   1.000  0.800
accuracy 0.750, macro-F1 0.733, 4 examples (always `early`: accuracy 0.500, macro-F1 0.333)";
        assert_eq!(confusion.to_string(), expected);
    }

    #[test]
    fn perplexity_of_fair_coins() {
        let mut sum = Perplexity::default();
        sum.add(3.0 * std::f64::consts::LN_2, 3, 6);
        sum.add(std::f64::consts::LN_2, 1, 2);
        assert_close(sum.nats_per_token(), std::f64::consts::LN_2);
        assert_close(sum.perplexity(), 2.0);
        assert_close(sum.bits_per_byte(), 0.5);
        assert_eq!(sum.to_string(), "0.693 nats/token, perplexity 2.00, 0.500 bits/byte");
        assert!(Perplexity::default().perplexity().is_nan());
    }
}
