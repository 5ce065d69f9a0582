//! The operations: one file each, with the contract, the checks of shapes, and one dispatch to the device.
//!
//! An operation reads [`View`](crate::View)s and writes [`ViewMut`](crate::ViewMut)s. Wrong shapes and values are [`Error::Argument`], which names the
//! operation, the argument, what was expected and what was got; nothing has been written then. The last axis of every
//! operand must lie without gaps, except for the operands of [`gemm()`].
//!
//! Statistics, softmax and losses are f32 in every type. Nothing depends on the number of threads: each operation
//! gives the same bits on every run of one build on one machine.

mod activation;
mod adamw;
mod attention;
mod cross_entropy;
mod dropout;
mod embedding;
mod gemm;
mod norm;
mod rotary;
mod sampling;
mod softmax;

pub use activation::*;
pub use adamw::*;
pub use attention::*;
pub use cross_entropy::*;
pub use dropout::*;
pub use embedding::*;
pub use gemm::*;
pub use norm::*;
pub use rotary::*;
pub use sampling::*;
pub use softmax::*;

use crate::error::{Error, Result};
use crate::tensor::Shape;

/// The checks that every operation makes, in one place.
struct Check(&'static str);

impl Check {
    /// `got` must be exactly `expected`.
    fn shape(&self, arg: &'static str, got: Shape, expected: impl Into<Shape>) -> Result<()> {
        let expected = expected.into();
        if got == expected { Ok(()) } else { Err(Error::argument(self.0, arg, expected, got)) }
    }

    /// `got` must have `rank` axes, called `names` in the message.
    fn rank(&self, arg: &'static str, got: Shape, rank: usize, names: &'static str) -> Result<()> {
        if got.rank() == rank { Ok(()) } else { Err(Error::argument(self.0, arg, format!("shape {names}"), got)) }
    }

    /// A condition on a value.
    fn that(&self, holds: bool, arg: &'static str, expected: &str, got: impl std::fmt::Display) -> Result<()> {
        if holds { Ok(()) } else { Err(Error::argument(self.0, arg, expected, got)) }
    }

    /// The last axis of an operand must lie without gaps.
    fn rows(&self, arg: &'static str, contiguous: bool, strides: &[usize]) -> Result<()> {
        self.that(contiguous, arg, "a last axis of stride 1", format_args!("strides {strides:?}"))
    }
}
