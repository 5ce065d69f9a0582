//! Copies, casts and fills of views with any strides.

use super::launch::{Address, Launcher, PerDevice, launch, per_device};
use super::{Check, Operand};
use crate::cpu;
use crate::error::Result;
use crate::ffi::{ww_strided_copy_params, ww_strided_fill_params};
use crate::tensor::{Element, Float, MAX_RANK, View, ViewMut};

const COPY: Launcher<ww_strided_copy_params> = per_device!(strided_copy);
const FILL: Launcher<ww_strided_fill_params> = per_device!(strided_fill);

/// y = x, bit for bit: a copy, a transpose or another permutation of axes, a repetition of broadcast axes, a gathering of what has
/// gaps.
///
/// `x` and `y` have one shape, of any number of axes, and any strides: the last axis may have gaps, too. On a GPU the bytes move
/// in whole sectors where both operands are closest along the same axis, and where one is the other transposed.
///
/// # Errors
/// Different shapes or streams; on another device than the CPU, elements of other sizes than 1, 2 and 4 bytes.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let x = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let mut y = Tensor::zeros([3, 2])?;
/// ops::copy(x.view().t(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn copy<T: Element>(x: View<T>, y: ViewMut<T>) -> Result<()> {
    let check = Check::new("copy", "x", x.stream());
    check_operands(&check, &x, &y)?;
    let (x, y) = fewest_axes(x, y);
    if check.stream.is_host() {
        cpu::copy::copy(x, y, |x, y| y.copy_from_slice(x));
        return Ok(());
    }
    check_element::<T>(&check, "x")?;
    let params = ww_strided_copy_params { element_bytes: size_of::<T>() as i32, ..abi(&x, &y) };
    // SAFETY: both operands have passed the checks, and have one shape.
    unsafe { launch(&check, COPY, &params) }
}

/// y = x as numbers of another type: to the nearest one, and to the even one of two. NaN stays NaN, and what is too large for
/// [`f16`](half::f16) becomes infinite. Between the two types of 16 bits it goes through `f32`, which loses nothing more.
///
/// `x` and `y` are as those of [`copy`]. Where both types are the same, this is [`copy`].
///
/// # Errors
/// Different shapes or streams.
///
/// ```
/// use half::bf16;
/// use warpweave::{Tensor, ops};
///
/// let x = Tensor::from_vec([2], vec![1.0, 0.1])?;
/// let mut y: Tensor<bf16> = Tensor::zeros([2])?;
/// ops::cast(x.view(), y.view_mut())?;
/// assert_eq!(y.as_slice(), [bf16::ONE, bf16::from_f32(0.1)]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn cast<T: Float, U: Float>(x: View<T>, y: ViewMut<U>) -> Result<()> {
    let check = Check::new("cast", "x", x.stream());
    check_operands(&check, &x, &y)?;
    let (x, y) = fewest_axes(x, y);
    if check.stream.is_host() {
        cpu::copy::cast(x, y);
        return Ok(());
    }
    let params = ww_strided_copy_params { x_dtype: T::DTYPE as i32, y_dtype: U::DTYPE as i32, ..abi(&x, &y) };
    // SAFETY: both operands have passed the checks, and have one shape.
    unsafe { launch(&check, COPY, &params) }
}

/// y = value, in each element. `y` has any shape and any strides.
///
/// # Errors
/// On another device than the CPU, elements of other sizes than 1, 2 and 4 bytes.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let mut y = Tensor::zeros([2, 2])?;
/// ops::fill(y.view_mut().select(1, 0), 7.0)?;
/// assert_eq!(y.as_slice(), [7.0, 0.0, 7.0, 0.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn fill<T: Element>(y: ViewMut<T>, value: T) -> Result<()> {
    let stream = y.stream();
    let check = Check::new("fill", "y", stream);
    let one = [value];
    let everywhere = View::contiguous(&one, []).broadcast(y.shape()).expect("one element repeats to any shape");
    let (x, y) = fewest_axes(everywhere, y);
    if stream.is_host() {
        cpu::copy::copy(x, y, |x, y| y.copy_from_slice(x));
        return Ok(());
    }
    check_element::<T>(&check, "y")?;
    let mut bits = [0; 4];
    bits[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
    let params = ww_strided_fill_params {
        rank: y.shape().rank() as i32,
        element_bytes: size_of::<T>() as i32,
        bits: u32::from_le_bytes(bits),
        reserved: 0,
        sizes: padded(y.dims()),
        y: y.address(),
        y_strides: padded(y.strides()),
    };
    // SAFETY: the operand is a view to write, of this shape and these strides, on the stream.
    unsafe { launch(&check, FILL, &params) }
}

fn check_operands(check: &Check, x: &impl Operand, y: &impl Operand) -> Result<()> {
    check.shape("y", y.shape(), x.shape())?;
    check.on_stream("y", y)
}

/// What the kernels know of elements is their size.
fn check_element<T: Element>(check: &Check, arg: &'static str) -> Result<()> {
    let got = format_args!("{}, of {} bytes", T::NAME, size_of::<T>());
    check.that(matches!(size_of::<T>(), 1 | 2 | 4), arg, "elements of 1, 2 or 4 bytes on this device", got)
}

