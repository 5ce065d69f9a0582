//! The simulated GPU's queue, over `kernels/sim/sim.h`.

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, PoisonError};

use super::counters::{
    Global, GlobalTraffic, InstructionCount, InstructionKind, KernelCounters, LineCount, Shared, SharedTraffic,
};
use super::stream::{Simulation, Timing, Workspace};
use super::{Device, stream};
use crate::error::{Error, Result};
use crate::ffi;

/// A stream of a simulated GPU of its own.
pub(crate) struct Queue {
    stream: ffi::ww_stream,
    workspace: Mutex<Workspace>,
    counted: bool,
    /// Held while counters are read: what the simulator hands out is valid until they are read again.
    reading: Mutex<()>,
}

// SAFETY: the simulator's functions take a stream from any thread, and from several at once.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    pub fn new(simulation: Simulation) -> Result<Self> {
        let timing = match simulation.timing {
            Timing::Early => ffi::sim::WW_SIM_EARLY,
            Timing::Late => ffi::sim::WW_SIM_LATE,
            Timing::Seeded => ffi::sim::WW_SIM_SEEDED,
        };
        let options = ffi::sim::ww_sim_options {
            seed: simulation.seed,
            timing,
            compute_capability: simulation.compute_capability as i32,
            watch: if simulation.checked { ffi::sim::WW_SIM_CHECK as u64 } else { 0 }
                | if simulation.counted { ffi::sim::WW_SIM_COUNT as u64 } else { 0 },
        };
        let mut stream = std::ptr::null_mut();
        // SAFETY: both pointers are to live values of the types that the function names.
        let status = unsafe { ffi::sim::stream_create(&mut stream, &options) };
        let (workspace, counted, reading) = (Mutex::new(Workspace::EMPTY), simulation.counted, Mutex::new(()));
        let queue = Queue { stream, workspace, counted, reading };
        stream::Queue::check(&queue, "Stream::simulated", status)?;
        Ok(queue)
    }

    pub fn is_counted(&self) -> bool {
        self.counted
    }

    pub fn counters(&self) -> Result<Vec<KernelCounters>> {
        let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut counters, mut count) = (std::ptr::null(), 0);
        // SAFETY: the stream is alive, and the others are places for the results.
        let status = unsafe { ffi::sim::counters_read(self.stream, &mut counters, &mut count) };
        stream::Queue::check(self, "Stream::counters", status)?;
        // SAFETY: so the function has left them, and nobody else calls it meanwhile.
        unsafe { Ok(slice(counters, count).iter().map(|counters| kernel(counters)).collect()) }
    }

    pub fn reset_counters(&self) -> Result<()> {
        // SAFETY: the stream is alive.
        stream::Queue::check(self, "Stream::reset_counters", unsafe { ffi::sim::counters_reset(self.stream) })
    }
}

/// An array of the simulator's.
///
/// # Safety
/// `data` points to `count` values that stay as they are during the borrow, or `count` is 0.
unsafe fn slice<'a, T>(data: *const T, count: i64) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, count as usize) }
}

/// # Safety
/// What `from` points to is valid.
unsafe fn kernel(from: &ffi::sim::ww_sim_counters) -> KernelCounters {
    use ffi::sim::*;
    let global = |kind: i32| {
        let ww_sim_global_traffic { requests, sectors, bytes, used_bytes } = from.global[kind as usize];
        let [requests, sectors, bytes, used_bytes] = [requests, sectors, bytes, used_bytes].map(|n| n as u64);
        GlobalTraffic { requests, sectors, bytes, used_bytes }
    };
    let shared = |kind: i32| {
        let ww_sim_shared_traffic { requests, wavefronts, ideal_wavefronts, bytes } = from.shared[kind as usize];
        let [requests, wavefronts, ideal_wavefronts, bytes] =
            [requests, wavefronts, ideal_wavefronts, bytes].map(|n| n as u64);
        SharedTraffic { requests, wavefronts, ideal_wavefronts, bytes }
    };
    let instruction = |from: &ww_sim_instruction| InstructionCount {
        kind: match from.kind {
            WW_SIM_TENSOR => InstructionKind::Tensor,
            WW_SIM_SPECIAL => InstructionKind::Special,
            WW_SIM_BARRIER => InstructionKind::Barrier,
            WW_SIM_COLLECTIVE => InstructionKind::Collective,
            _ => InstructionKind::Copy,
        },
        // SAFETY: the caller's promise.
        name: unsafe { text(from.name) },
        instructions: from.instructions as u64,
        threads: from.threads as u64,
        flops: from.flops as u64,
    };
    let line = |from: &ww_sim_line| LineCount {
        // SAFETY: the caller's promise.
        line: unsafe { text(from.line) },
        global_requests: from.global_requests as u64,
        sectors: from.sectors as u64,
        wasted_sectors: from.wasted_sectors as u64,
        shared_requests: from.shared_requests as u64,
        wavefronts: from.wavefronts as u64,
        conflicts: from.conflicts as u64,
    };
    // SAFETY: the caller's promise.
    let (name, table, instructions, lines) = unsafe {
        let instructions = slice(from.instructions, from.instruction_count);
        (text(from.kernel), text(from.table), instructions, slice(from.lines, from.line_count))
    };
    KernelCounters {
        kernel: name,
        launches: from.launches as u64,
        blocks: from.blocks as u64,
        warps: from.warps as u64,
        global: Global {
            load: global(WW_SIM_GLOBAL_LOAD),
            store: global(WW_SIM_GLOBAL_STORE),
            atomic: global(WW_SIM_GLOBAL_ATOMIC),
            bulk_load: global(WW_SIM_GLOBAL_BULK_LOAD),
            bulk_store: global(WW_SIM_GLOBAL_BULK_STORE),
        },
        distinct_sectors_read: from.distinct_sectors_read as u64,
        distinct_sectors_written: from.distinct_sectors_written as u64,
        shared: Shared {
            load: shared(WW_SIM_SHARED_LOAD),
            store: shared(WW_SIM_SHARED_STORE),
            atomic: shared(WW_SIM_SHARED_ATOMIC),
            ldmatrix: shared(WW_SIM_SHARED_LDMATRIX),
            stmatrix: shared(WW_SIM_SHARED_STMATRIX),
            cp_async: shared(WW_SIM_SHARED_CP_ASYNC),
            wgmma: shared(WW_SIM_SHARED_WGMMA),
            bulk: shared(WW_SIM_SHARED_BULK),
        },
        instructions: instructions.iter().map(instruction).collect(),
        lines: lines.iter().map(line).collect(),
        table,
    }
}

