//! Evaluation: scores of what a model predicts, and pictures of how it learned.

pub mod plot;
pub mod scores;

pub use plot::{Curve, Style, confusion_matrix, loss_curves};
pub use scores::{Baseline, Confusion, Perplexity};
