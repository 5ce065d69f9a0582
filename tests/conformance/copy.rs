//! Copies, casts and fills on every device, between layouts of every kind: to the bit.

use half::{bf16, f16};
use proptest::prelude::*;
use warpweave::ops;
use warpweave::tensor::{Element, Float, View, ViewMut};
use warpweave::{Stream, Tensor};

use crate::support::*;

/// Where an operand's elements lie: the tensor around it has its axes in the order `order`, `before[i]` elements more in front of axis
/// i and `after[i]` behind it, and then `step[i] - 1` between two elements of it.
#[derive(Debug, Clone)]
struct Place {
    order: [usize; 4],
    before: [usize; 4],
    after: [usize; 4],
    step: [usize; 4],
}

const DENSE: Place = Place { order: [0, 1, 2, 3], before: [0; 4], after: [0; 4], step: [1; 4] };

impl Place {
    /// The shape of the tensor around an operand of this shape: each axis and its steps are two.
    fn around(&self, dims: [usize; 4]) -> [usize; 4] {
        self.order.map(|axis| (self.before[axis] + dims[axis] + self.after[axis]) * self.step[axis])
    }

    /// Where element `index` lies in that tensor.
    fn offset(&self, dims: [usize; 4], index: [usize; 4]) -> usize {
        let around = self.around(dims);
        (0..4).fold(0, |offset, i| {
            let axis = self.order[i];
            offset * around[i] + (self.before[axis] + index[axis]) * self.step[axis]
        })
    }
}

/// What views of both kinds do, written once.
macro_rules! place {
    ($name:ident, $view:ident) => {
        fn $name<'a, T: Element>(view: $view<'a, T>, place: &Place, dims: [usize; 4]) -> $view<'a, T> {
            let mut view = view;
            for i in 0..4 {
                let axis = place.order[i];
                // One axis becomes [size, step], of which element 0 of the steps is meant. Views have 6 axes: one at a time.
                if place.step[axis] > 1 {
                    let mut split = [0; 5];
                    split[..i].copy_from_slice(&view.dims()[..i]);
                    (split[i], split[i + 1]) = (view.dim(i) / place.step[axis], place.step[axis]);
                    split[i + 2..].copy_from_slice(&view.dims()[i + 1..]);
                    view = view.reshape(split).unwrap().select(i + 1, 0);
                }
                view = view.narrow(i, place.before[axis], dims[axis]);
            }
            let mut order = place.order;
            for axis in 0..4 {
                let at = order.iter().position(|&other| other == axis).unwrap();
                order.swap(axis, at);
                view = view.swap_axes(axis, at);
            }
            view
        }
    };
}

place!(place, View);
place!(place_mut, ViewMut);

fn indices(dims: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let [_, b, c, d] = dims;
    (0..dims.iter().product()).map(move |i: usize| [i / (b * c * d), i / (c * d) % b, i / d % c, i % d])
}

/// Elements of T, and a number of its own for each place in memory.
trait Sample: Element {
    fn sample(i: usize) -> Self;
    /// What no sample is: bytes of 0xA5.
    fn frame() -> Self {
        let mut frame = [Self::zeroed()];
        bytemuck::cast_slice_mut::<Self, u8>(&mut frame).fill(0xA5);
        frame[0]
    }
}

impl Sample for u8 {
    fn sample(i: usize) -> Self {
        (i % 101) as u8
    }
}

impl Sample for u32 {
    fn sample(i: usize) -> Self {
        i as u32
    }
}

macro_rules! float_sample {
    ($($type:ty),*) => {
        $(impl Sample for $type {
            fn sample(i: usize) -> Self {
                // Some that the types of 16 bits round, and some that f16 does not have.
                <$type as Float>::from_f32((i as f32 - 50.0) * if i % 7 == 0 { 1000.1 } else { 1.003 })
            }
        })*
    };
}

float_sample!(f32, bf16, f16);

fn bytes_of<T: Element>(x: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(x).to_vec()
}

/// Runs `op` from one place to another, and holds what it wrote, and that it wrote nothing else, against index arithmetic.
fn check<T: Sample, U: Sample>(
    dims: [usize; 4],
    from: &Place,
    to: &Place,
    op: impl Fn(View<T>, ViewMut<U>) -> warpweave::Result<()>,
    convert: impl Fn(T) -> U,
) {
    let around = to.around(dims);
    let x: Vec<T> = (0..from.around(dims).iter().product()).map(T::sample).collect();
    let mut want = vec![U::frame(); around.iter().product()];
    for index in indices(dims) {
        want[to.offset(dims, index)] = convert(x[from.offset(dims, index)]);
    }
    let x = Tensor::from_vec(from.around(dims), x).unwrap();
    on_devices(|stream| {
        let x = x.to(stream).unwrap();
        let mut y = Tensor::from_vec(around, vec![U::frame(); want.len()]).unwrap().to(stream).unwrap();
        place_mut(y.view_mut(), to, dims).promise().unwrap();
        op(place(x.view(), from, dims), place_mut(y.view_mut(), to, dims)).unwrap();
        let got = y.to_vec().unwrap();
        if let Some(i) = (0..got.len()).find(|&i| bytes_of(&got[i..=i]) != bytes_of(&want[i..=i])) {
            panic!("{} to {}: element {i} in memory is {:?}, not {:?}", T::NAME, U::NAME, got[i], want[i]);
        }
    });
}

