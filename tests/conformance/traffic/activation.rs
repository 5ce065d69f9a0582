use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Activation, ActivationParams, BiasGrad};
use warpweave::tensor::Float;

use super::{assert_moves, assert_no_conflicts, cost, tensor};

/// No multiple of a block's work, but of a sector.
const SHAPE: [usize; 2] = [33, 784];

#[track_caller]
fn assert_reads_and_writes(what: &str, kernel: &KernelCounters, read: usize, written: usize) {
    assert_moves(&format!("{what}: read"), kernel.sectors_read(), read);
    assert_moves(&format!("{what}: written"), kernel.sectors_written(), written);
    assert_eq!((kernel.global.load.efficiency(), kernel.global.store.efficiency()), (1.0, 1.0), "{kernel}");
}

fn elementwise<T: Float>() {
    let [rows, columns] = SHAPE;
    let bytes = rows * columns * size_of::<T>();
    let kernels = cost(|stream| {
        let [x, mut y] = [(); 2].map(|()| tensor::<T, _>(stream, SHAPE));
        ops::activation(Activation::Gelu, x.view(), y.view_mut()).unwrap();
    });
    let Some(kernels) = kernels else { return };
    assert_reads_and_writes("activation", &kernels[0], bytes, bytes);
    let kernels = cost(|stream| {
        let [x, mut grad] = [(); 2].map(|()| tensor::<T, _>(stream, SHAPE));
        ops::activation_backward_in_place(Activation::Gelu, x.view(), grad.view_mut(), None).unwrap();
    });
    assert_reads_and_writes("activation_backward", &kernels.unwrap()[0], 2 * bytes, bytes);
    let kernels = cost(|stream| {
        let (x, mut y) = (tensor::<T, _>(stream, [rows, 2 * columns]), tensor::<T, _>(stream, SHAPE));
        ops::glu(Activation::Silu, x.view(), y.view_mut()).unwrap();
    });
    assert_reads_and_writes("glu", &kernels.unwrap()[0], 2 * bytes, bytes);
    let kernels = cost(|stream| {
        let [x, mut dx] = [(); 2].map(|()| tensor::<T, _>(stream, [rows, 2 * columns]));
        let dy = tensor::<T, _>(stream, SHAPE);
        ops::glu_backward(Activation::Silu, x.view(), dy.view(), dx.view_mut(), None).unwrap();
    });
    assert_reads_and_writes("glu_backward", &kernels.unwrap()[0], 3 * bytes, 2 * bytes);
}

#[test]
fn activations_read_and_write_once() {
    elementwise::<f32>();
    elementwise::<bf16>();
}

/// The bias comes from L1 for all rows but the first.
#[test]
fn a_bias_costs_no_memory() {
    let [rows, columns] = SHAPE;
    let kernels = cost(|stream| {
        let ([x, mut y], bias) =
            ([(); 2].map(|()| tensor::<bf16, _>(stream, SHAPE)), tensor::<bf16, _>(stream, [columns]));
        let params = ActivationParams { kind: Activation::Relu, bias: Some(bias.view()) };
        ops::activation(params, x.view(), y.view_mut()).unwrap();
    });
    let Some(kernels) = kernels else { return };
    assert_moves("all loads", kernels[0].sectors_read(), 2 * 2 * rows * columns);
    assert_eq!(kernels[0].distinct_sectors_read as usize, (rows + 1) * columns * 2 / 32);
    assert_eq!(kernels[0].global.load.efficiency(), 1.0, "{}", kernels[0]);
}

/// Rows enough for three parts of the sums, whose writing and reading is within the 2 %.
const SUM_SHAPE: [usize; 2] = [768, 256];

/// `read` and `written` by the first kernel, but for the parts of the sums, which the second one reads.
#[track_caller]
fn assert_sums(what: &str, kernels: &[KernelCounters], read: usize, written: usize, sums: usize) {
    let [main, last] = kernels else { panic!("two kernels, not {kernels:#?}") };
    let partials = 3 * 4 * sums;
    assert_moves(&format!("{what}: read"), main.sectors_read(), read);
    assert_eq!((main.global.load.efficiency(), main.global.store.efficiency()), (1.0, 1.0), "{main}");
    assert_moves(&format!("{what}: written"), main.sectors_written(), written + partials);
    assert_moves(&format!("{what}: parts"), last.sectors_read(), partials);
    assert_moves(&format!("{what}: sums"), last.sectors_written(), 4 * sums);
    let all = main.distinct_sectors_read + main.distinct_sectors_written + last.sectors_read() + last.sectors_written();
    assert_moves(&format!("{what}: all"), all, read + written);
    assert_no_conflicts(kernels);
}

fn sums<T: Float>() {
    let [rows, columns] = SUM_SHAPE;
    let bytes = rows * columns * size_of::<T>();
    let kernels = cost(|stream| {
        let (dy, mut dbias) = (tensor::<T, _>(stream, SUM_SHAPE), tensor(stream, [columns]));
        ops::bias_backward(dy.view(), 0.0, dbias.view_mut()).unwrap();
    });
    let Some(kernels) = kernels else { return };
    assert_sums("bias_backward", &kernels, bytes, 0, columns);
    let kernels = cost(|stream| {
        let ([x, mut grad], mut dbias) =
            ([(); 2].map(|()| tensor::<T, _>(stream, SUM_SHAPE)), tensor(stream, [columns]));
        let bias_grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
        ops::activation_backward_in_place(Activation::Relu, x.view(), grad.view_mut(), Some(bias_grad)).unwrap();
    });
    assert_sums("activation_backward", &kernels.unwrap(), 2 * bytes, bytes, columns);
    let kernels = cost(|stream| {
        let [x, mut dx] = [(); 2].map(|()| tensor::<T, _>(stream, [rows, 2 * columns]));
        let (dy, mut dbias) = (tensor::<T, _>(stream, SUM_SHAPE), tensor(stream, [2 * columns]));
        let bias_grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
        ops::glu_backward(Activation::Relu, x.view(), dy.view(), dx.view_mut(), Some(bias_grad)).unwrap();
    });
    assert_sums("glu_backward", &kernels.unwrap(), 3 * bytes, 2 * bytes, 2 * columns);
}

#[test]
fn sums_over_rows_come_with_one_read() {
    sums::<f32>();
    sums::<bf16>();
}
