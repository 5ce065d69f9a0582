//! The model: its gradients against finite differences for every architecture, its losses, its cache, its files.

use approx::{assert_abs_diff_eq, relative_eq};
use warpweave::model::{
    self, Backward, Config, FeedForwardKind, Gradients, KvCache, Loss, Mode, NormPosition, Pooled, Positions,
    Transformer, Workspace,
};
use warpweave::ops::{CrossEntropy, NormKind};
use warpweave::random::Rng;

const BATCH: usize = 3;
const SEQ_LEN: usize = 7;

/// A small model that is far from linear.
fn small() -> Config {
    Config { init_std: 0.3, ..Config::gpt2(29, 11, 2, 16, 4) }
}

/// One config for each thing that a config can change.
fn architectures() -> Vec<(&'static str, Config)> {
    vec![
        ("gpt2", small()),
        ("post-norm", Config { norm_position: NormPosition::Post, ..small() }),
        ("rms norm", Config { norm: NormKind::Rms, ..small() }),
        ("rms post-norm", Config { norm: NormKind::Rms, norm_position: NormPosition::Post, ..small() }),
        ("swiglu", Config { feed_forward: FeedForwardKind::Swiglu, ffn_width: 21, ..small() }),
        ("gelu", Config { feed_forward: FeedForwardKind::Gelu, ..small() }),
        ("silu", Config { feed_forward: FeedForwardKind::Silu, ..small() }),
        ("relu", Config { feed_forward: FeedForwardKind::Relu, ..small() }),
        ("rotary", Config { positions: Positions::Rotary, ..small() }),
        ("sinusoidal", Config { positions: Positions::Sinusoidal, ..small() }),
        ("grouped queries", Config { kv_heads: 2, ..small() }),
        ("multi-query", Config { kv_heads: 1, ..small() }),
        ("window", Config { window: Some(3), ..small() }),
        ("untied", Config { tied: false, ..small() }),
        ("no biases", Config { bias: false, ..small() }),
        ("dropout", Config { dropout: 0.2, ..small() }),
        (
            "llama",
            Config {
                norm: NormKind::Rms,
                feed_forward: FeedForwardKind::Swiglu,
                positions: Positions::Rotary,
                kv_heads: 2,
                bias: false,
                tied: false,
                ..small()
            },
        ),
    ]
}

fn tokens(seed: u64, config: &Config, n: usize) -> Vec<u32> {
    let mut rng = Rng::new(seed, 0);
    (0..n).map(|_| rng.below(config.vocab_size) as u32).collect()
}

/// A training step's loss and gradients.
struct Step {
    mode: Mode,
    options: CrossEntropy,
    tokens: Vec<u32>,
    targets: Vec<u32>,
    /// Extract positions and labels, and the weight of the language model's loss beside the head's.
    head: Option<(Vec<usize>, Vec<u32>, f32)>,
}

impl Step {
    fn new(config: &Config) -> Self {
        let mut targets = tokens(2, config, BATCH * SEQ_LEN);
        targets[4] = CrossEntropy::default().ignore_index;
        Step {
            mode: Mode::Training { seed: 5, pass: 3 },
            options: CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() },
            tokens: tokens(1, config, BATCH * SEQ_LEN),
            targets,
            head: None,
        }
    }

    fn gradients(&self, model: &Transformer, grads: &mut Gradients) -> f64 {
        let mut work = Workspace::for_training(model.config(), BATCH, SEQ_LEN).unwrap();
        let mut back = Backward::new(model.config(), BATCH, SEQ_LEN).unwrap();
        model.forward(self.mode, &self.tokens, &mut work).unwrap();
        let weight = self.head.as_ref().map_or(1.0, |head| head.2);
        let loss = model
            .language_model_loss_backward(&self.options, weight, &self.targets, &mut work, grads, &mut back)
            .unwrap();
        let mut total = f64::from(weight) * loss.sum / loss.tokens as f64;
        if let Some((extract, labels, _)) = &self.head {
            let mut pooled = Pooled::new(model, BATCH, 1, 1).unwrap();
            model.classify(extract, &work, &mut pooled).unwrap();
            let loss = model
                .classify_backward(&CrossEntropy::default(), labels, &work, &mut pooled, grads, &mut back)
                .unwrap();
            total += loss.sum / loss.tokens as f64;
        }
        model.backward(&work, &mut back, grads).unwrap();
        total
    }

    fn loss(&self, model: &Transformer) -> f64 {
        self.gradients(model, &mut Gradients::new(model.layout()).unwrap())
    }

    /// Holds the gradient of each parameter against the loss' change along a random direction of that parameter alone.
    fn check(&self, what: &str, model: &mut Transformer) {
        let mut grads = Gradients::new(model.layout()).unwrap();
        // Old gradients must be overwritten.
        grads.flat.as_mut_slice().fill(f32::NAN);
        self.gradients(model, &mut grads);
        for (i, parameter) in model.layout().parameters().to_vec().iter().enumerate() {
            let range = parameter.slot.range();
            let mut rng = Rng::new(9, i as u64);
            let direction: Vec<f32> = range.clone().map(|_| rng.normal()).collect();
            let analytic: f64 =
                grads.flat.as_slice()[range.clone()].iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let step = 2e-3 / (range.len() as f32).sqrt();
            let original = model.parameters().as_slice()[range.clone()].to_vec();
            let mut moved = |sign: f32| {
                for ((x, &original), d) in
                    model.parameters_mut().as_mut_slice()[range.clone()].iter_mut().zip(&original).zip(&direction)
                {
                    *x = original + sign * step * d;
                }
                let loss = self.loss(model);
                model.parameters_mut().as_mut_slice()[range.clone()].copy_from_slice(&original);
                loss
            };
            let numeric = (moved(1.0) - moved(-1.0)) / (2.0 * f64::from(step));
            // The losses carry about 1e-6 of rounding, which the step divides.
            let allowed = 0.01 * numeric.abs() + 2e-6 / f64::from(step) * 0.5;
            assert!((analytic - numeric).abs() <= allowed, "{what}: {}: {analytic} against {numeric}", parameter.name);
        }
    }
}

