//! Strided views. The pointer arithmetic of the CPU device lies here and in `cpu/gemm.rs`, nowhere else.
//!
//! A view of a device's memory is an address that the host never follows: what reads or writes elements panics on it.

use std::marker::PhantomData;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::{Element, MAX_RANK, Shape};
use crate::device::{CPU, Device, Stream};
use crate::error::{Error, Result};

/// A strided view to read.
///
/// Invariant: for every index within `shape`, `ptr + Σ index·stride` is an initialised element in the memory of `stream`,
/// borrowed for `'a`.
#[derive(Clone, Copy)]
pub struct View<'a, T: Element = f32> {
    ptr: *const T,
    shape: Shape,
    strides: [usize; MAX_RANK],
    stream: &'a Stream,
    borrow: PhantomData<&'a [T]>,
}

/// A strided view to write. Different indices are different elements.
///
/// Invariant: that of [`View`], and no two indices within `shape` meet in one element, and no other live view or
/// reference reaches any of them.
pub struct ViewMut<'a, T: Element = f32> {
    ptr: *mut T,
    shape: Shape,
    strides: [usize; MAX_RANK],
    stream: &'a Stream,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: a `View` is a `&[T]` and a `ViewMut` a `&mut [T]` with an addressing rule, and `T: Send + Sync`.
unsafe impl<T: Element> Send for View<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for View<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Element> Send for ViewMut<'_, T> {}
// SAFETY: as above; `&ViewMut` only reads.
unsafe impl<T: Element> Sync for ViewMut<'_, T> {}

