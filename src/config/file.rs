//! Reading TOML.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::{Error, Result};

use super::Settings;
use super::setting::Raw;
use super::settings::Source;
use super::tables::{ALL, find};

impl Settings {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML, a key is unknown, or a value is not allowed.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads TOML from a text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let line_at = |offset: usize| 1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count();
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| format!(" in line {}", line_at(span.start))).unwrap_or_default();
            Error::format(name, "TOML", format!("{}{line}", error.message().trim_end()))
        })?;

        let mut settings = Settings::new();
        for (table, content) in document.get_ref() {
            let here = format!(" ({name}, line {})", line_at(table.span().start));
            let table: &str = table.get_ref();
            let Some(content) = content.get_ref().as_table() else {
                let expected = known_key(table).replacen("known key", "known key in a table", 1);
                return Err(Error::setting(table, expected, format!("a key outside of a table{here}")));
            };
            if !ALL.iter().any(|known| known.name == table) {
                let expected = format!("a known table, perhaps `[{}]`", nearest_table(table));
                return Err(Error::setting(table, expected, format!("an unknown one{here}")));
            }
            for (name_in_table, value) in content {
                let line = line_at(name_in_table.span().start);
                let key = format!("{table}.{}", name_in_table.get_ref());
                let source = Source::File { name: name.to_owned(), line };
                let Some(setting) = find(&key) else {
                    return Err(Error::setting(&key, known_key(&key), format!("an unknown one{source}")));
                };
                let refuse = |got: String| Error::setting(&key, setting.kind, format!("{got}{source}"));
                let raw = raw_value(value.get_ref()).map_err(refuse)?;
                let raw = setting.check(raw.clone()).map_err(|_| refuse(raw.to_string()))?;
                settings.insert(setting, raw, source);
            }
        }
        Ok(settings)
    }
}

/// A TOML value as a raw one; or what it is instead, for the message.
fn raw_value(value: &DeValue) -> Result<Raw, String> {
    match value {
        DeValue::String(text) => Ok(Raw::Text(text.to_string())),
        DeValue::Boolean(value) => Ok(Raw::Switch(*value)),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map(Raw::Whole).map_err(|_| number.to_string())
        }
        DeValue::Float(number) => number.as_str().parse().map(Raw::Number).map_err(|_| number.to_string()),
        DeValue::Array(values) => {
            let texts = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                other => Err(format!("a list with {} in it", described(other))),
            });
            texts.collect::<Result<_, _>>().map(Raw::List)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => Err(described(value).to_owned()),
    }
}

fn described(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Boolean(_) => "a true or false",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Array(_) => "a list",
        DeValue::Datetime(_) => "a date",
        DeValue::Table(_) => "a table",
    }
}

/// What to expect in place of an unknown key: the key that looks most like it.
pub(super) fn known_key(unknown: &str) -> String {
    let (table, name) = unknown.split_once('.').unwrap_or(("", unknown));
    let keys = ALL.iter().flat_map(|table| table.settings);
    // A key in the wrong table is a more likely mistake than another name, and another name than another table.
    let distance = |other: &super::Setting| 2 * edit_distance(name, other.name) + usize::from(other.table != table);
    match keys.min_by_key(|setting| distance(setting)) {
        Some(nearest) => format!("a known key, perhaps `{}`", nearest.key()),
        None => "a known key".to_owned(),
    }
}

fn nearest_table(unknown: &str) -> &'static str {
    ALL.iter().map(|table| table.name).min_by_key(|name| edit_distance(name, unknown)).unwrap_or("train")
}

/// The least number of inserted, deleted, replaced or swapped neighbouring characters that turns `a` into `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        for (a, b, distance) in
            [("", "", 0), ("ab", "", 2), ("batch", "btach", 1), ("lr", "lt", 1), ("steps", "step", 1)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn the_likely_key() {
        assert_eq!(known_key("train.btach"), "a known key, perhaps `train.batch`");
        assert_eq!(known_key("train.layers"), "a known key, perhaps `model.layers`");
        assert_eq!(known_key("layer"), "a known key, perhaps `model.layers`");
    }
}
