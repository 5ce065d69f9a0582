//! The model against Hugging Face's GPT-2: logits, loss, every gradient, ten steps of AdamW, and the classification head.
//! `tests/fixtures/make.py` made what is compared with, in f64.
#![cfg(feature = "train")]

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use warpweave::Tensor;
use warpweave::model::{self, Backward, Gradients, Mode, Pooled, Transformer, Workspace};
use warpweave::ops::CrossEntropy;
use warpweave::train::{Decay, Optimizer, OptimizerOptions, Schedule};

const BATCH: usize = 3;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

struct Expected(Vec<u8>);

impl Expected {
    fn of(name: &str) -> Self {
        Expected(std::fs::read(folder(name).join("expected.safetensors")).unwrap())
    }

    fn words(&self, name: &str, dtype: Dtype) -> Vec<[u8; 4]> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tensor.dtype(), dtype, "{name}");
        tensor.data().as_chunks().0.to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.words(name, Dtype::F32).into_iter().map(f32::from_le_bytes).collect()
    }

    fn tokens(&self, name: &str) -> Vec<u32> {
        self.words(name, Dtype::I32).into_iter().map(u32::from_le_bytes).collect()
    }
}

/// Each element within `relative` of the largest one.
#[track_caller]
fn assert_close(what: &str, got: &[f32], want: &[f32], relative: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (got - want).abs() <= relative * scale,
            "{what}: element {i} is {got}, PyTorch's {want} (scale {scale})"
        );
    }
}

/// Each token's successor; the last of each sequence has none.
fn targets(tokens: &[u32]) -> Vec<u32> {
    let next = |row: &[u32]| [&row[1..], &[CrossEntropy::IGNORE]].concat();
    tokens.chunks(tokens.len() / BATCH).flat_map(next).collect()
}

fn gradients(model: &Transformer, tokens: &[u32], grads: &mut Gradients) -> (f32, Workspace) {
    let seq_len = tokens.len() / BATCH;
    let mut work = Workspace::for_training(model.config(), BATCH, seq_len).unwrap();
    let mut back = Backward::new(model.config(), BATCH, seq_len).unwrap();
    model.forward(Mode::Inference, tokens, &mut work).unwrap();
    let (options, targets) = (CrossEntropy::default(), targets(tokens));
    let loss = model.language_model_loss_backward(&options, 1.0, &targets, &mut work, grads, &mut back).unwrap();
    model.backward(&work, &mut back, grads).unwrap();
    (loss.mean(), work)
}

fn assert_parameters(what: &str, model: &Transformer, flat: &Tensor, expected: &Expected, relative: f32) {
    for parameter in model.layout().parameters() {
        let prefix = if parameter.name == "score.weight" { "" } else { "transformer." };
        let want = expected.floats(&format!("{what}.{prefix}{}", parameter.name));
        assert_close(&parameter.name, &flat.as_slice()[parameter.slot.range()], &want, relative);
    }
}

#[test]
fn logits_loss_and_every_gradient() {
    let expected = Expected::of("gpt2_tiny");
    let model = model::load(&folder("gpt2_tiny")).unwrap();
    let mut grads = Gradients::new(model.layout()).unwrap();
    let (loss, work) = gradients(&model, &expected.tokens("tokens"), &mut grads);
    assert_close("loss", &[loss], &expected.floats("loss"), 2e-6);
    let mut logits = Tensor::zeros([work.rows(), model.config().vocab_size]).unwrap();
    model.logits(&work, logits.view_mut()).unwrap();
    assert_close("logits", logits.as_slice(), &expected.floats("logits"), 5e-6);
    assert_parameters("grad", &model, &grads.flat, &expected, 2e-5);
}

#[test]
fn ten_steps_of_adamw() {
    let expected = Expected::of("gpt2_tiny");
    let mut model = model::load(&folder("gpt2_tiny")).unwrap();
    let options = OptimizerOptions {
        schedule: Schedule::new(Decay::Constant, 1e-2, 0, 10).unwrap(),
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
        clip: 1.0,
        head_schedule: None,
    };
    let mut optimizer = Optimizer::new(options, &model).unwrap();
    let mut grads = Gradients::new(model.layout()).unwrap();
    let tokens = expected.tokens("adamw.tokens");
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for batch in tokens.chunks(tokens.len() / 10) {
        losses.push(gradients(&model, batch, &mut grads).0);
        norms.push(optimizer.update(&mut model, &grads).unwrap().grad_norm);
    }
    assert_close("losses", &losses, &expected.floats("adamw.losses"), 2e-5);
    assert_close("gradient norms", &norms, &expected.floats("adamw.grad_norms"), 1e-4);
    let mut parameters = Tensor::from_vec([model.parameters().len()], model.parameters().as_slice().to_vec()).unwrap();
    for parameter in model.layout().parameters() {
        // A bias of the keys adds the same to all scores of a query, so its gradient is 0. What is computed is rounding, and
        // AdamW scales that, of whatever size, to a whole step.
        if parameter.name.ends_with("c_attn.bias") {
            let width = model.config().width;
            let keys = parameter.slot.range().start + width..parameter.slot.range().start + 2 * width;
            let theirs = expected.floats(&format!("adamw.transformer.{}", parameter.name));
            parameters.as_mut_slice()[keys].copy_from_slice(&theirs[width..2 * width]);
        }
    }
    assert_parameters("adamw", &model, &parameters, &expected, 2e-3);
}

#[test]
fn the_classification_head() {
    let expected = Expected::of("gpt2_classifier_tiny");
    let model = model::load(&folder("gpt2_classifier_tiny")).unwrap();
    let tokens = expected.tokens("tokens");
    let (batch, labels) = (expected.tokens("labels").len(), expected.tokens("labels"));
    let seq_len = tokens.len() / batch;
    let mut work = Workspace::for_training(model.config(), batch, seq_len).unwrap();
    let mut back = Backward::new(model.config(), batch, seq_len).unwrap();
    let mut pooled = Pooled::new(&model, batch, 1, 1).unwrap();
    let mut grads = Gradients::new(model.layout()).unwrap();
    model.forward(Mode::Inference, &tokens, &mut work).unwrap();
    let ce = CrossEntropy::default();
    let none = vec![CrossEntropy::IGNORE; tokens.len()];
    model.language_model_loss_backward(&ce, 0.0, &none, &mut work, &mut grads, &mut back).unwrap();
    model.classify(&extract_positions(&tokens, seq_len), &work, &mut pooled).unwrap();
    assert_close("logits", pooled.logits().as_slice(), &expected.floats("logits"), 5e-6);
    let loss = model.classify_backward(&ce, &labels, &work, &mut pooled, &mut grads, &mut back).unwrap();
    assert_close("loss", &[loss.mean()], &expected.floats("loss"), 5e-6);
    model.backward(&work, &mut back, &mut grads).unwrap();
    assert_parameters("grad", &model, &grads.flat, &expected, 2e-5);
}

/// Hugging Face reads the last token that is not padding.
fn extract_positions(tokens: &[u32], seq_len: usize) -> Vec<usize> {
    const PAD: u32 = 96;
    tokens.chunks(seq_len).map(|row| row.iter().rposition(|&token| token != PAD).unwrap()).collect()
}
