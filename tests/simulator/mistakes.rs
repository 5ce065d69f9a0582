//! The GEMM of `kernels/tests/hopper`, making one mistake after the other: each must be found, as `mistakes.h` says there.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::process::Ended;
use crate::programs::{MANY_SCHEDULES, build_simulator, compile, root, skipped, start};

/// The exit status of a program in which a checked run found something.
const REPORTED: i32 = 86;

/// A line of `gemm --mistakes`.
struct Mistake<'a> {
    name: &'a str,
    how: &'a str,
    /// Alternatives, separated by |.
    message: &'a str,
}

impl Mistake<'_> {
    fn parse(line: &str) -> Mistake<'_> {
        let [name, how, message] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("expected a name, how it is found and a message, got {line:?}");
        };
        assert!(!message.is_empty(), "{name}: no message");
        Mistake { name, how, message }
    }

    /// What is not as it should be, with what the program wrote.
    fn check(&self, plain: &PathBuf, checked: &PathBuf) -> Result<(), String> {
        let (program, status) = if self.how == "checked" { (checked, REPORTED) } else { (plain, 1) };
        let mut found = false;
        for schedule in MANY_SCHEDULES {
            let Ended { code, output } = start(program, &["--mistake", self.name], schedule);
            let here = code == Some(status) && self.message.split('|').any(|text| output.contains(text));
            let right = code == Some(0);
            match self.how {
                "fails" | "checked" if here => found = true,
                "wrong" if here || right => found |= here,
                "fails" | "checked" | "wrong" => {
                    let (name, how, message) = (self.name, self.how, self.message);
                    return Err(format!(
                        "{name} ({how}), {schedule:?}: expected exit code {status} with {message:?}, got {code:?}:\n{output}"
                    ));
                }
                how => return Err(format!("{}: expected wrong, fails or checked, got {how:?}", self.name)),
            }
        }
        found.then_some(()).ok_or_else(|| format!("{}: not found in any schedule", self.name))
    }
}

#[test]
fn every_mistake_of_the_gemm_is_found() {
    if skipped() {
        return;
    }
    build_simulator(&[]);
    let source = root().join("kernels/tests/hopper/gemm.cu");
    let build = |options: &[&str]| compile(&source, options).unwrap_or_else(|error| panic!("{error}"));
    let (plain, checked) = rayon::join(|| build(&[]), || build(&["--checked"]));

    let list = start(&plain, &["--mistakes"], MANY_SCHEDULES[0]).output;
    let mistakes: Vec<Mistake> = list.lines().map(Mistake::parse).collect();
    assert!(mistakes.len() >= 10, "only {} mistakes:\n{list}", mistakes.len());
    let errors: Vec<String> = mistakes.par_iter().filter_map(|mistake| mistake.check(&plain, &checked).err()).collect();
    assert!(errors.is_empty(), "{} of {} mistakes\n\n{}", errors.len(), mistakes.len(), errors.join("\n\n"));
}
