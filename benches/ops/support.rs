//! The networks whose shapes are timed, and how one benchmark is made.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use warpweave::random::Rng;
use warpweave::tensor::Float;
use warpweave::{Device, Result, Stream, Tensor};

use crate::clock::Clock;
use crate::summary::{self, Samples};

/// The training step of one network: its shapes are those of the operations.
#[derive(Clone, Copy)]
pub struct Net {
    pub name: &'static str,
    pub layers: usize,
    pub width: usize,
    pub heads: usize,
    pub vocab_size: usize,
    pub batch: usize,
    pub seq_len: usize,
}

impl Net {
    /// The rows of a matrix of activations.
    pub const fn rows(&self) -> usize {
        self.batch * self.seq_len
    }

    pub const fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    /// The number of parameters: per block 12 C² in matrices and 13 C in biases and norms, the two embeddings, and the
    /// last norm.
    pub const fn parameters(&self) -> usize {
        let c = self.width;
        self.layers * (12 * c * c + 13 * c) + (self.vocab_size + self.seq_len) * c + 2 * c
    }
}

/// Operands in the cache of one core: what an operation costs besides its memory and its multiplications.
pub const CHAR: Net = Net { name: "char", layers: 4, width: 128, heads: 4, vocab_size: 65, batch: 12, seq_len: 64 };

/// A network that a processor trains in an hour. Operands of 3 to 12 MiB: past a core's own cache, within the last.
pub const SMALL: Net = Net { name: "small", layers: 6, width: 384, heads: 6, vocab_size: 4096, batch: 8, seq_len: 256 };

/// Fine-tuning GPT-2 124M: few rows, large weights, a vocabulary that makes the logits the largest product.
pub const GPT2: Net =
    Net { name: "gpt2", layers: 12, width: 768, heads: 12, vocab_size: 50_257, batch: 4, seq_len: 64 };

/// GPT-2 124M at its whole context. Operands of 12 to 48 MiB: at the edge of the last cache, and attention's long rows.
pub const GPT2_1024: Net = Net { name: "gpt2-1024", seq_len: 1024, ..GPT2 };

/// The three networks of `examples/train_throughput.rs`, whose steps consist of these operations.
pub const STEPS: [Net; 3] = [CHAR, SMALL, GPT2];

/// What operations that memory bounds are timed on: one network for each level of the memory.
pub const LEVELS: [Net; 3] = [CHAR, SMALL, GPT2_1024];

/// Rows of 8 KiB to 256 KiB that fill a GPU, in matrices past its second-level cache: what its memory is judged by.
pub const WIDE: [Net; 3] = [
    Net { name: "16384x4096", layers: 32, width: 4096, heads: 32, vocab_size: 128_256, batch: 8, seq_len: 2048 },
    Net { name: "8192x8192", layers: 32, width: 8192, heads: 64, vocab_size: 128_256, batch: 4, seq_len: 2048 },
    // The widest row of a norm.
    Net { name: "2048x65536", layers: 32, width: 65_536, heads: 512, vocab_size: 128_256, batch: 1, seq_len: 2048 },
];

const LEVELS_OF_GPU: [Net; 6] = [LEVELS[0], LEVELS[1], LEVELS[2], WIDE[0], WIDE[1], WIDE[2]];

/// As [`LEVELS`], and [`WIDE`] where they are a matter of microseconds.
pub fn levels(stream: &Stream) -> &'static [Net] {
    if stream.device() == Device::Cpu { &LEVELS } else { &LEVELS_OF_GPU }
}

/// The benchmarks of one operation.
pub struct Group<'a> {
    criterion: BenchmarkGroup<'a, WallTime>,
    name: String,
}

impl Group<'_> {
    pub fn finish(self) {
        self.criterion.finish();
    }
}

pub fn group<'a>(criterion: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut criterion = criterion.benchmark_group(name);
    // Every sample has the same number of calls: a call of a quarter of a second is made 10 times, not 55. `summary` finds the
    // samples by that, too.
    criterion.sampling_mode(SamplingMode::Flat);
    Group { criterion, name: name.into() }
}

