//! Drawing tokens.

use warpweave::Result;
use warpweave::ops::{self, Draw, Sampling};
use warpweave::tensor::{Float, Tensor};

use super::{Case, Least, bytes};

pub fn sample<T: Float>(case: &Case, options: Sampling) -> Result<Least> {
    let [rows, vocab_size] = case.axes();
    let logits = case.tensor::<T, _>([rows, vocab_size])?;
    let mut tokens = Tensor::zeros_on(&case.stream, [rows])?;
    case.stream.reset_counters()?;
    ops::sample(&options, logits.view(), Draw { seed: 1, number: 0 }, tokens.view_mut())?;
    Ok(Least::of([bytes(&logits)], [4 * rows]))
}
