//! What launches cost: kernels whose counts were worked out by hand, and the table that a program prints.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::process::{Ended, run};
use crate::programs::{self, build_simulator, programs_in, simcc, skipped};

const LIMIT: Duration = Duration::from_secs(120);

/// They run under several schedules by themselves.
#[test]
fn counters() {
    if skipped() {
        return;
    }
    programs::check_all(&programs_in("kernels/sim/tests/counters"), &["--checked"], &programs::SCHEDULES[..1]);
}

/// The example of `kernels/sim/README.md`.
const TRANSPOSE: &str = "\
__global__ void transpose(const float *a, float *b, int n) {
    __shared__ float tile[32][32];
    tile[threadIdx.y][threadIdx.x] = a[threadIdx.y * n + threadIdx.x];
    __syncthreads();
    // By columns in both.
    const int x = threadIdx.y, y = threadIdx.x;
    b[y * n + x] = tile[y][x];
}
int main() {
    float *a, *b;
    cudaMalloc(&a, 4096);
    cudaMalloc(&b, 4096);
    cudaMemset(a, 0, 4096);
    transpose<<<1, dim3(32, 32)>>>(a, b, 32);
    return cudaDeviceSynchronize();
}
";

const TABLE: &str = "\
transpose
  1 launch, 1 blocks, 32 warps
  global memory      requests          bytes      sectors  sectors/request  efficiency
    load                   32           4096          128             4.00      100.0%
    store                  32           4096         1024            32.00       12.5%
    each sector counted once in a launch: 128 read, 128 written
  shared memory      requests          bytes   wavefronts            ideal   conflicts
    load                   32           4096         1024               32         992
    store                  32           4096           32               32           0
  instructions                                      of warps       of threads        FLOP
    barrier      __syncthreads                            32             1024
  lines that waste most
    transpose.cu:7 (transpose): 896 of 1024 sectors are wasted, 992 of 1024 wavefronts are bank conflicts
";

#[test]
fn a_program_prints_its_counters() {
    if skipped() {
        return;
    }
    build_simulator(&[]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("transpose.cu"), TRANSPOSE).unwrap();
    for (options, name) in [(&["--checked"][..], "checked"), (&[], "plain")] {
        let mut compile = simcc();
        compile.current_dir(folder.path()).args(options).args(["transpose.cu", "-o", name]);
        let Ended { code, output } = run(&mut compile, LIMIT);
        assert_eq!(code, Some(0), "{output}");
    }
    let start = |name: &str, count: &str| {
        // In its folder, from which the table's lines are told.
        let mut command = Command::new(folder.path().join(name));
        run(command.current_dir(folder.path()).env("WARPWEAVE_SIM_COUNT", count), LIMIT)
    };
    let counted = start("checked", "1");
    assert_eq!((counted.code, counted.output.as_str()), (Some(0), TABLE));
    assert_eq!(start("checked", "0").output, "");
    for (name, count) in [("plain", "1"), ("checked", "2")] {
        let refused = start(name, count);
        assert_eq!(refused.code, Some(1));
        assert!(refused.output.contains("WARPWEAVE_SIM_COUNT must be"), "{}", refused.output);
    }
    let readme = fs::read_to_string(programs::root().join("kernels/sim/README.md")).unwrap();
    assert!(readme.contains(TABLE), "kernels/sim/README.md shows another table");
}
