//! Times every operation of `warpweave::ops` on the shapes of training steps. `docs/benchmarks.md` says how to read it.
//!
//! `cargo bench` runs all, `cargo bench -- gemm` the groups and benchmarks whose path contains `gemm`.
//!
//! There is a group for each operation, and each prints a throughput. A table at the end holds it against the `ceiling` group of
//! the same run, or against the copy bandwidth of the GPU:
//! - products and attention count FLOPs as criterion's elements, so `70 Gelem/s` reads 70 GFLOP/s;
//! - all others count the least bytes that must move: each input read once, each output written once.
//!
//! Operations with kernels are timed on the machine's GPU, too, where the build has them (`--features cuda`), under names that
//! end with the device; so are types other than f32, under names that end with the type. On a GPU the time is what passes
//! between two events around the call, with nothing of its operands in the second-level cache.

mod activations;
mod attention;
mod ceiling;
mod clock;
mod copies;
mod embeddings;
mod gemm;
mod losses;
mod optimizer;
mod positions;
mod rows;
mod sampling;
mod summary;
mod support;

use std::time::Duration;

use criterion::Criterion;
use warpweave::Device;

fn main() {
    // Inside the pool as a training step is: from outside, waking it would cost as much as the small operations.
    Device::Cpu.scope(|| {
        // Half a second for most benchmarks, so that all take about two minutes; the command line overrides it.
        let mut criterion = Criterion::default()
            .without_plots()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(500))
            .configure_from_args();
        ceiling::bench(&mut criterion);
        gemm::bench(&mut criterion);
        attention::bench(&mut criterion);
        rows::bench(&mut criterion);
        losses::bench(&mut criterion);
        activations::bench(&mut criterion);
        embeddings::bench(&mut criterion);
        copies::bench(&mut criterion);
        optimizer::bench(&mut criterion);
        positions::bench(&mut criterion);
        sampling::bench(&mut criterion);
        criterion.final_summary();
        summary::print();
    });
}
