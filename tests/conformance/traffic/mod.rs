//! The bytes that kernels move, and their bank conflicts, as the simulated GPU counts them.

mod activation;
mod adamw;
mod copy;
mod cross_entropy;
mod embedding;
mod norm;
mod positions;
mod reduce;
mod sampling;
mod softmax;

use warpweave::device::{Device, KernelCounters, Simulation, Stream, Timing};
use warpweave::ops::{self, SoftmaxParams};
use warpweave::tensor::Float;
use warpweave::{Error, Tensor};

/// What the kernels cost that `run` starts, which must be the same in every order. `None` without a simulated GPU.
fn cost(run: impl Fn(&Stream)) -> Option<Vec<KernelCounters>> {
    Device::Sim.stream().ok()?;
    let mut costs = Vec::new();
    for (seed, timing) in [(0, Timing::Early), (1, Timing::Late), (2, Timing::Seeded)] {
        let stream = Stream::simulated(Simulation { seed, timing, counted: true, ..Simulation::default() }).unwrap();
        run(&stream);
        costs.push(stream.counters().unwrap());
    }
    assert!(costs.iter().all(|cost| *cost == costs[0]), "another order costs something else: {costs:#?}");
    Some(costs.swap_remove(0))
}

fn tensor<T: Float, const N: usize>(stream: &Stream, shape: [usize; N]) -> Tensor<T> {
    Tensor::from_vec(shape, vec![T::from_f32(0.5); shape.iter().product()]).unwrap().to(stream).unwrap()
}

/// `bytes`, in whole sectors and with at most 2 % more.
#[track_caller]
fn assert_moves(what: &str, sectors: u64, bytes: usize) {
    let ratio = 32.0 * sectors as f64 / bytes as f64;
    assert!((1.0..=1.02).contains(&ratio), "{what}: moved {} bytes, of {bytes} that it must: {ratio:.4}", 32 * sectors);
}

#[track_caller]
fn assert_no_conflicts(kernels: &[KernelCounters]) {
    for kernel in kernels {
        assert_eq!(kernel.conflicts(), 0, "{kernel}");
    }
}

/// The same of a kernel whose rows may be shared by the `blocks` of a cluster, which leave their sums for each other: a store of as
/// many lanes, each to the same place in the shared memory of another block, counts as if all were one memory.
#[track_caller]
fn assert_conflicts_of_cluster(kernel: &KernelCounters, blocks: usize) {
    let stores = kernel.shared.store;
    assert_eq!(stores.conflicts(), stores.requests * (blocks as u64 - 1), "{kernel}");
    assert_eq!(kernel.conflicts(), stores.conflicts(), "{kernel}");
}

const ROWS: usize = 64;

/// Counters add up over launches and begin at zero again; streams that don't count say so.
#[test]
fn counters_are_of_one_stream() {
    let error = Stream::CPU.counters().unwrap_err();
    assert!(matches!(error, Error::Argument { .. }), "{error}");
    let Ok(plain) = Device::Sim.stream() else { return };
    assert!(plain.reset_counters().unwrap_err().to_string().contains("counted: true"));
    let stream = Stream::simulated(Simulation { counted: true, ..Simulation::default() }).unwrap();
    let mut x = tensor::<f32, _>(&stream, [1, 1, 4, 64]);
    for launches in 1..3 {
        ops::softmax_in_place(&SoftmaxParams::default(), x.view_mut()).unwrap();
        let counters = stream.counters().unwrap();
        assert_eq!((counters.len(), counters[0].launches), (1, launches));
        assert_eq!(counters[0].global.load.bytes, launches * 4 * 64 * 4);
    }
    stream.reset_counters().unwrap();
    assert!(stream.counters().unwrap().is_empty());
}
