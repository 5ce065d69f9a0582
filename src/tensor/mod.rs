//! Typed, shaped memory on a device, and the views that operations take.
//!
//! A [`Tensor`] owns its memory and is contiguous. Operations read [`View`]s and write [`ViewMut`]s, which have strides;
//! since a `ViewMut` borrows mutably, an output that overlaps an input does not compile:
//!
//! ```compile_fail
//! use warpweave::{Tensor, ops::{self, Activation}};
//! let mut x: Tensor = Tensor::zeros([2, 3])?;
//! ops::activation(Activation::Relu, x.view(), x.view_mut())?; // error: `x` is already borrowed
//! # Ok::<(), warpweave::Error>(())
//! ```

mod shape;
mod view;

pub use shape::{MAX_RANK, Shape};
pub use view::{View, ViewMut};

use crate::device::Device;
use crate::error::{Error, Result};

/// A type that tensors hold.
pub trait Element: bytemuck::Pod + Send + Sync + PartialEq + std::fmt::Debug {
    /// The type's name in messages.
    const NAME: &'static str;
}

impl Element for f32 {
    const NAME: &'static str = "f32";
}
impl Element for u32 {
    const NAME: &'static str = "u32";
}

/// An owned, contiguous, row-major array on a device.
#[derive(Debug)]
pub struct Tensor<T: Element = f32> {
    data: Vec<T>,
    shape: Shape,
}

impl<T: Element> Tensor<T> {
    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let len = shape.checked_len()?;
        let data = bytemuck::allocation::try_zeroed_vec(len).map_err(|()| {
            let bytes = len as f64 * size_of::<T>() as f64;
            Error::argument(
                "Tensor::zeros",
                "shape",
                "a size that memory can hold",
                format!("{shape}, {bytes:e} bytes"),
            )
        })?;
        Ok(Tensor { data, shape })
    }

    /// A tensor of `data`, in row-major order.
    pub fn from_vec(shape: impl Into<Shape>, data: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len()? != data.len() {
            let got = format!("{} elements", data.len());
            return Err(Error::argument("Tensor::from_vec", "data", format!("{shape} elements"), got));
        }
        Ok(Tensor { data, shape })
    }

    /// Where the memory lies.
    pub fn device(&self) -> Device {
        Device::Cpu
    }

    /// The extents, outermost first.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements, in row-major order.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// The elements, in row-major order, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The whole tensor, to read.
    pub fn view(&self) -> View<'_, T> {
        View::contiguous(&self.data, self.shape)
    }

    /// The whole tensor, to write.
    pub fn view_mut(&mut self) -> ViewMut<'_, T> {
        ViewMut::contiguous(&mut self.data, self.shape)
    }
}
