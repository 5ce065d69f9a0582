//! All parameters in one flat tensor: where each lies, what it is called, how it starts.

use std::ops::Range;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::Result;
use crate::model::config::{Config, NormPosition, Positions};
use crate::ops::NormKind;
use crate::random::Rng;
use crate::tensor::{Shape, Tensor, View, ViewMut};

/// A parameter's place in the flat tensor.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    offset: usize,
    len: usize,
    shape: Shape,
}

impl Slot {
    /// Its elements in the flat tensor.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len
    }

    /// Its extents.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The parameter, to read.
    pub fn view<'a>(&self, flat: &'a Tensor) -> View<'a> {
        View::contiguous(&flat.as_slice()[self.range()], self.shape)
    }

    /// The parameter, to write.
    pub fn view_mut<'a>(&self, flat: &'a mut Tensor) -> ViewMut<'a> {
        ViewMut::contiguous(&mut flat.as_mut_slice()[self.range()], self.shape)
    }
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Init {
    Normal(f32),
    Constant(f32),
}

/// One parameter: its Hugging Face name and its place.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name, as in Hugging Face's GPT-2 without the prefix `transformer.`: `h.0.attn.c_attn.weight`.
    pub name: String,
    /// Its place in the flat tensor.
    pub slot: Slot,
    init: Init,
}

impl Parameter {
    /// Whether weight decay applies: to matrices, not to biases and norms.
    pub fn is_decayed(&self) -> bool {
        self.slot.shape.rank() >= 2
    }
}

/// A linear layer, y = x W + b with W of shape [in, out] as in Hugging Face's `Conv1D`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear {
    pub weight: Slot,
    pub bias: Option<Slot>,
}

/// A normalization's gain and offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Norm {
    pub gamma: Slot,
    pub beta: Option<Slot>,
}

/// The parameters of one block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSlots {
    pub norm1: Norm,
    pub qkv: Linear,
    pub projection: Linear,
    pub norm2: Norm,
    pub up: Linear,
    pub down: Linear,
}

/// Where everything lies.
#[derive(Debug, Clone)]
pub struct Layout {
    parameters: Vec<Parameter>,
    len: usize,
    pub(crate) tokens: Slot,
    pub(crate) positions: Option<Slot>,
    pub(crate) blocks: Vec<BlockSlots>,
    pub(crate) final_norm: Option<Norm>,
    /// The output projection `[V, C]` when it is not the token embedding.
    pub(crate) output: Option<Slot>,
    /// The classification head [labels, C].
    pub(crate) score: Option<Slot>,
}

impl Layout {
    /// The layout of a model.
    pub fn new(config: &Config) -> Self {
        let mut list = Builder { parameters: Vec::new(), len: 0, bias: config.bias, rms: config.norm == NormKind::Rms };
        let (c, std) = (config.width, config.init_std);
        let residual_std = std / (2.0 * config.layers as f32).sqrt();

        let tokens = list.add("wte.weight", [config.vocab_size, c], Init::Normal(std));
        let learned = config.positions == Positions::Learned;
        // As Hugging Face; openai/gpt-2's `model.py` draws positions with half the deviation.
        let positions = learned.then(|| list.add("wpe.weight", [config.context, c], Init::Normal(std)));
        let blocks = (0..config.layers)
            .map(|i| BlockSlots {
                norm1: list.norm(&format!("h.{i}.ln_1"), c),
                qkv: list.linear(&format!("h.{i}.attn.c_attn"), c, config.qkv_width(), std),
                projection: list.linear(&format!("h.{i}.attn.c_proj"), c, c, residual_std),
                norm2: list.norm(&format!("h.{i}.ln_2"), c),
                up: list.linear(&format!("h.{i}.mlp.c_fc"), c, config.up_width(), std),
                down: list.linear(&format!("h.{i}.mlp.c_proj"), config.ffn_width, c, residual_std),
            })
            .collect();
        let final_norm = (config.norm_position == NormPosition::Pre).then(|| list.norm("ln_f", c));
        let output = (!config.tied).then(|| list.add("lm_head.weight", [config.vocab_size, c], Init::Normal(std)));
        let score = (config.labels > 0).then(|| list.add("score.weight", [config.labels, c], Init::Normal(std)));
        Layout { parameters: list.parameters, len: list.len, tokens, positions, blocks, final_norm, output, score }
    }