#[test]
fn gradients_of_every_architecture() {
    for (what, config) in architectures() {
        let step = Step::new(&config);
        step.check(what, &mut Transformer::new(config, 4).unwrap());
    }
}

#[test]
fn gradients_of_the_head_beside_the_language_model() {
    for (what, config) in architectures() {
        let config = Config { labels: 5, ..config };
        let mut step = Step::new(&config);
        step.head = Some((vec![6, 2, 0], vec![3, 0, 4], 0.5));
        step.check(what, &mut Transformer::new(config, 4).unwrap());
    }
}

#[test]
fn accumulated_gradients_are_the_sum() {
    let config = Config { labels: 2, tied: false, ..small() };
    let model = Transformer::new(config.clone(), 4).unwrap();
    let (mut first, mut second) = (Step::new(&config), Step::new(&config));
    second.tokens = tokens(8, &config, BATCH * SEQ_LEN);
    first.head = Some((vec![1, 2, 3], vec![0, 1, 0], 0.5));
    second.head = Some((vec![3, 2, 1], vec![1, 1, 0], 0.5));
    let gradients = |step: &Step| {
        let mut grads = Gradients::new(model.layout()).unwrap();
        step.gradients(&model, &mut grads);
        grads.flat.as_slice().to_vec()
    };
    let (a, b) = (gradients(&first), gradients(&second));
    let mut both = Gradients::new(model.layout()).unwrap();
    first.gradients(&model, &mut both);
    both.accumulate = true;
    second.gradients(&model, &mut both);
    for (i, (sum, (a, b))) in both.flat.as_slice().iter().zip(a.iter().zip(&b)).enumerate() {
        assert!(relative_eq!(*sum, a + b, epsilon = 1e-5, max_relative = 1e-5), "element {i}: {sum} against {a} + {b}");
    }
}

#[test]
fn a_sequence_sees_no_later_token_and_no_other_sequence() {
    for (what, config) in architectures() {
        let model = Transformer::new(config.clone(), 4).unwrap();
        let hidden = |tokens: &[u32]| {
            let mut work = Workspace::for_inference(&config, BATCH, SEQ_LEN).unwrap();
            model.forward(Mode::Inference, tokens, &mut work).unwrap();
            model.hidden(&work).as_slice().to_vec()
        };
        let mut changed = tokens(1, &config, BATCH * SEQ_LEN);
        let before = hidden(&changed);
        let at = SEQ_LEN + 4;
        changed[at] = (changed[at] + 1) % config.vocab_size as u32;
        let after = hidden(&changed);
        for row in 0..BATCH * SEQ_LEN {
            let range = row * config.width..(row + 1) * config.width;
            let may_change = (at..2 * SEQ_LEN).contains(&row);
            let changed = before[range.clone()] != after[range];
            assert!(changed <= may_change, "{what}: row {row}");
            assert!(changed || row != at, "{what}: row {row} does not see its own token");
        }
    }
}

