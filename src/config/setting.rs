//! What an option is: its name, its type with the allowed values, its default and its help.

use std::fmt;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;
use std::path::PathBuf;

use crate::{Error, Result};

use super::Settings;

/// One option.
#[derive(Debug)]
pub struct Setting {
    /// The TOML table that it stands in.
    pub table: &'static str,
    /// Its name in that table.
    pub name: &'static str,
    /// Its flag, without the dashes, where that is not simply the name.
    pub flag: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// What holds where it is not given.
    pub fallback: Fallback,
}

/// A table of options: one TOML table, and one group of flags.
#[derive(Debug)]
pub struct Table {
    /// Its name in TOML.
    pub name: &'static str,
    /// What its options are about.
    pub about: &'static str,
    /// The options, in the order in which people read them.
    pub settings: &'static [Setting],
}

/// The values that an option takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number of at least this.
    Whole(i64),
    /// A finite number between two bounds.
    Number(Bound<f64>, Bound<f64>),
    /// `true` or `false`.
    Switch,
    /// Any text.
    Text,
    /// Texts: a list in TOML (or a single text), a flag that may be repeated.
    List,
    /// A file or folder.
    Path,
    /// Files or folders, given as a [`List`](Kind::List) is.
    Paths,
    /// One of these names.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Numbers above 0.
    pub const POSITIVE: Kind = Kind::Number(Excluded(0.0), Unbounded);
    /// Numbers of at least 0.
    pub const NOT_NEGATIVE: Kind = Kind::Number(Included(0.0), Unbounded);
    /// Numbers from 0 to 1.
    pub const SHARE: Kind = Kind::Number(Included(0.0), Included(1.0));
    /// Numbers from 0 to 1, without 1.
    pub const BELOW_ONE: Kind = Kind::Number(Included(0.0), Excluded(1.0));
    /// Numbers from 0 to 1, without 0.
    pub const POSITIVE_SHARE: Kind = Kind::Number(Excluded(0.0), Included(1.0));
}

