use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Dropout, Rotary, RotaryLayout};
use warpweave::tensor::{Float, Tensor};

use super::{ROWS, assert_moves, assert_no_conflicts, cost, tensor};

const HEADS: usize = 12;
const HEAD_DIM: usize = 64;

/// Of the queries and keys of a packed projection, whose heads begin at element `first` of `width`.
fn rotary<T: Float>(layout: RotaryLayout, rotary_dim: usize, first: usize, width: usize) -> Option<KernelCounters> {
    let kernels = cost(|stream| {
        let mut qkv = tensor::<T, _>(stream, [2, ROWS / 2, 3 * HEADS, width]);
        let positions = Tensor::from_vec([2, ROWS / 2], vec![3; ROWS]).unwrap().to(stream).unwrap();
        let positions = (first > 0).then(|| positions.view());
        let rotary = Rotary { layout, rotary_dim: Some(rotary_dim), positions, ..Rotary::default() };
        ops::rotary(&rotary, qkv.view_mut().narrow(2, 0, 2 * HEADS).narrow(3, first, HEAD_DIM)).unwrap();
    })?;
    assert_no_conflicts(&kernels);
    let [kernel] = kernels.try_into().unwrap();
    Some(kernel)
}

#[test]
fn rotary_reads_and_writes_what_turns_once() {
    fn moves<T: Float>() {
        for layout in [RotaryLayout::Interleaved, RotaryLayout::Half] {
            for rotary_dim in [HEAD_DIM, 32] {
                let Some(kernel) = rotary::<T>(layout, rotary_dim, 0, HEAD_DIM) else { return };
                let bytes = ROWS * 2 * HEADS * rotary_dim * size_of::<T>();
                assert_moves("x", kernel.sectors_read(), bytes);
                assert_moves("y", kernel.sectors_written(), bytes);
                assert_eq!((kernel.global.load.efficiency(), kernel.global.store.efficiency()), (1.0, 1.0), "{kernel}");
            }
        }
    }
    moves::<f32>();
    moves::<bf16>();
}

/// Heads that no access of 16 bytes fits, and a position for each token.
#[test]
fn rotary_of_unaligned_heads_reads_each_element_once() {
    for layout in [RotaryLayout::Interleaved, RotaryLayout::Half] {
        let Some(kernel) = rotary::<bf16>(layout, HEAD_DIM, 2, HEAD_DIM + 8) else { return };
        let bytes = (ROWS * 2 * HEADS * HEAD_DIM * size_of::<bf16>()) as u64;
        assert_eq!(kernel.global.store.bytes, bytes, "{kernel}");
        let positions = ROWS * size_of::<u32>() / 32;
        assert_eq!(kernel.distinct_sectors_read, kernel.distinct_sectors_written + positions as u64, "{kernel}");
    }
}

fn dropout<T: Float>(residual: bool) -> Option<KernelCounters> {
    let kernels = cost(|stream| {
        let [x, add, mut y] = [(); 3].map(|()| tensor::<T, _>(stream, [ROWS, 768]));
        let dropout = Dropout { p: 0.1, seed: 1, site: 2 };
        match residual {
            true => ops::dropout_add(x.view(), dropout, add.view(), y.view_mut()).unwrap(),
            false => ops::dropout(x.view(), dropout, y.view_mut()).unwrap(),
        }
    })?;
    let [kernel] = kernels.try_into().unwrap();
    Some(kernel)
}

#[test]
fn dropout_reads_and_writes_each_element_once() {
    fn moves<T: Float>() {
        for residual in [false, true] {
            let Some(kernel) = dropout::<T>(residual) else { return };
            let bytes = ROWS * 768 * size_of::<T>();
            assert_moves("inputs", kernel.sectors_read(), if residual { 2 * bytes } else { bytes });
            assert_moves("y", kernel.sectors_written(), bytes);
            assert_eq!((kernel.global.load.efficiency(), kernel.global.store.efficiency()), (1.0, 1.0), "{kernel}");
        }
    }
    moves::<f32>();
    moves::<bf16>();
}
