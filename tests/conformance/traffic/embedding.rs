use half::bf16;
use warpweave::Tensor;
use warpweave::device::KernelCounters;
use warpweave::ops::{self, Embedding, EmbeddingGrads, EmbeddingTables};
use warpweave::tensor::Float;

use super::{assert_moves, assert_no_conflicts, cost, tensor};

const BATCH: usize = 4;
const SEQ_LEN: usize = 16;
const ROWS: usize = BATCH * SEQ_LEN;
const COLUMNS: usize = 512;
const VOCAB_SIZE: usize = 300;

/// Each token once, or one of four.
fn tokens(tokens: usize, different: bool) -> Vec<u32> {
    (0..tokens).map(|i| (if different { i * 7 % VOCAB_SIZE } else { i % 4 }) as u32).collect()
}

/// The sectors that `requests` loads of whole vectors ask for. All others are of tokens, keys and rows: one for each warp's request.
fn vector_sectors(kernel: &KernelCounters, requests: usize) -> u64 {
    kernel.sectors_read() - (kernel.global.load.requests - requests as u64)
}

fn forward<T: Float>(different: bool) {
    let kernels = cost(|stream| {
        let (table, positions) =
            (tensor::<T, _>(stream, [VOCAB_SIZE, COLUMNS]), tensor::<T, _>(stream, [SEQ_LEN, COLUMNS]));
        let tokens = Tensor::from_vec([BATCH, SEQ_LEN], tokens(ROWS, different)).unwrap().to(stream).unwrap();
        let mut y = tensor::<T, _>(stream, [BATCH, SEQ_LEN, COLUMNS]);
        let tables = EmbeddingTables { tokens: table.view(), positions: Some(positions.view()) };
        ops::embedding(&Embedding::default(), tables, tokens.view(), y.view_mut()).unwrap();
    });
    let Some(kernels) = kernels else { return };
    let [kernel] = &kernels[..] else { panic!("one kernel, not {kernels:#?}") };
    let row = COLUMNS * size_of::<T>();
    // A token's row each time that it is used, a position's once for four sequences.
    let bytes = (ROWS + SEQ_LEN) * row;
    assert_moves("table and positions", vector_sectors(kernel, bytes / 512), bytes);
    let used = if different { ROWS } else { 4 };
    assert_moves("all different sectors", kernel.distinct_sectors_read, (used + SEQ_LEN) * row + 4 * ROWS);
    assert_eq!(kernel.sectors_written(), (ROWS * row / 32) as u64, "{kernel}");
    assert_eq!(kernel.global.store.efficiency(), 1.0, "{kernel}");
    assert_no_conflicts(&kernels);
}

#[test]
fn embeddings_read_a_row_for_a_token() {
    for different in [true, false] {
        forward::<f32>(different);
        forward::<bf16>(different);
    }
}

fn backward<T: Float>(different: bool) {
    let kernels = cost(|stream| {
        let (dy, mut dtable) = (tensor::<T, _>(stream, [1, ROWS, COLUMNS]), tensor(stream, [VOCAB_SIZE, COLUMNS]));
        let tokens = Tensor::from_vec([1, ROWS], tokens(ROWS, different)).unwrap().to(stream).unwrap();
        let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
        ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads).unwrap();
    });
    let Some(kernels) = kernels else { return };
    let kernel = |name: &str| kernels.iter().find(|kernel| kernel.kernel.contains(name)).expect(name);
    let [sort, scatter, join] = ["sort", "scatter", "join"].map(kernel);
    assert_eq!(kernels.len(), 3, "{kernels:#?}");
    assert_moves("tokens", sort.sectors_read(), 4 * ROWS);
    assert_moves("sorted tokens and their rows", sort.sectors_written(), 8 * ROWS);
    let (row, sum) = (COLUMNS * size_of::<T>(), COLUMNS * size_of::<f32>());
    // A chunk has 16 rows: one token of four fills it, and no run goes on. Each touched row of the gradient is read and written.
    let touched = if different { ROWS } else { 4 };
    // A thread has 4 columns.
    let requests = (ROWS + touched) * COLUMNS / (32 * 4);
    assert_moves("dy and dtable", vector_sectors(scatter, requests), ROWS * row + touched * sum);
    assert_eq!(scatter.global.store.efficiency(), 1.0, "{scatter}");
    assert_moves("all different sectors", scatter.distinct_sectors_read, ROWS * row + touched * sum + 8 * ROWS);
    assert_moves("dtable", scatter.sectors_written(), touched * sum);
    assert_eq!(join.sectors_written(), 0, "{join}");
    assert_no_conflicts(&[scatter.clone(), join.clone()]);
}

