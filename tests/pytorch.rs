//! The operations against what PyTorch computes: the fixtures that `tests/fixtures/make.py` made, and describes.

#[path = "conformance/support/compare.rs"]
#[expect(dead_code, reason = "the fixtures are in f32: what compares 16-bit types is not needed here")]
mod compare;

use std::path::Path;

use compare::{Tolerance, assert_close, to_f64};
use safetensors::SafeTensors;
use warpweave::ops::{
    self, AdamW, AdamWBuffers, AdamWState, AdamWStep, AttentionOptions, CrossEntropy, Mask, NormGrads, NormKind,
    NormParams, NormStats, NormStatsMut, Rotary, RotaryLayout, Window,
};
use warpweave::{Stream, Tensor};

/// A file of `tests/fixtures`.
struct Fixture(Vec<u8>);

impl Fixture {
    fn load(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        Fixture(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.file().names().contains(&name)
    }

    /// The 4-byte words of a tensor of N axes, and its shape.
    fn words<const N: usize>(&self, name: &str, dtype: safetensors::Dtype) -> ([usize; N], Vec<[u8; 4]>) {
        let file = self.file();
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tensor.dtype(), dtype, "{name}");
        let shape = tensor.shape().try_into().unwrap_or_else(|_| panic!("{name} has shape {:?}", tensor.shape()));
        (shape, tensor.data().as_chunks().0.to_vec())
    }

    fn tensor<const N: usize>(&self, name: &str) -> Tensor {
        let (shape, words) = self.words::<N>(name, safetensors::Dtype::F32);
        Tensor::from_vec(shape, words.into_iter().map(f32::from_le_bytes).collect()).unwrap()
    }

    /// Integers; PyTorch's ignore index −100 becomes ours.
    fn integers<const N: usize>(&self, name: &str) -> Tensor<u32> {
        let (shape, words) = self.words::<N>(name, safetensors::Dtype::I32);
        let convert = |word| match i32::from_le_bytes(word) {
            -100 => CrossEntropy::IGNORE,
            integer => integer.try_into().unwrap(),
        };
        Tensor::from_vec(shape, words.into_iter().map(convert).collect()).unwrap()
    }

    fn expected<const N: usize>(&self, name: &str) -> Vec<f64> {
        to_f64(self.tensor::<N>(name).as_slice())
    }
}

/// A tensor of the same shape whose content must not matter.
fn overwritten(like: &Tensor) -> Tensor {
    Tensor::from_vec(like.shape(), vec![f32::NAN; like.len()]).unwrap()
}

#[test]
fn attention_with_each_mask() {
    let fixture = Fixture::load("attention.safetensors");
    let causal = Mask { causal: true, ..Mask::default() };
    let window = Mask { window: Some(Window { left: 3, right: 2 }), ..Mask::default() };
    for (case, mask) in [
        ("full", Mask::default()),
        ("causal", causal),
        ("causal_longer_keys", causal),
        ("causal_longer_queries", causal),
        ("key_lengths", Mask::default()),
        ("window", window),
        ("grouped", causal),
    ] {
        let name = |part: &str| format!("{case}.{part}");
        let [q, k, v, dout] = ["q", "k", "v", "dout"].map(|part| fixture.tensor::<4>(&name(part)));
        let lengths = name("key_lengths");
        let lengths = fixture.has(&lengths).then(|| fixture.integers::<1>(&lengths));
        assert_eq!(lengths.is_some(), case == "key_lengths");
        let mask = Mask { key_lengths: lengths.as_ref().map(Tensor::view), ..mask };
        let options = AttentionOptions { mask, ..AttentionOptions::default() };

        let [batch, seq_len_q, heads, head_dim] = q.shape().dims().try_into().unwrap();
        let (mut out, mut lse) = (overwritten(&q), Tensor::zeros([batch, heads, seq_len_q]).unwrap());
        ops::attention(q.view(), k.view(), v.view(), &options, out.view_mut(), lse.view_mut()).unwrap();
        let tolerance = Tolerance::sum(k.shape().dims()[1] * head_dim, 2.0);
        assert_close(&name("out"), out.as_slice(), &fixture.expected::<4>(&name("out")), tolerance);

        let [mut dq, mut dk, mut dv] = [&q, &k, &v].map(overwritten);
        let (q, k, v, out, lse, dout) = (q.view(), k.view(), v.view(), out.view(), lse.view(), dout.view());
        let (dq_mut, dk_mut, dv_mut) = (dq.view_mut(), dk.view_mut(), dv.view_mut());
        ops::attention_backward(q, k, v, out, lse, dout, &options, dq_mut, dk_mut, dv_mut).unwrap();
        for (part, gradient) in [("dq", &dq), ("dk", &dk), ("dv", &dv)] {
            assert_close(&name(part), gradient.as_slice(), &fixture.expected::<4>(&name(part)), tolerance);
        }
    }
}