fn check_copy<T: Sample>(dims: [usize; 4], from: &Place, to: &Place) {
    check::<T, T>(dims, from, to, ops::copy, |x| x);
}

fn check_cast<T: Sample + Float, U: Sample + Float>(dims: [usize; 4], from: &Place, to: &Place) {
    check::<T, U>(dims, from, to, ops::cast, |x| U::from_f32(x.to_f32()));
}

fn check_fill<T: Sample>(dims: [usize; 4], to: &Place) {
    let value = T::sample(77);
    check::<T, T>(dims, &DENSE, to, |_, y| ops::fill(y, value), |_| value);
}

fn places() -> impl Strategy<Value = Place> {
    let order = Just([0, 1, 2, 3]).prop_shuffle();
    let few = || prop_oneof![3 => Just([0; 4]), 1 => [0usize..3, 0usize..3, 0usize..3, 0usize..3]];
    let step = prop_oneof![4 => Just([1; 4]), 1 => [1usize..3, 1usize..3, 1usize..3, 1usize..3]];
    (order, few(), few(), step).prop_map(|(order, before, after, step)| Place { order, before, after, step })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn any_strides(dims in [1usize..5, 1usize..5, 0usize..20, 1usize..40], from in places(), to in places()) {
        check_copy::<f32>(dims, &from, &to);
        check_copy::<f16>(dims, &from, &to);
        check_copy::<u8>(dims, &from, &to);
        check_cast::<f32, bf16>(dims, &from, &to);
        check_cast::<f16, f32>(dims, &from, &to);
        check_fill::<u32>(dims, &to);
        check_fill::<bf16>(dims, &to);
    }
}

fn ordered(order: [usize; 4]) -> Place {
    Place { order, ..DENSE }
}

/// The kernel for squares in registers: sizes that it divides, around its tiles' edges. And the one for tiles: all others.
#[test]
fn transposes() {
    for [rows, columns] in [[8, 8], [64, 136], [128, 72], [264, 16], [8, 1024], [65, 64], [64, 63], [100, 130], [7, 9]]
    {
        for dims in [[1, 1, rows, columns], [2, rows, 1, columns]] {
            let across = ordered(if dims[1] == 1 { [0, 1, 3, 2] } else { [3, 0, 2, 1] });
            check_copy::<u32>(dims, &across, &DENSE);
            check_copy::<bf16>(dims, &across, &DENSE);
            check_copy::<u8>(dims, &DENSE, &across);
        }
        let (dims, across) = ([1, 1, rows, columns], ordered([0, 1, 3, 2]));
        check_cast::<f32, bf16>(dims, &across, &DENSE);
        check_cast::<f16, f32>(dims, &across, &DENSE);
        check_cast::<bf16, f16>(dims, &across, &DENSE);
        // Aligned rows between gaps, and rows that are not aligned.
        check_copy::<f16>(dims, &Place { after: [0, 0, 8, 0], ..across.clone() }, &DENSE);
        check_copy::<f16>(dims, &Place { before: [0, 0, 1, 0], ..across.clone() }, &DENSE);
    }
}

/// Rows in vectors: of every length, beginning alike or not, dense and with gaps.
#[test]
fn rows_of_every_length() {
    for columns in [1, 3, 4, 15, 16, 17, 63, 64, 100, 5000] {
        let dims = [1, 2, 3, columns];
        let from = |elements| Place { before: [0, 0, 0, elements], after: [0, 0, 0, 16 - elements], ..DENSE };
        for (x, y) in [(DENSE, DENSE), (from(1), from(1)), (from(3), from(2)), (DENSE, from(4)), (from(8), DENSE)] {
            check_copy::<u8>(dims, &x, &y);
            check_copy::<f16>(dims, &x, &y);
            check_copy::<f32>(dims, &x, &y);
            check_cast::<f32, f16>(dims, &x, &y);
            check_cast::<bf16, f32>(dims, &x, &y);
            check_cast::<f16, bf16>(dims, &x, &y);
            check_fill::<u8>(dims, &y);
            check_fill::<f32>(dims, &y);
        }
    }
    // Heads before the sequence.
    check_copy::<bf16>([2, 3, 5, 64], &ordered([0, 2, 1, 3]), &DENSE);
}