#[test]
fn embeddings_backward_read_dy_once() {
    for different in [true, false] {
        backward::<f32>(different);
        backward::<bf16>(different);
    }
}

/// The gradient of positions reads dy once more, and each position's row once.
#[test]
fn positions_backward_read_dy_once() {
    let kernels = cost(|stream| {
        let [dy, mut dtable, mut dpositions] = [[BATCH, SEQ_LEN, COLUMNS], [1, 1, COLUMNS], [1, SEQ_LEN, COLUMNS]]
            .map(|shape| tensor::<f32, _>(stream, shape));
        let tokens = Tensor::from_vec([BATCH, SEQ_LEN], vec![1; ROWS]).unwrap().to(stream).unwrap();
        let [dtable, dpositions] = [&mut dtable, &mut dpositions].map(|grad| grad.view_mut().select(0, 0));
        // A GPU leaves token 1 out of a vocabulary of one: what is left are the positions.
        let grads = EmbeddingGrads { tokens: dtable, positions: Some(dpositions) };
        ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads).unwrap();
    });
    let Some(kernels) = kernels else { return };
    let scatter = kernels.iter().find(|kernel| kernel.kernel.contains("scatter")).expect("a scatter");
    let row = 4 * COLUMNS;
    let bytes = (ROWS + SEQ_LEN) * row;
    assert_moves("dy and dpositions", vector_sectors(scatter, bytes / 512), bytes);
    assert_moves("dpositions", scatter.sectors_written(), SEQ_LEN * row);
}

/// Two tiles, and tokens of two digits of 5 bits.
#[test]
fn sorting_moves_what_is_stated() {
    const TOKENS: usize = 4608;
    let kernels = cost(|stream| {
        let (dy, mut dtable) = (tensor::<bf16, _>(stream, [1, TOKENS, 4]), tensor(stream, [VOCAB_SIZE, 4]));
        let tokens = Tensor::from_vec([1, TOKENS], tokens(TOKENS, true)).unwrap().to(stream).unwrap();
        let grads = EmbeddingGrads { tokens: dtable.view_mut(), positions: None };
        ops::embedding_backward(&Embedding::default(), tokens.view(), dy.view(), grads).unwrap();
    });
    let Some(kernels) = kernels else { return };
    let kernel = |name: &str| kernels.iter().find(|kernel| kernel.kernel.contains(name)).expect(name);
    let [count, scan, sort] = ["count", "scan", "embedding_sort"].map(kernel);
    let counts = 2 * 32 * 2 * 4;
    assert_eq!([count.launches, scan.launches, sort.launches], [2, 2, 2]);
    assert_moves("keys to count", count.sectors_read(), 2 * 4 * TOKENS);
    assert!(scan.sectors_read() + scan.sectors_written() <= 2 * (counts as u64 + 256), "{scan}");
    // Tokens alone in the first pass; the sums of counts beside them.
    let reads = 32 * sort.sectors_read() as usize;
    assert!((12 * TOKENS..13 * TOKENS + 64 * counts).contains(&reads), "{sort}");
    // A tile's keys of one digit begin and end anywhere, and so do the 128 bytes of a warp's request.
    let writes = 32.0 * sort.sectors_written() as f64 / (2 * 8 * TOKENS) as f64;
    assert!((1.0..1.4).contains(&writes), "{writes:.3}: {sort}");
}
