//! Finds nvcc, and says how the kernels are compiled with it. Shared by the build script and tests/cubins.rs.

use std::env;
use std::path::{Path, PathBuf};

use crate::objects::output_of;

/// How every kernel is compiled, for any GPU.
pub const FLAGS: &[&str] = &["-std=c++17", "-O3", "-lineinfo", "-Xcompiler", "-fPIC", "-I", "kernels/include"];

/// The first release that knows all that the kernels use.
const OLDEST: (u32, u32) = (12, 0);

/// An nvcc that runs.
pub struct Nvcc {
    pub path: PathBuf,
    /// All that it says of its version.
    pub version: String,
    pub release: (u32, u32),
}

impl Nvcc {
    /// nvcc from `NVCC`, `CUDA_HOME`, `CUDA_PATH`, `PATH`: the first of them that is set decides.
    pub fn find() -> Result<Self, String> {
        let hint = "install CUDA 12.0 or later, or run `tools/cuda-toolkit.sh DIR` and set CUDA_HOME=DIR";
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let in_toolkit = |name: &str| set(name).map(|home| (name.to_string(), Path::new(&home).join("bin/nvcc")));
        let (source, path) = set("NVCC")
            .map(|path| ("NVCC".to_string(), path.into()))
            .or_else(|| in_toolkit("CUDA_HOME"))
            .or_else(|| in_toolkit("CUDA_PATH"))
            .unwrap_or(("PATH".into(), "nvcc".into()));
        let path = which(path);
        let version = path.as_ref().and_then(|path| output_of(path, "--version"));
        let (Some(path), Some(version)) = (path, version) else {
            return Err(format!("no nvcc was found (looked where {source} says): {hint}"));
        };
        let release = version.split("release ").nth(1).and_then(|rest| rest.split_once(','));
        let release = release.and_then(|(release, _)| release.split_once('.'));
        let release = release.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let release = release.ok_or_else(|| format!("{} does not say its release: {version}", path.display()))?;
        if release < OLDEST {
            let (major, minor) = release;
            return Err(format!("{} was release {major}.{minor}, too old: {hint}", path.display()));
        }
        Ok(Nvcc { path, version, release })
    }
}

/// Where a program lies: a bare name is looked up in `PATH`.
fn which(program: PathBuf) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then_some(program);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(&program)).find(|file| file.is_file())
}
