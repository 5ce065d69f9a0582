//! Copies, transposes, casts, fills, and statistics in one read.

use criterion::{Criterion, Throughput};
use half::{bf16, f16};
use warpweave::ops::{self, Reductions};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use crate::support::{Group, label, levels, moved_as, on_all, random_on, time_on};

pub fn bench(criterion: &mut Criterion) {
    on_all(criterion, "copy", &[copies::<f32>, copies::<bf16>, copies::<f16>]);
    on_all(criterion, "cast", &[casts::<f32, bf16>, casts::<bf16, f32>, casts::<f32, f16>, casts::<f16, f32>]);
    on_all(criterion, "fill", &[fills::<f32>, fills::<bf16>, fills::<f16>]);
    on_all(criterion, "reduce", &[reductions::<f32>, reductions::<bf16>, reductions::<f16>]);
}

/// A matrix of activations as it lies, transposed, and with heads before the sequence.
fn copies<T: Float>(group: &mut Group, stream: &Stream) {
    for net in levels(stream) {
        let (rows, width) = (net.rows(), net.width);
        let work = || moved_as::<T>(2 * rows * width);
        time_on(group, stream, label::<T>("dense", stream), net.name, work(), || {
            let (x, mut y) = (random_on::<T, 2>(stream, [rows, width])?, Tensor::zeros_on(stream, [rows, width])?);
            Ok(move || ops::copy(x.view(), y.view_mut()))
        });
        time_on(group, stream, label::<T>("transposed", stream), net.name, work(), || {
            let (x, mut y) = (random_on::<T, 2>(stream, [rows, width])?, Tensor::zeros_on(stream, [width, rows])?);
            Ok(move || ops::copy(x.view().t(), y.view_mut()))
        });
        time_on(group, stream, label::<T>("heads-first", stream), net.name, work(), || {
            let x = random_on::<T, 4>(stream, [net.batch, net.seq_len, net.heads, net.head_dim()])?;
            let mut y = Tensor::zeros_on(stream, [net.batch, net.heads, net.seq_len, net.head_dim()])?;
            Ok(move || ops::copy(x.view().swap_axes(1, 2), y.view_mut()))
        });
    }
}

fn casts<T: Float, U: Float>(group: &mut Group, stream: &Stream) {
    for net in levels(stream) {
        let shape = [net.rows(), net.width];
        let bytes = (size_of::<T>() + size_of::<U>()) * shape[0] * shape[1];
        let name = label::<T>(&format!("to-{}", U::NAME), stream);
        time_on(group, stream, name, net.name, Throughput::BytesDecimal(bytes as u64), || {
            let (x, mut y) = (random_on::<T, 2>(stream, shape)?, Tensor::<U>::zeros_on(stream, shape)?);
            Ok(move || ops::cast(x.view(), y.view_mut()))
        });
    }
}

fn fills<T: Float>(group: &mut Group, stream: &Stream) {
    for net in levels(stream) {
        let shape = [net.rows(), net.width];
        time_on(group, stream, label::<T>("zero", stream), net.name, moved_as::<T>(shape[0] * shape[1]), || {
            let mut y = Tensor::zeros_on(stream, shape)?;
            Ok(move || ops::fill(y.view_mut(), T::from_f32(0.0)))
        });
    }
}

/// Statistics of each row of activations, and of all as one row.
fn reductions<T: Float>(group: &mut Group, stream: &Stream) {
    for net in levels(stream) {
        let (rows, width) = (net.rows(), net.width);
        for (name, shape) in [("rows", [rows, width]), ("whole", [1, rows * width])] {
            time_on(group, stream, label::<T>(name, stream), net.name, moved_as::<T>(rows * width), || {
                let x = random_on::<T, 2>(stream, shape)?;
                let mut mean = Tensor::zeros_on(stream, [shape[0]])?;
                let (mut max_abs, mut bad) =
                    (Tensor::zeros_on(stream, [shape[0]])?, Tensor::zeros_on(stream, [shape[0]])?);
                Ok(move || {
                    let (mean, max_abs) = (Some(mean.view_mut()), Some(max_abs.view_mut()));
                    let non_finite = Some(bad.view_mut());
                    ops::reduce(x.view(), Reductions { mean, max_abs, non_finite, ..Reductions::default() })
                })
            });
        }
    }
}
