//! Models on disk: `model.safetensors` and `config.json`, as Hugging Face `transformers` reads and writes them.
//!
//! A model with GPT-2's architecture is written as `GPT2LMHeadModel`, or `GPT2ForSequenceClassification` with a head, and
//! opens there; theirs open here. Other architectures are written under the same tensor names with our own `config.json`
//! (`"model_type": "warpweave"`), which only this crate reads.

use std::fs::File;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::file::{Staged, write_atomically};
use crate::model::config::{Config, FeedForwardKind, NormPosition, Positions};
use crate::model::parameters::{Layout, Parameter};
use crate::model::transformer::Transformer;
use crate::ops::NormKind;
use crate::tensor::Tensor;

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const PREFIX: &str = "transformer.";

/// The keys of a GPT-2 `config.json` that decide something here; of its three dropouts, `resid_pdrop`. Their defaults are those of `transformers.GPT2Config`.
#[derive(Debug, Deserialize)]
struct Gpt2Config {
    vocab_size: usize,
    /// Both names stand in the configs that OpenAI's weights come with.
    n_positions: Option<usize>,
    n_ctx: Option<usize>,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    #[serde(default)]
    n_inner: Option<usize>,
    #[serde(default = "defaults::activation")]
    activation_function: String,
    #[serde(default = "defaults::dropout")]
    resid_pdrop: f32,
    #[serde(default = "defaults::epsilon")]
    layer_norm_epsilon: f32,
    #[serde(default = "defaults::std")]
    initializer_range: f32,
    #[serde(default = "defaults::yes")]
    tie_word_embeddings: bool,
    #[serde(default = "defaults::yes")]
    scale_attn_weights: bool,
    #[serde(default)]
    scale_attn_by_inverse_layer_idx: bool,
    #[serde(default)]
    add_cross_attention: bool,
}

mod defaults {
    pub fn activation() -> String {
        "gelu_new".into()
    }
    pub fn dropout() -> f32 {
        0.1
    }
    pub fn epsilon() -> f32 {
        1e-5
    }
    pub fn std() -> f32 {
        0.02
    }
    pub fn yes() -> bool {
        true
    }
}

/// GPT-2's name of each non-linearity that it can have.
const ACTIVATIONS: [(&str, FeedForwardKind); 5] = [
    ("gelu_new", FeedForwardKind::GeluTanh),
    ("gelu_pytorch_tanh", FeedForwardKind::GeluTanh),
    ("gelu", FeedForwardKind::Gelu),
    ("relu", FeedForwardKind::Relu),
    ("silu", FeedForwardKind::Silu),
];

/// Reads the config of the model in folder `dir`.
pub fn load_config(dir: &Path) -> Result<Config> {
    let path = dir.join(CONFIG);
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let invalid = |message: serde_json::Error| Error::format(&path, "a model's config", message);
    let value: Value = serde_json::from_str(&text).map_err(invalid)?;
    let config = match value["model_type"].as_str() {
        Some("warpweave") => serde_json::from_value(value["config"].clone()).map_err(invalid)?,
        Some("gpt2") => {
            let labels = match &value["id2label"] {
                Value::Object(labels) => labels.len(),
                _ => value["num_labels"].as_u64().unwrap_or(2) as usize,
            };
            let with_head = value["architectures"][0] == "GPT2ForSequenceClassification";
            let theirs: Gpt2Config = serde_json::from_value(value).map_err(invalid)?;
            from_gpt2(&path, theirs, if with_head { labels } else { 0 })?
        }
        other => {
            let got = other.map_or("none".into(), |name| format!("`{name}`"));
            return Err(Error::format(&path, "`model_type` `gpt2` or `warpweave`", got));
        }
    };
    config.check().map_err(|error| Error::format(&path, "a config that a model can be built from", error))?;
    Ok(config)
}

fn from_gpt2(path: &Path, theirs: Gpt2Config, labels: usize) -> Result<Config> {
    let activation = &theirs.activation_function;
    let Some(&(_, feed_forward)) = ACTIVATIONS.iter().find(|(name, _)| name == activation) else {
        let names: Vec<&str> = ACTIVATIONS.iter().map(|(name, _)| *name).collect();
        return Err(Error::format(path, format!("`activation_function` among {}", names.join(", ")), activation));
    };
    for (key, got, wanted) in [
        ("scale_attn_weights", theirs.scale_attn_weights, true),
        ("scale_attn_by_inverse_layer_idx", theirs.scale_attn_by_inverse_layer_idx, false),
        ("add_cross_attention", theirs.add_cross_attention, false),
    ] {
        if got != wanted {
            return Err(Error::format(path, format!("`{key}`: {wanted}"), got));
        }
    }
    let Some(context) = theirs.n_positions.or(theirs.n_ctx) else {
        return Err(Error::format(path, "`n_positions`", "none"));
    };
    Ok(Config {
        ffn_width: theirs.n_inner.unwrap_or(theirs.n_embd.saturating_mul(4)),
        feed_forward,
        norm_eps: theirs.layer_norm_epsilon,
        tied: theirs.tie_word_embeddings,
        dropout: theirs.resid_pdrop,
        init_std: theirs.initializer_range,
        labels,
        ..Config::gpt2(theirs.vocab_size, context, theirs.n_layer, theirs.n_embd, theirs.n_head)
    })
}

fn is_gpt2(config: &Config) -> bool {
    config.norm == NormKind::Layer
        && config.norm_position == NormPosition::Pre
        && config.positions == Positions::Learned
        && config.feed_forward != FeedForwardKind::Swiglu
        && config.kv_heads == config.heads
        && config.bias
        && config.window.is_none()
        && (config.labels == 0 || config.tied)
}

