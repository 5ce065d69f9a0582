//! Every operation against an f64 reference, its gradients against finite differences, on adversarial inputs: what has
//! kernels on every device of this machine.

mod activation;
mod adamw;
mod attention;
mod copy;
mod cross_entropy;
mod device;
mod dropout;
mod embedding;
mod gemm;
mod grad_norm;
mod norm;
mod reduce;
mod rotary;
mod sampling;
mod softmax;
mod support;
mod tensor;
mod traffic;
