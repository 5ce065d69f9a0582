//! Compiles the kernels for the devices whose feature is on.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ww_sim, ww_cuda)");
}
