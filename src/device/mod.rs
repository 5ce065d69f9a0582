//! Where buffers lie and operations run.
//!
//! A [`Device`] is a name; opening it gives a [`Stream`], on which memory is allocated and operations are enqueued in order.
//! Each tensor and view knows its stream, and an operation runs on that of its operands.
//!
//! ```
//! use warpweave::{Device, Tensor};
//!
//! let stream = Device::best().stream()?;
//! let x = Tensor::from_vec([2], vec![1.0, 2.0])?.to(&stream)?;
//! assert_eq!(x.to_vec()?, [1.0, 2.0]);
//! # Ok::<(), warpweave::Error>(())
//! ```

mod buffer;
mod build_info;
pub mod counters;
#[cfg(ww_cuda)]
mod cuda;
#[cfg(ww_sim)]
mod sim;
mod stream;

use std::fmt;
use std::str::FromStr;

pub(crate) use buffer::Buffer;
pub use counters::KernelCounters;
pub(crate) use stream::{CPU, Kind};
pub use stream::{Simulation, Stream, Timing};

use crate::error::{Error, Result};

/// A device that holds tensors and runs operations. All variants exist in every build; [`Device::stream`] says what is
/// missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Device {
    /// The host's processor: native Rust on rayon's threads.
    #[default]
    Cpu,
    /// The simulated GPU: the kernels compiled by the host's C++ compiler. For tests; it says nothing about speed.
    Sim,
    /// The GPU of this number.
    Cuda(usize),
}

impl Device {
    /// The first GPU where this build and this machine have one, else the CPU.
    pub fn best() -> Self {
        match Device::Cuda(0).unavailable() {
            None => Device::Cuda(0),
            Some(_) => Device::Cpu,
        }
    }

    /// The CPU, the simulated GPU, and every GPU that this build can reach; the first GPU in any case. [`Device::status`] says
    /// whether they can be opened.
    pub fn all() -> Vec<Self> {
        let more = (1..).map(Device::Cuda).take_while(|gpu| gpu.unavailable().is_none());
        [Device::Cpu, Device::Sim, Device::Cuda(0)].into_iter().chain(more).collect()
    }

    /// Opens the device: a new stream on it, whose work is done in order.
    ///
    /// # Errors
    /// [`Error::Device`] names what is missing, and how to get it: the cargo feature, the compiler when this crate was
    /// built, the driver, the GPU.
    pub fn stream(self) -> Result<Stream> {
        if let Some(reason) = self.unavailable() {
            return Err(Error::Device { device: self.to_string(), reason });
        }
        match self {
            Device::Cpu => Ok(Stream::CPU),
            Device::Sim => Stream::simulated(Simulation::default()),
            #[cfg(ww_cuda)]
            Device::Cuda(ordinal) => Stream::cuda(ordinal),
            #[cfg(not(ww_cuda))]
            Device::Cuda(_) => unreachable!("a build without the kernels has no CUDA device"),
        }
    }

    /// One line about the device: what it is, or what is missing and how to get it.
    pub fn status(self) -> String {
        if let Some(reason) = self.unavailable() {
            return format!("not available: {reason}");
        }
        match self {
            Device::Cpu => format!("{} threads, {}", rayon::current_num_threads(), crate::cpu::vector_instructions()),
            Device::Sim => {
                let compiler = build_info::sim().unwrap_or_default();
                format!("the kernels on a simulated GPU, for tests; compiled by {compiler}")
            }
            #[cfg(ww_cuda)]
            Device::Cuda(ordinal) => cuda::describe(ordinal).unwrap_or_else(|error| error.to_string()),
            #[cfg(not(ww_cuda))]
            Device::Cuda(_) => unreachable!("a build without the kernels has no CUDA device"),
        }
    }

    /// What is missing, and how to get it. Nothing where the device can be opened.
    fn unavailable(self) -> Option<String> {
        match self {
            Device::Cpu => None,
            Device::Sim => build_info::sim().err(),
            #[cfg(ww_cuda)]
            Device::Cuda(ordinal) => cuda::unavailable(ordinal),
            #[cfg(not(ww_cuda))]
            Device::Cuda(_) => build_info::cuda().err(),
        }
    }

    /// Runs `work`, which calls many operations, where calling them is cheapest.
    ///
    /// On the CPU that is inside rayon's pool: an operation called from outside pays for waking the pool each time.
    pub fn scope<R: Send>(self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Device::Cpu => rayon::scope(|_| work()),
            Device::Sim | Device::Cuda(_) => work(),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Sim => f.write_str("sim"),
            Device::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let ordinal = |name: &str| {
            let digits = name.strip_prefix("cuda:")?;
            // `parse` alone would take "+1".
            digits.bytes().all(|c| c.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        match name {
            "cpu" => Ok(Device::Cpu),
            "sim" => Ok(Device::Sim),
            "cuda" => Ok(Device::Cuda(0)),
            _ => ordinal(name).map(Device::Cuda).ok_or_else(|| Error::Device {
                device: name.into(),
                reason: "unknown: expected `cpu`, `sim`, `cuda` or `cuda:N`".into(),
            }),
        }
    }
}
