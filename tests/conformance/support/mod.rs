//! What the tests of all operations share: inputs, comparison, finite differences, and the devices.

mod compare;
mod devices;

pub use compare::*;
pub use devices::*;

use warpweave::random::Rng;
use warpweave::{Tensor, tensor::Shape};

/// The gradient of `f` at `x` by central differences in f64.
pub fn numerical_gradient(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut x = x.to_vec();
    (0..x.len())
        .map(|i| {
            let (at, h) = (x[i], 1e-5 * x[i].abs().max(1.0));
            x[i] = at + h;
            let above = f(&x);
            x[i] = at - h;
            let below = f(&x);
            x[i] = at;
            (above - below) / (2.0 * h)
        })
        .collect()
}

/// `n` numbers from a normal distribution, always the same for one `seed`.
pub fn normal(seed: u64, n: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed, 0);
    (0..n).map(|_| rng.normal()).collect()
}

/// A tensor of such numbers.
pub fn normal_tensor(seed: u64, shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    let n = shape.dims().iter().product();
    Tensor::from_vec(shape, normal(seed, n)).unwrap()
}

/// Σ x·y: turns a vector-valued function into the scalar whose gradient `backward` gives for the output gradient `y`.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
