//! Statistics of rows.

use super::Check;
use super::launch::{Address, Launcher, PerDevice, WorkspaceSize, address_or_null, launch_with_workspace, per_device};
use crate::cpu;
use crate::error::Result;
use crate::ffi::ww_reduce_params;
use crate::tensor::{Float, View, ViewMut};

/// Which statistics of each row are wanted, and where they are written; all of them come from one read. Each has shape `[R]`.
#[derive(Default)]
pub struct Reductions<'a> {
    /// Σ x. 0 for a row without elements.
    pub sum: Option<ViewMut<'a>>,
    /// Σ x / C. NaN for a row without elements.
    pub mean: Option<ViewMut<'a>>,
    /// Σ x²: the square of the row's norm. It is infinite where the sum or a square exceeds `f32`.
    pub sum_of_squares: Option<ViewMut<'a>>,
    /// The least element; NaN where one is NaN. +∞ for a row without elements.
    pub min: Option<ViewMut<'a>>,
    /// The greatest element; NaN where one is NaN. −∞ for a row without elements.
    pub max: Option<ViewMut<'a>>,
    /// The greatest |x|; NaN where an element is NaN. 0 for a row without elements.
    pub max_abs: Option<ViewMut<'a>>,
    /// How many elements are infinite or NaN.
    pub non_finite: Option<ViewMut<'a, u32>>,
}

const REDUCE: Launcher<ww_reduce_params> = per_device!(reduce);
const WORKSPACE: WorkspaceSize<ww_reduce_params> = per_device!(reduce_workspace);

/// Statistics of each row of `x`, such as the mean of losses, the norm of a gradient, the range of activations, and whether all
/// of them are finite.
///
/// `x` is `[R, C]`. For those of a whole tensor, view it as one row: on a GPU, a long row is shared by as many blocks as there
/// is work for. Sums are f32 in every type, of partial sums of at most some hundred numbers each, so that a sum of 10⁸ numbers
/// is as exact as one of a thousand.
///
/// # Errors
/// Other shapes, a last axis with gaps, operands on different streams, and 2³² columns or more where `non_finite` is asked for.
///
/// ```
/// use warpweave::{Tensor, ops::{self, Reductions}};
///
/// let x = Tensor::from_vec([2, 3], vec![1.0, -4.0, 3.0, 0.5, f32::INFINITY, 0.5])?;
/// let (mut mean, mut max_abs, mut bad) = (Tensor::zeros([2])?, Tensor::zeros([2])?, Tensor::zeros([2])?);
/// let wanted = Reductions {
///     mean: Some(mean.view_mut()),
///     max_abs: Some(max_abs.view_mut()),
///     non_finite: Some(bad.view_mut()),
///     ..Reductions::default()
/// };
/// ops::reduce(x.view(), wanted)?;
/// assert_eq!(mean.as_slice(), [0.0, f32::INFINITY]);
/// assert_eq!(max_abs.as_slice(), [4.0, f32::INFINITY]);
/// assert_eq!(bad.as_slice(), [0, 1]);
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn reduce<T: Float>(x: View<T>, wanted: Reductions) -> Result<()> {
    let check = Check::new("reduce", "x", x.stream());
    check.rank("x", x.shape(), 2, "[R, C]")?;
    check.rows("x", &x)?;
    let [rows, columns] = [0, 1].map(|axis| x.dim(axis));
    let Reductions { sum, mean, sum_of_squares, min, max, max_abs, non_finite } = &wanted;
    let outputs = [
        ("sum", sum),
        ("mean", mean),
        ("sum_of_squares", sum_of_squares),
        ("min", min),
        ("max", max),
        ("max_abs", max_abs),
    ];
    for (name, output) in outputs {
        output.as_ref().map_or(Ok(()), |output| check.operand(name, output, [rows]))?;
    }
    if let Some(output) = non_finite {
        check.operand("non_finite", output, [rows])?;
        check.that(u32::try_from(columns).is_ok(), "x", "fewer than 2^32 columns, to count in a u32", columns)?;
    }
    if check.stream.is_host() {
        cpu::reduce::reduce(x, wanted);
        return Ok(());
    }
    let address = |output: &Option<ViewMut>| address_or_null(output.as_ref()).cast();
    // SAFETY: all operands have passed the checks, with the shapes that the header names.
    unsafe {
        launch_with_workspace(&check, REDUCE, WORKSPACE, |workspace, workspace_bytes| ww_reduce_params {
            rows: rows as i64,
            columns: columns as i64,
            x: x.address(),
            x_stride: x.stride(0),
            sum: address(sum),
            mean: address(mean),
            sum_of_squares: address(sum_of_squares),
            min: address(min),
            max: address(max),
            max_abs: address(max_abs),
            non_finite: address_or_null(non_finite.as_ref()).cast(),
            workspace,
            workspace_bytes,
            dtype: T::DTYPE as i32,
            reserved: 0,
        })
    }
}
