//! Learning the merges of a byte-pair encoding.
//!
//! Sennrich, Haddow, Birch, *Neural Machine Translation of Rare Words with Subword Units*, ACL 2016, over bytes as in
//! GPT-2 (Radford et al. 2019, section 2.2): again and again, the most frequent pair of neighbouring tokens becomes a
//! token. The trainer of the `tokenizers` crate is not used: it counts in 32 bits, and the order in which it merges pairs
//! of equal count can depend on a hash map's, so that the same texts need not give the same vocabulary.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use rayon::prelude::*;

use super::words::words;
use crate::Result;

/// How much text is split into words at a time.
const BATCH_BYTES: usize = 8 << 20;

/// Longer words are cut: they are data rather than language, and the work of a merge grows with the words it is in.
const LONGEST_WORD: usize = 1 << 10;

/// A pair that occurs once says nothing about the next text.
const LEAST_COUNT: u64 = 2;

/// Two neighbouring tokens.
pub(super) type Pair = (u32, u32);

/// GPT-2's printable character for each byte: itself where it is visible Latin-1, else from U+0100 on.
pub(super) fn byte_characters() -> [char; 256] {
    let mut next = 0x100..;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => byte as char,
            _ => next.next().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER),
        }
    })
}

/// The words of `texts` as GPT-2's pre-tokenizer splits them, with how often each occurs, sorted.
pub(super) fn count_words(texts: impl Iterator<Item = Result<String>>) -> Result<Vec<(Vec<u8>, u64)>> {
    let mut texts = texts.peekable();
    let mut counts: HashMap<Vec<u8>, u64> = HashMap::new();
    while texts.peek().is_some() {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(text) = texts.next()
        {
            let text = text?;
            bytes += text.len();
            batch.push(text);
        }
        let parts: Vec<HashMap<&[u8], u64>> = batch.par_iter().map(|text| words_of(text)).collect();
        for (word, count) in parts.into_iter().flatten() {
            match counts.get_mut(word) {
                Some(n) => *n += count,
                None => drop(counts.insert(word.to_vec(), count)),
            }
        }
    }
    let mut words: Vec<_> = counts.into_iter().collect();
    words.sort_unstable();
    Ok(words)
}

