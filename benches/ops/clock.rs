//! How long calls take, by the host's clock or by a GPU's own.

use std::time::{Duration, Instant};

use warpweave::Stream;

/// The clock of a device.
pub enum Clock {
    /// That of the host. Calls follow each other, on operands that the last one left in cache.
    Host,
    /// That of a GPU.
    #[cfg(ww_cuda)]
    Gpu(Box<gpu::Events>),
}

impl Clock {
    pub fn of(stream: &Stream) -> Self {
        #[cfg(ww_cuda)]
        if let Some(stream) = stream.as_cudarc() {
            let events = gpu::Events::new(stream).expect("the GPU has memory for what empties its cache");
            return Clock::Gpu(Box::new(events));
        }
        assert_eq!(stream.device(), warpweave::Device::Cpu, "a device without a clock");
        Clock::Host
    }

    /// The time of `calls` calls.
    pub fn time(&mut self, calls: u64, mut call: impl FnMut()) -> Duration {
        match self {
            Clock::Host => {
                let start = Instant::now();
                for _ in 0..calls {
                    call();
                }
                start.elapsed()
            }
            #[cfg(ww_cuda)]
            Clock::Gpu(events) => events.time(calls, call).expect("the GPU works"),
        }
    }
}

/// The bytes that a GPU copies from one buffer to another in a second, read and written ones together: the ceiling of what
/// memory bounds, measured as that is.
pub fn copy_bandwidth(stream: &Stream) -> f64 {
    #[cfg(ww_cuda)]
    if let Some(stream) = stream.as_cudarc() {
        return gpu::copy_bandwidth(stream).expect("the GPU has memory for two buffers of 512 MiB");
    }
    unreachable!("{} is no GPU", stream.device())
}

#[cfg(ww_cuda)]
mod gpu {
    //! Each call between two events, with an empty second-level cache before it. The host runs ahead: a launch's latency is
    //! hidden by the call before, or by what empties the cache.

    use std::sync::Arc;
    use std::time::Duration;

    use warpweave::cudarc::driver::sys::{CUdevice_attribute, CUevent_flags};
    use warpweave::cudarc::driver::{CudaEvent, CudaSlice, CudaStream, DriverError};

    pub struct Events {
        stream: Arc<CudaStream>,
        /// Writing it leaves nothing else in the cache. Four times as large, it takes long enough (70 µs on an H100) for the
        /// host to enqueue the call meanwhile.
        flushed: CudaSlice<u8>,
        pairs: Vec<[CudaEvent; 2]>,
    }

    /// Calls that are enqueued before the host waits for their times.
    const BATCH: usize = 256;

    impl Events {
        pub fn new(stream: &Arc<CudaStream>) -> Result<Self, DriverError> {
            let context = stream.context();
            let cache = context.attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?;
            let flushed = stream.alloc_zeros(4 * cache as usize)?;
            let event = || context.new_event(Some(CUevent_flags::CU_EVENT_DEFAULT));
            let pairs = (0..BATCH).map(|_| Ok([event()?, event()?])).collect::<Result<_, DriverError>>()?;
            Ok(Events { stream: stream.clone(), flushed, pairs })
        }

        pub fn time(&mut self, calls: u64, mut call: impl FnMut()) -> Result<Duration, DriverError> {
            let (mut left, mut total) = (calls, Duration::ZERO);
            while left > 0 {
                let batch = &self.pairs[..left.min(BATCH as u64) as usize];
                for [start, end] in batch {
                    self.stream.memset_zeros(&mut self.flushed)?;
                    start.record(&self.stream)?;
                    call();
                    end.record(&self.stream)?;
                }
                for [start, end] in batch {
                    total += Duration::from_secs_f64(f64::from(start.elapsed_ms(end)?) / 1e3);
                }
                left -= batch.len() as u64;
            }
            Ok(total)
        }
    }

    /// See the function of this name above.
    pub fn copy_bandwidth(stream: &Arc<CudaStream>) -> Result<f64, DriverError> {
        const BYTES: usize = 1 << 29;
        let (from, mut to) = (stream.alloc_zeros::<u8>(BYTES)?, stream.alloc_zeros::<u8>(BYTES)?);
        let mut events = Events::new(stream)?;
        let mut bandwidths = Vec::new();
        for _ in 0..11 {
            let mut copied = Ok(());
            let time = events.time(5, || copied = copied.and(stream.memcpy_dtod(&from, &mut to)))?;
            copied?;
            bandwidths.push(5.0 * 2.0 * BYTES as f64 / time.as_secs_f64());
        }
        bandwidths.sort_by(f64::total_cmp);
        Ok(bandwidths[bandwidths.len() / 2])
    }
}
