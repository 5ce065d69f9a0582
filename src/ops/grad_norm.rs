//! The norm of a gradient.

use std::ffi::c_void;

use super::Check;
use super::launch::{Address, Launcher, PerDevice, WorkspaceSize, launch_with_workspace, per_device};
use crate::cpu;
use crate::error::Result;
use crate::ffi::ww_grad_norm_params;
use crate::tensor::{Float, View, ViewMut};

const GRAD_NORM: Launcher<ww_grad_norm_params> = per_device!(grad_norm);
const GRAD_NORM_WORKSPACE: WorkspaceSize<ww_grad_norm_params> = per_device!(grad_norm_workspace);

/// The Euclidean norm of a gradient: norm = √Σ g². Shapes: `grads` `[N]`, `norm` `[1]`. A NaN gives NaN, an infinity
/// without NaN gives infinity.
///
/// The squares are summed in f64, in an order that depends on N, the type and the alignment alone, so that neither the length of
/// the buffer nor the size of its elements costs precision. Devices have orders of their own: f64's last bits, of which
/// hardly anything is left in f32.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let grads = Tensor::from_vec([2], vec![3.0, -4.0])?;
/// let mut norm = Tensor::zeros([1])?;
/// ops::grad_norm(grads.view(), norm.view_mut())?;
/// assert_eq!(norm.as_slice(), [5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn grad_norm<T: Float>(grads: View<T>, norm: ViewMut) -> Result<()> {
    write_norm("grad_norm", grads, norm, false)
}

/// Adds to the norm of a gradient that lies in several buffers: norm = √(norm² + Σ g²). The first buffer's is that of
/// [`grad_norm`], and what holds there holds here.
///
/// ```
/// use warpweave::{Tensor, ops};
///
/// let grads = Tensor::from_vec([1], vec![4.0])?;
/// let mut norm = Tensor::from_vec([1], vec![3.0])?;
/// ops::grad_norm_accumulate(grads.view(), norm.view_mut())?;
/// assert_eq!(norm.as_slice(), [5.0]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn grad_norm_accumulate<T: Float>(grads: View<T>, norm: ViewMut) -> Result<()> {
    write_norm("grad_norm_accumulate", grads, norm, true)
}

fn write_norm<T: Float>(op: &'static str, grads: View<T>, mut norm: ViewMut, accumulate: bool) -> Result<()> {
    let check = Check::new(op, "grads", grads.stream());
    check.rank("grads", grads.shape(), 1, "[N]")?;
    check.rows("grads", &grads)?;
    check.operand("norm", &norm, [1])?;
    if check.stream.is_host() {
        let [norm] = norm.as_mut_slice() else { unreachable!("one element") };
        *norm = cpu::adamw::grad_norm(grads, if accumulate { *norm } else { 0.0 });
        return Ok(());
    }
    let params = |workspace: *mut c_void, workspace_bytes| ww_grad_norm_params {
        count: grads.len() as i64,
        grads: grads.address(),
        norm: norm.address().cast(),
        workspace,
        workspace_bytes,
        dtype: T::DTYPE as i32,
        accumulate: i32::from(accumulate),
    };
    // SAFETY: every operand above has passed the checks, with the shape that the header names.
    unsafe { launch_with_workspace(&check, GRAD_NORM, GRAD_NORM_WORKSPACE, params) }
}
