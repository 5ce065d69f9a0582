//! What treats elements alone, and sums over rows: activations, gated units, the gradient of a bias.

use warpweave::Result;
use warpweave::ops::{self, Activation, ActivationParams, BiasGrad};
use warpweave::tensor::Float;

use super::{Case, Least, bytes};

pub fn activation<T: Float>(case: &Case, kind: Activation) -> Result<Least> {
    let shape = case.axes::<2>();
    let (x, bias, mut y) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>([shape[1]])?, case.zeros::<T, _>(shape)?);
    case.stream.reset_counters()?;
    ops::activation(ActivationParams { kind, bias: Some(bias.view()) }, x.view(), y.view_mut())?;
    Ok(Least::of([bytes(&x), bytes(&bias)], [bytes(&y)]))
}

pub fn activation_backward<T: Float>(case: &Case, kind: Activation) -> Result<Least> {
    let shape = case.axes::<2>();
    let (x, dy, mut dx) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>(shape)?, case.zeros::<T, _>(shape)?);
    let mut dbias = case.zeros::<f32, _>([shape[1]])?;
    case.stream.reset_counters()?;
    let grad = BiasGrad { dbias: dbias.view_mut(), beta: 0.0 };
    ops::activation_backward(kind, x.view(), dy.view(), dx.view_mut(), Some(grad))?;
    Ok(Least::of([bytes(&x), bytes(&dy)], [bytes(&dx), bytes(&dbias)]))
}

pub fn glu<T: Float>(case: &Case, kind: Activation) -> Result<Least> {
    let [rows, columns] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>([rows, 2 * columns])?, case.zeros::<T, _>([rows, columns])?);
    case.stream.reset_counters()?;
    ops::glu(kind, x.view(), y.view_mut())?;
    Ok(Least::of([bytes(&x)], [bytes(&y)]))
}

pub fn glu_backward<T: Float>(case: &Case, kind: Activation) -> Result<Least> {
    let [rows, columns] = case.axes();
    let (x, dy) = (case.tensor::<T, _>([rows, 2 * columns])?, case.tensor::<T, _>([rows, columns])?);
    let mut dx = case.zeros::<T, _>([rows, 2 * columns])?;
    case.stream.reset_counters()?;
    ops::glu_backward(kind, x.view(), dy.view(), dx.view_mut(), None)?;
    Ok(Least::of([bytes(&x), bytes(&dy)], [bytes(&dx)]))
}

pub fn bias_backward<T: Float>(case: &Case) -> Result<Least> {
    let shape = case.axes::<2>();
    let (dy, mut dbias) = (case.tensor::<T, _>(shape)?, case.zeros::<f32, _>([shape[1]])?);
    case.stream.reset_counters()?;
    ops::bias_backward(dy.view(), 0.0, dbias.view_mut())?;
    Ok(Least::of([bytes(&dy)], [bytes(&dbias)]))
}
