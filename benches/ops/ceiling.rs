//! What the machine can do in this run: the denominators for all other groups.

use criterion::Criterion;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use warpweave::Tensor;
use warpweave::ops::{self, Gemm};

use crate::support::{LEVELS, flops, group, moved, random, time};

/// Elements that one task copies, as many as a task of the operations has.
const COPIED: usize = 16 * 1024;

pub fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "ceiling");

    // A copy of one matrix of activations reads and writes what the simplest operation on that network does, and finds
    // it in the same cache.
    for net in &LEVELS {
        let len = net.rows() * net.width;
        time(&mut group, "copy", net, moved(2 * len), || {
            let (from, mut to) = (random([len])?, Tensor::zeros([len])?);
            Ok(move || {
                let from = from.as_slice().par_chunks(COPIED);
                to.as_mut_slice().par_chunks_mut(COPIED).zip(from).for_each(|(to, from)| to.copy_from_slice(from));
                Ok(())
            })
        });
    }

    // Square and of extents that are multiples of every tile. The larger is what `train_throughput` compares with.
    for size in [1024, 2048] {
        group.throughput(flops(2 * size * size * size));
        let mut operands = None;
        group.bench_function(format!("product/{size}"), |bencher| {
            let (a, b, c) = operands.get_or_insert_with(|| {
                let square = || random([size, size]).expect("the operands can be made");
                (square(), square(), square())
            });
            bencher.iter(|| ops::gemm(a.view(), b.view(), c.view_mut(), Gemm::default()).expect("squares fit"));
        });
    }
    group.finish();
}
