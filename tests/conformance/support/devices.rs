//! The devices that the body of a test runs on, and operands there.

use std::fmt::{self, Debug};
use std::io::Write;
use std::sync::Once;

use warpweave::device::{Device, Simulation, Stream, Timing};
use warpweave::tensor::{Float, Shape, Tensor, View, ViewMut};

/// The orders in which the simulated GPU runs, each with a stream of its own: what is late or early, warps and blocks in
/// several orders, on both GPUs that the kernels choose by.
const SCHEDULES: [Simulation; 8] = [
    schedule(0, Timing::Early, 90),
    schedule(1, Timing::Late, 90),
    schedule(2, Timing::Seeded, 90),
    checked(3, Timing::Seeded, 90),
    schedule(4, Timing::Early, 80),
    schedule(5, Timing::Late, 80),
    schedule(6, Timing::Seeded, 80),
    schedule(7, Timing::Seeded, 80),
];

const fn schedule(seed: u64, timing: Timing, compute_capability: u32) -> Simulation {
    Simulation { seed, timing, compute_capability, checked: false, counted: false }
}

/// One that looks for mistakes, too. It takes several times as long.
const fn checked(seed: u64, timing: Timing, compute_capability: u32) -> Simulation {
    Simulation { checked: true, ..schedule(seed, timing, compute_capability) }
}

/// Runs `body` on the CPU, on the simulated GPU under each of [`SCHEDULES`], and on a GPU.
///
/// What it returns must be the same, bit for bit, under all schedules of one simulated GPU. A device that this machine lacks
/// is skipped, which is said once; `WARPWEAVE_REQUIRE=sim,cuda` makes that a failure.
pub fn on_devices<R: PartialEq + Debug>(body: impl Fn(&Stream) -> R) {
    println!("on {}", Place(Device::Cpu, None));
    body(&Stream::CPU);
    on_kernels(body);
}

/// As [`on_devices`], without the CPU.
pub fn on_kernels<R: PartialEq + Debug>(body: impl Fn(&Stream) -> R) {
    say_what_is_skipped();
    let mut results: Vec<(Simulation, R)> = Vec::new();
    if Device::Sim.stream().is_ok() {
        for schedule in SCHEDULES {
            // The harness shows it when the test fails.
            println!("on {}", Place(Device::Sim, Some(schedule)));
            let stream = Stream::simulated(schedule).unwrap();
            let result = body(&stream);
            stream.synchronize().unwrap();
            let same_gpu = results.iter().find(|other| other.0.compute_capability == schedule.compute_capability);
            if let Some((other, expected)) = same_gpu {
                assert_eq!(&result, expected, "{schedule:?} gives other bits than {other:?}");
            } else {
                results.push((schedule, result));
            }
        }
    }
    if let Ok(stream) = Device::Cuda(0).stream() {
        println!("on {}", Place(Device::Cuda(0), None));
        let result = body(&stream);
        stream.synchronize().unwrap();
        assert_eq!(body(&stream), result, "a second run gives other bits");
    }
}

