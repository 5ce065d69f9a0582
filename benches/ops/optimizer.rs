//! The optimizer's two passes over all parameters.

use std::slice;

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, AdamW};

use crate::support::{CHAR, Net, SMALL, group, moved, random, time};

/// 0.8 million parameters, 13 MB in four buffers, and 12 million, 197 MB. GPT-2's 2 GB would tell no more: `small` is
/// past the caches already.
const NETS: [Net; 2] = [CHAR, SMALL];

pub fn bench(criterion: &mut Criterion) {
    let mut adamw = group(criterion, "adamw");
    for net in &NETS {
        let len = net.parameters();
        // Four buffers in, three out.
        time(&mut adamw, "step", net.name, moved(7 * len), || {
            let options = AdamW { lr: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 };
            let (mut params, grads) = (random([len])?, random([len])?);
            let (mut m, mut v) = (Tensor::zeros([len])?, Tensor::zeros([len])?);
            let (mut step, decayed) = (0, 0..len / 2);
            Ok(move || {
                step += 1;
                let (params, grads, m, v) = (params.view_mut(), grads.view(), m.view_mut(), v.view_mut());
                ops::adamw(&options, step, 1.0, slice::from_ref(&decayed), params, grads, m, v)
            })
        });
    }
    adamw.finish();

    let mut grad_norm = group(criterion, "grad_norm");
    for net in &NETS {
        let len = net.parameters();
        time(&mut grad_norm, "all", net.name, moved(len), || {
            let grads = random([len])?;
            Ok(move || ops::grad_norm(grads.view()))
        });
    }
    grad_norm.finish();
}
