use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Mask, SoftmaxParams};
use warpweave::tensor::Float;

use super::{ROWS, assert_moves, assert_no_conflicts, cost, tensor};

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