/// The work of a call that computes, for [`time`].
pub fn flops(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// The work of a call that moves `elements` of 4 bytes, in and out together, for [`time`].
pub fn moved(elements: usize) -> Throughput {
    moved_as::<f32>(elements)
}

/// The work of a call that moves `elements` of T, in and out together, for [`time_on`].
pub fn moved_as<T: Float>(elements: usize) -> Throughput {
    Throughput::BytesDecimal((size_of::<T>() * elements) as u64)
}

/// Times the call that `setup` makes ready and that does `work` each time: benchmark `name` on the shapes of `net`, on the CPU.
/// Benchmarks that the command line's filter leaves out are not set up.
pub fn time<Call, T>(
    group: &mut Group,
    name: impl Into<String>,
    net: &str,
    work: Throughput,
    setup: impl Fn() -> Result<Call>,
) where
    Call: FnMut() -> Result<T>,
{
    time_on(group, &Stream::CPU, name.into(), net, work, || {
        let mut call = setup()?;
        Ok(move || call().map(|result| drop(black_box(result))))
    });
}

/// As [`time`], on any device, by its [`Clock`].
pub fn time_on<Call>(
    group: &mut Group,
    stream: &Stream,
    name: String,
    net: &str,
    work: Throughput,
    setup: impl Fn() -> Result<Call>,
) where
    Call: FnMut() -> Result<()>,
{
    let mut samples = Samples::default();
    let mut ready = None;
    group.criterion.throughput(work.clone());
    group.criterion.bench_function(BenchmarkId::new(&name, net), |bencher| {
        let (call, clock) =
            ready.get_or_insert_with(|| (setup().expect("the operands can be made"), Clock::of(stream)));
        bencher.iter_custom(|calls| {
            let time = clock.time(calls, || call().expect("the operands fit the operation"));
            samples.add(calls, time);
            time
        });
    });
    summary::record(stream, format!("{}/{name}/{net}", group.name), work, &samples);
}

/// The CPU, and the first GPU of this machine. The simulated GPU is none of them: it says nothing about time.
pub fn devices() -> Vec<Stream> {
    [Device::Cpu, Device::Cuda(0)].into_iter().filter_map(|device| device.stream().ok()).collect()
}

/// One benchmark on each of its shapes, in one type.
pub type Bench = fn(&mut Group, &Stream);

/// The group of one operation: its benchmarks, in each type, on each device.
pub fn on_all(criterion: &mut Criterion, name: &str, benches: &[Bench]) {
    let mut group = group(criterion, name);
    for stream in devices() {
        benches.iter().for_each(|bench| bench(&mut group, &stream));
    }
    group.finish();
}

/// The name of a benchmark in T on a device: the bare `name` for f32 on the CPU.
pub fn label<T: Float>(name: &str, stream: &Stream) -> String {
    let dtype = if T::NAME == "f32" { String::new() } else { format!("-{}", T::NAME) };
    let device = if stream.device() == Device::Cpu { String::new() } else { format!("-{}", stream.device()) };
    format!("{name}{dtype}{device}")
}

/// A tensor of normal numbers, which repeat after 65,536: drawing each would take longer than timing the operation.
pub fn random<const N: usize>(shape: [usize; N]) -> Result<Tensor> {
    random_on(&Stream::CPU, shape)
}

/// As [`random`], in T and on a device.
pub fn random_on<T: Float, const N: usize>(stream: &Stream, shape: [usize; N]) -> Result<Tensor<T>> {
    let mut rng = Rng::new(1, 0);
    let draws: Vec<T> = (0..1 << 16).map(|_| T::from_f32(rng.normal())).collect();
    let len: usize = shape.iter().product();
    let mut data = Vec::with_capacity(len);
    while data.len() < len {
        data.extend_from_slice(&draws[..draws.len().min(len - data.len())]);
    }
    Tensor::from_vec(shape, data)?.to(stream)
}

/// Numbers below `below`: tokens or targets.
pub fn random_tokens<const N: usize>(shape: [usize; N], below: usize) -> Result<Tensor<u32>> {
    let mut rng = Rng::new(2, 0);
    let len: usize = shape.iter().product();
    Tensor::from_vec(shape, (0..len).map(|_| rng.below(below) as u32).collect())
}
