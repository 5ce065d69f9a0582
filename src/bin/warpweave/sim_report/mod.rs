//! `warpweave sim-report`: what an operation's kernels cost, counted on the simulated GPU.

mod activations;
mod copies;
mod embedding;
mod losses;
mod optimizer;
mod positions;
mod rows;
mod sampling;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use half::{bf16, f16};
use serde::Serialize;
use warpweave::device::{KernelCounters, Simulation, Stream};
use warpweave::ops::{Activation, NormKind, RotaryLayout, Sampling};
use warpweave::tensor::{Float, Tensor};
use warpweave::{Error, Result};

use crate::common::{say, write};

/// An operation that can be reported on.
struct Operation {
    name: &'static str,
    /// The axes of its shape.
    axes: &'static [&'static str],
    /// The switches that it takes, beside those that all take.
    switches: &'static [&'static str],
    /// For each of `TYPES`.
    run: [Run; 3],
}

/// Runs an operation once. The stream counts from its last reset on.
type Run = fn(&Case) -> Result<Least>;

const TYPES: [&str; 3] = ["f32", "bf16", "f16"];

const RESIDUAL: &str = "residual";
const CAUSAL: &str = "causal";

macro_rules! operations {
    ($($name:literal [$($axis:literal)+] [$($switch:expr)*] $module:ident::$run:ident $(($($argument:expr),+))?;)+) => {
        &[$(Operation {
            name: $name,
            axes: &[$($axis),+],
            switches: &[$($switch),*],
            run: [
                |case| $module::$run::<f32>(case $($(, $argument)+)?),
                |case| $module::$run::<bf16>(case $($(, $argument)+)?),
                |case| $module::$run::<f16>(case $($(, $argument)+)?),
            ],
        }),+]
    };
}

/// The name, the axes, the switches, and what runs it.
const OPERATIONS: &[Operation] = operations! {
    "adamw" ["elements"] [] optimizer::adamw;
    "grad-norm" ["elements"] [] optimizer::grad_norm;
    "gelu" ["rows" "columns"] [] activations::activation(Activation::Gelu);
    "gelu-backward" ["rows" "columns"] [] activations::activation_backward(Activation::Gelu);
    "gelu-tanh" ["rows" "columns"] [] activations::activation(Activation::GeluTanh);
    "gelu-tanh-backward" ["rows" "columns"] [] activations::activation_backward(Activation::GeluTanh);
    "relu" ["rows" "columns"] [] activations::activation(Activation::Relu);
    "relu-backward" ["rows" "columns"] [] activations::activation_backward(Activation::Relu);
    "silu" ["rows" "columns"] [] activations::activation(Activation::Silu);
    "silu-backward" ["rows" "columns"] [] activations::activation_backward(Activation::Silu);
    "swiglu" ["rows" "columns"] [] activations::glu(Activation::Silu);
    "swiglu-backward" ["rows" "columns"] [] activations::glu_backward(Activation::Silu);
    "bias-backward" ["rows" "columns"] [] activations::bias_backward;
    "layer-norm" ["rows" "columns"] [RESIDUAL] rows::norm(NormKind::Layer);
    "layer-norm-backward" ["rows" "columns"] [] rows::norm_backward(NormKind::Layer);
    "rms-norm" ["rows" "columns"] [RESIDUAL] rows::norm(NormKind::Rms);
    "rms-norm-backward" ["rows" "columns"] [] rows::norm_backward(NormKind::Rms);
    "rotary-interleaved" ["batch" "tokens" "heads" "head_dim"] [] positions::rotary(RotaryLayout::Interleaved);
    "rotary-half" ["batch" "tokens" "heads" "head_dim"] [] positions::rotary(RotaryLayout::Half);
    "dropout" ["rows" "columns"] [RESIDUAL] positions::dropout;
    "softmax" ["batch" "heads" "queries" "keys"] [CAUSAL] rows::softmax;
    "softmax-backward" ["batch" "heads" "queries" "keys"] [] rows::softmax_backward;
    "embedding" ["batch" "tokens" "vocabulary" "columns"] [] embedding::embedding;
    "embedding-backward" ["batch" "tokens" "vocabulary" "columns"] [] embedding::embedding_backward;
    "cross-entropy" ["rows" "columns"] [] losses::cross_entropy;
    "cross-entropy-fused" ["rows" "columns"] [] losses::cross_entropy_fused;
    "argmax" ["rows" "vocabulary"] [] sampling::sample(Sampling { temperature: 0.0, ..Sampling::default() });
    "sample" ["rows" "vocabulary"] [] sampling::sample(Sampling::default());
    "sample-top-k" ["rows" "vocabulary"] [] sampling::sample(Sampling { top_k: Some(40), ..Sampling::default() });
    "sample-top-p" ["rows" "vocabulary"] [] sampling::sample(Sampling { top_p: Some(0.95), ..Sampling::default() });
    "copy" ["rows" "columns"] [] copies::copy;
    "cast" ["rows" "columns"] [] copies::cast;
    "transpose" ["rows" "columns"] [] copies::transpose;
    "heads-first" ["batch" "sequence" "heads" "head-dim"] [] copies::heads_first;
    "fill" ["rows" "columns"] [] copies::fill;
    "reduce" ["rows" "columns"] [] copies::reduce;
};

