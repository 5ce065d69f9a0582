//! The command line, through its real binary: each subcommand, resuming to the bit, being killed, and bad input.
#![cfg(feature = "train")]

mod bad_input;
mod finetune;
mod pretrain;
mod sim_report;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder for one test, in which the program runs.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        Sandbox(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The program with arguments separated by spaces; `·` in an argument stands for a space.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warpweave"));
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command.args(arguments.split_whitespace().map(|argument| argument.replace('·', " ")));
        command
    }

    fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the program, which must succeed, and returns what it printed.
    #[track_caller]
    fn run(&self, arguments: &str) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "warpweave {arguments}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program, which must fail with exit code 1 and one message that holds all of `parts`.
    #[track_caller]
    fn fails(&self, arguments: &str, parts: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "warpweave {arguments}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        let message = errors.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{errors}"));
        for part in parts {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
        message.to_string()
    }
}

/// Text with something to learn.
fn text(lines: usize) -> String {
    let who = ["the king", "a child", "my friend", "the old ship"];
    let what = ["sails home", "sings", "waits for rain", "reads a letter"];
    (0..lines).map(|i| format!("{} {} again.\n", who[i % 4], what[i * 7 % 16 / 4])).collect()
}

/// A network that trains in a moment.
const TINY: &str = "--layers 1 --width 16 --heads 2 --context 16 --batch 4 --warmup 2 --eval-tokens 256";

/// The newest checkpoint of a run.
fn newest(run: &Path) -> PathBuf {
    warpweave::train::checkpoint::latest(run).unwrap()
}

#[test]
fn help_and_completions_know_every_option() {
    let sandbox = Sandbox::new();
    let help = sandbox.run("pretrain --help");
    for option in ["--batch", "--lr", "--warmup", "--label-smoothing", "--resume", "--stop-at", "[default: "] {
        assert!(help.contains(option), "{option}");
    }
    let script = sandbox.run("completions bash");
    assert!(script.contains("--label-smoothing") && script.contains("finetune"));
    assert_eq!(sandbox.output("pretrain --batch none").status.code(), Some(2));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command("info").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn info_describes_the_build_and_a_model() {
    let sandbox = Sandbox::new();
    let info = sandbox.run("info");
    let status =
        |device: &str| info.lines().find_map(|line| line.trim().strip_prefix(device)).unwrap_or_default().trim();
    assert!(status("cpu").contains("threads"), "{info}");
    // Without a compiler or a GPU it says what to do; tests are built with the feature `sim`.
    assert!(["compiled by", "C++ compiler"].iter().any(|part| status("sim").contains(part)), "{info}");
    assert!(["--features cuda", "CUDA_HOME", "driver"].iter().any(|part| status("cuda:0").contains(part)), "{info}");
    sandbox.write("text.txt", text(40));
    sandbox.run(&format!("pretrain --train text.txt {TINY} --steps 2 --out run"));
    let info = sandbox.run("info --model run");
    assert!(
        info.contains("h.0.attn.c_attn.weight") && info.contains("[16, 48]") && info.contains("parameters"),
        "{info}"
    );
}
