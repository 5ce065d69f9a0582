// Generated from kernels/include/warpweave.h by tests/bindings.rs: change that, not this.

pub const WW_OK: i32 = 0;
pub const WW_ERROR_ARGUMENT: i32 = -1;
pub const WW_ERROR_UNSUPPORTED: i32 = -2;
pub const WW_ERROR_WORKSPACE: i32 = -3;
pub const WW_F32: i32 = 0;
pub const WW_BF16: i32 = 1;
pub const WW_F16: i32 = 2;
pub const WW_NORM_LAYER: i32 = 0;
pub const WW_NORM_RMS: i32 = 1;
pub const WW_ACTIVATION_GELU_TANH: i32 = 0;
pub const WW_ACTIVATION_GELU: i32 = 1;
pub const WW_ACTIVATION_RELU: i32 = 2;
pub const WW_ACTIVATION_SILU: i32 = 3;
pub const WW_ROTARY_INTERLEAVED: i32 = 0;
pub const WW_ROTARY_HALF: i32 = 1;
pub type ww_stream = *mut ::core::ffi::c_void;
pub type ww_dtype = i32;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_dropout {
    pub seed: u64,
    pub site: u64,
    pub p: f32,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_dropout"][::core::mem::size_of::<ww_dropout>() - 24usize];
    ["Alignment of ww_dropout"][::core::mem::align_of::<ww_dropout>() - 8usize];
    ["Offset of field: ww_dropout::seed"][::core::mem::offset_of!(ww_dropout, seed) - 0usize];
    ["Offset of field: ww_dropout::site"][::core::mem::offset_of!(ww_dropout, site) - 8usize];
    ["Offset of field: ww_dropout::p"][::core::mem::offset_of!(ww_dropout, p) - 16usize];
    ["Offset of field: ww_dropout::reserved"][::core::mem::offset_of!(ww_dropout, reserved) - 20usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_rows {
    pub sizes: [i64; 3usize],
    pub columns: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_rows"][::core::mem::size_of::<ww_rows>() - 32usize];
    ["Alignment of ww_rows"][::core::mem::align_of::<ww_rows>() - 8usize];
    ["Offset of field: ww_rows::sizes"][::core::mem::offset_of!(ww_rows, sizes) - 0usize];
    ["Offset of field: ww_rows::columns"][::core::mem::offset_of!(ww_rows, columns) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_norm_params {
    pub rows: i64,
    pub columns: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_stride: i64,
    pub residual: *const ::core::ffi::c_void,
    pub residual_stride: i64,
    pub sum: *mut ::core::ffi::c_void,
    pub sum_stride: i64,
    pub y: *mut ::core::ffi::c_void,
    pub y_stride: i64,
    pub gamma: *const ::core::ffi::c_void,
    pub beta: *const ::core::ffi::c_void,
    pub mean: *mut f32,
    pub rstd: *mut f32,
    pub dropout: ww_dropout,
    pub eps: f32,
    pub kind: i32,
    pub dtype: ww_dtype,
    pub weight_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_norm_params"][::core::mem::size_of::<ww_norm_params>() - 152usize];
    ["Alignment of ww_norm_params"][::core::mem::align_of::<ww_norm_params>() - 8usize];
    ["Offset of field: ww_norm_params::rows"][::core::mem::offset_of!(ww_norm_params, rows) - 0usize];
    ["Offset of field: ww_norm_params::columns"][::core::mem::offset_of!(ww_norm_params, columns) - 8usize];
    ["Offset of field: ww_norm_params::x"][::core::mem::offset_of!(ww_norm_params, x) - 16usize];
    ["Offset of field: ww_norm_params::x_stride"][::core::mem::offset_of!(ww_norm_params, x_stride) - 24usize];
    ["Offset of field: ww_norm_params::residual"][::core::mem::offset_of!(ww_norm_params, residual) - 32usize];
    ["Offset of field: ww_norm_params::residual_stride"]
        [::core::mem::offset_of!(ww_norm_params, residual_stride) - 40usize];
    ["Offset of field: ww_norm_params::sum"][::core::mem::offset_of!(ww_norm_params, sum) - 48usize];
    ["Offset of field: ww_norm_params::sum_stride"][::core::mem::offset_of!(ww_norm_params, sum_stride) - 56usize];
    ["Offset of field: ww_norm_params::y"][::core::mem::offset_of!(ww_norm_params, y) - 64usize];
    ["Offset of field: ww_norm_params::y_stride"][::core::mem::offset_of!(ww_norm_params, y_stride) - 72usize];
    ["Offset of field: ww_norm_params::gamma"][::core::mem::offset_of!(ww_norm_params, gamma) - 80usize];
    ["Offset of field: ww_norm_params::beta"][::core::mem::offset_of!(ww_norm_params, beta) - 88usize];
    ["Offset of field: ww_norm_params::mean"][::core::mem::offset_of!(ww_norm_params, mean) - 96usize];
    ["Offset of field: ww_norm_params::rstd"][::core::mem::offset_of!(ww_norm_params, rstd) - 104usize];
    ["Offset of field: ww_norm_params::dropout"][::core::mem::offset_of!(ww_norm_params, dropout) - 112usize];
    ["Offset of field: ww_norm_params::eps"][::core::mem::offset_of!(ww_norm_params, eps) - 136usize];
    ["Offset of field: ww_norm_params::kind"][::core::mem::offset_of!(ww_norm_params, kind) - 140usize];
    ["Offset of field: ww_norm_params::dtype"][::core::mem::offset_of!(ww_norm_params, dtype) - 144usize];
    ["Offset of field: ww_norm_params::weight_dtype"][::core::mem::offset_of!(ww_norm_params, weight_dtype) - 148usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_norm_backward_params {
    pub rows: i64,
    pub columns: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_stride: i64,
    pub dy: *const ::core::ffi::c_void,
    pub dy_stride: i64,
    pub residual_grad: *const ::core::ffi::c_void,
    pub residual_grad_stride: i64,
    pub dx: *mut ::core::ffi::c_void,
    pub dx_stride: i64,
    pub dbranch: *mut ::core::ffi::c_void,
    pub dbranch_stride: i64,
    pub gamma: *const ::core::ffi::c_void,
    pub mean: *const f32,
    pub rstd: *const f32,
    pub dgamma: *mut f32,
    pub dbeta: *mut f32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub dropout: ww_dropout,
    pub beta_acc: f32,
    pub kind: i32,
    pub dtype: ww_dtype,
    pub weight_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_norm_backward_params"][::core::mem::size_of::<ww_norm_backward_params>() - 192usize];
    ["Alignment of ww_norm_backward_params"][::core::mem::align_of::<ww_norm_backward_params>() - 8usize];
    ["Offset of field: ww_norm_backward_params::rows"][::core::mem::offset_of!(ww_norm_backward_params, rows) - 0usize];
    ["Offset of field: ww_norm_backward_params::columns"]
        [::core::mem::offset_of!(ww_norm_backward_params, columns) - 8usize];
    ["Offset of field: ww_norm_backward_params::x"][::core::mem::offset_of!(ww_norm_backward_params, x) - 16usize];
    ["Offset of field: ww_norm_backward_params::x_stride"]
        [::core::mem::offset_of!(ww_norm_backward_params, x_stride) - 24usize];
    ["Offset of field: ww_norm_backward_params::dy"][::core::mem::offset_of!(ww_norm_backward_params, dy) - 32usize];
    ["Offset of field: ww_norm_backward_params::dy_stride"]
        [::core::mem::offset_of!(ww_norm_backward_params, dy_stride) - 40usize];
    ["Offset of field: ww_norm_backward_params::residual_grad"]
        [::core::mem::offset_of!(ww_norm_backward_params, residual_grad) - 48usize];
    ["Offset of field: ww_norm_backward_params::residual_grad_stride"]
        [::core::mem::offset_of!(ww_norm_backward_params, residual_grad_stride) - 56usize];
    ["Offset of field: ww_norm_backward_params::dx"][::core::mem::offset_of!(ww_norm_backward_params, dx) - 64usize];
    ["Offset of field: ww_norm_backward_params::dx_stride"]
        [::core::mem::offset_of!(ww_norm_backward_params, dx_stride) - 72usize];
    ["Offset of field: ww_norm_backward_params::dbranch"]
        [::core::mem::offset_of!(ww_norm_backward_params, dbranch) - 80usize];
    ["Offset of field: ww_norm_backward_params::dbranch_stride"]
        [::core::mem::offset_of!(ww_norm_backward_params, dbranch_stride) - 88usize];
    ["Offset of field: ww_norm_backward_params::gamma"]
        [::core::mem::offset_of!(ww_norm_backward_params, gamma) - 96usize];
    ["Offset of field: ww_norm_backward_params::mean"]
        [::core::mem::offset_of!(ww_norm_backward_params, mean) - 104usize];
    ["Offset of field: ww_norm_backward_params::rstd"]
        [::core::mem::offset_of!(ww_norm_backward_params, rstd) - 112usize];
    ["Offset of field: ww_norm_backward_params::dgamma"]
        [::core::mem::offset_of!(ww_norm_backward_params, dgamma) - 120usize];
    ["Offset of field: ww_norm_backward_params::dbeta"]
        [::core::mem::offset_of!(ww_norm_backward_params, dbeta) - 128usize];
    ["Offset of field: ww_norm_backward_params::workspace"]
        [::core::mem::offset_of!(ww_norm_backward_params, workspace) - 136usize];
    ["Offset of field: ww_norm_backward_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_norm_backward_params, workspace_bytes) - 144usize];
    ["Offset of field: ww_norm_backward_params::dropout"]
        [::core::mem::offset_of!(ww_norm_backward_params, dropout) - 152usize];
    ["Offset of field: ww_norm_backward_params::beta_acc"]
        [::core::mem::offset_of!(ww_norm_backward_params, beta_acc) - 176usize];
    ["Offset of field: ww_norm_backward_params::kind"]
        [::core::mem::offset_of!(ww_norm_backward_params, kind) - 180usize];
    ["Offset of field: ww_norm_backward_params::dtype"]
        [::core::mem::offset_of!(ww_norm_backward_params, dtype) - 184usize];
    ["Offset of field: ww_norm_backward_params::weight_dtype"]
        [::core::mem::offset_of!(ww_norm_backward_params, weight_dtype) - 188usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_softmax_params {
    pub batch: i64,
    pub heads: i64,
    pub seq_len_q: i64,
    pub seq_len_k: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_strides: [i64; 3usize],
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 3usize],
    pub key_lengths: *const u32,
    pub allowed: *const u8,
    pub allowed_strides: [i64; 4usize],
    pub bias: *const ::core::ffi::c_void,
    pub bias_strides: [i64; 4usize],
    pub window_left: i64,
    pub window_right: i64,
    pub scale: f32,
    pub causal: i32,
    pub dtype: ww_dtype,
    pub bias_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_softmax_params"][::core::mem::size_of::<ww_softmax_params>() - 216usize];
    ["Alignment of ww_softmax_params"][::core::mem::align_of::<ww_softmax_params>() - 8usize];
    ["Offset of field: ww_softmax_params::batch"][::core::mem::offset_of!(ww_softmax_params, batch) - 0usize];
    ["Offset of field: ww_softmax_params::heads"][::core::mem::offset_of!(ww_softmax_params, heads) - 8usize];
    ["Offset of field: ww_softmax_params::seq_len_q"][::core::mem::offset_of!(ww_softmax_params, seq_len_q) - 16usize];
    ["Offset of field: ww_softmax_params::seq_len_k"][::core::mem::offset_of!(ww_softmax_params, seq_len_k) - 24usize];
    ["Offset of field: ww_softmax_params::x"][::core::mem::offset_of!(ww_softmax_params, x) - 32usize];
    ["Offset of field: ww_softmax_params::x_strides"][::core::mem::offset_of!(ww_softmax_params, x_strides) - 40usize];
    ["Offset of field: ww_softmax_params::y"][::core::mem::offset_of!(ww_softmax_params, y) - 64usize];
    ["Offset of field: ww_softmax_params::y_strides"][::core::mem::offset_of!(ww_softmax_params, y_strides) - 72usize];
    ["Offset of field: ww_softmax_params::key_lengths"]
        [::core::mem::offset_of!(ww_softmax_params, key_lengths) - 96usize];
    ["Offset of field: ww_softmax_params::allowed"][::core::mem::offset_of!(ww_softmax_params, allowed) - 104usize];
    ["Offset of field: ww_softmax_params::allowed_strides"]
        [::core::mem::offset_of!(ww_softmax_params, allowed_strides) - 112usize];
    ["Offset of field: ww_softmax_params::bias"][::core::mem::offset_of!(ww_softmax_params, bias) - 144usize];
    ["Offset of field: ww_softmax_params::bias_strides"]
        [::core::mem::offset_of!(ww_softmax_params, bias_strides) - 152usize];
    ["Offset of field: ww_softmax_params::window_left"]
        [::core::mem::offset_of!(ww_softmax_params, window_left) - 184usize];
    ["Offset of field: ww_softmax_params::window_right"]
        [::core::mem::offset_of!(ww_softmax_params, window_right) - 192usize];
    ["Offset of field: ww_softmax_params::scale"][::core::mem::offset_of!(ww_softmax_params, scale) - 200usize];
    ["Offset of field: ww_softmax_params::causal"][::core::mem::offset_of!(ww_softmax_params, causal) - 204usize];
    ["Offset of field: ww_softmax_params::dtype"][::core::mem::offset_of!(ww_softmax_params, dtype) - 208usize];
    ["Offset of field: ww_softmax_params::bias_dtype"]
        [::core::mem::offset_of!(ww_softmax_params, bias_dtype) - 212usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_softmax_backward_params {
    pub batch: i64,
    pub heads: i64,
    pub seq_len_q: i64,
    pub seq_len_k: i64,
    pub y: *const ::core::ffi::c_void,
    pub y_strides: [i64; 3usize],
    pub grad: *mut ::core::ffi::c_void,
    pub grad_strides: [i64; 3usize],
    pub scale: f32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_softmax_backward_params"][::core::mem::size_of::<ww_softmax_backward_params>() - 104usize];
    ["Alignment of ww_softmax_backward_params"][::core::mem::align_of::<ww_softmax_backward_params>() - 8usize];
    ["Offset of field: ww_softmax_backward_params::batch"]
        [::core::mem::offset_of!(ww_softmax_backward_params, batch) - 0usize];
    ["Offset of field: ww_softmax_backward_params::heads"]
        [::core::mem::offset_of!(ww_softmax_backward_params, heads) - 8usize];
    ["Offset of field: ww_softmax_backward_params::seq_len_q"]
        [::core::mem::offset_of!(ww_softmax_backward_params, seq_len_q) - 16usize];
    ["Offset of field: ww_softmax_backward_params::seq_len_k"]
        [::core::mem::offset_of!(ww_softmax_backward_params, seq_len_k) - 24usize];
    ["Offset of field: ww_softmax_backward_params::y"]
        [::core::mem::offset_of!(ww_softmax_backward_params, y) - 32usize];
    ["Offset of field: ww_softmax_backward_params::y_strides"]
        [::core::mem::offset_of!(ww_softmax_backward_params, y_strides) - 40usize];
    ["Offset of field: ww_softmax_backward_params::grad"]
        [::core::mem::offset_of!(ww_softmax_backward_params, grad) - 64usize];
    ["Offset of field: ww_softmax_backward_params::grad_strides"]
        [::core::mem::offset_of!(ww_softmax_backward_params, grad_strides) - 72usize];
    ["Offset of field: ww_softmax_backward_params::scale"]
        [::core::mem::offset_of!(ww_softmax_backward_params, scale) - 96usize];
    ["Offset of field: ww_softmax_backward_params::dtype"]
        [::core::mem::offset_of!(ww_softmax_backward_params, dtype) - 100usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_activation_params {
    pub rows: ww_rows,
    pub x: *const ::core::ffi::c_void,
    pub x_strides: [i64; 3usize],
    pub bias: *const ::core::ffi::c_void,
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 3usize],
    pub kind: i32,
    pub dtype: ww_dtype,
    pub bias_dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_activation_params"][::core::mem::size_of::<ww_activation_params>() - 120usize];
    ["Alignment of ww_activation_params"][::core::mem::align_of::<ww_activation_params>() - 8usize];
    ["Offset of field: ww_activation_params::rows"][::core::mem::offset_of!(ww_activation_params, rows) - 0usize];
    ["Offset of field: ww_activation_params::x"][::core::mem::offset_of!(ww_activation_params, x) - 32usize];
    ["Offset of field: ww_activation_params::x_strides"]
        [::core::mem::offset_of!(ww_activation_params, x_strides) - 40usize];
    ["Offset of field: ww_activation_params::bias"][::core::mem::offset_of!(ww_activation_params, bias) - 64usize];
    ["Offset of field: ww_activation_params::y"][::core::mem::offset_of!(ww_activation_params, y) - 72usize];
    ["Offset of field: ww_activation_params::y_strides"]
        [::core::mem::offset_of!(ww_activation_params, y_strides) - 80usize];
    ["Offset of field: ww_activation_params::kind"][::core::mem::offset_of!(ww_activation_params, kind) - 104usize];
    ["Offset of field: ww_activation_params::dtype"][::core::mem::offset_of!(ww_activation_params, dtype) - 108usize];
    ["Offset of field: ww_activation_params::bias_dtype"]
        [::core::mem::offset_of!(ww_activation_params, bias_dtype) - 112usize];
    ["Offset of field: ww_activation_params::reserved"]
        [::core::mem::offset_of!(ww_activation_params, reserved) - 116usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_activation_backward_params {
    pub rows: ww_rows,
    pub x: *const ::core::ffi::c_void,
    pub x_strides: [i64; 3usize],
    pub bias: *const ::core::ffi::c_void,
    pub dy: *const ::core::ffi::c_void,
    pub dy_strides: [i64; 3usize],
    pub dx: *mut ::core::ffi::c_void,
    pub dx_strides: [i64; 3usize],
    pub dbias: *mut f32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub beta: f32,
    pub kind: i32,
    pub dtype: ww_dtype,
    pub bias_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_activation_backward_params"][::core::mem::size_of::<ww_activation_backward_params>() - 176usize];
    ["Alignment of ww_activation_backward_params"][::core::mem::align_of::<ww_activation_backward_params>() - 8usize];
    ["Offset of field: ww_activation_backward_params::rows"]
        [::core::mem::offset_of!(ww_activation_backward_params, rows) - 0usize];
    ["Offset of field: ww_activation_backward_params::x"]
        [::core::mem::offset_of!(ww_activation_backward_params, x) - 32usize];
    ["Offset of field: ww_activation_backward_params::x_strides"]
        [::core::mem::offset_of!(ww_activation_backward_params, x_strides) - 40usize];
    ["Offset of field: ww_activation_backward_params::bias"]
        [::core::mem::offset_of!(ww_activation_backward_params, bias) - 64usize];
    ["Offset of field: ww_activation_backward_params::dy"]
        [::core::mem::offset_of!(ww_activation_backward_params, dy) - 72usize];
    ["Offset of field: ww_activation_backward_params::dy_strides"]
        [::core::mem::offset_of!(ww_activation_backward_params, dy_strides) - 80usize];
    ["Offset of field: ww_activation_backward_params::dx"]
        [::core::mem::offset_of!(ww_activation_backward_params, dx) - 104usize];
    ["Offset of field: ww_activation_backward_params::dx_strides"]
        [::core::mem::offset_of!(ww_activation_backward_params, dx_strides) - 112usize];
    ["Offset of field: ww_activation_backward_params::dbias"]
        [::core::mem::offset_of!(ww_activation_backward_params, dbias) - 136usize];
    ["Offset of field: ww_activation_backward_params::workspace"]
        [::core::mem::offset_of!(ww_activation_backward_params, workspace) - 144usize];
    ["Offset of field: ww_activation_backward_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_activation_backward_params, workspace_bytes) - 152usize];
    ["Offset of field: ww_activation_backward_params::beta"]
        [::core::mem::offset_of!(ww_activation_backward_params, beta) - 160usize];
    ["Offset of field: ww_activation_backward_params::kind"]
        [::core::mem::offset_of!(ww_activation_backward_params, kind) - 164usize];
    ["Offset of field: ww_activation_backward_params::dtype"]
        [::core::mem::offset_of!(ww_activation_backward_params, dtype) - 168usize];
    ["Offset of field: ww_activation_backward_params::bias_dtype"]
        [::core::mem::offset_of!(ww_activation_backward_params, bias_dtype) - 172usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_glu_params {
    pub rows: i64,
    pub columns: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_stride: i64,
    pub bias: *const ::core::ffi::c_void,
    pub y: *mut ::core::ffi::c_void,
    pub y_stride: i64,
    pub kind: i32,
    pub dtype: ww_dtype,
    pub bias_dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_glu_params"][::core::mem::size_of::<ww_glu_params>() - 72usize];
    ["Alignment of ww_glu_params"][::core::mem::align_of::<ww_glu_params>() - 8usize];
    ["Offset of field: ww_glu_params::rows"][::core::mem::offset_of!(ww_glu_params, rows) - 0usize];
    ["Offset of field: ww_glu_params::columns"][::core::mem::offset_of!(ww_glu_params, columns) - 8usize];
    ["Offset of field: ww_glu_params::x"][::core::mem::offset_of!(ww_glu_params, x) - 16usize];
    ["Offset of field: ww_glu_params::x_stride"][::core::mem::offset_of!(ww_glu_params, x_stride) - 24usize];
    ["Offset of field: ww_glu_params::bias"][::core::mem::offset_of!(ww_glu_params, bias) - 32usize];
    ["Offset of field: ww_glu_params::y"][::core::mem::offset_of!(ww_glu_params, y) - 40usize];
    ["Offset of field: ww_glu_params::y_stride"][::core::mem::offset_of!(ww_glu_params, y_stride) - 48usize];
    ["Offset of field: ww_glu_params::kind"][::core::mem::offset_of!(ww_glu_params, kind) - 56usize];
    ["Offset of field: ww_glu_params::dtype"][::core::mem::offset_of!(ww_glu_params, dtype) - 60usize];
    ["Offset of field: ww_glu_params::bias_dtype"][::core::mem::offset_of!(ww_glu_params, bias_dtype) - 64usize];
    ["Offset of field: ww_glu_params::reserved"][::core::mem::offset_of!(ww_glu_params, reserved) - 68usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_glu_backward_params {
    pub rows: i64,
    pub columns: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_stride: i64,
    pub bias: *const ::core::ffi::c_void,
    pub dy: *const ::core::ffi::c_void,
    pub dy_stride: i64,
    pub dx: *mut ::core::ffi::c_void,
    pub dx_stride: i64,
    pub dbias: *mut f32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub beta: f32,
    pub kind: i32,
    pub dtype: ww_dtype,
    pub bias_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_glu_backward_params"][::core::mem::size_of::<ww_glu_backward_params>() - 112usize];
    ["Alignment of ww_glu_backward_params"][::core::mem::align_of::<ww_glu_backward_params>() - 8usize];
    ["Offset of field: ww_glu_backward_params::rows"][::core::mem::offset_of!(ww_glu_backward_params, rows) - 0usize];
    ["Offset of field: ww_glu_backward_params::columns"]
        [::core::mem::offset_of!(ww_glu_backward_params, columns) - 8usize];
    ["Offset of field: ww_glu_backward_params::x"][::core::mem::offset_of!(ww_glu_backward_params, x) - 16usize];
    ["Offset of field: ww_glu_backward_params::x_stride"]
        [::core::mem::offset_of!(ww_glu_backward_params, x_stride) - 24usize];
    ["Offset of field: ww_glu_backward_params::bias"][::core::mem::offset_of!(ww_glu_backward_params, bias) - 32usize];
    ["Offset of field: ww_glu_backward_params::dy"][::core::mem::offset_of!(ww_glu_backward_params, dy) - 40usize];
    ["Offset of field: ww_glu_backward_params::dy_stride"]
        [::core::mem::offset_of!(ww_glu_backward_params, dy_stride) - 48usize];
    ["Offset of field: ww_glu_backward_params::dx"][::core::mem::offset_of!(ww_glu_backward_params, dx) - 56usize];
    ["Offset of field: ww_glu_backward_params::dx_stride"]
        [::core::mem::offset_of!(ww_glu_backward_params, dx_stride) - 64usize];
    ["Offset of field: ww_glu_backward_params::dbias"]
        [::core::mem::offset_of!(ww_glu_backward_params, dbias) - 72usize];
    ["Offset of field: ww_glu_backward_params::workspace"]
        [::core::mem::offset_of!(ww_glu_backward_params, workspace) - 80usize];
    ["Offset of field: ww_glu_backward_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_glu_backward_params, workspace_bytes) - 88usize];
    ["Offset of field: ww_glu_backward_params::beta"][::core::mem::offset_of!(ww_glu_backward_params, beta) - 96usize];
    ["Offset of field: ww_glu_backward_params::kind"][::core::mem::offset_of!(ww_glu_backward_params, kind) - 100usize];
    ["Offset of field: ww_glu_backward_params::dtype"]
        [::core::mem::offset_of!(ww_glu_backward_params, dtype) - 104usize];
    ["Offset of field: ww_glu_backward_params::bias_dtype"]
        [::core::mem::offset_of!(ww_glu_backward_params, bias_dtype) - 108usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_bias_backward_params {
    pub rows: i64,
    pub columns: i64,
    pub dy: *const ::core::ffi::c_void,
    pub dy_stride: i64,
    pub dbias: *mut f32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub beta: f32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_bias_backward_params"][::core::mem::size_of::<ww_bias_backward_params>() - 64usize];
    ["Alignment of ww_bias_backward_params"][::core::mem::align_of::<ww_bias_backward_params>() - 8usize];
    ["Offset of field: ww_bias_backward_params::rows"][::core::mem::offset_of!(ww_bias_backward_params, rows) - 0usize];
    ["Offset of field: ww_bias_backward_params::columns"]
        [::core::mem::offset_of!(ww_bias_backward_params, columns) - 8usize];
    ["Offset of field: ww_bias_backward_params::dy"][::core::mem::offset_of!(ww_bias_backward_params, dy) - 16usize];
    ["Offset of field: ww_bias_backward_params::dy_stride"]
        [::core::mem::offset_of!(ww_bias_backward_params, dy_stride) - 24usize];
    ["Offset of field: ww_bias_backward_params::dbias"]
        [::core::mem::offset_of!(ww_bias_backward_params, dbias) - 32usize];
    ["Offset of field: ww_bias_backward_params::workspace"]
        [::core::mem::offset_of!(ww_bias_backward_params, workspace) - 40usize];
    ["Offset of field: ww_bias_backward_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_bias_backward_params, workspace_bytes) - 48usize];
    ["Offset of field: ww_bias_backward_params::beta"]
        [::core::mem::offset_of!(ww_bias_backward_params, beta) - 56usize];
    ["Offset of field: ww_bias_backward_params::dtype"]
        [::core::mem::offset_of!(ww_bias_backward_params, dtype) - 60usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_cross_entropy_params {
    pub rows: i64,
    pub columns: i64,
    pub vocab_size: i64,
    pub logits: *mut ::core::ffi::c_void,
    pub logits_stride: i64,
    pub targets: *const u32,
    pub weights: *const f32,
    pub device_scale: *const f32,
    pub losses: *mut f32,
    pub lse: *mut f32,
    pub grad_scale: f32,
    pub label_smoothing: f32,
    pub z_loss: f32,
    pub ignore_index: u32,
    pub gradient: i32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_cross_entropy_params"][::core::mem::size_of::<ww_cross_entropy_params>() - 104usize];
    ["Alignment of ww_cross_entropy_params"][::core::mem::align_of::<ww_cross_entropy_params>() - 8usize];
    ["Offset of field: ww_cross_entropy_params::rows"][::core::mem::offset_of!(ww_cross_entropy_params, rows) - 0usize];
    ["Offset of field: ww_cross_entropy_params::columns"]
        [::core::mem::offset_of!(ww_cross_entropy_params, columns) - 8usize];
    ["Offset of field: ww_cross_entropy_params::vocab_size"]
        [::core::mem::offset_of!(ww_cross_entropy_params, vocab_size) - 16usize];
    ["Offset of field: ww_cross_entropy_params::logits"]
        [::core::mem::offset_of!(ww_cross_entropy_params, logits) - 24usize];
    ["Offset of field: ww_cross_entropy_params::logits_stride"]
        [::core::mem::offset_of!(ww_cross_entropy_params, logits_stride) - 32usize];
    ["Offset of field: ww_cross_entropy_params::targets"]
        [::core::mem::offset_of!(ww_cross_entropy_params, targets) - 40usize];
    ["Offset of field: ww_cross_entropy_params::weights"]
        [::core::mem::offset_of!(ww_cross_entropy_params, weights) - 48usize];
    ["Offset of field: ww_cross_entropy_params::device_scale"]
        [::core::mem::offset_of!(ww_cross_entropy_params, device_scale) - 56usize];
    ["Offset of field: ww_cross_entropy_params::losses"]
        [::core::mem::offset_of!(ww_cross_entropy_params, losses) - 64usize];
    ["Offset of field: ww_cross_entropy_params::lse"][::core::mem::offset_of!(ww_cross_entropy_params, lse) - 72usize];
    ["Offset of field: ww_cross_entropy_params::grad_scale"]
        [::core::mem::offset_of!(ww_cross_entropy_params, grad_scale) - 80usize];
    ["Offset of field: ww_cross_entropy_params::label_smoothing"]
        [::core::mem::offset_of!(ww_cross_entropy_params, label_smoothing) - 84usize];
    ["Offset of field: ww_cross_entropy_params::z_loss"]
        [::core::mem::offset_of!(ww_cross_entropy_params, z_loss) - 88usize];
    ["Offset of field: ww_cross_entropy_params::ignore_index"]
        [::core::mem::offset_of!(ww_cross_entropy_params, ignore_index) - 92usize];
    ["Offset of field: ww_cross_entropy_params::gradient"]
        [::core::mem::offset_of!(ww_cross_entropy_params, gradient) - 96usize];
    ["Offset of field: ww_cross_entropy_params::dtype"]
        [::core::mem::offset_of!(ww_cross_entropy_params, dtype) - 100usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_reciprocal_count_params {
    pub count: i64,
    pub targets: *const u32,
    pub reciprocal: *mut f32,
    pub ignore_index: u32,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_reciprocal_count_params"][::core::mem::size_of::<ww_reciprocal_count_params>() - 32usize];
    ["Alignment of ww_reciprocal_count_params"][::core::mem::align_of::<ww_reciprocal_count_params>() - 8usize];
    ["Offset of field: ww_reciprocal_count_params::count"]
        [::core::mem::offset_of!(ww_reciprocal_count_params, count) - 0usize];
    ["Offset of field: ww_reciprocal_count_params::targets"]
        [::core::mem::offset_of!(ww_reciprocal_count_params, targets) - 8usize];
    ["Offset of field: ww_reciprocal_count_params::reciprocal"]
        [::core::mem::offset_of!(ww_reciprocal_count_params, reciprocal) - 16usize];
    ["Offset of field: ww_reciprocal_count_params::ignore_index"]
        [::core::mem::offset_of!(ww_reciprocal_count_params, ignore_index) - 24usize];
    ["Offset of field: ww_reciprocal_count_params::reserved"]
        [::core::mem::offset_of!(ww_reciprocal_count_params, reserved) - 28usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_dropout_apply_params {
    pub rows: ww_rows,
    pub x: *const ::core::ffi::c_void,
    pub x_strides: [i64; 3usize],
    pub residual: *const ::core::ffi::c_void,
    pub residual_strides: [i64; 3usize],
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 3usize],
    pub dropout: ww_dropout,
    pub dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_dropout_apply_params"][::core::mem::size_of::<ww_dropout_apply_params>() - 160usize];
    ["Alignment of ww_dropout_apply_params"][::core::mem::align_of::<ww_dropout_apply_params>() - 8usize];
    ["Offset of field: ww_dropout_apply_params::rows"][::core::mem::offset_of!(ww_dropout_apply_params, rows) - 0usize];
    ["Offset of field: ww_dropout_apply_params::x"][::core::mem::offset_of!(ww_dropout_apply_params, x) - 32usize];
    ["Offset of field: ww_dropout_apply_params::x_strides"]
        [::core::mem::offset_of!(ww_dropout_apply_params, x_strides) - 40usize];
    ["Offset of field: ww_dropout_apply_params::residual"]
        [::core::mem::offset_of!(ww_dropout_apply_params, residual) - 64usize];
    ["Offset of field: ww_dropout_apply_params::residual_strides"]
        [::core::mem::offset_of!(ww_dropout_apply_params, residual_strides) - 72usize];
    ["Offset of field: ww_dropout_apply_params::y"][::core::mem::offset_of!(ww_dropout_apply_params, y) - 96usize];
    ["Offset of field: ww_dropout_apply_params::y_strides"]
        [::core::mem::offset_of!(ww_dropout_apply_params, y_strides) - 104usize];
    ["Offset of field: ww_dropout_apply_params::dropout"]
        [::core::mem::offset_of!(ww_dropout_apply_params, dropout) - 128usize];
    ["Offset of field: ww_dropout_apply_params::dtype"]
        [::core::mem::offset_of!(ww_dropout_apply_params, dtype) - 152usize];
    ["Offset of field: ww_dropout_apply_params::reserved"]
        [::core::mem::offset_of!(ww_dropout_apply_params, reserved) - 156usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_embedding_params {
    pub batch: i64,
    pub seq_len: i64,
    pub columns: i64,
    pub vocab_size: i64,
    pub tokens: *const u32,
    pub tokens_stride: i64,
    pub table: *const ::core::ffi::c_void,
    pub table_stride: i64,
    pub positions: *const ::core::ffi::c_void,
    pub positions_stride: i64,
    pub position_count: i64,
    pub first_position: i64,
    pub position_ids: *const u32,
    pub position_ids_stride: i64,
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 2usize],
    pub dropout: ww_dropout,
    pub scale: f32,
    pub dtype: ww_dtype,
    pub weight_dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_embedding_params"][::core::mem::size_of::<ww_embedding_params>() - 176usize];
    ["Alignment of ww_embedding_params"][::core::mem::align_of::<ww_embedding_params>() - 8usize];
    ["Offset of field: ww_embedding_params::batch"][::core::mem::offset_of!(ww_embedding_params, batch) - 0usize];
    ["Offset of field: ww_embedding_params::seq_len"][::core::mem::offset_of!(ww_embedding_params, seq_len) - 8usize];
    ["Offset of field: ww_embedding_params::columns"][::core::mem::offset_of!(ww_embedding_params, columns) - 16usize];
    ["Offset of field: ww_embedding_params::vocab_size"]
        [::core::mem::offset_of!(ww_embedding_params, vocab_size) - 24usize];
    ["Offset of field: ww_embedding_params::tokens"][::core::mem::offset_of!(ww_embedding_params, tokens) - 32usize];
    ["Offset of field: ww_embedding_params::tokens_stride"]
        [::core::mem::offset_of!(ww_embedding_params, tokens_stride) - 40usize];
    ["Offset of field: ww_embedding_params::table"][::core::mem::offset_of!(ww_embedding_params, table) - 48usize];
    ["Offset of field: ww_embedding_params::table_stride"]
        [::core::mem::offset_of!(ww_embedding_params, table_stride) - 56usize];
    ["Offset of field: ww_embedding_params::positions"]
        [::core::mem::offset_of!(ww_embedding_params, positions) - 64usize];
    ["Offset of field: ww_embedding_params::positions_stride"]
        [::core::mem::offset_of!(ww_embedding_params, positions_stride) - 72usize];
    ["Offset of field: ww_embedding_params::position_count"]
        [::core::mem::offset_of!(ww_embedding_params, position_count) - 80usize];
    ["Offset of field: ww_embedding_params::first_position"]
        [::core::mem::offset_of!(ww_embedding_params, first_position) - 88usize];
    ["Offset of field: ww_embedding_params::position_ids"]
        [::core::mem::offset_of!(ww_embedding_params, position_ids) - 96usize];
    ["Offset of field: ww_embedding_params::position_ids_stride"]
        [::core::mem::offset_of!(ww_embedding_params, position_ids_stride) - 104usize];
    ["Offset of field: ww_embedding_params::y"][::core::mem::offset_of!(ww_embedding_params, y) - 112usize];
    ["Offset of field: ww_embedding_params::y_strides"]
        [::core::mem::offset_of!(ww_embedding_params, y_strides) - 120usize];
    ["Offset of field: ww_embedding_params::dropout"][::core::mem::offset_of!(ww_embedding_params, dropout) - 136usize];
    ["Offset of field: ww_embedding_params::scale"][::core::mem::offset_of!(ww_embedding_params, scale) - 160usize];
    ["Offset of field: ww_embedding_params::dtype"][::core::mem::offset_of!(ww_embedding_params, dtype) - 164usize];
    ["Offset of field: ww_embedding_params::weight_dtype"]
        [::core::mem::offset_of!(ww_embedding_params, weight_dtype) - 168usize];
    ["Offset of field: ww_embedding_params::reserved"]
        [::core::mem::offset_of!(ww_embedding_params, reserved) - 172usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_embedding_backward_params {
    pub batch: i64,
    pub seq_len: i64,
    pub columns: i64,
    pub vocab_size: i64,
    pub tokens: *const u32,
    pub tokens_stride: i64,
    pub position_count: i64,
    pub first_position: i64,
    pub position_ids: *const u32,
    pub position_ids_stride: i64,
    pub dy: *const ::core::ffi::c_void,
    pub dy_strides: [i64; 2usize],
    pub dtable: *mut f32,
    pub dtable_stride: i64,
    pub dpositions: *mut f32,
    pub dpositions_stride: i64,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub dropout: ww_dropout,
    pub scale: f32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_embedding_backward_params"][::core::mem::size_of::<ww_embedding_backward_params>() - 184usize];
    ["Alignment of ww_embedding_backward_params"][::core::mem::align_of::<ww_embedding_backward_params>() - 8usize];
    ["Offset of field: ww_embedding_backward_params::batch"]
        [::core::mem::offset_of!(ww_embedding_backward_params, batch) - 0usize];
    ["Offset of field: ww_embedding_backward_params::seq_len"]
        [::core::mem::offset_of!(ww_embedding_backward_params, seq_len) - 8usize];
    ["Offset of field: ww_embedding_backward_params::columns"]
        [::core::mem::offset_of!(ww_embedding_backward_params, columns) - 16usize];
    ["Offset of field: ww_embedding_backward_params::vocab_size"]
        [::core::mem::offset_of!(ww_embedding_backward_params, vocab_size) - 24usize];
    ["Offset of field: ww_embedding_backward_params::tokens"]
        [::core::mem::offset_of!(ww_embedding_backward_params, tokens) - 32usize];
    ["Offset of field: ww_embedding_backward_params::tokens_stride"]
        [::core::mem::offset_of!(ww_embedding_backward_params, tokens_stride) - 40usize];
    ["Offset of field: ww_embedding_backward_params::position_count"]
        [::core::mem::offset_of!(ww_embedding_backward_params, position_count) - 48usize];
    ["Offset of field: ww_embedding_backward_params::first_position"]
        [::core::mem::offset_of!(ww_embedding_backward_params, first_position) - 56usize];
    ["Offset of field: ww_embedding_backward_params::position_ids"]
        [::core::mem::offset_of!(ww_embedding_backward_params, position_ids) - 64usize];
    ["Offset of field: ww_embedding_backward_params::position_ids_stride"]
        [::core::mem::offset_of!(ww_embedding_backward_params, position_ids_stride) - 72usize];
    ["Offset of field: ww_embedding_backward_params::dy"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dy) - 80usize];
    ["Offset of field: ww_embedding_backward_params::dy_strides"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dy_strides) - 88usize];
    ["Offset of field: ww_embedding_backward_params::dtable"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dtable) - 104usize];
    ["Offset of field: ww_embedding_backward_params::dtable_stride"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dtable_stride) - 112usize];
    ["Offset of field: ww_embedding_backward_params::dpositions"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dpositions) - 120usize];
    ["Offset of field: ww_embedding_backward_params::dpositions_stride"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dpositions_stride) - 128usize];
    ["Offset of field: ww_embedding_backward_params::workspace"]
        [::core::mem::offset_of!(ww_embedding_backward_params, workspace) - 136usize];
    ["Offset of field: ww_embedding_backward_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_embedding_backward_params, workspace_bytes) - 144usize];
    ["Offset of field: ww_embedding_backward_params::dropout"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dropout) - 152usize];
    ["Offset of field: ww_embedding_backward_params::scale"]
        [::core::mem::offset_of!(ww_embedding_backward_params, scale) - 176usize];
    ["Offset of field: ww_embedding_backward_params::dtype"]
        [::core::mem::offset_of!(ww_embedding_backward_params, dtype) - 180usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sinusoidal_positions_params {
    pub rows: i64,
    pub columns: i64,
    pub positions: *mut ::core::ffi::c_void,
    pub positions_stride: i64,
    pub dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sinusoidal_positions_params"][::core::mem::size_of::<ww_sinusoidal_positions_params>() - 40usize];
    ["Alignment of ww_sinusoidal_positions_params"][::core::mem::align_of::<ww_sinusoidal_positions_params>() - 8usize];
    ["Offset of field: ww_sinusoidal_positions_params::rows"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, rows) - 0usize];
    ["Offset of field: ww_sinusoidal_positions_params::columns"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, columns) - 8usize];
    ["Offset of field: ww_sinusoidal_positions_params::positions"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, positions) - 16usize];
    ["Offset of field: ww_sinusoidal_positions_params::positions_stride"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, positions_stride) - 24usize];
    ["Offset of field: ww_sinusoidal_positions_params::dtype"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, dtype) - 32usize];
    ["Offset of field: ww_sinusoidal_positions_params::reserved"]
        [::core::mem::offset_of!(ww_sinusoidal_positions_params, reserved) - 36usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_rotary_params {
    pub batch: i64,
    pub seq_len: i64,
    pub heads: i64,
    pub head_dim: i64,
    pub rotary_dim: i64,
    pub x: *mut ::core::ffi::c_void,
    pub x_strides: [i64; 3usize],
    pub positions: *const u32,
    pub positions_strides: [i64; 2usize],
    pub first_position: u64,
    pub theta: f32,
    pub layout: i32,
    pub inverse: i32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_rotary_params"][::core::mem::size_of::<ww_rotary_params>() - 120usize];
    ["Alignment of ww_rotary_params"][::core::mem::align_of::<ww_rotary_params>() - 8usize];
    ["Offset of field: ww_rotary_params::batch"][::core::mem::offset_of!(ww_rotary_params, batch) - 0usize];
    ["Offset of field: ww_rotary_params::seq_len"][::core::mem::offset_of!(ww_rotary_params, seq_len) - 8usize];
    ["Offset of field: ww_rotary_params::heads"][::core::mem::offset_of!(ww_rotary_params, heads) - 16usize];
    ["Offset of field: ww_rotary_params::head_dim"][::core::mem::offset_of!(ww_rotary_params, head_dim) - 24usize];
    ["Offset of field: ww_rotary_params::rotary_dim"][::core::mem::offset_of!(ww_rotary_params, rotary_dim) - 32usize];
    ["Offset of field: ww_rotary_params::x"][::core::mem::offset_of!(ww_rotary_params, x) - 40usize];
    ["Offset of field: ww_rotary_params::x_strides"][::core::mem::offset_of!(ww_rotary_params, x_strides) - 48usize];
    ["Offset of field: ww_rotary_params::positions"][::core::mem::offset_of!(ww_rotary_params, positions) - 72usize];
    ["Offset of field: ww_rotary_params::positions_strides"]
        [::core::mem::offset_of!(ww_rotary_params, positions_strides) - 80usize];
    ["Offset of field: ww_rotary_params::first_position"]
        [::core::mem::offset_of!(ww_rotary_params, first_position) - 96usize];
    ["Offset of field: ww_rotary_params::theta"][::core::mem::offset_of!(ww_rotary_params, theta) - 104usize];
    ["Offset of field: ww_rotary_params::layout"][::core::mem::offset_of!(ww_rotary_params, layout) - 108usize];
    ["Offset of field: ww_rotary_params::inverse"][::core::mem::offset_of!(ww_rotary_params, inverse) - 112usize];
    ["Offset of field: ww_rotary_params::dtype"][::core::mem::offset_of!(ww_rotary_params, dtype) - 116usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_grad_norm_params {
    pub count: i64,
    pub grads: *const ::core::ffi::c_void,
    pub norm: *mut f32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub dtype: ww_dtype,
    pub accumulate: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_grad_norm_params"][::core::mem::size_of::<ww_grad_norm_params>() - 48usize];
    ["Alignment of ww_grad_norm_params"][::core::mem::align_of::<ww_grad_norm_params>() - 8usize];
    ["Offset of field: ww_grad_norm_params::count"][::core::mem::offset_of!(ww_grad_norm_params, count) - 0usize];
    ["Offset of field: ww_grad_norm_params::grads"][::core::mem::offset_of!(ww_grad_norm_params, grads) - 8usize];
    ["Offset of field: ww_grad_norm_params::norm"][::core::mem::offset_of!(ww_grad_norm_params, norm) - 16usize];
    ["Offset of field: ww_grad_norm_params::workspace"]
        [::core::mem::offset_of!(ww_grad_norm_params, workspace) - 24usize];
    ["Offset of field: ww_grad_norm_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_grad_norm_params, workspace_bytes) - 32usize];
    ["Offset of field: ww_grad_norm_params::dtype"][::core::mem::offset_of!(ww_grad_norm_params, dtype) - 40usize];
    ["Offset of field: ww_grad_norm_params::accumulate"]
        [::core::mem::offset_of!(ww_grad_norm_params, accumulate) - 44usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_adamw_state {
    pub step: u64,
    pub skipped: u64,
    pub m_gain: f64,
    pub v_scale: f32,
    pub grad_scale: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub gain1: f32,
    pub gain2: f32,
    pub skip: i32,
    pub reserved: [i32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_adamw_state"][::core::mem::size_of::<ww_adamw_state>() - 64usize];
    ["Alignment of ww_adamw_state"][::core::mem::align_of::<ww_adamw_state>() - 8usize];
    ["Offset of field: ww_adamw_state::step"][::core::mem::offset_of!(ww_adamw_state, step) - 0usize];
    ["Offset of field: ww_adamw_state::skipped"][::core::mem::offset_of!(ww_adamw_state, skipped) - 8usize];
    ["Offset of field: ww_adamw_state::m_gain"][::core::mem::offset_of!(ww_adamw_state, m_gain) - 16usize];
    ["Offset of field: ww_adamw_state::v_scale"][::core::mem::offset_of!(ww_adamw_state, v_scale) - 24usize];
    ["Offset of field: ww_adamw_state::grad_scale"][::core::mem::offset_of!(ww_adamw_state, grad_scale) - 28usize];
    ["Offset of field: ww_adamw_state::beta1"][::core::mem::offset_of!(ww_adamw_state, beta1) - 32usize];
    ["Offset of field: ww_adamw_state::beta2"][::core::mem::offset_of!(ww_adamw_state, beta2) - 36usize];
    ["Offset of field: ww_adamw_state::gain1"][::core::mem::offset_of!(ww_adamw_state, gain1) - 40usize];
    ["Offset of field: ww_adamw_state::gain2"][::core::mem::offset_of!(ww_adamw_state, gain2) - 44usize];
    ["Offset of field: ww_adamw_state::skip"][::core::mem::offset_of!(ww_adamw_state, skip) - 48usize];
    ["Offset of field: ww_adamw_state::reserved"][::core::mem::offset_of!(ww_adamw_state, reserved) - 52usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_adamw_begin_params {
    pub state: *mut ww_adamw_state,
    pub norm: *const f32,
    pub beta1: f32,
    pub beta2: f32,
    pub grad_scale: f32,
    pub clip: f32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_adamw_begin_params"][::core::mem::size_of::<ww_adamw_begin_params>() - 32usize];
    ["Alignment of ww_adamw_begin_params"][::core::mem::align_of::<ww_adamw_begin_params>() - 8usize];
    ["Offset of field: ww_adamw_begin_params::state"][::core::mem::offset_of!(ww_adamw_begin_params, state) - 0usize];
    ["Offset of field: ww_adamw_begin_params::norm"][::core::mem::offset_of!(ww_adamw_begin_params, norm) - 8usize];
    ["Offset of field: ww_adamw_begin_params::beta1"][::core::mem::offset_of!(ww_adamw_begin_params, beta1) - 16usize];
    ["Offset of field: ww_adamw_begin_params::beta2"][::core::mem::offset_of!(ww_adamw_begin_params, beta2) - 20usize];
    ["Offset of field: ww_adamw_begin_params::grad_scale"]
        [::core::mem::offset_of!(ww_adamw_begin_params, grad_scale) - 24usize];
    ["Offset of field: ww_adamw_begin_params::clip"][::core::mem::offset_of!(ww_adamw_begin_params, clip) - 28usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_range {
    pub begin: i64,
    pub end: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_range"][::core::mem::size_of::<ww_range>() - 16usize];
    ["Alignment of ww_range"][::core::mem::align_of::<ww_range>() - 8usize];
    ["Offset of field: ww_range::begin"][::core::mem::offset_of!(ww_range, begin) - 0usize];
    ["Offset of field: ww_range::end"][::core::mem::offset_of!(ww_range, end) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_adamw_params {
    pub count: i64,
    pub state: *const ww_adamw_state,
    pub weights: *mut ::core::ffi::c_void,
    pub master: *mut f32,
    pub grads: *const ::core::ffi::c_void,
    pub m: *mut f32,
    pub v: *mut f32,
    pub lr_scale: *const f32,
    pub decayed: *const ww_range,
    pub decayed_count: i64,
    pub seed: u64,
    pub first: u64,
    pub lr: f32,
    pub eps: f32,
    pub weight_decay: f32,
    pub stochastic: i32,
    pub dtype: ww_dtype,
    pub grad_dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_adamw_params"][::core::mem::size_of::<ww_adamw_params>() - 120usize];
    ["Alignment of ww_adamw_params"][::core::mem::align_of::<ww_adamw_params>() - 8usize];
    ["Offset of field: ww_adamw_params::count"][::core::mem::offset_of!(ww_adamw_params, count) - 0usize];
    ["Offset of field: ww_adamw_params::state"][::core::mem::offset_of!(ww_adamw_params, state) - 8usize];
    ["Offset of field: ww_adamw_params::weights"][::core::mem::offset_of!(ww_adamw_params, weights) - 16usize];
    ["Offset of field: ww_adamw_params::master"][::core::mem::offset_of!(ww_adamw_params, master) - 24usize];
    ["Offset of field: ww_adamw_params::grads"][::core::mem::offset_of!(ww_adamw_params, grads) - 32usize];
    ["Offset of field: ww_adamw_params::m"][::core::mem::offset_of!(ww_adamw_params, m) - 40usize];
    ["Offset of field: ww_adamw_params::v"][::core::mem::offset_of!(ww_adamw_params, v) - 48usize];
    ["Offset of field: ww_adamw_params::lr_scale"][::core::mem::offset_of!(ww_adamw_params, lr_scale) - 56usize];
    ["Offset of field: ww_adamw_params::decayed"][::core::mem::offset_of!(ww_adamw_params, decayed) - 64usize];
    ["Offset of field: ww_adamw_params::decayed_count"]
        [::core::mem::offset_of!(ww_adamw_params, decayed_count) - 72usize];
    ["Offset of field: ww_adamw_params::seed"][::core::mem::offset_of!(ww_adamw_params, seed) - 80usize];
    ["Offset of field: ww_adamw_params::first"][::core::mem::offset_of!(ww_adamw_params, first) - 88usize];
    ["Offset of field: ww_adamw_params::lr"][::core::mem::offset_of!(ww_adamw_params, lr) - 96usize];
    ["Offset of field: ww_adamw_params::eps"][::core::mem::offset_of!(ww_adamw_params, eps) - 100usize];
    ["Offset of field: ww_adamw_params::weight_decay"]
        [::core::mem::offset_of!(ww_adamw_params, weight_decay) - 104usize];
    ["Offset of field: ww_adamw_params::stochastic"][::core::mem::offset_of!(ww_adamw_params, stochastic) - 108usize];
    ["Offset of field: ww_adamw_params::dtype"][::core::mem::offset_of!(ww_adamw_params, dtype) - 112usize];
    ["Offset of field: ww_adamw_params::grad_dtype"][::core::mem::offset_of!(ww_adamw_params, grad_dtype) - 116usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_sample_params {
    pub rows: i64,
    pub vocab_size: i64,
    pub logits: *const ::core::ffi::c_void,
    pub logits_stride: i64,
    pub tokens: *mut u32,
    pub seed: u64,
    pub draw: u64,
    pub top_k: i64,
    pub temperature: f32,
    pub top_p: f32,
    pub min_p: f32,
    pub dtype: ww_dtype,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_sample_params"][::core::mem::size_of::<ww_sample_params>() - 80usize];
    ["Alignment of ww_sample_params"][::core::mem::align_of::<ww_sample_params>() - 8usize];
    ["Offset of field: ww_sample_params::rows"][::core::mem::offset_of!(ww_sample_params, rows) - 0usize];
    ["Offset of field: ww_sample_params::vocab_size"][::core::mem::offset_of!(ww_sample_params, vocab_size) - 8usize];
    ["Offset of field: ww_sample_params::logits"][::core::mem::offset_of!(ww_sample_params, logits) - 16usize];
    ["Offset of field: ww_sample_params::logits_stride"]
        [::core::mem::offset_of!(ww_sample_params, logits_stride) - 24usize];
    ["Offset of field: ww_sample_params::tokens"][::core::mem::offset_of!(ww_sample_params, tokens) - 32usize];
    ["Offset of field: ww_sample_params::seed"][::core::mem::offset_of!(ww_sample_params, seed) - 40usize];
    ["Offset of field: ww_sample_params::draw"][::core::mem::offset_of!(ww_sample_params, draw) - 48usize];
    ["Offset of field: ww_sample_params::top_k"][::core::mem::offset_of!(ww_sample_params, top_k) - 56usize];
    ["Offset of field: ww_sample_params::temperature"]
        [::core::mem::offset_of!(ww_sample_params, temperature) - 64usize];
    ["Offset of field: ww_sample_params::top_p"][::core::mem::offset_of!(ww_sample_params, top_p) - 68usize];
    ["Offset of field: ww_sample_params::min_p"][::core::mem::offset_of!(ww_sample_params, min_p) - 72usize];
    ["Offset of field: ww_sample_params::dtype"][::core::mem::offset_of!(ww_sample_params, dtype) - 76usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_strided_copy_params {
    pub rank: i32,
    pub element_bytes: i32,
    pub x_dtype: ww_dtype,
    pub y_dtype: ww_dtype,
    pub sizes: [i64; 6usize],
    pub x: *const ::core::ffi::c_void,
    pub x_strides: [i64; 6usize],
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 6usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_strided_copy_params"][::core::mem::size_of::<ww_strided_copy_params>() - 176usize];
    ["Alignment of ww_strided_copy_params"][::core::mem::align_of::<ww_strided_copy_params>() - 8usize];
    ["Offset of field: ww_strided_copy_params::rank"][::core::mem::offset_of!(ww_strided_copy_params, rank) - 0usize];
    ["Offset of field: ww_strided_copy_params::element_bytes"]
        [::core::mem::offset_of!(ww_strided_copy_params, element_bytes) - 4usize];
    ["Offset of field: ww_strided_copy_params::x_dtype"]
        [::core::mem::offset_of!(ww_strided_copy_params, x_dtype) - 8usize];
    ["Offset of field: ww_strided_copy_params::y_dtype"]
        [::core::mem::offset_of!(ww_strided_copy_params, y_dtype) - 12usize];
    ["Offset of field: ww_strided_copy_params::sizes"]
        [::core::mem::offset_of!(ww_strided_copy_params, sizes) - 16usize];
    ["Offset of field: ww_strided_copy_params::x"][::core::mem::offset_of!(ww_strided_copy_params, x) - 64usize];
    ["Offset of field: ww_strided_copy_params::x_strides"]
        [::core::mem::offset_of!(ww_strided_copy_params, x_strides) - 72usize];
    ["Offset of field: ww_strided_copy_params::y"][::core::mem::offset_of!(ww_strided_copy_params, y) - 120usize];
    ["Offset of field: ww_strided_copy_params::y_strides"]
        [::core::mem::offset_of!(ww_strided_copy_params, y_strides) - 128usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_strided_fill_params {
    pub rank: i32,
    pub element_bytes: i32,
    pub bits: u32,
    pub reserved: i32,
    pub sizes: [i64; 6usize],
    pub y: *mut ::core::ffi::c_void,
    pub y_strides: [i64; 6usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_strided_fill_params"][::core::mem::size_of::<ww_strided_fill_params>() - 120usize];
    ["Alignment of ww_strided_fill_params"][::core::mem::align_of::<ww_strided_fill_params>() - 8usize];
    ["Offset of field: ww_strided_fill_params::rank"][::core::mem::offset_of!(ww_strided_fill_params, rank) - 0usize];
    ["Offset of field: ww_strided_fill_params::element_bytes"]
        [::core::mem::offset_of!(ww_strided_fill_params, element_bytes) - 4usize];
    ["Offset of field: ww_strided_fill_params::bits"][::core::mem::offset_of!(ww_strided_fill_params, bits) - 8usize];
    ["Offset of field: ww_strided_fill_params::reserved"]
        [::core::mem::offset_of!(ww_strided_fill_params, reserved) - 12usize];
    ["Offset of field: ww_strided_fill_params::sizes"]
        [::core::mem::offset_of!(ww_strided_fill_params, sizes) - 16usize];
    ["Offset of field: ww_strided_fill_params::y"][::core::mem::offset_of!(ww_strided_fill_params, y) - 64usize];
    ["Offset of field: ww_strided_fill_params::y_strides"]
        [::core::mem::offset_of!(ww_strided_fill_params, y_strides) - 72usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct ww_reduce_params {
    pub rows: i64,
    pub columns: i64,
    pub x: *const ::core::ffi::c_void,
    pub x_stride: i64,
    pub sum: *mut f32,
    pub mean: *mut f32,
    pub sum_of_squares: *mut f32,
    pub min: *mut f32,
    pub max: *mut f32,
    pub max_abs: *mut f32,
    pub non_finite: *mut u32,
    pub workspace: *mut ::core::ffi::c_void,
    pub workspace_bytes: i64,
    pub dtype: ww_dtype,
    pub reserved: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of ww_reduce_params"][::core::mem::size_of::<ww_reduce_params>() - 112usize];
    ["Alignment of ww_reduce_params"][::core::mem::align_of::<ww_reduce_params>() - 8usize];
    ["Offset of field: ww_reduce_params::rows"][::core::mem::offset_of!(ww_reduce_params, rows) - 0usize];
    ["Offset of field: ww_reduce_params::columns"][::core::mem::offset_of!(ww_reduce_params, columns) - 8usize];
    ["Offset of field: ww_reduce_params::x"][::core::mem::offset_of!(ww_reduce_params, x) - 16usize];
    ["Offset of field: ww_reduce_params::x_stride"][::core::mem::offset_of!(ww_reduce_params, x_stride) - 24usize];
    ["Offset of field: ww_reduce_params::sum"][::core::mem::offset_of!(ww_reduce_params, sum) - 32usize];
    ["Offset of field: ww_reduce_params::mean"][::core::mem::offset_of!(ww_reduce_params, mean) - 40usize];
    ["Offset of field: ww_reduce_params::sum_of_squares"]
        [::core::mem::offset_of!(ww_reduce_params, sum_of_squares) - 48usize];
    ["Offset of field: ww_reduce_params::min"][::core::mem::offset_of!(ww_reduce_params, min) - 56usize];
    ["Offset of field: ww_reduce_params::max"][::core::mem::offset_of!(ww_reduce_params, max) - 64usize];
    ["Offset of field: ww_reduce_params::max_abs"][::core::mem::offset_of!(ww_reduce_params, max_abs) - 72usize];
    ["Offset of field: ww_reduce_params::non_finite"][::core::mem::offset_of!(ww_reduce_params, non_finite) - 80usize];
    ["Offset of field: ww_reduce_params::workspace"][::core::mem::offset_of!(ww_reduce_params, workspace) - 88usize];
    ["Offset of field: ww_reduce_params::workspace_bytes"]
        [::core::mem::offset_of!(ww_reduce_params, workspace_bytes) - 96usize];
    ["Offset of field: ww_reduce_params::dtype"][::core::mem::offset_of!(ww_reduce_params, dtype) - 104usize];
    ["Offset of field: ww_reduce_params::reserved"][::core::mem::offset_of!(ww_reduce_params, reserved) - 108usize];
};