/// What to run an operation on.
struct Case {
    stream: Stream,
    /// As many as the operation has axes.
    shape: Vec<usize>,
    residual: bool,
    causal: bool,
}

/// The bytes that an operation must move: all that it reads and writes, once.
#[derive(Debug, Clone, Copy, Serialize)]
struct Least {
    read: u64,
    written: u64,
}

impl Least {
    fn of<const R: usize, const W: usize>(read: [usize; R], written: [usize; W]) -> Self {
        Least { read: read.iter().sum::<usize>() as u64, written: written.iter().sum::<usize>() as u64 }
    }
}

impl Case {
    /// A tensor of small numbers, none of them like its neighbors.
    fn tensor<T: Float, const N: usize>(&self, shape: [usize; N]) -> Result<Tensor<T>> {
        let number = |i: usize| T::from_f32((i.wrapping_mul(2_654_435_761) >> 8) as u8 as f32 / 128.0 - 1.0);
        Tensor::from_vec(shape, (0..shape.iter().product()).map(number).collect())?.to(&self.stream)
    }

    fn zeros<T: Float, const N: usize>(&self, shape: [usize; N]) -> Result<Tensor<T>> {
        Tensor::zeros_on(&self.stream, shape)
    }

    fn axes<const N: usize>(&self) -> [usize; N] {
        let axes = <[usize; N]>::try_from(&self.shape[..]);
        axes.unwrap_or_else(|_| unreachable!("the shape has the operation's axes"))
    }
}

fn bytes<T: Float>(tensor: &Tensor<T>) -> usize {
    tensor.len() * size_of::<T>()
}

/// The subcommand.
pub fn command() -> Command {
    let operations = PossibleValuesParser::new(OPERATIONS.iter().map(|operation| operation.name));
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("sim-report")
        .about("Show what an operation's kernels cost, counted on the simulated GPU")
        .after_help(
            "A table for each kernel: requests, 32-byte sectors and bytes of global memory; wavefronts and bank conflicts of \
             shared memory; tensor-core and special-function operations, barriers, collectives; and the lines of source that \
             waste most. Then the bytes moved over those that the operation must move. The simulated GPU counts; it can't tell \
             time.",
        )
        .args([
            Arg::new("operation").value_name("OPERATION").required(true).value_parser(operations).help("The operation"),
            Arg::new("shape").value_name("SHAPE").required(true).help("Its shape, such as 4096x1024, or 1x12x512x512 for softmax"),
            Arg::new("type").long("type").value_name("TYPE").value_parser(TYPES).default_value("bf16").help("The type of its numbers"),
            switch(CAUSAL).help("softmax: a query sees no later keys"),
            switch(RESIDUAL).help("Norms: with the addition of a residual before. Dropout: after"),
            Arg::new("compute-capability")
                .long("compute-capability")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32))
                .default_value("90")
                .help("The GPU's: 80, 86 or 90"),
            Arg::new("seed").long("seed").value_name("SEED").value_parser(value_parser!(u64)).default_value("0").help("Of the order of warps and blocks"),
            switch("json").help("Print JSON"),
        ])
}

