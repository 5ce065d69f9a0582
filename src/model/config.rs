use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ops::{Activation, NormKind};

/// Everything that determines a model's shape and arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The number of different tokens.
    pub vocab_size: usize,
    /// The longest sequence, in tokens.
    pub context: usize,
    /// The number of blocks.
    pub layers: usize,
    /// The width of the residual stream, d_model.
    pub width: usize,
    /// The number of query heads; each is `width / heads` wide.
    pub heads: usize,
    /// The number of key and value heads: `heads` for multi-head attention, 1 for multi-query attention (Shazeer 2019),
    /// between the two for grouped-query attention (Ainslie et al. 2023).
    pub kv_heads: usize,
    /// The width inside the feed-forward layer, d_ff.
    pub ffn_width: usize,
    /// The feed-forward layer's non-linearity.
    pub feed_forward: FeedForwardKind,
    /// The kind of normalization.
    pub norm: NormKind,
    /// What the normalization adds to the variance.
    pub norm_eps: f32,
    /// Where the normalization stands.
    pub norm_position: NormPosition,
    /// How positions enter.
    pub positions: Positions,
    /// The base of the rotary angles.
    pub rope_theta: f32,
    /// Whether linear layers and layer norms have biases.
    pub bias: bool,
    /// How many tokens back a query sees, its own position included; all of them when absent.
    pub window: Option<usize>,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
    /// The probability of dropout on embeddings, attention probabilities and residual branches.
    pub dropout: f32,
    /// The number of outputs of the classification head; 0 without one.
    pub labels: usize,
    /// The standard deviation of the initial weights. Projections into the residual stream get this over √(2 layers), as
    /// in GPT-2.
    pub init_std: f32,
}

/// The feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedForwardKind {
    /// GELU by its tanh approximation, as GPT-1 and GPT-2 have it.
    GeluTanh,
    /// GELU.
    Gelu,
    /// ReLU, as in 2017.
    Relu,
    /// SiLU.
    Silu,
    /// silu(x W_gate) ⊙ (x W_up), projected down (Shazeer 2020).
    Swiglu,
}

impl FeedForwardKind {
    /// The element-wise function; none for the gated kind.
    pub fn activation(self) -> Option<Activation> {
        match self {
            FeedForwardKind::GeluTanh => Some(Activation::GeluTanh),
            FeedForwardKind::Gelu => Some(Activation::Gelu),
            FeedForwardKind::Relu => Some(Activation::Relu),
            FeedForwardKind::Silu => Some(Activation::Silu),
            FeedForwardKind::Swiglu => None,
        }
    }
}

/// Where the normalization stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// x + f(norm(x)), and one norm after the last block, as in GPT-2.
    Pre,
    /// norm(x + f(x)), as in 2017 and GPT-1.
    Post,
}

/// How positions enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// A learned vector per position, added to the token's.
    Learned,
    /// Sines and cosines, added to the token's embedding times √width (Vaswani et al. 2017, section 3.5).
    Sinusoidal,
    /// Queries and keys are rotated by angles proportional to their position (Su et al. 2021).
    Rotary,
}

/// The named sizes: (name, vocabulary, context, layers, width, heads).
///
/// GPT-2: Radford et al. 2019, table 2. GPT-3: Brown et al. 2020, table 2.1; its alternating sparse layers are dense here,
/// and where its heads do not divide the width, `gpt3-xl` has 16 of them and `gpt3-13b` is 5,120 wide. `char` and `small` are for a CPU.
const PRESETS: &[(&str, usize, usize, usize, usize, usize)] = &[
    ("char", 65, 64, 4, 128, 4),
    ("small", 4096, 256, 6, 384, 6),
    ("gpt1", 40_478, 512, 12, 768, 12),
    ("gpt2", 50_257, 1024, 12, 768, 12),
    ("gpt2-medium", 50_257, 1024, 24, 1024, 16),
    ("gpt2-large", 50_257, 1024, 36, 1280, 20),
    ("gpt2-xl", 50_257, 1024, 48, 1600, 25),
    ("gpt3-small", 50_257, 2048, 12, 768, 12),
    ("gpt3-medium", 50_257, 2048, 24, 1024, 16),
    ("gpt3-large", 50_257, 2048, 24, 1536, 16),
    ("gpt3-xl", 50_257, 2048, 24, 2048, 16),
    ("gpt3-2.7b", 50_257, 2048, 32, 2560, 32),
    ("gpt3-6.7b", 50_257, 2048, 32, 4096, 32),
    ("gpt3-13b", 50_257, 2048, 40, 5120, 40),
    ("gpt3-175b", 50_257, 2048, 96, 12_288, 96),
];