/// A string of the simulator's; empty for null.
///
/// # Safety
/// `string` is null or ends with a zero and stays as it is during the call.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

impl stream::Queue for Queue {
    fn device(&self) -> Device {
        Device::Sim
    }

    fn current(&self, _: &'static str) -> Result<ffi::ww_stream> {
        Ok(self.stream)
    }

    fn check(&self, op: &'static str, status: i32) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        // SAFETY: the functions take any number, and any stream that was created or null.
        let (name, sentence, fault) = unsafe {
            let fault = if self.stream.is_null() { std::ptr::null() } else { ffi::sim::message(self.stream) };
            (text(ffi::sim::error_name(status)), text(ffi::sim::error_string(status)), text(fault))
        };
        let message = if fault.is_empty() { sentence } else { fault };
        Err(Error::Fault { op, device: Device::Sim.to_string(), name, message })
    }

    fn synchronize(&self, op: &'static str) -> Result<()> {
        // SAFETY: the stream is alive.
        self.check(op, unsafe { ffi::sim::stream_synchronize(self.stream) })
    }

    fn allocate(&self, op: &'static str, bytes: usize) -> Result<*mut c_void> {
        let mut address = std::ptr::null_mut();
        // SAFETY: `address` is a place for the result; the stream is alive.
        self.check(op, unsafe { ffi::sim::malloc(&mut address, bytes as i64, self.stream) })?;
        Ok(address)
    }

    unsafe fn free(&self, address: *mut c_void) {
        // After a fault the memory is given back too; the fault itself was or will be reported by what uses the stream.
        // SAFETY: the caller's promise; the stream is alive.
        unsafe { ffi::sim::free(address, self.stream) };
    }

    unsafe fn clear(&self, op: &'static str, to: *mut c_void, bytes: usize) -> Result<()> {
        // SAFETY: the caller's promise; the stream is alive.
        self.check(op, unsafe { ffi::sim::fill(to, 0, bytes as i64, self.stream) })
    }

    unsafe fn upload(&self, op: &'static str, to: *mut c_void, from: &[u8]) -> Result<()> {
        let (source, bytes) = (from.as_ptr().cast(), from.len() as i64);
        let direction = ffi::sim::WW_SIM_HOST_TO_DEVICE;
        // SAFETY: the caller's promise; with the host on one side the copy is done on return, so `from` outlives it.
        self.check(op, unsafe { ffi::sim::copy(to, source, bytes, direction, self.stream) })
    }

    unsafe fn download(&self, op: &'static str, to: &mut [u8], from: *const c_void) -> Result<()> {
        let (target, bytes) = (to.as_mut_ptr().cast(), to.len() as i64);
        let direction = ffi::sim::WW_SIM_DEVICE_TO_HOST;
        // SAFETY: as in `upload`.
        self.check(op, unsafe { ffi::sim::copy(target, from, bytes, direction, self.stream) })
    }

    unsafe fn copy(&self, op: &'static str, to: *mut c_void, from: *const c_void, bytes: usize) -> Result<()> {
        let direction = ffi::sim::WW_SIM_DEVICE_TO_DEVICE;
        // SAFETY: the caller's promise; the stream is alive.
        self.check(op, unsafe { ffi::sim::copy(to, from, bytes as i64, direction, self.stream) })
    }

    unsafe fn promise(&self, op: &'static str, address: *const c_void, bytes: usize) -> Result<()> {
        // SAFETY: the caller's promise; the stream is alive.
        self.check(op, unsafe { ffi::sim::promise(address, bytes as i64, self.stream) })
    }

    fn workspace(&self) -> &Mutex<Workspace> {
        &self.workspace
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let workspace = self.workspace.get_mut().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the last user of the stream is gone: buffers and views hold it.
        unsafe {
            if !workspace.address.is_null() {
                ffi::sim::free(workspace.address, self.stream);
            }
            if !self.stream.is_null() {
                ffi::sim::stream_destroy(self.stream);
            }
        }
    }
}
