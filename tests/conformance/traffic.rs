//! The bytes that kernels move, and their bank conflicts, as the simulated GPU counts them.

use half::bf16;
use warpweave::device::{Device, KernelCounters, Simulation, Stream, Timing};
use warpweave::ops::{self, Mask, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, SoftmaxParams};
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

const ROWS: usize = 64;

/// Rows of a warp and of a block.
const COLUMNS: [usize; 2] = [1024, 4096];

fn forward<T: Float>(kind: NormKind) {
    for columns in COLUMNS {
        let kernels = cost(|stream| {
            let [gamma, beta] = [(); 2].map(|()| tensor::<T, _>(stream, [columns]));
            let x = tensor::<T, _>(stream, [ROWS, columns]);
            let (mut y, mut mean, mut rstd) =
                (tensor::<T, _>(stream, [ROWS, columns]), tensor(stream, [ROWS]), tensor(stream, [ROWS]));
            let beta = (kind == NormKind::Layer).then(|| beta.view());
            let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta };
            let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
            ops::norm(&params, x.view(), None, y.view_mut(), stats).unwrap();
        });
        let Some(kernels) = kernels else { return };
        let [kernel] = &kernels[..] else { panic!("one kernel, not {kernels:#?}") };
        let weights = if kind == NormKind::Layer { 2 } else { 1 };
        let (row, what) = (columns * size_of::<T>(), format!("{kind:?} of {columns} columns"));
        // The input once; the weights once a row, from L1.
        assert_moves(&format!("{what}: all loads"), kernel.sectors_read(), ROWS * row * (1 + weights));
        assert_moves(&format!("{what}: input"), kernel.distinct_sectors_read - (weights * row / 32) as u64, ROWS * row);
        assert_eq!(kernel.global.load.efficiency(), 1.0, "{kernel}");
        // The output, and a sector a row for each of the two numbers that the backward pass wants.
        let stats = 2 * ROWS as u64;
        assert_eq!(kernel.sectors_written(), (ROWS * row / 32) as u64 + stats, "{kernel}");
        assert_moves(&format!("{what}: output"), kernel.distinct_sectors_written, ROWS * (row + 8));
        assert_no_conflicts(&kernels);
    }
}

#[test]
fn norms_read_their_input_once() {
    for kind in [NormKind::Layer, NormKind::Rms] {
        forward::<f32>(kind);
        forward::<bf16>(kind);
    }
}

fn backward<T: Float>(kind: NormKind) {
    for columns in COLUMNS {
        let kernels = cost(|stream| {
            let [x, dy, mut dx] = [(); 3].map(|()| tensor::<T, _>(stream, [ROWS, columns]));
            let (gamma, mean, rstd) =
                (tensor::<T, _>(stream, [columns]), tensor(stream, [ROWS]), tensor(stream, [ROWS]));
            let [mut dgamma, mut dbeta] = [(); 2].map(|()| tensor(stream, [columns]));
            let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta: None };
            let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
            let grads = NormGrads {
                dx: dx.view_mut(),
                branch: None,
                dgamma: dgamma.view_mut(),
                dbeta: Some(dbeta.view_mut()),
                beta_acc: 0.0,
            };
            ops::norm_backward(&params, x.view(), stats, dy.view(), None, grads).unwrap();
        });
        let Some(kernels) = kernels else { return };
        let [main, sums] = &kernels[..] else { panic!("two kernels, not {kernels:#?}") };
        let (row, what) = (columns * size_of::<T>(), format!("{kind:?} of {columns} columns, backward"));
        // A block is a part of the sums over rows.
        let partial_sums = main.blocks as usize * 2 * columns * size_of::<f32>();
        assert_moves(&format!("{what}: x and dy"), main.distinct_sectors_read - (row / 32) as u64, 2 * ROWS * row);
        assert_moves(&format!("{what}: dx and sums"), main.distinct_sectors_written, ROWS * row + partial_sums);
        assert_moves(&format!("{what}: sums"), sums.sectors_read(), partial_sums);
        assert_moves(&format!("{what}: dgamma and dbeta"), sums.sectors_written(), 2 * columns * size_of::<f32>());
        // The host's compiler reads a staged vector in pieces of 4 bytes, where nvcc reads it at once: those conflicts are none.
        let main_shared = main.shared;
        assert_eq!((main_shared.cp_async.conflicts(), main_shared.store.conflicts()), (0, 0), "{main}");
        assert_no_conflicts(&kernels[1..]);
    }
}

#[test]
fn norms_backward_read_x_and_dy_once() {
    for kind in [NormKind::Layer, NormKind::Rms] {
        backward::<f32>(kind);
        backward::<bf16>(kind);
    }
}

fn softmax<T: Float>(keys: usize, causal: bool) -> Option<KernelCounters> {
    let kernels = cost(|stream| {
        let [x, mut y] = [(); 2].map(|()| tensor::<T, _>(stream, [1, 1, keys, keys]));
        let params = SoftmaxParams { mask: Mask { causal, ..Mask::default() }, ..SoftmaxParams::default() };
        ops::softmax(&params, x.view(), y.view_mut()).unwrap();
    })?;
    assert_no_conflicts(&kernels);
    let [kernel] = kernels.try_into().unwrap();
    Some(kernel)
}

#[test]
fn softmax_reads_what_is_seen_once() {
    for keys in [64, 512] {
        let Some(kernel) = softmax::<f32>(keys, false) else { return };
        assert_eq!(kernel.sectors_read(), (keys * keys * 4 / 32) as u64, "{kernel}");
        assert_eq!(kernel.sectors_written(), (keys * keys * 4 / 32) as u64, "{kernel}");
        let Some(kernel) = softmax::<bf16>(keys, true) else { return };
        // Each row's last sector is seen in part.
        let seen: usize = (1..=keys).map(|seen| (2 * seen).div_ceil(32)).sum();
        assert_eq!(kernel.distinct_sectors_read, seen as u64, "{kernel}");
        assert_eq!(kernel.sectors_written(), (keys * keys * 2 / 32) as u64, "{kernel}");
    }
}

#[test]
fn softmax_backward_reads_y_and_dy_once() {
    let kernels = cost(|stream| {
        let [y, mut grad] = [(); 2].map(|()| tensor::<bf16, _>(stream, [1, 1, ROWS, 2048]));
        ops::softmax_backward(y.view(), 1.0, grad.view_mut()).unwrap();
    });
    let Some(kernels) = kernels else { return };
    assert_moves("y and dy", kernels[0].sectors_read(), 2 * ROWS * 2048 * 2);
    assert_moves("dx", kernels[0].sectors_written(), ROWS * 2048 * 2);
    assert_no_conflicts(&kernels);
}

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