impl Config {
    /// A GPT-2 of the given size: pre-norm, layer norm, learned positions, tanh GELU, tied embeddings, no dropout.
    pub fn gpt2(vocab_size: usize, context: usize, layers: usize, width: usize, heads: usize) -> Self {
        Config {
            vocab_size,
            context,
            layers,
            width,
            heads,
            kv_heads: heads,
            ffn_width: width.saturating_mul(4),
            feed_forward: FeedForwardKind::GeluTanh,
            norm: NormKind::Layer,
            norm_eps: 1e-5,
            norm_position: NormPosition::Pre,
            positions: Positions::Learned,
            rope_theta: 10_000.0,
            bias: true,
            window: None,
            tied: true,
            dropout: 0.0,
            labels: 0,
            init_std: 0.02,
        }
    }

    /// The config with a paper's name, or one of the small ones for a CPU: see [`Config::preset_names`].
    pub fn preset(name: &str) -> Result<Self> {
        let Some(&(_, vocab_size, context, layers, width, heads)) = PRESETS.iter().find(|preset| preset.0 == name)
        else {
            let names: Vec<&str> = Self::preset_names().collect();
            return Err(Error::setting("model.preset", format!("one of {}", names.join(", ")), name));
        };
        let mut config = Config::gpt2(vocab_size, context, layers, width, heads);
        if name == "gpt1" {
            config.norm_position = NormPosition::Post;
            config.dropout = 0.1;
        }
        Ok(config)
    }

    /// The names that [`Config::preset`] knows.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|preset| preset.0)
    }

    /// The width of one head.
    pub fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    /// The width of packed queries, keys and values.
    pub(crate) fn qkv_width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim()
    }

    /// The width that the feed-forward layer projects up to: twice `ffn_width` when gated.
    pub(crate) fn up_width(&self) -> usize {
        match self.feed_forward {
            FeedForwardKind::Swiglu => 2 * self.ffn_width,
            _ => self.ffn_width,
        }
    }

    /// Refuses what no model can be built from.
    pub fn check(&self) -> Result<()> {
        // Far above any model, and so small that no size overflows, even where a file lies.
        let sizes = [
            ("vocab_size", self.vocab_size, u32::MAX as usize - 1),
            ("context", self.context, 1 << 24),
            ("layers", self.layers, 1 << 16),
            ("width", self.width, 1 << 20),
            ("heads", self.heads, 1 << 20),
            ("kv_heads", self.kv_heads, 1 << 20),
            ("ffn_width", self.ffn_width, 1 << 22),
            ("window", self.window.unwrap_or(1), usize::MAX),
            ("labels", self.labels.max(1), 1 << 20),
        ];
        for (key, value, most) in sizes {
            ensure((1..=most).contains(&value), key, &format!("from 1 to {most}"), value)?;
        }
        ensure(
            self.width.is_multiple_of(self.heads),
            "width",
            &format!("a multiple of heads, {}", self.heads),
            self.width,
        )?;
        let heads = format!("a divisor of heads, {}", self.heads);
        ensure(self.heads.is_multiple_of(self.kv_heads), "kv_heads", &heads, self.kv_heads)?;
        if self.positions == Positions::Rotary {
            ensure(
                self.head_dim().is_multiple_of(2),
                "width",
                "an even head dimension for rotary positions",
                self.head_dim(),
            )?;
            ensure(self.rope_theta.is_finite() && self.rope_theta > 0.0, "rope_theta", "above 0", self.rope_theta)?;
        }
        ensure((0.0..1.0).contains(&self.dropout), "dropout", "from 0 to below 1", self.dropout)?;
        ensure(self.norm_eps.is_finite() && self.norm_eps > 0.0, "norm_eps", "above 0", self.norm_eps)?;
        ensure(self.init_std.is_finite() && self.init_std > 0.0, "init_std", "above 0", self.init_std)
    }
}

fn ensure(holds: bool, key: &str, expected: &str, got: impl std::fmt::Display) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::setting(format_args!("model.{key}"), expected, got)) }
}
