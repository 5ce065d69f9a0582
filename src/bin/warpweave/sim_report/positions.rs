//! What treats elements or pairs of them alone: rotary positions, dropout.

use warpweave::Result;
use warpweave::ops::{self, Dropout, Rotary, RotaryLayout};
use warpweave::tensor::Float;

use super::{Case, Least, bytes};

pub fn rotary<T: Float>(case: &Case, layout: RotaryLayout) -> Result<Least> {
    let mut x = case.tensor::<T, 4>(case.axes())?;
    case.stream.reset_counters()?;
    ops::rotary(&Rotary { layout, ..Rotary::default() }, x.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&x)]))
}

pub fn dropout<T: Float>(case: &Case) -> Result<Least> {
    let shape: [usize; 2] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>(shape)?, case.zeros::<T, _>(shape)?);
    let residual = case.residual.then(|| case.tensor::<T, _>(shape)).transpose()?;
    case.stream.reset_counters()?;
    let dropout = Dropout { p: 0.1, seed: 1, site: 2 };
    match &residual {
        Some(residual) => ops::dropout_add(x.view(), dropout, residual.view(), y.view_mut())?,
        None => ops::dropout(x.view(), dropout, y.view_mut())?,
    }
    Ok(Least::of([bytes(&x), residual.as_ref().map_or(0, bytes)], [bytes(&y)]))
}
