//! Typed, shaped memory on a device, and the views that operations take.
//!
//! A [`Tensor`] owns its memory and is contiguous. Operations read [`View`]s and write [`ViewMut`]s, which have strides;
//! since a `ViewMut` borrows mutably, an output that overlaps an input does not compile, on any device:
//!
//! ```compile_fail,E0502
//! use warpweave::{Tensor, ops::{self, Activation}};
//! let mut x: Tensor = Tensor::zeros([2, 3])?;
//! ops::activation(Activation::Relu, x.view(), x.view_mut())?; // error: `x` is already borrowed
//! # Ok::<(), warpweave::Error>(())
//! ```
//!
//! ```compile_fail,E0502
//! use warpweave::{Device, Tensor, ops::{self, SoftmaxParams}};
//! let mut x: Tensor = Tensor::zeros_on(&Device::Sim.stream()?, [1, 1, 2, 3])?;
//! ops::softmax(&SoftmaxParams::default(), x.view(), x.view_mut())?; // error: `x` is already borrowed
//! # Ok::<(), warpweave::Error>(())
//! ```
//!
//! Nor does a view outlive its tensor, whose memory is freed when the work that was enqueued before is done:
//!
//! ```compile_fail,E0505
//! use warpweave::{Device, Tensor};
//! let x: Tensor = Tensor::zeros_on(&Device::Sim.stream()?, [2, 3])?;
//! let view = x.view();
//! drop(x); // error: `x` is borrowed
//! println!("{}", view.shape());
//! # Ok::<(), warpweave::Error>(())
//! ```

#[cfg(ww_cuda)]
mod cudarc;
mod element;
mod shape;
mod view;

pub use element::{DType, Element, Float};
pub use shape::{MAX_RANK, Shape};
pub use view::{View, ViewMut};

use crate::device::{Buffer, CPU, Device, Stream};
use crate::error::{Error, Result};

/// An owned, contiguous, row-major array on a device.
#[derive(Debug)]
pub struct Tensor<T: Element = f32> {
    data: Storage<T>,
    shape: Shape,
}

/// The elements of a tensor.
#[derive(Debug)]
enum Storage<T> {
    Host(Vec<T>),
    Device(Buffer),
}

impl<T: Element> Tensor<T> {
    /// A tensor of zeros on the CPU.
    pub fn zeros(shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let len = shape.checked_len()?;
        let data = bytemuck::allocation::try_zeroed_vec(len).map_err(|()| too_large::<T>("Tensor::zeros", shape))?;
        Ok(Tensor { data: Storage::Host(data), shape })
    }

