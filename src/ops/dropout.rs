//! Dropout from Philox counters.

/// Which elements are dropped: element i of an operand is zeroed when word i mod 4 of
/// `philox(seed, [i / 4 (low), i / 4 (high), site (low), site (high)])`, shifted right by 8 and divided by 2²⁴, is below
/// `p`; the others are scaled by 1 / (1 − p).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dropout {
    /// The probability of dropping, 0 ≤ p < 1. 0 turns dropout off.
    pub p: f32,
    /// The seed of the run.
    pub seed: u64,
    /// Which mask of the run: another one for each layer, place and step.
    pub site: u64,
}