/// The same pairs of elements along as few axes as can be: none of extent 1, in the order in which they lie in `y`, and those that
/// lie in one piece in both operands joined. `x` and `y` have one shape.
fn fewest_axes<'x, 'y, T: Element, U: Element>(
    mut x: View<'x, T>,
    mut y: ViewMut<'y, U>,
) -> (View<'x, T>, ViewMut<'y, U>) {
    if y.is_empty() {
        return (x, y);
    }
    for axis in (0..y.shape().rank()).rev() {
        if y.dim(axis) == 1 {
            (x, y) = (x.select(axis, 0), y.select(axis, 0));
        }
    }
    for end in 1..y.shape().rank() {
        for axis in (1..=end).rev() {
            if y.strides()[axis - 1] < y.strides()[axis] {
                (x, y) = (x.swap_axes(axis - 1, axis), y.swap_axes(axis - 1, axis));
            }
        }
    }
    for axis in (1..y.shape().rank()).rev() {
        let (outer, inner) = (y.dim(axis - 1), y.dim(axis));
        let joins = |strides: &[usize]| strides[axis - 1] == inner * strides[axis];
        if joins(x.strides()) && joins(y.strides()) {
            let shape = y.shape().without_axis(axis).with_dim(axis - 1, outer * inner);
            let joined = "two axes in one piece are one";
            (x, y) = (x.reshape(shape).expect(joined), y.reshape(shape).expect(joined));
        }
    }
    (x, y)
}

/// Extents or strides as the C ABI takes them.
fn padded(axes: &[usize]) -> [i64; MAX_RANK] {
    std::array::from_fn(|axis| axes.get(axis).map_or(0, |&axis| axis as i64))
}

/// The operands as the C ABI takes them.
fn abi<T: Element, U: Element>(x: &View<T>, y: &ViewMut<U>) -> ww_strided_copy_params {
    ww_strided_copy_params {
        rank: y.shape().rank() as i32,
        element_bytes: 0,
        x_dtype: 0,
        y_dtype: 0,
        sizes: padded(y.dims()),
        x: x.address(),
        x_strides: padded(x.strides()),
        y: y.address(),
        y_strides: padded(y.strides()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    /// The extents and strides that are left.
    fn axes<T: Element>(x: View<T>, y: ViewMut<T>) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let (x, y) = fewest_axes(x, y);
        (y.dims().to_vec(), x.strides().to_vec(), y.strides().to_vec())
    }

    #[test]
    fn what_lies_in_one_piece_is_one_axis() {
        let (x, mut y) = (Tensor::<f32>::zeros([2, 3, 4, 5]).unwrap(), Tensor::<f32>::zeros([2, 3, 4, 5]).unwrap());
        assert_eq!(axes(x.view(), y.view_mut()), (vec![120], vec![1], vec![1]));
        // Transposed alike.
        assert_eq!(axes(x.view().swap_axes(0, 3), y.view_mut().swap_axes(0, 3)), (vec![120], vec![1], vec![1]));
        // Rows with gaps in one operand.
        let wide = Tensor::<f32>::zeros([2, 3, 4, 7]).unwrap();
        assert_eq!(axes(wide.view().narrow(3, 1, 5), y.view_mut()), (vec![24, 5], vec![7, 1], vec![5, 1]));
        // One number for all.
        let one = Tensor::<f32>::zeros([1, 1]).unwrap();
        assert_eq!(axes(one.view().broadcast([2, 3, 4, 5]).unwrap(), y.view_mut()), (vec![120], vec![0], vec![1]));
    }

    #[test]
    fn axes_come_in_the_order_of_the_output() {
        let (x, mut y) = (Tensor::<f32>::zeros([2, 3, 4, 5]).unwrap(), Tensor::<f32>::zeros([2, 4, 3, 5]).unwrap());
        let heads_first = (vec![2, 4, 3, 5], vec![60, 5, 20, 1], vec![60, 15, 5, 1]);
        assert_eq!(axes(x.view().swap_axes(1, 2), y.view_mut()), heads_first);
        assert_eq!(axes(x.view(), y.view_mut().swap_axes(1, 2)), heads_first);
        let (x, mut y) = (Tensor::<f32>::zeros([6, 4, 5]).unwrap(), Tensor::<f32>::zeros([20, 6]).unwrap());
        assert_eq!(axes(x.view().reshape([6, 20]).unwrap().t(), y.view_mut()), (vec![20, 6], vec![1, 20], vec![6, 1]));
    }

    #[test]
    fn axes_of_one_element_are_left_out() {
        let (x, mut y) = (Tensor::<u8>::zeros([1, 3, 1, 2]).unwrap(), Tensor::<u8>::zeros([1, 3, 1, 2]).unwrap());
        assert_eq!(axes(x.view().swap_axes(1, 3), y.view_mut().swap_axes(1, 3)), (vec![6], vec![1], vec![1]));
        assert_eq!(axes(x.view().narrow(1, 1, 1), y.view_mut().narrow(1, 2, 1)), (vec![2], vec![1], vec![1]));
        let (x, mut y) = (Tensor::<u8>::zeros([]).unwrap(), Tensor::<u8>::zeros([]).unwrap());
        assert_eq!(axes(x.view(), y.view_mut()), (vec![], vec![], vec![]));
    }
}
