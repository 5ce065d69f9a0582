use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Draw, Sampling};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use super::{assert_moves, cost};
use crate::support::normal;

fn sample<T: Float>(options: Sampling, rows: usize, vocab_size: usize) -> Option<KernelCounters> {
    let logits = normal(1, rows * vocab_size).into_iter().map(T::from_f32).collect();
    let logits = Tensor::from_vec([rows, vocab_size], logits).unwrap();
    let kernels = cost(|stream: &Stream| {
        let logits = logits.to(stream).unwrap();
        let mut tokens = Tensor::zeros_on(stream, [rows]).unwrap();
        ops::sample(&options, logits.view(), Draw { seed: 1, number: 0 }, tokens.view_mut()).unwrap();
    })?;
    let [kernel] = kernels.try_into().unwrap();
    Some(kernel)
}

/// What fits into the registers of a row's threads is read once whatever is done with it, and the tokens are written.
#[test]
fn logits_are_read_once() {
    let plain = Sampling::default();
    for options in [
        Sampling { temperature: 0.0, ..plain },
        plain,
        Sampling { top_k: Some(40), top_p: Some(0.9), min_p: Some(0.01), ..plain },
    ] {
        // Rows of one warp, of a block and of a cluster.
        for (rows, vocab_size) in [(16, 256), (17, 4096), (1, 50_256)] {
            let Some(kernel) = sample::<f32>(options, rows, vocab_size) else { return };
            assert_moves(&format!("{options:?} in f32"), kernel.sectors_read(), rows * vocab_size * 4);
            assert_eq!(kernel.global.load.efficiency(), 1.0, "{kernel}");
            assert_eq!(kernel.global.store.bytes, 4 * rows as u64, "{kernel}");
            let Some(kernel) = sample::<bf16>(options, rows, vocab_size) else { return };
            assert_moves(&format!("{options:?} in bf16"), kernel.sectors_read(), rows * vocab_size * 2);
            // Histograms are of integers that share bins, which atomics wait for. In a cluster a warp writes to one place in each
            // of its blocks; nothing else conflicts.
            assert_eq!(kernel.shared.load.conflicts(), 0, "{kernel}");
            assert!(kernel.shared.store.conflicts() == 0 || kernel.blocks > rows as u64, "{kernel}");
        }
    }
}

/// Rows of any alignment, and those that are read in several passes: no byte comes from memory twice.
#[test]
fn other_logits_are_read_once_from_memory() {
    let Some(kernel) = sample::<f32>(Sampling::default(), 1, 150_000) else { return };
    assert_moves("all of a long row", kernel.distinct_sectors_read, 150_000 * 4);
    let passes = kernel.sectors_read() as f64 / kernel.distinct_sectors_read as f64;
    assert!((2.0..2.02).contains(&passes), "{passes} passes and what the last one sees: {kernel}");
    let Some(kernel) = sample::<bf16>(Sampling::default(), 3, 4001) else { return };
    assert_moves("rows without alignment", kernel.distinct_sectors_read, 3 * 4001 * 2);
}
