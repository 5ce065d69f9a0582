//! Streams: queues of work on a device.

use std::ffi::c_void;
use std::fmt;
#[cfg(any(ww_sim, ww_cuda))]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Device;
use crate::error::{Error, Result};
use crate::ffi;

/// A queue of work on a device: operations and copies on one stream are done in the order of the calls.
///
/// Clones are the same stream. On [`Device::Cpu`] there is one stream, and an operation is done when its function returns. On
/// the others a call may return before the work is done, or before it fails: [`Stream::synchronize`] waits and says so, and so
/// does every copy to the host.
#[derive(Clone)]
pub struct Stream(Kind);

/// Whose stream it is.
#[derive(Clone)]
pub(crate) enum Kind {
    Cpu,
    #[cfg(ww_sim)]
    Sim(Arc<super::sim::Queue>),
    #[cfg(ww_cuda)]
    Cuda(Arc<super::cuda::Queue>),
}

/// What a device with memory of its own does. Addresses are the device's; bytes are counted from there.
///
/// Errors name `op`, which is the caller's.
pub(crate) trait Queue: Send + Sync {
    fn device(&self) -> Device;

    /// The stream for a launcher, whose device is the current one of this thread then.
    fn current(&self, op: &'static str) -> Result<ffi::ww_stream>;

    /// What a launcher's status means, if it is not one of warpweave.h.
    fn check(&self, op: &'static str, status: i32) -> Result<()>;

    fn synchronize(&self, op: &'static str) -> Result<()>;

    /// Memory of at least one byte, aligned to 256, of unspecified content, for work that is enqueued after this call.
    fn allocate(&self, op: &'static str, bytes: usize) -> Result<*mut c_void>;

    /// Gives memory back once the work that is enqueued now is done.
    ///
    /// # Safety
    /// `address` is from [`allocate`](Queue::allocate) of this queue, and no work that is enqueued later uses it.
    unsafe fn free(&self, address: *mut c_void);

    /// Fills with zeros.
    ///
    /// # Safety
    /// The bytes lie in memory of this queue that nothing else is writing or reading but work on this queue.
    unsafe fn clear(&self, op: &'static str, to: *mut c_void, bytes: usize) -> Result<()>;

    /// Copies from the host; `from` may be reused on return.
    ///
    /// # Safety
    /// As [`clear`](Queue::clear).
    unsafe fn upload(&self, op: &'static str, to: *mut c_void, from: &[u8]) -> Result<()>;

    /// Copies to the host and waits for it.
    ///
    /// # Safety
    /// As [`clear`](Queue::clear).
    unsafe fn download(&self, op: &'static str, to: &mut [u8], from: *const c_void) -> Result<()>;

    /// Copies within the device.
    ///
    /// # Safety
    /// As [`clear`](Queue::clear), for both places, which do not overlap.
    unsafe fn copy(&self, op: &'static str, to: *mut c_void, from: *const c_void, bytes: usize) -> Result<()>;

    /// Promises that the work enqueued from now on writes all of these bytes before any of it reads them. A queue that checks its
    /// work finds out whether that is so; others take it for granted.
    ///
    /// # Safety
    /// As [`clear`](Queue::clear).
    unsafe fn promise(&self, _op: &'static str, _address: *const c_void, _bytes: usize) -> Result<()> {
        Ok(())
    }

    /// The memory that operations on this queue use one after another.
    fn workspace(&self) -> &Mutex<Workspace>;
}

/// Scratch memory of a queue. It grows to what the hungriest operation asks for, and lives as long as the queue, which frees it.
pub(crate) struct Workspace {
    pub address: *mut c_void,
    pub bytes: usize,
}

// SAFETY: the address is a number to the host; only work on the queue goes there.
unsafe impl Send for Workspace {}

#[cfg(any(ww_sim, ww_cuda))]
impl Workspace {
    pub const EMPTY: Workspace = Workspace { address: std::ptr::null_mut(), bytes: 0 };
}

/// Which of the orders that the programming model allows a simulated GPU takes, and which GPU it is.
///
/// The same value gives the same order. Results that differ between two orders on the same GPU show a race in a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Simulation {
    /// The seed of the order of warps, blocks and asynchronous work.
    pub seed: u64,
    /// When asynchronous work completes.
    pub timing: Timing,
    /// 80, 86 or 90: the compute capability of an A100, an A10 or an H100, times ten.
    pub compute_capability: u32,
    /// Whether to look for mistakes that a GPU hides: accesses out of bounds, reads of memory that nothing wrote, races. The
    /// first one is an [`Error::Fault`], which names the kernel, the thread and the line. Kernels take several times as long.
    pub checked: bool,
    /// Whether to count what kernels cost, for [`Stream::counters`]. Kernels take several times as long.
    pub counted: bool,
}

/// When asynchronous work of a simulated GPU completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timing {
    /// At once.
    Early,
    /// As late as the programming model allows.
    Late,
    /// At a moment between the two, drawn from the seed.
    Seeded,
}

impl Default for Simulation {
    /// An H100 whose asynchronous work completes late.
    fn default() -> Self {
        Simulation { seed: 0, timing: Timing::Late, compute_capability: 90, checked: false, counted: false }
    }
}

/// The stream of views of host memory.
pub(crate) static CPU: Stream = Stream::CPU;

impl Stream {
    /// The CPU's.
    pub const CPU: Stream = Stream(Kind::Cpu);

    /// A simulated GPU of its own, with a stream: what goes wrong on it stays on it.
    ///
    /// # Errors
    /// As [`Device::stream`] of [`Device::Sim`]; and [`Error::Argument`] for another compute capability than those.
    ///
    /// ```no_run
    /// use warpweave::device::{Simulation, Stream, Timing};
    ///
    /// let stream = Stream::simulated(Simulation { seed: 7, timing: Timing::Seeded, ..Simulation::default() })?;
    /// # Ok::<(), warpweave::Error>(())
    /// ```
    pub fn simulated(simulation: Simulation) -> Result<Self> {
        let capability = simulation.compute_capability;
        if ![80, 86, 90].contains(&capability) {
            return Err(Error::argument("Stream::simulated", "compute_capability", "80, 86 or 90", capability));
        }
        #[cfg(ww_sim)]
        return Ok(Stream(Kind::Sim(Arc::new(super::sim::Queue::new(simulation)?))));
        #[cfg(not(ww_sim))]
        Device::Sim.stream()
    }

    /// A new stream on a GPU.
    #[cfg(ww_cuda)]
    pub(crate) fn cuda(ordinal: usize) -> Result<Self> {
        Ok(Stream(Kind::Cuda(Arc::new(super::cuda::Queue::open(ordinal)?))))
    }

    /// A stream that cudarc has made, of a context that is the GPU's primary one. Work is enqueued on that very stream, so it
    /// is in order with what its other users enqueue there.
    #[cfg(ww_cuda)]
    pub fn from_cudarc(stream: Arc<cudarc::driver::CudaStream>) -> Self {
        Stream(Kind::Cuda(Arc::new(super::cuda::Queue::of(stream))))
    }

    /// The stream as cudarc knows it; nothing for other devices.
    #[cfg(ww_cuda)]
    pub fn as_cudarc(&self) -> Option<&Arc<cudarc::driver::CudaStream>> {
        match &self.0 {
            Kind::Cuda(queue) => Some(queue.stream()),
            _ => None,
        }
    }

    /// The device.
    pub fn device(&self) -> Device {
        self.queue().map_or(Device::Cpu, Queue::device)
    }

    /// Waits for all the work on the stream.
    ///
    /// # Errors
    /// [`Error::Fault`] when some of it failed; the stream takes no more work then.
    pub fn synchronize(&self) -> Result<()> {
        self.queue().map_or(Ok(()), |queue| queue.synchronize("synchronize"))
    }

    /// What the kernels on this stream have cost since its beginning or since [`Stream::reset_counters`], one entry for each
    /// kernel, by name. Waits for the work on the stream.
    ///
    /// # Errors
    /// [`Error::Argument`] for another stream than that of a [`Simulation`] with `counted`; [`Error::Fault`] when some of the
    /// work failed.
    ///
    /// ```
    /// use warpweave::{Device, Tensor, ops::{self, SoftmaxParams}, device::{Simulation, Stream}};
    ///
    /// # if Device::Sim.stream().is_err() { return Ok(()) }
    /// let stream = Stream::simulated(Simulation { counted: true, ..Simulation::default() })?;
    /// let mut x = Tensor::from_vec([1, 1, 64, 256], vec![1.0; 64 * 256])?.to(&stream)?;
    /// ops::softmax_in_place(&SoftmaxParams::default(), x.view_mut())?;
    /// let counters = stream.counters()?;
    /// println!("{}", counters[0]);
    /// assert_eq!(counters[0].global.load.sectors, 64 * 256 * 4 / 32);
    /// # Ok::<(), warpweave::Error>(())
    /// ```
    pub fn counters(&self) -> Result<Vec<super::KernelCounters>> {
        match &self.0 {
            #[cfg(ww_sim)]
            Kind::Sim(queue) if queue.is_counted() => queue.counters(),
            _ => Err(self.not_counted("Stream::counters")),
        }
    }

    /// Begins to count at zero again. Waits for the work on the stream.
    ///
    /// # Errors
    /// As [`Stream::counters`].
    pub fn reset_counters(&self) -> Result<()> {
        match &self.0 {
            #[cfg(ww_sim)]
            Kind::Sim(queue) if queue.is_counted() => queue.reset_counters(),
            _ => Err(self.not_counted("Stream::reset_counters")),
        }
    }

    fn not_counted(&self, op: &'static str) -> Error {
        let got = format_args!("a stream of {} that doesn't count", self.device());
        Error::argument(op, "stream", "one of a simulated GPU with `counted: true`", got)
    }

    /// Whether memory of this stream is the host's.
    #[inline(always)]
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.0, Kind::Cpu)
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// The queue of a device with memory of its own.
    pub(crate) fn queue(&self) -> Option<&dyn Queue> {
        match &self.0 {
            Kind::Cpu => None,
            #[cfg(ww_sim)]
            Kind::Sim(queue) => Some(&**queue),
            #[cfg(ww_cuda)]
            Kind::Cuda(queue) => Some(&**queue),
        }
    }

    /// Calls `launch` with the address of `bytes` of scratch memory, aligned to 256, for work that it enqueues on this stream.
    ///
    /// Work on a stream is done in order, so one piece of memory serves all of it. It stays locked during the call: otherwise
    /// another thread could enqueue its release before the work that uses it.
    pub(crate) fn with_workspace<R>(
        &self,
        op: &'static str,
        bytes: usize,
        launch: impl FnOnce(*mut c_void) -> Result<R>,
    ) -> Result<R> {
        let Some(queue) = self.queue() else {
            unreachable!("{op}: the CPU's operations have scratch memory of their own")
        };
        let mut workspace = lock(queue.workspace());
        if workspace.bytes < bytes {
            // Twice what it was at least, so that sizes which grow step by step cost few allocations.
            let bytes = bytes.max(2 * workspace.bytes);
            let address = queue.allocate(op, bytes)?;
            let old = std::mem::replace(&mut *workspace, Workspace { address, bytes });
            if !old.address.is_null() {
                // SAFETY: `old` was allocated by this queue, and nobody can get its address any more.
                unsafe { queue.free(old.address) };
            }
        }
        launch(workspace.address)
    }
}

/// Locks, also after a panic elsewhere: a workspace is replaced as a whole.
fn lock(workspace: &Mutex<Workspace>) -> MutexGuard<'_, Workspace> {
    workspace.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PartialEq for Stream {
    /// Whether both are the same queue.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Cpu, Kind::Cpu) => true,
            #[cfg(ww_sim)]
            (Kind::Sim(a), Kind::Sim(b)) => Arc::ptr_eq(a, b),
            #[cfg(ww_cuda)]
            (Kind::Cuda(a), Kind::Cuda(b)) => a.stream() == b.stream(),
            #[cfg(any(ww_sim, ww_cuda))]
            _ => false,
        }
    }
}

impl Eq for Stream {}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.device())
    }
}
