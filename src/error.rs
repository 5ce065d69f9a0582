//! The one error type of the crate.
//!
//! Every message names what was being done, where, what was expected and what was got. Callers match on the variant;
//! people read the message.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument of an operation has the wrong shape, layout or value.
    #[error("{op}: `{arg}`: expected {expected}, got {got}")]
    Argument {
        /// The operation, as its function is named.
        op: &'static str,
        /// The argument, as it is named in the operation's signature.
        arg: &'static str,
        /// What the operation takes.
        expected: String,
        /// What it was given.
        got: String,
    },

    /// A setting of a configuration is unknown or out of range.
    #[error("setting `{key}`: expected {expected}, got {got}")]
    Setting {
        /// The setting's name, with its table: `train.batch`.
        key: String,
        /// The allowed values.
        expected: String,
        /// The value found.
        got: String,
    },

    /// The operating system refused to read or write a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file's content is not what its format demands.
    #[error("{}: expected {expected}, got {got}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What should stand there, and where.
        expected: String,
        /// What stands there.
        got: String,
    },

    /// The data cannot be trained or evaluated on.
    #[error("{what}: expected {expected}, got {got}")]
    Data {
        /// Which data: a file and line, a split, a column.
        what: String,
        /// What is needed.
        expected: String,
        /// What was found.
        got: String,
    },

    /// The loss or the gradient is no longer a finite number.
    #[error("step {step}: the {what} is {value}; {advice}")]
    NotFinite {
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// The training step, counted from 1.
        step: u64,
        /// The value.
        value: f32,
        /// What was kept, and what to try.
        advice: String,
    },

    /// The device asked for is not in this build or this machine.
    #[error("device `{device}`: {reason}")]
    Device {
        /// The device's name, as it was asked for.
        device: String,
        /// What is missing, and how to get it.
        reason: String,
    },

    /// A device failed at its work: that of `op`, or work enqueued before it on the same stream.
    #[error("{op}: {device}: {name}: {message}")]
    Fault {
        /// The operation that was told.
        op: &'static str,
        /// The device.
        device: String,
        /// The error as CUDA names it: `cudaErrorIllegalAddress`.
        name: String,
        /// What happened, and where, as far as the device says.
        message: String,
    },

    /// The operation has no kernel for the device. It is never done somewhere else instead.
    #[error("{op}: no kernel for device `{device}` yet")]
    NoKernel {
        /// The operation, as its function is named.
        op: &'static str,
        /// The device.
        device: String,
    },

    /// A library underneath failed.
    #[error("{what}: {message}")]
    Library {
        /// What was being done.
        what: &'static str,
        /// The library's message.
        message: String,
    },
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(op: &'static str, arg: &'static str, expected: impl Display, got: impl Display) -> Self {
        Error::Argument { op, arg, expected: expected.to_string(), got: got.to_string() }
    }

    /// An [`Error::Setting`].
    pub fn setting(key: impl Display, expected: impl Display, got: impl Display) -> Self {
        Error::Setting { key: key.to_string(), expected: expected.to_string(), got: got.to_string() }
    }

    /// Turns an [`io::Error`] into an [`Error::Io`]: `.map_err(Error::io("read", path))`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// An [`Error::Format`].
    pub fn format(path: impl AsRef<Path>, expected: impl Display, got: impl Display) -> Self {
        Error::Format { path: path.as_ref().to_path_buf(), expected: expected.to_string(), got: got.to_string() }
    }

    /// An [`Error::Data`].
    pub fn data(what: impl Display, expected: impl Display, got: impl Display) -> Self {
        Error::Data { what: what.to_string(), expected: expected.to_string(), got: got.to_string() }
    }

    /// An [`Error::Library`] from any error: `.map_err(Error::library("draw the loss curve"))`.
    pub fn library<E: Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Error::Library { what, message: error.to_string() }
    }
}
