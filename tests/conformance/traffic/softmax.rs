use half::bf16;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Mask, SoftmaxParams, Window};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use super::{assert_conflicts_of_cluster, assert_moves, cost, tensor};

/// `[B, H, Tq, Tk]`: rows of 8 lanes, a warp, a block, clusters, and the widest.
const SHAPES: [[usize; 4]; 5] =
    [[1, 1, 64, 64], [1, 2, 32, 1024], [2, 1, 8, 4096], [1, 1, 2, 65_536], [1, 1, 1, 262_144]];

fn softmax<T: Float>(shape: [usize; 4], params: impl Fn(&Stream) -> Operands<T>) -> Option<KernelCounters> {
    let kernels = cost(|stream| {
        let [x, mut y] = [(); 2].map(|()| tensor::<T, _>(stream, shape));
        let Operands { mask, key_lengths, allowed, bias } = params(stream);
        let mask = Mask { key_lengths: key_lengths.as_ref().map(Tensor::view), ..mask };
        let (allowed, bias) = (allowed.as_ref().map(Tensor::view), bias.as_ref().map(Tensor::view));
        ops::softmax(&SoftmaxParams { scale: 1.0, mask, allowed, bias }, x.view(), y.view_mut()).unwrap();
    })?;
    let [kernel] = kernels.try_into().unwrap_or_else(|kernels| panic!("one kernel, not {kernels:#?}"));
    assert_conflicts(&kernel, shape);
    Some(kernel)
}

/// Where rows have a cluster each, nothing but its blocks is in the grid.
#[track_caller]
fn assert_conflicts(kernel: &KernelCounters, [batch, heads, queries, _]: [usize; 4]) {
    assert_conflicts_of_cluster(kernel, (kernel.blocks as usize / (batch * heads * queries)).max(1));
}

/// What says which keys are seen, and what is added to the scores.
struct Operands<T: Float> {
    mask: Mask<'static>,
    key_lengths: Option<Tensor<u32>>,
    allowed: Option<Tensor<u8>>,
    bias: Option<Tensor<T>>,
}

impl<T: Float> Default for Operands<T> {
    fn default() -> Self {
        Operands { mask: Mask::default(), key_lengths: None, allowed: None, bias: None }
    }
}

/// Sectors of a matrix in T.
fn sectors<T>(shape: [usize; 4]) -> u64 {
    (shape.iter().product::<usize>() * size_of::<T>() / 32) as u64
}

fn check_all<T: Float>() {
    for shape in SHAPES {
        let Some(kernel) = softmax::<T>(shape, |_| Operands::default()) else { return };
        assert_eq!(kernel.sectors_read(), sectors::<T>(shape), "{kernel}");
        assert_eq!(kernel.sectors_written(), sectors::<T>(shape), "{kernel}");
        let global = kernel.global;
        assert_eq!((global.load.efficiency(), global.store.efficiency()), (1.0, 1.0), "{kernel}");
    }
}

#[test]
fn softmax_reads_its_input_once() {
    check_all::<f32>();
    check_all::<bf16>();
}

/// What the spans `seen` of rows of `keys` take: the sectors that they touch, and those of all requests. Where a span cuts a vector
/// of 16 bytes, its elements come one by one, each a request of a sector that but for the first one is in L1 then.
fn spans<T>(keys: usize, seen: impl Iterator<Item = std::ops::Range<usize>>) -> [u64; 2] {
    let (width, sector) = (16 / size_of::<T>(), 32 / size_of::<T>());
    assert_eq!(keys % sector, 0, "rows of whole sectors");
    let touched = |begin: usize, end: usize| if begin < end { end.div_ceil(sector) - begin / sector } else { 0 };
    let [mut distinct, mut all] = [0; 2];
    for span in seen {
        let (first, last) = (span.start.div_ceil(width) * width, span.end / width * width);
        distinct += touched(span.start, span.end);
        all += if first < last { (first - span.start) + touched(first, last) + (span.end - last) } else { span.len() };
    }
    [distinct as u64, all as u64]
}

