//! What reduces rows: norms, softmax.

use warpweave::Result;
use warpweave::ops::{
    self, Dropout, Mask, NormGrads, NormKind, NormParams, NormStats, NormStatsMut, Residual, ResidualGrad,
    SoftmaxParams,
};
use warpweave::tensor::{Float, Tensor};

use super::{Case, Least, bytes};

pub fn norm<T: Float>(case: &Case, kind: NormKind) -> Result<Least> {
    let shape = case.axes();
    let [rows, columns] = shape.map(|axis| [axis]);
    let (x, gamma) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>(columns)?);
    let beta = (kind == NormKind::Layer).then(|| case.tensor::<T, _>(columns)).transpose()?;
    let input = case.residual.then(|| case.tensor::<T, _>(shape)).transpose()?;
    let mut sum = case.residual.then(|| case.zeros::<T, _>(shape)).transpose()?;
    let (mut y, mut mean, mut rstd) = (case.zeros::<T, _>(shape)?, case.zeros(rows)?, case.zeros(rows)?);
    case.stream.reset_counters()?;
    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta: beta.as_ref().map(Tensor::view) };
    let residual = input.as_ref().zip(sum.as_mut());
    let residual =
        residual.map(|(input, sum)| Residual { input: input.view(), sum: sum.view_mut(), dropout: Dropout::default() });
    let stats = NormStatsMut { mean: mean.view_mut(), rstd: rstd.view_mut() };
    ops::norm(&params, x.view(), residual, y.view_mut(), stats)?;
    let optional = |tensor: &Option<Tensor<T>>| tensor.as_ref().map_or(0, bytes);
    let read = [bytes(&x), bytes(&gamma), optional(&beta), optional(&input)];
    Ok(Least::of(read, [bytes(&y), bytes(&mean), bytes(&rstd), optional(&sum)]))
}

pub fn norm_backward<T: Float>(case: &Case, kind: NormKind) -> Result<Least> {
    let shape = case.axes();
    let [rows, columns] = shape.map(|axis| [axis]);
    let (x, dy) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>(shape)?);
    let (gamma, mean, rstd) = (case.tensor::<T, _>(columns)?, case.tensor(rows)?, case.tensor(rows)?);
    let (mut dx, mut dgamma) = (case.zeros::<T, _>(shape)?, case.zeros(columns)?);
    let mut dbeta = (kind == NormKind::Layer).then(|| case.zeros::<f32, _>(columns)).transpose()?;
    case.stream.reset_counters()?;
    let params = NormParams { kind, eps: 1e-5, gamma: gamma.view(), beta: None };
    let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
    let grads = NormGrads {
        dx: dx.view_mut(),
        branch: None,
        dgamma: dgamma.view_mut(),
        dbeta: dbeta.as_mut().map(Tensor::view_mut),
        beta_acc: 0.0,
    };
    ops::norm_backward(&params, x.view(), stats, dy.view(), ResidualGrad::None, grads)?;
    let read_mean = if kind == NormKind::Layer { bytes(&mean) } else { 0 };
    let read = [bytes(&x), bytes(&dy), bytes(&gamma), read_mean, bytes(&rstd)];
    Ok(Least::of(read, [bytes(&dx), bytes(&dgamma), dbeta.as_ref().map_or(0, bytes)]))
}

pub fn softmax<T: Float>(case: &Case) -> Result<Least> {
    let shape @ [batch, heads, queries, keys] = case.axes();
    let (x, mut y) = (case.tensor::<T, _>(shape)?, case.zeros::<T, _>(shape)?);
    case.stream.reset_counters()?;
    let mask = Mask { causal: case.causal, ..Mask::default() };
    ops::softmax(&SoftmaxParams { mask, ..SoftmaxParams::default() }, x.view(), y.view_mut())?;
    let seen: usize = (0..queries).map(|i| mask.keys(0, i, queries, keys).len()).sum();
    Ok(Least::of([batch * heads * seen * size_of::<T>()], [bytes(&y)]))
}

pub fn softmax_backward<T: Float>(case: &Case) -> Result<Least> {
    let shape: [usize; 4] = case.axes();
    let (y, mut grad) = (case.tensor::<T, _>(shape)?, case.tensor::<T, _>(shape)?);
    case.stream.reset_counters()?;
    ops::softmax_backward(y.view(), 1.0, grad.view_mut())?;
    Ok(Least::of([bytes(&y), bytes(&grad)], [bytes(&grad)]))
}
