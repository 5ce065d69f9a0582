//! Matrix products: the `gemm` crate's single-threaded kernel on tiles of C, each followed by its epilogue while it lies
//! in cache.
//!
//! The kernel's blocking, and with it the order in which an element's products are added up, depends on the shape of
//! its problem. So C is cut into tiles by shape alone, never by the number of threads: any number of threads gives the
//! same bits.

use gemm_common::Parallelism;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{activation, scratch, simd};
use crate::ops::{Epilogue, Gemm};
use crate::tensor::{View, ViewMut};

/// Columns of a tile: a multiple of the micro-tile of AVX-512 (64) and of AVX2 (24).
const TILE_COLUMNS: usize = 192;
/// Rows of a tile are a multiple of this, that of both micro-tiles (6 and 4).
const ROW_UNIT: usize = 12;
/// The least multiplications of a tile (20 µs on one core): below that, handing it to another thread shows.
const TILE_WORK: usize = 1 << 20;
/// How many tiles are wanted, so that threads which the system slows down differently finish together.
const TILES: usize = 12;
/// Up to this many rows, B is read as it lies: a copy of it would cost more than it saves.
pub const FEW_ROWS: usize = 16;
/// Rows of B that are transposed at a time: with a tile's columns they take 384 KiB, half of a second-level cache.
const TRANSPOSED_ROWS: usize = 512;

/// See [`crate::ops::gemm()`].
pub fn gemm(a: View, b: View, c: ViewMut, options: Gemm) {
    let Gemm { alpha, beta, mut epilogue } = options;
    let (m, k, n) = (a.dim(0), a.dim(1), b.dim(1));
    if m == 0 || n == 0 {
        return;
    }
    let (rows, columns) = tile(m, n, k, is_transposed(b));
    let down = m.div_ceil(rows);
    let pre = match &mut epilogue {
        Epilogue::Activation { pre, .. } => pre.take(),
        _ => None,
    };
    let epilogue = &epilogue;
    let run = |t: usize, mut c: ViewMut, pre: Option<ViewMut>| {
        let (row, column) = (t % down * rows, t / down * columns);
        let (height, width) = (c.dim(0), c.dim(1));
        product(alpha, a.narrow(0, row, height), b.narrow(1, column, width), beta, c.reborrow());
        finish(epilogue, row, column, c, pre);
    };
    let tiles = c.par_tiles(rows, columns);
    match pre {
        None => tiles.enumerate().for_each(|(t, c)| run(t, c, None)),
        Some(pre) => {
            tiles.zip(pre.par_tiles(rows, columns)).enumerate().for_each(|(t, (c, pre))| run(t, c, Some(pre)));
        }
    }
}

/// The rows and columns of a tile of C.
///
/// Measured on one core of an AVX-512 machine (114 GFLOP/s): the kernel copies B's columns for each tile, so cutting rows
/// into 256 costs 1 to 2 % and into 64 6 %; where B must be transposed as it is copied, 256 cost 4 % and more.
/// Cutting columns into 192 costs less than 1 %. So columns are cut first, and rows only as far as more tiles are wanted.
fn tile(m: usize, n: usize, k: usize, transposed: bool) -> (usize, usize) {
    let work = |rows: usize, columns: usize| rows.max(FEW_ROWS) * columns * k.max(1);
    let mut columns = TILE_COLUMNS;
    while columns < n && work(m, columns) < TILE_WORK {
        columns += TILE_COLUMNS;
    }
    let across = n.div_ceil(columns);
    let mut down = 1;
    let mut cut = |tiles: usize, least: usize| {
        while down * across < tiles
            && m.div_ceil(down + 1) >= least
            && work(m / (down + 1), columns.min(n)) >= TILE_WORK
        {
            down += 1;
        }
    };
    if transposed {
        cut(TILES, 384);
    } else {
        cut(TILES, 192);
        // Two threads with one tile or three lose more than smaller tiles cost.
        cut(4, 64);
    }
    (m.div_ceil(down).next_multiple_of(ROW_UNIT), columns)
}

/// Whether B's columns, not its rows, lie without gaps.
fn is_transposed(b: View) -> bool {
    b.strides()[1] != 1 && b.strides()[0] == 1 && b.dim(1) > 1
}