/// A row's last key lies anywhere, so a causal mask costs up to one vector's elements by themselves. Its sector counts as a whole.
#[test]
fn a_mask_leaves_keys_unread() {
    fn check<T: Float>(
        shape @ [batch, heads, queries, keys]: [usize; 4],
        mask: Mask<'static>,
        lengths: Option<[u32; 2]>,
    ) {
        let lengths = || lengths.map(|lengths| Tensor::from_vec([2], lengths.to_vec()).unwrap());
        let kernel = softmax::<T>(shape, |stream| {
            let key_lengths = lengths().map(|lengths| lengths.to(stream).unwrap());
            Operands { mask, key_lengths, ..Operands::default() }
        });
        let Some(kernel) = kernel else { return };
        let lengths = lengths();
        let host = Mask { key_lengths: lengths.as_ref().map(Tensor::view), ..mask };
        let rows = (0..batch).flat_map(|b| (0..heads * queries).map(move |i| (b, i % queries)));
        let [distinct, all] = spans::<T>(keys, rows.map(|(b, i)| host.keys(b, i, queries, keys)));
        // The lengths themselves are one sector, for each request for them.
        let (lengths, requests) = if lengths.is_some() { (1, kernel.sectors_read() - all) } else { (0, 0) };
        assert_eq!(kernel.distinct_sectors_read, distinct + lengths, "{shape:?}: {kernel}");
        assert_eq!(kernel.sectors_read(), all + requests, "{shape:?}: {kernel}");
        assert!(requests <= (batch * heads * queries) as u64 * lengths.max(1) * 8, "{shape:?}: {kernel}");
        assert_eq!(kernel.sectors_written(), sectors::<T>(shape), "{shape:?}: {kernel}");
        assert_eq!(kernel.global.store.efficiency(), 1.0, "{shape:?}: {kernel}");
    }
    let causal = Mask { causal: true, ..Mask::default() };
    let window = Mask { window: Some(Window { left: 40, right: 3 }), ..Mask::default() };
    for shape in [[2, 1, 64, 64], [2, 1, 40, 512], [2, 1, 4, 4096]] {
        check::<f32>(shape, causal, None);
        check::<bf16>(shape, causal, None);
        check::<bf16>(shape, window, None);
        check::<bf16>(shape, Mask::default(), Some([17, 64]));
    }
}

/// One bias and one mask for all heads: each row asks for them, and they come from memory once.
#[test]
fn what_is_broadcast_is_read_once() {
    fn check<T: Float>() {
        let (shape, one) = ([2, 3, 8, 1024], [1, 1, 8, 1024]);
        let kernel = softmax::<T>(shape, |stream| Operands {
            allowed: Some(Tensor::from_vec(one, vec![1; 8 * 1024]).unwrap().to(stream).unwrap()),
            bias: Some(tensor(stream, one)),
            ..Operands::default()
        });
        let Some(kernel) = kernel else { return };
        let extras = |shape| sectors::<T>(shape) + sectors::<u8>(shape);
        assert_eq!(kernel.sectors_read(), sectors::<T>(shape) + extras(shape), "{kernel}");
        assert_eq!(kernel.distinct_sectors_read, sectors::<T>(shape) + extras(one), "{kernel}");
        assert_eq!(kernel.sectors_written(), sectors::<T>(shape), "{kernel}");
        assert_eq!(kernel.global.load.efficiency(), 1.0, "{kernel}");
    }
    check::<f32>();
    check::<bf16>();
}

/// Rows that begin anywhere: whole vectors but for the first and the last one, whose elements are requests of their own.
#[test]
fn rows_that_no_vector_divides_are_read_once() {
    fn check<T: Float>() {
        let shape @ [.., rows, keys] = [1, 1, 32, 2001];
        let bytes = rows * keys * size_of::<T>();
        let Some(kernel) = softmax::<T>(shape, |_| Operands::default()) else { return };
        assert_moves("x", kernel.distinct_sectors_read, bytes);
        assert_moves("y", kernel.distinct_sectors_written, bytes);
        // Two vectors' elements at most, and a sector more where a warp's vectors begin in the middle of one.
        let most = bytes / 32 + rows * (2 * (16 / size_of::<T>()) + keys.div_ceil(32 * 16 / size_of::<T>()));
        let got = [kernel.sectors_read(), kernel.sectors_written()];
        assert!(got.iter().all(|&got| got <= most as u64), "{got:?} > {most}: {kernel}");
    }
    check::<f32>();
    check::<bf16>();
}

#[test]
fn softmax_backward_reads_y_and_dy_once() {
    fn check<T: Float>() {
        for shape in SHAPES {
            let kernels = cost(|stream| {
                let [y, mut grad] = [(); 2].map(|()| tensor::<T, _>(stream, shape));
                ops::softmax_backward(y.view(), 1.0, grad.view_mut()).unwrap();
            });
            let Some(kernels) = kernels else { return };
            let [kernel] = &kernels[..] else { panic!("one kernel, not {kernels:#?}") };
            assert_eq!(kernel.sectors_read(), 2 * sectors::<T>(shape), "{kernel}");
            assert_eq!(kernel.sectors_written(), sectors::<T>(shape), "{kernel}");
            let global = kernel.global;
            assert_eq!((global.load.efficiency(), global.store.efficiency()), (1.0, 1.0), "{kernel}");
            assert_conflicts(kernel, shape);
        }
    }
    check::<f32>();
    check::<bf16>();
}
