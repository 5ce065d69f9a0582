//! The configuration: TOML, flags and what both make of mistakes.

#![cfg(feature = "train")]

use std::path::PathBuf;

use warpweave::config::tables::{ALL, FINETUNE, GENERATE, PRETRAIN, SUBCOMMANDS, ScheduleName, TOKENIZE};
use warpweave::config::{
    Data, Eval, Fallback, Finetune, Generate, Info, Kind, Model, Section, Settings, Subcommand, Tokenize, Train,
};
use warpweave::{Error, Result};

fn parse(text: &str) -> Result<Settings> {
    Settings::parse(text, "run.toml")
}

/// The message of a TOML text that must be refused.
#[track_caller]
fn refusal(text: &str) -> String {
    parse(text).expect_err("the text must be refused").to_string()
}

fn command_line(subcommand: &Subcommand, args: &[&str]) -> Result<Settings, String> {
    let args = std::iter::once(&subcommand.name).chain(args);
    let matches = subcommand.command().try_get_matches_from(args).map_err(|error| error.to_string())?;
    subcommand.settings(&matches).map_err(|error| error.to_string())
}

#[test]
fn without_anything_given_there_are_the_defaults() {
    let settings = Settings::new();
    let train: Train = settings.section().unwrap();
    assert_eq!((train.batch, train.steps, train.lr, train.schedule), (12, 1000, 1e-3, ScheduleName::Cosine));
    assert_eq!((train.context, train.resume, train.out), (None, false, PathBuf::from("runs/pretrain")));
    assert_eq!((train.beta1, train.eps), (0.9, 1e-8));
    let model: Model = settings.section().unwrap();
    assert_eq!((model.preset.as_str(), model.layers, model.tied), ("small", None, None));
}

#[test]
fn every_option_has_a_default_that_it_allows_and_a_help() {
    for setting in ALL.iter().flat_map(|table| table.settings) {
        if let Fallback::Value(text) = setting.fallback {
            setting.parse(text).unwrap();
        }
        assert!(setting.help.len() > 10 && setting.help.ends_with('.'), "{}: {}", setting.key(), setting.help);
    }
}

/// Each field's type must be able to hold what its option allows, which only reading it shows.
#[test]
fn every_option_can_be_given() {
    let mut settings = Settings::new();
    for setting in ALL.iter().flat_map(|table| table.settings) {
        let text = match setting.kind {
            Kind::Whole(min) => min.to_string(),
            Kind::Number(..) => "0.5".to_owned(),
            Kind::Switch => "true".to_owned(),
            Kind::Choice(names) => names[names.len() - 1].to_owned(),
            _ => "some text".to_owned(),
        };
        settings.set(&setting.key(), &text).unwrap();
        assert!(settings.is_given(&setting.key()));
    }
    let model: Model = settings.section().unwrap();
    assert_eq!((model.window, model.dropout), (Some(1), Some(0.5)));
    assert_eq!(settings.section::<Data>().unwrap().train, [PathBuf::from("some text")]);
    assert!(settings.section::<Train>().unwrap().resume);
    assert_eq!(settings.section::<Finetune>().unwrap().choices, ["some text"]);
    assert_eq!(settings.section::<Generate>().unwrap().stop.as_deref(), Some("some text"));
    assert_eq!(settings.section::<Eval>().unwrap().batch, 1);
    assert_eq!(settings.section::<Tokenize>().unwrap().vocab_size, 258);
    assert_eq!(settings.section::<Info>().unwrap().model, Some(PathBuf::from("some text")));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_the_file_and_the_closest_key() {
    assert_eq!(
        refusal("[train]\nsteps = 5\nbtach = 3\n"),
        "setting `train.btach`: expected a known key, perhaps `train.batch`, got an unknown one (run.toml, line 3)"
    );
    assert_eq!(
        refusal("[train]\nlayers = 3\n"),
        "setting `train.layers`: expected a known key, perhaps `model.layers`, got an unknown one (run.toml, line 2)"
    );
    assert_eq!(
        refusal("\n[trian]\nbatch = 3\n"),
        "setting `trian`: expected a known table, perhaps `[train]`, got an unknown one (run.toml, line 2)"
    );
    assert_eq!(
        refusal("batch = 3\n"),
        "setting `batch`: expected a known key in a table, perhaps `train.batch`, got a key outside of a table \
         (run.toml, line 1)"
    );
    assert!(Settings::new().set("train.wurmup", "3").unwrap_err().to_string().contains("perhaps `train.warmup`"));
}

#[test]
fn a_value_of_another_type_or_out_of_range_is_an_error() {
    let refusals = [
        ("[train]\nbatch = 0", "`train.batch`: expected a whole number of at least 1, got 0 (run.toml, line 2)"),
        ("[train]\nbatch = 1.5", "`train.batch`: expected a whole number of at least 1, got 1.5 (run.toml, line 2)"),
        (
            "[train]\nbatch = \"8\"",
            "`train.batch`: expected a whole number of at least 1, got \"8\" (run.toml, line 2)",
        ),
        ("[train]\nlr = nan", "`train.lr`: expected a number of at least 0, got NaN (run.toml, line 2)"),
        ("[train]\nlr = true", "`train.lr`: expected a number of at least 0, got true (run.toml, line 2)"),
        ("[train]\nseed = 99999999999999999999", "got 99999999999999999999 (run.toml, line 2)"),
        (
            "[model]\ndropout = 1",
            "`model.dropout`: expected a number of at least 0 and below 1, got 1 (run.toml, line 2)",
        ),
        ("[model]\nnorm = \"batch\"", "`model.norm`: expected one of `layer`, `rms`, got \"batch\" (run.toml, line 2)"),
        ("[model]\ntied = 1", "`model.tied`: expected true or false, got 1 (run.toml, line 2)"),
        (
            "[data]\ntrain = [\"a\", 3]",
            "`data.train`: expected a path or a list of paths, got a list with a whole number in it",
        ),
        ("[data]\ntrain = [\"\"]", "`data.train`: expected a path or a list of paths"),
        ("[train.batch]\nx = 1", "`train.batch`: expected a whole number of at least 1, got a table"),
        ("[train]\nout = 2026-01-01", "`train.out`: expected a path, got a date"),
    ];
    for (text, part) in refusals {
        let message = refusal(text);
        assert!(message.contains(part), "{message}\nlacks\n{part}");
    }
}

#[test]
fn what_is_not_toml_is_an_error_with_its_line() {
    let error = parse("[train]\nbatch = = 3\n").unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.starts_with("run.toml: expected TOML, got ") && message.ends_with("in line 2"), "{message}");
    assert!(refusal("[train]\nbatch = 1\nbatch = 2\n").contains("line 3"));

    let message = Settings::read("no such file.toml").unwrap_err().to_string();
    assert!(message.starts_with("cannot read no such file.toml: "), "{message}");
}

