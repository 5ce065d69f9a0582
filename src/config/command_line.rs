//! The command line, made from the tables of options.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use crate::Result;

use super::Settings;
use super::setting::{Kind, Raw, Setting, Table};
use super::settings::Source;

/// A subcommand: its name, and the tables whose options it takes.
#[derive(Debug, Clone, Copy)]
pub struct Subcommand {
    /// As it is typed.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The tables; no two options of them have the same flag.
    pub tables: &'static [&'static Table],
}

const CONFIG: &str = "config";

impl Subcommand {
    /// The subcommand as clap knows it: a flag for every option, and `--config`.
    pub fn command(&self) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .help("A TOML file with options, in the tables named below; flags override it; its paths start from the current folder [default: none]");
        // An option that is given twice counts as it was given last.
        let command = Command::new(self.name).about(self.about).args_override_self(true).arg(config);
        let tables = self.tables.iter();
        let args = tables.flat_map(|table| table.settings.iter().map(|setting| arg(table, setting)));
        command.args(args)
    }

    /// The settings that the command line gives, over those of the file that `--config` names.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn settings(&self, matches: &ArgMatches) -> Result<Settings> {
        let mut settings = match matches.get_one::<String>(CONFIG) {
            Some(path) => Settings::read(path)?,
            None => Settings::new(),
        };
        settings.overlay(self.flags(matches)?);
        Ok(settings)
    }

    /// The settings that the command line gives by flags alone.
    ///
    /// # Errors
    /// A value is not allowed in combination: several files of which one is empty, for instance.
    pub fn flags(&self, matches: &ArgMatches) -> Result<Settings> {
        let mut settings = Settings::new();
        for setting in self.tables.iter().flat_map(|table| table.settings) {
            let Some(values) = matches.get_many::<Raw>(&setting.key()) else { continue };
            let mut texts = Vec::new();
            let mut last = None;
            for value in values {
                match value {
                    Raw::List(several) => texts.extend(several.iter().cloned()),
                    one => last = Some(one.clone()),
                }
            }
            let raw = setting.check(last.unwrap_or(Raw::List(texts)))?;
            settings.insert(setting, raw, Source::Flag(setting.flag()));
        }
        Ok(settings)
    }
}

/// The flag of an option.
fn arg(table: &Table, setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.key())
        .long(setting.flag())
        .help_heading(format!("[{}] {}", table.name, table.about))
        .help(format!("{} [{}]", setting.help.trim_end_matches('.'), setting.default_text()));
    let parse = move |text: &str| setting.parse(text).map_err(|_| format!("expected {}", setting.kind));
    let list = |arg: Arg| arg.action(ArgAction::Append).num_args(1..);
    match setting.kind {
        // A negative number is refused for what it is, and a text may begin with a dash.
        Kind::Whole(_) => arg.value_name("N").allow_negative_numbers(true).value_parser(parse),
        Kind::Number(..) => arg.value_name("X").allow_negative_numbers(true).value_parser(parse),
        Kind::Switch => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"]).map(|text| Raw::Switch(text == "true"))),
        Kind::Choice(names) => {
            arg.value_name("NAME").value_parser(PossibleValuesParser::new(names.iter().copied()).map(Raw::Text))
        }
        Kind::Text => arg.value_name("TEXT").allow_hyphen_values(true).value_parser(parse),
        Kind::List => list(arg.value_name("TEXT").value_parser(parse)),
        Kind::Path => arg.value_name("PATH").value_hint(ValueHint::AnyPath).value_parser(parse),
        Kind::Paths => list(arg.value_name("PATH").value_hint(ValueHint::AnyPath).value_parser(parse)),
    }
}
