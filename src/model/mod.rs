//! The Transformer: one model, assembled from a [`Config`].
//!
//! Every layer has a `forward` that keeps what its `backward` needs. All parameters lie in one flat tensor, and so do
//! their gradients, so that one launch updates them and one write saves them ([`parameters`]). What the passes compute
//! lies in a [`Workspace`], allocated once for a batch shape.

mod block;
mod cache;
mod config;
mod head;
mod hugging_face;
mod layers;
mod loss;
pub mod parameters;
mod transformer;
mod workspace;

pub use cache::KvCache;
pub use config::{Config, FeedForwardKind, NormPosition, Positions};
pub use head::Pooled;
pub use hugging_face::{load, load_config, save};
pub use loss::Loss;
pub use parameters::Gradients;
pub use transformer::{Mode, Transformer};
pub use workspace::{Backward, Workspace};
