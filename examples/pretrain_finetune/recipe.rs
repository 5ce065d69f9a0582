//! Every number of the experiment. They come from a smaller study with another split of the same speeches; the scores on this
//! split's test speeches chose none of them.

use warpweave::Result;
use warpweave::data::Tokenizer;
use warpweave::model::Config;
use warpweave::train::{BatchShape, Decay, FinetuneOptions, OptimizerOptions, PretrainOptions, START, Schedule};

/// BPE tokens. A small vocabulary leaves the parameters to the blocks, and every token is seen often.
pub const VOCABULARY: usize = 2048;
/// Tokens a model sees at once.
pub const CONTEXT: usize = 128;
/// Sequences per step of pre-training.
const BATCH: usize = 8;
/// Steps of pre-training: about five minutes on two cores, twice through the training speeches.
pub const STEPS: &str = "4800";

/// The network: 1.1 million parameters.
pub fn model(vocab_size: usize) -> Config {
    // GPT-2's initial 0.02 is for a width of 768 and more; at 128 the signal is lost among so small weights, and training
    // begins late.
    Config { init_std: 0.05, ..Config::gpt2(vocab_size, CONTEXT, 4, 128, 4) }
}

/// Pre-training and its number of steps.
pub struct Pretrain {
    /// The steps.
    pub steps: u64,
    /// The rest.
    pub pretrain: PretrainOptions,
}

/// Pre-training for `steps` steps.
pub fn pretraining(tokenizer: &Tokenizer, steps: u64, seed: u64) -> Result<Pretrain> {
    // A shorter warm-up leaves the network stuck at word frequencies.
    let schedule = Schedule::new(Decay::Cosine { min_ratio: 0.05 }, 3e-3, steps / 20, steps)?;
    let optimizer = OptimizerOptions {
        schedule,
        beta1: 0.9,
        beta2: 0.98,
        eps: 1e-8,
        weight_decay: 0.1,
        clip: 1.0,
        head_schedule: None,
    };
    let start = tokenizer.special(START);
    let pretrain =
        PretrainOptions { batch: BATCH, context: CONTEXT, accumulate: 1, start, optimizer, label_smoothing: 0.0, seed };
    Ok(Pretrain { steps, pretrain })
}

/// Training on the labels.
pub struct Finetune {
    /// Passes over the labelled passages.
    pub epochs: u64,
    /// The dropout of the whole network.
    pub dropout: f32,
    lr: f64,
    head_lr: f64,
}

/// After pre-training: gently.
pub const FINE_TUNED: Finetune = Finetune { epochs: 6, dropout: 0.1, lr: 5e-4, head_lr: 1.5e-3 };
/// From random weights: a higher rate and more epochs do best.
pub const FROM_SCRATCH: Finetune = Finetune { epochs: 8, dropout: 0.1, lr: 1e-3, head_lr: 1e-3 };

impl Finetune {
    /// The options for `examples` examples.
    pub fn options(&self, examples: usize, seed: u64) -> Result<FinetuneOptions> {
        let shape = BatchShape { batch: 16, group: 1, choices: 1 };
        let steps = self.epochs * examples.div_ceil(shape.batch) as u64;
        let schedule = |lr| Schedule::new(Decay::Linear { min_ratio: 0.0 }, lr, steps / 10, steps);
        Ok(FinetuneOptions {
            shape,
            optimizer: OptimizerOptions {
                schedule: schedule(self.lr)?,
                beta1: 0.9,
                beta2: 0.98,
                eps: 1e-8,
                weight_decay: 0.01,
                clip: 1.0,
                head_schedule: Some(schedule(self.head_lr)?),
            },
            lm_weight: 0.5,
            label_smoothing: 0.0,
            seed,
        })
    }
}
