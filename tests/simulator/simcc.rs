//! `tools/simcc` as a command: options, several files, errors that point at the user's lines.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{Ended, run};
use crate::programs::{build_simulator, root, simcc, simcc_of, skipped};

const LIMIT: Duration = Duration::from_secs(120);

/// Runs simcc in a folder with these files.
fn in_folder(files: &[(&str, &str)], arguments: &[&str]) -> (tempfile::TempDir, Ended) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let ended = simcc_in(folder.path(), arguments);
    (folder, ended)
}

fn simcc_in(folder: &Path, arguments: &[&str]) -> Ended {
    build_simulator(&[]);
    run(simcc().current_dir(folder).args(arguments), LIMIT)
}

fn assert_error(files: &[(&str, &str)], arguments: &[&str], expected: &str) {
    let (_folder, Ended { code, output }) = in_folder(files, arguments);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains(expected), "expected \"{expected}\", got:\n{output}");
}

#[test]
fn options_are_explained_and_unknown_ones_named() {
    if skipped() {
        return;
    }
    let (_folder, help) = in_folder(&[], &["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.output.contains("--checked")
            && help.output.contains("--sanitize")
            && help.output.contains("WARPWEAVE_SIM_SEED"),
        "{}",
        help.output
    );
    assert_error(&[], &["--frobnicate", "a.cu"], "unknown option '--frobnicate'");
    assert_error(&[], &["a.cu", "-o"], "expected a value after '-o'");
    assert_error(&[], &["-O2"], "no input files");
    assert_error(&[], &["absent.cu"], "no such file: 'absent.cu'");
    assert_error(&[("a.txt", "")], &["a.txt"], "don't know what to do with 'a.txt'");
    assert_error(&[("a.cu", "")], &["-ccbin", "no-such-compiler", "a.cu"], "'no-such-compiler' was not found");
}

#[test]
fn errors_point_at_the_line_that_the_user_wrote() {
    if skipped() {
        return;
    }
    let kernel = "__global__ void k(int *p) { extern __shared__ int s[]; p[0] = s[0]; }\n";
    let wrong_type =
        format!("{kernel}#define LAUNCH k<<<1, 1>>>\nint main() {{\n    k<<<1,\n        2>>>(\n        1.5);\n}}\n");
    assert_error(&[("wrong.cu", &wrong_type)], &["wrong.cu"], "wrong.cu:5:");
    let after_launch = format!("{kernel}int main() {{ k<<<1, 1>>>(nullptr); return undeclared; }}\n");
    assert_error(&[("after.cu", &after_launch)], &["after.cu"], "after.cu:2:");
    let in_header = format!("#include \"h.cuh\"\n{kernel}");
    assert_error(&[("a.cu", &in_header), ("h.cuh", "\n\nint x = undeclared;\n")], &["a.cu", "-c"], "h.cuh:3:");
    let assembly = "\n__device__ void f() {\n    asm volatile(\"membar.gl;\" ::: \"memory\");\n}\nint main() {}\n";
    assert_error(
        &[("ptx.cu", assembly)],
        &["ptx.cu"],
        "ptx.cu:3: error: inline PTX is not supported by the simulated GPU",
    );
}

#[test]
fn nvcc_options_macros_and_several_files_make_one_program() {
    if skipped() {
        return;
    }
    // Assembly without an instruction is a barrier for the compiler alone.
    let device = "#include \"scale.h\"\n__device__ int scaled(int x) {\n  asm volatile(\"\" ::: \"memory\");\n  \
                  return x * SCALE;\n}\n";
    let main = "#include <cstdio>\n#include \"part.h\"\n__device__ int scaled(int x);\n\
                __global__ void k(int *p) { *p = scaled(OFFSET); }\n\
                int main() {\n  int *p;\n  if (cudaMallocManaged(&p, sizeof(int))) return 1;\n  k<<<1, 1>>>(p);\n  \
                cudaDeviceSynchronize();\n  std::printf(\"%d %d %d\\n\", *p, host_part(), c_part());\n}\n";
    let files = [
        ("scale.h", "#define SCALE 3\n"),
        ("part.h", "int host_part();\nextern \"C\" int c_part(void);\n"),
        ("device.cpp", device),
        ("main.cu", main),
        ("host.cpp", "#include <cuda_runtime.h>\nint host_part() { int n = 0; cudaGetDeviceCount(&n); return n; }\n"),
        ("part.c", "int c_part(void) { return 8; }\n"),
    ];
    let options = [
        "-arch=sm_90a",
        "-gencode",
        "arch=compute_80,code=sm_80",
        "-rdc=true",
        "--use_fast_math",
        "-lineinfo",
        "-std=c++14",
    ];
    let (folder, compiled) = in_folder(
        &files,
        &[&options[..], &["-dc", "-x", "cu", "device.cpp", "-Xcompiler", "-Wall,-Werror", "-v"]].concat(),
    );
    assert_eq!(compiled.code, Some(0), "{}", compiled.output);
    assert!(compiled.output.contains("-Wall -Werror"), "-v doesn't print the commands:\n{}", compiled.output);
    let linked = simcc_in(
        folder.path(),
        &[
            &options[..],
            &["-DOFFSET=5", "main.cu", "device.o", "host.cpp", "part.c", "-lcudart", "-lm", "--keep", "-o", "program"],
        ]
        .concat(),
    );
    assert_eq!(linked.code, Some(0), "{}", linked.output);
    assert!(fs::read_to_string(folder.path().join("main.sim.ii")).unwrap().contains("wwsim::simcc::kernel"));
    let ran = run(&mut Command::new(folder.path().join("program")), LIMIT);
    assert_eq!((ran.code, ran.output.as_str()), (Some(0), "15 1 8\n"));
}

#[test]
fn checked_programs_name_the_line_and_end_with_86() {
    if skipped() {
        return;
    }
    let program = "#include <cstdlib>\n\
                   __global__ void fill(int *p, int n) {\n  int i = blockIdx.x * blockDim.x + threadIdx.x;\n  if (i <= n)\n    \
                   p[i] = i;\n}\n\
                   int main(int, char **argv) {\n  int n = std::atoi(argv[1]), *p;\n  cudaMalloc(&p, 40 * sizeof(int));\n  \
                   fill<<<2, 32>>>(p, n);\n  cudaDeviceSynchronize();\n}\n";
    let (folder, compiled) = in_folder(&[("fill.cu", program)], &["--checked", "fill.cu", "-o", "fill"]);
    assert_eq!((compiled.code, compiled.output.as_str()), (Some(0), ""));
    let start = |n: &str, check: &str| {
        let mut command = Command::new(folder.path().join("fill"));
        run(command.arg(n).env("WARPWEAVE_SIM_CHECK", check).current_dir(folder.path()), LIMIT)
    };
    let right = start("39", "1");
    assert_eq!((right.code, right.output.as_str()), (Some(0), ""));
    let wrong = start("40", "1");
    assert_eq!(wrong.code, Some(86), "{}", wrong.output);
    for expected in [
        "out of bounds: kernel fill, block (1,0,0), thread (8,0,0): write of 4 bytes",
        "0 bytes past the end",
        "at fill.cu:5 (fill)",
    ] {
        assert!(wrong.output.contains(expected), "expected \"{expected}\", got:\n{}", wrong.output);
    }
    let unchecked = start("40", "0");
    assert_eq!((unchecked.code, unchecked.output.as_str()), (Some(0), ""));
}

#[test]
fn a_changed_source_of_the_simulator_is_compiled_alone() {
    if skipped() {
        return;
    }
    build_simulator(&[]);
    let folder = tempfile::tempdir().unwrap();
    let parts = ["kernels", "tools"].map(|name| root().join(name));
    assert!(Command::new("cp").arg("-r").args(parts).arg(folder.path()).status().unwrap().success());
    // How many sources simcc compiles once the end of one has changed; to what no run before has compiled.
    let compiled_after = |change: &str| {
        let source = folder.path().join("kernels/sim/exec/context.cpp");
        let text = fs::read_to_string(&source).unwrap();
        fs::write(&source, format!("{text}// {change} in {}\n", folder.path().display())).unwrap();
        let mut command = simcc_of(folder.path());
        let Ended { code, output } = run(command.args(["--library", "-v"]), LIMIT);
        assert_eq!(code, Some(0), "{output}");
        output.matches(".cpp.o ").count()
    };
    compiled_after("first change"); // and all that the cache has no more
    assert_eq!(compiled_after("second change"), 1);
}
