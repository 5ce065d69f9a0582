//! The labelled task: in which era was a passage of twenty words spoken?

use std::io::Write;
use std::path::Path;

use warpweave::data::corpus::{Speech, Split};
use warpweave::data::labelled::{Example, Input, Labels, Task};
use warpweave::file::write_atomically;
use warpweave::random::Rng;
use warpweave::train::TaskRecord;
use warpweave::{Error, Result};

/// The classes: the first year of each, and its name. Civil War, the twenties and 1970 are the borders.
const ERAS: [(u16, &str); 4] = [(0, "1790-1859"), (1860, "1860-1919"), (1920, "1920-1969"), (1970, "1970-2021")];
/// Words of a passage. Short ones have few words that give their time away, so that it pays to know how people wrote.
const WORDS: usize = 20;
/// The most passages of a test speech, spread evenly over it.
const PER_TEST_SPEECH: usize = 65;

/// Labelled passages.
pub struct Passages {
    /// As many of each era, drawn from the training speeches.
    pub train: Vec<Example>,
    /// From every test speech.
    pub test: Vec<Example>,
    labels: Labels,
}

impl Passages {
    /// Draws `count` training passages, equally many of each era, and the test passages, which are always the same.
    pub fn draw(split: &Split, count: usize, seed: u64) -> Result<Self> {
        let mut by_era: [Vec<Example>; ERAS.len()] = Default::default();
        for speech in &split.train {
            let era = era(speech);
            by_era[era].extend(cut(speech).map(|text| example(speech, era, text)));
        }
        let mut rng = Rng::new(seed, 0x00E7A5);
        let mut train = Vec::with_capacity(count);
        for (era, passages) in by_era.iter_mut().enumerate() {
            let wanted = count / ERAS.len() + usize::from(era < count % ERAS.len());
            if wanted > passages.len() {
                let expected = format!("at most {} labelled passages of {}", passages.len(), ERAS[era].1);
                return Err(Error::setting("labels", expected, wanted));
            }
            rng.shuffle(passages);
            train.extend(passages.drain(..wanted));
        }
        let mut test = Vec::new();
        for speech in &split.test {
            let passages: Vec<String> = cut(speech).collect();
            let kept = passages.len().min(PER_TEST_SPEECH);
            let spread = (0..kept).map(|i| passages[i * passages.len() / kept].clone());
            test.extend(spread.map(|text| example(speech, era(speech), text)));
        }
        Ok(Passages { train, test, labels: Labels::new(ERAS.map(|era| era.1.to_string()))? })
    }

    /// Writes the passages with their eras into `train.tsv` and `test.tsv`, for `warpweave finetune` and others.
    pub fn save(&self, out: &Path) -> Result<()> {
        for (name, examples) in [("train.tsv", &self.train), ("test.tsv", &self.test)] {
            let path = out.join(name);
            let mut text = String::from("text\tlabel\tspeech\n");
            for Example { input, label, source } in examples {
                if let Input::Single(passage) = input {
                    text += &format!("{passage}\t{}\t{source}\n", ERAS[*label].1);
                }
            }
            write_atomically(&path, |file| file.write_all(text.as_bytes()).map_err(Error::io("write", &path)))?;
        }
        Ok(())
    }

    /// The names of the eras, in the order of their numbers.
    pub fn names(&self) -> Vec<String> {
        self.labels.names().to_vec()
    }

    /// What `warpweave eval` needs to know of the fine-tuned model.
    pub fn record(&self, context: usize) -> TaskRecord {
        let task = Task::Classification { text: "text".into(), label: "label".into() };
        TaskRecord { task, both_orders: false, labels: self.labels.clone(), context }
    }
}

fn example(speech: &Speech, era: usize, text: String) -> Example {
    Example { input: Input::Single(text), label: era, source: format!("{} {}", speech.year, speech.name) }
}

fn era(speech: &Speech) -> usize {
    ERAS.iter().rposition(|era| era.0 <= speech.year).unwrap_or(0)
}

/// A speech in passages of [`WORDS`] words, one after another; a shorter rest is left out.
fn cut(speech: &Speech) -> impl Iterator<Item = String> {
    let words: Vec<&str> = speech.text.split_whitespace().collect();
    words.chunks_exact(WORDS).map(|words| words.join(" ")).collect::<Vec<_>>().into_iter()
}
