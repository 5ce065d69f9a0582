//! The programs of `kernels/tests/checked`: in every schedule the checked mode reports each case's mistake, as the case's directives say,
//! and nothing in its correct twin.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::process::Ended;
use crate::programs::{MANY_SCHEDULES, build_simulator, compile, name, programs_in, skipped, start};

/// The exit status of a program in which a checked launch found something.
const REPORTED: i32 = 86;

struct Case {
    name: String,
    /// Reports that it can be: each has these texts in this order.
    reports: Vec<Vec<String>>,
    /// What else it must have: the kernel, and each line that is marked.
    names: Vec<String>,
}

impl Case {
    /// The cases of a program: `// case: NAME: TEXT ... TEXT | TEXT`, and `// caught: NAME, NAME` at the end of lines that the report must name.
    fn all(program: &Path) -> Vec<Case> {
        let source = fs::read_to_string(program).unwrap();
        let file = program.file_name().unwrap().to_str().unwrap();
        let directives = source.lines().filter_map(|line| line.strip_prefix("// case: "));
        let cases: Vec<Case> = directives
            .map(|directive| {
                let (name, text) = directive.split_once(": ").expect("`// case: NAME: TEXT`");
                let mut names = vec![];
                if source.contains(&format!("__global__ void {name}(")) {
                    names.push(format!("kernel {name}<true>"));
                }
                for (number, line) in source.lines().enumerate() {
                    let marks = line.split_once("// caught: ").map_or("", |(_, marks)| marks);
                    if marks.split(", ").any(|mark| mark == name) {
                        names.push(format!("{file}:{} ", number + 1));
                    }
                }
                let texts = |report: &str| report.split(" ... ").map(str::to_owned).collect();
                Case { name: name.to_owned(), reports: text.split(" | ").map(texts).collect(), names }
            })
            .collect();
        let planted = source.lines().filter(|line| line.starts_with("CASE(") || line.starts_with("WGMMA_CASE("));
        assert_eq!(planted.count(), cases.len(), "{}: each CASE has a `// case: `", program.display());
        cases
    }

    /// What is not as it should be.
    fn check(&self, program: &Path, executable: &Path) -> Result<(), String> {
        for schedule in MANY_SCHEDULES {
            let started = |twin| {
                let Ended { code, output } = start(executable, &[&self.name, twin], schedule);
                (code, output, format!("{}, case {}, {twin}, schedule {schedule:?}", name(program), self.name))
            };
            let (code, output, what) = started("mistake");
            if code != Some(REPORTED) {
                return Err(format!("{what}: expected exit code {REPORTED}, got {code:?}:\n{output}"));
            }
            if let Some(missing) = self.missing_in(&output) {
                return Err(format!("{what}: expected a report with \"{missing}\", got:\n{output}"));
            }
            let (code, output, what) = started("correct");
            if code != Some(0) {
                return Err(format!("{what}: expected exit code 0, got {code:?}:\n{output}"));
            }
        }
        Ok(())
    }

    fn missing_in<'a>(&'a self, output: &str) -> Option<&'a str> {
        let missing = |report: &'a Vec<String>| {
            let mut rest = output;
            report.iter().find(|text| match rest.split_once(text.as_str()) {
                Some((_, after)) => {
                    rest = after;
                    false
                }
                None => true,
            })
        };
        let missing = self.reports.iter().map(missing).reduce(Option::and).flatten();
        missing.or_else(|| self.names.iter().find(|name| !output.contains(*name))).map(String::as_str)
    }
}

#[test]
fn checked_mode_catches_each_mistake_and_is_silent_without() {
    if skipped() {
        return;
    }
    build_simulator(&["--checked"]);
    let compile = |program: &PathBuf| {
        let executable = compile(program, &["--checked"]).unwrap_or_else(|error| panic!("{error}"));
        Case::all(program).into_iter().map(|case| (program.clone(), executable.clone(), case)).collect::<Vec<_>>()
    };
    let cases: Vec<_> = programs_in("kernels/tests/checked").par_iter().flat_map_iter(compile).collect();
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    let check = |(program, executable, case): &(PathBuf, PathBuf, Case)| case.check(program, executable).err();
    let errors: Vec<String> = cases.par_iter().filter_map(check).collect();
    assert!(errors.is_empty(), "{} of {} cases failed\n\n{}", errors.len(), cases.len(), errors.join("\n\n"));
}