/// What both kinds of view can do.
macro_rules! view_common {
    ($name:ident, $ptr:ty) => {
        impl<'a, T: Element> $name<'a, T> {
            /// Where the memory lies.
            pub fn device(&self) -> Device {
                self.stream.device()
            }

            /// The stream on which the memory is written and read.
            pub fn stream(&self) -> &'a Stream {
                self.stream
            }

            /// The extents, outermost first.
            pub fn shape(&self) -> Shape {
                self.shape
            }

            /// The extents as a slice.
            pub fn dims(&self) -> &[usize] {
                self.shape.dims()
            }

            /// The extent of one axis.
            pub fn dim(&self, axis: usize) -> usize {
                self.dims()[axis]
            }

            /// The strides, in elements, outermost first.
            pub fn strides(&self) -> &[usize] {
                &self.strides[..self.shape.rank()]
            }

            /// The number of elements.
            pub fn len(&self) -> usize {
                // An empty view may have extents whose product would overflow.
                if self.is_empty() { 0 } else { self.dims().iter().product() }
            }

            /// Whether there are no elements.
            pub fn is_empty(&self) -> bool {
                self.dims().contains(&0)
            }

            /// Whether the elements lie one after another in row-major order.
            pub fn is_contiguous(&self) -> bool {
                let dense = self.shape.contiguous_strides();
                self.is_empty() || (0..self.shape.rank()).all(|i| self.dim(i) == 1 || self.strides[i] == dense[i])
            }

            /// Whether the last axis lies without gaps, so that its rows are slices.
            pub fn has_contiguous_rows(&self) -> bool {
                match self.shape.rank() {
                    0 => true,
                    rank => self.dim(rank - 1) <= 1 || self.strides[rank - 1] == 1,
                }
            }

            /// The first element's address. It may be read or written only as far as the view's invariant reaches.
            pub(crate) fn as_ptr(&self) -> $ptr {
                self.ptr
            }

            /// The same elements with axes `a` and `b` exchanged. Panics where there is no such axis.
            pub fn swap_axes(mut self, a: usize, b: usize) -> Self {
                let (mut dims, rank) = (self.shape, self.shape.rank());
                assert!(a < rank && b < rank, "axes {a} and {b} of a view of rank {rank}");
                dims.swap(a, b);
                self.shape = dims;
                self.strides.swap(a, b);
                self
            }

            /// The transpose of a matrix.
            pub fn t(self) -> Self {
                self.swap_axes(0, 1)
            }

            /// The elements `start .. start + len` of `axis`. Panics where there are none such.
            pub fn narrow(mut self, axis: usize, start: usize, len: usize) -> Self {
                let end = start.checked_add(len);
                assert!(
                    end.is_some_and(|end| end <= self.dim(axis)),
                    "{start} + {len} of axis {axis} of {}",
                    self.shape
                );
                if len > 0 && !self.is_empty() {
                    // An empty view has no element at `start`: it keeps its pointer.
                    self.ptr = self.ptr.wrapping_add(start * self.strides[axis]);
                }
                self.shape = self.shape.with_dim(axis, len);
                self
            }

            /// Element `index` of `axis`, without that axis. Panics where there is none such.
            pub fn select(self, axis: usize, index: usize) -> Self {
                let mut view = self.narrow(axis, index, 1);
                view.shape = view.shape.without_axis(axis);
                view.strides.copy_within(axis + 1.., axis);
                view
            }

            /// The same elements with another shape. Fails where that would need a copy.
            pub fn reshape(mut self, shape: impl Into<Shape>) -> Result<Self> {
                let shape = shape.into();
                let strides = reshaped_strides(self.dims(), self.strides(), shape.dims()).ok_or_else(|| {
                    let got = format!("{} with strides {:?}", self.shape, self.strides());
                    Error::argument("reshape", "shape", format!("a view that reads as {shape} without a copy"), got)
                })?;
                self.shape = shape;
                self.strides = strides;
                Ok(self)
            }

            /// Panics where the host cannot follow the address: `op` is what was tried.
            #[inline(always)]
            fn on_host(&self, op: &str) {
                assert!(self.stream.is_host(), "{op} of memory on {}: copy it to the host first", self.stream.device());
            }

            fn offset(&self, index: &[usize]) -> usize {
                assert!(index.len() <= self.shape.rank(), "index {index:?} into {}", self.shape);
                let mut offset = 0usize;
                for (axis, &i) in index.iter().enumerate() {
                    assert!(i < self.dim(axis), "index {index:?} into {}", self.shape);
                    // It wraps in empty views alone, of which nothing is read.
                    offset = offset.wrapping_add(i.wrapping_mul(self.strides[axis]));
                }
                offset
            }

            /// The row at `index`, all axes but the last. Panics out of range, where rows have gaps, and on memory of
            /// another device than the CPU.
            #[inline]
            pub fn row<const N: usize>(&self, index: [usize; N]) -> &[T] {
                self.on_host("row");
                assert!(N + 1 == self.shape.rank() && self.has_contiguous_rows(), "row {index:?} of {}", self.shape);
                let offset = self.offset(&index);
                if self.dim(N) == 0 {
                    return &[];
                }
                // SAFETY: the index is in range and the row without gaps, so the invariant covers each element; the memory is
                // the host's.
                unsafe { std::slice::from_raw_parts(self.ptr.wrapping_add(offset), self.dim(N)) }
            }

            /// The elements in row-major order. Panics where the view has gaps, and on memory of another device than the
            /// CPU.
            pub fn as_slice(&self) -> &[T] {
                self.on_host("as_slice");
                assert!(self.is_contiguous(), "as_slice of {} with strides {:?}", self.shape, self.strides());
                // SAFETY: a contiguous view's invariant covers `len` elements from `ptr`; the memory is the host's.
                unsafe { std::slice::from_raw_parts(self.ptr, self.len()) }
            }
        }
    };
}

view_common!(View, *const T);
view_common!(ViewMut, *mut T);

impl<'a, T: Element> View<'a, T> {
    /// A view of a whole slice. Panics when `shape` has another number of elements.
    pub fn contiguous(data: &'a [T], shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(shape.checked_len().is_ok_and(|len| len == data.len()), "{} elements viewed as {shape}", data.len());
        // SAFETY: the slice is borrowed for 'a, and has the elements of a contiguous view of this shape.
        unsafe { View::from_raw(data.as_ptr(), shape, &CPU) }
    }

