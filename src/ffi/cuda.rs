// Generated from kernels/include/warpweave.h by tests/bindings.rs: change that, not this.
use super::types::*;

unsafe extern "C" {
    #[link_name = "\u{1}ww_norm"]
    pub fn norm(params: *const ww_norm_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_norm_backward"]
    pub fn norm_backward(params: *const ww_norm_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_norm_backward_workspace"]
    pub fn norm_backward_workspace(params: *const ww_norm_backward_params) -> i64;
    #[link_name = "\u{1}ww_softmax"]
    pub fn softmax(params: *const ww_softmax_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_softmax_backward"]
    pub fn softmax_backward(params: *const ww_softmax_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_activation"]
    pub fn activation(params: *const ww_activation_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_activation_backward"]
    pub fn activation_backward(params: *const ww_activation_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_activation_backward_workspace"]
    pub fn activation_backward_workspace(params: *const ww_activation_backward_params) -> i64;
    #[link_name = "\u{1}ww_glu"]
    pub fn glu(params: *const ww_glu_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_glu_backward"]
    pub fn glu_backward(params: *const ww_glu_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_glu_backward_workspace"]
    pub fn glu_backward_workspace(params: *const ww_glu_backward_params) -> i64;
    #[link_name = "\u{1}ww_bias_backward"]
    pub fn bias_backward(params: *const ww_bias_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_bias_backward_workspace"]
    pub fn bias_backward_workspace(params: *const ww_bias_backward_params) -> i64;
    #[link_name = "\u{1}ww_cross_entropy"]
    pub fn cross_entropy(params: *const ww_cross_entropy_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_reciprocal_count"]
    pub fn reciprocal_count(params: *const ww_reciprocal_count_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_dropout_apply"]
    pub fn dropout_apply(params: *const ww_dropout_apply_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_embedding"]
    pub fn embedding(params: *const ww_embedding_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_embedding_backward"]
    pub fn embedding_backward(params: *const ww_embedding_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_embedding_backward_workspace"]
    pub fn embedding_backward_workspace(params: *const ww_embedding_backward_params) -> i64;
    #[link_name = "\u{1}ww_sinusoidal_positions"]
    pub fn sinusoidal_positions(params: *const ww_sinusoidal_positions_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_rotary"]
    pub fn rotary(params: *const ww_rotary_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_grad_norm"]
    pub fn grad_norm(params: *const ww_grad_norm_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_grad_norm_workspace"]
    pub fn grad_norm_workspace(params: *const ww_grad_norm_params) -> i64;
    #[link_name = "\u{1}ww_adamw_begin"]
    pub fn adamw_begin(params: *const ww_adamw_begin_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_adamw"]
    pub fn adamw(params: *const ww_adamw_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sample"]
    pub fn sample(params: *const ww_sample_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_strided_copy"]
    pub fn strided_copy(params: *const ww_strided_copy_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_strided_fill"]
    pub fn strided_fill(params: *const ww_strided_fill_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_reduce"]
    pub fn reduce(params: *const ww_reduce_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_reduce_workspace"]
    pub fn reduce_workspace(params: *const ww_reduce_params) -> i64;
}
