//! The whole model: embedding, blocks, last norm, and the way back.

use crate::error::{Error, Result};
use crate::model::cache::KvCache;
use crate::model::config::{Config, Positions};
use crate::model::layers::{Layer, Pass, Place, Upstream};
use crate::model::parameters::{Gradients, Layout, Slot};
use crate::model::workspace::{Backward, Workspace};
use crate::ops::{self, Embedding, EmbeddingGrads, EmbeddingTables, Gemm};
use crate::tensor::{Tensor, View, ViewMut};

/// Whether a pass drops, and with which masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No dropout.
    Inference,
    /// Dropout with the config's probability.
    Training {
        /// The seed of the run.
        seed: u64,
        /// The number of this forward pass within the run, so that each has its own masks.
        pass: u64,
    },
}

/// A Transformer's config and parameters.
///
/// One step of plain gradient descent on next-token prediction:
///
/// ```
/// use warpweave::model::{Backward, Config, Gradients, Mode, Transformer, Workspace};
/// use warpweave::ops::CrossEntropy;
///
/// let config = Config::gpt2(50, 16, 2, 32, 4); // vocabulary, context, layers, width, heads
/// let mut model = Transformer::new(config.clone(), 1)?;
/// let (batch, seq_len) = (2, 8);
/// let mut work = Workspace::for_training(&config, batch, seq_len)?;
/// let mut back = Backward::new(&config, batch, seq_len)?;
/// let mut grads = Gradients::new(model.layout())?;
///
/// let tokens: Vec<u32> = (0..16).collect();
/// let targets: Vec<u32> = (1..17).collect();
/// let mut losses = Vec::new();
/// for pass in 0..2 {
///     model.forward(Mode::Training { seed: 1, pass }, &tokens, &mut work)?;
///     let ce = CrossEntropy::default();
///     let loss = model.language_model_loss_backward(&ce, 1.0, &targets, &mut work, &mut grads, &mut back)?;
///     model.backward(&work, &mut back, &mut grads)?;
///     for (x, g) in model.parameters_mut().as_mut_slice().iter_mut().zip(grads.flat.as_slice()) {
///         *x -= 0.5 * g;
///     }
///     losses.push(loss.mean());
/// }
/// assert!(losses[1] < losses[0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Debug)]
pub struct Transformer {
    config: Config,
    layout: Layout,
    parameters: Tensor,
    /// The position table of a model that does not learn one.
    sinusoids: Option<Tensor>,
}

impl Transformer {
    /// A model with random parameters.
    pub fn new(config: Config, seed: u64) -> Result<Self> {
        config.check()?;
        let parameters = Layout::new(&config).initialize(seed)?;
        Self::from_parameters(config, parameters)
    }

    /// A model with the given parameters, in the layout of `config`.
    pub fn from_parameters(config: Config, parameters: Tensor) -> Result<Self> {
        config.check()?;
        let layout = Layout::new(&config);
        if parameters.len() != layout.len() {
            return Err(Error::argument("Transformer", "parameters", layout.len(), parameters.len()));
        }
        let sinusoids = match config.positions {
            Positions::Sinusoidal => {
                let mut table = Tensor::zeros([config.context, config.width])?;
                ops::sinusoidal_positions(table.view_mut())?;
                Some(table)
            }
            Positions::Learned | Positions::Rotary => None,
        };
        Ok(Transformer { config, layout, parameters, sinusoids })
    }

    /// The same language model with a fresh classification head of `labels` outputs, its own dropout, and a vocabulary
    /// that may have grown by tokens with random embeddings.
    pub fn with_head(&self, labels: usize, dropout: f32, vocab_size: usize, seed: u64) -> Result<Self> {
        if vocab_size < self.config.vocab_size {
            let expected = format!("at least the model's {}", self.config.vocab_size);
            return Err(Error::argument("with_head", "vocab_size", expected, vocab_size));
        }
        let mut model = Self::new(Config { labels, dropout, vocab_size, ..self.config.clone() }, seed)?;
        let old = self.layout.parameters().iter().filter(|parameter| parameter.name != "score.weight");
        for old in old {
            let new = model.layout.parameters().iter().find(|new| new.name == old.name);
            let new = new.expect("the two differ in the head and the number of tokens alone").slot;
            // New tokens are the last rows.
            let start = new.range().start;
            let elements = &self.parameters.as_slice()[old.slot.range()];
            model.parameters.as_mut_slice()[start..start + elements.len()].copy_from_slice(elements);
        }
        Ok(model)
    }

    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where each parameter lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All parameters, flat.
    pub fn parameters(&self) -> &Tensor {
        &self.parameters
    }

