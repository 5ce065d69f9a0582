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
}
