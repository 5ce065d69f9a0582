//! The norm of a gradient, and a step of AdamW.

use warpweave::Result;
use warpweave::ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep};
use warpweave::tensor::{DType, Float, Tensor};

use super::{Case, Least, bytes};

pub fn grad_norm<T: Float>(case: &Case) -> Result<Least> {
    let (grads, mut norm) = (case.tensor::<T, _>(case.axes::<1>())?, case.zeros::<f32, _>([1])?);
    case.stream.reset_counters()?;
    ops::grad_norm(grads.view(), norm.view_mut())?;
    Ok(Least::of([bytes(&grads)], [bytes(&norm)]))
}

/// Weights of 16 bits with a master copy, and gradients of the same type.
pub fn adamw<T: Float>(case: &Case) -> Result<Least> {
    let shape = case.axes::<1>();
    let (mut weights, grads) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>(shape)?);
    let mut master = (T::DTYPE != DType::F32).then(|| case.tensor::<f32, _>(shape)).transpose()?;
    let (mut m, mut v) = (case.zeros(shape)?, case.zeros(shape)?);
    let mut state = AdamWState::new(&case.stream)?;
    ops::adamw_begin(&AdamWStep::default(), None, &mut state)?;
    case.stream.reset_counters()?;
    let buffers = AdamWBuffers {
        weights: weights.view_mut(),
        master: master.as_mut().map(Tensor::view_mut),
        grads: grads.view(),
        m: m.view_mut(),
        v: v.view_mut(),
    };
    ops::adamw(&AdamW::default(), &state, &[], buffers)?;
    let kept = master.as_ref().map_or(0, bytes);
    let params = if kept == 0 { bytes(&weights) } else { kept };
    let moments = bytes(&m) + bytes(&v);
    Ok(Least::of([params, bytes(&grads), moments], [bytes(&weights), kept, moments]))
}