#[test]
fn repeated_elements() {
    on_devices(|stream| {
        let x = Tensor::from_vec([3, 1, 2], (0..6).collect::<Vec<u32>>()).unwrap().to(stream).unwrap();
        let mut y = Tensor::from_vec([2, 3, 40, 2], vec![99; 480]).unwrap().to(stream).unwrap();
        ops::copy(x.view().broadcast([2, 3, 40, 2]).unwrap(), y.view_mut()).unwrap();
        let want: Vec<u32> = (0..480).map(|i| 2 * (i / 80 % 3) + i % 2).collect();
        assert_eq!(y.to_vec().unwrap(), want);
        // The last axis, too.
        let mut y = Tensor::from_vec([3, 2, 40], vec![99; 240]).unwrap().to(stream).unwrap();
        ops::copy(x.view().reshape([3, 2, 1]).unwrap().broadcast([3, 2, 40]).unwrap(), y.view_mut()).unwrap();
        assert_eq!(y.to_vec().unwrap(), (0..240).map(|i| i / 40).collect::<Vec<u32>>());
    });
}

/// Every number of 16 bits, through every type.
#[test]
fn casts_of_all_numbers() {
    fn run<T: Float, U: Float>(stream: &Stream, x: &[T]) {
        let want: Vec<U> = x.iter().map(|x| U::from_f32(x.to_f32())).collect();
        let x = Tensor::from_vec([x.len()], x.to_vec()).unwrap().to(stream).unwrap();
        let mut y: Tensor<U> = Tensor::zeros_on(stream, [want.len()]).unwrap();
        ops::cast(x.view(), y.view_mut()).unwrap();
        for (i, (got, want)) in y.to_vec().unwrap().into_iter().zip(want).enumerate() {
            let same = bytes_of(&[got]) == bytes_of(&[want]) || (got.to_f32().is_nan() && want.to_f32().is_nan());
            assert!(same, "{} to {}: element {i} is {got:?}, not {want:?}", T::NAME, U::NAME);
        }
    }
    // The upper half of an f32, with lower halves around the ties of both types.
    let near =
        |high: u32| [0, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001].map(|low| f32::from_bits(high << 16 | low));
    let wide: Vec<f32> = (0..=u32::from(u16::MAX)).step_by(3).flat_map(near).collect();
    let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let brains: Vec<bf16> = (0..=u16::MAX).map(bf16::from_bits).collect();
    let all = |stream: &Stream| {
        run::<f32, bf16>(stream, &wide);
        run::<f32, f16>(stream, &wide);
        run::<f16, f32>(stream, &halves);
        run::<f16, bf16>(stream, &halves);
        run::<bf16, f32>(stream, &brains);
        run::<bf16, f16>(stream, &brains);
    };
    on_devices(all);
}

/// A copy keeps the bits of NaN; so does a cast to the same type.
#[test]
fn bits_of_nan() {
    on_devices(|stream| {
        let bits = [0x7fa0_0001u32, 0xffff_ffff, 0x7f80_0001, 0x8000_0000];
        let x = Tensor::from_vec([4], bits.map(f32::from_bits).to_vec()).unwrap().to(stream).unwrap();
        for op in [ops::copy::<f32>, ops::cast::<f32, f32>] {
            let mut y = Tensor::zeros_on(stream, [4]).unwrap();
            op(x.view(), y.view_mut()).unwrap();
            assert_eq!(y.to_vec().unwrap().iter().map(|y: &f32| y.to_bits()).collect::<Vec<_>>(), bits);
        }
    });
}

#[test]
fn of_one_element_and_of_none() {
    on_devices(|stream| {
        let x = Tensor::from_vec([], vec![3.0f32]).unwrap().to(stream).unwrap();
        let mut y: Tensor<bf16> = Tensor::zeros_on(stream, []).unwrap();
        ops::cast(x.view(), y.view_mut()).unwrap();
        assert_eq!(y.to_vec().unwrap(), [bf16::from_f32(3.0)]);
        let x: Tensor = Tensor::zeros_on(stream, [2, 0, 3]).unwrap();
        let mut y: Tensor = Tensor::zeros_on(stream, [3, 0, 2]).unwrap();
        ops::copy(x.view(), y.view_mut().swap_axes(0, 2)).unwrap();
        ops::fill(y.view_mut(), 1.0).unwrap();
    });
}

#[test]
fn what_is_refused() {
    on_devices(|stream| {
        let x: Tensor = Tensor::zeros_on(stream, [2, 3]).unwrap();
        let mut y: Tensor = Tensor::zeros_on(stream, [3, 2]).unwrap();
        let error = ops::copy(x.view(), y.view_mut()).unwrap_err().to_string();
        assert!(error.contains("copy: `y`: expected [2, 3], got [3, 2]"), "{error}");
        let mut y: Tensor<f16> = Tensor::zeros_on(stream, [6]).unwrap();
        let error = ops::cast(x.view(), y.view_mut()).unwrap_err().to_string();
        assert!(error.contains("cast: `y`: expected [2, 3], got [6]"), "{error}");
    });
    on_kernels(|stream| {
        let (x, mut y) = (Tensor::zeros([4]).unwrap(), Tensor::<f32>::zeros_on(stream, [4]).unwrap());
        let error = ops::copy(x.view(), y.view_mut()).unwrap_err().to_string();
        assert!(error.contains("copy: `y`: expected memory of the stream of `x`"), "{error}");
    });
}
