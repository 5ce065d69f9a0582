//! Running a program with a time limit.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a program ended.
pub struct Ended {
    /// `None` if a signal or the time limit ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout and stderr, in order.
    pub output: String,
}

/// Runs a command to its end, or kills it after `limit` and says so in the output.
pub fn run(command: &mut Command, limit: Duration) -> Ended {
    // A file and not a pipe: nobody reads while the program runs.
    let mut file: File = tempfile::tempfile().unwrap();
    let output = || Stdio::from(file.try_clone().unwrap());
    let started = Instant::now();
    let mut child = match command.stdin(Stdio::null()).stdout(output()).stderr(output()).spawn() {
        Ok(child) => child,
        Err(error) => panic!("can't run {command:?}: {error}"),
    };
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if started.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let mut output = String::from_utf8_lossy(&bytes).into_owned();
    match status {
        None => output += &format!("killed after {} s\n", limit.as_secs()),
        Some(status) if status.code().is_none() => output += &format!("{status}\n"),
        Some(_) => {}
    }
    Ended { code: status.and_then(|status| status.code()), output }
}

#[test]
fn a_program_that_hangs_is_killed_and_keeps_its_output() {
    let ended = run(Command::new("sh").args(["-c", "echo before; exec sleep 60"]), Duration::from_millis(300));
    assert_eq!(ended.code, None);
    assert_eq!(ended.output, "before\nkilled after 0 s\n");
}
