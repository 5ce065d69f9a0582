//! The progress of a training run, on standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal there is a line at most this often, so that a log stays short.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// The loss shown is a moving average, with this weight on what came before.
const SMOOTHING: f64 = 0.9;
const TEMPLATE: &str = "{prefix} {wide_bar} {pos}/{len}  {msg}";

/// A progress bar with loss, speed and time left; where standard error is not a terminal, a plain line now and then.
pub struct Progress {
    meter: Meter,
    output: Output,
}

enum Output {
    Bar(ProgressBar),
    Lines { last: Option<Instant> },
}

impl Progress {
    /// Shows the progress of a run of `steps` steps, of which `done` are done already, as after resuming.
    pub fn new(what: &str, done: u64, steps: u64) -> Self {
        let output = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(10));
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.set_prefix(what.to_owned());
            bar.set_position(done);
            Output::Bar(bar)
        } else {
            Output::Lines { last: None }
        };
        Self { meter: Meter::new(what, done, steps, Instant::now()), output }
    }

    /// Reports that step `step`, counted from 1, is done: its training loss, and on how many tokens it trained.
    pub fn step(&mut self, step: u64, loss: f64, tokens: u64) {
        let now = Instant::now();
        self.meter.step(step, loss, tokens);
        match &mut self.output {
            Output::Bar(bar) => {
                bar.set_message(self.meter.message(now));
                bar.set_position(step);
            }
            Output::Lines { last } => {
                let is_due = last.is_none_or(|last| now.duration_since(last) >= LINE_INTERVAL);
                if is_due || step >= self.meter.steps {
                    *last = Some(now);
                    write_line(&self.meter.line(now));
                }
            }
        }
    }

    /// Prints a line, or several, above the bar.
    pub fn println(&self, text: &str) {
        match &self.output {
            Output::Bar(bar) => bar.println(text),
            Output::Lines { .. } => write_line(text),
        }
    }

    /// The training speed since the start, in tokens per second.
    pub fn tokens_per_second(&self) -> f64 {
        self.meter.tokens_per_second(Instant::now())
    }

    /// Takes time for something else than training, which then doesn't count in the speed: evaluation, saving.
    pub fn pause<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        let start = Instant::now();
        let result = work(self);
        self.meter.paused += start.elapsed();
        result
    }

    /// Leaves the last state on the screen.
    pub fn finish(self) {
        match self.output {
            Output::Bar(bar) => bar.abandon(),
            // The last step has had its line, unless the run was stopped.
            Output::Lines { .. } if self.meter.step < self.meter.steps => write_line(&self.meter.line(Instant::now())),
            Output::Lines { .. } => {}
        }
    }
}

/// A closed standard error is no reason to stop a training run, so a failure to write is passed over.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What is known about the run's speed and loss.
struct Meter {
    what: String,
    steps: u64,
    /// The steps that were done when this process started.
    done_before: u64,
    step: u64,
    tokens: u64,
    start: Instant,
    paused: Duration,
    /// The pauses before the first step, which do not come again.
    paused_before: Duration,
    loss: Option<f64>,
}

impl Meter {
    fn new(what: &str, done: u64, steps: u64, start: Instant) -> Self {
        Self {
            what: what.to_owned(),
            steps,
            done_before: done,
            step: done,
            tokens: 0,
            start,
            paused: Duration::ZERO,
            paused_before: Duration::ZERO,
            loss: None,
        }
    }

    fn step(&mut self, step: u64, loss: f64, tokens: u64) {
        if self.step == self.done_before {
            self.paused_before = self.paused;
        }
        self.step = step;
        self.tokens += tokens;
        self.loss = Some(self.loss.map_or(loss, |before| SMOOTHING * before + (1.0 - SMOOTHING) * loss));
    }

    fn training_time(&self, now: Instant) -> Duration {
        now.duration_since(self.start).saturating_sub(self.paused)
    }

    fn tokens_per_second(&self, now: Instant) -> f64 {
        let seconds = self.training_time(now).as_secs_f64();
        if seconds > 0.0 { self.tokens as f64 / seconds } else { 0.0 }
    }

    /// The time that the rest takes at the speed so far, pauses since the first step included; `None` before it.
    fn left(&self, now: Instant) -> Option<Duration> {
        let done = self.step.saturating_sub(self.done_before);
        let rest = self.steps.saturating_sub(self.step);
        let elapsed = now.duration_since(self.start).saturating_sub(self.paused_before);
        let seconds = elapsed.as_secs_f64() * rest as f64 / done as f64;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn message(&self, now: Instant) -> String {
        let loss = self.loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.3}"));
        let left = self.left(now).map_or_else(|| "?".to_owned(), clock);
        format!("loss {loss}  {} tokens/s  {left} left", thousands(self.tokens_per_second(now)))
    }

    fn line(&self, now: Instant) -> String {
        format!("{} step {}/{}  {}", self.what, self.step, self.steps, self.message(now))
    }
}

/// `1:02:03`, or `2:03` below an hour.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A rounded number with commas: `12,345`.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_and_time_left() {
        let start = Instant::now();
        let mut meter = Meter::new("pretrain", 10, 40, start);
        assert_eq!(meter.line(start), "pretrain step 10/40  loss -  0 tokens/s  ? left");
        for step in 11..=20 {
            meter.step(step, 4.0, 2000);
        }
        // 10 of 30 steps took 10 seconds, of which 2 were spent on something else.
        meter.paused = Duration::from_secs(2);
        let now = start + Duration::from_secs(10);
        assert_eq!(meter.line(now), "pretrain step 20/40  loss 4.000  2,500 tokens/s  0:20 left");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0.0, 999.4, 1000.0, 1234567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([59, 60, 3600 + 62].map(|s| clock(Duration::from_secs(s))), ["0:59", "1:00", "1:01:02"]);
    }

    #[test]
    fn the_template_is_well_formed() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
