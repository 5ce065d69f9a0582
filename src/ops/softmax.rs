//! Masked softmax over the last axis.

use crate::tensor::View;

/// Which keys a query sees: the intersection of all that is set. A query that sees no key gets zeros.
#[derive(Clone, Copy, Default)]
pub struct Mask<'a> {
    /// Query i sees key j only where j ≤ i + (Tk − Tq): the last query is aligned with the last key.
    pub causal: bool,
    /// Query i sees key j only where −left ≤ j − (i + Tk − Tq) ≤ right.
    pub window: Option<Window>,
    /// Sequence b has only its first `key_lengths[b]` keys. Shape [B].
    pub key_lengths: Option<View<'a, u32>>,
}

/// How far a query sees to each side of its own position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// Keys before the query's position.
    pub left: usize,
    /// Keys after it.
    pub right: usize,
}
