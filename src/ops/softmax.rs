//! Masked softmax over the last axis.

use std::ops::Range;

use super::Check;
use crate::error::Result;
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

impl Mask<'_> {
    /// The keys that query `i` of sequence `b` sees. They lie side by side; where there are none the range is `0..0`.
    ///
    /// ```
    /// use warpweave::ops::{Mask, Window};
    ///
    /// let mask = Mask { causal: true, window: Some(Window { left: 2, right: 0 }), key_lengths: None };
    /// // Four queries at the end of six keys: query 1 stands at position 3.
    /// assert_eq!(mask.keys(0, 1, 4, 6), 1..4);
    /// ```
    pub fn keys(&self, b: usize, i: usize, seq_len_q: usize, seq_len_k: usize) -> Range<usize> {
        let signed = |x: usize| isize::try_from(x).unwrap_or(isize::MAX);
        let position = signed(i) + signed(seq_len_k) - signed(seq_len_q);
        let mut start = 0;
        let mut end = match self.key_lengths {
            Some(lengths) => signed(lengths.row([])[b] as usize),
            None => signed(seq_len_k),
        };
        if self.causal {
            end = end.min(position + 1);
        }
        if let Some(Window { left, right }) = self.window {
            start = position.saturating_sub(signed(left)).max(0);
            end = end.min(position.saturating_add(signed(right)).saturating_add(1));
        }
        if start < end { start as usize..end.min(signed(seq_len_k)) as usize } else { 0..0 }
    }

    /// The key lengths, if there are any, must be `batch` numbers of at most `seq_len_k`.
    pub(crate) fn check(&self, op: &'static str, batch: usize, seq_len_k: usize) -> Result<()> {
        let Some(lengths) = self.key_lengths else { return Ok(()) };
        let check = Check(op);
        check.shape("mask.key_lengths", lengths.shape(), [batch])?;
        check.rows("mask.key_lengths", lengths.has_contiguous_rows(), lengths.strides())?;
        for (b, &length) in lengths.row([]).iter().enumerate() {
            let fits = length as usize <= seq_len_k;
            check.that(
                fits,
                "mask.key_lengths",
                &format!("at most {seq_len_k} keys"),
                format_args!("{length} for sequence {b}"),
            )?;
        }
        Ok(())
    }
}

/// How far a query sees to each side of its own position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// Keys before the query's position.
    pub left: usize,
    /// Keys after it.
    pub right: usize,
}