    /// A contiguous view of memory of any device.
    ///
    /// # Safety
    /// `ptr` is that of as many elements as `shape` has, initialised, in memory of `stream`, and borrowed for `'a`.
    pub(crate) unsafe fn from_raw(ptr: *const T, shape: Shape, stream: &'a Stream) -> Self {
        View { ptr, shape, strides: shape.contiguous_strides(), stream, borrow: PhantomData }
    }

    /// The same elements repeated along axes of extent 1, and along new axes before the first one, as NumPy broadcasts.
    /// Nothing is copied: such an axis has stride 0. Fails where another extent than 1 would change.
    ///
    /// ```
    /// use warpweave::Tensor;
    ///
    /// let bias = Tensor::from_vec([2, 1], vec![1.0, 2.0])?;
    /// let wide = bias.view().broadcast([5, 2, 3])?;
    /// assert_eq!(wide.strides(), [0, 1, 0]);
    /// assert!(bias.view().broadcast([3, 3]).is_err());
    /// # Ok::<(), warpweave::Error>(())
    /// ```
    pub fn broadcast(mut self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let new = shape.rank().checked_sub(self.shape.rank());
        let fits = |new| (0..self.shape.rank()).all(|i| self.dim(i) == 1 || self.dim(i) == shape.dims()[new + i]);
        let Some(new) = new.filter(|&new| fits(new)) else {
            return Err(Error::argument(
                "broadcast",
                "shape",
                format!("a shape that {} repeats to", self.shape),
                shape,
            ));
        };
        let mut strides = [0; MAX_RANK];
        for i in 0..self.shape.rank() {
            strides[new + i] = if self.dim(i) == 1 { 0 } else { self.strides[i] };
        }
        self.shape = shape;
        self.strides = strides;
        Ok(self)
    }

    /// The elements of the row at `index`, all axes but the last, which may have gaps. Panics as `row` otherwise.
    #[inline]
    pub(crate) fn elements<const N: usize>(&self, index: [usize; N]) -> impl Iterator<Item = T> {
        self.on_host("elements");
        assert!(N + 1 == self.shape.rank(), "row {index:?} of {}", self.shape);
        let (first, stride) = (self.ptr.wrapping_add(self.offset(&index)), self.strides[N]);
        // SAFETY: the index is in range, so the invariant covers each element; the memory is the host's.
        (0..self.dim(N)).map(move |i| unsafe { *first.wrapping_add(i * stride) })
    }

    /// The first axis cut into blocks of `block` (the last one may be smaller), to be read in parallel.
    pub fn par_blocks(self, block: usize) -> impl IndexedParallelIterator<Item = View<'a, T>> {
        let len = self.dim(0);
        (0..len.div_ceil(block)).into_par_iter().map(move |i| self.narrow(0, i * block, block.min(len - i * block)))
    }
}

impl<'a, T: Element> ViewMut<'a, T> {
    /// A view of a whole slice. Panics when `shape` has another number of elements.
    pub fn contiguous(data: &'a mut [T], shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(shape.checked_len().is_ok_and(|len| len == data.len()), "{} elements viewed as {shape}", data.len());
        // SAFETY: the slice is borrowed mutably for 'a, and has the elements of a contiguous view of this shape.
        unsafe { ViewMut::from_raw(data.as_mut_ptr(), shape, &CPU) }
    }

    /// A contiguous view of memory of any device.
    ///
    /// # Safety
    /// As [`View::from_raw`], and the borrow is the only one.
    pub(crate) unsafe fn from_raw(ptr: *mut T, shape: Shape, stream: &'a Stream) -> Self {
        ViewMut { ptr, shape, strides: shape.contiguous_strides(), stream, borrow: PhantomData }
    }

