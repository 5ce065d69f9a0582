//! Activations row by row, for their operations and for the epilogue of the matrix product.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::math::{erf, exp, exp_clamped};
use super::{TASK_ELEMENTS, rows_per_task, simd};
use crate::ops::Activation;
use crate::tensor::{View, ViewMut};

/// √(2/π) and the cubic term of GELU's tanh form.
const GELU_SCALE: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const GELU_CUBIC: f32 = 0.044_715;

/// Since 0.5 (1 + tanh u) = 1 / (1 + e⁻²ᵘ), one exponential and one division do, and small results keep their digits.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    // Below −10 the result is 0 in f32, and e⁻²ᵘ would not be finite.
    let x = if x < -10.0 { -10.0 } else { x };
    let u = GELU_SCALE * x * (GELU_CUBIC * x).mul_add(x, 1.0);
    x / (1.0 + exp_clamped(-2.0 * u))
}

#[inline(always)]
fn gelu_tanh_derivative(x: f32) -> f32 {
    // Beyond ±10 the derivative is 0 and 1 in f32; up to there e⁻²ᵘ is finite.
    let x = clamp(x, -10.0, 10.0);
    let square = x * x;
    let u = GELU_SCALE * x * GELU_CUBIC.mul_add(square, 1.0);
    let du = GELU_SCALE * (3.0 * GELU_CUBIC).mul_add(square, 1.0);
    let e = exp_clamped(-2.0 * u);
    let s = 1.0 / (1.0 + e);
    // 1 − s as e · s, which does not cancel.
    (2.0 * x * du * s).mul_add(e * s, s)
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let half = 0.5 * x;
    half.mul_add(erf(x * FRAC_1_SQRT_2), half)
}

#[inline(always)]
fn gelu_derivative(x: f32) -> f32 {
    let cdf = 0.5f32.mul_add(erf(x * FRAC_1_SQRT_2), 0.5);
    let density = 0.5 * GELU_SCALE * exp(-0.5 * x * x);
    x.mul_add(density, cdf)
}

/// NaN passes through, which `f32::max` would drop.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn relu_derivative(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { 1.0 }
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    // Below −87 the result is 0 in f32, and e⁻ˣ would not be finite.
    let x = if x < -87.0 { -87.0 } else { x };
    x / (1.0 + exp_clamped(-x))
}

#[inline(always)]
fn silu_derivative(x: f32) -> f32 {
    // Below −87 the derivative is 0 in f32; down to there e⁻ˣ is finite.
    let x = if x < -87.0 { -87.0 } else { x };
    let e = exp_clamped(-x);
    let s = 1.0 / (1.0 + e);
    (x * s).mul_add(e * s, s)
}

/// NaN passes through.
#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x);
    }
}

/// `y` = f(`x`). To be called inside [`simd`].
#[inline(always)]
pub fn apply(kind: Activation, x: &[f32], y: &mut [f32]) {
    match kind {
        Activation::GeluTanh => map(x, y, gelu_tanh),
        Activation::Gelu => map(x, y, gelu),
        Activation::Relu => map(x, y, relu),
        Activation::Silu => map(x, y, silu),
    }
}

#[inline(always)]
fn map_in_place(x: &mut [f32], f: impl Fn(f32) -> f32) {
    for x in x {
        *x = f(*x);
    }
}

/// `row` = f(`row`). To be called inside [`simd`].
#[inline(always)]
pub fn forward_row(kind: Activation, row: &mut [f32]) {
    match kind {
        Activation::GeluTanh => map_in_place(row, gelu_tanh),
        Activation::Gelu => map_in_place(row, gelu),
        Activation::Relu => map_in_place(row, relu),
        Activation::Silu => map_in_place(row, silu),
    }
}

#[inline(always)]
fn scale_by(pre: &[f32], d: &mut [f32], derivative: impl Fn(f32) -> f32) {
    for (d, &x) in d.iter_mut().zip(pre) {
        *d *= derivative(x);
    }
}

/// `d` *= f′(`pre`). To be called inside [`simd`].
#[inline(always)]
pub fn backward_row(kind: Activation, pre: &[f32], d: &mut [f32]) {
    match kind {
        Activation::GeluTanh => scale_by(pre, d, gelu_tanh_derivative),
        Activation::Gelu => scale_by(pre, d, gelu_derivative),
        Activation::Relu => scale_by(pre, d, relu_derivative),
        Activation::Silu => scale_by(pre, d, silu_derivative),
    }
}

