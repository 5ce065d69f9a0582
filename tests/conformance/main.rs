//! Every operation against an f64 reference, its gradients against finite differences, on adversarial inputs.

mod activation;
mod adamw;
mod attention;
mod cross_entropy;
mod dropout;
mod embedding;
mod gemm;
mod norm;
mod rotary;
mod sampling;
mod softmax;
mod support;
mod tensor;
