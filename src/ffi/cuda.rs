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
    #[link_name = "\u{1}ww_sample"]
    pub fn sample(params: *const ww_sample_params, stream: ww_stream) -> i32;
}
