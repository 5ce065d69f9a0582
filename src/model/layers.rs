//! The layers' passes: linear, normalization, self-attention, feed-forward.
//!
//! `Pass` holds what is common to all layers in one pass. Activations that `backward` needs are written into the tensors
//! of [`Workspace`](super::Workspace); gradients of parameters go into [`Gradients`].

use crate::error::Result;
use crate::model::cache::LayerCache;
use crate::model::config::{Config, Positions};
use crate::model::parameters::{BlockSlots, Gradients, Linear, Norm};
use crate::model::workspace::{AttentionActivations, FeedForwardActivations, NormActivations, Scratch};
use crate::ops::{
    self, Activation, AttentionOptions, Dropout, Epilogue, Gemm, Mask, NormGrads, NormParams, NormStats, NormStatsMut,
};
use crate::tensor::{Tensor, View, ViewMut};

/// What every layer of one pass needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub config: &'a Config,
    pub params: &'a Tensor,
    pub batch: usize,
    pub seq_len: usize,
    /// The position of the first token: 0 but for decoding.
    pub first_position: usize,
    /// Seed and first site of this pass' dropout masks; none when not training.
    pub dropout: Option<(u64, u64)>,
}

/// What a layer's backward pass is given: the gradient of its output, and what is added to that of its input because
/// another path leads there.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'a> {
    pub dy: View<'a>,
    pub add: Option<View<'a>>,
}

impl<'a> Upstream<'a> {
    /// Nothing is added.
    pub fn of(dy: View<'a>) -> Self {
        Upstream { dy, add: None }
    }

    /// `add` is added.
    pub fn with(self, add: View<'a>) -> Self {
        Upstream { add: Some(add), ..self }
    }

    /// The epilogue of the product that computes the input's gradient.
    fn epilogue(self) -> Epilogue<'a> {
        self.add.map_or(Epilogue::None, |residual| Epilogue::Residual { bias: None, residual })
    }
}

/// Where a block drops: the site's last part.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Embedding,
    Attention { layer: usize },
    AttentionBranch { layer: usize },
    FeedForwardBranch { layer: usize },
    Head,
}

impl Pass<'_> {
    /// The mask of one place; `p` is 0 when not training.
    pub fn dropout(&self, place: Place) -> Dropout {
        let Some((seed, first_site)) = self.dropout else { return Dropout::default() };
        let place = match place {
            Place::Embedding => 0,
            Place::Head => 1,
            Place::Attention { layer } => 2 + 3 * layer,
            Place::AttentionBranch { layer } => 3 + 3 * layer,
            Place::FeedForwardBranch { layer } => 4 + 3 * layer,
        };
        Dropout { p: self.config.dropout, seed, site: first_site + place as u64 }
    }

    /// y = residual + dropout(x W + b), through `branch` where there is dropout.
    fn residual_linear(
        &self,
        linear: &Linear,
        place: Place,
        x: View,
        residual: View,
        branch: &mut Tensor,
        y: ViewMut,
    ) -> Result<()> {
        let dropout = self.dropout(place);
        let bias = linear.bias.map(|bias| bias.view(self.params));
        let weight = linear.weight.view(self.params);
        if dropout.p == 0.0 {
            let epilogue = Epilogue::Residual { bias, residual };
            return ops::gemm(x, weight, y, Gemm { epilogue, ..Gemm::default() });
        }
        linear.forward(self.params, x, branch.view_mut())?;
        ops::dropout_add(branch.view(), dropout, residual, y)
    }
}

/// dx of a branch's last linear layer, undropped: `dy` itself, or its dropped copy in `scratch`.
fn undrop<'a>(dropout: Dropout, dy: View<'a>, scratch: &'a mut Tensor) -> Result<View<'a>> {
    if dropout.p == 0.0 {
        return Ok(dy);
    }
    ops::dropout(dy, dropout, scratch.view_mut())?;
    Ok(scratch.view())
}

impl Linear {
    /// y = x W + b for x [M, in], y [M, out].
    pub fn forward(&self, params: &Tensor, x: View, y: ViewMut) -> Result<()> {
        let epilogue = self.bias.map_or(Epilogue::None, |bias| Epilogue::Bias(bias.view(params)));
        ops::gemm(x, self.weight.view(params), y, Gemm { epilogue, ..Gemm::default() })
    }