#[test]
fn flags_override_the_file_and_the_file_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    std::fs::write(&path, "[train]\nbatch = 32\nlr = 1\nresume = true\n[data]\ntrain = \"a\"\n[eval]\nbatch = 2\n")
        .unwrap();
    let path = path.to_str().unwrap();
    let args = ["--config", path, "--batch", "64", "--train", "b", "c", "--train=d", "--resume=false", "--tied"];
    let settings = command_line(&PRETRAIN, &args).unwrap();
    let train: Train = settings.section().unwrap();
    assert_eq!((train.batch, train.lr, train.steps, train.resume), (64, 1.0, 1000, false));
    assert_eq!(settings.section::<Data>().unwrap().train, ["b", "c", "d"].map(PathBuf::from));
    assert_eq!(settings.section::<Model>().unwrap().tied, Some(true));

    // A list given by flags can be emptied, and numbers may be grouped.
    let settings = command_line(&PRETRAIN, &["--validation", "", "--steps", "10_000"]).unwrap();
    assert!(settings.section::<Data>().is_err());
    assert_eq!(settings.section::<Train>().unwrap().steps, 10_000);
}

#[test]
fn a_bad_flag_is_a_usage_error_that_says_what_is_allowed() {
    let cases: [(&Subcommand, &[&str], &[&str]); 5] = [
        (&PRETRAIN, &["--batch", "0"], &["invalid value '0' for '--batch <N>'", "a whole number of at least 1"]),
        (&PRETRAIN, &["--lr", "fast"], &["invalid value 'fast'", "a number of at least 0"]),
        (&PRETRAIN, &["--schedule", "cosin"], &["invalid value 'cosin'", "'cosine'"]),
        (&PRETRAIN, &["--btach", "1"], &["unexpected argument '--btach'", "'--batch'"]),
        (&GENERATE, &["--config", "no such file.toml"], &["cannot read no such file.toml"]),
    ];
    for (subcommand, args, parts) in cases {
        let message = command_line(subcommand, args).unwrap_err();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}\nlacks one of\n{parts:?}");
    }
}

