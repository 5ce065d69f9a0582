//! The programs under `kernels/tests`: finding, compiling and running them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rayon::prelude::*;

use crate::process::{Ended, run};

/// The folders of programs.
pub const FOLDERS: [&str; 8] = [
    "kernels/tests/bench",
    "kernels/tests/checked",
    "kernels/tests/device",
    "kernels/tests/faults",
    "kernels/tests/hopper",
    "kernels/tests/ptx",
    "kernels/tests/runtime",
    "kernels/tests/samples",
];

/// Seeds and timings under which every program runs.
pub const SCHEDULES: [(&str, &str); 4] = [("0", "early"), ("1", "late"), ("2", "seeded"), ("3", "seeded")];

/// For programs in which much happens at the same time.
pub const MANY_SCHEDULES: [(&str, &str); 8] = [
    ("0", "early"),
    ("1", "late"),
    ("2", "seeded"),
    ("3", "seeded"),
    ("4", "early"),
    ("5", "late"),
    ("6", "seeded"),
    ("7", "seeded"),
];

const COMPILE_LIMIT: Duration = Duration::from_secs(300);
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The compiler that `tools/simcc` takes, if there is one.
pub fn compiler() -> Option<String> {
    let candidates = std::env::var("CXX").into_iter().chain(["g++".into(), "clang++".into()]);
    candidates.into_iter().find(|cxx| {
        let mut words = cxx.split_whitespace();
        words.next().is_some_and(|program| Command::new(program).args(words).arg("--version").output().is_ok())
    })
}

/// Whether there is no C++ compiler, which it says, or fails if the simulator is required.
pub fn skipped() -> bool {
    if compiler().is_some() {
        return false;
    }
    let required =
        std::env::var("WARPWEAVE_REQUIRE").is_ok_and(|list| list.split(',').any(|device| device.trim() == "sim"));
    assert!(!required, "WARPWEAVE_REQUIRE asks for sim, and neither g++ nor clang++ was found");
    // Not `eprintln!`, which the test harness captures.
    let _ =
        writeln!(std::io::stderr(), "skipped: CUDA programs on the simulated GPU: neither g++ nor clang++ was found");
    true
}

/// `tools/simcc`, with its cache under `target`.
pub fn simcc() -> Command {
    simcc_of(root())
}

/// That of a copy of the repository.
pub fn simcc_of(root: &Path) -> Command {
    let mut command = Command::new(root.join("tools/simcc"));
    command.env("WARPWEAVE_SIM_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("sim"));
    command
}

/// The programs of a folder, in order.
pub fn programs_in(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut programs: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cu" || extension == "cpp"))
        .collect();
    programs.sort();
    assert!(!programs.is_empty(), "no programs in {}", folder.display());
    programs
}

/// What a program's comment says after `// key:`.
pub fn directive(program: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(program).unwrap();
    let marker = format!("// {key}: ");
    text.lines().find_map(|line| line.strip_prefix(&marker).map(str::to_owned))
}

/// A program's name in messages.
pub fn name(program: &Path) -> String {
    program.strip_prefix(root()).unwrap_or(program).display().to_string()
}

/// Everything that any program is made of besides itself.
static COMMON: LazyLock<u64> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    compiler().hash(&mut hasher);
    fs::read(root().join("tools/simcc")).unwrap().hash(&mut hasher);
    hash_sources(&root().join("kernels"), &mut hasher);
    hasher.finish()
});

fn hash_sources(folder: &Path, hasher: &mut DefaultHasher) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() {
            hash_sources(&path, hasher);
        } else if matches!(extension, "h" | "cuh" | "inc" | "cpp") {
            path.hash(hasher);
            fs::read(&path).unwrap().hash(hasher);
        }
    }
}

