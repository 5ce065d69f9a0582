use std::slice;

use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{
    self, BranchGrad, Dropout, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, Residual, ResidualGrad,
};
use warpweave::tensor::Float;

use super::{ROWS, assert_conflicts_of_cluster, assert_moves, assert_no_conflicts, cost, tensor};

/// Rows of a shape, and who shares one: a part of a warp, or so many warps, of so many blocks.
struct Rows {
    rows: usize,
    columns: usize,
    per_warp: usize,
    /// Backward, of a row.
    warps: usize,
    /// Of a cluster.
    blocks: usize,
}

/// Rows of 8 lanes, a warp, a block, and of clusters of 2 and 8 blocks.
const SHAPES: [Rows; 5] = [
    Rows { rows: ROWS, columns: 64, per_warp: 4, warps: 1, blocks: 1 },
    Rows { rows: ROWS, columns: 1024, per_warp: 1, warps: 1, blocks: 1 },
    Rows { rows: 32, columns: 4096, per_warp: 1, warps: 8, blocks: 1 },
    Rows { rows: 4, columns: 16_384, per_warp: 1, warps: 16, blocks: 2 },
    Rows { rows: 2, columns: 65_536, per_warp: 1, warps: 64, blocks: 8 },
];

const DROPOUT: Dropout = Dropout { p: 0.25, seed: 1, site: 2 };

/// The cost of the forward pass, with a residual and its dropout or without.
fn forward<T: Float>(kind: NormKind, [rows, columns]: [usize; 2], residual: bool) -> Option<KernelCounters> {
    let kernels = cost(|stream| {
        let [gamma, beta] = [(); 2].map(|()| tensor::<T, _>(stream, [columns]));
        let [x, input, mut sum, mut y] = [(); 4].map(|()| tensor::<T, _>(stream, [rows, columns]));
        let [mut mean, mut rstd] = [(); 2].map(|()| tensor(stream, [rows]));
        let beta = (kind == NormKind::Layer).then(|| beta.view());
        let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta };
        let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
        let residual = residual.then(|| Residual { input: input.view(), sum: sum.view_mut(), dropout: DROPOUT });
        ops::norm(&params, x.view(), residual, y.view_mut(), stats).unwrap();
    })?;
    let [kernel] = kernels.try_into().unwrap_or_else(|kernels| panic!("one kernel, not {kernels:#?}"));
    Some(kernel)
}

fn check_forward<T: Float>(kind: NormKind, residual: bool) {
    for Rows { rows, columns, per_warp, blocks, .. } in SHAPES {
        let Some(kernel) = forward::<T>(kind, [rows, columns], residual) else { return };
        assert_conflicts_of_cluster(&kernel, blocks);
        let (row, weights) = (columns * size_of::<T>() / 32, if kind == NormKind::Layer { 2 } else { 1 });
        let matrices = if residual { 2 } else { 1 };
        // Each matrix once; the weights once for the rows of a warp, from L1.
        let all = matrices * rows * row + weights * row * rows / per_warp;
        assert_eq!(kernel.sectors_read(), all as u64, "{kernel}");
        assert_eq!(kernel.distinct_sectors_read, ((matrices * rows + weights) * row) as u64, "{kernel}");
        assert_eq!(kernel.global.load.efficiency(), 1.0, "{kernel}");
        // And a sector for each of the two numbers that the backward pass wants, of the rows of a warp.
        let stats = 2 * rows / per_warp;
        assert_eq!(kernel.sectors_written(), (matrices * rows * row + stats) as u64, "{kernel}");
        let stats = 2 * (4 * rows).div_ceil(32);
        assert_eq!(kernel.distinct_sectors_written, (matrices * rows * row + stats) as u64, "{kernel}");
    }
}

#[test]
fn norms_read_their_input_once() {
    check_forward::<f32>(NormKind::Layer, false);
    check_forward::<bf16>(NormKind::Rms, false);
}

#[test]
fn norms_with_a_residual_read_both_once() {
    check_forward::<f32>(NormKind::Rms, true);
    check_forward::<bf16>(NormKind::Layer, true);
}

