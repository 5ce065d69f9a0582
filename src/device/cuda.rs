//! A GPU's queue, over cudarc's driver layer.
//!
//! Each call binds the stream's context to the calling thread first: the CUDA runtime, which the launchers use, works on the
//! context that is current.

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaContext, CudaStream, DriverError, result, sys};

use super::stream::Workspace;
use super::{Device, build_info, stream};
use crate::error::{Error, Result};
use crate::ffi;

/// A stream, and the scratch memory of its work.
pub(crate) struct Queue {
    stream: Arc<CudaStream>,
    workspace: Mutex<Workspace>,
}

/// Why GPU number `ordinal` cannot be opened; nothing where it can.
pub fn unavailable(ordinal: usize) -> Option<String> {
    // SAFETY: it loads the driver's library, which runs no code of ours. cudarc panics on first use where there is none.
    if !unsafe { sys::is_culib_present() } {
        return Some("the CUDA driver's library (libcuda) was not found: install NVIDIA's driver".into());
    }
    match CudaContext::device_count() {
        Err(error) => Some(format!("the CUDA driver does not start: {}", describe_error(&error))),
        Ok(0) => Some("the CUDA driver finds no GPU".into()),
        Ok(count) if ordinal >= count as usize => Some(format!("the CUDA driver finds {count}, numbered from 0")),
        Ok(_) => None,
    }
}

/// The GPU's name, compute capability and memory, the CUDA version that the driver supports, and by what the kernels were compiled.
pub fn describe(ordinal: usize) -> Result<String> {
    let about = || -> Result<_, DriverError> {
        let context = CudaContext::new(ordinal)?;
        let mut driver = 0;
        // SAFETY: it writes the number.
        unsafe { sys::cuDriverGetVersion(&mut driver) }.result()?;
        Ok((context.name()?, context.compute_capability()?, context.total_mem()?, driver))
    };
    let (name, (major, minor), bytes, driver) = about().map_err(fault("Device::status", ordinal))?;
    let (gib, compiler) = (bytes as f64 / f64::from(1 << 30), build_info::cuda().unwrap_or_default());
    Ok(format!(
        "{name}, compute capability {major}.{minor}, {gib:.0} GiB, driver for CUDA {}.{}; compiled by {compiler}",
        driver / 1000,
        driver % 1000 / 10
    ))
}

fn describe_error(error: &DriverError) -> String {
    match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(sentence)) => format!("{}: {}", name.to_string_lossy(), sentence.to_string_lossy()),
        _ => format!("{:?}", error.0),
    }
}

/// Turns a driver's error into ours.
fn fault(op: &'static str, ordinal: usize) -> impl Fn(DriverError) -> Error {
    move |error| Error::Fault {
        op,
        device: Device::Cuda(ordinal).to_string(),
        name: format!("{:?}", error.0),
        message: error.error_string().map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned()),
    }
}

// Of the CUDA runtime, which the launchers link.
unsafe extern "C" {
    fn cudaGetErrorName(error: i32) -> *const c_char;
    fn cudaGetErrorString(error: i32) -> *const c_char;
}

impl Queue {
    /// A new stream on a GPU for which [`unavailable`] has no objection.
    pub fn open(ordinal: usize) -> Result<Self> {
        let open = || CudaContext::new(ordinal)?.new_stream();
        Ok(Queue::of(open().map_err(fault("Device::stream", ordinal))?))
    }

    pub fn of(stream: Arc<CudaStream>) -> Self {
        Queue { stream, workspace: Mutex::new(Workspace::EMPTY) }
    }

    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    fn bind(&self, op: &'static str) -> Result<()> {
        self.on(op, || self.stream.context().bind_to_thread())
    }

    fn on<R>(&self, op: &'static str, call: impl FnOnce() -> Result<R, DriverError>) -> Result<R> {
        call().map_err(fault(op, self.stream.context().ordinal()))
    }
}

