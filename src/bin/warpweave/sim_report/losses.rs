//! Softmax and cross-entropy in one.

use warpweave::Result;
use warpweave::ops::{self, CrossEntropy};
use warpweave::tensor::{Float, Tensor};

use super::{Case, Least, bytes};

fn targets(case: &Case, [rows, columns]: [usize; 2]) -> Result<Tensor<u32>> {
    Tensor::from_vec([rows], (0..rows).map(|row| (row * 7919 % columns) as u32).collect())?.to(&case.stream)
}

pub fn cross_entropy<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [rows, _] = case.axes();
    let (logits, targets, mut losses) = (case.tensor::<T, _>(shape)?, targets(case, shape)?, case.zeros([rows])?);
    case.stream.reset_counters()?;
    ops::cross_entropy(&CrossEntropy::default(), logits.view(), targets.view(), losses.view_mut())?;
    Ok(Least::of([bytes(&logits), 4 * rows], [bytes(&losses)]))
}

pub fn cross_entropy_fused<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [rows, _] = case.axes();
    let (mut logits, targets, mut losses) = (case.tensor::<T, _>(shape)?, targets(case, shape)?, case.zeros([rows])?);
    case.stream.reset_counters()?;
    ops::cross_entropy_fused(&CrossEntropy::default(), 1.0, logits.view_mut(), targets.view(), losses.view_mut())?;
    Ok(Least::of([bytes(&logits), 4 * rows], [bytes(&logits), bytes(&losses)]))
}
