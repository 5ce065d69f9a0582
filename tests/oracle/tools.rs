//! Finding nvcc and CUTLASS's headers, and compiling with them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::nvcc::Nvcc;
use crate::objects::{Job, compile};
use crate::programs::root;

/// The first release with the atomic functions that wrappers are held against.
const OLDEST: (u32, u32) = (12, 8);

pub struct Tools {
    nvcc: Nvcc,
    /// CUTLASS's `include`.
    cutlass: PathBuf,
}

impl Tools {
    /// `None` where something is missing, which it says; a failure where `WARPWEAVE_REQUIRE` asks for it.
    pub fn find() -> Option<Self> {
        let required = std::env::var("WARPWEAVE_REQUIRE").unwrap_or_default();
        let missing = |what: &str, missing: String| {
            assert!(!required.split(',').any(|name| name.trim() == what), "WARPWEAVE_REQUIRE={required}: {missing}");
            // Not `eprintln!`, which the test harness captures.
            let _ = writeln!(std::io::stderr(), "skipped: comparing with NVIDIA's headers: {missing}");
        };
        let nvcc = match Nvcc::find() {
            Ok(nvcc) if nvcc.release >= OLDEST => nvcc,
            Ok(nvcc) => {
                missing("nvcc", format!("nvcc is release {:?}, expected {OLDEST:?} or later", nvcc.release));
                return None;
            }
            Err(error) => {
                missing("nvcc", error);
                return None;
            }
        };
        let cutlass = std::env::var_os("CUTLASS_HOME").map(|home| PathBuf::from(home).join("include"));
        match cutlass.filter(|include| include.join("cute/tensor.hpp").is_file()) {
            Some(cutlass) => Some(Tools { nvcc, cutlass }),
            None => {
                let hint = "run `tools/cutlass.sh DIR` and set CUTLASS_HOME=DIR";
                missing("cutlass", format!("CUTLASS_HOME names no folder with include/cute: {hint}"));
                None
            }
        }
    }

    /// What nvcc makes of generated files with kernels, each for a GPU.
    pub fn ptx(&self, sources: &[(&str, String)]) -> Vec<String> {
        let job = |(arch, source): &(&str, String)| {
            let file = folder().join(format!("wrappers_{arch}.cu"));
            if fs::read_to_string(&file).ok().as_ref() != Some(source) {
                fs::write(&file, source).unwrap();
            }
            let mut command = self.nvcc();
            command.args(["-ptx", "--use_fast_math", "-arch", arch, "-I"]).arg(root().join("kernels"));
            self.job(&file, &command)
        };
        let jobs: Vec<_> = sources.iter().map(job).collect();
        compile_all(&jobs);
        jobs.iter().map(|job| fs::read_to_string(&job.object).unwrap()).collect()
    }

    /// A program of the host alone, with CUDA's and CUTLASS's headers.
    pub fn host_program(&self, source: &str) -> PathBuf {
        let mut command = self.nvcc();
        command.args(["-x", "c++", "-cudart", "none"]);
        let job = self.job(Path::new(source), &command);
        compile_all(std::slice::from_ref(&job));
        job.object
    }

    fn nvcc(&self) -> Command {
        let mut command = Command::new(&self.nvcc.path);
        command.args(["-std=c++17", "-w", "-isystem"]).arg(&self.cutlass);
        command
    }

    fn job(&self, file: &Path, command: &Command) -> Job {
        Job::new(file, &folder(), command, &self.nvcc.version)
    }
}

/// Compiles what has changed since the last time, or is made of files that have.
fn compile_all(jobs: &[Job]) {
    let jobs: Vec<_> = jobs.iter().map(|job| (job, "this is tests/oracle")).collect();
    compile(&jobs).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Where generated and compiled files are kept.
pub fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    fs::create_dir_all(&folder).unwrap();
    folder
}
