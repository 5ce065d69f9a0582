use half::bf16;
use warpweave::ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep, Rounding};
use warpweave::tensor::Float;
use warpweave::{Stream, Tensor};

use super::{assert_moves, assert_no_conflicts, cost, tensor};

const LEN: usize = 16 * 4096;

#[test]
fn the_norm_reads_the_gradient_once() {
    fn check<T: Float>() {
        let kernels = cost(|stream| {
            let (grads, mut norm) = (tensor::<T, _>(stream, [LEN]), tensor(stream, [1]));
            ops::grad_norm(grads.view(), norm.view_mut()).unwrap();
        });
        let Some(kernels) = kernels else { return };
        let [parts, sum] = &kernels[..] else { panic!("two kernels, not {kernels:#?}") };
        assert_eq!(32 * parts.sectors_read() as usize, LEN * size_of::<T>(), "{parts}");
        assert_eq!(parts.global.load.efficiency(), 1.0, "{parts}");
        // One f64 for each block, in and out.
        assert_eq!((parts.global.store.bytes, sum.global.load.bytes), (8 * parts.blocks, 8 * parts.blocks), "{parts}");
        assert_no_conflicts(&kernels);
    }
    check::<f32>();
    check::<bf16>();
}

/// `skip` elements of each buffer lie before those that are updated.
fn update<T: Float>(stream: &Stream, len: usize, skip: usize, with_master: bool, options: &AdamW, norm: f32) {
    let mut weights = tensor::<T, _>(stream, [skip + len]);
    let grads = tensor::<T, _>(stream, [skip + len]);
    let [mut master, mut m, mut v] = [(); 3].map(|()| tensor::<f32, _>(stream, [skip + len]));
    let mut state = AdamWState::new(stream).unwrap();
    let norm = Tensor::from_vec([1], vec![norm]).unwrap().to(stream).unwrap();
    ops::adamw_begin(&AdamWStep::default(), Some(norm.view()), &mut state).unwrap();
    stream.reset_counters().unwrap();
    let buffers = AdamWBuffers {
        weights: weights.view_mut().narrow(0, skip, len),
        master: with_master.then(|| master.view_mut().narrow(0, skip, len)),
        grads: grads.view().narrow(0, skip, len),
        m: m.view_mut().narrow(0, skip, len),
        v: v.view_mut().narrow(0, skip, len),
    };
    ops::adamw(options, &state, &[10..5000, 5001..9000], buffers).unwrap();
}

#[test]
fn a_step_reads_and_writes_each_buffer_once() {
    fn check<T: Float>(with_master: bool, rounding: Rounding, read: usize, written: usize) {
        for skip in [0, 1] {
            let options = AdamW { rounding, ..AdamW::default() };
            let Some(kernels) = cost(|stream| update::<T>(stream, LEN, skip, with_master, &options, 1.0)) else {
                return;
            };
            let [kernel] = &kernels[..] else { panic!("one kernel, not {kernels:#?}") };
            let what = format!("{} from element {skip} on", T::NAME);
            // Besides, the state: two sectors a block.
            assert_moves(&format!("{what}: loads"), kernel.sectors_read(), LEN * read);
            assert_moves(&format!("{what}: stores"), kernel.sectors_written(), LEN * written);
            // Where elements lie across sectors, so do requests.
            let least = if skip == 0 { 1.0 } else { 0.9 };
            assert!(kernel.global.load.efficiency() >= least, "{kernel}");
            assert!(kernel.global.store.efficiency() >= least, "{kernel}");
            assert_no_conflicts(&kernels);
        }
    }
    check::<f32>(false, Rounding::Nearest, 16, 12);
    check::<bf16>(true, Rounding::Nearest, 14, 14);
    check::<bf16>(false, Rounding::Stochastic { seed: 1, first: 0 }, 12, 10);
}

#[test]
fn a_skipped_step_moves_nothing() {
    let Some(kernels) = cost(|stream| update::<f32>(stream, LEN, 0, false, &AdamW::default(), f32::NAN)) else {
        return;
    };
    assert_eq!(kernels[0].global.load.bytes, 64 * kernels[0].blocks, "{}", kernels[0]);
    assert_eq!(kernels[0].global.store.bytes, 0, "{}", kernels[0]);
}
