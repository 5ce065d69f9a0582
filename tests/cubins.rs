//! What nvcc makes of each kernel stays within the table of `kernels/budget.md`: registers, shared memory, nothing in local
//! memory, and the instructions that the kernel is written for.
//!
//! Needs nvcc and cuobjdump (found as the build finds nvcc; no GPU). `WARPWEAVE_UPDATE_BUDGET=1` writes what was measured
//! into the table, and keeps the instructions that it names.

#[path = "../build/nvcc.rs"]
mod nvcc;
#[path = "../build/objects.rs"]
mod objects;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nvcc::Nvcc;
use objects::{Job, output_of, sources};

const TABLE: &str = "kernels/budget.md";
const ARCHS: &[&str] = &["sm_80", "sm_90a"];
const UPDATE: &str = "WARPWEAVE_UPDATE_BUDGET=1 cargo test --test cubins writes what was measured";

/// Where a kernel stands in the table: its file, its name, and what it was compiled for.
type Key = (String, String, String);

/// A kernel's row: at most so many registers and bytes of static shared memory, and these instructions.
#[derive(Debug, PartialEq)]
struct Budget {
    registers: u32,
    shared: u32,
    instructions: Vec<String>,
}

/// What nvcc made of a kernel.
#[derive(Debug)]
struct Measured {
    registers: u32,
    shared: u32,
    /// Bytes of a thread's stack and local memory, where spilled registers go.
    local: u32,
    /// The operations of its code, with their modifiers: `LDG.E.128.CONSTANT`.
    operations: Vec<String>,
}

