//! What treats elements or pairs of elements alone: activations, SwiGLU, dropout, rotary positions.

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, Activation, Dropout, Rotary, RotaryLayout};

use crate::support::{CHAR, LEVELS, Net, SMALL, group, moved, random, time};

/// Inside a cache, where the arithmetic shows, and past the first ones, where memory begins to.
const NETS: [Net; 2] = [CHAR, SMALL];

const KINDS: [(&str, Activation); 4] = [
    ("gelu_tanh", Activation::GeluTanh),
    ("gelu", Activation::Gelu),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
];

pub fn bench(criterion: &mut Criterion) {
    activation(criterion);
    swiglu(criterion);
    dropout(criterion);
    rotary(criterion);
}

/// The feed-forward layer's matrix: one in and one out forward, two in and one out backward.
fn activation(criterion: &mut Criterion) {
    let shape = |net: &Net| [net.rows(), 4 * net.width];
    let len = |net: &Net| net.rows() * 4 * net.width;
    let mut forward = group(criterion, "activation");
    for (name, kind) in KINDS {
        for net in &NETS {
            time(&mut forward, name, net.name, moved(2 * len(net)), || {
                let (x, mut y) = (random(shape(net))?, Tensor::zeros(shape(net))?);
                Ok(move || ops::activation(kind, x.view(), y.view_mut()))
            });
        }
    }
    forward.finish();

    let mut backward = group(criterion, "activation_backward");
    for (name, kind) in KINDS {
        for net in &NETS {
            time(&mut backward, name, net.name, moved(3 * len(net)), || {
                let (x, dy, mut dx) = (random(shape(net))?, random(shape(net))?, Tensor::zeros(shape(net))?);
                Ok(move || ops::activation_backward(kind, x.view(), dy.view(), dx.view_mut()))
            });
        }
    }
    backward.finish();
}

/// Gate and up in, their product out; backward also the product's gradient in, and both gradients out.
fn swiglu(criterion: &mut Criterion) {
    let shapes = |net: &Net| ([net.rows(), 8 * net.width], [net.rows(), 4 * net.width]);
    let len = |net: &Net| net.rows() * 4 * net.width;
    let mut forward = group(criterion, "swiglu");
    for net in &NETS {
        time(&mut forward, "gated", net.name, moved(3 * len(net)), || {
            let (gated, product) = shapes(net);
            let (x, mut y) = (random(gated)?, Tensor::zeros(product)?);
            Ok(move || ops::swiglu(x.view(), y.view_mut()))
        });
    }
    forward.finish();

    let mut backward = group(criterion, "swiglu_backward");
    for net in &NETS {
        time(&mut backward, "gated", net.name, moved(5 * len(net)), || {
            let (gated, product) = shapes(net);
            let (x, dy, mut dx) = (random(gated)?, random(product)?, Tensor::zeros(gated)?);
            Ok(move || ops::swiglu_backward(x.view(), dy.view(), dx.view_mut()))
        });
    }
    backward.finish();
}

/// Bound by Philox, ten rounds for four elements, as long as that is slower than memory.
fn dropout(criterion: &mut Criterion) {
    let dropout = Dropout { p: 0.1, seed: 1, site: 1 };
    let shape = |net: &Net| [net.rows(), net.width];
    let len = |net: &Net| net.rows() * net.width;
    let mut group = group(criterion, "dropout");
    for net in &LEVELS {
        time(&mut group, "plain", net.name, moved(2 * len(net)), || {
            let (x, mut y) = (random(shape(net))?, Tensor::zeros(shape(net))?);
            Ok(move || ops::dropout(x.view(), dropout, y.view_mut()))
        });
        time(&mut group, "add", net.name, moved(3 * len(net)), || {
            let (x, residual, mut y) = (random(shape(net))?, random(shape(net))?, Tensor::zeros(shape(net))?);
            Ok(move || ops::dropout_add(x.view(), dropout, residual.view(), y.view_mut()))
        });
    }
    group.finish();
}

/// Queries and keys of a packed projection, rotated where they lie: every element is read and written.
fn rotary(criterion: &mut Criterion) {
    let mut group = group(criterion, "rotary");
    for (name, layout) in [("half", RotaryLayout::Half), ("interleaved", RotaryLayout::Interleaved)] {
        for net in &LEVELS {
            let Net { batch, seq_len, heads, .. } = *net;
            time(&mut group, name, net.name, moved(2 * 2 * net.rows() * net.width), || {
                let mut qkv = random([batch, seq_len, 3 * heads, net.head_dim()])?;
                let rotary = Rotary { theta: 10_000.0, layout, first_position: 0 };
                Ok(move || ops::rotary(&rotary, qkv.view_mut().narrow(2, 0, 2 * heads)))
            });
        }
    }
    group.finish();
}