struct Place(Device, Option<Simulation>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(schedule) => write!(f, "{}: {schedule:?}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Says once, on one line, which devices are missing and why.
fn say_what_is_skipped() {
    static ONCE: Once = Once::new();
    let missing: Vec<(&str, String)> = [("sim", Device::Sim), ("cuda", Device::Cuda(0))]
        .into_iter()
        .filter_map(|(name, device)| device.stream().err().map(|error| (name, error.to_string())))
        .collect();
    let required = std::env::var("WARPWEAVE_REQUIRE").unwrap_or_default();
    for (name, reason) in &missing {
        assert!(
            !required.split(',').any(|required| required.trim() == *name),
            "WARPWEAVE_REQUIRE={required}: {reason}"
        );
    }
    ONCE.call_once(|| {
        if !missing.is_empty() {
            let reasons: Vec<&str> = missing.iter().map(|(_, reason)| reason.as_str()).collect();
            let line = format!("conformance: skipped: {}\n", reasons.join("; "));
            // Not `eprint!`, which the test harness captures.
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    });
}

/// Where an operand's elements lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One after another.
    Dense,
    /// Rows with gaps between them, the first of which starts one element after a 256-byte boundary: no row but by chance is
    /// aligned to more than its elements.
    Gaps,
}

/// An operand of any layout on any device, with a frame around it that nobody may write.
pub struct Operand<T: Float> {
    tensor: Tensor<T>,
    shape: Shape,
    layout: Layout,
}

/// What the frame holds: no result of a test.
const FRAME: f32 = 77.0;
/// Elements before and after each row.
const GAPS: (usize, usize) = (1, 2);

impl<T: Float> Operand<T> {
    /// `values`, rounded to T.
    pub fn new(stream: &Stream, shape: impl Into<Shape>, layout: Layout, values: &[f32]) -> Self {
        let shape = shape.into();
        let round = |x: &f32| T::from_f32(*x);
        let (&width, outer) = shape.dims().split_last().unwrap();
        assert_eq!(values.len(), outer.iter().product::<usize>() * width, "values of {shape}");
        let tensor = match layout {
            Layout::Dense => Tensor::from_vec(shape, values.iter().map(round).collect()),
            Layout::Gaps => {
                let frame = T::from_f32(FRAME);
                let row = |row: &[f32]| {
                    let mut framed = vec![frame; GAPS.0];
                    framed.extend(row.iter().map(round));
                    framed.resize(GAPS.0 + width + GAPS.1, frame);
                    framed
                };
                let count: usize = outer.iter().product();
                let rows = (0..count).flat_map(|i| row(&values[i * width..(i + 1) * width])).collect();
                Tensor::from_vec(framed(shape), rows)
            }
        };
        Operand { tensor: tensor.unwrap().to(stream).unwrap(), shape, layout }
    }

    /// For an output: NaN, which shows where nothing is written; and a promise that all of it is, which a checked schedule holds
    /// the operation to.
    pub fn unwritten(stream: &Stream, shape: impl Into<Shape>, layout: Layout) -> Self {
        Operand::written_if(true, stream, shape, layout)
    }

    /// The same for an output that only some cases ask for: with `false`, it stays NaN.
    pub fn written_if(written: bool, stream: &Stream, shape: impl Into<Shape>, layout: Layout) -> Self {
        let shape = shape.into();
        let mut operand = Operand::new(stream, shape, layout, &vec![f32::NAN; shape.dims().iter().product()]);
        if written {
            operand.view_mut().promise().unwrap();
        }
        operand
    }

    pub fn view(&self) -> View<'_, T> {
        let axis = self.shape.rank() - 1;
        match self.layout {
            Layout::Dense => self.tensor.view(),
            Layout::Gaps => self.tensor.view().narrow(axis, GAPS.0, self.shape.dims()[axis]),
        }
    }

    pub fn view_mut(&mut self) -> ViewMut<'_, T> {
        let axis = self.shape.rank() - 1;
        match self.layout {
            Layout::Dense => self.tensor.view_mut(),
            Layout::Gaps => self.tensor.view_mut().narrow(axis, GAPS.0, self.shape.dims()[axis]),
        }
    }

    /// The elements in f32, which is exact. Fails when somebody wrote on the frame.
    pub fn values(&self) -> Vec<f32> {
        let all: Vec<f32> = self.tensor.to_vec().unwrap().into_iter().map(T::to_f32).collect();
        if self.layout == Layout::Dense {
            return all;
        }
        let width = self.shape.dims()[self.shape.rank() - 1];
        let rows = all.chunks(GAPS.0 + width + GAPS.1).flat_map(|row| {
            let (before, rest) = row.split_at(GAPS.0);
            let (inside, after) = rest.split_at(width);
            assert!(before.iter().chain(after).all(|&x| x == FRAME), "written beyond a row: {before:?} … {after:?}");
            inside.to_vec()
        });
        rows.collect()
    }
}

fn framed(shape: Shape) -> Shape {
    let wide = |dim: usize| GAPS.0 + dim + GAPS.1;
    match *shape.dims() {
        [c] => [wide(c)].into(),
        [r, c] => [r, wide(c)].into(),
        [b, h, q, k] => [b, h, q, wide(k)].into(),
        _ => panic!("{shape}"),
    }
}

/// Runs a function with each type of numbers as its type argument.
#[macro_export]
macro_rules! in_each_type {
    ($f:ident($($arg:expr),* $(,)?)) => {
        $f::<f32>($($arg),*);
        $f::<half::bf16>($($arg),*);
        $f::<half::f16>($($arg),*);
    };
}