#[test]
fn kernels_stay_within_their_budget() {
    let tools = match Tools::find() {
        Ok(tools) => tools,
        Err(missing) => {
            let required = std::env::var("WARPWEAVE_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "nvcc"), "WARPWEAVE_REQUIRE={required}: {missing}");
            // Not `eprintln!`, which the test harness captures.
            let _ = writeln!(std::io::stderr(), "skipped: {missing}");
            return;
        }
    };
    let measured = tools.measure();
    let mut text = std::fs::read_to_string(TABLE).unwrap();
    if std::env::var_os("WARPWEAVE_UPDATE_BUDGET").is_some() {
        // What no table allows, spills and missing instructions, is complained of below all the same.
        text = write_table(&text, tools.nvcc.release, &measured, &parse_table(&text).1);
        std::fs::write(TABLE, &text).unwrap();
    }
    let (release, budgets) = parse_table(&text);
    // Another release gives out registers in another way. What it must not do is the same.
    let same_release = release == tools.nvcc.release;
    if !same_release {
        let _ = writeln!(
            std::io::stderr(),
            "registers were not compared: {TABLE} is for nvcc {release:?}, this is {:?}",
            tools.nvcc.release
        );
    }
    let complaints = complaints(&measured, &budgets, same_release);
    assert!(complaints.is_empty(), "{}\n{UPDATE}", complaints.join("\n"));
}

/// Everything in which the kernels differ from the table.
fn complaints(
    measured: &BTreeMap<Key, Measured>,
    budgets: &BTreeMap<Key, Budget>,
    compare_registers: bool,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (key @ (file, kernel, arch), measured) in measured {
        let mut complain = |what: String| complaints.push(format!("{file}: {kernel} for {arch}: {what}"));
        if measured.local > 0 {
            complain(format!("{} bytes of local memory, expected no spills and no stack", measured.local));
        }
        let Some(budget) = budgets.get(key) else {
            complain(format!("not in {TABLE}"));
            continue;
        };
        if compare_registers && measured.registers > budget.registers {
            complain(format!("{} registers, expected at most {}", measured.registers, budget.registers));
        }
        if measured.shared > budget.shared {
            complain(format!("{} bytes of shared memory, expected at most {}", measured.shared, budget.shared));
        }
        for wanted in &budget.instructions {
            if !measured.operations.iter().any(|operation| is_kind_of(operation, wanted)) {
                complain(format!("no instruction {wanted}"));
            }
        }
    }
    for (file, kernel, arch) in budgets.keys().filter(|key| !measured.contains_key(key)) {
        complaints.push(format!("{file}: {kernel} for {arch}: in {TABLE}, but there is no such kernel"));
    }
    complaints
}

/// Whether `operation` has the name of `wanted` and its modifiers in the same order, perhaps with others between: a
/// `LDG.E.NA.128.CONSTANT` is an `LDG.E.128`.
fn is_kind_of(operation: &str, wanted: &str) -> bool {
    let mut parts = operation.split('.');
    let mut wanted = wanted.split('.');
    parts.next() == wanted.next() && wanted.all(|modifier| parts.any(|part| part == modifier))
}

/// The compiler and what reads its results.
struct Tools {
    nvcc: Nvcc,
    cuobjdump: PathBuf,
}

impl Tools {
    fn find() -> Result<Self, String> {
        let nvcc = Nvcc::find()?;
        let cuobjdump = nvcc.path.with_file_name("cuobjdump");
        for tool in [cuobjdump.as_path(), Path::new("c++filt")] {
            output_of(tool, "--version").ok_or_else(|| format!("{} does not run", tool.display()))?;
        }
        Ok(Tools { nvcc, cuobjdump })
    }

    /// Compiles each file for each arch, and takes the results apart.
    fn measure(&self) -> BTreeMap<Key, Measured> {
        let files = sources("kernels", "cu");
        let pairs: Vec<_> = files.iter().flat_map(|file| ARCHS.iter().map(move |arch| (file, *arch))).collect();
        let jobs: Vec<_> =
            pairs.iter().map(|&(file, arch)| (self.job(file, arch), "this is tests/cubins.rs")).collect();
        let jobs: Vec<_> = jobs.iter().map(|(job, hint)| (job, *hint)).collect();
        objects::compile(&jobs).unwrap_or_else(|failure| panic!("{failure}"));

        let mut kernels = BTreeMap::new();
        for (&(file, arch), (job, _)) in pairs.iter().zip(&jobs) {
            let file = file.file_name().unwrap().to_string_lossy();
            for (name, measured) in self.take_apart(&job.object) {
                let replaced = kernels.insert((file.to_string(), name.clone(), arch.to_string()), measured);
                assert!(replaced.is_none(), "{file}: two kernels for {arch} read as `{name}` in {TABLE}");
            }
        }
        kernels
    }

    fn job(&self, file: &Path, arch: &str) -> Job {
        let mut command = Command::new(&self.nvcc.path);
        command.arg("-cubin").args(nvcc::FLAGS).arg(format!("-arch={arch}"));
        Job::new(file, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("cubins").join(arch), &command, &self.nvcc.version)
    }

    /// The kernels of a cubin.
    fn take_apart(&self, cubin: &Path) -> Vec<(String, Measured)> {
        let dump = |what: &str| {
            let output = Command::new(&self.cuobjdump).arg(what).arg(cubin).output().unwrap();
            assert!(output.status.success(), "cuobjdump {what}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let operations = operations_by_function(&dump("-sass"));
        let usage = dump("-res-usage");
        let lines: Vec<_> = usage.lines().map(str::trim).collect();
        let functions = lines.windows(2).filter_map(|pair| {
            let mangled = pair[0].strip_prefix("Function ")?.strip_suffix(':')?;
            let number = |name: &str| -> u32 {
                let value = pair[1].split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix(':'));
                value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in: {}", pair[1]))
            };
            let measured = Measured {
                registers: number("REG"),
                shared: number("SHARED"),
                local: number("STACK") + number("LOCAL"),
                operations: operations.get(mangled).cloned().unwrap_or_else(|| panic!("no code of {mangled}")),
            };
            Some((readable(mangled), measured))
        });
        functions.collect()
    }
}

/// The operations of each function, as `cuobjdump -sass` lists them: `/*0010*/  @P0 LDG.E R2, [R4] ; /* 0x... */`.
fn operations_by_function(listing: &str) -> BTreeMap<String, Vec<String>> {
    let mut functions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut function = String::new();
    for line in listing.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("Function : ") {
            function = name.to_string();
        } else if let Some((_, code)) = line.strip_prefix("/*").and_then(|line| line.split_once("*/")) {
            let operation = code.split_whitespace().find(|word| !word.starts_with('@'));
            if let Some(operation) = operation.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase())) {
                functions.entry(function.clone()).or_default().push(operation.trim_end_matches(';').to_string());
            }
        }
    }
    functions
}

/// A kernel's name with its template arguments: without result, parameters and name spaces.
fn readable(mangled: &str) -> String {
    let output = Command::new("c++filt").arg(mangled).stdin(Stdio::null()).output().unwrap();
    let name = String::from_utf8(output.stdout).unwrap();
    let name = name.trim().trim_start_matches("void ").replace("(anonymous namespace)::", "");
    let name = name.replace("warpweave_cuda::", "").replace("(int)", "").replace("(bool)", "");
    let mut depth = 0;
    let end = name.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        c == '(' && depth == 0
    });
    name[..end.unwrap_or(name.len())].to_string()
}

