//! Activations row by row, for their operations and for the epilogue of the matrix product.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::math::{erf, exp, exp_clamped};
use super::{TASK_ELEMENTS, rows_per_task, scratch, simd, wide};
use crate::ops::{Activation, ActivationParams, BiasGrad};
use crate::tensor::{Float, View, ViewMut};

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
    // Below −14 the result is 0 in f32; −∞ · 0 would not be.
    let x = if x < -14.0 { -14.0 } else { x };
    let half = 0.5 * x;
    half.mul_add(erf(x * FRAC_1_SQRT_2), half)
}

#[inline(always)]
fn gelu_derivative(x: f32) -> f32 {
    // Beyond ±14 the derivative is 0 and 1 in f32.
    let x = clamp(x, -14.0, 14.0);
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
    // Beyond ±87 the derivative is 0 and 1 in f32; up to there e⁻ˣ is finite.
    let x = clamp(x, -87.0, 87.0);
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

/// `y` = f(gate) · up, for `x` = gate | up. To be called inside [`simd`].
#[inline(always)]
fn glu_row(kind: Activation, x: &[f32], y: &mut [f32]) {
    #[inline(always)]
    fn row(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
        let (gate, up) = x.split_at(y.len());
        for ((y, &gate), &up) in y.iter_mut().zip(gate).zip(up) {
            *y = f(gate) * up;
        }
    }
    match kind {
        Activation::GeluTanh => row(x, y, gelu_tanh),
        Activation::Gelu => row(x, y, gelu),
        Activation::Relu => row(x, y, relu),
        Activation::Silu => row(x, y, silu),
    }
}

/// `dx` = dy · up · f′(gate) | dy · f(gate), for `x` = gate | up. To be called inside [`simd`].
#[inline(always)]
fn glu_backward_row(kind: Activation, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    #[inline(always)]
    fn row(x: &[f32], dy: &[f32], dx: &mut [f32], f: impl Fn(f32) -> f32, derivative: impl Fn(f32) -> f32) {
        let (gate, up) = x.split_at(dy.len());
        let (dgate, dup) = dx.split_at_mut(dy.len());
        for i in 0..dy.len() {
            dgate[i] = dy[i] * up[i] * derivative(gate[i]);
            dup[i] = dy[i] * f(gate[i]);
        }
    }
    match kind {
        Activation::GeluTanh => row(x, dy, dx, gelu_tanh, gelu_tanh_derivative),
        Activation::Gelu => row(x, dy, dx, gelu, gelu_derivative),
        Activation::Relu => row(x, dy, dx, relu, relu_derivative),
        Activation::Silu => row(x, dy, dx, silu, silu_derivative),
    }
}

/// Calls `f` with matrices in f32, those of other types through scratch memory; `output` has what it had.
fn in_f32<T: Float, const N: usize>(inputs: [View<T>; N], output: ViewMut<T>, f: impl FnOnce([View; N], ViewMut)) {
    match T::as_f32_mut(output) {
        Ok(output) => f(inputs.map(|input| T::as_f32(input).expect("of the output's type")), output),
        Err(output) => scratch::with(inputs.iter().map(View::len).sum(), |mut memory| {
            let inputs = inputs.map(|input| {
                let (wide, rest) = std::mem::take(&mut memory).split_at_mut(input.len());
                memory = rest;
                wide::load(input, wide);
                View::contiguous(wide, input.shape())
            });
            wide::update(output, |output| f(inputs, output));
        }),
    }
}

/// Calls `f` on matching rows of matrices, and inside [`simd`]. The first input's have `bias` added.
fn for_rows<const N: usize>(
    inputs: [View; N],
    output: &mut ViewMut,
    bias: Option<&[f32]>,
    f: impl Fn([&[f32]; N], &mut [f32]),
) {
    scratch::with(bias.map_or(0, <[f32]>::len), |biased| {
        simd(
            #[inline(always)]
            || {
                for row in 0..output.dim(0) {
                    let mut rows = inputs.each_ref().map(|input| input.row([row]));
                    if let Some(bias) = bias {
                        for ((biased, &x), &bias) in biased.iter_mut().zip(rows[0]).zip(bias) {
                            *biased = x + bias;
                        }
                        rows[0] = biased;
                    }
                    f(rows, output.row_mut([row]));
                }
            },
        );
    });
}

/// A view as a matrix with the same last axis, where that needs no copy.
fn as_matrix<T: Float>(view: View<T>) -> Option<View<T>> {
    let columns = view.dims().last().copied().unwrap_or(1);
    view.reshape([view.len() / columns.max(1), columns]).ok()
}

/// Calls `f` with operands of as many rows as matrices: once where they can be seen as such, else for each index of the first axes.
fn for_matrices<T: Float, const N: usize>(
    inputs: [View<T>; N],
    mut output: ViewMut<T>,
    f: &mut impl FnMut([View<T>; N], ViewMut<T>),
) {
    let columns = output.dims().last().copied().unwrap_or(1);
    let shape = [output.len() / columns.max(1), columns];
    if inputs.iter().all(|&input| as_matrix(input).is_some())
        && let Ok(output) = output.reborrow().reshape(shape)
    {
        return f(inputs.map(|input| as_matrix(input).expect("as it was")), output);
    }
    for i in 0..output.dim(0) {
        for_matrices(inputs.map(|input| input.select(0, i)), output.reborrow().select(0, i), f);
    }
}

/// Calls `f` on matching pieces of the rows of operands of as many rows, in parallel and inside [`simd`]. The first input's have
/// `bias` added.
fn for_pieces<T: Float, const N: usize>(
    inputs: [View<T>; N],
    output: ViewMut<T>,
    bias: Option<&[f32]>,
    f: impl Fn([&[f32]; N], &mut [f32]) + Sync + Copy,
) {
    let run = |inputs: [View<T>; N], output: ViewMut<T>| {
        in_f32(inputs, output, |inputs, mut output| for_rows(inputs, &mut output, bias, f));
    };
    let (shape, len) = (output.shape(), output.len());
    let dense = |input: &View<T>| input.is_contiguous() && input.shape() == shape;
    if bias.is_none() && output.is_contiguous() && inputs.iter().all(dense) {
        let flat = inputs.map(|input| input.reshape([1, len]).expect("a view without gaps is one row"));
        let output = output.reshape([len]).expect("a view without gaps is one row");
        output.par_blocks(TASK_ELEMENTS).enumerate().for_each(|(i, output)| {
            let piece = output.len();
            let output = output.reshape([1, piece]).expect("a piece is one row");
            run(flat.map(|input| input.narrow(1, i * TASK_ELEMENTS, piece)), output);
        });
        return;
    }
    for_matrices(inputs, output, &mut |inputs, output| {
        let block = rows_per_task(output.dim(1));
        output.par_blocks(block).enumerate().for_each(|(i, output)| {
            run(inputs.map(|input| input.narrow(0, i * block, output.dim(0))), output);
        });
    });
}

/// The same in blocks of whole rows, with the sums over rows of what `f` leaves, before it is rounded to T.
fn for_pieces_with_sums<T: Float, const N: usize>(
    inputs: [View<T>; N],
    output: ViewMut<T>,
    bias: Option<&[f32]>,
    grad: BiasGrad,
    f: impl Fn([&[f32]; N], &mut [f32]) + Sync + Copy,
) {
    let BiasGrad { mut dbias, mut beta } = grad;
    for_matrices(inputs, output, &mut |inputs, output| {
        let (rows, columns, block) = (output.dim(0), output.dim(1), rows_of_sums(output.dim(1)));
        let mut partial = vec![0.0; rows.div_ceil(block) * columns];
        if columns > 0 {
            let blocks = output.par_blocks(block).zip(partial.par_chunks_exact_mut(columns));
            blocks.enumerate().for_each(|(i, (output, partial))| {
                let inputs = inputs.map(|input| input.narrow(0, i * block, output.dim(0)));
                in_f32(inputs, output, |inputs, mut output| {
                    for_rows(inputs, &mut output, bias, f);
                    simd(
                        #[inline(always)]
                        || sum_rows(output.as_view(), partial),
                    );
                });
            });
        }
        join_blocks(&partial, columns, beta, dbias.row_mut([]));
        beta = 1.0;
    });
}

/// The rows of one block of sums over rows: at least 32 keep the second stage below a thirtieth of the first.
fn rows_of_sums(columns: usize) -> usize {
    rows_per_task(columns).max(32)
}

/// Calls `f` with the activation and its bias in f32, which is converted once for all rows.
fn with_bias<W: Float>(params: &ActivationParams<W>, f: impl FnOnce(Activation, Option<&[f32]>)) {
    let row = params.bias.map(|bias| bias.reshape([1, bias.len()]).expect("a row without gaps is a matrix of one"));
    wide::read_optional(row, |bias| f(params.kind, bias.as_ref().map(|bias| bias.row([0]))));
}

/// See [`crate::ops::activation`].
pub fn activation<T: Float, W: Float>(params: &ActivationParams<W>, x: View<T>, y: ViewMut<T>) {
    with_bias(params, |kind, bias| {
        for_pieces(
            [x],
            y,
            bias,
            #[inline(always)]
            |[x], y| apply(kind, x, y),
        );
    });
}

/// See [`crate::ops::activation_backward`]; without `dy` that is what `dx` holds.
pub fn activation_backward<T: Float, W: Float>(
    params: &ActivationParams<W>,
    x: View<T>,
    dy: Option<View<T>>,
    dx: ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) {
    fn run<T: Float, const N: usize>(
        inputs: [View<T>; N],
        dx: ViewMut<T>,
        bias: Option<&[f32]>,
        bias_grad: Option<BiasGrad>,
        f: impl Fn([&[f32]; N], &mut [f32]) + Sync + Copy,
    ) {
        match bias_grad {
            None => for_pieces(inputs, dx, bias, f),
            Some(grad) => for_pieces_with_sums(inputs, dx, bias, grad, f),
        }
    }
    with_bias(params, |kind, bias| match dy {
        Some(dy) => run(
            [x, dy],
            dx,
            bias,
            bias_grad,
            #[inline(always)]
            |[x, dy], dx| {
                dx.copy_from_slice(dy);
                backward_row(kind, x, dx);
            },
        ),
        None => run(
            [x],
            dx,
            bias,
            bias_grad,
            #[inline(always)]
            |[x], dx| backward_row(kind, x, dx),
        ),
    });
}

/// See [`crate::ops::glu`].
pub fn glu<T: Float, W: Float>(params: &ActivationParams<W>, x: View<T>, y: ViewMut<T>) {
    with_bias(params, |kind, bias| {
        for_pieces(
            [x],
            y,
            bias,
            #[inline(always)]
            |[x], y| glu_row(kind, x, y),
        );
    });
}

/// See [`crate::ops::glu_backward`].
pub fn glu_backward<T: Float, W: Float>(
    params: &ActivationParams<W>,
    x: View<T>,
    dy: View<T>,
    dx: ViewMut<T>,
    bias_grad: Option<BiasGrad>,
) {
    #[inline(always)]
    fn with_kind(kind: Activation) -> impl Fn([&[f32]; 2], &mut [f32]) + Sync + Copy {
        #[inline(always)]
        move |[x, dy], dx| glu_backward_row(kind, x, dy, dx)
    }
    with_bias(params, |kind, bias| match bias_grad {
        None => for_pieces([x, dy], dx, bias, with_kind(kind)),
        Some(grad) => for_pieces_with_sums([x, dy], dx, bias, grad, with_kind(kind)),
    });
}

/// See [`crate::ops::bias_backward`].
pub fn bias_backward<T: Float>(dy: View<T>, beta: f32, mut dbias: ViewMut) {
    let (columns, block) = (dy.dim(1), rows_of_sums(dy.dim(1)));
    let mut partial = vec![0.0; dy.dim(0).div_ceil(block) * columns];
    if columns > 0 {
        dy.par_blocks(block).zip(partial.par_chunks_exact_mut(columns)).for_each(|(dy, partial)| {
            wide::read(dy, |dy| {
                simd(
                    #[inline(always)]
                    || sum_rows(dy, partial),
                );
            });
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
