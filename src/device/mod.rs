//! Where buffers lie and operations run.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A device that holds tensors and runs operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// The host's processor: native Rust on rayon's threads, in f32.
    #[default]
    Cpu,
}

impl Device {
    /// Runs `work`, which calls many operations, where calling them is cheapest.
    ///
    /// On the CPU that is inside rayon's pool: an operation called from outside pays for waking the pool each time.
    pub fn scope<R: Send>(self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Device::Cpu => rayon::scope(|_| work()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Device::Cpu),
            _ => Err(Error::Device { device: name.into(), reason: "unknown; this build has `cpu`".into() }),
        }
    }
}
