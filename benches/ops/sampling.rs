//! Drawing one token: a part of every step of generation, on one thread.

use criterion::Criterion;
use warpweave::ops::{self, Sampling};

use crate::support::{CHAR, GPT2, group, moved, random, time};

/// Each filter adds a pass, and `top_p` a sort: what is drawn from is read once at least.
const FILTERS: [(&str, Sampling); 4] = [
    ("greedy", Sampling { temperature: 0.0, top_k: None, top_p: None }),
    ("plain", Sampling { temperature: 1.0, top_k: None, top_p: None }),
    ("top_k", Sampling { temperature: 1.0, top_k: Some(40), top_p: None }),
    ("top_p", Sampling { temperature: 1.0, top_k: None, top_p: Some(0.95) }),
];

pub fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "sample");
    for (name, options) in FILTERS {
        for net in [CHAR, GPT2] {
            time(&mut group, name, net.name, moved(net.vocab_size), || {
                let logits = random([net.vocab_size])?;
                Ok(move || ops::sample(&options, logits.view(), 0.5))
            });
        }
    }
    group.finish();
}
