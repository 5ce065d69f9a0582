//! One block: self-attention and feed-forward, each with a residual connection and a norm before or after.

use crate::error::Result;
use crate::model::cache::LayerCache;
use crate::model::config::NormPosition;
use crate::model::layers::{Layer, Upstream};
use crate::model::parameters::Gradients;
use crate::model::workspace::{BlockActivations, Scratch};
use crate::tensor::{Tensor, View, ViewMut};

impl Layer<'_> {
    /// The block's output y for its input x, both `[B T, C]`.
    ///
    /// Pre-norm: m = x + attention(norm₁(x)), y = m + ffn(norm₂(m)).
    /// Post-norm: m = x + attention(x), n = norm₁(m), s = n + ffn(n), y = norm₂(s).
    pub fn forward(
        &self,
        x: View,
        acts: &mut BlockActivations,
        branch: &mut Tensor,
        cache: Option<&mut LayerCache>,
        y: ViewMut,
    ) -> Result<()> {
        let BlockActivations { norm1, normed1, attention, middle, norm2, normed2, feed_forward, sum } = acts;
        let (first, second) = (&self.slots.norm1, &self.slots.norm2);
        match self.pass.config.norm_position {
            NormPosition::Pre => {
                first.forward(&self.pass, x, norm1, normed1.view_mut())?;
                self.attention(normed1.view(), x, attention, branch, cache, middle.view_mut())?;
                second.forward(&self.pass, middle.view(), norm2, normed2.view_mut())?;
                self.feed_forward(normed2.view(), middle.view(), feed_forward, branch, y)
            }
            NormPosition::Post => {
                self.attention(x, x, attention, branch, cache, middle.view_mut())?;
                first.forward(&self.pass, middle.view(), norm1, normed1.view_mut())?;
                self.feed_forward(normed1.view(), normed1.view(), feed_forward, branch, sum.view_mut())?;
                second.forward(&self.pass, sum.view(), norm2, y)
            }
        }
    }

    /// Turns the gradient of the output, in `d`, into that of the input. `other` and `through` are scratch of d's shape.
    pub fn backward(
        &self,
        grads: &mut Gradients,
        x: View,
        acts: &BlockActivations,
        scratch: &mut Scratch,
        d: &mut Tensor,
        [other, through]: [&mut Tensor; 2],
    ) -> Result<()> {
        let BlockActivations { norm1, normed1, attention, middle, norm2, normed2, feed_forward, sum } = acts;
        let (first, second) = (&self.slots.norm1, &self.slots.norm2);
        let (pass, middle) = (&self.pass, middle.view());
        match pass.config.norm_position {
            NormPosition::Pre => {
                let x2 = normed2.view();
                self.feed_forward_backward(
                    grads,
                    x2,
                    feed_forward,
                    Upstream::of(d.view()),
                    scratch,
                    through.view_mut(),
                )?;
                let both = Upstream::of(through.view()).with(d.view());
                second.backward(pass, grads, middle, norm2, both, other.view_mut())?;
                let x1 = normed1.view();
                self.attention_backward(grads, x1, attention, Upstream::of(other.view()), scratch, through.view_mut())?;
                let both = Upstream::of(through.view()).with(other.view());
                first.backward(pass, grads, x, norm1, both, d.view_mut())
            }
            NormPosition::Post => {
                // The residual connection hands the branch's own gradient on.
                second.backward(pass, grads, sum.view(), norm2, Upstream::of(d.view()), other.view_mut())?;
                let n = normed1.view();
                self.feed_forward_backward(
                    grads,
                    n,
                    feed_forward,
                    Upstream::of(other.view()).with(other.view()),
                    scratch,
                    d.view_mut(),
                )?;
                first.backward(pass, grads, middle, norm1, Upstream::of(d.view()), other.view_mut())?;
                self.attention_backward(
                    grads,
                    x,
                    attention,
                    Upstream::of(other.view()).with(other.view()),
                    scratch,
                    d.view_mut(),
                )
            }
        }
    }
}
