use std::fmt;

use crate::error::{Error, Result};

/// The most axes that a tensor can have.
pub const MAX_RANK: usize = 6;

/// The extents of a tensor, outermost axis first. At most [`MAX_RANK`] axes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The extents as a slice.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of elements, or an error when it exceeds the address space.
    pub(crate) fn checked_len(&self) -> Result<usize> {
        if self.dims().contains(&0) {
            return Ok(0);
        }
        self.dims()
            .iter()
            .try_fold(1usize, |len, &dim| len.checked_mul(dim))
            .ok_or_else(|| Error::argument("Tensor", "shape", "a number of elements that fits the address space", self))
    }

    /// The same with axes `a` and `b` exchanged.
    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        self.dims.swap(a, b);
    }

    /// The same with the extent of one axis changed.
    pub(crate) fn with_dim(mut self, axis: usize, dim: usize) -> Self {
        self.dims[axis] = dim;
        self
    }

    /// The same without one axis.
    pub(crate) fn without_axis(mut self, axis: usize) -> Self {
        self.dims.copy_within(axis + 1..self.rank, axis);
        self.rank -= 1;
        self.dims[self.rank] = 1;
        self
    }

    /// The strides, in elements, of a contiguous row-major array of this shape.
    pub(crate) fn contiguous_strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1usize;
        for axis in (0..self.rank).rev() {
            strides[axis] = stride;
            // It wraps in empty shapes alone.
            stride = stride.wrapping_mul(self.dims[axis]);
        }
        strides
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        const { assert!(N <= MAX_RANK, "a shape has at most MAX_RANK axes") };
        let mut all = [1; MAX_RANK];
        all[..N].copy_from_slice(&dims);
        Shape { dims: all, rank: N }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}
