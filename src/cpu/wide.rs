//! Matrices of any type of numbers as f32, for what computes in it: f32 itself as it lies, others through scratch memory.
//!
//! Loops that compute are functions on f32, compiled once and in this crate; only these copies are generic.

use super::{scratch, simd};
use crate::tensor::{Float, View, ViewMut};

/// Calls `f` with the elements of a matrix.
pub fn read<T: Float, R>(view: View<T>, f: impl FnOnce(View) -> R) -> R {
    if let Some(view) = T::as_f32(view) {
        return f(view);
    }
    scratch::with(view.len(), |memory| {
        load(view, memory);
        f(View::contiguous(memory, view.shape()))
    })
}

/// As [`read`], of a matrix that may be absent.
pub fn read_optional<T: Float, R>(view: Option<View<T>>, f: impl FnOnce(Option<View>) -> R) -> R {
    match view {
        None => f(None),
        Some(view) => read(view, |view| f(Some(view))),
    }
}

/// Calls `f` with memory of unspecified content in place of a matrix, and rounds what it leaves there into the matrix.
pub fn write<T: Float, R>(view: ViewMut<T>, f: impl FnOnce(ViewMut) -> R) -> R {
    match T::as_f32_mut(view) {
        Ok(view) => f(view),
        Err(mut view) => scratch::with(view.len(), |memory| {
            let result = f(ViewMut::contiguous(memory, view.shape()));
            store(memory, &mut view);
            result
        }),
    }
}

/// Calls `f` with the elements of a matrix, and rounds what it makes of them into the matrix.
pub fn update<T: Float, R>(view: ViewMut<T>, f: impl FnOnce(ViewMut) -> R) -> R {
    match T::as_f32_mut(view) {
        Ok(view) => f(view),
        Err(mut view) => scratch::with(view.len(), |memory| {
            load(view.as_view(), memory);
            let result = f(ViewMut::contiguous(memory, view.shape()));
            store(memory, &mut view);
            result
        }),
    }
}

/// Copies a matrix to `out`, row after row.
pub fn load<T: Float>(view: View<T>, out: &mut [f32]) {
    let width = view.dim(1).max(1);
    simd(
        #[inline(always)]
        || {
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                T::load(view.row([i]), out);
            }
        },
    );
}

fn store<T: Float>(from: &[f32], view: &mut ViewMut<T>) {
    let width = view.dim(1).max(1);
    simd(
        #[inline(always)]
        || {
            for (i, from) in from.chunks_exact(width).enumerate() {
                T::store(from, view.row_mut([i]));
            }
        },
    );
}