    /// Promises that what is enqueued from now on writes every element, and reads none before. On a stream of the simulated GPU
    /// that is [checked](crate::device::Simulation::checked), the next synchronization or copy to the host finds elements that
    /// were left out. Elsewhere it has no effect.
    ///
    /// # Errors
    /// [`Error::Fault`] when work that was enqueued before has failed.
    pub fn promise(&mut self) -> Result<()> {
        let Some(queue) = self.stream.queue() else { return Ok(()) };
        if self.is_empty() {
            return Ok(());
        }
        // As many of the last axes as lie one after another, and each such piece by itself.
        let rank = self.shape.rank();
        let (mut outer, mut piece) = (rank, 1);
        while outer > 0 && (self.dim(outer - 1) == 1 || self.strides[outer - 1] == piece) {
            outer -= 1;
            piece *= self.dim(outer);
        }
        let pieces: usize = self.dims()[..outer].iter().product();
        for number in 0..pieces {
            let (mut rest, mut offset) = (number, 0);
            for axis in (0..outer).rev() {
                offset += rest % self.dim(axis) * self.strides[axis];
                rest /= self.dim(axis);
            }
            // SAFETY: the elements are this view's, which is borrowed mutably.
            unsafe {
                let address = self.ptr.add(offset);
                queue.promise("ViewMut::promise", address.cast(), piece * size_of::<T>())?;
            }
        }
        Ok(())
    }

    /// The same elements, to read.
    pub fn as_view(&self) -> View<'_, T> {
        View { ptr: self.ptr, shape: self.shape, strides: self.strides, stream: self.stream, borrow: PhantomData }
    }

    /// The same elements, to write, for a shorter time.
    pub fn reborrow(&mut self) -> ViewMut<'_, T> {
        ViewMut { ptr: self.ptr, shape: self.shape, strides: self.strides, stream: self.stream, borrow: PhantomData }
    }

    /// A second view of the same elements.
    ///
    /// # Safety
    /// The two must be narrowed to different elements before either is used.
    unsafe fn alias(&self) -> Self {
        ViewMut { ptr: self.ptr, shape: self.shape, strides: self.strides, stream: self.stream, borrow: PhantomData }
    }

    /// The row at `index`, all axes but the last, to write. Panics as [`row`](Self::row).
    #[inline]
    pub fn row_mut<const N: usize>(&mut self, index: [usize; N]) -> &mut [T] {
        self.on_host("row_mut");
        assert!(N + 1 == self.shape.rank() && self.has_contiguous_rows(), "row {index:?} of {}", self.shape);
        let offset = self.offset(&index);
        if self.dim(N) == 0 {
            return &mut [];
        }
        // SAFETY: as in `row`; `&mut self` makes the borrow unique.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.wrapping_add(offset), self.dim(N)) }
    }

    /// The elements of the row at `index`, all axes but the last, which may have gaps, to write. Panics as `row` otherwise.
    #[inline]
    pub(crate) fn elements_mut<const N: usize>(&mut self, index: [usize; N]) -> impl Iterator<Item = &mut T> {
        self.on_host("elements_mut");
        assert!(N + 1 == self.shape.rank(), "row {index:?} of {}", self.shape);
        let (first, stride) = (self.ptr.wrapping_add(self.offset(&index)), self.strides[N]);
        // SAFETY: as in `elements`; `&mut self` makes the borrow unique, and no two indices meet in one element.
        (0..self.dim(N)).map(move |i| unsafe { &mut *first.wrapping_add(i * stride) })
    }

    /// The elements in row-major order, to write. Panics as [`as_slice`](Self::as_slice).
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.on_host("as_mut_slice");
        assert!(self.is_contiguous(), "as_mut_slice of {} with strides {:?}", self.shape, self.strides());
        // SAFETY: as in `as_slice`; `&mut self` makes the borrow unique.
        unsafe { std::slice::from_raw_parts_mut(self.ptr, self.len()) }
    }

    /// Two views of the elements before and from `at` on along `axis`. Panics where `at` is beyond its end.
    pub fn split_at(self, axis: usize, at: usize) -> (Self, Self) {
        assert!(at <= self.dim(axis), "split at {at} of axis {axis} of {}", self.shape);
        let rest = self.dim(axis) - at;
        // SAFETY: the two are narrowed to either side of `at`.
        let second = unsafe { self.alias() };
        (self.narrow(axis, 0, at), second.narrow(axis, at, rest))
    }

    /// One view for each index of `axis`, without that axis: the parts of a packed `[B, T, 3, H, D]`, say. Panics where
    /// `axis` has another extent than N.
    pub fn unstack<const N: usize>(self, axis: usize) -> [Self; N] {
        assert_eq!(self.dim(axis), N, "unstack axis {axis} of {}", self.shape);
        // SAFETY: each is narrowed to another index of `axis`.
        std::array::from_fn(|i| unsafe { self.alias() }.select(axis, i))
    }

    /// The first axis cut into blocks of `block` (the last one may be smaller), to be written in parallel.
    pub fn par_blocks(self, block: usize) -> impl IndexedParallelIterator<Item = ViewMut<'a, T>> {
        let len = self.dim(0);
        (0..len.div_ceil(block)).into_par_iter().map(move |i| {
            // SAFETY: each is narrowed to another range of the first axis.
            unsafe { self.alias() }.narrow(0, i * block, block.min(len - i * block))
        })
    }

    /// The first two axes cut into tiles of `rows` by `columns` (the last ones may be smaller), to be written in
    /// parallel. Tile t covers block t mod R of the first axis and block t / R of the second, of R blocks of rows.
    pub fn par_tiles(self, rows: usize, columns: usize) -> impl IndexedParallelIterator<Item = ViewMut<'a, T>> {
        let (height, width) = (self.dim(0), self.dim(1));
        let down = height.div_ceil(rows);
        (0..down * width.div_ceil(columns)).into_par_iter().map(move |tile| {
            let (row, column) = (tile % down * rows, tile / down * columns);
            // SAFETY: each is narrowed to another pair of ranges of the first two axes.
            let view = unsafe { self.alias() };
            view.narrow(0, row, rows.min(height - row)).narrow(1, column, columns.min(width - column))
        })
    }
}

