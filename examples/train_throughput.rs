//! Times training steps on random tokens, and the best large f32 matrix product of the same run.
//!
//! `cargo run --release --example train_throughput -- char|small|gpt2`
//!
//! A step is forward, backward, clipping and AdamW. FLOPs are counted as 6 N a token, N being all parameters but the
//! positions: attention's own products do not count. The step and the product are timed in turns, so that a noisy
//! machine disturbs both alike, and the ratio compares the median step with the best product.

use std::time::{Duration, Instant};

use warpweave::model::{Backward, Config, Gradients, Mode, Transformer, Workspace};
use warpweave::ops::{self, CrossEntropy, Gemm};
use warpweave::random::Rng;
use warpweave::train::{Decay, Optimizer, OptimizerOptions, Schedule};
use warpweave::{Device, Error, Result, Tensor};

/// (name, context, batch, timed steps)
const SIZES: [(&str, usize, usize, usize); 3] = [("char", 64, 12, 100), ("small", 256, 8, 12), ("gpt2", 64, 4, 10)];

fn main() -> Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "char".into());
    let Some(&(_, context, batch, steps)) = SIZES.iter().find(|size| size.0 == name) else {
        return Err(Error::setting("size", "char, small or gpt2", name));
    };
    let config = Config { context, ..Config::preset(&name)? };
    let mut step = Step::new(config, batch)?;
    let mut product = Product::new(2048)?;

    // Pages are touched and caches filled before anything counts.
    Device::Cpu.scope(|| (0..2).try_for_each(|_| step.run()))?;
    product.run()?;
    let (mut times, mut best_product) = (Vec::new(), Duration::MAX);
    for _ in 0..steps.min(10) {
        best_product = best_product.min(time(|| product.run())?);
        for _ in 0..steps.div_ceil(10) {
            times.push(time(|| step.run())?);
        }
    }
    times.sort();
    let seconds = times[times.len() / 2].as_secs_f64();
    let tokens = (batch * context) as f64;
    let gflops = 6.0 * step.counted as f64 * tokens / seconds / 1e9;
    let best = product.flops() / best_product.as_secs_f64() / 1e9;
    println!(
        "{name}: {:.0} tokens/s, {:.1} ms/step, {gflops:.1} GFLOP/s, best GEMM {best:.1} GFLOP/s, ratio {:.2}",
        tokens / seconds,
        seconds * 1e3,
        gflops / best,
    );
    Ok(())
}

fn time(work: impl FnOnce() -> Result<()> + Send) -> Result<Duration> {
    Device::Cpu.scope(|| {
        let start = Instant::now();
        work()?;
        Ok(start.elapsed())
    })
}

/// One model in training.
struct Step {
    model: Transformer,
    optimizer: Optimizer,
    grads: Gradients,
    work: Workspace,
    back: Backward,
    tokens: Vec<u32>,
    targets: Vec<u32>,
    /// The parameters that count: all but the positions.
    counted: usize,
}

impl Step {
    fn new(config: Config, batch: usize) -> Result<Self> {
        let seq_len = config.context;
        let counted = |model: &Transformer| model.layout().len() - config.context * config.width;
        let model = Transformer::new(config.clone(), 1)?;
        let options = OptimizerOptions {
            schedule: Schedule::new(Decay::Constant, 1e-4, 0, 1)?,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            clip: 1.0,
            head_schedule: None,
        };
        let mut rng = Rng::new(1, 1);
        let mut draw = || (0..batch * seq_len).map(|_| rng.below(config.vocab_size) as u32).collect();
        Ok(Step {
            optimizer: Optimizer::new(options, &model)?,
            grads: Gradients::new(model.layout())?,
            work: Workspace::for_training(&config, batch, seq_len)?,
            back: Backward::new(&config, batch, seq_len)?,
            tokens: draw(),
            targets: draw(),
            counted: counted(&model),
            model,
        })
    }

    fn run(&mut self) -> Result<()> {
        let Step { model, optimizer, grads, work, back, tokens, targets, .. } = self;
        let mode = Mode::Training { seed: 1, pass: optimizer.step() };
        model.forward(mode, tokens, work)?;
        model.language_model_loss_backward(&CrossEntropy::default(), 1.0, targets, work, grads, back)?;
        model.backward(work, back, grads)?;
        optimizer.update(model, grads)?;
        Ok(())
    }
}

/// A square matrix product.
struct Product {
    a: Tensor,
    b: Tensor,
    c: Tensor,
    size: usize,
}

impl Product {
    fn new(size: usize) -> Result<Self> {
        let mut rng = Rng::new(2, 0);
        let mut random = || Tensor::from_vec([size, size], (0..size * size).map(|_| rng.normal()).collect());
        Ok(Product { a: random()?, b: random()?, c: Tensor::zeros([size, size])?, size })
    }

    fn run(&mut self) -> Result<()> {
        ops::gemm(self.a.view(), self.b.view(), self.c.view_mut(), Gemm::default())
    }

    fn flops(&self) -> f64 {
        2.0 * (self.size as f64).powi(3)
    }
}
