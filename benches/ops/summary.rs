//! One line for each benchmark at the end of a run: its median, and how near that is to what the machine can do.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use std::{env, fs};

use criterion::Throughput;
use warpweave::{Device, Stream};

/// What criterion has asked for of one benchmark: how many calls, and what they took together.
#[derive(Default)]
pub struct Samples(Vec<(u64, Duration)>);

impl Samples {
    pub fn add(&mut self, calls: u64, time: Duration) {
        self.0.push((calls, time));
    }

    /// The median time of a call, in seconds. All samples have as many calls as the last one, and criterion takes at least 10;
    /// those before are for warming up. Nothing where none were taken: with `--test`, `--list`, or left out by the filter.
    fn median(&self) -> Option<f64> {
        let calls = self.0.last()?.0;
        let samples = self.0.iter().filter(|sample| sample.0 == calls);
        let mut times: Vec<f64> = samples.map(|sample| sample.1.as_secs_f64() / calls as f64).collect();
        times.sort_by(f64::total_cmp);
        (times.len() >= 10).then(|| times[times.len() / 2])
    }
}

/// A benchmark that has been timed.
struct Record {
    path: String,
    stream: Stream,
    work: Work,
    seconds: f64,
}

#[derive(Clone, Copy)]
enum Work {
    Flops(f64),
    Bytes(f64),
}

impl Record {
    /// FLOPs or bytes in a second.
    fn rate(&self) -> f64 {
        let (Work::Flops(work) | Work::Bytes(work)) = self.work;
        work / self.seconds
    }

    fn is_ceiling(&self) -> bool {
        self.path.starts_with("ceiling/")
    }
}

static RECORDS: Mutex<Vec<Record>> = Mutex::new(Vec::new());

/// Keeps a benchmark that has been timed for [`print()`].
pub fn record(stream: &Stream, path: String, work: Throughput, samples: &Samples) {
    let work = match work {
        Throughput::Elements(flops) => Work::Flops(flops as f64),
        Throughput::BytesDecimal(bytes) => Work::Bytes(bytes as f64),
        other => panic!("{path}: {other:?} is the work of no operation"),
    };
    if let Some(seconds) = samples.median() {
        RECORDS.lock().unwrap().push(Record { path, stream: stream.clone(), work, seconds });
    }
}

/// Groups that work in place or write little: their ceiling writes what it has read.
const IN_PLACE: [&str; 9] = [
    "adamw",
    "bias_backward",
    "cross_entropy",
    "cross_entropy_fused",
    "grad_norm",
    "reduce",
    "rotary",
    "sample",
    "softmax_backward",
];

/// What a benchmark is held against: its name and its rate. None where the filter left it out.
fn ceiling<'a>(record: &Record, all: &'a [Record], copies: &'a [(Device, f64)]) -> Option<(&'a str, f64)> {
    let device = record.stream.device();
    if let Some((_, copy)) = copies.iter().find(|copy| copy.0 == device) {
        return matches!(record.work, Work::Bytes(_)).then_some(("copy", *copy));
    }
    let ceilings = |name| all.iter().filter(move |ceiling| ceiling.path.starts_with(name));
    let found = match record.work {
        Work::Flops(_) => ceilings("ceiling/product/").max_by(|a, b| a.rate().total_cmp(&b.rate())),
        Work::Bytes(bytes) => {
            let group = record.path.split('/').next().unwrap_or_default();
            let name = if IN_PLACE.contains(&group) { "ceiling/negate/" } else { "ceiling/copy/" };
            // That of the most alike footprint, which lies in the same cache.
            let distance = |ceiling: &Record| match ceiling.work {
                Work::Bytes(other) => (other / bytes).ln().abs(),
                Work::Flops(_) => f64::INFINITY,
            };
            ceilings(name).min_by(|a, b| distance(a).total_cmp(&distance(b)))
        }
    };
    found.map(|found| (&found.path["ceiling/".len()..], found.rate()))
}

/// Prints the table, and writes it beside criterion's own files.
pub fn print() {
    let records = RECORDS.lock().unwrap();
    if records.is_empty() {
        return;
    }
    let table = table(&records, &copies(&records));
    print!("\n{table}");
    let path = folder().join("summary.md");
    match fs::write(&path, &table) {
        Ok(()) => println!("\nwritten to {}", path.display()),
        Err(error) => eprintln!("cannot write {}: {error}", path.display()),
    }
}

fn table(records: &[Record], copies: &[(Device, f64)]) -> String {
    let mut table = String::new();
    for (device, copy) in copies {
        writeln!(table, "{device}: {}; a copy moves {:.1} GB/s\n", device.status(), copy / 1e9).unwrap();
    }
    table.push_str("| benchmark | time | rate | ceiling | fraction |\n|---|---|---|---|---|\n");
    for record in records {
        let unit = if matches!(record.work, Work::Flops(_)) { "GFLOP/s" } else { "GB/s" };
        let (time, rate) = (time(record.seconds), record.rate() / 1e9);
        let held = if record.is_ceiling() { None } else { ceiling(record, records, copies) };
        let (name, fraction) =
            held.map_or(("", String::new()), |(name, ceiling)| (name, format!("{:.2}", record.rate() / ceiling)));
        writeln!(table, "| {} | {time} | {rate:.1} {unit} | {name} | {fraction} |", record.path).unwrap();
    }
    table
}

fn time(seconds: f64) -> String {
    match seconds {
        1.0.. => format!("{seconds:.2} s"),
        1e-3.. => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.2} µs", seconds * 1e6),
    }
}

/// The copy bandwidth of each GPU that something was timed on.
fn copies(records: &[Record]) -> Vec<(Device, f64)> {
    let mut copies: Vec<(Device, f64)> = Vec::new();
    for record in records {
        let device = record.stream.device();
        if device != Device::Cpu && copies.iter().all(|copy| copy.0 != device) {
            copies.push((device, crate::clock::copy_bandwidth(&record.stream)));
        }
    }
    copies
}

/// Where criterion writes.
fn folder() -> PathBuf {
    let target = || env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from).join("criterion");
    env::var_os("CRITERION_HOME").map_or_else(target, PathBuf::from)
}
