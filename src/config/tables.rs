//! The options: each one stands here, once.
//!
//! An entry reads `name: type = kind, fallback;`, and the comment over it is the help that `--help` shows. From a table
//! the macro makes a struct with a field per option, which [`Settings::section`](super::Settings::section) fills.

use std::path::PathBuf;

use crate::Result;
use crate::model::{FeedForwardKind, NormPosition, Positions};
use crate::ops::NormKind;

use super::Settings;
use super::command_line::Subcommand;
use super::setting::{
    Choice,
    Fallback::{Required, Unset, Value},
    Kind::{self, List, Path, Paths, Switch, Text, Whole},
    Section, Setting, Table,
};

/// The names of an enum's variants on the command line and in a file.
macro_rules! named {
    ($($name:ident { $($variant:ident = $text:literal,)+ })+) => {$(
        impl Choice for $name {
            const NAMES: &'static [&'static str] = &[$($text,)+];

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$variant),)+
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }
        }
    )+};
}

macro_rules! choices {
    ($($(#[$about:meta])* $name:ident { $($(#[$help:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$help])* $variant,)+ }

        named! { $name { $($variant = $text,)+ } }
    )+};
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! tables {
    ($(
        $(#[doc = $about:literal])+
        $name:ident $table:literal {
            $($(#[doc = $help:literal])+ $field:ident $(as $flag:literal)?: $type:ty = $kind:expr, $fallback:expr;)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $name {
                $($(#[doc = $help])+ pub $field: $type,)+
            }

            impl Section for $name {
                const TABLE: Table = Table {
                    name: $table,
                    about: concat!($($about),+).trim_ascii(),
                    settings: &[$(Setting {
                        table: $table,
                        name: stringify!($field),
                        flag: optional!($($flag)?),
                        help: concat!($($help),+).trim_ascii(),
                        kind: $kind,
                        fallback: $fallback,
                    },)+],
                };

                fn from_settings(settings: &Settings) -> Result<Self> {
                    let [$($field,)+] = Self::TABLE.settings else { unreachable!("a table has its fields' options") };
                    Ok(Self { $($field: settings.value($field)?,)+ })
                }
            }
        )+

        /// Every table.
        pub const ALL: &[&Table] = &[$(&$name::TABLE),+];
    };
}

choices! {
    /// How the learning rate goes down after the warm-up.
    ScheduleName {
        /// It doesn't.
        Constant = "constant",
        /// By half a cosine.
        Cosine = "cosine",
        /// In a straight line.
        Linear = "linear",
        /// As the 2017 paper: with the inverse square root of the step.
        InverseSqrt = "inverse_sqrt",
    }

    /// What a model is fine-tuned to do.
    Task {
        /// To name the class of a text.
        Classification = "classification",
        /// To name the class of a pair of texts, in this order.
        Entailment = "entailment",
        /// To name the class of a pair of texts, whose order doesn't matter.
        Similarity = "similarity",
        /// To pick one of several continuations.
        MultipleChoice = "multiple_choice",
        /// To go on with language modelling.
        LanguageModel = "language_model",
    }

    /// What `tokenize` does.
    TokenizeKind {
        /// Learns a vocabulary from the input, writes it and encodes the input with it.
        TrainBpe = "train_bpe",
        /// Encodes the input with a vocabulary that exists.
        Apply = "apply",
    }
}

named! {
    FeedForwardKind { GeluTanh = "gelu_tanh", Gelu = "gelu", Relu = "relu", Silu = "silu", Swiglu = "swiglu", }
    NormKind { Layer = "layer", Rms = "rms", }
    NormPosition { Pre = "pre", Post = "post", }
    Positions { Learned = "learned", Sinusoidal = "sinusoidal", Rotary = "rotary", }
}

tables! {
    /// The network
    Model "model" {
        /// A named configuration, which the options below change: char, small, gpt1, gpt2, gpt2-medium, gpt2-large or
        /// gpt2-xl, for instance.
        preset: String = Text, Value("small");
        /// Transformer blocks.
        layers: Option<usize> = Whole(1), Unset("the preset's");
        /// Width of the residual stream (d_model).
        width: Option<usize> = Whole(1), Unset("the preset's");
        /// Attention heads; they divide the width.
        heads: Option<usize> = Whole(1), Unset("the preset's");
        /// Key and value heads, for grouped-query attention; they divide the heads.
        kv_heads: Option<usize> = Whole(1), Unset("the preset's");
        /// Width of the feed-forward layers.
        ffn_width: Option<usize> = Whole(1), Unset("4 times the width, or the preset's");
        /// The most tokens that the network sees at once.
        context: Option<usize> = Whole(1), Unset("the preset's");
        /// Non-linearity of the feed-forward layers.
        activation: Option<FeedForwardKind> = Kind::Choice(FeedForwardKind::NAMES), Unset("the preset's");
        /// Normalization.
        norm: Option<NormKind> = Kind::Choice(NormKind::NAMES), Unset("the preset's");
        /// Normalization before (pre) or after (post) each sublayer.
        norm_position: Option<NormPosition> = Kind::Choice(NormPosition::NAMES), Unset("the preset's");
        /// Position encoding.
        positions: Option<Positions> = Kind::Choice(Positions::NAMES), Unset("the preset's");
        /// Local attention: a token sees this many tokens, itself included.
        window: Option<usize> = Whole(1), Unset("no window");
        /// Whether input and output embeddings share their weights.
        tied: Option<bool> = Switch, Unset("the preset's");
        /// Whether linear layers and layer norms have biases.
        bias: Option<bool> = Switch, Unset("the preset's");
        /// Dropout on embeddings, attention probabilities and residual branches.
        dropout: Option<f32> = Kind::BELOW_ONE, Unset("the preset's");
        /// Standard deviation of the initial weights; narrow networks want more than GPT-2's 0.02.
        init_std: Option<f32> = Kind::POSITIVE, Unset("the preset's, 0.02");
    }

    /// The text to pre-train on
    Data "data" {
        /// Files or folders of text (.txt, .jsonl, .tsv, each also .gz) or token shards.
        train: Vec<PathBuf> = Paths, Required;
        /// As train, for the validation loss.
        validation: Vec<PathBuf> = Paths, Value("");
        /// The field of .jsonl or the column of .tsv that holds the text.
        text_column: String = Text, Value("text");
        /// A tokenizer.json, the folder of one, of a model or of a run; or `gpt2` or `byte`.
        tokenizer: String = Text, Value("byte");
    }

    /// Pre-training
    Train "train" {
        /// Sequences per forward pass.
        batch: usize = Whole(1), Value("12");
        /// Tokens per training sequence, at most the network's context.
        context as "train-context": Option<usize> = Whole(1), Unset("the network's context");
        /// Forward and backward passes whose gradients are added up before a step.
        accumulate: usize = Whole(1), Value("1");
        /// Optimizer steps.
        steps: u64 = Whole(1), Value("1000");
        /// Peak learning rate; with inverse_sqrt the factor before the paper's formula.
        lr: f64 = Kind::NOT_NEGATIVE, Value("0.001");
        /// The last learning rate over the peak, for cosine and linear.
        min_lr_ratio: f64 = Kind::SHARE, Value("0.1");
        /// How the learning rate goes down after the warm-up.
        schedule: ScheduleName = Kind::Choice(ScheduleName::NAMES), Value("cosine");
        /// Steps over which the learning rate rises to its peak.
        warmup: Option<u64> = Whole(0), Unset("100, or a tenth of the steps if that is less");
        /// AdamW's decay rate of the mean gradient.
        beta1: f32 = Kind::BELOW_ONE, Value("0.9");
        /// AdamW's decay rate of the mean squared gradient.
        beta2: f32 = Kind::BELOW_ONE, Value("0.95");
        /// AdamW's term against division by zero.
        eps: f32 = Kind::POSITIVE, Value("1e-8");
        /// AdamW's weight decay, of matrices only.
        weight_decay: f32 = Kind::NOT_NEGATIVE, Value("0.1");
        /// The norm that gradients are clipped to; 0 clips nothing.
        clip: f32 = Kind::NOT_NEGATIVE, Value("1");
        /// Probability mass that the target is spread over all tokens with.
        label_smoothing: f32 = Kind::BELOW_ONE, Value("0");
        /// Steps between evaluations; 0 evaluates after the last step only.
        eval_every: u64 = Whole(0), Value("250");
        /// Tokens of the validation text that an evaluation during training looks at.
        eval_tokens: u64 = Whole(1), Value("65536");
        /// Steps between checkpoints; 0 saves after the last step only.
        save_every: u64 = Whole(0), Value("1000");
        /// Steps between samples of generated text; 0 shows none.
        sample_every: u64 = Whole(0), Value("0");
        /// The text that samples go on from.
        sample_prompt: String = Text, Value("");
        /// Checkpoints to keep, the newest ones.
        keep: usize = Whole(1), Value("2");
        /// Pause after this step of the schedule, to be resumed.
        stop_at: Option<u64> = Whole(1), Unset("go on to the last step");
        /// Seed of weights, data order, dropout and samples.
        seed: u64 = Whole(0), Value("1");
        /// Threads to compute with.
        threads: Option<usize> = Whole(1), Unset("one per core");
        /// Folder for checkpoints, metrics and pictures.
        out: PathBuf = Path, Value("runs/pretrain");
        /// Go on with the run in the output folder, to the bit.
        resume: bool = Switch, Value("false");
        /// A checkpoint folder whose weights to start from.
        init: Option<PathBuf> = Path, Unset("random weights");
    }

    /// Fine-tuning
    Finetune "finetune" {
        /// Folder of the pre-trained checkpoint.
        model: PathBuf = Path, Required;
        /// What to learn.
        task: Task = Kind::Choice(Task::NAMES), Value("classification");
        /// Files of labelled examples (.jsonl, .tsv, each also .gz), or of text for language_model.
        train: Vec<PathBuf> = Paths, Required;
        /// As train, to report scores on.
        validation: Vec<PathBuf> = Paths, Value("");
        /// The column of the text; of a pair's first text.
        text: String = Text, Value("text");
        /// The column of a pair's second text.
        second: String = Text, Value("second");
        /// The columns of the continuations to choose from, for multiple_choice.
        choices: Vec<String> = List, Value("");
        /// The column of the label; for multiple_choice the right one's number, from 0.
        label: String = Text, Value("label");
        /// Passes over the training examples.
        epochs: u64 = Whole(1), Value("3");
        /// Examples per step.
        batch: usize = Whole(1), Value("16");
        /// Peak learning rate.
        lr: f64 = Kind::NOT_NEGATIVE, Value("6.25e-5");
        /// Peak learning rate of the new head.
        head_lr: Option<f64> = Kind::NOT_NEGATIVE, Unset("as the network's");
        /// The last learning rate over the peak, for cosine and linear.
        min_lr_ratio: f64 = Kind::SHARE, Value("0");
        /// How the learning rate goes down after the warm-up.
        schedule: ScheduleName = Kind::Choice(ScheduleName::NAMES), Value("linear");
        /// The share of the steps over which the learning rate rises.
        warmup: f64 = Kind::SHARE, Value("0.1");
        /// Weight of the language-model loss beside the task's; 0 turns it off.
        lm_weight: f32 = Kind::NOT_NEGATIVE, Value("0.5");
        /// Tokens per example; longer ones are cut.
        context: Option<usize> = Whole(1), Unset("the network's context");
        /// Dropout, in the network and before the head.
        dropout: Option<f32> = Kind::BELOW_ONE, Unset("the checkpoint's");
        /// AdamW's decay rate of the mean gradient.
        beta1: f32 = Kind::BELOW_ONE, Value("0.9");
        /// AdamW's decay rate of the mean squared gradient.
        beta2: f32 = Kind::BELOW_ONE, Value("0.999");
        /// AdamW's term against division by zero.
        eps: f32 = Kind::POSITIVE, Value("1e-8");
        /// AdamW's weight decay, of matrices only.
        weight_decay: f32 = Kind::NOT_NEGATIVE, Value("0.01");
        /// The norm that gradients are clipped to; 0 clips nothing.
        clip: f32 = Kind::NOT_NEGATIVE, Value("1");
        /// Probability mass that the label is spread over all classes with.
        label_smoothing: f32 = Kind::BELOW_ONE, Value("0");
        /// Start from random weights of the same shape, as a comparison.
        from_scratch: bool = Switch, Value("false");
        /// Seed of the head, data order and dropout.
        seed: u64 = Whole(0), Value("1");
        /// Threads to compute with.
        threads: Option<usize> = Whole(1), Unset("one per core");
        /// Folder for the checkpoint, metrics and pictures.
        out: PathBuf = Path, Value("runs/finetune");
    }

    /// Generating text
    Generate "generate" {
        /// Checkpoint folder.
        model: PathBuf = Path, Required;
        /// The text to go on from.
        prompt: Option<String> = Text, Unset("standard input");
        /// The most tokens to generate.
        tokens: usize = Whole(1), Value("200");
        /// Divides the logits: below 1 is safer, above 1 wilder, 0 always takes the likeliest token.
        temperature: f32 = Kind::NOT_NEGATIVE, Value("1");
        /// Draw among this many likeliest tokens.
        top_k: Option<usize> = Whole(1), Unset("all");
        /// Draw among the likeliest tokens that together have this probability.
        top_p: f32 = Kind::POSITIVE_SHARE, Value("1");
        /// Draw among the tokens that are at least so many times as likely as the likeliest one.
        min_p: f32 = Kind::SHARE, Value("0");
        /// Seed of the drawing.
        seed: u64 = Whole(0), Value("1");
        /// Stop before this text.
        stop: Option<String> = Text, Unset("stop at the end of the text only");
        /// Threads to compute with.
        threads: Option<usize> = Whole(1), Unset("one per core");
    }

    /// Evaluation
    Eval "eval" {
        /// Checkpoint folder, pre-trained or fine-tuned.
        model: PathBuf = Path, Required;
        /// Files or folders: of text for perplexity, of labelled examples for a fine-tuned model's accuracy.
        data: Vec<PathBuf> = Paths, Required;
        /// The field of .jsonl or the column of .tsv that holds the text.
        text_column: String = Text, Value("text");
        /// Sequences per forward pass.
        batch: usize = Whole(1), Value("8");
        /// Threads to compute with.
        threads: Option<usize> = Whole(1), Unset("one per core");
    }

    /// Tokenizing
    Tokenize "tokenize" {
        /// Files or folders of text (.txt, .jsonl, .tsv, each also .gz).
        input: Vec<PathBuf> = Paths, Required;
        /// Folder for tokenizer.json and the token shards.
        out: PathBuf = Path, Value("runs/tokens");
        /// Learn a byte-level BPE vocabulary first, or apply one that exists.
        kind: Option<TokenizeKind> = Kind::Choice(TokenizeKind::NAMES), Unset("apply with --tokenizer, otherwise train_bpe");
        /// What to apply: a tokenizer.json, the folder of one, of a model or of a run; or `gpt2` or `byte`.
        tokenizer: Option<String> = Text, Unset("learn one");
        /// Tokens in the vocabulary to learn, the 256 bytes and two special tokens included.
        vocab_size: usize = Whole(258), Value("4096");
        /// Tokens per shard.
        shard_tokens: usize = Whole(1), Value("100000000");
        /// The field of .jsonl or the column of .tsv that holds the text.
        text_column: String = Text, Value("text");
    }

    /// Looking at a build and a model
    Info "info" {
        /// The folder of a model, a checkpoint or a run.
        model: Option<PathBuf> = Path, Unset("this build alone");
    }
}

/// The subcommands that take options, in the order in which people use them.
pub const SUBCOMMANDS: &[Subcommand] = &[TOKENIZE, PRETRAIN, FINETUNE, EVAL, GENERATE, INFO];

/// `warpweave tokenize`.
pub const TOKENIZE: Subcommand = Subcommand {
    name: "tokenize",
    about: "Learn a vocabulary from text, and turn text into token shards",
    tables: &[&Tokenize::TABLE],
};

/// `warpweave pretrain`.
pub const PRETRAIN: Subcommand = Subcommand {
    name: "pretrain",
    about: "Train a language model on text",
    tables: &[&Model::TABLE, &Data::TABLE, &Train::TABLE],
};

/// `warpweave finetune`.
pub const FINETUNE: Subcommand = Subcommand {
    name: "finetune",
    about: "Train a pre-trained model on a labelled task, or on more text",
    tables: &[&Finetune::TABLE],
};

/// `warpweave eval`.
pub const EVAL: Subcommand = Subcommand {
    name: "eval",
    about: "Measure perplexity and bits per byte, or a fine-tuned model's accuracy",
    tables: &[&Eval::TABLE],
};

/// `warpweave generate`.
pub const GENERATE: Subcommand =
    Subcommand { name: "generate", about: "Go on with a text", tables: &[&Generate::TABLE] };

/// `warpweave info`.
pub const INFO: Subcommand = Subcommand {
    name: "info",
    about: "Show what this build can do, and what a model is made of",
    tables: &[&Info::TABLE],
};

/// The option of a key such as `train.batch`.
pub fn find(key: &str) -> Option<&'static Setting> {
    let (table, name) = key.split_once('.')?;
    let table = ALL.iter().find(|known| known.name == table)?;
    table.settings.iter().find(|setting| setting.name == name)
}
