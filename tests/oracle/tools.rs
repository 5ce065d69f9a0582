//! Finding nvcc and CUTLASS's headers, and compiling with them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::nvcc::Nvcc;
use crate::objects::{Job, compile};

/// The first release with the atomic functions that wrappers are held against.
const OLDEST: (u32, u32) = (12, 8);

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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

    /// What nvcc makes of a generated file with kernels.
    pub fn ptx(&self, source: &str, arch: &str) -> String {
        let file = folder().join(format!("wrappers_{arch}.cu"));
        if fs::read_to_string(&file).ok().as_deref() != Some(source) {
            fs::write(&file, source).unwrap();
        }
        let mut command = self.nvcc();
        command.args(["-ptx", "--use_fast_math", "-arch", arch, "-I"]).arg(root().join("kernels"));
        fs::read_to_string(self.compile(&file, &command)).unwrap()
    }

    /// A program of the host alone, with CUDA's and CUTLASS's headers.
    pub fn host_program(&self, source: &str) -> PathBuf {
        let mut command = self.nvcc();
        command.args(["-x", "c++", "-cudart", "none"]);
        self.compile(Path::new(source), &command)
    }

    fn nvcc(&self) -> Command {
        let mut command = Command::new(&self.nvcc.path);
        command.args(["-std=c++17", "-w", "-isystem"]).arg(&self.cutlass);
        command
    }

    /// Compiles, unless nothing that the file is made of has changed since.
    fn compile(&self, file: &Path, command: &Command) -> PathBuf {
        let job = Job::new(file, &folder(), command, &self.nvcc.version);
        compile(&[(&job, "this is tests/oracle")]).unwrap_or_else(|failure| panic!("{failure}"));
        job.object
    }
}

/// Where generated and compiled files are kept.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    fs::create_dir_all(&folder).unwrap();
    folder
}
