//! What treats elements alone: activations, SwiGLU.

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, Activation};

use crate::support::{CHAR, Net, SMALL, group, moved, random, time};

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