#[test]
fn what_must_be_given_is_asked_for() {
    let message = Settings::new().section::<Finetune>().unwrap_err().to_string();
    assert_eq!(
        message,
        "setting `finetune.model`: expected a path (--model, or `finetune.model` in the file), got nothing"
    );
    // An empty list is as good as none.
    assert!(parse("[data]\ntrain = []\n").unwrap().section::<Data>().unwrap_err().to_string().contains("got []"));
}

#[test]
fn an_error_over_several_settings_says_where_the_value_came_from() {
    let settings = parse("[model]\nheads = 5\n").unwrap();
    assert_eq!(
        settings.error("model.heads", "a divisor of the width, 128", 5).to_string(),
        "setting `model.heads`: expected a divisor of the width, 128, got 5 (run.toml, line 2)"
    );
    let settings = command_line(&PRETRAIN, &["--heads", "5"]).unwrap();
    assert!(settings.error("model.heads", "a divisor", 5).to_string().ends_with("got 5 (--heads)"));
}

#[test]
fn the_effective_settings_read_back_the_same() {
    let mut settings =
        command_line(&PRETRAIN, &["--lr", "0.0003", "--eps", "1e-12", "--train", "a \"b\"\\c\nd", "e"]).unwrap();
    settings.set("model.positions", "rotary").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    settings.write(&path, PRETRAIN.tables).unwrap();
    let back = Settings::read(&path).unwrap();
    assert_eq!(back.section::<Train>().unwrap(), settings.section::<Train>().unwrap());
    assert_eq!(back.section::<Model>().unwrap(), settings.section::<Model>().unwrap());
    assert_eq!(back.section::<Data>().unwrap(), settings.section::<Data>().unwrap());
    assert_eq!(back.to_toml(PRETRAIN.tables).unwrap(), std::fs::read_to_string(&path).unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    for line in
        ["[train]", "batch = 12", "lr = 0.0003", "eps = 1e-12", "# layers: the preset's", "positions = \"rotary\""]
    {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_help_mentions_every_option_with_its_default() {
    for subcommand in SUBCOMMANDS {
        // clap checks here that no two flags are the same, too.
        subcommand.command().debug_assert();
        let help = subcommand.command().term_width(0).render_help().to_string();
        for setting in subcommand.tables.iter().flat_map(|table| table.settings) {
            let flag = format!("--{} ", setting.flag());
            let alone = format!("--{}[", setting.flag());
            let line = help.lines().position(|line| line.contains(&flag) || line.contains(&alone));
            let line = line.unwrap_or_else(|| panic!("--{} is not in\n{help}", setting.flag()));
            let entry: Vec<&str> = help.lines().skip(line).take(2).collect();
            let default = format!("[{}]", setting.default_text());
            assert!(entry.iter().any(|line| line.contains(&default)), "{entry:?} lacks {default}");
        }
    }
    let tables: usize = SUBCOMMANDS.iter().map(|subcommand| subcommand.tables.len()).sum();
    assert_eq!(tables, ALL.len(), "each table belongs to one subcommand");
    assert_eq!(Train::TABLE.name, "train");
}

#[test]
fn the_same_key_of_two_subcommands_is_two_options() {
    let settings = parse("[finetune]\nbatch = 7\n[train]\nbatch = 9\n").unwrap();
    assert_eq!(settings.section::<Train>().unwrap().batch, 9);
    let flags = command_line(&FINETUNE, &["--batch", "3", "--model", "m", "--train", "t"]).unwrap();
    assert_eq!(flags.section::<Finetune>().unwrap().batch, 3);
    assert!(!flags.is_given("train.batch"));
    assert!(command_line(&TOKENIZE, &["--batch", "3"]).is_err());
}

#[test]
fn completions_come_from_the_same_table() {
    let commands = SUBCOMMANDS.iter().map(Subcommand::command);
    let mut program = clap::Command::new("warpweave").subcommands(commands);
    let mut script = Vec::new();
    clap_complete::generate(clap_complete::Shell::Bash, &mut program, "warpweave", &mut script);
    let script = String::from_utf8(script).unwrap();
    for setting in ALL.iter().flat_map(|table| table.settings) {
        assert!(script.contains(&format!("--{}", setting.flag())), "{} is not completed", setting.key());
    }
    assert!(script.contains("inverse_sqrt"), "values are not completed");
}

#[test]
fn the_program_prints_completions_and_refuses_what_it_does_not_know() {
    let run = |args: &[&str]| std::process::Command::new(env!("CARGO_BIN_EXE_warpweave")).args(args).output().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("warpweave"), "{shell}");
    }
    for args in [&["fly"][..], &["completions", "dash"], &[]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}