/// The strides that let `from` with `strides` be read as `to`, if any do. As NumPy's `_attempt_nocopy_reshape`: groups of
/// axes with the same number of elements are matched, and the old axes of a group must lie without gaps.
fn reshaped_strides(from: &[usize], strides: &[usize], to: &[usize]) -> Option<[usize; MAX_RANK]> {
    let product = |dims: &[usize]| {
        if dims.contains(&0) { Some(0) } else { dims.iter().try_fold(1usize, |len, &dim| len.checked_mul(dim)) }
    };
    let len = product(from)?;
    if product(to) != Some(len) {
        return None;
    }
    let mut out = [0; MAX_RANK];
    if len == 0 {
        let mut stride = 1usize;
        for (out, &dim) in out[..to.len()].iter_mut().zip(to).rev() {
            *out = stride;
            stride = stride.wrapping_mul(dim);
        }
        return Some(out);
    }
    // Axes of extent 1 have no stride of their own.
    let old: Vec<(usize, usize)> = from.iter().copied().zip(strides.iter().copied()).filter(|a| a.0 != 1).collect();
    let (mut i, mut j) = (0, 0);
    while i < old.len() {
        let (mut i_end, mut j_end) = (i + 1, j + 1);
        let (mut old_len, mut new_len) = (old[i].0, to[j]);
        while old_len != new_len {
            if old_len < new_len {
                old_len *= old[i_end].0;
                i_end += 1;
            } else {
                new_len *= to[j_end];
                j_end += 1;
            }
        }
        for a in i..i_end - 1 {
            if old[a].1 != old[a + 1].0 * old[a + 1].1 {
                return None;
            }
        }
        let mut stride = old[i_end - 1].1;
        for b in (j..j_end).rev() {
            out[b] = stride;
            stride *= to[b];
        }
        (i, j) = (i_end, j_end);
    }
    out[j..to.len()].fill(1);
    Some(out)
}
