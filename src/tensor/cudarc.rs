//! Views of memory that cudarc holds, without a copy.
//!
//! They are of memory that was allocated on the view's own stream, so they need none of cudarc's events: what cudarc's user
//! enqueues on that stream, the operations here and the release of the memory are done in the order of the calls. Before such
//! memory is used on another stream, that one must wait: `other.join(&stream)`.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, CudaView, CudaViewMut, DevicePtr, DevicePtrMut, DeviceSlice};

use super::{Element, Shape, View, ViewMut};
use crate::device::Stream;
use crate::error::{Error, Result};

/// Checks that memory with `len` elements, allocated on `holder`, can be seen as `shape` on `stream`, which is returned.
fn check<'a>(
    op: &'static str,
    (holder, len): (&Arc<CudaStream>, usize),
    stream: &'a Stream,
    shape: Shape,
) -> Result<&'a Arc<CudaStream>> {
    let expected = || "the stream on which the memory was allocated";
    let Some(own) = stream.as_cudarc() else {
        return Err(Error::argument(op, "stream", expected(), format_args!("one of {}", stream.device())));
    };
    if own != holder {
        return Err(Error::argument(op, "stream", expected(), format_args!("another one of {}", stream.device())));
    }
    if shape.checked_len()? != len {
        return Err(Error::argument(op, "slice", format_args!("{shape} elements"), format_args!("{len} elements")));
    }
    Ok(own)
}

impl<'a, T: Element> View<'a, T> {
    /// A view of a whole [`CudaSlice`] on the stream on which it was allocated: `Stream::from_cudarc(slice.stream().clone())`.
    ///
    /// # Errors
    /// Another stream, and a shape with another number of elements.
    ///
    /// ```no_run
    /// use warpweave::{Stream, View, cudarc::driver::CudaContext};
    ///
    /// let queue = CudaContext::new(0)?.new_stream()?;
    /// let x = queue.alloc_zeros::<f32>(6)?;
    /// let stream = Stream::from_cudarc(queue);
    /// let view = View::from_cudarc(&x, &stream, [2, 3])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_cudarc(slice: &'a CudaSlice<T>, stream: &'a Stream, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let own = check("View::from_cudarc", (slice.stream(), slice.len()), stream, shape)?;
        let (address, _) = slice.device_ptr(own);
        // SAFETY: the slice has the elements of the shape, of a type of plain data, in the stream's memory, for 'a.
        Ok(unsafe { View::from_raw(address as *const T, shape, stream) })
    }

    /// As [`View::from_cudarc`], of a part of a slice.
    pub fn from_cudarc_view(part: &CudaView<'a, T>, stream: &'a Stream, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let own = check("View::from_cudarc_view", (part.stream(), part.len()), stream, shape)?;
        let (address, _) = part.device_ptr(own);
        // SAFETY: as in `from_cudarc`; the part borrows its slice for 'a.
        Ok(unsafe { View::from_raw(address as *const T, shape, stream) })
    }
}

impl<'a, T: Element> ViewMut<'a, T> {
    /// As [`View::from_cudarc`], to write.
    pub fn from_cudarc(slice: &'a mut CudaSlice<T>, stream: &'a Stream, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let own = check("ViewMut::from_cudarc", (slice.stream(), slice.len()), stream, shape)?;
        let (address, _) = slice.device_ptr_mut(own);
        // SAFETY: as in `View::from_cudarc`, and the borrow is mutable.
        Ok(unsafe { ViewMut::from_raw(address as *mut T, shape, stream) })
    }

    /// As [`ViewMut::from_cudarc`], of a part of a slice.
    pub fn from_cudarc_view(mut part: CudaViewMut<'a, T>, stream: &'a Stream, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let own = check("ViewMut::from_cudarc_view", (part.stream(), part.len()), stream, shape)?;
        let (address, _) = part.device_ptr_mut(own);
        // SAFETY: as in `from_cudarc`; the part, which ends here, borrows its slice mutably for 'a.
        Ok(unsafe { ViewMut::from_raw(address as *mut T, shape, stream) })
    }
}