impl stream::Queue for Queue {
    fn device(&self) -> Device {
        Device::Cuda(self.stream.context().ordinal())
    }

    fn current(&self, op: &'static str) -> Result<ffi::ww_stream> {
        self.bind(op)?;
        Ok(self.stream.cu_stream().cast())
    }

    fn check(&self, op: &'static str, status: i32) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the functions take any number and return strings that live as long as the program.
        let text = |of: unsafe extern "C" fn(i32) -> *const c_char| unsafe {
            CStr::from_ptr(of(status)).to_string_lossy().into_owned()
        };
        let (name, message) = (text(cudaGetErrorName), text(cudaGetErrorString));
        Err(Error::Fault { op, device: self.device().to_string(), name, message })
    }

    fn synchronize(&self, op: &'static str) -> Result<()> {
        self.on(op, || self.stream.synchronize())
    }

    fn allocate(&self, op: &'static str, bytes: usize) -> Result<*mut c_void> {
        self.bind(op)?;
        self.on(op, || {
            // SAFETY: the context is bound and the stream alive.
            let address = unsafe {
                if self.stream.context().has_async_alloc() {
                    result::malloc_async(self.stream.cu_stream(), bytes)?
                } else {
                    result::malloc_sync(bytes)?
                }
            };
            Ok(address as *mut c_void)
        })
    }

    unsafe fn free(&self, address: *mut c_void) {
        let context = self.stream.context();
        let free = || {
            context.bind_to_thread()?;
            // SAFETY: the caller's promise.
            unsafe {
                if context.has_async_alloc() {
                    return result::free_async(address as sys::CUdeviceptr, self.stream.cu_stream());
                }
                self.stream.synchronize()?;
                result::free_sync(address as sys::CUdeviceptr)
            }
        };
        // There is nobody to tell here: the context's next user will be.
        context.record_err(free());
    }

    unsafe fn clear(&self, op: &'static str, to: *mut c_void, bytes: usize) -> Result<()> {
        self.bind(op)?;
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; the context is bound.
        self.on(op, || unsafe { result::memset_d8_async(to as sys::CUdeviceptr, 0, bytes, self.stream.cu_stream()) })
    }

    unsafe fn upload(&self, op: &'static str, to: *mut c_void, from: &[u8]) -> Result<()> {
        self.bind(op)?;
        if from.is_empty() {
            return Ok(());
        }
        // SAFETY: the caller's promise. From pageable memory the driver stages the copy before it returns; the wait covers
        // pinned memory, which it reads later.
        self.on(op, || unsafe { result::memcpy_htod_async(to as sys::CUdeviceptr, from, self.stream.cu_stream()) })?;
        self.synchronize(op)
    }

    unsafe fn download(&self, op: &'static str, to: &mut [u8], from: *const c_void) -> Result<()> {
        self.bind(op)?;
        if !to.is_empty() {
            // SAFETY: the caller's promise; `to` is borrowed until the wait below is over.
            self.on(op, || unsafe {
                result::memcpy_dtoh_async(to, from as sys::CUdeviceptr, self.stream.cu_stream())
            })?;
        }
        self.synchronize(op)
    }

    unsafe fn copy(&self, op: &'static str, to: *mut c_void, from: *const c_void, bytes: usize) -> Result<()> {
        self.bind(op)?;
        if bytes == 0 {
            return Ok(());
        }
        let (to, from) = (to as sys::CUdeviceptr, from as sys::CUdeviceptr);
        // SAFETY: the caller's promise; the context is bound.
        self.on(op, || unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream.cu_stream()) })
    }

    fn workspace(&self) -> &Mutex<Workspace> {
        &self.workspace
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let address = self.workspace.get_mut().unwrap_or_else(PoisonError::into_inner).address;
        if !address.is_null() {
            // SAFETY: the workspace was allocated by this queue, and no more work can be enqueued through it.
            unsafe { stream::Queue::free(self, address) };
        }
    }
}