#[test]
fn layer_norm() {
    let fixture = Fixture::load("layer_norm.safetensors");
    let [x, dy] = ["x", "dy"].map(|name| fixture.tensor::<2>(name));
    let [weight, bias] = ["weight", "bias"].map(|name| fixture.tensor::<1>(name));
    let [rows, columns] = x.shape().dims().try_into().unwrap();
    let (mut y, mut mean, mut rstd) = (overwritten(&x), Tensor::zeros([rows]).unwrap(), Tensor::zeros([rows]).unwrap());
    let params = NormParams { kind: NormKind::Layer, eps: 1e-5, gamma: weight.view(), beta: Some(bias.view()) };
    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
    ops::norm(&params, x.view(), None, y.view_mut(), stats).unwrap();
    let tolerance = Tolerance::sum(columns, 4.0);
    assert_close("y", y.as_slice(), &fixture.expected::<2>("y"), tolerance);
    assert_close("mean", mean.as_slice(), &fixture.expected::<1>("mean"), tolerance);
    assert_close("rstd", rstd.as_slice(), &fixture.expected::<1>("rstd"), Tolerance { abs: 0.0, rel: 1e-5 });

    let (mut dx, mut dweight, mut dbias) = (overwritten(&x), overwritten(&weight), overwritten(&bias));
    let grads = NormGrads {
        dx: dx.view_mut(),
        branch: None,
        dgamma: dweight.view_mut(),
        dbeta: Some(dbias.view_mut()),
        beta_acc: 0.0,
    };
    let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
    ops::norm_backward(&params, x.view(), stats, dy.view(), ops::ResidualGrad::None, grads).unwrap();
    let want = fixture.expected::<2>("dx");
    for (row, want) in want.chunks_exact(columns).enumerate() {
        // The gradient is a difference, scaled by rstd, of numbers around 1.
        let tolerance = Tolerance::sum(columns, f64::from(rstd.as_slice()[row]));
        assert_close(&format!("row {row} of dx"), dx.view().row([row]), want, tolerance);
    }
    assert_close("dweight", dweight.as_slice(), &fixture.expected::<1>("dweight"), tolerance);
    assert_close("dbias", dbias.as_slice(), &fixture.expected::<1>("dbias"), tolerance);
}

#[test]
fn cross_entropy_with_smoothing_and_ignored_rows() {
    let fixture = Fixture::load("cross_entropy.safetensors");
    let targets = fixture.integers::<1>("targets");
    let ignored = targets.as_slice().iter().filter(|&&target| target == CrossEntropy::IGNORE).count();
    assert_eq!(ignored, 2);
    for (case, label_smoothing) in [("plain", 0.0), ("smoothed", 0.1)] {
        let name = |part: &str| format!("{case}.{part}");
        let options = CrossEntropy { label_smoothing, ..CrossEntropy::default() };
        let mut logits = fixture.tensor::<2>("logits");
        let mut losses = Tensor::zeros(targets.shape()).unwrap();
        // Logits have a standard deviation of 4.
        let tolerance = Tolerance::sum(logits.shape().dims()[1], 4.0);
        ops::cross_entropy(&options, logits.view(), targets.view(), losses.view_mut()).unwrap();
        assert_close(&name("losses"), losses.as_slice(), &fixture.expected::<1>(&name("losses")), tolerance);
        let mean = losses.as_slice().iter().sum::<f32>() / (losses.len() - ignored) as f32;
        assert_close(&name("mean"), &[mean], &fixture.expected::<0>(&name("mean")), tolerance);

        ops::cross_entropy_fused(&options, 1.0, logits.view_mut(), targets.view(), losses.view_mut()).unwrap();
        assert_close(&name("dlogits"), logits.as_slice(), &fixture.expected::<2>(&name("dlogits")), tolerance);
        assert_close(&name("losses"), losses.as_slice(), &fixture.expected::<1>(&name("losses")), tolerance);
    }
}

#[test]
fn adamw_with_clipping() {
    let fixture = Fixture::load("adamw.safetensors");
    let (mut params, grads) = (fixture.tensor::<1>("params"), fixture.tensor::<2>("grads"));
    let (updated, norms) = (fixture.expected::<2>("updated"), fixture.expected::<1>("norms"));
    let (mut m, mut v) = (Tensor::zeros(params.shape()).unwrap(), Tensor::zeros(params.shape()).unwrap());
    let begin = AdamWStep { beta1: 0.9, beta2: 0.95, clip: 1.0, ..AdamWStep::default() };
    let options = AdamW { lr: 1e-2, weight_decay: 0.1, ..AdamW::default() };
    let (mut norm, mut state) = (Tensor::zeros([1]).unwrap(), AdamWState::new(&Stream::CPU).unwrap());
    let tolerance = Tolerance::sum(5, 1.0);
    for (i, want) in updated.chunks_exact(params.len()).enumerate() {
        let grads = grads.view().select(0, i);
        ops::grad_norm(grads, norm.view_mut()).unwrap();
        assert_close("norm", norm.as_slice(), &norms[i..=i], tolerance);
        ops::adamw_begin(&begin, Some(norm.view()), &mut state).unwrap();
        let (weights, m, v) = (params.view_mut(), m.view_mut(), v.view_mut());
        let buffers = AdamWBuffers { weights, master: None, grads, m, v };
        ops::adamw(&options, &state, std::slice::from_ref(&(0..20)), buffers).unwrap();
        assert_close(&format!("params after step {}", i + 1), params.as_slice(), want, tolerance);
    }
    assert_close("m", m.as_slice(), &fixture.expected::<1>("m"), tolerance);
    assert_close("v", v.as_slice(), &fixture.expected::<1>("v"), tolerance);
}

#[test]
fn rotary_in_both_layouts() {
    let fixture = Fixture::load("rotary.safetensors");
    for (name, layout) in [("interleaved", RotaryLayout::Interleaved), ("half", RotaryLayout::Half)] {
        let mut x = fixture.tensor::<4>("x");
        ops::rotary(&Rotary { layout, first_position: 1000, ..Rotary::default() }, x.view_mut()).unwrap();
        assert_close(name, x.as_slice(), &fixture.expected::<4>(name), Tolerance::sum(2, 1.0));
    }
}
