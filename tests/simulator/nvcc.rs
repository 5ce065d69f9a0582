//! The programs are CUDA C++: where nvcc is found, it compiles them all.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rayon::prelude::*;

use crate::process::{Ended, run};
use crate::programs::{FOLDERS, cached, directive, name, programs_in, root};

/// nvcc from `NVCC`, `CUDA_HOME`, `CUDA_PATH` or `PATH`.
fn nvcc() -> Option<PathBuf> {
    let named = std::env::var_os("NVCC").map(PathBuf::from);
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os);
    let homes = homes.map(|home| PathBuf::from(home).join("bin/nvcc"));
    let runs =
        |path: &PathBuf| Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success());
    named.into_iter().chain(homes).chain([PathBuf::from("nvcc")]).find(runs)
}

#[test]
fn nvcc_compiles_every_program() {
    let Some(nvcc) = nvcc() else {
        let required = std::env::var("WARPWEAVE_REQUIRE").unwrap_or_default();
        let missing = "no nvcc in NVCC, CUDA_HOME, CUDA_PATH or PATH";
        assert!(!required.split(',').any(|name| name.trim() == "nvcc"), "WARPWEAVE_REQUIRE={required}: {missing}");
        // Not `eprintln!`, which the test harness captures.
        let _ = writeln!(std::io::stderr(), "skipped: compiling the CUDA programs with nvcc: {missing}");
        return;
    };
    let programs: Vec<PathBuf> =
        FOLDERS.iter().flat_map(|folder| programs_in(folder)).filter(|p| p.extension().unwrap() == "cu").collect();
    let check = |program: &PathBuf| -> Result<(), String> {
        let options = directive(program, "nvcc").unwrap_or_default();
        let ptx = cached(program, &["nvcc", &options]);
        if ptx.exists() {
            return Ok(());
        }
        let part = ptx.with_extension("ptx");
        let mut command = Command::new(&nvcc);
        command.args(["-std=c++17", "-arch=sm_90a", "-ptx"]).args(options.split_whitespace());
        command.arg("-I").arg(root().join("kernels")).arg(program).arg("-o").arg(&part);
        let Ended { code, output } = run(&mut command, Duration::from_secs(300));
        // The compiler alone, as PyPI has it, comes without the toolkit's libraries.
        if let Some(header) =
            directive(program, "library").filter(|header| output.contains(&format!("{header}: No such file")))
        {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: compiling {} with nvcc: it comes without {header}",
                name(program)
            );
            return Ok(());
        }
        if code != Some(0) {
            return Err(format!("{}:\n{output}", name(program)));
        }
        fs::rename(part, ptx).unwrap();
        Ok(())
    };
    let errors: Vec<String> = programs.par_iter().filter_map(|program| check(program).err()).collect();
    assert!(
        errors.is_empty(),
        "nvcc doesn't compile {} of {} programs\n\n{}",
        errors.len(),
        programs.len(),
        errors.join("\n\n")
    );
}
