use half::bf16;
use warpweave::Tensor;
use warpweave::device::{KernelCounters, Stream};
use warpweave::ops::{self, CrossEntropy};
use warpweave::tensor::Float;

use super::{assert_moves, cost, tensor};

/// What it costs for rows with these targets, `gap` elements apart, with a gradient and without.
fn cross_entropy<T: Float>(columns: usize, gap: usize, targets: &[u32]) -> Option<[KernelCounters; 2]> {
    let rows = targets.len();
    let run = |stream: &Stream, gradient: bool| {
        let mut logits = tensor::<T, _>(stream, [rows, columns + gap]);
        let targets = Tensor::from_vec([rows], targets.to_vec()).unwrap().to(stream).unwrap();
        let (mut losses, options) = (tensor::<f32, _>(stream, [rows]), CrossEntropy::default());
        let logits = logits.view_mut().narrow(1, 0, columns);
        if gradient {
            ops::cross_entropy_fused(&options, 1.0, logits, targets.view(), losses.view_mut()).unwrap();
        } else {
            ops::cross_entropy(&options, logits.as_view(), targets.view(), losses.view_mut()).unwrap();
        }
    };
    let kernels = [cost(|stream| run(stream, true))?, cost(|stream| run(stream, false))?];
    for kernels in &kernels {
        // The warps of a cluster leave what they found at one place in each block, which counts as a conflict.
        let exchange = kernels[0].shared.store;
        assert_eq!((kernels[0].conflicts() - exchange.conflicts(), exchange.conflicts() > 0), (0, columns > 16_384));
    }
    Some(kernels.map(|kernels| <[_; 1]>::try_from(kernels).unwrap()[0].clone()))
}

/// A row's target and loss are one sector each.
fn reads_logits_once<T: Float>(rows: usize, columns: usize) {
    let Some([fused, alone]) = cross_entropy::<T>(columns, 0, &vec![1; rows]) else { return };
    let (bytes, what) = (rows * columns * size_of::<T>(), format!("{} of {columns}", T::NAME));
    let small = (rows * 4).next_multiple_of(32);
    for kernel in [&fused, &alone] {
        assert_moves(&format!("{what}: logits and targets"), kernel.distinct_sectors_read, bytes + small);
        // Each warp asks for its row's target up to three times, one sector for the 64 of its logits, and finds it in L1 all but once.
        let all = 32.0 * kernel.sectors_read() as f64 / bytes as f64;
        assert!(all <= 1.0 + 3.5 / 64.0, "{what}: all loads: {all:.4}");
    }
    assert_moves(&format!("{what}: gradient"), fused.distinct_sectors_written, bytes + small);
    assert_moves(&format!("{what}: losses"), alone.distinct_sectors_written, small);
    // Losses are the only stores that leave some of their sector out.
    let stores = fused.global.store;
    assert!(32 * stores.sectors - stores.bytes <= 28 * rows as u64, "{fused}");
}

#[test]
fn cross_entropy_reads_logits_once_and_writes_their_gradient_once() {
    reads_logits_once::<f32>(64, 512);
    reads_logits_once::<bf16>(64, 512);
    for columns in [50_304, 131_072] {
        reads_logits_once::<f32>(2, columns);
        reads_logits_once::<bf16>(2, columns);
    }
}

/// Rows that begin anywhere: the sectors at their ends belong to two rows each, or lie in a gap, and their first and last elements are
/// accessed one by one.
#[test]
fn ragged_rows_cost_their_ends() {
    fn check<T: Float>() {
        let Some([fused, alone]) = cross_entropy::<T>(50_257, 0, &[1, 50_256, 3]) else { return };
        let bytes = 3 * 50_257 * size_of::<T>();
        for kernel in [&fused, &alone] {
            assert_moves("logits and targets", kernel.distinct_sectors_read, bytes);
        }
        assert_moves("gradient", fused.distinct_sectors_written, bytes);
    }
    check::<f32>();
    check::<bf16>();
}

/// A row to ignore is written, and not read.
#[test]
fn ignored_rows_are_not_read() {
    let ignore = CrossEntropy::IGNORE;
    let Some([fused, alone]) = cross_entropy::<bf16>(4096, 8, &[5, ignore, ignore, 7, ignore, ignore, ignore, 1])
    else {
        return;
    };
    let row = 4096 * 2;
    for kernel in [&fused, &alone] {
        assert_moves("three of eight rows, and the targets", kernel.distinct_sectors_read, 3 * row + 32);
    }
    assert_moves("all rows, and the losses", fused.distinct_sectors_written, 8 * row + 32);
}
