//! The command line.
//!
//! A subcommand's flags come from the tables of [`warpweave::config`]; what it does stands in the file of its name.

mod common;
mod completions;
mod eval;
mod finetune;
mod generate;
mod info;
mod pretrain;
mod sim_report;
mod tokenize;

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use warpweave::Result;
use warpweave::config::tables::{EVAL, FINETUNE, GENERATE, INFO, PRETRAIN, TOKENIZE};

/// A subcommand: how clap sees it, and what it does.
struct Entry {
    command: fn() -> Command,
    run: fn(&ArgMatches) -> Result<()>,
}

/// Every subcommand, in the order of the help. One whose flags come from the tables has [`Subcommand::command`] as its
/// command, and starts with [`Subcommand::settings`].
///
/// [`Subcommand::command`]: warpweave::config::Subcommand::command
/// [`Subcommand::settings`]: warpweave::config::Subcommand::settings
const ENTRIES: &[Entry] = &[
    Entry { command: || TOKENIZE.command(), run: |matches| tokenize::run(TOKENIZE.settings(matches)?) },
    Entry { command: || PRETRAIN.command(), run: |matches| pretrain::run(PRETRAIN.settings(matches)?) },
    Entry { command: || FINETUNE.command(), run: |matches| finetune::run(FINETUNE.settings(matches)?) },
    Entry { command: || EVAL.command(), run: |matches| eval::run(EVAL.settings(matches)?) },
    Entry { command: || GENERATE.command(), run: |matches| generate::run(GENERATE.settings(matches)?) },
    Entry { command: || INFO.command(), run: |matches| info::run(INFO.settings(matches)?) },
    Entry { command: sim_report::command, run: sim_report::run },
    Entry { command: completions::command, run: completions::run },
];

/// The whole command line.
fn command() -> Command {
    Command::new("warpweave")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Train Transformers: pre-training on text, then fine-tuning")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(ENTRIES.iter().map(|entry| (entry.command)()))
}

fn main() -> ExitCode {
    // A mistake in the arguments ends the program here, with a message and exit code 2.
    let matches = command().get_matches();
    let chosen = matches.subcommand().and_then(|(name, matches)| {
        let entry = ENTRIES.iter().find(|entry| (entry.command)().get_name() == name)?;
        Some((entry.run)(matches))
    });
    match chosen {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        None => unreachable!("clap lets only known subcommands pass"),
    }
}