#[test]
fn decoding_with_a_cache_equals_one_pass() {
    for (what, config) in architectures() {
        let model = Transformer::new(config.clone(), 4).unwrap();
        let all = tokens(1, &config, 2 * SEQ_LEN);
        let mut work = Workspace::for_inference(&config, 2, SEQ_LEN).unwrap();
        model.forward(Mode::Inference, &all, &mut work).unwrap();
        let expected = model.last_logits(&mut work).unwrap().as_slice().to_vec();

        let mut cache = KvCache::new(&config, 2).unwrap();
        let mut got = Vec::new();
        for piece in [0..3, 3..4, 4..SEQ_LEN] {
            let tokens: Vec<u32> = (0..2).flat_map(|b| all[b * SEQ_LEN..][piece.clone()].to_vec()).collect();
            let mut work = Workspace::for_inference(&config, 2, piece.len()).unwrap();
            model.decode(&tokens, &mut work, &mut cache).unwrap();
            got = model.last_logits(&mut work).unwrap().as_slice().to_vec();
        }
        for (got, expected) in got.iter().zip(&expected) {
            assert!(
                relative_eq!(got, expected, epsilon = 1e-4, max_relative = 1e-4),
                "{what}: {got} against {expected}"
            );
        }
    }
}

#[test]
fn logits_in_pieces_give_the_same_loss() {
    // A vocabulary so large that the workspace takes the rows in pieces.
    let config = Config::gpt2(1 << 20, 24, 1, 4, 1);
    let model = Transformer::new(config.clone(), 4).unwrap();
    let (inputs, targets) = (tokens(1, &config, 24), tokens(2, &config, 24));
    let mut whole = Loss::default();
    for i in 0..24 {
        let mut only = vec![CrossEntropy::default().ignore_index; 24];
        only[i] = targets[i];
        let mut work = Workspace::for_inference(&config, 1, 24).unwrap();
        model.forward(Mode::Inference, &inputs, &mut work).unwrap();
        whole.add(model.language_model_loss(&CrossEntropy::default(), &only, &mut work).unwrap());
    }
    let mut work = Workspace::for_inference(&config, 1, 24).unwrap();
    model.forward(Mode::Inference, &inputs, &mut work).unwrap();
    let once = model.language_model_loss(&CrossEntropy::default(), &targets, &mut work).unwrap();
    assert_eq!(once.tokens, 24);
    assert_abs_diff_eq!(once.sum, whole.sum, epsilon = 1e-4);
}

#[test]
fn the_papers_sizes() {
    let parameters = |name: &str| {
        let config = Config::preset(name).unwrap();
        config.check().unwrap();
        model::parameters::Layout::new(&config).len()
    };
    // Hugging Face's count of each model's parameters.
    assert_eq!(parameters("gpt2"), 124_439_808);
    assert_eq!(parameters("gpt2-medium"), 354_823_168);
    assert_eq!(parameters("gpt2-large"), 774_030_080);
    assert_eq!(parameters("gpt2-xl"), 1_557_611_200);
    assert_eq!(parameters("gpt1"), 116_534_784);
    let error = Config::preset("gpt5").unwrap_err().to_string();
    assert!(error.contains("gpt2-medium") && error.contains("gpt5"), "{error}");
}

#[test]
fn a_saved_model_opens_with_the_same_parameters() {
    for (what, config) in architectures() {
        let dir = tempfile::tempdir().unwrap();
        let model = Transformer::new(config, 4).unwrap();
        model::save(&model, Some(3), dir.path()).unwrap();
        let again = model::load(dir.path()).unwrap();
        assert_eq!(model.config(), again.config(), "{what}");
        assert_eq!(model.parameters().as_slice(), again.parameters().as_slice(), "{what}");
    }
}

#[test]
fn bad_files_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let error = |dir: &std::path::Path| model::load(dir).unwrap_err().to_string();
    assert!(error(dir.path()).contains("config.json"));

    let model = Transformer::new(small(), 4).unwrap();
    model::save(&model, None, dir.path()).unwrap();
    let weights = dir.path().join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    for (what, bytes) in [
        ("truncated", whole[..whole.len() - 1].to_vec()),
        ("cut in the header", whole[..20].to_vec()),
        ("empty", Vec::new()),
        ("a header longer than the file", [u64::MAX.to_le_bytes().as_slice(), &whole[8..]].concat()),
        (
            "a lying header",
            String::from_utf8_lossy(&whole).replacen("\"data_offsets\":[0,", "\"data_offsets\":[4,", 1).into_bytes(),
        ),
    ] {
        std::fs::write(&weights, bytes).unwrap();
        let error = error(dir.path());
        assert!(error.contains("model.safetensors"), "{what}: {error}");
    }

    let other = Transformer::new(Config { width: 32, ..small() }, 4).unwrap();
    let second = tempfile::tempdir().unwrap();
    model::save(&other, None, second.path()).unwrap();
    std::fs::copy(second.path().join("model.safetensors"), &weights).unwrap();
    let shape = error(dir.path());
    assert!(shape.contains("wte.weight") && shape.contains("[29, 16]") && shape.contains("[29, 32]"), "{shape}");

    std::fs::write(dir.path().join("config.json"), "{\"model_type\": \"bert\"}").unwrap();
    assert!(error(dir.path()).contains("bert"));
}