/// Runs the subcommand.
pub fn run(matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let (name, kind) = (text("operation"), text("type"));
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    let Some(operation) = operation else { unreachable!("clap lets only known operations pass") };
    for switch in [CAUSAL, RESIDUAL] {
        if matches.get_flag(switch) && !operation.switches.contains(&switch) {
            return Err(Error::setting(switch, format_args!("no such switch for {name}"), "one"));
        }
    }
    let (Some(&capability), Some(&seed)) = (matches.get_one("compute-capability"), matches.get_one("seed")) else {
        unreachable!("clap knows their defaults")
    };
    let simulation = Simulation { seed, compute_capability: capability, counted: true, ..Simulation::default() };
    let case = Case {
        shape: parse_shape(operation, text("shape"))?,
        stream: Stream::simulated(simulation)?,
        residual: matches.get_flag(RESIDUAL),
        causal: matches.get_flag(CAUSAL),
    };
    let run = TYPES.iter().zip(operation.run).find(|(known, _)| **known == kind);
    let Some((_, run)) = run else { unreachable!("clap lets only known types pass") };
    let least = run(&case)?;
    let report = Report::new(name, &case.shape, kind, least, case.stream.counters()?);
    if matches.get_flag("json") {
        return say(serde_json::to_string_pretty(&report).map_err(Error::library("print the report"))?);
    }
    report.print()
}

/// `4096x1024`: a number for each axis; leading axes that are left out are 1.
fn parse_shape(operation: &Operation, text: &str) -> Result<Vec<usize>> {
    let axes = operation.axes;
    let wrong = || Error::setting("shape", format_args!("{} above 0, as in {}", axes.join(" x "), example(axes)), text);
    let given = text.split('x').map(|axis| axis.parse().ok().filter(|&size| size > 0));
    let given: Vec<usize> = given.collect::<Option<_>>().ok_or_else(wrong)?;
    if given.len() > axes.len() || given.len() < axes.len().min(2) {
        return Err(wrong());
    }
    let left_out = std::iter::repeat_n(1, axes.len() - given.len());
    Ok(left_out.chain(given).collect())
}

fn example(axes: &[&str]) -> &'static str {
    match axes.len() {
        1 => "1048576",
        2 => "4096x1024",
        3 => "8x512x768",
        _ => "1x12x512x512",
    }
}

/// What is printed.
#[derive(Serialize)]
struct Report<'a> {
    operation: &'a str,
    shape: &'a [usize],
    #[serde(rename = "type")]
    kind: &'a str,
    least_bytes: Least,
    /// What all requests touch, in whole sectors, over what the operation must move.
    read_ratio: f64,
    write_ratio: f64,
    /// The same, each sector counted once in a launch: as caches that hold everything would have it.
    distinct_read_ratio: f64,
    distinct_write_ratio: f64,
    kernels: Vec<KernelCounters>,
}

impl<'a> Report<'a> {
    fn new(operation: &'a str, shape: &'a [usize], kind: &'a str, least: Least, kernels: Vec<KernelCounters>) -> Self {
        let ratio = |sectors: fn(&KernelCounters) -> u64, least: u64| {
            let moved = 32 * kernels.iter().map(sectors).sum::<u64>();
            // Nothing of nothing is all that it must be.
            if moved == least { 1.0 } else { moved as f64 / least as f64 }
        };
        Report {
            operation,
            shape,
            kind,
            least_bytes: least,
            read_ratio: ratio(KernelCounters::sectors_read, least.read),
            write_ratio: ratio(KernelCounters::sectors_written, least.written),
            distinct_read_ratio: ratio(|kernel| kernel.distinct_sectors_read, least.read),
            distinct_write_ratio: ratio(|kernel| kernel.distinct_sectors_written, least.written),
            kernels,
        }
    }

    fn print(&self) -> Result<()> {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        say(format_args!("{} {} {}\n", self.operation, shape.join("x"), self.kind))?;
        for kernel in &self.kernels {
            write(format_args!("{kernel}\n"))?;
        }
        let Least { read, written } = self.least_bytes;
        say(format_args!("bytes over the least possible: {read} read, {written} written"))?;
        say(format_args!(
            "  all requests, in sectors      {:6.3} read, {:6.3} written",
            self.read_ratio, self.write_ratio
        ))?;
        say(format_args!(
            "  each sector once in a launch  {:6.3} read, {:6.3} written",
            self.distinct_read_ratio, self.distinct_write_ratio
        ))
    }
}
