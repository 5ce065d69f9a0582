//! CUDA programs on the simulated GPU: every program under `kernels/tests`, compiled by `tools/simcc` and run under several schedules.
//!
//! `kernels/tests/README.md` says how the programs are laid out. A program that fails is named, with its schedule and its output.
//! Compiled programs are kept in `target/tmp` until something that they are made of changes.

mod checked;
mod counters;
mod mistakes;
mod nvcc;
mod process;
mod programs;
mod rewriter;
mod simcc;

use programs::{FOLDERS, check_failing, check_passing, programs_in, skipped};

/// That they run and are right; what they measure is for people.
#[test]
fn bench() {
    check_passing("kernels/tests/bench");
}

#[test]
fn device() {
    check_passing("kernels/tests/device");
}

#[test]
fn hopper() {
    if skipped() {
        return;
    }
    let programs = programs_in("kernels/tests/hopper");
    programs::check_all(&programs, &[], &programs::MANY_SCHEDULES);
    programs::check_all(&programs, &["--checked"], &programs::MANY_SCHEDULES[..4]);
}

#[test]
fn ptx() {
    check_passing("kernels/tests/ptx");
}

#[test]
fn runtime() {
    check_passing("kernels/tests/runtime");
}

#[test]
fn samples() {
    check_passing("kernels/tests/samples");
}

#[test]
fn scheduler() {
    check_passing("kernels/sim/tests");
}

/// That the checks find nothing in programs that are right; but for those that say why they do.
#[test]
fn checked() {
    if skipped() {
        return;
    }
    let folders = ["kernels/tests/device", "kernels/tests/ptx", "kernels/tests/runtime", "kernels/tests/samples"];
    let mut programs: Vec<_> = folders.into_iter().flat_map(programs_in).collect();
    programs.retain(|program| programs::directive(program, "unchecked").is_none());
    programs::check_all(&programs, &["--checked"], &programs::SCHEDULES[2..3]);
}

#[test]
fn faults() {
    check_failing("kernels/tests/faults");
}

/// A folder that no test above names would never run.
#[test]
fn every_folder_has_a_test() {
    for entry in std::fs::read_dir(programs::root().join("kernels/tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let folder = format!("kernels/tests/{}", path.file_name().unwrap().to_str().unwrap());
            assert!(FOLDERS.contains(&folder.as_str()), "{folder} is not in FOLDERS: give it a test");
        }
    }
}

/// The simulator's own memory errors and undefined behavior, while it runs its tests and the runtime's.
#[test]
fn sanitized() {
    if skipped() {
        return;
    }
    let mut programs = programs_in("kernels/sim/tests");
    programs.extend(programs_in("kernels/tests/runtime"));
    programs::check_all(&programs, &["--sanitize=address,undefined"], &programs::SCHEDULES[1..2]);
}
