//! The optimizer's two passes over all parameters.

use std::slice;

use criterion::{Criterion, Throughput};
use half::bf16;
use warpweave::ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep, Rounding};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{CHAR, Group, Net, SMALL, devices, group, label, moved_as, random_on, time_on};

/// 0.8 million parameters, 13 MB in four buffers, and 12 million, 197 MB. GPT-2's 2 GB would tell no more: `small` is
/// past the caches already.
const NETS: [Net; 2] = [CHAR, SMALL];

pub fn bench(criterion: &mut Criterion) {
    let mut adamw = group(criterion, "adamw");
    for stream in &devices() {
        for net in &NETS {
            step::<f32>(&mut adamw, stream, net, "step", false, Rounding::Nearest);
            step::<bf16>(&mut adamw, stream, net, "step-master", true, Rounding::Nearest);
            let stochastic = Rounding::Stochastic { seed: 1, first: 0 };
            step::<bf16>(&mut adamw, stream, net, "step-stochastic", false, stochastic);
        }
    }
    adamw.finish();

    let mut grad_norm = group(criterion, "grad_norm");
    for stream in &devices() {
        for net in &NETS {
            norm::<f32>(&mut grad_norm, stream, net);
            norm::<bf16>(&mut grad_norm, stream, net);
        }
    }
    grad_norm.finish();
}

/// Weights and gradients of one type.
fn step<T: Float>(group: &mut Group, stream: &Stream, net: &Net, name: &str, master: bool, rounding: Rounding) {
    let len = net.parameters();
    // Both moments in and out, the gradient in, the weights out, and in that or in f32 besides.
    let element = 4 * 4 + 2 * size_of::<T>() + if master { 8 } else { size_of::<T>() };
    let bytes = Throughput::BytesDecimal((len * element) as u64);
    time_on(group, stream, label::<T>(name, stream), net.name, bytes, || {
        let (mut weights, grads) = (random_on::<T, _>(stream, [len])?, random_on::<T, _>(stream, [len])?);
        let mut master = master.then(|| random_on::<f32, _>(stream, [len])).transpose()?;
        let (mut m, mut v) = (Tensor::zeros_on(stream, [len])?, Tensor::zeros_on(stream, [len])?);
        let (mut state, decayed) = (AdamWState::new(stream)?, 0..len / 2);
        let options = AdamW { lr: 1e-4, rounding, ..AdamW::default() };
        Ok(move || {
            ops::adamw_begin(&AdamWStep::default(), None, &mut state)?;
            let buffers = AdamWBuffers {
                weights: weights.view_mut(),
                master: master.as_mut().map(Tensor::view_mut),
                grads: grads.view(),
                m: m.view_mut(),
                v: v.view_mut(),
            };
            ops::adamw(&options, &state, slice::from_ref(&decayed), buffers)
        })
    });
}

fn norm<T: Float>(group: &mut Group, stream: &Stream, net: &Net) {
    let len = net.parameters();
    time_on(group, stream, label::<T>("all", stream), net.name, moved_as::<T>(len), || {
        let (grads, mut norm) = (random_on::<T, _>(stream, [len])?, Tensor::zeros_on(stream, [1])?);
        Ok(move || ops::grad_norm(grads.view(), norm.view_mut()))
    });
}
