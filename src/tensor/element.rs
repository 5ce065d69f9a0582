//! What tensors hold.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::{View, ViewMut};

/// A type that tensors hold.
pub trait Element: bytemuck::Pod + Send + Sync + PartialEq + std::fmt::Debug {
    /// The type's name in messages.
    const NAME: &'static str;
}

macro_rules! element {
    ($($type:ty: $name:literal),*) => {
        $(impl Element for $type {
            const NAME: &'static str = $name;
        })*
    };
}

element!(f32: "f32", u32: "u32", u8: "u8", bf16: "bf16", f16: "f16");

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::bf16 {}
    impl Sealed for half::f16 {}
}

/// A type of numbers that operations compute with: `f32`, [`bf16`] or [`struct@f16`]. Arithmetic, statistics and sums are f32 in all
/// of them; results are rounded once, to the nearest number and to an even one of two.
pub trait Float: Element + sealed::Sealed {
    /// Which of them.
    const DTYPE: DType;

    /// The number, exactly.
    fn to_f32(self) -> f32;

    /// The nearest number of this type.
    fn from_f32(x: f32) -> Self;

    /// Copies `row` into `out`, in f32. Both have one length.
    fn load(row: &[Self], out: &mut [f32]);

    /// Copies `row` into `out`, rounded. Both have one length.
    fn store(row: &[f32], out: &mut [Self]);

    /// The view itself where this is `f32`, which needs no copy.
    fn as_f32(view: View<'_, Self>) -> Option<View<'_, f32>>;

    /// The view itself where this is `f32`, and else the view back.
    fn as_f32_mut(view: ViewMut<'_, Self>) -> Result<ViewMut<'_, f32>, ViewMut<'_, Self>>;
}

/// The types of numbers, as the kernels' C ABI numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DType {
    /// IEEE 754 single precision.
    F32 = 0,
    /// The upper half of an `f32`.
    Bf16 = 1,
    /// IEEE 754 half precision.
    F16 = 2,
}

impl Float for f32 {
    const DTYPE: DType = DType::F32;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn load(row: &[Self], out: &mut [f32]) {
        out.copy_from_slice(row);
    }

    #[inline(always)]
    fn store(row: &[f32], out: &mut [Self]) {
        out.copy_from_slice(row);
    }

    fn as_f32(view: View<'_, Self>) -> Option<View<'_, f32>> {
        Some(view)
    }

    fn as_f32_mut(view: ViewMut<'_, Self>) -> Result<ViewMut<'_, f32>, ViewMut<'_, Self>> {
        Ok(view)
    }
}

/// A type of 16 bits, with its conversions of slices.
macro_rules! float16 {
    ($type:ty, $dtype:expr, $load:path, $store:path) => {
        impl Float for $type {
            const DTYPE: DType = $dtype;

            #[inline(always)]
            fn to_f32(self) -> f32 {
                <$type>::to_f32(self)
            }

            #[inline(always)]
            fn from_f32(x: f32) -> Self {
                <$type>::from_f32(x)
            }

            #[inline(always)]
            fn load(row: &[Self], out: &mut [f32]) {
                $load(row, out);
            }

            #[inline(always)]
            fn store(row: &[f32], out: &mut [Self]) {
                $store(row, out);
            }

            fn as_f32(_: View<'_, Self>) -> Option<View<'_, f32>> {
                None
            }

            fn as_f32_mut(view: ViewMut<'_, Self>) -> Result<ViewMut<'_, f32>, ViewMut<'_, Self>> {
                Err(view)
            }
        }
    };
}

float16!(bf16, DType::Bf16, load_bf16, store_bf16);
float16!(f16, DType::F16, load_f16, store_f16);

/// Shifts, which compile to vector instructions.
#[inline(always)]
fn load_bf16(row: &[bf16], out: &mut [f32]) {
    for (out, x) in out.iter_mut().zip(row) {
        *out = f32::from_bits(u32::from(x.to_bits()) << 16);
    }
}

/// As [`bf16::from_f32`], without a branch, so that it compiles to vector instructions.
#[inline(always)]
fn store_bf16(row: &[f32], out: &mut [bf16]) {
    for (out, x) in out.iter_mut().zip(row) {
        let bits = x.to_bits();
        // Just below half a unit, and one more where the upper half is odd: ties go to even.
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        let quiet = bits >> 16 | 0x40;
        *out = bf16::from_bits(if x.is_nan() { quiet } else { rounded } as u16);
    }
}

/// By the processor's instructions where it has them. The `half` crate knows them, too, but calls a function for every few numbers:
/// it cannot be inlined into code that is compiled for other instructions.
#[inline(always)]
fn load_f16(row: &[f16], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("f16c") {
        // SAFETY: the processor has the instructions.
        return unsafe { f16c::load(row, out) };
    }
    row.convert_to_f32_slice(out);
}

/// As [`load_f16`].
#[inline(always)]
fn store_f16(row: &[f32], out: &mut [f16]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("f16c") {
        // SAFETY: the processor has the instructions.
        return unsafe { f16c::store(row, out) };
    }
    out.convert_from_f32_slice(row);
}

/// Eight conversions in an instruction.
#[cfg(target_arch = "x86_64")]
mod f16c {
    use std::arch::x86_64::{
        _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps, _mm256_cvtps_ph,
        _mm256_loadu_ps, _mm256_storeu_ps,
    };

    use half::f16;

    #[target_feature(enable = "avx,f16c")]
    pub fn load(row: &[f16], out: &mut [f32]) {
        let ((row, row_rest), (out, out_rest)) = (row.as_chunks::<8>(), out.as_chunks_mut::<8>());
        for (out, x) in out.iter_mut().zip(row) {
            // SAFETY: both are arrays of the size that is read or written.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), _mm256_cvtph_ps(_mm_loadu_si128(x.as_ptr().cast()))) };
        }
        for (out, x) in out_rest.iter_mut().zip(row_rest) {
            *out = x.to_f32();
        }
    }

    #[target_feature(enable = "avx,f16c")]
    pub fn store(row: &[f32], out: &mut [f16]) {
        let ((row, row_rest), (out, out_rest)) = (row.as_chunks::<8>(), out.as_chunks_mut::<8>());
        for (out, x) in out.iter_mut().zip(row) {
            // SAFETY: as above.
            unsafe {
                let rounded = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(x.as_ptr()));
                _mm_storeu_si128(out.as_mut_ptr().cast(), rounded);
            }
        }
        for (out, &x) in out_rest.iter_mut().zip(row_rest) {
            *out = f16::from_f32(x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_as_numbers_do() {
        // Every upper half with lower halves around the ties, NaN and infinity included.
        let all = (0..=u16::MAX).flat_map(|high| {
            [0, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| u32::from(high) << 16 | low)
        });
        let x: Vec<f32> = all.map(f32::from_bits).collect();
        fn check<T: Float>(x: &[f32], bits: impl Fn(T) -> u16) {
            let mut row = vec![T::from_f32(0.0); x.len()];
            T::store(x, &mut row);
            for (&x, &got) in x.iter().zip(&row) {
                assert_eq!(bits(got), bits(T::from_f32(x)), "{x:e} as {}", T::NAME);
            }
            let mut wide = vec![0.0; x.len()];
            T::load(&row, &mut wide);
            for (&narrow, &got) in row.iter().zip(&wide) {
                assert_eq!(got.to_bits(), T::to_f32(narrow).to_bits(), "{narrow:?}");
            }
        }
        check::<bf16>(&x, |x| x.to_bits());
        check::<f16>(&x, |x| x.to_bits());
    }
}
