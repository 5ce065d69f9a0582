//! Softmax and cross-entropy in one.

use criterion::Criterion;
use half::{bf16, f16};
use warpweave::ops::{self, CrossEntropy};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{Bench, Group, STEPS, label, moved_as, on_all, random_on, random_tokens, time_on};

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "cross_entropy", &[losses::<f32>, losses::<bf16>, losses::<f16>]);
    let fused: [Bench; 3] = [losses_and_gradients::<f32>, losses_and_gradients::<bf16>, losses_and_gradients::<f16>];
    on_all(criterion, "cross_entropy_fused", &fused);
}

/// Rows of 65, 4,096 and 50,257 logits, which are only read.
fn losses<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &STEPS {
        let (rows, vocab_size) = (net.rows(), net.vocab_size);
        time_on(group, stream, label::<T>("mean", stream), net.name, moved_as::<T>(rows * vocab_size), || {
            let logits = random_on::<T, 2>(stream, [rows, vocab_size])?;
            let targets = random_tokens([rows], vocab_size)?.to(stream)?;
            let mut losses = Tensor::zeros_on(stream, [rows])?;
            Ok(move || ops::cross_entropy(&CrossEntropy::default(), logits.view(), targets.view(), losses.view_mut()))
        });
    }
}

/// The same, which become their gradient in place: each call starts from what the last one left, which takes as long as any other
/// numbers.
fn losses_and_gradients<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &STEPS {
        let (rows, vocab_size) = (net.rows(), net.vocab_size);
        time_on(group, stream, label::<T>("mean", stream), net.name, moved_as::<T>(2 * rows * vocab_size), || {
            let mut logits = random_on::<T, 2>(stream, [rows, vocab_size])?;
            let targets = random_tokens([rows], vocab_size)?.to(stream)?;
            let (mut losses, scale) = (Tensor::zeros_on(stream, [rows])?, 1.0 / rows as f32);
            Ok(move || {
                let options = CrossEntropy::default();
                ops::cross_entropy_fused(&options, scale, logits.view_mut(), targets.view(), losses.view_mut())
            })
        });
    }
}
