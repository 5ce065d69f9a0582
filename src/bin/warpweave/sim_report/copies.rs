//! Copies, casts, fills, and what is found out in one read.

use warpweave::Result;
use warpweave::ops::{self, Reductions};
use warpweave::tensor::Float;

use super::{Case, Least, bytes};

pub fn copy<T: Float>(case: &Case) -> Result<Least> {
    let shape: [usize; 2] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>(shape)?, case.zeros::<T, _>(shape)?);
    case.stream.reset_counters()?;
    ops::copy(x.view(), y.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&y)]))
}

/// From f32.
pub fn cast<T: Float>(case: &Case) -> Result<Least> {
    let shape: [usize; 2] = case.axes();
    let (x, mut y) = (case.tensor::<f32, _>(shape)?, case.zeros::<T, _>(shape)?);
    case.stream.reset_counters()?;
    ops::cast(x.view(), y.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&y)]))
}

pub fn transpose<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [rows, columns] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>(shape)?, case.zeros::<T, _>([columns, rows])?);
    case.stream.reset_counters()?;
    ops::copy(x.view().t(), y.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&y)]))
}

/// `[B, S, H, D]` to `[B, H, S, D]`.
pub fn heads_first<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [batch, seq_len, heads, head_dim] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>(shape)?, case.zeros::<T, _>([batch, heads, seq_len, head_dim])?);
    case.stream.reset_counters()?;
    ops::copy(x.view().swap_axes(1, 2), y.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&y)]))
}

pub fn fill<T: Float>(case: &Case) -> Result<Least> {
    let shape: [usize; 2] = case.axes();
    let mut y = case.zeros::<T, _>(shape)?;
    case.stream.reset_counters()?;
    ops::fill(y.view_mut(), T::from_f32(1.0))?;
    Ok(Least::of([], [bytes(&y)]))
}

/// The mean, the norm and the range.
pub fn reduce<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [rows, _] = case.axes();
    let x = case.tensor::<T, _>(shape)?;
    let mut outputs = [case.zeros([rows])?, case.zeros([rows])?, case.zeros([rows])?];
    case.stream.reset_counters()?;
    let [mean, sum_of_squares, max_abs] = outputs.each_mut().map(|output| Some(output.view_mut()));
    ops::reduce(x.view(), Reductions { mean, sum_of_squares, max_abs, ..Reductions::default() })?;
    Ok(Least::of([bytes(&x)], outputs.each_ref().map(bytes)))
}
