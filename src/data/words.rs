//! GPT-2's pre-tokenizer: no token crosses the border of a word.

use std::sync::LazyLock;

use tokenizers::utils::SysRegex;

/// GPT-2's pattern (`encoder.py` of its release) without the alternative `\s+(?!\S)`. Looking ahead would need a
/// backtracking engine, which is ten times as slow; [`words`] does it by hand.
static PATTERN: LazyLock<SysRegex> = LazyLock::new(|| {
    SysRegex::new(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+").expect("a constant pattern")
});

/// The words of `text`: letters, digits or other signs, each with the space before them, and runs of white space. They
/// join to the text.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    'from_start: loop {
        for (from, to) in PATTERN.find_iter(&text[start..]) {
            let word = &text[start + from..start + to];
            // Of white space before something visible the last character goes to what follows, or stands alone.
            let last = word.chars().next_back().filter(|c| c.is_whitespace() && start + to < text.len());
            match last.map(|c| word.len() - c.len_utf8()) {
                Some(without_last) if without_last > 0 => {
                    words.push(&word[..without_last]);
                    start += from + without_last;
                    continue 'from_start;
                }
                _ => words.push(word),
            }
        }
        return words;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    use super::*;

    /// What the `tokenizers` crate makes of it, with the whole pattern.
    fn reference(text: &str) -> Vec<String> {
        let mut split = PreTokenizedString::from(text);
        ByteLevel::new(false, true, true).pre_tokenize(&mut split).unwrap();
        let splits = split.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(_, (from, to), _)| text[from..to].to_owned()).filter(|w| !w.is_empty()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn words_are_those_of_gpt2(any in any::<String>(), dense in "[ \n\t\u{a0}\u{3000}a1é!'stŒ½]{0,30}") {
            for text in [&any, &dense] {
                prop_assert_eq!(words(text), reference(text));
            }
        }
    }

    #[test]
    fn white_space_goes_to_the_next_word() {
        assert_eq!(words("a  b\n\nc \n"), ["a", " ", " b", "\n", "\n", "c", " \n"]);
        assert_eq!(words("we're   12%"), ["we", "'re", "  ", " 12", "%"]);
        assert_eq!(words(""), Vec::<&str>::new());
    }
}
