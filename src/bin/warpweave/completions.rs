//! `warpweave completions`: a script that lets a shell complete the command line.

use std::io::{ErrorKind, Write};

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use warpweave::{Error, Result};

/// The subcommand.
pub fn command() -> Command {
    Command::new("completions").about("Print a script that lets a shell complete the command line").arg(
        Arg::new("shell")
            .value_name("SHELL")
            .required(true)
            .value_parser(value_parser!(Shell))
            .help("The shell to print it for"),
    )
}

/// Prints the script.
pub fn run(matches: &ArgMatches) -> Result<()> {
    let Some(&shell) = matches.get_one::<Shell>("shell") else { unreachable!("clap demands a shell") };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "warpweave", &mut script);
    match std::io::stdout().write_all(&script) {
        // Who closes the pipe has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Error::io("write", "standard output")),
    }
}
