//! What kernels on the simulated GPU cost.

use std::fmt;

use serde::Serialize;

/// What the launches of one kernel have cost: [`Stream::counters`](super::Stream::counters).
///
/// The counts are exact, and the same for each seed and timing as long as the kernel's threads take the same paths. A *request*
/// is one memory instruction of a warp. Printed, it is a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KernelCounters {
    /// The kernel's name, as C++ writes it.
    pub kernel: String,
    /// How often it was launched.
    pub launches: u64,
    /// Blocks, of all launches together.
    pub blocks: u64,
    /// Warps, of all blocks together.
    pub warps: u64,
    /// Accesses to global memory.
    pub global: Global,
    /// Sectors of 32 bytes that each launch reads at least once: all it would read with caches that hold everything.
    pub distinct_sectors_read: u64,
    /// The same, of sectors that are written.
    pub distinct_sectors_written: u64,
    /// Accesses to shared memory.
    pub shared: Shared,
    /// Instructions that are none of these.
    pub instructions: Vec<InstructionCount>,
    /// The lines of source that waste most, the worst first: at most 16.
    pub lines: Vec<LineCount>,
    #[serde(skip)]
    pub(super) table: String,
}

/// Accesses to global memory, by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Global {
    /// Loads, those of `cp.async` included.
    pub load: GlobalTraffic,
    /// Stores.
    pub store: GlobalTraffic,
    /// Atomics and reductions.
    pub atomic: GlobalTraffic,
    /// What TMA and other bulk copies read.
    pub bulk_load: GlobalTraffic,
    /// What TMA and other bulk copies write.
    pub bulk_store: GlobalTraffic,
}

/// Accesses to global memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GlobalTraffic {
    /// Instructions of warps.
    pub requests: u64,
    /// The 32-byte sectors that the requests touch, each once a request.
    pub sectors: u64,
    /// Bytes that the lanes ask for.
    pub bytes: u64,
    /// The same, each byte once a request.
    pub used_bytes: u64,
}

impl GlobalTraffic {
    /// Of a request, on average; 0 where there are none. 32 lanes with 4 bytes each, side by side, take 4.
    pub fn sectors_per_request(&self) -> f64 {
        ratio(self.sectors, self.requests)
    }

    /// The share of the sectors' bytes that is used; 0 where there are none.
    pub fn efficiency(&self) -> f64 {
        ratio(self.used_bytes, 32 * self.sectors)
    }
}

/// Accesses to shared memory, by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Shared {
    /// Loads.
    pub load: SharedTraffic,
    /// Stores.
    pub store: SharedTraffic,
    /// Atomics and reductions.
    pub atomic: SharedTraffic,
    /// `ldmatrix`.
    pub ldmatrix: SharedTraffic,
    /// `stmatrix`.
    pub stmatrix: SharedTraffic,
    /// What `cp.async` writes.
    pub cp_async: SharedTraffic,
    /// The matrices of `wgmma`: requests and bytes alone.
    pub wgmma: SharedTraffic,
    /// What TMA and other bulk copies read and write: requests and bytes alone.
    pub bulk: SharedTraffic,
}

/// Accesses to shared memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharedTraffic {
    /// Instructions of warps.
    pub requests: u64,
    /// How often the banks work for them.
    pub wavefronts: u64,
    /// The same, were there no bank conflicts.
    pub ideal_wavefronts: u64,
    /// Bytes that the lanes ask for.
    pub bytes: u64,
}

impl SharedTraffic {
    /// Wavefronts beyond the ideal ones.
    pub fn conflicts(&self) -> u64 {
        self.wavefronts - self.ideal_wavefronts
    }
}

/// How often an instruction was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstructionCount {
    /// What it is.
    pub kind: InstructionKind,
    /// Its name: `mma.m16n8k16.f32.bf16.bf16.f32`, `ex2`.
    pub name: String,
    /// Instructions of warps; of warpgroups for `wgmma`.
    pub instructions: u64,
    /// Threads that executed them, all together.
    pub threads: u64,
    /// Floating-point operations of a tensor-core instruction, all together; 0 for others.
    pub flops: u64,
}

/// What an instruction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstructionKind {
    /// Of the tensor cores: `mma`, `wgmma`.
    Tensor,
    /// Of the special function unit, by its operation: `ex2`, `rcp`.
    Special,
    /// A barrier of a block, a cluster or a grid.
    Barrier,
    /// Of a warp: shuffles, votes, matches, reductions.
    Collective,
    /// A bulk copy.
    Copy,
}

/// What a line of source causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LineCount {
    /// The file, the number and the function; an address where the program has no debug information.
    pub line: String,
    /// Requests to global memory.
    pub global_requests: u64,
    /// Sectors that they touch.
    pub sectors: u64,
    /// Of these, those beyond what the used bytes would fill.
    pub wasted_sectors: u64,
    /// Requests to shared memory.
    pub shared_requests: u64,
    /// Wavefronts that they take.
    pub wavefronts: u64,
    /// Of these, bank conflicts.
    pub conflicts: u64,
}

impl KernelCounters {
    /// Sectors that all requests for data read, bulk copies included and atomics not.
    pub fn sectors_read(&self) -> u64 {
        self.global.load.sectors + self.global.bulk_load.sectors
    }

    /// Sectors that all stores write, bulk copies included and atomics not.
    pub fn sectors_written(&self) -> u64 {
        self.global.store.sectors + self.global.bulk_store.sectors
    }

    /// Bank conflicts of all kinds of accesses.
    pub fn conflicts(&self) -> u64 {
        let Shared { load, store, atomic, ldmatrix, stmatrix, cp_async, .. } = self.shared;
        [load, store, atomic, ldmatrix, stmatrix, cp_async].iter().map(SharedTraffic::conflicts).sum()
    }

    /// Floating-point operations of the tensor cores.
    pub fn tensor_flops(&self) -> u64 {
        self.instructions.iter().map(|count| count.flops).sum()
    }
}

impl fmt::Display for KernelCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)
    }
}

fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}
