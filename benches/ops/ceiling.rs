//! What the machine can do in this run: the denominators for all other groups.

use criterion::Criterion;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use warpweave::Tensor;
use warpweave::ops::{self, Gemm};

use crate::support::{CHAR, GPT2_1024, Net, SMALL, flops, group, moved, random, time};

/// The elements of one task, as many as a task of the operations has.
const TASK: usize = 16 * 1024;

/// A matrix of activations of each network, and a buffer past any cache: all parameters of one.
const BUFFERS: [(&str, usize); 4] = [
    (CHAR.name, activations(&CHAR)),
    (SMALL.name, activations(&SMALL)),
    (GPT2_1024.name, activations(&GPT2_1024)),
    ("small-parameters", SMALL.parameters()),
];

const fn activations(net: &Net) -> usize {
    net.rows() * net.width
}

/// The extents of square products, multiples of every tile. `examples/train_throughput.rs` compares with the larger.
const SQUARES: [(&str, usize); 2] = [("1024", 1024), ("2048", 2048)];

pub fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "ceiling");

    // One buffer in and another out. The processor reads a line of the second before it writes it: what reaches memory
    // is up to half more than what counts here.
    for (name, len) in BUFFERS {
        time(&mut group, "copy", name, moved(2 * len), || {
            let (from, mut to) = (random([len])?, Tensor::zeros([len])?);
            Ok(move || {
                let from = from.as_slice().par_chunks(TASK);
                to.as_mut_slice().par_chunks_mut(TASK).zip(from).for_each(|(to, from)| to.copy_from_slice(from));
                Ok(())
            })
        });
    }

    // One buffer in and out, without that read: for what works in place.
    for (name, len) in BUFFERS {
        time(&mut group, "negate", name, moved(2 * len), || {
            let mut x = random([len])?;
            Ok(move || {
                x.as_mut_slice().par_chunks_mut(TASK).for_each(|x| x.iter_mut().for_each(|x| *x = -*x));
                Ok(())
            })
        });
    }

    for (name, size) in SQUARES {
        time(&mut group, "product", name, flops(2 * size * size * size), || {
            let (a, b, mut c) = (random([size, size])?, random([size, size])?, Tensor::zeros([size, size])?);
            Ok(move || ops::gemm(a.view(), b.view(), c.view_mut(), Gemm::default()))
        });
    }
    group.finish();
}
