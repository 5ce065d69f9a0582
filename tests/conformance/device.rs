//! Devices, streams, memory, and what happens to operands that do not fit together.

use half::{bf16, f16};
use warpweave::device::{Device, Simulation, Stream};
use warpweave::ops::{self, Gemm, NormGrads, NormKind, NormParams, NormStats, ResidualGrad, SoftmaxParams};
use warpweave::tensor::Element;
use warpweave::{Error, Tensor};

use crate::support::*;

#[test]
fn names() {
    for device in [Device::Cpu, Device::Sim, Device::Cuda(0), Device::Cuda(17)] {
        assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
    }
    assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
    for name in ["", "CPU", "cuda:", "cuda:-1", "cuda:+1", "cuda:x", "cuda:99999999999999999999", "gpu"] {
        let error = name.parse::<Device>().unwrap_err().to_string();
        let want = format!("device `{name}`: unknown: expected `cpu`, `sim`, `cuda` or `cuda:N`");
        assert_eq!(error, want);
    }
    assert_eq!(Device::default(), Device::Cpu);
}

/// Opening never panics, and says the same as the status where it fails.
#[test]
fn what_is_missing_is_an_error() {
    assert!(Device::Cpu.stream().is_ok());
    for device in [Device::Sim, Device::Cuda(0), Device::Cuda(999)] {
        match device.stream() {
            Ok(stream) => {
                assert_eq!(stream.device(), device);
                assert!(!device.status().starts_with("not available"), "{}", device.status());
            }
            Err(Error::Device { device: name, reason }) => {
                assert_eq!(name, device.to_string());
                assert_eq!(device.status(), format!("not available: {reason}"));
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(device.status().lines().count(), 1);
    }
    assert!(Device::Cuda(999).stream().is_err());
    assert!(Device::best().stream().is_ok() && Device::best() != Device::Sim);
    let simulation = Simulation { compute_capability: 75, ..Simulation::default() };
    let error = Stream::simulated(simulation).unwrap_err().to_string();
    assert_eq!(error, "Stream::simulated: `compute_capability`: expected 80, 86 or 90, got 75");
}

#[test]
fn memory_goes_there_and_back() {
    fn round_trip<T: Element>(stream: &Stream, zero: T, data: &[T]) {
        let tensor = Tensor::from_vec([data.len()], data.to_vec()).unwrap();
        let there = tensor.to(stream).unwrap();
        assert_eq!((there.shape(), there.len(), there.device()), (tensor.shape(), data.len(), stream.device()));
        assert_eq!((there.stream(), there.view().stream()), (stream, stream));
        let copy = there.to(stream).unwrap();
        drop(there);
        assert_eq!(copy.to_vec().unwrap(), data);
        assert_eq!(copy.to(&Stream::CPU).unwrap().as_slice(), data);
        assert_eq!(Tensor::<T>::zeros_on(stream, [3, 5]).unwrap().to_vec().unwrap(), [zero; 15]);
    }
    on_devices(|stream| {
        round_trip(stream, 0.0, &normal(1, 1000));
        round_trip(stream, 0, &[u32::MAX, 0, 7]);
        round_trip(stream, 0, &[1u8, 2, 255]);
        round_trip(stream, bf16::ZERO, &[bf16::from_f32(1.5), bf16::MIN]);
        round_trip(stream, f16::ZERO, &[f16::from_f32(-0.1)]);
        round_trip::<f32>(stream, 0.0, &[]);
        let empty = Tensor::<f32>::zeros_on(stream, [usize::MAX, 0, usize::MAX]).unwrap();
        assert!(empty.is_empty() && empty.view().is_empty() && empty.to_vec().unwrap().is_empty());
    });
}

/// From one simulated GPU to another: through the host.
#[test]
fn between_streams() {
    on_kernels(|stream| {
        let x = normal_tensor(1, [100]).to(stream).unwrap();
        let other = stream.device().stream().unwrap();
        assert!(&other != stream && other == other.clone());
        assert_eq!(x.to(&other).unwrap().to_vec().unwrap(), normal(1, 100));
    });
}

#[test]
fn impossible_sizes_are_errors() {
    on_devices(|stream| {
        let error = Tensor::<f32>::zeros_on(stream, [usize::MAX / 4]).unwrap_err().to_string();
        assert!(error.contains("expected a size that memory can hold, got [4611686018427387903], 1.8"), "{error}");
    });
}

#[test]
fn operands_share_one_stream() {
    on_kernels(|stream| {
        let (device, shape) = (stream.device(), [1, 1, 2, 3]);
        let here = normal_tensor(1, shape).to(stream).unwrap();
        let mut on_cpu = Tensor::zeros(shape).unwrap();
        let error = ops::softmax(&SoftmaxParams::default(), here.view(), on_cpu.view_mut()).unwrap_err();
        let want = format!("softmax: `y`: expected memory of the stream of `x`, on {device}, got memory on cpu");
        assert_eq!(error.to_string(), want);
        let mut elsewhere = Tensor::zeros_on(&device.stream().unwrap(), shape).unwrap();
        let error = ops::softmax(&SoftmaxParams::default(), here.view(), elsewhere.view_mut()).unwrap_err();
        let got = format!("memory of another stream of {device}");
        let want = format!("softmax: `y`: expected memory of the stream of `x`, on {device}, got {got}");
        assert_eq!(error.to_string(), want);

        // What comes with the parameters, too.
        let lengths = Tensor::from_vec([1], vec![2u32]).unwrap();
        let mask = ops::Mask { key_lengths: Some(lengths.view()), ..ops::Mask::default() };
        let mut y = Tensor::zeros_on(stream, shape).unwrap();
        let params = SoftmaxParams { mask, ..SoftmaxParams::default() };
        let error = ops::softmax(&params, here.view(), y.view_mut()).unwrap_err().to_string();
        assert!(error.starts_with("softmax: `mask.key_lengths`: expected memory of the stream of `x`"), "{error}");

        // An operation without kernels names the operand that lies elsewhere, when its first one is the CPU's.
        let matrix = normal_tensor(2, [2, 2]).to(stream).unwrap();
        let (a, mut c) = (normal_tensor(3, [2, 2]), Tensor::zeros([2, 2]).unwrap());
        let error = ops::gemm(a.view(), matrix.view(), c.view_mut(), Gemm::default()).unwrap_err().to_string();
        let want = format!("gemm: `b`: expected memory of the stream of `c`, on cpu, got memory on {device}");
        assert_eq!(error, want);
    });
}

/// Never a silent detour over the CPU.
#[test]
fn operations_without_kernels_say_so() {
    on_kernels(|stream| {
        let matrix = || Tensor::<f32>::zeros_on(stream, [2, 2]).unwrap();
        let (x, mut y) = (matrix(), matrix());
        let error = ops::gemm(x.view(), x.view(), y.view_mut(), Gemm::default()).unwrap_err();
        assert!(matches!(error, Error::NoKernel { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("gemm: no kernel for device `{}` yet", stream.device()));
    });
}

/// The host cannot follow a device's addresses: safe code must not try.
#[test]
fn elements_on_a_device_are_out_of_reach() {
    fn panics(what: &str, device: Device, f: impl FnOnce()) {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err(what);
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.ends_with(&format!("on {device}: copy it to the host first")), "{what}: {message}");
    }
    on_kernels(|stream| {
        let device = stream.device();
        let mut x = Tensor::<f32>::zeros_on(stream, [2, 3]).unwrap();
        panics("Tensor::as_slice", device, || drop(x.as_slice().to_vec()));
        panics("Tensor::as_mut_slice", device, || x.as_mut_slice().fill(1.0));
        panics("View::as_slice", device, || drop(x.view().as_slice().to_vec()));
        panics("View::row", device, || drop(x.view().row([0]).to_vec()));
        panics("ViewMut::row", device, || drop(x.view_mut().row([0]).to_vec()));
        panics("ViewMut::row_mut", device, || x.view_mut().row_mut([0]).fill(1.0));
        panics("ViewMut::as_mut_slice", device, || x.view_mut().as_mut_slice().fill(1.0));
        assert_eq!(x.to_vec().unwrap(), [0.0; 6]);
    });
}

/// Memory that is dropped while work that uses it may still wait, workspaces that grow, several threads on one stream.
#[test]
fn work_keeps_its_memory() {
    fn gradient(stream: &Stream, rows: usize, columns: usize, seed: u64) -> Vec<f32> {
        let [x, dy] = [0, 1].map(|i| normal_tensor(seed + i, [rows, columns]).to(stream).unwrap());
        let gamma = normal_tensor(seed + 2, [columns]).to(stream).unwrap();
        let [mean, rstd] = [0.0, 1.0].map(|x| Tensor::from_vec([rows], vec![x; rows]).unwrap().to(stream).unwrap());
        let mut dx = Tensor::zeros_on(stream, [rows, columns]).unwrap();
        let mut dgamma = Tensor::zeros_on(stream, [columns]).unwrap();
        let params = NormParams { kind: NormKind::Rms, eps: 0.0, gamma: gamma.view(), beta: None };
        let stats = NormStats { mean: mean.view(), rstd: rstd.view() };
        let (dx, dgamma_out) = (dx.view_mut(), dgamma.view_mut());
        let grads = NormGrads { dx, branch: None, dgamma: dgamma_out, dbeta: None, beta_acc: 0.0 };
        ops::norm_backward(&params, x.view(), stats, dy.view(), ResidualGrad::None, grads).unwrap();
        drop((x, dy, gamma, mean, rstd));
        dgamma.to_vec().unwrap()
    }
    on_kernels(|stream| {
        let want = |rows, columns, seed| gradient(&Stream::CPU, rows, columns, seed);
        let close = |got: Vec<f32>, want: Vec<f32>| {
            assert_close("dgamma", &got, &to_f64(&want), Tolerance { abs: 1e-4, rel: 1e-5 });
        };
        for (rows, columns) in [(3, 5), (40, 64), (200, 130), (2, 700)] {
            close(gradient(stream, rows, columns, 9), want(rows, columns, 9));
        }
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for i in 1..5 {
                        let (rows, columns, seed) = (10 * i, 16 * (i + thread), 100 + thread as u64);
                        close(gradient(stream, rows, columns, seed), want(rows, columns, seed));
                    }
                });
            }
        });
    });
}