/// The release of nvcc and the rows: `## file` over `| kernel | arch | registers | shared | instructions |`.
fn parse_table(text: &str) -> ((u32, u32), BTreeMap<Key, Budget>) {
    let mut budgets = BTreeMap::new();
    let mut file = "";
    let release = text
        .split("Measured with nvcc ")
        .nth(1)
        .and_then(|rest| rest.split_once(":"))
        .expect("`Measured with nvcc 1.2:`");
    let (major, minor) = release.0.split_once('.').expect("`nvcc 1.2`");
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            file = name;
        }
        let Some(row) = line.strip_prefix("| `") else { continue };
        let cells: Vec<_> = row.trim_end_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [kernel, arch, registers, shared, instructions] = cells[..] else { panic!("{TABLE}: {line}") };
        let number = |cell: &str| cell.parse().unwrap_or_else(|_| panic!("{TABLE}: no number `{cell}` in: {line}"));
        let instructions = instructions.split_whitespace().map(String::from).collect();
        let budget = Budget { registers: number(registers), shared: number(shared), instructions };
        let replaced = budgets.insert((file.into(), kernel.into(), arch.into()), budget);
        assert!(replaced.is_none(), "{TABLE}: {kernel} for {arch} stands twice under {file}");
    }
    ((major.parse().unwrap(), minor.parse().unwrap()), budgets)
}

/// The table anew, under the old one's introduction.
fn write_table(
    old: &str,
    release: (u32, u32),
    measured: &BTreeMap<Key, Measured>,
    budgets: &BTreeMap<Key, Budget>,
) -> String {
    let introduction = old.split("Measured with nvcc").next().unwrap();
    let mut text = format!("{introduction}Measured with nvcc {}.{}:\n", release.0, release.1);
    let mut file = "";
    for (key @ (in_file, kernel, arch), measured) in measured {
        if in_file != file {
            file = in_file;
            text += &format!(
                "\n## {file}\n\n| kernel | arch | registers | shared | instructions |\n|---|---|---|---|---|\n"
            );
        }
        let instructions = budgets.get(key).map_or(String::new(), |budget| budget.instructions.join(" "));
        let instructions = if instructions.is_empty() { instructions } else { format!("`{instructions}`") };
        let (registers, shared) = (measured.registers, measured.shared);
        text += &format!("| `{kernel}` | {arch} | {registers} | {shared} | {instructions} |\n");
    }
    text
}

fn example() -> (BTreeMap<Key, Measured>, BTreeMap<Key, Budget>) {
    let key = || -> Key { ("a.cu".into(), "copy<float, 4>".into(), "sm_80".into()) };
    let operations = vec!["LDG.E.NA.128.CONSTANT".into(), "STG.E.128".into()];
    let measured = Measured { registers: 32, shared: 64, local: 0, operations };
    let budget = Budget { registers: 32, shared: 64, instructions: vec!["LDG.E.128".into(), "STG.E.128".into()] };
    (BTreeMap::from([(key(), measured)]), BTreeMap::from([(key(), budget)]))
}

#[test]
fn what_exceeds_the_table_is_found() {
    let (mut measured, mut budgets) = example();
    assert_eq!(complaints(&measured, &budgets, true), Vec::<String>::new());

    let kernel = measured.values_mut().next().unwrap();
    (kernel.registers, kernel.shared, kernel.local) = (33, 65, 8);
    kernel.operations.remove(0);
    let found = complaints(&measured, &budgets, true).join("\n");
    for part in ["33 registers", "65 bytes of shared", "8 bytes of local", "no instruction LDG.E.128"] {
        assert!(found.contains(part), "no `{part}` in: {found}");
    }
    assert_eq!(complaints(&measured, &budgets, false).len(), 3, "registers of another release");

    let moved = budgets.pop_first().unwrap().1;
    budgets.insert(("a.cu".into(), "gone".into(), "sm_80".into()), moved);
    let found = complaints(&measured, &budgets, true).join("\n");
    assert!(found.contains("copy<float, 4> for sm_80: not in") && found.contains("gone for sm_80: in"), "{found}");
}

#[test]
fn the_table_is_read_as_it_is_written() {
    let (measured, budgets) = example();
    let text = write_table("# Title\n\nMeasured with nvcc 1.0:\n", (13, 0), &measured, &budgets);
    assert!(text.starts_with("# Title\n\nMeasured with nvcc 13.0:\n"));
    assert_eq!(parse_table(&text), ((13, 0), budgets));
}

#[test]
fn names_and_instructions_are_read() {
    assert!(is_kind_of("LDG.E.128", "LDG.E.128") && is_kind_of("HMMA.16816.F32.BF16", "HMMA.16816.F32"));
    assert!(!is_kind_of("LDG.E.64", "LDG.E.128") && !is_kind_of("LDGSTS.E.128", "LDG.E.128"));
    let listing = "\t\tFunction : f\n .headerflags\n  /*0010*/  @!P0 LDG.E.128 R4, [R2] ;  /* 0x1 */\n  /* 0x2 */\n /*0020*/ EXIT;";
    assert_eq!(operations_by_function(listing)["f"], ["LDG.E.128", "EXIT"]);
}