    /// The gradients of W and b: dW = xᵀ dy, db = Σ dy.
    pub fn backward_parameters(&self, grads: &mut Gradients, x: View, dy: View) -> Result<()> {
        let beta = grads.beta();
        ops::gemm(x.t(), dy, self.weight.view_mut(&mut grads.flat), Gemm { beta, ..Gemm::default() })?;
        match self.bias {
            Some(bias) => ops::bias_backward(dy, beta, bias.view_mut(&mut grads.flat)),
            None => Ok(()),
        }
    }

    /// dx = dy Wᵀ, with `epilogue`.
    pub fn backward_input(&self, params: &Tensor, dy: View, dx: ViewMut, epilogue: Epilogue) -> Result<()> {
        ops::gemm(dy, self.weight.view(params).t(), dx, Gemm { epilogue, ..Gemm::default() })
    }
}

impl Norm {
    fn params<'a>(&self, config: &Config, params: &'a Tensor) -> NormParams<'a> {
        NormParams {
            kind: config.norm,
            eps: config.norm_eps,
            gamma: self.gamma.view(params),
            beta: self.beta.map(|beta| beta.view(params)),
        }
    }

    /// y = norm(x), keeping the statistics.
    pub fn forward(&self, pass: &Pass, x: View, saved: &mut NormActivations, y: ViewMut) -> Result<()> {
        let stats = NormStatsMut { mean: saved.mean.view_mut(), rstd: saved.rstd.view_mut() };
        ops::norm(&self.params(pass.config, pass.params), x, None, y, stats)
    }

    /// dx = the gradient through the norm, plus what is to be added.
    pub fn backward(
        &self,
        pass: &Pass,
        grads: &mut Gradients,
        x: View,
        saved: &NormActivations,
        upstream: Upstream,
        dx: ViewMut,
    ) -> Result<()> {
        let beta_acc = grads.beta();
        let stats = NormStats { mean: saved.mean.view(), rstd: saved.rstd.view() };
        let (dgamma, dbeta) = grads.pair(self.gamma, self.beta);
        let Upstream { dy, add } = upstream;
        let grads = NormGrads { dx, branch: None, dgamma, dbeta, beta_acc };
        ops::norm_backward(&self.params(pass.config, pass.params), x, stats, dy, add.into(), grads)
    }
}

/// One block's parameters, in one pass.
pub(crate) struct Layer<'a> {
    pub pass: Pass<'a>,
    pub index: usize,
    pub slots: &'a BlockSlots,
}

