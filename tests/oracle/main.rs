//! The simulator and the PTX wrappers against what NVIDIA wrote: a kernel and a simulator from the same hand can share a mistake.
//!
//! `layouts` holds every fragment, swizzle and descriptor of the simulator against CuTe's. `wrappers` holds each function of
//! `kernels/common/ptx` against the instruction that NVIDIA's code becomes. Both need nvcc and CUTLASS's headers, and no GPU:
//! `tools/cuda-toolkit.sh` and `tools/cutlass.sh` bring them. `docs/development.md` has more.

mod layouts;
#[path = "../../build/nvcc.rs"]
#[allow(dead_code)] // flags of the kernels' own build
mod nvcc;
#[path = "../../build/objects.rs"]
#[allow(dead_code)] // finding the kernels
mod objects;
#[path = "../simulator/process.rs"]
mod process;
#[path = "../simulator/programs.rs"]
#[allow(dead_code)] // running programs that check themselves
mod programs;
mod ptx;
mod tools;
mod wrappers;
