use half::{bf16, f16};
use warpweave::device::{KernelCounters, Stream};
use warpweave::ops;
use warpweave::tensor::{Float, View, ViewMut};

use super::{assert_moves, assert_no_conflicts, cost, tensor};

/// What a cast costs between views of `elements` elements each, made of tensors of these shapes.
fn cast<T: Float, U: Float, const N: usize, const M: usize>(
    from: [usize; N],
    x: fn(View<T>) -> View<T>,
    to: [usize; M],
    y: fn(ViewMut<U>) -> ViewMut<U>,
) -> Option<KernelCounters> {
    let kernels = cost(|stream: &Stream| {
        let (from, mut to) = (tensor::<T, N>(stream, from), tensor::<U, M>(stream, to));
        ops::cast(x(from.view()), y(to.view_mut())).unwrap();
    })?;
    assert_no_conflicts(&kernels);
    let [kernel] = kernels.try_into().expect("one kernel");
    Some(kernel)
}

/// Every sector that a request touches is used to the last byte, and none comes twice.
#[track_caller]
fn assert_exact<T: Float, U: Float>(what: &str, kernel: &KernelCounters, expected: &str, elements: usize) {
    let what = format!("{what} from {} to {}", T::NAME, U::NAME);
    assert!(kernel.kernel.contains(expected), "{what} by {}", kernel.kernel);
    assert_moves(&format!("{what}: input"), kernel.sectors_read(), elements * size_of::<T>());
    assert_moves(&format!("{what}: output"), kernel.sectors_written(), elements * size_of::<U>());
    let used = [kernel.global.load, kernel.global.store].map(|traffic| traffic.efficiency());
    assert_eq!(used, [1.0, 1.0], "{what}: {kernel}");
}

/// Runs a function for each pair of types.
macro_rules! in_each_pair {
    ($f:ident) => {
        $f::<f32, f32>();
        $f::<bf16, bf16>();
        $f::<f32, bf16>();
        $f::<bf16, f32>();
        $f::<f16, bf16>();
    };
}

fn dense<T: Float, U: Float>() {
    let Some(kernel) = cast::<T, U, 2, 2>([100, 328], |x| x, [100, 328], |y| y) else { return };
    assert_exact::<T, U>("dense", &kernel, "copy_rows", 32_800);
    // Half of each lane's 16 bytes, where the other side is wider.
    let lanes = [size_of::<T>(), size_of::<U>()].map(|bytes| 16 * bytes / size_of::<T>().max(size_of::<U>()));
    let per_request =
        [kernel.global.load, kernel.global.store].map(|traffic| traffic.bytes as f64 / traffic.requests as f64);
    assert!(per_request.iter().zip(lanes).all(|(got, lane)| *got > 0.99 * 32.0 * lane as f64), "{kernel}");
}

fn rows_with_gaps<T: Float, U: Float>() {
    let narrowed = cast::<T, U, 2, 2>([64, 512], |x| x.narrow(1, 64, 384), [64, 384], |y| y);
    let Some(kernel) = narrowed else { return };
    assert_exact::<T, U>("rows with gaps", &kernel, "copy_rows", 64 * 384);
}

fn heads_first<T: Float, U: Float>() {
    let heads = cast::<T, U, 4, 4>([2, 16, 3, 64], |x| x.swap_axes(1, 2), [2, 3, 16, 64], |y| y);
    let Some(kernel) = heads else { return };
    assert_exact::<T, U>("[B, S, H, D] to [B, H, S, D]", &kernel, "copy_rows", 2 * 16 * 3 * 64);
}

fn transposed<T: Float, U: Float>() {
    for_matrix::<T, U, 256, 384>();
    // Few elements of one axis.
    for_matrix::<T, U, 16, 1024>();
    for_matrix::<T, U, 1024, 16>();
}

fn for_matrix<T: Float, U: Float, const R: usize, const C: usize>() {
    let Some(kernel) = cast::<T, U, 2, 2>([R, C], |x| x.t(), [C, R], |y| y) else { return };
    assert_exact::<T, U>(&format!("[{R}, {C}] transposed"), &kernel, "copy_squares", R * C);
    assert_eq!(kernel.shared.load.requests + kernel.shared.store.requests, 0, "{kernel}");
}

fn transposed_inside<T: Float, U: Float>() {
    let Some(kernel) = cast::<T, U, 3, 3>([3, 64, 80], |x| x.swap_axes(1, 2), [3, 80, 64], |y| y) else { return };
    assert_exact::<T, U>("matrices transposed", &kernel, "copy_squares", 3 * 64 * 80);
}

#[test]
fn copies_move_each_byte_once() {
    in_each_pair!(dense);
    in_each_pair!(rows_with_gaps);
    in_each_pair!(heads_first);
    in_each_pair!(transposed);
    in_each_pair!(transposed_inside);
}

/// Rows that begin anywhere but alike are moved in vectors: neighbors share the sectors at their ends, and no more.
#[test]
fn a_misaligned_copy_moves_each_sector_once() {
    let shifted = cast::<bf16, bf16, 1, 1>([20_001], |x| x.narrow(0, 1, 20_000), [20_001], |y| y.narrow(0, 1, 20_000));
    let Some(kernel) = shifted else { return };
    assert!(kernel.kernel.contains("copy_rows"), "{}", kernel.kernel);
    assert_moves("input", kernel.distinct_sectors_read, 2 * 20_000);
    assert_moves("output", kernel.distinct_sectors_written, 2 * 20_000);
    assert!(kernel.global.load.requests < 100, "{kernel}");
}

/// Sizes that nothing divides: lines of a tile begin anywhere, so two requests share a sector where they meet, in L1 or L2. The tile in
/// shared memory has no bank conflicts, which `cast` looks at.
fn transposed_anyhow<T: Float, U: Float>() {
    let Some(kernel) = cast::<T, U, 2, 2>([251, 323], |x| x.t(), [323, 251], |y| y) else { return };
    assert!(kernel.kernel.contains("copy_tiles"), "{}", kernel.kernel);
    assert_moves("input", kernel.distinct_sectors_read, 251 * 323 * size_of::<T>());
    assert_moves("output", kernel.distinct_sectors_written, 251 * 323 * size_of::<U>());
    assert!(kernel.shared.load.requests > 0, "{kernel}");
    for (traffic, bytes) in [(kernel.global.load, size_of::<T>()), (kernel.global.store, size_of::<U>())] {
        // A line of 32 elements that begins anywhere touches one sector more than it fills.
        let most = (bytes + 1) as f64 * traffic.requests as f64;
        assert!(traffic.sectors as f64 <= most, "{kernel}");
    }
}

#[test]
fn transposes_of_any_size_move_each_sector_once() {
    in_each_pair!(transposed_anyhow);
}

#[test]
fn fills_write_each_byte_once() {
    let kernels = cost(|stream| {
        ops::fill(tensor::<bf16, 1>(stream, [10_000]).view_mut(), bf16::ONE).unwrap();
        ops::fill(tensor::<f32, 2>(stream, [50, 72]).view_mut().narrow(1, 8, 64), 1.0).unwrap();
    });
    let Some(kernels) = kernels else { return };
    let [kernel] = &kernels[..] else { panic!("one kernel, not {kernels:#?}") };
    assert_moves("both", kernel.sectors_written(), 2 * 10_000 + 4 * 50 * 64);
    assert_eq!((kernel.sectors_read(), kernel.global.store.efficiency()), (0, 1.0), "{kernel}");
}
