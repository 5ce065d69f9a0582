//! The simulated GPU's queue, over `kernels/sim/sim.h`.

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, PoisonError};

use super::stream::{Simulation, Timing, Workspace};
use super::{Device, stream};
use crate::error::{Error, Result};
use crate::ffi;

/// A stream of a simulated GPU of its own.
pub(crate) struct Queue {
    stream: ffi::ww_stream,
    workspace: Mutex<Workspace>,
}

// SAFETY: the simulator's functions take a stream from any thread, and from several at once.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    pub fn new(simulation: Simulation) -> Result<Self> {
        let timing = match simulation.timing {
            Timing::Early => ffi::sim::WW_SIM_EARLY,
            Timing::Late => ffi::sim::WW_SIM_LATE,
            Timing::Seeded => ffi::sim::WW_SIM_SEEDED,
        };
        let options = ffi::sim::ww_sim_options {
            seed: simulation.seed,
            timing,
            compute_capability: simulation.compute_capability as i32,
            watch: if simulation.checked { ffi::sim::WW_SIM_CHECK as u64 } else { 0 },
        };
        let mut stream = std::ptr::null_mut();
        // SAFETY: both pointers are to live values of the types that the function names.
        let status = unsafe { ffi::sim::stream_create(&mut stream, &options) };
        let queue = Queue { stream, workspace: Mutex::new(Workspace::EMPTY) };
        stream::Queue::check(&queue, "Stream::simulated", status)?;
        Ok(queue)
    }
}

/// A string of the simulator's; empty for null.
///
/// # Safety
/// `string` is null or ends with a zero and stays as it is during the call.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

impl stream::Queue for Queue {
    fn device(&self) -> Device {
        Device::Sim
    }

    fn current(&self, _: &'static str) -> Result<ffi::ww_stream> {
        Ok(self.stream)
    }

    fn check(&self, op: &'static str, status: i32) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the functions take any number, and any stream that was created or null.
        let (name, sentence, fault) = unsafe {
            let fault = if self.stream.is_null() { std::ptr::null() } else { ffi::sim::message(self.stream) };
            (text(ffi::sim::error_name(status)), text(ffi::sim::error_string(status)), text(fault))
        };
        let message = if fault.is_empty() { sentence } else { fault };
        Err(Error::Fault { op, device: Device::Sim.to_string(), name, message })
    }

    fn synchronize(&self, op: &'static str) -> Result<()> {
        // SAFETY: the stream is alive.
        self.check(op, unsafe { ffi::sim::stream_synchronize(self.stream) })
    }

    fn allocate(&self, op: &'static str, bytes: usize) -> Result<*mut c_void> {
        let mut address = std::ptr::null_mut();
        // SAFETY: `address` is a place for the result; the stream is alive.
        self.check(op, unsafe { ffi::sim::malloc(&mut address, bytes as i64, self.stream) })?;
        Ok(address)
    }

    unsafe fn free(&self, address: *mut c_void) {
        // After a fault the memory is given back too; the fault itself was or will be reported by what uses the stream.
        // SAFETY: the caller's promise; the stream is alive.
        unsafe { ffi::sim::free(address, self.stream) };
    }

    unsafe fn clear(&self, op: &'static str, to: *mut c_void, bytes: usize) -> Result<()> {
        // SAFETY: the caller's promise; the stream is alive.
        self.check(op, unsafe { ffi::sim::fill(to, 0, bytes as i64, self.stream) })
    }

    unsafe fn upload(&self, op: &'static str, to: *mut c_void, from: &[u8]) -> Result<()> {
        let (source, bytes) = (from.as_ptr().cast(), from.len() as i64);
        let direction = ffi::sim::WW_SIM_HOST_TO_DEVICE;
        // SAFETY: the caller's promise; with the host on one side the copy is done on return, so `from` outlives it.
        self.check(op, unsafe { ffi::sim::copy(to, source, bytes, direction, self.stream) })
    }

    unsafe fn download(&self, op: &'static str, to: &mut [u8], from: *const c_void) -> Result<()> {
        let (target, bytes) = (to.as_mut_ptr().cast(), to.len() as i64);
        let direction = ffi::sim::WW_SIM_DEVICE_TO_HOST;
        // SAFETY: as in `upload`.
        self.check(op, unsafe { ffi::sim::copy(target, from, bytes, direction, self.stream) })
    }

    unsafe fn copy(&self, op: &'static str, to: *mut c_void, from: *const c_void, bytes: usize) -> Result<()> {
        let direction = ffi::sim::WW_SIM_DEVICE_TO_DEVICE;
        // SAFETY: the caller's promise; the stream is alive.
        self.check(op, unsafe { ffi::sim::copy(to, from, bytes as i64, direction, self.stream) })
    }

    fn workspace(&self) -> &Mutex<Workspace> {
        &self.workspace
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let workspace = self.workspace.get_mut().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the last user of the stream is gone: buffers and views hold it.
        unsafe {
            if !workspace.address.is_null() {
                ffi::sim::free(workspace.address, self.stream);
            }
            if !self.stream.is_null() {
                ffi::sim::stream_destroy(self.stream);
            }
        }
    }
}
