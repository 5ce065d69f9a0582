//! The matrix products of a training step, with the epilogues that the model fuses into them.

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, Activation, Epilogue, Gemm};

use crate::support::{Net, STEPS, flops, group, random, time};

/// How A and B lie in memory, N as they are read and T transposed.
#[derive(Clone, Copy)]
enum Layout {
    /// y = x W.
    Nn,
    /// dx = dy Wᵀ, and the logits with a tied embedding.
    Nt,
    /// dW = xᵀ dy.
    Tn,
}
use Layout::{Nn, Nt, Tn};

#[derive(Clone, Copy)]
enum Fused {
    Nothing,
    Bias,
    Residual,
    Gelu,
    GeluBackward,
}

/// M, K and N of a network's product.
type Extents = fn(&Net) -> [usize; 3];

/// Name, layout, extents and epilogue.
const PRODUCTS: [(&str, Layout, Extents, Fused); 10] = [
    // Forward.
    ("qkv nn+bias", Nn, |net| [net.rows(), net.width, 3 * net.width], Fused::Bias),
    // The least work of a layer: tiles are few.
    ("projection nn+residual", Nn, |net| [net.rows(), net.width, net.width], Fused::Residual),
    // The epilogue that computes most, and writes two outputs.
    ("up nn+gelu", Nn, |net| [net.rows(), net.width, 4 * net.width], Fused::Gelu),
    // The longest sums of a layer.
    ("down nn+residual", Nn, |net| [net.rows(), 4 * net.width, net.width], Fused::Residual),
    // The most columns; B is the embedding, transposed.
    ("logits nt", Nt, |net| [net.rows(), net.width, net.vocab_size], Fused::Nothing),
    // Backward, of the inputs.
    ("logits dx nn", Nn, |net| [net.rows(), net.vocab_size, net.width], Fused::Nothing),
    ("down dx nt+gelu'", Nt, |net| [net.rows(), net.width, 4 * net.width], Fused::GeluBackward),
    ("up dx nt", Nt, |net| [net.rows(), 4 * net.width, net.width], Fused::Nothing),
    // Backward, of the weights: sums over the rows, short for `gpt2` and long for `small`.
    ("up dw tn", Tn, |net| [net.width, net.rows(), 4 * net.width], Fused::Nothing),
    ("logits dw tn", Tn, |net| [net.vocab_size, net.rows(), net.width], Fused::Nothing),
];

pub fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "gemm");
    for net in &STEPS {
        for (name, layout, extents, fused) in PRODUCTS {
            let [m, k, n] = extents(net);
            time(&mut group, name, net.name, flops(2 * m * k * n), || {
                let a = random(if matches!(layout, Tn) { [k, m] } else { [m, k] })?;
                let b = random(if matches!(layout, Nt) { [n, k] } else { [k, n] })?;
                let bias = random([n])?;
                // The residual, or what the activation was applied to.
                let mut other = random([m, n])?;
                let mut c = Tensor::zeros([m, n])?;
                Ok(move || {
                    let a = if matches!(layout, Tn) { a.view().t() } else { a.view() };
                    let b = if matches!(layout, Nt) { b.view().t() } else { b.view() };
                    let (kind, bias) = (Activation::GeluTanh, bias.view());
                    let epilogue = match fused {
                        Fused::Nothing => Epilogue::None,
                        Fused::Bias => Epilogue::Bias(bias),
                        Fused::Residual => Epilogue::Residual { bias: Some(bias), residual: other.view() },
                        Fused::Gelu => Epilogue::Activation { bias: Some(bias), kind, pre: Some(other.view_mut()) },
                        Fused::GeluBackward => Epilogue::ActivationBackward { kind, pre: other.view() },
                    };
                    ops::gemm(a, b, c.view_mut(), Gemm { epilogue, ..Gemm::default() })
                })
            });
        }
    }
    group.finish();
}
