//! The simulator's layouts are CuTe's: every fragment of mma and wgmma, ldmatrix and stmatrix, swizzles, descriptors, and what wgmma
//! reads for them.
//!
//! Two programs write what they know, one line for a thread, a row of a matrix or a descriptor: `cute.cpp` from CuTe's layouts,
//! `simulated.cu` by running the simulator's instructions on numbers that tell where they come from.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Ended, run};
use crate::programs::{build_simulator, compile, root, skipped};
use crate::tools::{Tools, folder};

const LIMIT: Duration = Duration::from_secs(120);

/// So many differences are shown.
const SHOWN: usize = 10;

/// What a program writes to the file that is its argument.
fn written_by(program: &Path) -> String {
    let file = folder().join(program.file_name().unwrap()).with_extension("txt");
    let Ended { code, output } = run(Command::new(program).arg(&file), LIMIT);
    assert_eq!(code, Some(0), "{}:\n{output}", program.display());
    fs::read_to_string(file).unwrap()
}

/// The lines `NAME: VALUE VALUE ...`, in order.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().map(|line| line.rsplit_once(": ").unwrap_or_else(|| panic!("no `NAME: VALUES`: {line}")))
}

/// What differs, and how many lines were compared.
fn differences(cute: &str, simulator: &str) -> (Vec<String>, usize) {
    let mut simulated: HashMap<&str, &str> = HashMap::new();
    let mut differences = Vec::new();
    for (name, values) in lines(simulator) {
        if simulated.insert(name, values).is_some() {
            differences.push(format!("{name}: the simulator's program writes it twice"));
        }
    }
    let mut compared = 0;
    for (name, values) in lines(cute) {
        compared += 1;
        match simulated.remove(name) {
            None => differences.push(format!("{name}: CuTe has it, or has it twice, but the simulator's program not")),
            Some(other) if other == values => {}
            Some(other) => {
                let (values, other): (Vec<_>, Vec<_>) = (values.split(' ').collect(), other.split(' ').collect());
                let at = values.iter().zip(&other).position(|(a, b)| a != b).unwrap_or(values.len().min(other.len()));
                let show = |list: &[&str]| list.get(at).map_or("nothing".to_string(), |value| format!("`{value}`"));
                differences.push(format!(
                    "{name}: value {at} is {} for CuTe, {} for the simulator",
                    show(&values),
                    show(&other)
                ));
            }
        }
    }
    differences.extend(simulated.keys().map(|name| format!("{name}: the simulator's program has it, but CuTe not")));
    (differences, compared)
}

fn simulated_program() -> PathBuf {
    let source = root().join("tests/oracle/layouts/simulated.cu");
    let options = ["-I", root().join("kernels").to_str().unwrap()].map(String::from);
    build_simulator(&[]);
    compile(&source, &options.each_ref().map(String::as_str)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_layout_is_cutes() {
    if skipped() {
        return;
    }
    let Some(tools) = Tools::find() else { return };
    let cute = written_by(&tools.host_program("tests/oracle/layouts/cute.cpp"));
    let simulator = written_by(&simulated_program());
    let (differences, compared) = differences(&cute, &simulator);
    assert!(compared > 100_000, "only {compared} lines");
    let shown = &differences[..differences.len().min(SHOWN)];
    assert!(differences.is_empty(), "{} of {compared} lines differ:\n{}", differences.len(), shown.join("\n"));
}

#[test]
fn the_first_difference_of_a_line_is_named() {
    let cute = "m16n8k16 A thread 3: 0,6 0,7\nrow 1: 0 2\ngone: 1\n";
    assert_eq!(differences(cute, "row 1: 0 2\ngone: 1\nm16n8k16 A thread 3: 0,6 0,7\n"), (vec![], 3));
    let (found, _) = differences(cute, "m16n8k16 A thread 3: 0,6 8,6\nrow 1: 0\nextra: 1\n");
    let expected = [
        "m16n8k16 A thread 3: value 1 is `0,7` for CuTe, `8,6` for the simulator",
        "row 1: value 1 is `2` for CuTe, nothing for the simulator",
        "gone: CuTe has it, or has it twice, but the simulator's program not",
        "extra: the simulator's program has it, but CuTe not",
    ];
    assert_eq!(found, expected);
    assert_eq!(differences("a: 1\n", "a: 1\na: 1\n").0.len(), 1);
}
