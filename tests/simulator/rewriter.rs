//! The rewriter alone: preprocessed text in, text out, for each pair in `kernels/sim/simcc/tests`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{Ended, run};
use crate::programs::{build_simulator, root, simcc, skipped};

/// The program that `tools/simcc` built beside the simulator's library.
fn rewriter() -> PathBuf {
    build_simulator(&[]);
    let library = run(simcc().arg("--library"), Duration::from_secs(60)).output;
    PathBuf::from(library.trim_end()).with_file_name("rewrite")
}

#[test]
fn text_becomes_what_is_expected() {
    if skipped() {
        return;
    }
    let rewriter = rewriter();
    let folder = root().join("kernels/sim/simcc/tests");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let input = entry.unwrap().path();
        if input.extension().is_none_or(|extension| extension != "ii") {
            continue;
        }
        cases += 1;
        let written = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(&rewriter);
        command.current_dir(root()).arg("--own").arg(fs::canonicalize(root().join("kernels/sim")).unwrap());
        command.arg(&input).arg(written.path());
        let Ended { code, output } = run(&mut command, Duration::from_secs(10));
        let errors = input.file_stem().unwrap() == "errors";
        assert_eq!(code, Some(if errors { 1 } else { 0 }), "{}: {output}", input.display());
        let result = if errors { output } else { fs::read_to_string(written.path()).unwrap() };
        let expected = fs::read_to_string(input.with_extension("expected")).unwrap();
        for (number, (result, expected)) in result.lines().zip(expected.lines()).enumerate() {
            assert_eq!(result, expected, "{}, line {}", input.display(), number + 1);
        }
        assert_eq!(result, expected, "{}", input.display());
    }
    assert!(cases >= 4, "only {cases} cases in {}", folder.display());
}
