//! What reduces rows or columns of a matrix: norms, softmax, cross-entropy, the gradient of a bias.

use criterion::Criterion;
use warpweave::Tensor;
use warpweave::ops::{self, CrossEntropy, Mask, NormKind, NormParams, NormStats, NormStatsMut};

use crate::support::{CHAR, LEVELS, Net, SMALL, STEPS, group, moved, random, random_tokens, time};

pub fn bench(criterion: &mut Criterion) {
    norm(criterion);
    norm_backward(criterion);
    softmax(criterion);
    cross_entropy(criterion);
    bias_backward(criterion);
}

const NORMS: [(&str, NormKind); 2] = [("layer", NormKind::Layer), ("rms", NormKind::Rms)];

fn norm(criterion: &mut Criterion) {
    let mut group = group(criterion, "norm");
    for (name, kind) in NORMS {
        for net in &LEVELS {
            let (rows, width) = (net.rows(), net.width);
            time(&mut group, name, net.name, moved(2 * rows * width), || {
                let (x, mut y) = (random([rows, width])?, Tensor::zeros([rows, width])?);
                let (gamma, beta) = (random([width])?, random([width])?);
                let (mut mean, mut rstd) = (Tensor::zeros([rows])?, Tensor::zeros([rows])?);
                Ok(move || {
                    let beta = (kind == NormKind::Layer).then(|| beta.view());
                    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta };
                    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
                    ops::norm(&params, x.view(), None, y.view_mut(), stats)
                })
            });
        }
    }
    group.finish();
}

/// With the residual's gradient, as before a pre-norm block: three matrices in, one out.
fn norm_backward(criterion: &mut Criterion) {
    let mut group = group(criterion, "norm_backward");
    for (name, kind) in NORMS {
        for net in &LEVELS {
            let (rows, width) = (net.rows(), net.width);
            time(&mut group, name, net.name, moved(4 * rows * width), || {
                let [x, dy, residual] = [random([rows, width])?, random([rows, width])?, random([rows, width])?];
                let (gamma, beta) = (random([width])?, random([width])?);
                let (mean, rstd) = (Tensor::zeros([rows])?, Tensor::from_vec([rows], vec![1.0; rows])?);
                let (mut dx, mut dgamma, mut dbeta) =
                    (Tensor::zeros([rows, width])?, Tensor::zeros([width])?, Tensor::zeros([width])?);
                Ok(move || {
                    let has_beta = kind == NormKind::Layer;
                    let beta = has_beta.then(|| beta.view());
                    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta };
                    let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
                    let (dgamma, dbeta) = (dgamma.view_mut(), has_beta.then(|| dbeta.view_mut()));
                    let (dy, residual, dx) = (dy.view(), Some(residual.view()), dx.view_mut());
                    ops::norm_backward(&params, x.view(), stats, dy, residual, dx, 0.0, dgamma, dbeta)
                })
            });
        }
    }
    group.finish();
}

/// The unfused scores of a small and a large attention. A causal mask leaves half of the input unread; all of the
/// output is written.
fn softmax(criterion: &mut Criterion) {
    const NETS: [Net; 2] = [CHAR, SMALL];
    let shape = |net: &Net| [net.batch, net.heads, net.seq_len, net.seq_len];
    let all = |net: &Net| shape(net).iter().product::<usize>();
    let seen = |net: &Net| net.batch * net.heads * net.seq_len * (net.seq_len + 1) / 2;
    let mut forward = group(criterion, "softmax");
    for (name, causal) in [("all", false), ("causal", true)] {
        for net in &NETS {
            let read = if causal { seen(net) } else { all(net) };
            time(&mut forward, name, net.name, moved(read + all(net)), || {
                let (x, mut y) = (random(shape(net))?, Tensor::zeros(shape(net))?);
                let mask = Mask { causal, ..Mask::default() };
                Ok(move || ops::softmax(x.view(), 0.125, &mask, y.view_mut()))
            });
        }
    }
    forward.finish();

    let mut backward = group(criterion, "softmax_backward");
    for net in &NETS {
        time(&mut backward, "all", net.name, moved(3 * all(net)), || {
            let (y, dy, mut dx) = (random(shape(net))?, random(shape(net))?, Tensor::zeros(shape(net))?);
            Ok(move || ops::softmax_backward(y.view(), dy.view(), 0.125, dx.view_mut()))
        });
    }
    backward.finish();
}

/// Rows of 65, 4,096 and 50,257 logits, which become their gradient in place: each call starts from what the last one
/// left, which takes as long as any other numbers.
fn cross_entropy(criterion: &mut Criterion) {
    let mut group = group(criterion, "cross_entropy_fused");
    for net in &STEPS {
        let (rows, vocab_size) = (net.rows(), net.vocab_size);
        time(&mut group, "mean", net.name, moved(2 * rows * vocab_size), || {
            let (mut logits, targets) = (random([rows, vocab_size])?, random_tokens([rows], vocab_size)?);
            let (mut losses, scale) = (Tensor::zeros([rows])?, 1.0 / rows as f32);
            Ok(move || {
                let options = CrossEntropy::default();
                ops::cross_entropy_fused(&options, scale, logits.view_mut(), targets.view(), losses.view_mut())
            })
        });
    }
    group.finish();
}

/// The widest bias, that of the feed-forward layer: one matrix in.
fn bias_backward(criterion: &mut Criterion) {
    let mut group = group(criterion, "bias_backward");
    for net in &LEVELS {
        let (rows, width) = (net.rows(), 4 * net.width);
        time(&mut group, "up", net.name, moved(rows * width), || {
            let (dy, mut dbias) = (random([rows, width])?, Tensor::zeros([width])?);
            Ok(move || ops::bias_backward(dy.view(), 0.0, dbias.view_mut()))
        });
    }
    group.finish();
}
