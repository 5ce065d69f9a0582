//! How an operation reaches its kernels: the launchers of `kernels/include/warpweave.h`, picked by the device.

use std::ffi::c_void;
use std::marker::PhantomData;

use super::{Check, Dropout};
use crate::device::{Kind, Stream};
use crate::error::{Error, Result};
use crate::ffi;
use crate::tensor::{Element, View, ViewMut};

/// One function of the C ABI in each build of the kernels; made by [`per_device!`].
#[derive(Clone, Copy)]
pub(super) struct PerDevice<F> {
    #[cfg(ww_cuda)]
    pub cuda: F,
    #[cfg(ww_sim)]
    pub sim: F,
    pub marker: PhantomData<F>,
}

/// A launcher.
pub(super) type Launcher<P> = PerDevice<unsafe extern "C" fn(*const P, ffi::ww_stream) -> i32>;

/// What says how many bytes of workspace a launcher needs.
pub(super) type WorkspaceSize<P> = PerDevice<unsafe extern "C" fn(*const P) -> i64>;

/// The functions of this name for the GPU and for the simulated one, as far as this build has them.
macro_rules! per_device {
    ($name:ident) => {
        PerDevice {
            #[cfg(ww_cuda)]
            cuda: crate::ffi::cuda::$name,
            #[cfg(ww_sim)]
            sim: crate::ffi::sim::$name,
            marker: std::marker::PhantomData,
        }
    };
}
pub(super) use per_device;

impl<F: Copy> PerDevice<F> {
    /// The function for the device of `stream`, which must not be the CPU's.
    fn of(self, stream: &Stream) -> F {
        match stream.kind() {
            Kind::Cpu => unreachable!("the CPU has no kernels"),
            #[cfg(ww_sim)]
            Kind::Sim(_) => self.sim,
            #[cfg(ww_cuda)]
            Kind::Cuda(_) => self.cuda,
        }
    }
}

/// Enqueues an operation's kernels on its stream, which must not be the CPU's.
///
/// # Safety
/// `params` is what the launcher's header demands: each pointer is null where that is allowed, or that of a view with the shape,
/// the strides and the type that `params` states, and this view has passed [`Check::on_stream`]. So the memory is the device's,
/// it is borrowed until the kernels are enqueued, what they write is borrowed mutably, and memory is freed in stream order.
pub(super) unsafe fn launch<P>(check: &Check, launcher: Launcher<P>, params: &P) -> Result<()> {
    let launcher = launcher.of(check.stream);
    let queue = check.stream.queue().expect("the CPU has no kernels");
    let stream = queue.current(check.op)?;
    // SAFETY: the caller's promise; the stream is alive and its device the current one.
    let status = unsafe { launcher(params, stream) };
    own_status(check, status)?;
    queue.check(check.op, status)
}

/// As [`launch`], with scratch memory: `params` are made from its address and size, which is what `size` says for
/// `params(null, 0)`.
///
/// # Safety
/// As [`launch`].
pub(super) unsafe fn launch_with_workspace<P>(
    check: &Check,
    launcher: Launcher<P>,
    size: WorkspaceSize<P>,
    params: impl Fn(*mut c_void, i64) -> P,
) -> Result<()> {
    let queue = check.stream.queue().expect("the CPU has no kernels");
    // The size may depend on the GPU: it must be the current one.
    queue.current(check.op)?;
    // SAFETY: the function reads the sizes in the parameters, and no pointer.
    let bytes = unsafe { size.of(check.stream)(&params(std::ptr::null_mut(), 0)) };
    own_status(check, bytes.min(0) as i32)?;
    check.stream.with_workspace(check.op, bytes as usize, |address| {
        // SAFETY: the caller's promise; the workspace lies in the stream's memory and has the size that the launcher asks for.
        unsafe { launch(check, launcher, &params(address, bytes)) }
    })
}

/// The launchers' own codes. The operations check what callers can get wrong, so these tell of a mistake in this crate.
fn own_status(check: &Check, status: i32) -> Result<()> {
    let (name, message) = match status {
        0.. => return Ok(()),
        ffi::WW_ERROR_ARGUMENT => ("WW_ERROR_ARGUMENT", "the launcher refuses its parameters"),
        ffi::WW_ERROR_UNSUPPORTED => ("WW_ERROR_UNSUPPORTED", "there is no kernel for this shape or type"),
        ffi::WW_ERROR_WORKSPACE => ("WW_ERROR_WORKSPACE", "the workspace is too small"),
        _ => ("unknown", "the launcher returned a code that is not in warpweave.h"),
    };
    let device = check.stream.device().to_string();
    Err(Error::Fault { op: check.op, device, name: name.into(), message: message.into() })
}

/// A view as the C ABI takes it.
pub(super) trait Address {
    /// The address of the first element.
    fn address(&self) -> *mut c_void;
    /// The stride of one axis, in elements.
    fn stride(&self, axis: usize) -> i64;
}

macro_rules! address {
    ($view:ident) => {
        impl<T: Element> Address for $view<'_, T> {
            fn address(&self) -> *mut c_void {
                self.as_ptr() as *mut c_void
            }
            fn stride(&self, axis: usize) -> i64 {
                self.strides()[axis] as i64
            }
        }
    };
}

address!(View);
address!(ViewMut);

/// The address of an operand that may be absent.
pub(super) fn address_or_null(view: Option<&impl Address>) -> *mut c_void {
    view.map_or(std::ptr::null_mut(), Address::address)
}

/// The stride of an axis of an operand that may be absent.
pub(super) fn stride_or_zero(view: Option<&impl Address>, axis: usize) -> i64 {
    view.map_or(0, |view| view.stride(axis))
}

impl From<Dropout> for ffi::ww_dropout {
    fn from(dropout: Dropout) -> Self {
        ffi::ww_dropout { seed: dropout.seed, site: dropout.site, p: dropout.p, reserved: 0 }
    }
}
