//! The learning rate as a function of the step.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How the learning rate goes down after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// It stays at its peak.
    Constant,
    /// Half a cosine, from the peak to `min_ratio` times the peak (Loshchilov and Hutter 2017, without restarts; GPT-1
    /// and GPT-3): with p from 0 at the end of the warm-up to 1 at the last step,
    /// `min_ratio + (1 - min_ratio) (1 + cos(π p)) / 2`.
    Cosine {
        /// The last step's learning rate over the peak's.
        min_ratio: f64,
    },
    /// A straight line from the peak to `min_ratio` times the peak: `1 - (1 - min_ratio) p`.
    Linear {
        /// The last step's learning rate over the peak's.
        min_ratio: f64,
    },
    /// *Attention Is All You Need*, equation 3: `factor · d_model^-0.5 · min(s^-0.5, s · warmup^-1.5)` at step s. Here
    /// `lr` of the [`Schedule`] is the factor, which is 1 in the paper, and not the peak.
    InverseSqrt {
        /// The network's width.
        d_model: usize,
    },
}

/// A learning-rate schedule: a linear warm-up, then a [`Decay`].
///
/// Steps count from 1: during the warm-up, step s has `peak · s / warmup`, so the first step already learns, and step
/// `warmup` has the peak. The last step, `steps`, has exactly the minimum.
///
/// ```
/// use warpweave::train::schedule::{Decay, Schedule};
///
/// let schedule = Schedule::new(Decay::Cosine { min_ratio: 0.1 }, 1e-3, 10, 100)?;
/// assert_eq!(schedule.lr_at(5), 5e-4);
/// assert_eq!(schedule.lr_at(10), 1e-3);
/// assert_eq!(schedule.lr_at(100), 1e-4);
/// # Ok::<(), warpweave::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    decay: Decay,
    lr: f64,
    warmup: u64,
    steps: u64,
}

impl Schedule {
    /// A schedule with `warmup` steps of warm-up, out of `steps` steps.
    ///
    /// # Errors
    /// `lr` must be a finite number of at least 0, `min_ratio` in [0, 1], `d_model` at least 1, `steps` at least 1, and
    /// `warmup` at most `steps`, except for [`Decay::InverseSqrt`], which doesn't depend on `steps`.
    pub fn new(decay: Decay, lr: f64, warmup: u64, steps: u64) -> Result<Self> {
        const OP: &str = "Schedule::new";
        if !(lr.is_finite() && lr >= 0.0) {
            return Err(Error::argument(OP, "lr", "a finite number of at least 0", lr));
        }
        if steps == 0 {
            return Err(Error::argument(OP, "steps", "at least 1", steps));
        }
        match decay {
            Decay::Cosine { min_ratio } | Decay::Linear { min_ratio } if !(0.0..=1.0).contains(&min_ratio) => {
                return Err(Error::argument(OP, "min_ratio", "a number from 0 to 1", min_ratio));
            }
            Decay::InverseSqrt { d_model: 0 } => return Err(Error::argument(OP, "d_model", "at least 1", 0)),
            _ => {}
        }
        if warmup > steps && !matches!(decay, Decay::InverseSqrt { .. }) {
            return Err(Error::argument(OP, "warmup", format!("at most the number of steps, {steps}"), warmup));
        }
        Ok(Self { decay, lr, warmup, steps })
    }

    /// The learning rate of step `step`, counted from 1; step 0 is taken as step 1, and a step after the last as the
    /// last (except for [`Decay::InverseSqrt`], which has no last step).
    pub fn lr_at(&self, step: u64) -> f64 {
        let step = step.max(1);
        if let Decay::InverseSqrt { d_model } = self.decay {
            let s = step as f64;
            // Without a warm-up the paper's formula is 0 everywhere or undefined: only the decay is left of it.
            let ramp = if self.warmup == 0 { f64::INFINITY } else { s * (self.warmup as f64).powf(-1.5) };
            return self.lr * (d_model as f64).powf(-0.5) * s.powf(-0.5).min(ramp);
        }
        if step < self.warmup {
            return self.lr * step as f64 / self.warmup as f64;
        }
        // The decay runs from step `warmup`, which has the peak, to step `steps`. Without a warm-up, step 1 has the peak.
        let start = self.warmup.max(1);
        let progress =
            if self.steps > start { (step.min(self.steps) - start) as f64 / (self.steps - start) as f64 } else { 0.0 };
        match self.decay {
            Decay::Constant => self.lr,
            Decay::Linear { min_ratio } => self.lr * (min_ratio + (1.0 - min_ratio) * (1.0 - progress)),
            Decay::Cosine { min_ratio } => {
                let cosine = (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0;
                self.lr * (min_ratio + (1.0 - min_ratio) * cosine)
            }
            Decay::InverseSqrt { .. } => unreachable!("returned above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAYS: [Decay; 4] = [
        Decay::Constant,
        Decay::Cosine { min_ratio: 0.1 },
        Decay::Linear { min_ratio: 0.0 },
        Decay::InverseSqrt { d_model: 512 },
    ];

    fn schedule(decay: Decay, warmup: u64, steps: u64) -> Schedule {
        Schedule::new(decay, 2.0, warmup, steps).unwrap()
    }

    #[track_caller]
    fn assert_close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1.0), "got {got}, expected {expected}");
    }

