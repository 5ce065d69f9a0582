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