fn config_json(config: &Config, end_of_text: Option<u32>) -> Value {
    if !is_gpt2(config) {
        return json!({ "model_type": "warpweave", "config": config });
    }
    let activation = ACTIVATIONS.iter().find(|(_, kind)| *kind == config.feed_forward).map(|(name, _)| *name);
    let mut value = json!({
        "model_type": "gpt2",
        "architectures": [if config.labels > 0 { "GPT2ForSequenceClassification" } else { "GPT2LMHeadModel" }],
        "vocab_size": config.vocab_size,
        "n_positions": config.context,
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.ffn_width,
        "activation_function": activation,
        "resid_pdrop": decimal(config.dropout),
        "embd_pdrop": decimal(config.dropout),
        "attn_pdrop": decimal(config.dropout),
        "layer_norm_epsilon": decimal(config.norm_eps),
        "initializer_range": decimal(config.init_std),
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
    });
    if let Some(id) = end_of_text {
        value["bos_token_id"] = json!(id);
        value["eos_token_id"] = json!(id);
    }
    if config.labels > 0 {
        let names = |i: usize| (i.to_string(), json!(format!("LABEL_{i}")));
        value["id2label"] = Value::Object((0..config.labels).map(names).collect());
    }
    value
}

/// The f64 whose decimals are those of an f32: 0.02 and not 0.0199999995.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

/// Reads the model in folder `dir`, with weights in f32, f16 or bf16. Each weight is copied once, from the mapped file into
/// its place.
pub fn load(dir: &Path) -> Result<Transformer> {
    let config = load_config(dir)?;
    let path = dir.join(WEIGHTS);
    let file = File::open(&path).map_err(Error::io("read", &path))?;
    // SAFETY: the map is private and read-only. As with every mapped file, another process that truncates it while it is
    // being read would end this one; files are replaced by renaming here, which leaves the mapped one whole.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io("map", &path))?;
    let tensors = SafeTensors::deserialize(&map)
        .map_err(|error| Error::format(&path, "a whole safetensors file with an honest header", error))?;
    let layout = Layout::new(&config);
    let mut flat = Tensor::zeros([layout.len()])?;
    for parameter in layout.parameters() {
        let tensor = find(&tensors, &parameter.name)
            .ok_or_else(|| Error::format(&path, format!("a tensor `{}`", file_name(&parameter.name)), "none"))?;
        let expected = parameter.slot.shape();
        if tensor.shape() != expected.dims() {
            let expected = format!("`{}` of shape {expected}", parameter.name);
            return Err(Error::format(&path, expected, format!("{:?}", tensor.shape())));
        }
        copy(&path, parameter, &tensor, &mut flat.as_mut_slice()[parameter.slot.range()])?;
    }
    Transformer::from_parameters(config, flat)
}

/// A parameter's name in a file: the heads stand outside of `transformer`.
fn file_name(name: &str) -> String {
    if matches!(name, "lm_head.weight" | "score.weight") { name.to_string() } else { format!("{PREFIX}{name}") }
}

/// The tensor called `name`, with or without the prefix: the checkpoints that OpenAI published have none.
fn find<'a>(tensors: &SafeTensors<'a>, name: &str) -> Option<TensorView<'a>> {
    tensors.tensor(&format!("{PREFIX}{name}")).or_else(|_| tensors.tensor(name)).ok()
}

fn copy(path: &Path, parameter: &Parameter, tensor: &TensorView, out: &mut [f32]) -> Result<()> {
    let bytes = tensor.data();
    let halves = |convert: fn([u8; 2]) -> f32, out: &mut [f32]| {
        out.iter_mut().zip(bytes.as_chunks::<2>().0).for_each(|(x, bytes)| *x = convert(*bytes));
    };
    match tensor.dtype() {
        Dtype::F32 if cfg!(target_endian = "little") => bytemuck::cast_slice_mut(out).copy_from_slice(bytes),
        Dtype::F32 => {
            out.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(x, bytes)| *x = f32::from_le_bytes(*bytes))
        }
        Dtype::F16 => halves(|bytes| f16::from_le_bytes(bytes).to_f32(), out),
        Dtype::BF16 => halves(|bytes| bf16::from_le_bytes(bytes).to_f32(), out),
        other => {
            return Err(Error::format(path, format!("`{}` in f32, f16 or bf16", parameter.name), format!("{other:?}")));
        }
    }
    Ok(())
}

/// Writes the model into folder `dir`, which is made where missing. `end_of_text` is noted for other programs.
pub fn save(model: &Transformer, end_of_text: Option<u32>, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let flat: &[u8] = bytemuck::cast_slice(model.parameters().as_slice());
    let tensors = model.layout().parameters().iter().map(|parameter| {
        let range = parameter.slot.range();
        let name = file_name(&parameter.name);
        let shape = parameter.slot.shape().dims().to_vec();
        let view = TensorView::new(Dtype::F32, shape, &flat[range.start * 4..range.end * 4]);
        (name, view.expect("a parameter has as many elements as its shape says"))
    });
    let metadata = std::collections::HashMap::from([("format".to_string(), "pt".to_string())]);
    let weights = Staged::create(dir.join(WEIGHTS))?;
    weights.write_by_name(|path| {
        safetensors::tensor::serialize_to_file(tensors, Some(metadata), path)
            .map_err(|error| Error::io("write", dir.join(WEIGHTS))(std::io::Error::other(error)))
    })?;
    weights.commit()?;
    let path = dir.join(CONFIG);
    write_atomically(&path, |file| {
        let value = config_json(model.config(), end_of_text);
        serde_json::to_writer_pretty(file, &value).map_err(|error| Error::io("write", &path)(error.into()))
    })
}
