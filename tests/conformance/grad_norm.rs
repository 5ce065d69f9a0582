//! The norm of a gradient against its definition in f64.

use half::{bf16, f16};
use warpweave::Tensor;
use warpweave::device::{Device, Stream};
use warpweave::ops;
use warpweave::tensor::Float;

use crate::support::{Layout, Operand, Tolerance, assert_close, normal, normal_tensor, on_devices};

fn norm_of<T: Float>(stream: &Stream, layout: Layout, grads: &[f32]) -> f32 {
    let mut norm = Operand::<f32>::unwritten(stream, [1], Layout::Gaps);
    let grads = Operand::<T>::new(stream, [grads.len()], layout, grads);
    ops::grad_norm(grads.view(), norm.view_mut()).unwrap();
    norm.values()[0]
}

#[test]
fn the_norm_is_the_root_of_the_sum_of_squares() {
    fn check<T: Float>(stream: &Stream) -> Vec<u32> {
        let sizes = [0, 1, 7, 4096, 20_011];
        let check = |(n, layout)| {
            let grads: Vec<f32> = normal(n as u64, n).iter().map(|&x| T::from_f32(x).to_f32()).collect();
            let want = grads.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            let got = norm_of::<T>(stream, layout, &grads);
            assert_close("grad_norm", &[got], &[want], Tolerance { abs: 0.0, rel: 6e-8 });
            got.to_bits()
        };
        sizes.into_iter().flat_map(|n| [(n, Layout::Dense), (n, Layout::Gaps)]).map(check).collect()
    }
    on_devices(|stream| [check::<f32>(stream), check::<bf16>(stream), check::<f16>(stream)]);
}

/// More tiles than there are blocks.
#[test]
fn the_norm_of_millions() {
    let n = 528 * 8192 + 8191;
    for stream in [Ok(Stream::CPU), Device::Sim.stream(), Device::Cuda(0).stream()].into_iter().flatten() {
        let mut grads = vec![0.0; n];
        for i in [0, 1, 528 * 8192 - 1, 528 * 8192, n - 1] {
            grads[i] = 2.0;
        }
        assert_eq!(norm_of::<bf16>(&stream, Layout::Gaps, &grads), 20f32.sqrt());
    }
}

#[test]
fn a_norm_of_several_buffers() {
    on_devices(|stream| {
        let grads = [3.0, 4.0, 12.0, 84.0, 0.0];
        let mut norm = Tensor::zeros_on(stream, [1]).unwrap();
        for (i, g) in grads.into_iter().enumerate() {
            let grads = Operand::<f16>::new(stream, [1], Layout::Gaps, &[g]);
            match i {
                0 => ops::grad_norm(grads.view(), norm.view_mut()).unwrap(),
                _ => ops::grad_norm_accumulate(grads.view(), norm.view_mut()).unwrap(),
            }
        }
        assert_eq!(norm.to_vec().unwrap(), [85.0]);
    });
}

#[test]
fn infinities_and_nan_reach_the_norm() {
    on_devices(|stream| {
        let norm = |grads: &[f32]| {
            let mut padded = vec![1.0; 5000];
            padded[4997 - grads.len()..4997].copy_from_slice(grads);
            norm_of::<f32>(stream, Layout::Gaps, &padded)
        };
        assert!(norm(&[f32::NAN]).is_nan());
        assert!(norm(&[f32::INFINITY, f32::NAN]).is_nan());
        assert_eq!(norm(&[f32::NEG_INFINITY]), f32::INFINITY);
        assert_eq!(norm(&[3e38, 3e38]), f32::INFINITY);
        assert_eq!(norm(&[3e30, 4e30]), 5e30, "squares beyond f32 do not overflow");
        let tiny = norm_of::<f32>(stream, Layout::Dense, &[3e-40, 4e-40]);
        assert!((tiny / 5e-40 - 1.0).abs() < 1e-5, "nor vanish those below it: {tiny:e}");
    });
}

#[test]
fn bad_arguments_are_named() {
    on_devices(|stream| {
        let (matrix, mut norm) = (normal_tensor(1, [2, 3]).to(stream).unwrap(), Tensor::zeros_on(stream, [1]).unwrap());
        assert_eq!(
            ops::grad_norm(matrix.view(), norm.view_mut()).unwrap_err().to_string(),
            "grad_norm: `grads`: expected shape [N], got [2, 3]"
        );
        assert_eq!(
            ops::grad_norm(matrix.view().select(1, 0), norm.view_mut()).unwrap_err().to_string(),
            "grad_norm: `grads`: expected a last axis of stride 1, got strides [3]"
        );
        let flat = matrix.view().reshape([6]).unwrap();
        let mut wide = Tensor::zeros_on(stream, [2]).unwrap();
        assert_eq!(
            ops::grad_norm_accumulate(flat, wide.view_mut()).unwrap_err().to_string(),
            "grad_norm_accumulate: `norm`: expected [1], got [2]"
        );
    });
}
