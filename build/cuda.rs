//! The kernels, compiled by nvcc.
//!
//! Each file has an nvcc run of its own, without relocatable device code: with it ptxas ignores `setmaxnreg`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::devices::Plan;
use crate::nvcc::{FLAGS, Nvcc};
use crate::objects::{Job, sources};

/// Ampere and its successors; Hopper with what only Hopper has.
const DEFAULT_ARCHS: &str = "80,90a";
/// How to compile for NVIDIA GPUs; `Err` says what is missing.
pub fn plan(out: &Path) -> Result<Plan, String> {
    for variable in ["NVCC", "CUDA_HOME", "CUDA_PATH", "NVCC_CCBIN", "WARPWEAVE_CUDA_ARCHS"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let nvcc = Nvcc::find().inspect_err(|_| println!("cargo::rerun-if-env-changed=PATH"))?;
    let archs = Archs::parse(&env::var("WARPWEAVE_CUDA_ARCHS").unwrap_or(DEFAULT_ARCHS.into())).unwrap_or_else(|bad| {
        eprintln!("WARPWEAVE_CUDA_ARCHS: expected compute capabilities like `{DEFAULT_ARCHS}`, got {bad}");
        std::process::exit(1);
    });
    let mut command = Command::new(&nvcc.path);
    command.arg("-c").args(FLAGS).args(archs.flags());
    let identity = format!("{} {:?}", nvcc.version, env::var_os("NVCC_CCBIN"));
    Ok(Plan {
        compiler: format!("nvcc {}.{} for {}", nvcc.release.0, nvcc.release.1, archs.names()),
        jobs: sources("kernels", "cu").iter().map(|source| Job::new(source, out, &command, &identity)).collect(),
        link_folders: vec![cudart_folder(&nvcc.path)?],
        link_libraries: &["static=cudart_static", "dl", "rt", "pthread"],
        hint: format!(
            "this is nvcc {}.{} at {}. NVCC or CUDA_HOME chooses another; NVCC_CCBIN names a C++ compiler for it, if it \
             finds none or refuses the one that it finds; WARPWEAVE_CUDA_ARCHS ({DEFAULT_ARCHS} unless set) says for \
             which GPUs",
            nvcc.release.0,
            nvcc.release.1,
            nvcc.path.display()
        ),
    })
}

/// The folder of the CUDA runtime library: in an installation, in PyPI's wheels, or where Linux distributions put it.
fn cudart_folder(nvcc: &Path) -> Result<PathBuf, String> {
    let nvcc = nvcc.canonicalize().unwrap_or(nvcc.into());
    let toolkit = nvcc.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the target's cfgs");
    let targets = if arch == "aarch64" { "targets/sbsa-linux/lib" } else { "targets/x86_64-linux/lib" };
    let places = [toolkit.join(targets), toolkit.join("lib64"), toolkit.join("lib")];
    let system = [format!("/usr/lib/{arch}-linux-gnu"), "/usr/lib64".into()].map(PathBuf::from);
    let mut places = places.into_iter().chain(system);
    places
        .find(|folder| folder.join("libcudart_static.a").is_file())
        .ok_or_else(|| format!("there is no libcudart_static.a in {}'s {targets}, lib64 or lib", toolkit.display()))
}

/// What the kernels are compiled for: `80`, `90a`.
struct Archs(Vec<String>);

impl Archs {
    fn parse(list: &str) -> Result<Self, String> {
        let archs: Vec<_> = list.split(',').map(|arch| arch.trim().to_string()).collect();
        let is_arch = |arch: &str| arch.trim_end_matches(['a', 'f']).parse::<u32>().is_ok_and(|n| n >= 80);
        match archs.iter().find(|arch| !is_arch(arch)) {
            Some(bad) => Err(format!("`{bad}`")),
            None => Ok(Archs(archs)),
        }
    }

    /// The arch whose PTX later GPUs compile for themselves: the highest, without its letter, for what has one runs on that
    /// generation alone.
    fn ptx(&self) -> Option<u32> {
        self.0.iter().filter_map(|arch| arch.trim_end_matches(['a', 'f']).parse().ok()).max()
    }

    fn flags(&self) -> Vec<OsString> {
        let binaries = self.0.iter().map(|arch| format!("arch=compute_{arch},code=sm_{arch}"));
        let ptx = self.ptx().map(|arch| format!("arch=compute_{arch},code=compute_{arch}"));
        binaries.chain(ptx).flat_map(|code| ["-gencode".into(), code.into()]).collect()
    }

    fn names(&self) -> String {
        let binaries = self.0.iter().map(|arch| format!("sm_{arch}"));
        let ptx = self.ptx().map(|arch| format!("PTX compute_{arch}"));
        binaries.chain(ptx).collect::<Vec<_>>().join(", ")
    }
}