/// The costs of the backward pass's kernels.
fn backward<T: Float>(kind: NormKind, [rows, columns]: [usize; 2], residual: bool) -> Option<[KernelCounters; 2]> {
    let kernels = cost(|stream| {
        let [x, dy, grad, mut dx, mut branch] = [(); 5].map(|()| tensor::<T, _>(stream, [rows, columns]));
        let (gamma, [mean, rstd]) = (tensor::<T, _>(stream, [columns]), [(); 2].map(|()| tensor(stream, [rows])));
        let [mut dgamma, mut dbeta] = [(); 2].map(|()| tensor(stream, [columns]));
        let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta: None };
        let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
        let grads = NormGrads {
            dx: dx.view_mut(),
            branch: residual.then(|| BranchGrad { dx: branch.view_mut(), dropout: DROPOUT }),
            dgamma: dgamma.view_mut(),
            dbeta: Some(dbeta.view_mut()),
            beta_acc: 0.0,
        };
        let grad = ResidualGrad::from(residual.then(|| grad.view()));
        ops::norm_backward(&params, x.view(), stats, dy.view(), grad, grads).unwrap();
    })?;
    Some(kernels.try_into().unwrap_or_else(|kernels| panic!("two kernels, not {kernels:#?}")))
}

fn check_backward<T: Float>(kind: NormKind, residual: bool) {
    for Rows { rows, columns, per_warp, warps, blocks } in SHAPES {
        let Some([main, sums]) = backward::<T>(kind, [rows, columns], residual) else { return };
        assert_conflicts_of_cluster(&main, blocks);
        assert_no_conflicts(slice::from_ref(&sums));
        let row = columns * size_of::<T>() / 32;
        let (read, written) = if residual { (3, 2) } else { (2, 1) };
        // Each matrix once, gamma twice for the rows of a warp, and two numbers in each warp of a row.
        let stats = 2 * warps * rows / per_warp;
        let all = read * rows * row + 2 * row * rows / per_warp + stats;
        assert_eq!(main.sectors_read(), all as u64, "{main}");
        let unused = stats * (32 - 4 * per_warp);
        assert_eq!(32 * main.global.load.sectors - main.global.load.used_bytes, unused as u64, "{main}");
        let distinct = (read * rows + 1) * row + 2 * (4 * rows).div_ceil(32);
        assert_eq!(main.distinct_sectors_read, distinct as u64, "{main}");
        // A block or a cluster has a part of the sums over rows.
        let partial_sums = main.blocks as usize / blocks * 2 * columns * size_of::<f32>() / 32;
        assert_eq!(main.sectors_written(), (written * rows * row + partial_sums) as u64, "{main}");
        assert_eq!(main.global.store.efficiency(), 1.0, "{main}");
        assert_eq!(sums.sectors_read(), partial_sums as u64, "{sums}");
        assert_eq!(sums.sectors_written(), (2 * columns * size_of::<f32>() / 32) as u64, "{sums}");
        assert_eq!((sums.global.load.efficiency(), sums.global.store.efficiency()), (1.0, 1.0), "{sums}");
    }
}

#[test]
fn norms_backward_read_x_and_dy_once() {
    check_backward::<f32>(NormKind::Layer, false);
    check_backward::<bf16>(NormKind::Rms, false);
}

#[test]
fn norms_backward_with_a_residual_read_its_gradient_once() {
    check_backward::<f32>(NormKind::Rms, true);
    check_backward::<bf16>(NormKind::Layer, true);
}

/// Rows that begin anywhere are accessed element by element, those of a warp side by side: 2 or 4 whole sectors touch 3 or 5.
/// What comes twice for that comes from L1.
#[test]
fn rows_that_no_vector_divides_are_coalesced() {
    fn check<T: Float>() {
        for [rows, columns] in [[64, 1001], [16, 4099]] {
            let bytes = rows * columns * size_of::<T>();
            let most = 1.02 * (1.0 + size_of::<u8>() as f64 / size_of::<T>() as f64);
            let assert_coalesced = |what: &str, sectors: u64, matrices: usize| {
                let ratio = 32.0 * sectors as f64 / (matrices * bytes) as f64;
                assert!((1.0..=most).contains(&ratio), "{what} of {rows} x {columns}: {ratio:.3} > {most:.3}");
            };
            let Some(kernel) = forward::<T>(NormKind::Rms, [rows, columns], false) else { return };
            let weights = (columns * size_of::<T>()).div_ceil(32) as u64;
            assert_moves("x", kernel.distinct_sectors_read - weights, bytes);
            assert_coalesced("x and gamma", kernel.sectors_read(), 2);
            assert_moves("y", kernel.distinct_sectors_written, bytes + 8 * rows);
            assert_coalesced("y", kernel.sectors_written(), 1);
            assert_no_conflicts(&[kernel]);
            let Some([main, _]) = backward::<T>(NormKind::Rms, [rows, columns], false) else { return };
            assert_moves("x and dy", main.distinct_sectors_read - weights, 2 * bytes);
            assert_coalesced("x, dy and gamma", main.sectors_read(), 4);
            assert_no_conflicts(&[main]);
        }
    }
    check::<f32>();
    check::<bf16>();
}