    /// All parameters, in the order in which they lie.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The number of elements of all parameters.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The ranges that weight decay applies to, in order.
    pub fn decayed(&self) -> Vec<Range<usize>> {
        self.parameters.iter().filter(|p| p.is_decayed()).map(|p| p.slot.range()).collect()
    }

    /// Draws the initial parameters. Each has its own stream of random numbers, so that adding a head, say, changes no
    /// other one.
    pub fn initialize(&self, seed: u64) -> Result<Tensor> {
        let mut flat = Tensor::zeros([self.len])?;
        let mut rest = flat.as_mut_slice();
        let mut pieces = Vec::with_capacity(self.parameters.len());
        for (i, parameter) in self.parameters.iter().enumerate() {
            let (elements, after) = rest.split_at_mut(parameter.slot.len);
            pieces.push((i, parameter.init, elements));
            rest = after;
        }
        pieces.into_par_iter().for_each(|(i, init, elements)| match init {
            Init::Constant(value) => elements.fill(value),
            Init::Normal(std) => {
                let mut rng = Rng::new(seed, i as u64);
                elements.iter_mut().for_each(|x| *x = std * rng.normal());
            }
        });
        Ok(flat)
    }
}

struct Builder {
    parameters: Vec<Parameter>,
    len: usize,
    bias: bool,
    rms: bool,
}

impl Builder {
    fn add(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> Slot {
        let shape = shape.into();
        let slot = Slot { offset: self.len, len: shape.dims().iter().product(), shape };
        self.len += slot.len;
        self.parameters.push(Parameter { name: name.to_string(), slot, init });
        slot
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, std: f32) -> Linear {
        let weight = self.add(&format!("{name}.weight"), [inputs, outputs], Init::Normal(std));
        let bias = self.bias.then(|| self.add(&format!("{name}.bias"), [outputs], Init::Constant(0.0)));
        Linear { weight, bias }
    }

    fn norm(&mut self, name: &str, width: usize) -> Norm {
        let gamma = self.add(&format!("{name}.weight"), [width], Init::Constant(1.0));
        let offset = self.bias && !self.rms;
        let beta = offset.then(|| self.add(&format!("{name}.bias"), [width], Init::Constant(0.0)));
        Norm { gamma, beta }
    }
}

/// The gradient of every parameter, in the parameters' layout.
#[derive(Debug)]
pub struct Gradients {
    /// The flat gradient.
    pub flat: Tensor,
    /// Whether the next backward pass adds to what is there instead of overwriting it.
    pub accumulate: bool,
}

impl Gradients {
    /// Gradients for a model with `layout`.
    pub fn new(layout: &Layout) -> Result<Self> {
        Ok(Gradients { flat: Tensor::zeros([layout.len()])?, accumulate: false })
    }

    /// What multiplies the old gradient when a new one is added.
    pub(crate) fn beta(&self) -> f32 {
        if self.accumulate { 1.0 } else { 0.0 }
    }

    /// One parameter's gradient and that of another that may be absent, both to write.
    pub(crate) fn pair(&mut self, first: Slot, second: Option<Slot>) -> (ViewMut<'_>, Option<ViewMut<'_>>) {
        let Some(second) = second else { return (first.view_mut(&mut self.flat), None) };
        debug_assert!(first.range().end <= second.range().start);
        let (head, tail) = self.flat.as_mut_slice().split_at_mut(second.offset);
        let first = ViewMut::contiguous(&mut head[first.range()], first.shape);
        (first, Some(ViewMut::contiguous(&mut tail[..second.len], second.shape)))
    }

    /// Makes ready to be added into where a backward pass writes only some rows: zero unless accumulating.
    pub(crate) fn clear_unless_accumulating(&mut self, slot: Slot) {
        if !self.accumulate {
            self.flat.as_mut_slice()[slot.range()].fill(0.0);
        }
    }
}
