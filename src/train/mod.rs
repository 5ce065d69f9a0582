//! Training.

pub mod metrics_log;
pub mod progress;
pub mod schedule;
