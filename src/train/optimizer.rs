//! AdamW over the flat parameters, with the schedule and the clipping of gradients.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Gradients, Transformer};
use crate::ops::{self, AdamW};
use crate::tensor::Tensor;
use crate::train::Schedule;

/// What an optimizer does with a gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimizerOptions {
    /// The learning rate at each step.
    pub schedule: Schedule,
    /// The decay of the first moment.
    pub beta1: f32,
    /// The decay of the second moment.
    pub beta2: f32,
    /// What is added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay, on matrices alone.
    pub weight_decay: f32,
    /// The largest norm of the whole gradient; larger ones are scaled down to it. 0 turns clipping off.
    pub clip: f32,
    /// The learning rate of the classification head, where it has one of its own.
    pub head_schedule: Option<Schedule>,
}

/// The state of AdamW for one model.
#[derive(Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    pub(crate) m: Tensor,
    pub(crate) v: Tensor,
    pub(crate) step: u64,
}

/// What one update did.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// The learning rate.
    pub lr: f32,
    /// The norm of the gradient before clipping.
    pub grad_norm: f32,
}

impl Optimizer {
    /// A fresh state.
    pub fn new(options: OptimizerOptions, model: &Transformer) -> Result<Self> {
        let len = model.layout().len();
        Ok(Optimizer { options, m: Tensor::zeros([len])?, v: Tensor::zeros([len])?, step: 0 })
    }

    /// The number of updates so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Updates the parameters. A gradient that is not finite is an [`Error::NotFinite`] and changes nothing.
    pub fn update(&mut self, model: &mut Transformer, grads: &Gradients) -> Result<Update> {
        let options = &self.options;
        let (step, lr) = (self.step + 1, options.schedule.lr_at(self.step + 1) as f32);
        let grad_norm = ops::grad_norm(grads.flat.view())?;
        if !grad_norm.is_finite() {
            return Err(not_finite("gradient norm", step, grad_norm));
        }
        let scale = if options.clip > 0.0 && grad_norm > options.clip { options.clip / grad_norm } else { 1.0 };
        let (decayed, len) = (model.layout().decayed(), model.layout().len());
        // The head lies behind everything else.
        let head = model.layout().score.map_or(len, |score| score.range().start);
        let head_schedule = options.head_schedule.as_ref().unwrap_or(&options.schedule);
        for (range, schedule) in [(0..head, &options.schedule), (head..len, head_schedule)] {
            let adamw = AdamW {
                lr: schedule.lr_at(step) as f32,
                beta1: options.beta1,
                beta2: options.beta2,
                eps: options.eps,
                weight_decay: options.weight_decay,
            };
            let decayed: Vec<_> = decayed
                .iter()
                .filter(|decayed| range.contains(&decayed.start))
                .map(|decayed| decayed.start - range.start..decayed.end - range.start)
                .collect();
            let parameters = model.parameters_mut().view_mut().narrow(0, range.start, range.len());
            let grads = grads.flat.view().narrow(0, range.start, range.len());
            let m = self.m.view_mut().narrow(0, range.start, range.len());
            let v = self.v.view_mut().narrow(0, range.start, range.len());
            ops::adamw(&adamw, step, scale, &decayed, parameters, grads, m, v)?;
        }
        self.step = step;
        Ok(Update { lr, grad_norm })
    }
}

/// The error for a loss or gradient that is no number any more.
pub(crate) fn not_finite(what: &'static str, step: u64, value: f32) -> Error {
    let advice = "the parameters were left as they were before this step; try a lower learning rate, a longer warm-up or \
                  a smaller clipping norm";
    Error::NotFinite { what, step, value, advice: advice.into() }
}
