//! The configuration of a run: one TOML file, which flags override.
//!
//! [`tables`] defines each option once, with its type, default, help and allowed values. The command line, the shell
//! completions, the reading and the writing of TOML and the structs that the rest of the crate sees all come from there.
//!
//! ```
//! use warpweave::config::{Settings, Train};
//!
//! let mut settings = Settings::parse("[train]\nbatch = 32\nlr = 6e-4\n", "run.toml")?;
//! settings.set("train.batch", "64")?;
//! let train: Train = settings.section()?;
//! assert_eq!((train.batch, train.lr, train.steps), (64, 6e-4, 1000));
//!
//! let error = Settings::parse("[train]\nbtach = 32\n", "run.toml").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "setting `train.btach`: expected a known key, perhaps `train.batch`, got an unknown one (run.toml, line 2)"
//! );
//! # Ok::<(), warpweave::Error>(())
//! ```

mod command_line;
mod file;
mod setting;
mod settings;
pub mod tables;

pub use command_line::Subcommand;
pub use setting::{Choice, Fallback, Kind, Raw, Section, Setting, Table, Value};
pub use settings::Settings;
pub use tables::{Data, Eval, Finetune, Generate, Info, Model, Tokenize, Train};
