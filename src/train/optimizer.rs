//! AdamW over the flat parameters, with the schedule and the clipping of gradients.

use serde::{Deserialize, Serialize};

use crate::device::Stream;
use crate::error::{Error, Result};
use crate::model::{Gradients, Transformer};
use crate::ops::{self, AdamW, AdamWBuffers, AdamWState, AdamWStep, Rounding};
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
    grad_norm: Tensor,
    state: AdamWState,
    /// The updates so far, which the schedule goes by.
    step: u64,
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
        let (m, v, grad_norm) = (Tensor::zeros([len])?, Tensor::zeros([len])?, Tensor::zeros([1])?);
        Ok(Optimizer { options, m, v, grad_norm, state: AdamWState::new(&Stream::CPU)?, step: 0 })
    }

    /// Goes on after `step` updates.
    pub(crate) fn resume(&mut self, step: u64) -> Result<()> {
        self.state = AdamWState::at_step(&Stream::CPU, step)?;
        self.step = step;
        Ok(())
    }

    /// The number of updates so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Updates the parameters. A gradient that is not finite is an [`Error::NotFinite`] and changes nothing.
    pub fn update(&mut self, model: &mut Transformer, grads: &Gradients) -> Result<Update> {
        let options = &self.options;
        let (step, lr) = (self.step + 1, options.schedule.lr_at(self.step + 1) as f32);
        ops::grad_norm(grads.flat.view(), self.grad_norm.view_mut())?;
        let clip = if options.clip > 0.0 { options.clip } else { f32::INFINITY };
        let begin = AdamWStep { beta1: options.beta1, beta2: options.beta2, grad_scale: 1.0, clip };
        ops::adamw_begin(&begin, Some(self.grad_norm.view()), &mut self.state)?;
        let (decayed, len) = (model.layout().decayed(), model.layout().len());
        // The head lies behind everything else.
        let head = model.layout().score.map_or(len, |score| score.range().start);
        let head_schedule = options.head_schedule.as_ref().unwrap_or(&options.schedule);
        for (range, schedule) in [(0..head, &options.schedule), (head..len, head_schedule)] {
            let adamw = AdamW {
                lr: schedule.lr_at(step) as f32,
                lr_scale: None,
                eps: options.eps,
                weight_decay: options.weight_decay,
                rounding: Rounding::Nearest,
            };
            let decayed: Vec<_> = decayed
                .iter()
                .filter(|decayed| range.contains(&decayed.start))
                .map(|decayed| decayed.start - range.start..decayed.end - range.start)
                .collect();
            let buffers = AdamWBuffers {
                weights: model.parameters_mut().view_mut().narrow(0, range.start, range.len()),
                master: None,
                grads: grads.flat.view().narrow(0, range.start, range.len()),
                m: self.m.view_mut().narrow(0, range.start, range.len()),
                v: self.v.view_mut().narrow(0, range.start, range.len()),
            };
            ops::adamw(&adamw, &self.state, &decayed, buffers)?;
        }
        let grad_norm = self.grad_norm.to_vec()?[0];
        if !grad_norm.is_finite() {
            return Err(not_finite("gradient norm", step, grad_norm));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Config;
    use crate::train::Decay;

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let mut model = Transformer::new(Config::gpt2(29, 11, 1, 16, 4), 1).unwrap();
        let options = OptimizerOptions {
            schedule: Schedule::new(Decay::Constant, 1e-2, 0, 10).unwrap(),
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            clip: 1.0,
            head_schedule: None,
        };
        let mut optimizer = Optimizer::new(options, &model).unwrap();
        let mut grads = Gradients::new(model.layout()).unwrap();
        grads.flat.as_mut_slice().fill(0.5);
        optimizer.update(&mut model, &grads).unwrap();
        let values = |model: &mut Transformer, optimizer: &Optimizer| {
            [model.parameters_mut().view().as_slice(), optimizer.m.as_slice(), optimizer.v.as_slice()].concat()
        };
        let before = values(&mut model, &optimizer);

        grads.flat.as_mut_slice()[7] = f32::NAN;
        let error = optimizer.update(&mut model, &grads).unwrap_err();
        assert!(matches!(error, Error::NotFinite { step: 2, .. }), "{error:?}");
        assert_eq!(values(&mut model, &optimizer), before);
        assert_eq!(optimizer.step(), 1);

        grads.flat.as_mut_slice()[7] = 0.5;
        optimizer.update(&mut model, &grads).unwrap();
        assert_eq!(optimizer.step(), 2);
        assert_ne!(values(&mut model, &optimizer), before);
    }
}
