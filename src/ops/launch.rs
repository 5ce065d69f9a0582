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
    ($cuda:ident, $sim:ident) => {
        PerDevice {
            #[cfg(ww_cuda)]
            cuda: crate::ffi::$cuda,
            #[cfg(ww_sim)]
            sim: crate::ffi::$sim,
            marker: std::marker::PhantomData,
        }
    };
}
pub(super) use per_device;

/// Enqueues an operation's kernels on its stream, which must not be the CPU's.
///
/// # Safety
/// `params` is what the launcher's header demands: each pointer is null where that is allowed, or that of a view with the shape,
/// the strides and the type that `params` states, and this view has passed [`Check::on_stream`]. So the memory is the device's,
/// it is borrowed until the kernels are enqueued, what they write is borrowed mutably, and memory is freed in stream order.
pub(super) unsafe fn launch<P>(check: &Check, launcher: Launcher<P>, params: &P) -> Result<()> {
    match check.stream.kind() {
        Kind::Cpu => unreachable!("{}: the CPU has no kernels", check.op),
        #[cfg(ww_sim)]
        Kind::Sim(queue) => {
            // SAFETY: the caller's promise; the stream is alive.
            let status = unsafe { (launcher.sim)(params, queue.raw()) };
            own_status(check, status)?;
            queue.check(check.op, status)
        }
        #[cfg(ww_cuda)]
        Kind::Cuda(queue) => {
            // It binds the context, too.
            let stream = queue.raw(check.op)?;
            // SAFETY: the caller's promise; the stream is alive and its context current.
            let status = unsafe { (launcher.cuda)(params, stream) };
            own_status(check, status)?;
            queue.check(check.op, status)
        }
    }
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
    let sizing = params(std::ptr::null_mut(), 0);
    let bytes = match check.stream.kind() {
        Kind::Cpu => unreachable!("{}: the CPU has no kernels", check.op),
        // SAFETY: the function reads the sizes in `params`, and no pointer.
        #[cfg(ww_sim)]
        Kind::Sim(_) => unsafe { (size.sim)(&sizing) },
        // SAFETY: as above.
        #[cfg(ww_cuda)]
        Kind::Cuda(queue) => {
            queue.raw(check.op)?;
            unsafe { (size.cuda)(&sizing) }
        }
    };
    check.stream.with_workspace(check.op, bytes.max(0) as usize, |address| {
        // SAFETY: the caller's promise; the workspace lies in the stream's memory and has the size that the launcher asks for.
        unsafe { launch(check, launcher, &params(address, bytes)) }
    })
}

/// The launchers' own codes. The operations check what callers can get wrong, so these tell of a mistake in this crate.
#[cfg(any(ww_sim, ww_cuda))]
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
                self.as_ptr().cast_mut().cast()
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
