//! Drawing the next token of each of a few sequences: a part of every step of generation.

use criterion::Criterion;
use half::{bf16, f16};
use warpweave::ops::{self, Draw, Sampling};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{CHAR, GPT2, Group, label, moved_as, on_all, random_on, time_on};

const PLAIN: Sampling = Sampling { temperature: 1.0, top_k: None, top_p: None, min_p: None };

/// What is drawn from must be read once; each filter looks at it more often.
const FILTERS: [(&str, Sampling); 4] = [
    ("greedy", Sampling { temperature: 0.0, ..PLAIN }),
    ("plain", PLAIN),
    ("top_k", Sampling { top_k: Some(40), ..PLAIN }),
    ("top_p", Sampling { top_p: Some(0.95), ..PLAIN }),
];

/// Sequences: one, and a batch.
const ROWS: [usize; 2] = [1, 64];

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "sample", &[sample::<f32>, sample::<bf16>, sample::<f16>]);
}

fn sample<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, options) in FILTERS {
        for (net, rows) in [CHAR, GPT2].iter().flat_map(|net| ROWS.map(|rows| (net, rows))) {
            let name = if rows == 1 { name.to_string() } else { format!("{name}-{rows}") };
            let work = moved_as::<T>(rows * net.vocab_size);
            time_on(group, stream, label::<T>(&name, stream), net.name, work, || {
                let logits = random_on::<T, 2>(stream, [rows, net.vocab_size])?;
                let mut tokens = Tensor::zeros_on(stream, [rows])?;
                let draw = Draw { seed: 1, number: 0 };
                Ok(move || ops::sample(&options, logits.view(), draw, tokens.view_mut()))
            });
        }
    }
}