/// Where what is made of a program with these options is kept. Another place when the program, or anything common to all, changes;
/// what was made before the change is removed.
pub fn cached(program: &Path, options: &[&str]) -> PathBuf {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let which = hash(&|hasher| (program, options).hash(hasher));
    let version = hash(&|hasher| (*COMMON, fs::read(program).unwrap()).hash(hasher));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    fs::create_dir_all(&folder).unwrap();
    let prefix = format!("{}-{which:016x}-", program.file_stem().unwrap().to_str().unwrap());
    let name = format!("{prefix}{version:016x}");
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let other = entry.file_name().into_string().unwrap();
        if other.starts_with(&prefix) && other != name {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    folder.join(name)
}

/// Compiles a program unless that was done before. The error is the compiler's.
pub fn compile(program: &Path, options: &[&str]) -> Result<PathBuf, String> {
    let executable = cached(program, options);
    // Two tests may want the same program: the second one waits for it.
    static BUSY: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>> = LazyLock::new(Mutex::default);
    let compiling = Arc::clone(BUSY.lock().unwrap().entry(executable.clone()).or_default());
    let _one_at_a_time = compiling.lock();
    if executable.exists() {
        return Ok(executable);
    }
    // -O1 compiles faster than -O2, and these programs run for a moment.
    let part = executable.with_extension("part");
    let mut command = simcc();
    command.args(["-O1", "-I"]).arg(root().join("kernels/sim")).args(options).arg(program).arg("-o").arg(&part);
    let Ended { code, output } = run(&mut command, COMPILE_LIMIT);
    if code != Some(0) {
        return Err(format!("{} doesn't compile:\n{output}", name(program)));
    }
    fs::rename(part, &executable).unwrap();
    Ok(executable)
}

/// The first simcc builds the simulator; those beside it would build it, too.
pub fn build_simulator(options: &[&str]) {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let Ended { code, output } = run(simcc().arg("--library").args(options), COMPILE_LIMIT);
    assert_eq!(code, Some(0), "the simulator doesn't compile:\n{output}");
}

/// Runs what `compile` made under a schedule.
pub fn start(executable: &Path, arguments: &[&str], (seed, timing): (&str, &str)) -> Ended {
    let mut command = Command::new(executable);
    command.args(arguments).env("WARPWEAVE_SIM_SEED", seed).env("WARPWEAVE_SIM_TIMING", timing);
    run(&mut command, RUN_LIMIT)
}

/// Compiles and runs programs on all cores. Fails with all that went wrong.
pub fn check_all(programs: &[PathBuf], options: &[&str], schedules: &[(&str, &str)]) {
    build_simulator(options);
    let check = |program: &PathBuf| -> Result<(), String> {
        let executable = compile(program, options)?;
        for &(seed, timing) in schedules {
            let Ended { code, output } = start(&executable, &[], (seed, timing));
            let ended = format!("{} with seed {seed}, timing {timing}", name(program));
            match directive(program, "expect") {
                None if code != Some(0) => {
                    return Err(format!("{ended}: expected exit code 0, got {code:?}:\n{output}"));
                }
                Some(_) if code != Some(1) => {
                    return Err(format!("{ended}: expected exit code 1, got {code:?}:\n{output}"));
                }
                Some(expected) if !output.contains(&expected) => {
                    return Err(format!("{ended}: expected a message with \"{expected}\", got:\n{output}"));
                }
                _ => {}
            }
        }
        Ok(())
    };
    let errors: Vec<String> = programs.par_iter().filter_map(|program| check(program).err()).collect();
    assert!(errors.is_empty(), "{} of {} programs failed\n\n{}", errors.len(), programs.len(), errors.join("\n\n"));
}

/// Every program of the folder ends with 0 under every schedule.
pub fn check_passing(folder: &str) {
    if skipped() {
        return;
    }
    check_all(&programs_in(folder), &[], &SCHEDULES);
}

/// Every program of the folder ends with 1 and the message that its `// expect:` gives.
pub fn check_failing(folder: &str) {
    if skipped() {
        return;
    }
    let programs = programs_in(folder);
    for program in &programs {
        assert!(directive(program, "expect").is_some(), "{} doesn't say what to `// expect: `", name(program));
    }
    check_all(&programs, &[], &SCHEDULES);
}
