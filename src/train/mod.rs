//! Training: the optimizer and its schedule, pre-training, fine-tuning, checkpoints, metrics.

pub mod checkpoint;
mod finetune;
mod metrics_log;
mod optimizer;
mod pretrain;
mod progress;
pub mod run;
pub mod schedule;
mod task;

pub use finetune::{
    BatchShape, Encoded, FinetuneOptions, FinetuneStep, Finetuning, Layout, SPECIALS, START,
    evaluate as evaluate_classifier, run as run_finetuning,
};
pub use metrics_log::{Metrics, MetricsLog};
pub use optimizer::{Optimizer, OptimizerOptions, Update};
pub use pretrain::{PretrainOptions, PretrainStep, Pretraining, evaluate as evaluate_language_model};
pub use progress::Progress;
pub use schedule::{Decay, Schedule};
pub use task::TaskRecord;
