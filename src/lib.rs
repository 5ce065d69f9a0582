//! Hand-written CUDA kernels for Transformers behind safe Rust types, with a Transformer and a trainer on top.
//!
//! A module imports only from those before it in this order: [`error`], [`mod@file`] and [`random`], [`device`] (over `ffi`),
//! [`tensor`], [`ops`] (with the native implementations in `cpu`), [`model`], [`data`], [`generate`], [`eval`], [`train`],
//! [`config`]. The layers below [`model`] know nothing of Transformers: they are the kernel library.

mod cpu;
pub mod device;
pub mod error;
mod ffi;
pub mod file;
pub mod model;
pub mod ops;
pub mod random;
pub mod tensor;

#[cfg(feature = "train")]
pub mod config;
#[cfg(feature = "train")]
pub mod data;
#[cfg(feature = "train")]
pub mod eval;
#[cfg(feature = "train")]
pub mod generate;
#[cfg(feature = "train")]
pub mod train;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use device::{Device, Stream};
pub use error::{Error, Result};
pub use tensor::{Tensor, View, ViewMut};

/// The crate whose streams and slices [`Stream::from_cudarc`] and [`View::from_cudarc`] take.
#[cfg(ww_cuda)]
pub use cudarc;
