//! `warpweave info`: what this build can do, or what a model is made of.

use warpweave::config::{self, Settings};
use warpweave::model::{self, Config};
use warpweave::train::{TaskRecord, checkpoint};
use warpweave::{Device, Error, Result};

use crate::common::say;

/// Runs the subcommand.
pub fn run(settings: Settings) -> Result<()> {
    let options: config::Info = settings.section()?;
    say(format_args!("warpweave {}", env!("CARGO_PKG_VERSION")))?;
    say(format_args!("devices:"))?;
    for device in Device::all() {
        say(format_args!("  {device:<7} {}", device.status()))?;
    }
    say(format_args!("presets: {}", Config::preset_names().collect::<Vec<_>>().join(", ")))?;
    let Some(path) = options.model else { return Ok(()) };

    let folder = checkpoint::resolve(&path)?;
    let model = model::load(&folder)?;
    let layout = model.layout();
    say(format_args!("model: {}", folder.display()))?;
    let config = serde_json::to_string_pretty(model.config()).map_err(Error::library("print the config"))?;
    say(format_args!("{config}"))?;
    if TaskRecord::is_in(&folder) {
        let record = TaskRecord::load(&folder)?;
        say(format_args!("fine-tuned to tell apart: {}", record.labels.names().join(", ")))?;
    }
    for parameter in layout.parameters() {
        let decayed = if parameter.is_decayed() { "decayed" } else { "" };
        say(format_args!("{:<28} {:<16} {decayed}", parameter.name, parameter.slot.shape().to_string()))?;
    }
    say(format_args!("{} parameters, {:.1} MB in f32", layout.len(), layout.len() as f64 * 4.0 / 1e6))?;
    Ok(())
}