    /// A tensor of zeros in the memory of `stream`.
    ///
    /// ```
    /// use warpweave::{Device, Tensor};
    ///
    /// let x: Tensor<u32> = Tensor::zeros_on(&Device::Cpu.stream()?, [2])?;
    /// assert_eq!(x.to_vec()?, [0, 0]);
    /// # Ok::<(), warpweave::Error>(())
    /// ```
    pub fn zeros_on(stream: &Stream, shape: impl Into<Shape>) -> Result<Self> {
        const OP: &str = "Tensor::zeros_on";
        let shape = shape.into();
        if stream.is_host() {
            return Tensor::zeros(shape);
        }
        let bytes = shape.checked_len()?.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize);
        let data = Buffer::zeros(OP, stream, bytes.ok_or_else(|| too_large::<T>(OP, shape))?)?;
        Ok(Tensor { data: Storage::Device(data), shape })
    }

    /// A tensor of `data`, in row-major order, on the CPU.
    pub fn from_vec(shape: impl Into<Shape>, data: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len()? != data.len() {
            let got = format!("{} elements", data.len());
            return Err(Error::argument("Tensor::from_vec", "data", format!("{shape} elements"), got));
        }
        Ok(Tensor { data: Storage::Host(data), shape })
    }

    /// A copy in the memory of `stream`.
    ///
    /// Between two devices, and between two streams of one device, it goes through the host and waits for the work that was
    /// enqueued on this tensor's stream before.
    ///
    /// # Errors
    /// [`Error::Fault`] where the device has no memory left, or when work before the copy failed.
    pub fn to(&self, stream: &Stream) -> Result<Self> {
        const OP: &str = "Tensor::to";
        let data = match &self.data {
            Storage::Device(buffer) if buffer.stream() == stream => Storage::Device(buffer.duplicate(OP)?),
            _ if stream.is_host() => Storage::Host(self.to_vec()?),
            Storage::Host(data) => Storage::Device(Buffer::upload(OP, stream, bytemuck::cast_slice(data))?),
            Storage::Device(_) => Storage::Device(Buffer::upload(OP, stream, bytemuck::cast_slice(&self.to_vec()?))?),
        };
        Ok(Tensor { data, shape: self.shape })
    }

    /// The elements, in row-major order, from any device; waits for the work that was enqueued before.
    ///
    /// # Errors
    /// [`Error::Fault`] when some of that work failed.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        match &self.data {
            Storage::Host(data) => Ok(data.clone()),
            Storage::Device(buffer) => {
                let mut data = vec![T::zeroed(); self.len()];
                buffer.download("Tensor::to_vec", bytemuck::cast_slice_mut(&mut data))?;
                Ok(data)
            }
        }
    }

    /// Where the memory lies.
    pub fn device(&self) -> Device {
        self.stream().device()
    }

    /// The stream on which the memory is written and read.
    pub fn stream(&self) -> &Stream {
        match &self.data {
            Storage::Host(_) => &CPU,
            Storage::Device(buffer) => buffer.stream(),
        }
    }

    /// The extents, outermost first.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match &self.data {
            Storage::Host(data) => data.len(),
            // The memory was allocated, so the product does not overflow, unless it is empty.
            Storage::Device(_) if self.shape.dims().contains(&0) => 0,
            Storage::Device(_) => self.shape.dims().iter().product(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, in row-major order. Panics on another device than the CPU: [`to_vec`](Self::to_vec) copies from there.
    #[track_caller]
    pub fn as_slice(&self) -> &[T] {
        match &self.data {
            Storage::Host(data) => data,
            Storage::Device(_) => panic!("as_slice of a tensor on {}: copy it to the host first", self.device()),
        }
    }

    /// The elements, in row-major order, to write. Panics on another device than the CPU.
    #[track_caller]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.data {
            Storage::Host(data) => data,
            Storage::Device(buffer) => {
                panic!("as_mut_slice of a tensor on {}: copy it to the host first", buffer.stream().device())
            }
        }
    }

    /// The whole tensor, to read.
    pub fn view(&self) -> View<'_, T> {
        match &self.data {
            Storage::Host(data) => View::contiguous(data, self.shape),
            // SAFETY: the buffer has the shape's elements, written when it was made, and is borrowed with `self`.
            Storage::Device(buffer) => unsafe {
                View::from_raw(buffer.address().cast_const().cast(), self.shape, buffer.stream())
            },
        }
    }

    /// The whole tensor, to write.
    pub fn view_mut(&mut self) -> ViewMut<'_, T> {
        match &mut self.data {
            Storage::Host(data) => ViewMut::contiguous(data, self.shape),
            // SAFETY: as in `view`; `&mut self` makes the borrow the only one.
            Storage::Device(buffer) => unsafe {
                ViewMut::from_raw(buffer.address().cast(), self.shape, buffer.stream())
            },
        }
    }
}

fn too_large<T>(op: &'static str, shape: Shape) -> Error {
    let bytes = shape.dims().iter().map(|&dim| dim as f64).product::<f64>() * size_of::<T>() as f64;
    Error::argument(op, "shape", "a size that memory can hold", format!("{shape}, {bytes:e} bytes"))
}