fn words_of(text: &str) -> HashMap<&[u8], u64> {
    let mut counts = HashMap::new();
    for word in words(text).into_iter().flat_map(|word| word.as_bytes().chunks(LONGEST_WORD)) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// At most `wanted` merges, in order: merge `k` makes token 256 + k, and tokens below 256 are the bytes.
///
/// Among pairs of equal count the one of the lower ids goes first. A pair whose union is a token already is left alone, so
/// every merge makes a new token.
pub(super) fn learn_merges(words: Vec<(Vec<u8>, u64)>, wanted: usize) -> Vec<Pair> {
    let mut words: Vec<Word> = words
        .into_iter()
        .map(|(word, count)| Word { tokens: word.into_iter().map(u32::from).collect(), count })
        .collect();
    let mut bytes: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    let mut known: HashSet<Vec<u8>> = bytes.iter().cloned().collect();
    let mut counts: HashMap<Pair, u64> = HashMap::new();
    // Where a pair occurs. Words that have lost the pair since stay listed: looking at one again is cheap.
    let mut places: HashMap<Pair, Vec<usize>> = HashMap::new();
    for (place, word) in words.iter().enumerate() {
        for pair in word.pairs() {
            *counts.entry(pair).or_default() += word.count;
            places.entry(pair).or_default().push(place);
        }
    }
    // An entry's count may be out of date, and then is too high: it is put right when the entry comes up.
    let mut queue: BinaryHeap<(u64, Reverse<Pair>)> = counts.iter().map(|(&pair, &n)| (n, Reverse(pair))).collect();

    let mut merges = Vec::new();
    while merges.len() < wanted {
        let Some((count, Reverse(pair))) = queue.pop() else { break };
        let current = counts.get(&pair).copied().unwrap_or(0);
        if current < LEAST_COUNT {
            continue;
        }
        if current != count {
            queue.push((current, Reverse(pair)));
            continue;
        }
        let union = [bytes[pair.0 as usize].as_slice(), bytes[pair.1 as usize].as_slice()].concat();
        if !known.insert(union.clone()) {
            continue;
        }
        let token = bytes.len() as u32;
        bytes.push(union);
        merges.push(pair);

        let mut grown = BTreeSet::new();
        for place in places.remove(&pair).unwrap_or_default() {
            let word = &mut words[place];
            let Some(merged) = word.merged(pair, token) else { continue };
            for old in word.pairs() {
                if let Some(n) = counts.get_mut(&old) {
                    *n -= word.count;
                }
            }
            word.tokens = merged;
            for new in word.pairs() {
                *counts.entry(new).or_default() += word.count;
                if new.0 == token || new.1 == token {
                    places.entry(new).or_default().push(place);
                    grown.insert(new);
                }
            }
        }
        queue.extend(grown.into_iter().map(|pair| (counts[&pair], Reverse(pair))));
    }
    merges
}

/// A word as the tokens it consists of so far.
struct Word {
    tokens: Vec<u32>,
    count: u64,
}

impl Word {
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.tokens.windows(2).map(|w| (w[0], w[1]))
    }

    /// The tokens with each `pair`, from the left, replaced by `token`; `None` when it does not occur.
    fn merged(&self, pair: Pair, token: u32) -> Option<Vec<u32>> {
        let mut merged = Vec::with_capacity(self.tokens.len());
        let mut rest = self.tokens.as_slice();
        while let [first, tail @ ..] = rest {
            if *first == pair.0 && tail.first() == Some(&pair.1) {
                merged.push(token);
                rest = &tail[1..];
            } else {
                merged.push(*first);
                rest = tail;
            }
        }
        (merged.len() < self.tokens.len()).then_some(merged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word: count all pairs anew before each merge.
    fn naive(words: &[(Vec<u8>, u64)], wanted: usize) -> Vec<Pair> {
        let mut split: Vec<Vec<Vec<u8>>> = words.iter().map(|(w, _)| w.iter().map(|&b| vec![b]).collect()).collect();
        let mut tokens: Vec<Vec<u8>> = (0..=255).map(|b| vec![b]).collect();
        let mut merges = Vec::new();
        while merges.len() < wanted {
            let mut counts: HashMap<Pair, u64> = HashMap::new();
            for (parts, (_, count)) in split.iter().zip(words) {
                for w in parts.windows(2) {
                    let id = |part| tokens.iter().position(|t| t == part).unwrap() as u32;
                    *counts.entry((id(&w[0]), id(&w[1]))).or_default() += count;
                }
            }
            let union = |p: &Pair| [tokens[p.0 as usize].clone(), tokens[p.1 as usize].clone()].concat();
            let best = counts.into_iter().filter(|(p, n)| *n >= 2 && !tokens.contains(&union(p)));
            let Some((pair, _)) = best.max_by_key(|&(p, n)| (n, Reverse(p))) else { break };
            let (a, b) = (tokens[pair.0 as usize].clone(), tokens[pair.1 as usize].clone());
            for parts in &mut split {
                let mut i = 0;
                while i + 1 < parts.len() {
                    if parts[i] == a && parts[i + 1] == b {
                        parts.splice(i..i + 2, [union(&pair)]);
                    }
                    i += 1;
                }
            }
            tokens.push(union(&pair));
            merges.push(pair);
        }
        merges
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn merges_are_those_of_the_definition(
            words in prop::collection::btree_map("[a-c]{1,9}", 1u64..5, 1..12),
            wanted in 0usize..20,
        ) {
            let words: Vec<_> = words.into_iter().map(|(w, n)| (w.into_bytes(), n)).collect();
            prop_assert_eq!(learn_merges(words.clone(), wanted), naive(&words, wanted));
        }
    }

    #[test]
    fn the_alphabet_is_gpt2s() {
        let characters = byte_characters();
        assert_eq!(characters[b' ' as usize], 'Ġ');
        assert_eq!(characters[b'\n' as usize], 'Ċ');
        assert_eq!((characters[b'a' as usize], characters[0xAD], characters[0xFF]), ('a', 'Ń', 'ÿ'));
        assert_eq!(characters.iter().collect::<HashSet<_>>().len(), 256);
    }
}