    #[test]
    fn known_points() {
        let cosine = schedule(Decay::Cosine { min_ratio: 0.1 }, 10, 110);
        assert_close(cosine.lr_at(1), 0.2);
        assert_close(cosine.lr_at(10), 2.0);
        assert_close(cosine.lr_at(60), 2.0 * 0.55);
        assert_close(cosine.lr_at(35), 2.0 * (0.1 + 0.9 * (1.0 + 0.5f64.sqrt()) / 2.0));
        assert_close(cosine.lr_at(110), 0.2);
        assert_close(cosine.lr_at(1000), 0.2);
        let linear = schedule(Decay::Linear { min_ratio: 0.5 }, 10, 110);
        assert_close(linear.lr_at(35), 2.0 * 0.875);
        assert_close(linear.lr_at(110), 1.0);
        assert_close(schedule(Decay::Constant, 4, 8).lr_at(8), 2.0);
    }

    #[test]
    fn inverse_square_root_is_the_papers() {
        // The base model: width 512, 4,000 steps of warm-up; the peak is 512^-0.5 · 4000^-0.5 = 6.987712429686843e-4.
        let paper = Schedule::new(Decay::InverseSqrt { d_model: 512 }, 1.0, 4000, 100_000).unwrap();
        assert_close(paper.lr_at(4000), 6.987712429686843e-4);
        assert_close(paper.lr_at(2000), 6.987712429686843e-4 / 2.0);
        assert_close(paper.lr_at(16000), 6.987712429686843e-4 / 2.0);
    }

    #[test]
    fn rises_then_falls() {
        for decay in DECAYS {
            for (warmup, steps) in [(7, 40), (1, 40), (40, 40), (0, 40)] {
                let schedule = schedule(decay, warmup, steps);
                for step in 2..=steps {
                    let (before, now) = (schedule.lr_at(step - 1), schedule.lr_at(step));
                    let holds = if step <= warmup { now > before } else { now <= before };
                    assert!(holds, "{decay:?}, warm-up {warmup}: step {step} has {now} after {before}");
                }
            }
        }
    }

    #[test]
    fn without_warm_up_the_first_step_has_the_peak() {
        assert_eq!(schedule(Decay::Cosine { min_ratio: 0.1 }, 0, 10).lr_at(1), 2.0);
        assert_eq!(schedule(Decay::Linear { min_ratio: 0.0 }, 0, 10).lr_at(10), 0.0);
        assert_eq!(schedule(Decay::Cosine { min_ratio: 0.1 }, 0, 1).lr_at(1), 2.0);
        let inverse = schedule(Decay::InverseSqrt { d_model: 4 }, 0, 10);
        assert_eq!((inverse.lr_at(0), inverse.lr_at(1), inverse.lr_at(4)), (1.0, 1.0, 0.5));
    }

    #[test]
    fn bad_values_are_errors() {
        let message = |decay, lr, warmup, steps| Schedule::new(decay, lr, warmup, steps).unwrap_err().to_string();
        assert!(message(Decay::Constant, f64::NAN, 0, 1).contains("`lr`"));
        assert!(message(Decay::Constant, -1.0, 0, 1).contains("`lr`"));
        assert!(message(Decay::Constant, 1.0, 0, 0).contains("`steps`"));
        assert!(message(Decay::Linear { min_ratio: f64::NAN }, 1.0, 0, 1).contains("`min_ratio`"));
        assert!(message(Decay::InverseSqrt { d_model: 0 }, 1.0, 0, 1).contains("`d_model`"));
        assert_eq!(
            message(Decay::Constant, 1.0, 11, 10),
            "Schedule::new: `warmup`: expected at most the number of steps, 10, got 11"
        );
    }
}
