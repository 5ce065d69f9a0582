//! Element-wise activations and their gradients.

/// The non-linearity of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), as GPT-2 computes GELU.
    GeluTanh,
    /// x Φ(x), with the error function (Hendrycks and Gimpel 2016).
    Gelu,
    /// max(x, 0).
    Relu,
    /// x σ(x).
    Silu,
}
