// Generated from kernels/sim/sim.h by tests/bindings.rs: change that, not this.
use super::types::*;

pub const WW_SIM_EARLY: i32 = 0;
pub const WW_SIM_LATE: i32 = 1;
pub const WW_SIM_SEEDED: i32 = 2;
pub const WW_SIM_CHECK: i32 = 1;
pub const WW_SIM_COUNT: i32 = 2;
pub const WW_SIM_HOST_TO_DEVICE: i32 = 1;
pub const WW_SIM_DEVICE_TO_HOST: i32 = 2;
pub const WW_SIM_DEVICE_TO_DEVICE: i32 = 3;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_options {
    pub seed: u64,
    pub timing: i32,
    pub compute_capability: i32,
    pub watch: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_options"][::core::mem::size_of::<ww_sim_options>() - 24usize];
    ["Alignment of ww_sim_options"][::core::mem::align_of::<ww_sim_options>() - 8usize];
    ["Offset of field: ww_sim_options::seed"][::core::mem::offset_of!(ww_sim_options, seed) - 0usize];
    ["Offset of field: ww_sim_options::timing"][::core::mem::offset_of!(ww_sim_options, timing) - 8usize];
    ["Offset of field: ww_sim_options::compute_capability"]
        [::core::mem::offset_of!(ww_sim_options, compute_capability) - 12usize];
    ["Offset of field: ww_sim_options::watch"][::core::mem::offset_of!(ww_sim_options, watch) - 16usize];
};
unsafe extern "C" {
    #[link_name = "\u{1}ww_sim_norm"]
    pub fn norm(params: *const ww_norm_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_norm_backward"]
    pub fn norm_backward(params: *const ww_norm_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_norm_backward_workspace"]
    pub fn norm_backward_workspace(params: *const ww_norm_backward_params) -> i64;
    #[link_name = "\u{1}ww_sim_softmax"]
    pub fn softmax(params: *const ww_softmax_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_softmax_backward"]
    pub fn softmax_backward(params: *const ww_softmax_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_stream_create"]
    pub fn stream_create(stream: *mut ww_stream, options: *const ww_sim_options) -> i32;
    #[link_name = "\u{1}ww_sim_stream_destroy"]
    pub fn stream_destroy(stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_stream_synchronize"]
    pub fn stream_synchronize(stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_malloc"]
    pub fn malloc(address: *mut *mut ::core::ffi::c_void, bytes: i64, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_free"]
    pub fn free(address: *mut ::core::ffi::c_void, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_copy"]
    pub fn copy(
        to: *mut ::core::ffi::c_void,
        from: *const ::core::ffi::c_void,
        bytes: i64,
        direction: i32,
        stream: ww_stream,
    ) -> i32;
    #[link_name = "\u{1}ww_sim_fill"]
    pub fn fill(to: *mut ::core::ffi::c_void, byte: i32, bytes: i64, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_message"]
    pub fn message(stream: ww_stream) -> *const ::core::ffi::c_char;
    #[link_name = "\u{1}ww_sim_error_name"]
    pub fn error_name(error: i32) -> *const ::core::ffi::c_char;
    #[link_name = "\u{1}ww_sim_error_string"]
    pub fn error_string(error: i32) -> *const ::core::ffi::c_char;
}
