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

/// The fewest columns of a tile, unless A is transposed.
const TILE_COLUMNS: usize = 192;
/// Elements of B's columns, of a tile with more than [`TILE_COLUMNS`]: 256 KiB of a second-level cache.
const TILE_B: usize = 64 << 10;
/// Columns of a tile are a multiple of this, that of AVX-512's micro-tile.
const COLUMN_UNIT: usize = 64;
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
    let (rows, columns) = tile(m, n, k, is_transposed(a), is_transposed(b));
    let down = m.div_ceil(rows);
    let pre = match &mut epilogue {
        Epilogue::Activation { pre, .. } => pre.take(),
        _ => None,
    };
    let epilogue = &epilogue;
    let run = |t: usize, mut c: ViewMut, mut pre: Option<ViewMut>| {
        let (row, column) = (t % down * rows, t / down * columns);
        let (height, width) = (c.dim(0), c.dim(1));
        // What comes before the activation is computed where it is kept.
        let out = match &mut pre {
            Some(pre) => pre.reborrow(),
            None => c.reborrow(),
        };
        product(alpha, a.narrow(0, row, height), b.narrow(1, column, width), beta, out);
        finish(epilogue, row, column, c, pre);
    };
    // A task for each tile: rayon's own groups of tiles would leave one thread waiting for the other.
    let tiles = c.par_tiles(rows, columns).with_max_len(1);
    match pre {
        None => tiles.enumerate().for_each(|(t, c)| run(t, c, None)),
        Some(pre) => {
            tiles.zip(pre.par_tiles(rows, columns)).enumerate().for_each(|(t, (c, pre))| run(t, c, Some(pre)));
        }
    }
}

/// The rows and columns of a tile of C.
///
/// Measured with two threads of an AVX-512 machine, on operands that were not in cache, for the products of the networks
/// that `examples/train_throughput.rs` trains:
/// - The kernel copies B's columns for each tile. A tile has as many columns as fit the cache, or 192, and rows are cut
///   only as far as more tiles are wanted: into no fewer than 48, or 384 where B must be transposed as it is copied.
/// - A transposed A is read across its rows, a few at a time: 64 columns and few rows were the fastest by 2 to 30 %.
fn tile(m: usize, n: usize, k: usize, a_transposed: bool, b_transposed: bool) -> (usize, usize) {
    let work = |rows: usize, columns: usize| rows.max(FEW_ROWS) * columns * k.max(1);
    let (mut columns, least_rows, tiles) = match (a_transposed, b_transposed) {
        (true, _) if n < 4 * COLUMN_UNIT => (2 * COLUMN_UNIT, 24, 2 * TILES),
        (true, _) => (COLUMN_UNIT, 36, 2 * TILES),
        (false, transposed) => {
            let fitting = (TILE_B / k.max(1)).clamp(TILE_COLUMNS, 512) / COLUMN_UNIT * COLUMN_UNIT;
            (fitting, if transposed { 384 } else { 48 }, TILES)
        }
    };
    while columns < n && work(m, columns) < TILE_WORK {
        columns += TILE_COLUMNS;
    }
    // Equally wide tiles end at the same time.
    let columns = n.div_ceil(n.div_ceil(columns)).next_multiple_of(COLUMN_UNIT);
    let across = n.div_ceil(columns);
    let mut down = if a_transposed { m.div_ceil(384) } else { 1 };
    while down * across < tiles
        && m.div_ceil(down + 1) >= least_rows
        && work(m / (down + 1), columns.min(n)) >= TILE_WORK
    {
        down += 1;
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
                match (epilogue, &mut pre) {
                    (Epilogue::None | Epilogue::Bias(_), _) => add(c, bias),
                    (Epilogue::Residual { residual, .. }, _) => {
                        add(c, bias);
                        add(c, Some(&residual.row([row + i])[columns.clone()]));
                    }
                    (Epilogue::Activation { kind, .. }, Some(pre)) => {
                        let pre = pre.row_mut([i]);
                        add(pre, bias);
                        activation::apply(*kind, pre, c);
                    }
                    (Epilogue::Activation { kind, .. }, None) => {
                        add(c, bias);
                        activation::forward_row(*kind, c);
                    }
                    (Epilogue::ActivationBackward { kind, pre }, _) => {
                        activation::backward_row(*kind, &pre.row([row + i])[columns.clone()], c);
                    }
                }
            }
        },
    );
}

/// `row` += `other`, where there is one.
#[inline(always)]
fn add(row: &mut [f32], other: Option<&[f32]>) {
    if let Some(other) = other {
        row.iter_mut().zip(other).for_each(
            #[inline(always)]
            |(row, other)| *row += other,
        );
    }
}
