//! Rotary positions, and dropout, in each type.

use criterion::Criterion;
use half::{bf16, f16};
use warpweave::ops::{self, Dropout, Rotary, RotaryLayout};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{Group, Net, label, levels, moved_as, on_all, random_on, time_on};

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "dropout", &[dropout::<f32>, dropout::<bf16>, dropout::<f16>]);
    on_all(criterion, "rotary", &[rotary::<f32>, rotary::<bf16>, rotary::<f16>]);
}

/// Bound by Philox, ten rounds for four elements, as long as that is slower than memory.
fn dropout<T: Float>(group: &mut Group, stream: &Stream) {
    let dropout = Dropout { p: 0.1, seed: 1, site: 1 };
    for net in levels(stream) {
        let (shape, len) = ([net.rows(), net.width], net.rows() * net.width);
        time_on(group, stream, label::<T>("plain", stream), net.name, moved_as::<T>(2 * len), || {
            let (x, mut y) = (random_on::<T, 2>(stream, shape)?, Tensor::zeros_on(stream, shape)?);
            Ok(move || ops::dropout(x.view(), dropout, y.view_mut()))
        });
        time_on(group, stream, label::<T>("add", stream), net.name, moved_as::<T>(3 * len), || {
            let (x, residual) = (random_on::<T, 2>(stream, shape)?, random_on::<T, 2>(stream, shape)?);
            let mut y = Tensor::zeros_on(stream, shape)?;
            Ok(move || ops::dropout_add(x.view(), dropout, residual.view(), y.view_mut()))
        });
    }
}

/// Queries and keys of a packed projection, rotated where they lie: every element is read and written.
fn rotary<T: Float>(group: &mut Group, stream: &Stream) {
    for (name, layout) in [("half", RotaryLayout::Half), ("interleaved", RotaryLayout::Interleaved)] {
        for net in levels(stream) {
            let Net { batch, seq_len, heads, .. } = *net;
            let work = moved_as::<T>(2 * 2 * net.rows() * net.width);
            time_on(group, stream, label::<T>(name, stream), net.name, work, || {
                let mut qkv = random_on::<T, 4>(stream, [batch, seq_len, 3 * heads, net.head_dim()])?;
                let rotary = Rotary { layout, ..Rotary::default() };
                Ok(move || ops::rotary(&rotary, qkv.view_mut().narrow(2, 0, 2 * heads)))
            });
        }
    }
}