    /// All parameters, flat, to write.
    pub fn parameters_mut(&mut self) -> &mut Tensor {
        &mut self.parameters
    }

    /// The output projection `[V, C]`.
    pub(crate) fn output_slot(&self) -> Slot {
        self.layout.output.unwrap_or(self.layout.tokens)
    }

    /// How tokens and positions become the first hidden state.
    fn embedding(&self, pass: &Pass) -> Embedding<'static> {
        let scale = match self.config.positions {
            Positions::Sinusoidal => (self.config.width as f32).sqrt(),
            Positions::Learned | Positions::Rotary => 1.0,
        };
        let (first_position, dropout) = (pass.first_position, pass.dropout(Place::Embedding));
        Embedding { scale, first_position, position_ids: None, dropout }
    }

    pub(crate) fn pass(&self, mode: Mode, batch: usize, seq_len: usize, first_position: usize) -> Pass<'_> {
        let dropout = match mode {
            // 2²⁰ sites a pass: enough for 300,000 layers. The highest bit keeps them apart from the streams of `Rng`.
            Mode::Training { seed, pass } if self.config.dropout > 0.0 => Some((seed, 1 << 63 | pass << 20)),
            Mode::Training { .. } | Mode::Inference => None,
        };
        Pass { config: &self.config, params: &self.parameters, batch, seq_len, first_position, dropout }
    }

    /// Computes the hidden states of `tokens`, B sequences of T in row-major order, into `work`.
    pub fn forward(&self, mode: Mode, tokens: &[u32], work: &mut Workspace) -> Result<()> {
        if mode != Mode::Inference && work.blocks.len() != self.config.layers {
            return Err(Error::argument("forward", "work", "a workspace for training", "one for inference"));
        }
        self.run(mode, tokens, work, None)
    }

    /// Computes the hidden states of the next `tokens` of each sequence, whose keys and values join `cache`.
    pub fn decode(&self, tokens: &[u32], work: &mut Workspace, cache: &mut KvCache) -> Result<()> {
        cache.check_room(&self.config, work.batch, work.seq_len)?;
        self.run(Mode::Inference, tokens, work, Some(cache))?;
        cache.advance(work.seq_len);
        Ok(())
    }

    fn run(&self, mode: Mode, tokens: &[u32], work: &mut Workspace, mut cache: Option<&mut KvCache>) -> Result<()> {
        let (batch, seq_len) = (work.batch, work.seq_len);
        let first_position = cache.as_ref().map_or(0, |cache| cache.len());
        if tokens.len() != batch * seq_len {
            return Err(Error::argument("forward", "tokens", format!("{batch} × {seq_len}"), tokens.len()));
        }
        if first_position + seq_len > self.config.context {
            let expected = format!("at most {} positions, the model's context", self.config.context);
            return Err(Error::argument("forward", "tokens", expected, first_position + seq_len));
        }
        work.mode = mode;
        work.tokens.as_mut_slice().copy_from_slice(tokens);
        let pass = self.pass(mode, batch, seq_len, first_position);
        self.embed(&pass, work)?;
        let streams = work.stream.len();
        for (index, slots) in self.layout.blocks.iter().enumerate() {
            let (from, to) = (index % streams, (index + 1) % streams);
            let [x, y] = work.stream.get_disjoint_mut([from, to]).expect("a workspace has two streams or more");
            let acts = index % work.blocks.len();
            let cache = cache.as_deref_mut().map(|cache| &mut cache.layers[index]);
            let layer = Layer { pass, index, slots };
            layer.forward(x.view(), &mut work.blocks[acts], &mut work.branch, cache, y.view_mut())?;
        }
        if let Some(norm) = &self.layout.final_norm {
            let last = work.stream[self.config.layers % streams].view();
            norm.forward(&pass, last, &mut work.final_norm, work.normed.view_mut())?;
        }
        Ok(())
    }

    fn embed(&self, pass: &Pass, work: &mut Workspace) -> Result<()> {
        let shape = [pass.batch, pass.seq_len, self.config.width];
        let positions = match (&self.sinusoids, self.layout.positions) {
            (Some(table), _) => Some(table.view()),
            (None, Some(slot)) => Some(slot.view(&self.parameters)),
            (None, None) => None,
        };
        let tables = EmbeddingTables { tokens: self.layout.tokens.view(&self.parameters), positions };
        ops::embedding(&self.embedding(pass), tables, work.tokens.view(), work.stream[0].view_mut().reshape(shape)?)
    }

    /// The hidden states of the last pass `[B T, C]`.
    pub fn hidden<'a>(&self, work: &'a Workspace) -> View<'a> {
        work.hidden(&self.config).view()
    }

    /// The logits of every token in the last pass, into `out` `[B T, V]`.
    pub fn logits(&self, work: &Workspace, out: ViewMut) -> Result<()> {
        ops::gemm(self.hidden(work), self.output_slot().view(&self.parameters).t(), out, Gemm::default())
    }

    /// The logits of every sequence's last token in the last pass, `[B, V]`.
    pub fn last_logits<'a>(&self, work: &'a mut Workspace) -> Result<View<'a>> {
        let (batch, seq_len) = (work.batch, work.seq_len);
        let (hidden, logits, _) = work.hidden_and_logits(&self.config);
        let last = hidden.view().reshape([batch, seq_len, self.config.width])?.select(1, seq_len - 1);
        let weight = self.output_slot().view(&self.parameters).t();
        ops::gemm(last, weight, logits.view_mut().narrow(0, 0, batch), Gemm::default())?;
        Ok(logits.view().narrow(0, 0, batch))
    }

    /// The gradients of all parameters but the output projection and the head, from that of the hidden states, which the
    /// losses have left in `back`.
    pub fn backward(&self, work: &Workspace, back: &mut Backward, grads: &mut Gradients) -> Result<()> {
        self.check_backward("backward", work, grads, back)?;
        let pass = self.pass(work.mode, work.batch, work.seq_len, 0);
        let layers = self.config.layers;
        let Backward { d, other, through, scratch } = back;
        if let Some(norm) = &self.layout.final_norm {
            let last = work.stream[layers].view();
            norm.backward(&pass, grads, last, &work.final_norm, Upstream::of(d.view()), other.view_mut())?;
            std::mem::swap(d, other);
        }
        for (index, slots) in self.layout.blocks.iter().enumerate().rev() {
            let layer = Layer { pass, index, slots };
            let x = work.stream[index].view();
            layer.backward(grads, x, &work.blocks[index], scratch, d, [&mut *other, &mut *through])?;
        }
        self.embed_backward(&pass, work, d, grads)
    }

    /// What the three parts of a backward pass are given must belong to this model and to each other.
    pub(crate) fn check_backward(
        &self,
        op: &'static str,
        work: &Workspace,
        grads: &Gradients,
        back: &Backward,
    ) -> Result<()> {
        if work.blocks.len() != self.config.layers {
            return Err(Error::argument(op, "work", "a workspace for training", "one for inference"));
        }
        if back.d.shape() != work.stream[0].shape() {
            return Err(Error::argument(op, "back", work.stream[0].shape(), back.d.shape()));
        }
        if grads.flat.len() != self.layout.len() {
            return Err(Error::argument(op, "grads", self.layout.len(), grads.flat.len()));
        }
        Ok(())
    }

    fn embed_backward(&self, pass: &Pass, work: &Workspace, d: &Tensor, grads: &mut Gradients) -> Result<()> {
        let d = d.view().reshape([pass.batch, pass.seq_len, self.config.width])?;
        if self.layout.output.is_some() {
            // A tied embedding already holds the output projection's gradient.
            grads.clear_unless_accumulating(self.layout.tokens);
        }
        if let Some(positions) = self.layout.positions {
            grads.clear_unless_accumulating(positions);
        }
        let (tokens, positions) = grads.pair(self.layout.tokens, self.layout.positions);
        ops::embedding_backward(&self.embedding(pass), work.tokens.view(), d, EmbeddingGrads { tokens, positions })
    }
}