/// `C = alpha A B + beta C` on the calling thread. C has rows without gaps.
pub fn product(alpha: f32, a: View, b: View, beta: f32, c: ViewMut) {
    let (m, k, n) = (a.dim(0), a.dim(1), b.dim(1));
    if !is_transposed(b) || m == 1 || k == 0 {
        return kernel(alpha, a, b, beta, c);
    }
    if m <= FEW_ROWS {
        // For at most 256 elements of C the kernel takes the dot products of A's and B's vectors as they lie.
        let (width, mut c, mut start) = (256 / m, c, 0);
        while start < n {
            let len = width.min(n - start);
            kernel(alpha, a, b.narrow(1, start, len), beta, c.reborrow().narrow(1, start, len));
            start += len;
        }
        return;
    }
    // The kernel, too, copies such a B for every tile, but element by element: with a stride of 512 numbers that took as
    // long as the product with 100 rows, against 15 for this copy. K is taken in parts whose copies fit the core's cache.
    scratch::with(k.min(TRANSPOSED_ROWS) * n, |memory| {
        let (mut c, mut beta, mut start) = (c, beta, 0);
        while start < k {
            let len = TRANSPOSED_ROWS.min(k - start);
            let memory = &mut memory[..len * n];
            simd(
                #[inline(always)]
                || transpose(b.narrow(0, start, len), memory),
            );
            kernel(alpha, a.narrow(1, start, len), View::contiguous(memory, [len, n]), beta, c.reborrow());
            (beta, start) = (1.0, start + len);
        }
    });
}

/// Copies B `[K, N]`, whose columns lie without gaps, row by row.
#[inline(always)]
pub fn transpose(b: View, out: &mut [f32]) {
    const BLOCK: usize = 16;
    let (k, n) = (b.dim(0), b.dim(1));
    let columns = b.t();
    let mut j = 0;
    while j + BLOCK <= n {
        let source: [&[f32]; BLOCK] = std::array::from_fn(|i| &columns.row([j + i])[..k]);
        for (p, row) in out.chunks_exact_mut(n).enumerate() {
            let row = &mut row[j..j + BLOCK];
            for i in 0..BLOCK {
                row[i] = source[i][p];
            }
        }
        j += BLOCK;
    }
    for j in j..n {
        let source = columns.row([j]);
        for (row, &x) in out.chunks_exact_mut(n).zip(source) {
            row[j] = x;
        }
    }
}

/// The call into the kernel.
fn kernel(alpha: f32, a: View, b: View, beta: f32, c: ViewMut) {
    let (m, k, n) = (a.dim(0), a.dim(1), b.dim(1));
    assert!(
        b.dim(0) == k && *c.dims() == [m, n] && c.has_contiguous_rows(),
        "{} {} {}",
        a.shape(),
        b.shape(),
        c.shape()
    );
    let stride = |view: &View, axis: usize| view.strides()[axis] as isize;
    // The kernel is fast where its output's columns lie without gaps: it computes Cᵀ = Bᵀ Aᵀ.
    // SAFETY: the pointers and strides are those of views whose shapes were compared above, so the kernel reads and
    // writes only what their invariants cover; `c` is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            n,
            m,
            k,
            c.as_ptr(),
            c.strides()[0] as isize,
            1,
            beta != 0.0,
            b.as_ptr(),
            stride(&b, 0),
            stride(&b, 1),
            a.as_ptr(),
            stride(&a, 0),
            stride(&a, 1),
            beta,
            alpha,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Applies the epilogue to the tile of C that starts at `row` and `column`.
fn finish(epilogue: &Epilogue, row: usize, column: usize, mut c: ViewMut, mut pre: Option<ViewMut>) {
    let (height, width) = (c.dim(0), c.dim(1));
    let columns = column..column + width;
    let bias = match epilogue {
        Epilogue::Bias(bias) => Some(bias),
        Epilogue::Residual { bias, .. } | Epilogue::Activation { bias, .. } => bias.as_ref(),
        Epilogue::None | Epilogue::ActivationBackward { .. } => None,
    };
    let bias = bias.map(|bias| &bias.row([])[columns.clone()]);
    simd(
        #[inline(always)]
        || {
            for i in 0..height {
                let c = c.row_mut([i]);
                if let Some(bias) = bias {
                    c.iter_mut().zip(bias).for_each(|(c, bias)| *c += bias);
                }
                match epilogue {
                    Epilogue::None | Epilogue::Bias(_) => {}
                    Epilogue::Residual { residual, .. } => {
                        let residual = &residual.row([row + i])[columns.clone()];
                        c.iter_mut().zip(residual).for_each(|(c, residual)| *c += residual);
                    }
                    Epilogue::Activation { kind, .. } => {
                        if let Some(pre) = &mut pre {
                            pre.row_mut([i]).copy_from_slice(c);
                        }
                        activation::forward_row(*kind, c);
                    }
                    Epilogue::ActivationBackward { kind, pre } => {
                        activation::backward_row(*kind, &pre.row([row + i])[columns.clone()], c);
                    }
                }
            }
        },
    );
}
