use half::bf16;
use warpweave::ops::{self, NormGrads, NormKind, NormParams, NormStats, NormStatsMut};
use warpweave::tensor::Float;

use super::{ROWS, assert_moves, assert_no_conflicts, cost, tensor};

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
