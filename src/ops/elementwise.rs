//! What operations on the elements of operands of one shape share: the few long rows that their kernels visit.

use super::{Check, Operand};
use crate::error::{Error, Result};
use crate::ffi::ww_rows;
use crate::tensor::Shape;

/// The axes of `N` operands of one shape, merged: operands without gaps are one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<const N: usize> {
    pub shape: ww_rows,
    /// Of each operand, in elements.
    pub strides: [[i64; 3]; N],
}

impl<const N: usize> Rows<N> {
    /// Merges neighboring axes wherever all `operands` allow it. They have one shape, and rows without gaps.
    ///
    /// # Errors
    /// More than four axes that do not merge: what the kernels take.
    pub fn new(check: &Check, arg: &'static str, operands: [&dyn Operand; N]) -> Result<Self> {
        let shape = operands[0].shape();
        Self::merged(shape, operands.map(Operand::strides), false).ok_or_else(|| too_many(check, arg, shape))
    }

    /// The same, with the last axis left by itself: for what has a bias for each of its columns.
    pub fn with_columns(check: &Check, arg: &'static str, operands: [&dyn Operand; N]) -> Result<Self> {
        let shape = operands[0].shape();
        Self::merged(shape, operands.map(Operand::strides), true).ok_or_else(|| too_many(check, arg, shape))
    }

    fn merged(shape: Shape, strides: [&[usize]; N], keep_columns: bool) -> Option<Self> {
        let dims = shape.dims();
        if let (true, Some(&columns)) = (dims.contains(&0), dims.last()) {
            // The columns still count for what belongs to them.
            return Some(Rows { shape: ww_rows { sizes: [0; 3], columns: columns as i64 }, strides: [[0; 3]; N] });
        }
        // Outermost first: extents, and the strides of each operand.
        let mut axes: Vec<(usize, [usize; N])> = Vec::with_capacity(dims.len().max(4));
        for (axis, &dim) in dims.iter().enumerate() {
            let columns = axis + 1 == dims.len();
            // The last axis has no gaps, whatever its stride says where it has one element.
            let stride = strides.map(|strides| if columns { 1 } else { strides[axis] });
            match axes.last_mut() {
                _ if dim == 1 && !columns => {}
                Some((outer, outer_strides))
                    if !(keep_columns && columns)
                        && (0..N).all(|i| dim == 1 || outer_strides[i] == stride[i] * dim) =>
                {
                    if dim != 1 {
                        *outer *= dim;
                        *outer_strides = stride;
                    }
                }
                _ => axes.push((dim, stride)),
            }
        }
        if axes.last().is_none_or(|(_, strides)| strides.iter().any(|&stride| stride != 1)) {
            axes.push((1, [1; N]));
        }
        let (columns, outer) = axes.split_last()?;
        let missing = 3usize.checked_sub(outer.len())?;
        let mut rows = Rows { shape: ww_rows { sizes: [1; 3], columns: columns.0 as i64 }, strides: [[0; 3]; N] };
        for (axis, (size, strides)) in outer.iter().enumerate() {
            rows.shape.sizes[missing + axis] = *size as i64;
            for (operand, &stride) in strides.iter().enumerate() {
                rows.strides[operand][missing + axis] = stride as i64;
            }
        }
        Some(rows)
    }
}

fn too_many(check: &Check, arg: &'static str, shape: Shape) -> Error {
    Error::argument(check.op, arg, "strides with at most four axes that do not merge, on this device", shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged<const N: usize>(
        shape: Shape,
        strides: [&[usize]; N],
        keep: bool,
    ) -> Option<([i64; 3], i64, [[i64; 3]; N])> {
        let rows = Rows::merged(shape, strides, keep)?;
        Some((rows.shape.sizes, rows.shape.columns, rows.strides))
    }

    #[test]
    fn axes_merge_where_all_operands_allow_it() {
        let dense: &[usize] = &[12, 4, 1];
        assert_eq!(merged([2, 3, 4].into(), [dense, dense], false), Some(([1; 3], 24, [[0; 3]; 2])));
        assert_eq!(merged([2, 3, 4].into(), [dense], true), Some(([1, 1, 6], 4, [[0, 0, 4]])));
        // Gaps between the rows of one of them.
        let gaps: &[usize] = &[30, 10, 1];
        assert_eq!(merged([2, 3, 4].into(), [dense, gaps], false), Some(([1, 1, 6], 4, [[0, 0, 4], [0, 0, 10]])));
        // Heads and positions exchanged.
        let heads: &[usize] = &[96, 4, 12, 1];
        let plain: &[usize] = &[96, 32, 4, 1];
        let want = ([2, 3, 8], 4, [[96, 4, 12], [96, 32, 4]]);
        assert_eq!(merged([2, 3, 8, 4].into(), [heads, plain], false), Some(want));
        // One row for all.
        assert_eq!(merged([2, 3, 4].into(), [&[0, 0, 1]], false), Some(([1, 1, 6], 4, [[0; 3]])));
    }

    #[test]
    fn axes_of_one_element_are_no_axes() {
        assert_eq!(merged([1, 3, 1, 4].into(), [&[7, 9, 5, 1]], false), Some(([1, 1, 3], 4, [[0, 0, 9]])));
        assert_eq!(merged([5, 1].into(), [&[3, 8]], false), Some(([1, 1, 5], 1, [[0, 0, 3]])));
        assert_eq!(merged([5, 1].into(), [&[1, 8]], false), Some(([1; 3], 5, [[0; 3]])));
        assert_eq!(merged([5, 1].into(), [&[1, 8]], true), Some(([1, 1, 5], 1, [[0, 0, 1]])));
        assert_eq!(merged([].into(), [&[]], false), Some(([1; 3], 1, [[0; 3]])));
        assert_eq!(merged([2, 0, 3].into(), [&[0, 3, 1]], false), Some(([0; 3], 3, [[0; 3]])));
    }

    #[test]
    fn more_than_four_axes_are_too_many() {
        let apart: &[usize] = &[1000, 100, 30, 8, 1];
        assert!(merged([2, 2, 2, 2, 2].into(), [apart], false).is_none());
        assert!(merged([2, 2, 2, 1, 2].into(), [apart], false).is_some());
    }
}
