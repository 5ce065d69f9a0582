//! What reduces rows or columns of a matrix: norms, softmax, the gradient of a bias.

use criterion::Criterion;
use half::{bf16, f16};
use warpweave::ops::{
    self, Mask, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, ResidualGrad, SoftmaxParams,
};
use warpweave::tensor::Float;
use warpweave::{Device, Stream, Tensor};

use crate::support::{Bench, CHAR, Group, LEVELS, SMALL, WIDE, label, levels, moved_as, on_all, random_on, time_on};

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "norm", &[norm::<f32>, norm::<bf16>, norm::<f16>]);
    on_all(criterion, "norm_backward", &[norm_backward::<f32>, norm_backward::<bf16>, norm_backward::<f16>]);
    on_all(criterion, "softmax", &[softmax::<f32>, softmax::<bf16>, softmax::<f16>]);
    let backward: [Bench; 3] = [softmax_backward::<f32>, softmax_backward::<bf16>, softmax_backward::<f16>];
    on_all(criterion, "softmax_backward", &backward);
    on_all(criterion, "bias_backward", &[bias_backward::<f32>, bias_backward::<bf16>, bias_backward::<f16>]);
}

const NORMS: [(&str, NormKind); 2] = [("layer", NormKind::Layer), ("rms", NormKind::Rms)];

fn norm<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, kind) in NORMS {
        for net in levels(stream) {
            let (rows, width) = (net.rows(), net.width);
            let work = moved_as::<T>(2 * rows * width);
            time_on(group, stream, label::<T>(name, stream), net.name, work, || {
                let (x, mut y) = (random_on::<T, 2>(stream, [rows, width])?, Tensor::zeros_on(stream, [rows, width])?);
                let (gamma, beta) = (random_on::<T, 1>(stream, [width])?, random_on::<T, 1>(stream, [width])?);
                let (mut mean, mut rstd) = (Tensor::zeros_on(stream, [rows])?, Tensor::zeros_on(stream, [rows])?);
                Ok(move || {
                    let beta = (kind == NormKind::Layer).then(|| beta.view());
                    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta };
                    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
                    ops::norm(&params, x.view(), None, y.view_mut(), stats)
                })
            });
        }
    }
}

/// With the residual's gradient, as before a pre-norm block: three matrices in, one out.
fn norm_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, kind) in NORMS {
        for net in levels(stream) {
            let (rows, width) = (net.rows(), net.width);
            let work = moved_as::<T>(4 * rows * width);
            time_on(group, stream, label::<T>(name, stream), net.name, work, || {
                let matrix = || random_on::<T, 2>(stream, [rows, width]);
                let [x, dy, residual] = [matrix()?, matrix()?, matrix()?];
                let gamma = random_on::<T, 1>(stream, [width])?;
                let mean = Tensor::zeros_on(stream, [rows])?;
                let rstd = Tensor::from_vec([rows], vec![1.0; rows])?.to(stream)?;
                let mut dx = Tensor::zeros_on(stream, [rows, width])?;
                let (mut dgamma, mut dbeta) = (Tensor::zeros_on(stream, [width])?, Tensor::zeros_on(stream, [width])?);
                Ok(move || {
                    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta: None };
                    let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
                    let grads = NormGrads {
                        dx: dx.view_mut(),
                        branch: None,
                        dgamma: dgamma.view_mut(),
                        dbeta: (kind == NormKind::Layer).then(|| dbeta.view_mut()),
                        beta_acc: 0.0,
                    };
                    ops::norm_backward(&params, x.view(), stats, dy.view(), ResidualGrad::Apart(residual.view()), grads)
                })
            });
        }
    }
}

/// The unfused scores of a small and a large attention, and on a GPU also rows of the widths of [`WIDE`].
fn scores(stream: &Stream) -> Vec<(&'static str, [usize; 4])> {
    let attention = [CHAR, SMALL].map(|net| (net.name, [net.batch, net.heads, net.seq_len, net.seq_len]));
    let wide = WIDE.map(|net| (net.name, [1, net.batch, net.seq_len, net.width]));
    let wide = if stream.device() == Device::Cpu { &[][..] } else { &wide };
    [&attention, wide].concat()
}

/// A causal mask leaves a part of the input unread, half of a square; all of the output is written.
fn softmax<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, causal) in [("all", false), ("causal", true)] {
        let mask = Mask { causal, ..Mask::default() };
        for (shapes, scores) in scores(stream) {
            let [batch, heads, seq_len_q, seq_len_k] = scores;
            let seen: usize = (0..seq_len_q).map(|i| mask.keys(0, i, seq_len_q, seq_len_k).len()).sum();
            let work = moved_as::<T>(batch * heads * (seen + seq_len_q * seq_len_k));
            time_on(group, stream, label::<T>(name, stream), shapes, work, || {
                let (x, mut y) = (random_on::<T, 4>(stream, scores)?, Tensor::zeros_on(stream, scores)?);
                let params = SoftmaxParams { scale: 0.125, mask, ..SoftmaxParams::default() };
                Ok(move || ops::softmax(&params, x.view(), y.view_mut()))
            });
        }
    }
}

/// In place: each call starts from what the last one left, which takes as long as any other numbers.
fn softmax_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for (shapes, scores) in scores(stream) {
        let work = moved_as::<T>(3 * scores.iter().product::<usize>());
        time_on(group, stream, label::<T>("all", stream), shapes, work, || {
            let (y, mut grad) = (random_on::<T, 4>(stream, scores)?, random_on::<T, 4>(stream, scores)?);
            Ok(move || ops::softmax_backward(y.view(), 0.125, grad.view_mut()))
        });
    }
}

/// The widest bias, that of the feed-forward layer: one matrix in.
fn bias_backward<T: Float>(group: &mut Group, stream: &Stream) {
    for net in &LEVELS {
        let (rows, width) = (net.rows(), 4 * net.width);
        time_on(group, stream, label::<T>("up", stream), net.name, moved_as::<T>(rows * width), || {
            let (dy, mut dbias) = (random_on::<T, 2>(stream, [rows, width])?, Tensor::zeros_on(stream, [width])?);
            Ok(move || ops::bias_backward(dy.view(), 0.0, dbias.view_mut()))
        });
    }
}
