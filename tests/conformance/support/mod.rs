//! What the tests of all operations share: inputs, comparison, finite differences.

use warpweave::random::Rng;
use warpweave::{Tensor, tensor::Shape};

/// How far a result may be from its f64 reference: `abs + rel · |reference|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub abs: f64,
    pub rel: f64,
}

impl Tolerance {
    /// For sums of `terms` products of numbers around `scale`, in f32: rounding errors add up like a random walk, and
    /// 8 standard deviations are allowed.
    pub fn sum(terms: usize, scale: f64) -> Self {
        let unit = f64::from(f32::EPSILON);
        Tolerance { abs: 8.0 * unit * scale * (terms.max(1) as f64).sqrt(), rel: 8.0 * unit }
    }
}

/// Fails unless each element is within the tolerance. NaN is within it only where the reference is NaN too.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f64], tolerance: Tolerance) {
    assert_eq!(got.len(), want.len(), "{what}: number of elements");
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let allowed = if w.is_finite() { tolerance.abs + tolerance.rel * w.abs() } else { 0.0 };
        let ok = (f64::from(g) - w).abs() <= allowed || f64::from(g) == w || (g.is_nan() && w.is_nan());
        assert!(ok, "{what}: element {i} is {g}, reference {w}, allowed difference {allowed:e}");
    }
}

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

/// The same numbers in f64.
pub fn to_f64(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Σ x·y: turns a vector-valued function into the scalar whose gradient `backward` gives for the output gradient `y`.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[test]
#[should_panic(expected = "element 1 is NaN")]
fn a_nan_is_never_close_to_a_number() {
    assert_close("x", &[1.0, f32::NAN], &[1.0, 1.0], Tolerance { abs: 1e9, rel: 1e9 });
}

#[test]
#[should_panic(expected = "element 0 is 0")]
fn only_infinity_is_close_to_infinity() {
    assert_close("x", &[0.0], &[f64::NEG_INFINITY], Tolerance { abs: 1.0, rel: 1.0 });
}

#[test]
#[should_panic(expected = "element 0 is 1.001")]
fn a_difference_beyond_the_tolerance_fails() {
    assert_close("x", &[1.001], &[1.0], Tolerance { abs: 1e-4, rel: 1e-4 });
}
