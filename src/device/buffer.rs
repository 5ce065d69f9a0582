//! Memory of a device other than the host.

use std::ffi::c_void;

use super::Stream;
use super::stream::Queue;
use crate::error::Result;

/// Bytes in a device's memory. They are freed in stream order: work that was enqueued before keeps them.
#[derive(Debug)]
pub(crate) struct Buffer {
    address: *mut c_void,
    bytes: usize,
    stream: Stream,
}

// SAFETY: the address is a number to the host; only work on the stream, which is `Send` and `Sync`, goes there.
unsafe impl Send for Buffer {}
// SAFETY: as above; nothing is changed through `&Buffer`.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Memory of unspecified content. `stream` must not be the CPU's.
    fn allocate(op: &'static str, stream: &Stream, bytes: usize) -> Result<Self> {
        // One byte at least: an address that is not null marks an operand that is there, even an empty one.
        let address = queue(stream).allocate(op, bytes.max(1))?;
        Ok(Buffer { address, bytes, stream: stream.clone() })
    }

    /// Zeros.
    pub fn zeros(op: &'static str, stream: &Stream, bytes: usize) -> Result<Self> {
        let buffer = Buffer::allocate(op, stream, bytes)?;
        // SAFETY: the bytes are the new buffer's.
        unsafe { queue(stream).clear(op, buffer.address, bytes)? };
        Ok(buffer)
    }

    /// A copy of the host's bytes.
    pub fn upload(op: &'static str, stream: &Stream, from: &[u8]) -> Result<Self> {
        let buffer = Buffer::allocate(op, stream, from.len())?;
        // SAFETY: the bytes are the new buffer's.
        unsafe { queue(stream).upload(op, buffer.address, from)? };
        Ok(buffer)
    }

    /// A copy on the same stream.
    pub fn duplicate(&self, op: &'static str) -> Result<Self> {
        let copy = Buffer::allocate(op, &self.stream, self.bytes)?;
        // SAFETY: both are whole buffers of this stream, and different ones.
        unsafe { queue(&self.stream).copy(op, copy.address, self.address, self.bytes)? };
        Ok(copy)
    }

    /// Copies to the host, once all the work before it is done. `to` must have this buffer's size.
    pub fn download(&self, op: &'static str, to: &mut [u8]) -> Result<()> {
        assert_eq!(to.len(), self.bytes, "{op}: bytes");
        // SAFETY: the bytes are this buffer's, as many as `to` has.
        unsafe { queue(&self.stream).download(op, to, self.address) }
    }

    pub fn address(&self) -> *mut c_void {
        self.address
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the address is from `allocate` on this stream, and with the buffer the last way to it ends.
        unsafe { queue(&self.stream).free(self.address) };
    }
}

fn queue(stream: &Stream) -> &dyn Queue {
    stream.queue().expect("a buffer lies on a device with memory of its own")
}
