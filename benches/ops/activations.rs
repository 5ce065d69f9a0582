//! What treats elements alone: activations and gated units.

use criterion::Criterion;
use half::{bf16, f16};
use warpweave::ops::{self, Activation, ActivationParams, BiasGrad};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{Bench, Group, LEVELS, Net, label, moved_as, on_all, random_on, time_on};

const KINDS: [(&str, Activation); 4] = [
    ("gelu_tanh", Activation::GeluTanh),
    ("gelu", Activation::Gelu),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
];

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "activation", &[activation::<f32>, activation::<bf16>, activation::<f16>]);
    let backward: [Bench; 3] = [activation_backward::<f32>, activation_backward::<bf16>, activation_backward::<f16>];
    on_all(criterion, "activation_backward", &backward);
    on_all(criterion, "glu", &[glu::<f32>, glu::<bf16>, glu::<f16>]);
    on_all(criterion, "glu_backward", &[glu_backward::<f32>, glu_backward::<bf16>, glu_backward::<f16>]);
}

/// The feed-forward layer's matrix, one in and one out; and with a bias before it.
fn activation<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &LEVELS {
        let (shape, work) = ([net.rows(), 4 * net.width], moved_as::<T>(2 * net.rows() * 4 * net.width));
        for (name, kind) in KINDS {
            time_on(group, stream, label::<T>(name, stream), net.name, work.clone(), || {
                let (x, mut y) = (random_on::<T, _>(stream, shape)?, Tensor::zeros_on(stream, shape)?);
                Ok(move || ops::activation(kind, x.view(), y.view_mut()))
            });
        }
        time_on(group, stream, label::<T>("biased_gelu_tanh", stream), net.name, work, || {
            let (x, bias) = (random_on::<T, _>(stream, shape)?, random_on::<T, _>(stream, [shape[1]])?);
            let mut y = Tensor::zeros_on(stream, shape)?;
            Ok(move || {
                let params = ActivationParams { kind: Activation::GeluTanh, bias: Some(bias.view()) };
                ops::activation(params, x.view(), y.view_mut())
            })
        });
    }
}

/// Two in and one out; and with the gradient of a bias.
fn activation_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &LEVELS {
        let (shape, work) = ([net.rows(), 4 * net.width], moved_as::<T>(3 * net.rows() * 4 * net.width));
        for (name, kind) in KINDS {
            time_on(group, stream, label::<T>(name, stream), net.name, work.clone(), || {
                let (x, dy) = (random_on::<T, _>(stream, shape)?, random_on::<T, _>(stream, shape)?);
                let mut dx = Tensor::zeros_on(stream, shape)?;
                Ok(move || ops::activation_backward(kind, x.view(), dy.view(), dx.view_mut(), None))
            });
        }
        time_on(group, stream, label::<T>("biased_gelu_tanh", stream), net.name, work, || {
            let (x, dy) = (random_on::<T, _>(stream, shape)?, random_on::<T, _>(stream, shape)?);
            let (mut dx, mut dbias) = (Tensor::zeros_on(stream, shape)?, Tensor::zeros_on(stream, [shape[1]])?);
            Ok(move || {
                let grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
                ops::activation_backward(Activation::GeluTanh, x.view(), dy.view(), dx.view_mut(), Some(grad))
            })
        });
    }
}

/// Gate and up, and their product.
fn gated_shapes(net: &Net) -> ([usize; 2], [usize; 2]) {
    ([net.rows(), 8 * net.width], [net.rows(), 4 * net.width])
}

/// Gate and up in, their product out.
fn glu<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &LEVELS {
        let work = moved_as::<T>(3 * net.rows() * 4 * net.width);
        time_on(group, stream, label::<T>("swiglu", stream), net.name, work, || {
            let (gated, product) = gated_shapes(net);
            let (x, mut y) = (random_on::<T, _>(stream, gated)?, Tensor::zeros_on(stream, product)?);
            Ok(move || ops::glu(Activation::Silu, x.view(), y.view_mut()))
        });
    }
}

/// The product's gradient in as well, and both gradients out.
fn glu_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &LEVELS {
        let work = moved_as::<T>(5 * net.rows() * 4 * net.width);
        time_on(group, stream, label::<T>("swiglu", stream), net.name, work, || {
            let (gated, product) = gated_shapes(net);
            let (x, dy) = (random_on::<T, _>(stream, gated)?, random_on::<T, _>(stream, product)?);
            let mut dx = Tensor::zeros_on(stream, gated)?;
            Ok(move || ops::glu_backward(Activation::Silu, x.view(), dy.view(), dx.view_mut(), None))
        });
    }
}