/// What is allowed, as messages and help say it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Kind::Whole(min) => write!(f, "a whole number of at least {min}"),
            Kind::Number(low, high) => {
                let low = match low {
                    Included(low) => format!(" of at least {low}"),
                    Excluded(low) => format!(" above {low}"),
                    Unbounded => String::new(),
                };
                let high = match high {
                    Included(high) => format!("at most {high}"),
                    Excluded(high) => format!("below {high}"),
                    Unbounded => return write!(f, "a number{low}"),
                };
                write!(f, "a number{low}{}{high}", if low.is_empty() { " " } else { " and " })
            }
            Kind::Switch => write!(f, "true or false"),
            Kind::Text => write!(f, "a text"),
            Kind::List => write!(f, "a text or a list of texts"),
            Kind::Path => write!(f, "a path"),
            Kind::Paths => write!(f, "a path or a list of paths"),
            Kind::Choice(names) => {
                write!(f, "one of ")?;
                for (i, name) in names.iter().enumerate() {
                    write!(f, "{}`{name}`", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// What holds where an option is not given.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// This value, written as on the command line.
    Value(&'static str),
    /// No value; the text says what that means.
    Unset(&'static str),
    /// It has to be given.
    Required,
}

/// A value as it was given, before it is the type that the program wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Switch(bool),
    /// A text, a path or a name.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

/// The value as TOML writes it.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &String| toml::Value::String(text.clone()).to_string();
        match self {
            Raw::Whole(value) => write!(f, "{value}"),
            // Debug keeps a point or an exponent in every number, and enough digits to read the same number again.
            Raw::Number(value) => write!(f, "{value:?}"),
            Raw::Switch(value) => write!(f, "{value}"),
            Raw::Text(value) => write!(f, "{}", quoted(value)),
            Raw::List(values) => write!(f, "[{}]", values.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl Setting {
    /// The name with its table: `train.batch`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }

    /// The flag, without the dashes: `eval-every`.
    pub fn flag(&self) -> String {
        self.flag.map_or_else(|| self.name.replace('_', "-"), str::to_owned)
    }

    /// Checks a value and brings it into the form that this option's values have.
    ///
    /// # Errors
    /// An [`Error::Setting`] that says what is allowed.
    pub fn check(&self, raw: Raw) -> Result<Raw> {
        let refuse = |raw: &Raw| Error::setting(self.key(), self.kind, raw);
        match (self.kind, raw) {
            (Kind::Number(..), Raw::Whole(value)) => self.check(Raw::Number(value as f64)),
            (Kind::List | Kind::Paths, Raw::Text(text)) => self.check(Raw::List(vec![text])),
            (kind, raw) => {
                let allowed = match (kind, &raw) {
                    (Kind::Whole(min), Raw::Whole(value)) => *value >= min,
                    (Kind::Number(low, high), Raw::Number(value)) => value.is_finite() && (low, high).contains(value),
                    (Kind::Choice(names), Raw::Text(text)) => names.contains(&text.as_str()),
                    (Kind::Path, Raw::Text(text)) => !text.is_empty(),
                    (Kind::Paths, Raw::List(texts)) => texts.iter().all(|text| !text.is_empty()),
                    (Kind::Switch, Raw::Switch(_)) | (Kind::Text, Raw::Text(_)) | (Kind::List, Raw::List(_)) => true,
                    _ => false,
                };
                if allowed { Ok(raw) } else { Err(refuse(&raw)) }
            }
        }
    }

    /// Reads a value as it is written on the command line; for a list one entry, or none if it is empty.
    ///
    /// # Errors
    /// An [`Error::Setting`] that says what is allowed.
    pub fn parse(&self, text: &str) -> Result<Raw> {
        if text.is_empty() && matches!(self.kind, Kind::List | Kind::Paths) {
            return Ok(Raw::List(Vec::new()));
        }
        let digits = || text.replace('_', "");
        let raw = match self.kind {
            Kind::Whole(_) => digits().parse().ok().map(Raw::Whole),
            Kind::Number(..) => digits().parse().ok().map(Raw::Number),
            Kind::Switch => text.parse().ok().map(Raw::Switch),
            Kind::Text | Kind::List | Kind::Path | Kind::Paths | Kind::Choice(_) => None,
        };
        // What is not a number stays a text, and `check` refuses it in one wording.
        self.check(raw.unwrap_or_else(|| Raw::Text(text.to_owned())))
    }

    /// The default's part of the help: `default: 12`.
    pub fn default_text(&self) -> String {
        match self.fallback {
            Fallback::Value("") => "default: none".to_owned(),
            Fallback::Value(value) => format!("default: {value}"),
            Fallback::Unset(meaning) => format!("default: {meaning}"),
            Fallback::Required => "required".to_owned(),
        }
    }
}

/// A type that an option's value is read as.
pub trait Value: Sized {
    /// The value, or `None` where the raw value is of another type or out of this type's range. `None` comes in where
    /// the option was not given and has no default.
    fn from_raw(raw: Option<&Raw>) -> Option<Self>;
}

macro_rules! value {
    ($($type:ty: $pattern:pat => $value:expr;)+) => {$(
        impl Value for $type {
            fn from_raw(raw: Option<&Raw>) -> Option<Self> {
                match raw? {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )+};
}

value! {
    usize: Raw::Whole(value) => usize::try_from(*value).ok();
    u64: Raw::Whole(value) => u64::try_from(*value).ok();
    f64: Raw::Number(value) => Some(*value);
    f32: Raw::Number(value) => Some(*value as f32);
    bool: Raw::Switch(value) => Some(*value);
    String: Raw::Text(value) => Some(value.clone());
    PathBuf: Raw::Text(value) => Some(value.into());
    Vec<String>: Raw::List(values) => Some(values.clone());
    Vec<PathBuf>: Raw::List(values) => Some(values.iter().map(PathBuf::from).collect());
}

impl<T: Value> Value for Option<T> {
    fn from_raw(raw: Option<&Raw>) -> Option<Self> {
        match raw {
            None => Some(None),
            Some(_) => T::from_raw(raw).map(Some),
        }
    }
}

impl<T: Choice> Value for T {
    fn from_raw(raw: Option<&Raw>) -> Option<Self> {
        match raw? {
            Raw::Text(name) => T::from_name(name),
            _ => None,
        }
    }
}

/// A type with a few named values.
pub trait Choice: Copy + 'static {
    /// The names, as they stand in TOML and on the command line.
    const NAMES: &'static [&'static str];

    /// The value of a name.
    fn from_name(name: &str) -> Option<Self>;

    /// The name of a value.
    fn name(self) -> &'static str;
}

/// A struct that holds the values of one table.
pub trait Section: Sized {
    /// The table.
    const TABLE: Table;

    /// The values; [`Settings::section`] calls this.
    ///
    /// # Errors
    /// An [`Error::Setting`] where a value is missing that has to be given.
    fn from_settings(settings: &Settings) -> Result<Self>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wording_of_what_is_allowed() {
        let wordings = [
            (Kind::Whole(1), "a whole number of at least 1"),
            (Kind::POSITIVE, "a number above 0"),
            (Kind::SHARE, "a number of at least 0 and at most 1"),
            (Kind::BELOW_ONE, "a number of at least 0 and below 1"),
            (Kind::Number(Unbounded, Excluded(2.0)), "a number below 2"),
            (Kind::Choice(&["a", "b"]), "one of `a`, `b`"),
        ];
        for (kind, wording) in wordings {
            assert_eq!(kind.to_string(), wording);
        }
    }
}
