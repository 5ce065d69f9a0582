use half::bf16;
use warpweave::ops::{self, Reductions};
use warpweave::tensor::Float;

use super::{assert_moves, assert_no_conflicts, cost, tensor};

/// Rows of a warp, of a block and of several blocks.
fn rows<T: Float>() {
    for [rows, columns] in [[40, 512], [16, 4096], [1, 20 * 16384]] {
        let kernels = cost(|stream| {
            let x = tensor::<T, _>(stream, [rows, columns]);
            let (mut mean, mut squares) = (tensor(stream, [rows]), tensor(stream, [rows]));
            let (mean, sum_of_squares) = (Some(mean.view_mut()), Some(squares.view_mut()));
            ops::reduce(x.view(), Reductions { mean, sum_of_squares, ..Reductions::default() }).unwrap();
        });
        let Some(kernels) = kernels else { return };
        let what = format!("{rows} rows of {columns} {}", T::NAME);
        let (joins, main) = match &kernels[..] {
            [main] => (None, main),
            // By name.
            [joins, main] => (Some(joins), main),
            _ => panic!("{what}: {kernels:#?}"),
        };
        assert_moves(&what, main.sectors_read(), rows * columns * size_of::<T>());
        assert_eq!(main.global.load.efficiency(), 1.0, "{what}: {main}");
        if let Some(joins) = joins {
            // 5 statistics of each part, written one by one and read together.
            let parts = 20;
            assert_eq!((rows, main.global.store.bytes, joins.global.load.bytes), (1, 20 * parts, 20 * parts), "{what}");
        } else {
            assert_eq!(main.global.store.bytes, 8 * rows as u64, "{what}: {main}");
        }
        assert_no_conflicts(&kernels);
    }
}

#[test]
fn reductions_read_their_input_once() {
    rows::<f32>();
    rows::<bf16>();
}
