//! The keys and values of the tokens so far, so that each new token costs one row.

use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::tensor::{Shape, Tensor, View};

/// The cached keys and values of every layer, for `batch` sequences of up to `capacity` tokens.
#[derive(Debug)]
pub struct KvCache {
    pub(crate) layers: Vec<LayerCache>,
    len: usize,
    batch: usize,
    capacity: usize,
}

/// One layer's keys and values, [B, capacity, Hkv, D] each.
#[derive(Debug)]
pub(crate) struct LayerCache {
    k: Tensor,
    v: Tensor,
}

impl KvCache {
    /// An empty cache as long as the model's context.
    pub fn new(config: &Config, batch: usize) -> Result<Self> {
        config.check()?;
        let capacity = config.context;
        let shape = [batch, capacity, config.kv_heads, config.head_dim()];
        let layer = || Ok(LayerCache { k: Tensor::zeros(shape)?, v: Tensor::zeros(shape)? });
        let layers = (0..config.layers).map(|_| layer()).collect::<Result<_>>()?;
        Ok(KvCache { layers, len: 0, batch, capacity })
    }

    /// The number of tokens held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no token is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn check_room(&self, config: &Config, batch: usize, tokens: usize) -> Result<()> {
        let shape = Shape::from([self.batch, config.context, config.kv_heads, config.head_dim()]);
        if self.layers.len() != config.layers || self.layers.iter().any(|layer| layer.k.shape() != shape) {
            let expected = format!("{} layers of {shape}", config.layers);
            return Err(Error::argument("decode", "cache", expected, "another model's"));
        }
        if batch != self.batch {
            return Err(Error::argument("KvCache", "batch", self.batch, batch));
        }
        if self.len + tokens > self.capacity {
            let expected = format!("at most {} tokens", self.capacity);
            return Err(Error::argument("KvCache", "tokens", expected, format!("{} + {tokens}", self.len)));
        }
        Ok(())
    }

    pub(crate) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }
}

impl LayerCache {
    /// Writes new keys and values `[B, T, Hkv, D]` at `position` and returns all up to them.
    pub fn append(&mut self, k: View, v: View, position: usize) -> (View<'_>, View<'_>) {
        let (batch, tokens, heads) = (k.dim(0), k.dim(1), k.dim(2));
        for (cache, new) in [(&mut self.k, k), (&mut self.v, v)] {
            let mut cache = cache.view_mut();
            for (b, t, h) in (0..batch).flat_map(|b| (0..tokens).flat_map(move |t| (0..heads).map(move |h| (b, t, h))))
            {
                cache.row_mut([b, position + t, h]).copy_from_slice(new.row([b, t, h]));
            }
        }
        let len = position + tokens;
        (self.k.view().narrow(1, 0, len), self.v.view().narrow(1, 0, len))
    }
}
