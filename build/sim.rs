//! The kernels and the simulator, compiled by the host's C++ compiler.

use std::env;
use std::path::{Path, PathBuf};

use crate::devices::Plan;
use crate::objects::{Job, output_of, sources};

const FLAGS: &[&str] = &[
    "-c",
    "-std=c++17",
    "-O2",
    "-g1",
    "-fno-strict-aliasing",
    // A kernel's arithmetic is what it says, on every machine.
    "-ffp-contract=off",
    // A null pointer's store must happen, to be caught.
    "-fno-delete-null-pointer-checks",
    // A stack frame larger than a page must not reach past the guard page below a thread's stack.
    "-fstack-clash-protection",
    "-fPIC",
    "-pthread",
    "-Wall",
    "-Wextra",
];

/// A kernel is nvcc's C++, found through the simulator's headers.
const KERNEL_FLAGS: &[&str] = &[
    "-DWW_SIM",
    "-I",
    "kernels/sim/include",
    "-I",
    "kernels/include",
    "-Wno-unknown-pragmas",
    // GCC tells how parameters of more than 16 bytes' alignment are passed, as tensor maps are.
    "-Wno-psabi",
    "-x",
    "c++",
];

/// A kernel tells of its loads and stores, and of their alignment: the functions that it calls for that are the simulator's own
/// (`watch/hooks.cpp`, `watch/alignment.cpp`). Where nobody watches, the first costs from 3 % (layer norm) to 50 % (products of
/// single numbers) of the time, the second a twentieth.
const WATCHED: &[&str] =
    &["-fsanitize=thread,alignment", "-fno-builtin-sqrtf", "-include", "kernels/sim/watch/checked_builtins.h"];
/// The last one: a copy of a structure stays one access, as it is on a GPU.
const WATCHED_BY_GCC: &[&str] =
    &["--param=tsan-distinguish-volatile=1", "--param=tsan-instrument-func-entry-exit=0", "-fno-tree-sra"];
const WATCHED_BY_CLANG: &[&str] =
    &["-mllvm", "-tsan-distinguish-volatile=1", "-mllvm", "-tsan-instrument-func-entry-exit=0"];

/// How to compile for the simulated GPU; `Err` says what is missing.
pub fn plan(out: &Path) -> Result<Plan, String> {
    let variable = |name| env::var(name).expect("cargo sets the target's cfgs");
    let (os, arch) = (variable("CARGO_CFG_TARGET_OS"), variable("CARGO_CFG_TARGET_ARCH"));
    if os != "linux" || !["x86_64", "aarch64"].contains(&arch.as_str()) {
        return Err(format!("the simulated GPU needs Linux on x86_64 or aarch64, not {os} on {arch}"));
    }
    let (compiler, version) = find_compiler()?;
    let job = |source: PathBuf, flags: &[&str]| {
        let mut command = compiler.to_command();
        command.args(FLAGS).args(flags);
        Job::new(&source, out, &command, &version)
    };
    let parts = ["check", "count", "exec", "isa", "runtime", "watch"].map(|part| format!("kernels/sim/{part}"));
    let simulator = parts.iter().flat_map(|folder| sources(folder, "cpp")).map(|source| job(source, &[]));
    let watched = if compiler.is_like_clang() { WATCHED_BY_CLANG } else { WATCHED_BY_GCC };
    let flags = [KERNEL_FLAGS, WATCHED, watched].concat();
    let kernels = sources("kernels", "cu").into_iter().map(|source| job(source, &flags));
    Ok(Plan {
        jobs: kernels.chain(simulator).collect(),
        compiler: version.clone(),
        link_folders: Vec::new(),
        link_libraries: &["pthread", "rt"],
        hint: format!(
            "this is {version}; the simulated GPU needs a C++17 compiler, GCC 9 or clang 10 and later. CXX chooses another"
        ),
    })
}

/// The compiler that `CXX` names, or the first one that runs; and its version.
fn find_compiler() -> Result<(cc::Tool, String), String> {
    let mut tried = Vec::new();
    // cc itself looks at CXX and its variants for cross compilation, then takes `c++`.
    for name in [None, Some("g++"), Some("clang++")] {
        let mut build = cc::Build::new();
        build.cpp(true).no_default_flags(true).warnings(false).cargo_warnings(false);
        if let Some(name) = name {
            build.compiler(name);
        }
        let Ok(tool) = build.try_get_compiler() else { continue };
        if let Some(version) = output_of(tool.path(), "--version") {
            return Ok((tool, version.lines().next().unwrap_or_default().to_string()));
        }
        tried.push(tool.path().display().to_string());
        if env::var_os("CXX").is_some() {
            break;
        }
    }
    println!("cargo::rerun-if-env-changed=PATH");
    Err(format!(
        "no C++ compiler was found (tried {}): install g++ or clang++ (Debian, Ubuntu: apt install g++; Fedora: dnf install \
         gcc-c++), or name one by CXX",
        tried.join(", ")
    ))
}
