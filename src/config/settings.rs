//! The values of a run, with where they came from.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::path::Path;

use crate::{Error, Result};

use super::setting::{Fallback, Kind, Raw, Section, Setting, Table, Value};
use crate::file::write_atomically;

/// What was given: by a file, by flags, by the program. What was not given has its default.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    given: BTreeMap<String, (Raw, Source)>,
}

/// Where a value came from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A line of a TOML file, counted from 1.
    File { name: String, line: usize },
    /// A flag, without the dashes.
    Flag(String),
    /// A call of [`Settings::set`].
    Program,
}

impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File { name, line } => write!(f, " ({name}, line {line})"),
            Source::Flag(flag) => write!(f, " (--{flag})"),
            Source::Program => Ok(()),
        }
    }
}

impl Settings {
    /// Settings of which none is given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an option to a value as it is written on the command line; a list gets one entry.
    ///
    /// # Errors
    /// The option must exist and allow the value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let setting = super::tables::find(key)
            .ok_or_else(|| Error::setting(key, super::file::known_key(key), "an unknown one"))?;
        let raw = setting.parse(value)?;
        self.insert(setting, raw, Source::Program);
        Ok(())
    }

    /// Whether an option was given, in contrast to having its default.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// An option's value as text.
    ///
    /// # Errors
    /// The option must exist and have a value that is text.
    pub fn text(&self, key: &str) -> Result<String> {
        let setting = super::tables::find(key)
            .ok_or_else(|| Error::setting(key, super::file::known_key(key), "an unknown one"))?;
        self.value(setting)
    }

    /// Takes back what was given for an option, which then has its default.
    pub fn forget(&mut self, key: &str) {
        self.given.remove(key);
    }

    /// Makes every path that was given absolute, so that it means the same from another folder.
    pub fn make_paths_absolute(&mut self) -> Result<()> {
        let absolute = |path: &mut String| -> Result<()> {
            let whole = std::path::absolute(&*path).map_err(Error::io("find", &*path))?;
            *path = whole.to_string_lossy().into_owned();
            Ok(())
        };
        for (key, (raw, _)) in &mut self.given {
            match (super::tables::find(key).map(|setting| setting.kind), raw) {
                (Some(Kind::Path), Raw::Text(path)) => absolute(path)?,
                (Some(Kind::Paths), Raw::List(paths)) => paths.iter_mut().try_for_each(absolute)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The first option of `tables` that is given here with another value than `base` has.
    pub fn first_change(&self, base: &Settings, tables: &[&Table]) -> Result<Option<&'static Setting>> {
        for setting in tables.iter().flat_map(|table| table.settings) {
            if let Some((raw, _)) = self.given.get(&setting.key())
                && base.raw(setting)?.as_ref() != Some(raw)
            {
                return Ok(Some(setting));
            }
        }
        Ok(None)
    }

    /// Takes over what `other` gives, in place of what is given here.
    pub fn overlay(&mut self, other: Settings) {
        self.given.extend(other.given);
    }

    /// The values of a table.
    ///
    /// # Errors
    /// A value is missing that has to be given.
    pub fn section<S: Section>(&self) -> Result<S> {
        S::from_settings(self)
    }

    /// One value.
    ///
    /// # Errors
    /// The value is missing although it has to be given, or `T` is not the option's type.
    pub fn value<T: Value>(&self, setting: &Setting) -> Result<T> {
        let raw = self.raw(setting)?;
        let got = || raw.as_ref().map_or_else(|| "nothing".to_owned(), Raw::to_string);
        let is_missing = match (setting.fallback, &raw) {
            (Fallback::Required, Some(Raw::List(entries))) => entries.is_empty(),
            (Fallback::Required, None) => true,
            _ => false,
        };
        if is_missing {
            let expected = format!("{} (--{}, or `{}` in the file)", setting.kind, setting.flag(), setting.key());
            return Err(self.error(&setting.key(), expected, got()));
        }
        T::from_raw(raw.as_ref()).ok_or_else(|| {
            // The option allows what this type cannot hold: a whole number above the machine's, for instance.
            self.error(&setting.key(), format!("{} that fits its type", setting.kind), got())
        })
    }

    /// An [`Error::Setting`] for a value that doesn't fit to the others, with where it came from.
    pub fn error(&self, key: &str, expected: impl Display, got: impl Display) -> Error {
        let source = self.given.get(key).map(|(_, source)| source.to_string()).unwrap_or_default();
        Error::setting(key, expected, format!("{got}{source}"))
    }

    /// The effective values of `tables` as TOML: defaults too, and what has no value as a comment.
    pub fn to_toml(&self, tables: &[&Table]) -> Result<String> {
        let mut text = String::new();
        for table in tables {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}# {}\n[{}]", table.about, table.name);
            for setting in table.settings {
                let _ = match (self.raw(setting)?, setting.fallback) {
                    (Some(raw), _) => writeln!(text, "{} = {raw}", setting.name),
                    (None, Fallback::Unset(meaning)) => writeln!(text, "# {}: {meaning}", setting.name),
                    (None, _) => writeln!(text, "# {}: not given", setting.name),
                };
            }
        }
        Ok(text)
    }

    /// Writes [`to_toml`](Self::to_toml) to a file, which is whole or not there.
    pub fn write(&self, path: impl AsRef<Path>, tables: &[&Table]) -> Result<()> {
        let (path, text) = (path.as_ref(), self.to_toml(tables)?);
        write_atomically(path, |file| {
            std::io::Write::write_all(file, text.as_bytes()).map_err(Error::io("write", path))
        })
    }

    pub(super) fn insert(&mut self, setting: &Setting, raw: Raw, source: Source) {
        self.given.insert(setting.key(), (raw, source));
    }

    fn raw(&self, setting: &Setting) -> Result<Option<Raw>> {
        match (self.given.get(&setting.key()), setting.fallback) {
            (Some((raw, _)), _) => Ok(Some(raw.clone())),
            (None, Fallback::Value(text)) => setting.parse(text).map(Some),
            (None, _) => Ok(None),
        }
    }
}