impl Layer<'_> {
    fn rotary(&self) -> Option<ops::Rotary<'static>> {
        let config = self.pass.config;
        (config.positions == Positions::Rotary).then_some(ops::Rotary {
            theta: config.rope_theta,
            layout: ops::RotaryLayout::Half,
            first_position: self.pass.first_position,
            ..ops::Rotary::default()
        })
    }

    fn attention_options(&self) -> AttentionOptions<'static> {
        let window = self.pass.config.window.map(|window| ops::Window { left: window - 1, right: 0 });
        AttentionOptions {
            mask: Mask { causal: true, window, key_lengths: None },
            dropout: self.pass.dropout(Place::Attention { layer: self.index }),
            ..AttentionOptions::default()
        }
    }

    /// y = residual + dropout(attention(x)). With a cache, its keys and values come first and x's are appended to it.
    pub fn attention(
        &self,
        x: View,
        residual: View,
        acts: &mut AttentionActivations,
        branch: &mut Tensor,
        cache: Option<&mut LayerCache>,
        y: ViewMut,
    ) -> Result<()> {
        let Pass { config, params, batch, seq_len, .. } = self.pass;
        let (heads, kv_heads, head_dim) = (config.heads, config.kv_heads, config.head_dim());
        self.slots.qkv.forward(params, x, acts.qkv.view_mut())?;

        let packed = [batch, seq_len, heads + 2 * kv_heads, head_dim];
        if let Some(rotary) = self.rotary() {
            ops::rotary(&rotary, acts.qkv.view_mut().reshape(packed)?.narrow(2, 0, heads + kv_heads))?;
        }
        let qkv = acts.qkv.view().reshape(packed)?;
        let (q, k, v) =
            (qkv.narrow(2, 0, heads), qkv.narrow(2, heads, kv_heads), qkv.narrow(2, heads + kv_heads, kv_heads));
        let (k, v) = match cache {
            Some(cache) => cache.append(k, v, self.pass.first_position),
            None => (k, v),
        };
        let o = acts.attended.view_mut().reshape([batch, seq_len, heads, head_dim])?;
        ops::attention(q, k, v, &self.attention_options(), o, acts.lse.view_mut())?;

        let place = Place::AttentionBranch { layer: self.index };
        self.pass.residual_linear(&self.slots.projection, place, acts.attended.view(), residual, branch, y)
    }

    /// dx of [`Layer::attention`] without the residual's, plus what is to be added.
    pub fn attention_backward(
        &self,
        grads: &mut Gradients,
        x: View,
        acts: &AttentionActivations,
        upstream: Upstream,
        scratch: &mut Scratch,
        dx: ViewMut,
    ) -> Result<()> {
        let Pass { config, params, batch, seq_len, .. } = self.pass;
        let (heads, kv_heads, head_dim) = (config.heads, config.kv_heads, config.head_dim());
        let dropout = self.pass.dropout(Place::AttentionBranch { layer: self.index });
        let dy = undrop(dropout, upstream.dy, &mut scratch.branch)?;

        let projection = &self.slots.projection;
        projection.backward_parameters(grads, acts.attended.view(), dy)?;
        projection.backward_input(params, dy, scratch.attended.view_mut(), Epilogue::None)?;

        let (packed, unpacked) = ([batch, seq_len, heads + 2 * kv_heads, head_dim], [batch, seq_len, heads, head_dim]);
        let qkv = acts.qkv.view().reshape(packed)?;
        let (dq, rest) = scratch.qkv.view_mut().reshape(packed)?.split_at(2, heads);
        let (dk, dv) = rest.split_at(2, kv_heads);
        ops::attention_backward(
            qkv.narrow(2, 0, heads),
            qkv.narrow(2, heads, kv_heads),
            qkv.narrow(2, heads + kv_heads, kv_heads),
            acts.attended.view().reshape(unpacked)?,
            acts.lse.view(),
            scratch.attended.view().reshape(unpacked)?,
            &self.attention_options(),
            dq,
            dk,
            dv,
        )?;
        if let Some(rotary) = self.rotary() {
            ops::rotary_backward(&rotary, scratch.qkv.view_mut().reshape(packed)?.narrow(2, 0, heads + kv_heads))?;
        }
        self.slots.qkv.backward_parameters(grads, x, scratch.qkv.view())?;
        self.slots.qkv.backward_input(params, scratch.qkv.view(), dx, upstream.epilogue())
    }

    /// y = residual + dropout(feed_forward(x)).
    pub fn feed_forward(
        &self,
        x: View,
        residual: View,
        acts: &mut FeedForwardActivations,
        branch: &mut Tensor,
        y: ViewMut,
    ) -> Result<()> {
        let params = self.pass.params;
        match self.pass.config.feed_forward.activation() {
            Some(kind) => {
                let bias = self.slots.up.bias.map(|bias| bias.view(params));
                let epilogue = Epilogue::Activation { bias, kind, pre: Some(acts.up.view_mut()) };
                let weight = self.slots.up.weight.view(params);
                ops::gemm(x, weight, acts.activated.view_mut(), Gemm { epilogue, ..Gemm::default() })?;
            }
            None => {
                self.slots.up.forward(params, x, acts.up.view_mut())?;
                ops::glu(Activation::Silu, acts.up.view(), acts.activated.view_mut())?;
            }
        }
        let place = Place::FeedForwardBranch { layer: self.index };
        self.pass.residual_linear(&self.slots.down, place, acts.activated.view(), residual, branch, y)
    }

    /// dx of [`Layer::feed_forward`] without the residual's, plus what is to be added.
    pub fn feed_forward_backward(
        &self,
        grads: &mut Gradients,
        x: View,
        acts: &FeedForwardActivations,
        upstream: Upstream,
        scratch: &mut Scratch,
        dx: ViewMut,
    ) -> Result<()> {
        let params = self.pass.params;
        let dropout = self.pass.dropout(Place::FeedForwardBranch { layer: self.index });
        let dy = undrop(dropout, upstream.dy, &mut scratch.branch)?;
        let (up, down) = (&self.slots.up, &self.slots.down);

        down.backward_parameters(grads, acts.activated.view(), dy)?;
        match self.pass.config.feed_forward.activation() {
            Some(kind) => {
                let epilogue = Epilogue::ActivationBackward { kind, pre: acts.up.view() };
                down.backward_input(params, dy, scratch.up.view_mut(), epilogue)?;
            }
            None => {
                down.backward_input(params, dy, scratch.activated.view_mut(), Epilogue::None)?;
                let (x, dy) = (acts.up.view(), scratch.activated.view());
                ops::glu_backward(Activation::Silu, x, dy, scratch.up.view_mut(), None)?;
            }
        }
        up.backward_parameters(grads, x, scratch.up.view())?;
        up.backward_input(params, scratch.up.view(), dx, upstream.epilogue())
    }
}
