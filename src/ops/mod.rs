//! The operations: one file each, with the contract, the checks of shapes, and one dispatch to the device.
//!
//! An operation reads [`View`]s and writes [`ViewMut`]s. Wrong shapes and values are [`Error::Argument`], which names the
//! operation, the argument, what was expected and what was got; nothing has been written then. The last axis of every
//! operand must lie without gaps, except for those of [`gemm()`] and where an operation says otherwise.
//!
//! All operands of a call lie on one stream, on which it runs. An operation without a kernel for the stream's device is
//! [`Error::NoKernel`]: it is never done somewhere else instead. On a GPU, simulated or not, an operation returns once its
//! work is enqueued; [`Stream::synchronize`] and copies to the host wait for it and say whether it failed.
//!
//! Statistics, softmax and losses are f32 in every type. Nothing depends on the number of threads: each operation
//! gives the same bits on every run of one build on one machine.

mod activation;
mod adamw;
mod attention;
mod copy;
mod cross_entropy;
mod dropout;
mod elementwise;
mod embedding;
mod gemm;
mod grad_norm;
mod launch;
mod norm;
mod reduce;
mod rotary;
mod sampling;
mod softmax;

pub use activation::*;
pub use adamw::*;
pub use attention::*;
pub use copy::*;
pub use cross_entropy::*;
pub use dropout::*;
pub use embedding::*;
pub use gemm::*;
pub use grad_norm::*;
pub use norm::*;
pub use reduce::*;
pub use rotary::*;
pub use sampling::*;
pub use softmax::*;

use crate::device::Stream;
use crate::error::{Error, Result};
use crate::tensor::{Element, Shape, View, ViewMut};

/// What the checks look at.
trait Operand {
    fn shape(&self) -> Shape;
    fn strides(&self) -> &[usize];
    fn has_contiguous_rows(&self) -> bool;
    fn stream(&self) -> &Stream;
}

macro_rules! operand {
    ($view:ident) => {
        impl<T: Element> Operand for $view<'_, T> {
            fn shape(&self) -> Shape {
                $view::shape(self)
            }
            fn strides(&self) -> &[usize] {
                $view::strides(self)
            }
            fn has_contiguous_rows(&self) -> bool {
                $view::has_contiguous_rows(self)
            }
            fn stream(&self) -> &Stream {
                $view::stream(self)
            }
        }
    };
}

operand!(View);
operand!(ViewMut);

/// The checks that every operation makes, in one place.
#[derive(Clone, Copy)]
struct Check<'a> {
    op: &'static str,
    /// The operand whose stream all others must share, and that stream.
    first: &'static str,
    stream: &'a Stream,
}

impl<'a> Check<'a> {
    /// For an operation on the stream of its operand `first`, whatever the device.
    fn new(op: &'static str, first: &'static str, stream: &'a Stream) -> Self {
        Check { op, first, stream }
    }

    /// For an operation that has no kernels yet: fails on other devices than the CPU.
    fn cpu(op: &'static str, first: &'static str, stream: &'a Stream) -> Result<Self> {
        if !stream.is_host() {
            return Err(Error::NoKernel { op, device: stream.device().to_string() });
        }
        Ok(Check { op, first, stream })
    }

    /// `got` must be exactly `expected`.
    fn shape(&self, arg: &'static str, got: Shape, expected: impl Into<Shape>) -> Result<()> {
        let expected = expected.into();
        if got == expected { Ok(()) } else { Err(Error::argument(self.op, arg, expected, got)) }
    }

    /// `got` must have `rank` axes, called `names` in the message.
    fn rank(&self, arg: &'static str, got: Shape, rank: usize, names: &'static str) -> Result<()> {
        if got.rank() == rank { Ok(()) } else { Err(Error::argument(self.op, arg, format!("shape {names}"), got)) }
    }

    /// The operand, read-only, repeated to `shape` along axes of extent 1.
    fn broadcast<'v, T: Element>(
        &self,
        arg: &'static str,
        view: View<'v, T>,
        shape: [usize; 4],
    ) -> Result<View<'v, T>> {
        let expected = || format!("a shape that repeats to {}", Shape::from(shape));
        view.broadcast(shape).map_err(|_| Error::argument(self.op, arg, expected(), view.shape()))
    }

    /// A condition on a value.
    fn that(&self, holds: bool, arg: &'static str, expected: &str, got: impl std::fmt::Display) -> Result<()> {
        if holds { Ok(()) } else { Err(Error::argument(self.op, arg, expected, got)) }
    }

    /// An operand must lie on the operation's stream.
    fn on_stream(&self, arg: &'static str, operand: &impl Operand) -> Result<()> {
        let (expected, got) = (self.stream, operand.stream());
        if got == expected {
            return Ok(());
        }
        let got = match got.device() == expected.device() {
            true => format!("memory of another stream of {}", got.device()),
            false => format!("memory on {}", got.device()),
        };
        let expected = format!("memory of the stream of `{}`, on {}", self.first, expected.device());
        Err(Error::argument(self.op, arg, expected, got))
    }

    /// An operand must lie on the operation's stream, and its last axis without gaps.
    fn rows(&self, arg: &'static str, operand: &impl Operand) -> Result<()> {
        self.on_stream(arg, operand)?;
        let strides = format_args!("strides {:?}", operand.strides());
        self.that(operand.has_contiguous_rows(), arg, "a last axis of stride 1", strides)
    }

    /// An operand must have exactly this shape, and be as [`rows`](Check::rows) demands.
    fn operand(&self, arg: &'static str, operand: &impl Operand, shape: impl Into<Shape>) -> Result<()> {
        self.shape(arg, operand.shape(), shape)?;
        self.rows(arg, operand)
    }
}
