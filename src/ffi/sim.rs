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
pub const WW_SIM_GLOBAL_LOAD: i32 = 0;
pub const WW_SIM_GLOBAL_STORE: i32 = 1;
pub const WW_SIM_GLOBAL_ATOMIC: i32 = 2;
pub const WW_SIM_GLOBAL_BULK_LOAD: i32 = 3;
pub const WW_SIM_GLOBAL_BULK_STORE: i32 = 4;
pub const WW_SIM_GLOBAL_KINDS: i32 = 5;
pub const WW_SIM_SHARED_LOAD: i32 = 0;
pub const WW_SIM_SHARED_STORE: i32 = 1;
pub const WW_SIM_SHARED_ATOMIC: i32 = 2;
pub const WW_SIM_SHARED_LDMATRIX: i32 = 3;
pub const WW_SIM_SHARED_STMATRIX: i32 = 4;
pub const WW_SIM_SHARED_CP_ASYNC: i32 = 5;
pub const WW_SIM_SHARED_WGMMA: i32 = 6;
pub const WW_SIM_SHARED_BULK: i32 = 7;
pub const WW_SIM_SHARED_KINDS: i32 = 8;
pub const WW_SIM_TENSOR: i32 = 0;
pub const WW_SIM_SPECIAL: i32 = 1;
pub const WW_SIM_BARRIER: i32 = 2;
pub const WW_SIM_COLLECTIVE: i32 = 3;
pub const WW_SIM_COPY: i32 = 4;
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
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_global_traffic {
    pub requests: i64,
    pub sectors: i64,
    pub bytes: i64,
    pub used_bytes: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_global_traffic"][::core::mem::size_of::<ww_sim_global_traffic>() - 32usize];
    ["Alignment of ww_sim_global_traffic"][::core::mem::align_of::<ww_sim_global_traffic>() - 8usize];
    ["Offset of field: ww_sim_global_traffic::requests"]
        [::core::mem::offset_of!(ww_sim_global_traffic, requests) - 0usize];
    ["Offset of field: ww_sim_global_traffic::sectors"]
        [::core::mem::offset_of!(ww_sim_global_traffic, sectors) - 8usize];
    ["Offset of field: ww_sim_global_traffic::bytes"][::core::mem::offset_of!(ww_sim_global_traffic, bytes) - 16usize];
    ["Offset of field: ww_sim_global_traffic::used_bytes"]
        [::core::mem::offset_of!(ww_sim_global_traffic, used_bytes) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_shared_traffic {
    pub requests: i64,
    pub wavefronts: i64,
    pub ideal_wavefronts: i64,
    pub bytes: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_shared_traffic"][::core::mem::size_of::<ww_sim_shared_traffic>() - 32usize];
    ["Alignment of ww_sim_shared_traffic"][::core::mem::align_of::<ww_sim_shared_traffic>() - 8usize];
    ["Offset of field: ww_sim_shared_traffic::requests"]
        [::core::mem::offset_of!(ww_sim_shared_traffic, requests) - 0usize];
    ["Offset of field: ww_sim_shared_traffic::wavefronts"]
        [::core::mem::offset_of!(ww_sim_shared_traffic, wavefronts) - 8usize];
    ["Offset of field: ww_sim_shared_traffic::ideal_wavefronts"]
        [::core::mem::offset_of!(ww_sim_shared_traffic, ideal_wavefronts) - 16usize];
    ["Offset of field: ww_sim_shared_traffic::bytes"][::core::mem::offset_of!(ww_sim_shared_traffic, bytes) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_instruction {
    pub name: *const ::core::ffi::c_char,
    pub kind: i32,
    pub reserved: i32,
    pub instructions: i64,
    pub threads: i64,
    pub flops: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_instruction"][::core::mem::size_of::<ww_sim_instruction>() - 40usize];
    ["Alignment of ww_sim_instruction"][::core::mem::align_of::<ww_sim_instruction>() - 8usize];
    ["Offset of field: ww_sim_instruction::name"][::core::mem::offset_of!(ww_sim_instruction, name) - 0usize];
    ["Offset of field: ww_sim_instruction::kind"][::core::mem::offset_of!(ww_sim_instruction, kind) - 8usize];
    ["Offset of field: ww_sim_instruction::reserved"][::core::mem::offset_of!(ww_sim_instruction, reserved) - 12usize];
    ["Offset of field: ww_sim_instruction::instructions"]
        [::core::mem::offset_of!(ww_sim_instruction, instructions) - 16usize];
    ["Offset of field: ww_sim_instruction::threads"][::core::mem::offset_of!(ww_sim_instruction, threads) - 24usize];
    ["Offset of field: ww_sim_instruction::flops"][::core::mem::offset_of!(ww_sim_instruction, flops) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_line {
    pub line: *const ::core::ffi::c_char,
    pub global_requests: i64,
    pub sectors: i64,
    pub wasted_sectors: i64,
    pub shared_requests: i64,
    pub wavefronts: i64,
    pub conflicts: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_line"][::core::mem::size_of::<ww_sim_line>() - 56usize];
    ["Alignment of ww_sim_line"][::core::mem::align_of::<ww_sim_line>() - 8usize];
    ["Offset of field: ww_sim_line::line"][::core::mem::offset_of!(ww_sim_line, line) - 0usize];
    ["Offset of field: ww_sim_line::global_requests"][::core::mem::offset_of!(ww_sim_line, global_requests) - 8usize];
    ["Offset of field: ww_sim_line::sectors"][::core::mem::offset_of!(ww_sim_line, sectors) - 16usize];
    ["Offset of field: ww_sim_line::wasted_sectors"][::core::mem::offset_of!(ww_sim_line, wasted_sectors) - 24usize];
    ["Offset of field: ww_sim_line::shared_requests"][::core::mem::offset_of!(ww_sim_line, shared_requests) - 32usize];
    ["Offset of field: ww_sim_line::wavefronts"][::core::mem::offset_of!(ww_sim_line, wavefronts) - 40usize];
    ["Offset of field: ww_sim_line::conflicts"][::core::mem::offset_of!(ww_sim_line, conflicts) - 48usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sim_counters {
    pub kernel: *const ::core::ffi::c_char,
    pub launches: i64,
    pub blocks: i64,
    pub warps: i64,
    pub global: [ww_sim_global_traffic; 5usize],
    pub distinct_sectors_read: i64,
    pub distinct_sectors_written: i64,
    pub shared: [ww_sim_shared_traffic; 8usize],
    pub instructions: *const ww_sim_instruction,
    pub instruction_count: i64,
    pub lines: *const ww_sim_line,
    pub line_count: i64,
    pub table: *const ::core::ffi::c_char,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sim_counters"][::core::mem::size_of::<ww_sim_counters>() - 504usize];
    ["Alignment of ww_sim_counters"][::core::mem::align_of::<ww_sim_counters>() - 8usize];
    ["Offset of field: ww_sim_counters::kernel"][::core::mem::offset_of!(ww_sim_counters, kernel) - 0usize];
    ["Offset of field: ww_sim_counters::launches"][::core::mem::offset_of!(ww_sim_counters, launches) - 8usize];
    ["Offset of field: ww_sim_counters::blocks"][::core::mem::offset_of!(ww_sim_counters, blocks) - 16usize];
    ["Offset of field: ww_sim_counters::warps"][::core::mem::offset_of!(ww_sim_counters, warps) - 24usize];
    ["Offset of field: ww_sim_counters::global"][::core::mem::offset_of!(ww_sim_counters, global) - 32usize];
    ["Offset of field: ww_sim_counters::distinct_sectors_read"]
        [::core::mem::offset_of!(ww_sim_counters, distinct_sectors_read) - 192usize];
    ["Offset of field: ww_sim_counters::distinct_sectors_written"]
        [::core::mem::offset_of!(ww_sim_counters, distinct_sectors_written) - 200usize];
    ["Offset of field: ww_sim_counters::shared"][::core::mem::offset_of!(ww_sim_counters, shared) - 208usize];
    ["Offset of field: ww_sim_counters::instructions"]
        [::core::mem::offset_of!(ww_sim_counters, instructions) - 464usize];
    ["Offset of field: ww_sim_counters::instruction_count"]
        [::core::mem::offset_of!(ww_sim_counters, instruction_count) - 472usize];
    ["Offset of field: ww_sim_counters::lines"][::core::mem::offset_of!(ww_sim_counters, lines) - 480usize];
    ["Offset of field: ww_sim_counters::line_count"][::core::mem::offset_of!(ww_sim_counters, line_count) - 488usize];
    ["Offset of field: ww_sim_counters::table"][::core::mem::offset_of!(ww_sim_counters, table) - 496usize];
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
    #[link_name = "\u{1}ww_sim_activation"]
    pub fn activation(params: *const ww_activation_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_activation_backward"]
    pub fn activation_backward(params: *const ww_activation_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_activation_backward_workspace"]
    pub fn activation_backward_workspace(params: *const ww_activation_backward_params) -> i64;
    #[link_name = "\u{1}ww_sim_glu"]
    pub fn glu(params: *const ww_glu_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_glu_backward"]
    pub fn glu_backward(params: *const ww_glu_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_glu_backward_workspace"]
    pub fn glu_backward_workspace(params: *const ww_glu_backward_params) -> i64;
    #[link_name = "\u{1}ww_sim_bias_backward"]
    pub fn bias_backward(params: *const ww_bias_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_bias_backward_workspace"]
    pub fn bias_backward_workspace(params: *const ww_bias_backward_params) -> i64;
    #[link_name = "\u{1}ww_sim_cross_entropy"]
    pub fn cross_entropy(params: *const ww_cross_entropy_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_reciprocal_count"]
    pub fn reciprocal_count(params: *const ww_reciprocal_count_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_dropout_apply"]
    pub fn dropout_apply(params: *const ww_dropout_apply_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_embedding"]
    pub fn embedding(params: *const ww_embedding_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_embedding_backward"]
    pub fn embedding_backward(params: *const ww_embedding_backward_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_embedding_backward_workspace"]
    pub fn embedding_backward_workspace(params: *const ww_embedding_backward_params) -> i64;
    #[link_name = "\u{1}ww_sim_sinusoidal_positions"]
    pub fn sinusoidal_positions(params: *const ww_sinusoidal_positions_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_rotary"]
    pub fn rotary(params: *const ww_rotary_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_grad_norm"]
    pub fn grad_norm(params: *const ww_grad_norm_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_grad_norm_workspace"]
    pub fn grad_norm_workspace(params: *const ww_grad_norm_params) -> i64;
    #[link_name = "\u{1}ww_sim_adamw_begin"]
    pub fn adamw_begin(params: *const ww_adamw_begin_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_adamw"]
    pub fn adamw(params: *const ww_adamw_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_sample"]
    pub fn sample(params: *const ww_sample_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_strided_copy"]
    pub fn strided_copy(params: *const ww_strided_copy_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_strided_fill"]
    pub fn strided_fill(params: *const ww_strided_fill_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_reduce"]
    pub fn reduce(params: *const ww_reduce_params, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_reduce_workspace"]
    pub fn reduce_workspace(params: *const ww_reduce_params) -> i64;
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
    #[link_name = "\u{1}ww_sim_promise"]
    pub fn promise(address: *const ::core::ffi::c_void, bytes: i64, stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_message"]
    pub fn message(stream: ww_stream) -> *const ::core::ffi::c_char;
    #[link_name = "\u{1}ww_sim_counters_read"]
    pub fn counters_read(stream: ww_stream, counters: *mut *const ww_sim_counters, count: *mut i64) -> i32;
    #[link_name = "\u{1}ww_sim_counters_reset"]
    pub fn counters_reset(stream: ww_stream) -> i32;
    #[link_name = "\u{1}ww_sim_error_name"]
    pub fn error_name(error: i32) -> *const ::core::ffi::c_char;
    #[link_name = "\u{1}ww_sim_error_string"]
    pub fn error_string(error: i32) -> *const ::core::ffi::c_char;
}