/// Calls `f` on matching pieces of the rows of operands of one shape, in parallel and inside [`simd`].
fn for_pieces<const N: usize>(
    inputs: [View; N],
    mut output: ViewMut,
    f: impl Fn([&[f32]; N], &mut [f32]) + Sync + Copy,
) {
    let (shape, len) = (output.shape(), output.len());
    if len == 0 {
        return;
    }
    if output.is_contiguous() && inputs.iter().all(View::is_contiguous) {
        let inputs = inputs.each_ref().map(View::as_slice);
        output.as_mut_slice().par_chunks_mut(TASK_ELEMENTS).enumerate().for_each(|(i, output)| {
            let start = i * TASK_ELEMENTS;
            simd(
                #[inline(always)]
                || f(inputs.map(|input| &input[start..start + output.len()]), output),
            );
        });
    } else if shape.rank() == 2 {
        let block = rows_per_task(shape.dims()[1]);
        output.par_blocks(block).enumerate().for_each(|(i, mut output)| {
            simd(
                #[inline(always)]
                || {
                    for row in 0..output.dim(0) {
                        f(inputs.each_ref().map(|input| input.row([i * block + row])), output.row_mut([row]));
                    }
                },
            );
        });
    } else {
        // A vector has no gaps, so there are at least three axes here.
        for i in 0..shape.dims()[0] {
            for_pieces(inputs.map(|input| input.select(0, i)), output.reborrow().select(0, i), f);
        }
    }
}

/// See [`crate::ops::activation`].
pub fn activation(kind: Activation, x: View, y: ViewMut) {
    for_pieces(
        [x],
        y,
        #[inline(always)]
        |[x], y| apply(kind, x, y),
    );
}

/// See [`crate::ops::activation_backward`].
pub fn activation_backward(kind: Activation, x: View, dy: View, dx: ViewMut) {
    for_pieces(
        [x, dy],
        dx,
        #[inline(always)]
        |[x, dy], dx| {
            dx.copy_from_slice(dy);
            backward_row(kind, x, dx);
        },
    );
}

/// See [`crate::ops::swiglu`].
pub fn swiglu(x: View, y: ViewMut) {
    let block = rows_per_task(x.dim(1));
    x.par_blocks(block).zip(y.par_blocks(block)).for_each(|(x, mut y)| {
        simd(
            #[inline(always)]
            || {
                for row in 0..x.dim(0) {
                    let y = y.row_mut([row]);
                    let (gate, up) = x.row([row]).split_at(y.len());
                    for ((y, &gate), &up) in y.iter_mut().zip(gate).zip(up) {
                        *y = silu(gate) * up;
                    }
                }
            },
        );
    });
}

/// See [`crate::ops::swiglu_backward`].
pub fn swiglu_backward(x: View, dy: View, dx: ViewMut) {
    let block = rows_per_task(x.dim(1));
    x.par_blocks(block).zip(dy.par_blocks(block)).zip(dx.par_blocks(block)).for_each(|((x, dy), mut dx)| {
        simd(
            #[inline(always)]
            || {
                for row in 0..x.dim(0) {
                    let dy = dy.row([row]);
                    let (gate, up) = x.row([row]).split_at(dy.len());
                    let (dgate, dup) = dx.row_mut([row]).split_at_mut(dy.len());
                    for i in 0..dy.len() {
                        dgate[i] = dy[i] * up[i] * silu_derivative(gate[i]);
                        dup[i] = dy[i] * silu(gate[i]);
                    }
                }
            },
        );
    });
}

/// See [`crate::ops::bias_backward`].
pub fn bias_backward(dy: View, beta: f32, mut dbias: ViewMut) {
    // Blocks of at least 32 rows keep the second stage below a thirtieth of the first.
    let (columns, block) = (dy.dim(1), rows_per_task(dy.dim(1)).max(32));
    let mut partial = vec![0.0; dy.dim(0).div_ceil(block) * columns];
    if columns > 0 {
        dy.par_blocks(block).zip(partial.par_chunks_exact_mut(columns)).for_each(|(dy, partial)| {
            simd(
                #[inline(always)]
                || sum_rows(dy, partial),
            );
        });
    }
    join_blocks(&partial, columns, beta, dbias.row_mut([]));
}

/// `sum` += the rows of `x`, four at a time, so that `sum` is loaded and stored once for four of them.
#[inline(always)]
fn sum_rows(x: View, sum: &mut [f32]) {
    let rows = x.dim(0);
    let fours = rows - rows % 4;
    for row in (0..fours).step_by(4) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| &x.row([row + i])[..sum.len()]);
        for i in 0..sum.len() {
            sum[i] += (a[i] + b[i]) + (c[i] + d[i]);
        }
    }
    for row in fours..rows {
        for (sum, &x) in sum.iter_mut().zip(x.row([row])) {
            *sum += x;
        }
    }
}

/// The second stage of a sum over rows: `out` = `beta` · `out` + Σ over blocks of the first `out.len()` numbers of each
/// block of `stride` numbers of `partial`, in the order of the blocks, whatever the number of threads.
pub fn join_blocks(partial: &[f32], stride: usize, beta: f32, out: &mut [f32]) {
    const COLUMNS: usize = 1024;
    out.par_chunks_mut(COLUMNS).enumerate().for_each(|(i, out)| {
        simd(
            #[inline(always)]
            || {
                if beta == 0.0 {
                    out.fill(0.0);
                } else if beta != 1.0 {
                    map_in_place(
                        out,
                        #[inline(always)]
                        |out| beta * out,
                    );
                }
                for block in partial.chunks(stride) {
                    for (out, &partial) in out.iter_mut().zip(&block[i * COLUMNS..]) {
                        *out += partial;
                    }
                }
            },
        );
    });
}
