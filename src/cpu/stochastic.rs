//! Stochastic rounding from f32 to 16 bits, as [`Rounding::Stochastic`](crate::ops::Rounding::Stochastic) defines it: bit for
//! bit what `kernels/common/stochastic.cuh` does.

use super::simd;
use crate::random::philox;
use crate::tensor::{DType, Float};

/// Rounds `x` to `out`: elements `first` and following of step `step`. T has 16 bits.
pub fn round<T: Float>(seed: u64, step: u64, first: u64, x: &[f32], out: &mut [T]) {
    let out: &mut [u16] = bytemuck::cast_slice_mut(out);
    simd(
        #[inline(always)]
        || match T::DTYPE {
            DType::Bf16 => each(seed, step, first, x, out, bf16_bits),
            DType::F16 => each(seed, step, first, x, out, f16_bits),
            DType::F32 => unreachable!("f32 is not rounded"),
        },
    );
}

#[inline(always)]
fn each(seed: u64, step: u64, first: u64, x: &[f32], out: &mut [u16], round: impl Fn(f32, u32) -> u16) {
    let words = |block: u64| philox(seed, [block as u32, (block >> 32) as u32, step as u32, (step >> 32) as u32]);
    let mut four = words(first / 4);
    for (i, (&x, out)) in x.iter().zip(out).enumerate() {
        let at = first.wrapping_add(i as u64);
        if at.is_multiple_of(4) {
            four = words(at / 4);
        }
        *out = round(x, four[(at % 4) as usize]);
    }
}

/// Random bits are added below the last bit that stays, and the carry decides.
#[inline(always)]
fn bf16_bits(x: f32, word: u32) -> u16 {
    let (sign, magnitude) = parts(x);
    match magnitude {
        INFINITY => sign | 0x7F80,
        ..INFINITY => sign | ((magnitude + (word >> 16)) >> 16) as u16,
        _ => NAN,
    }
}

#[inline(always)]
fn f16_bits(x: f32, word: u32) -> u16 {
    /// 2⁻¹⁴, below which numbers lie 2⁻²⁴ apart.
    const LEAST_NORMAL: u32 = 0x3880_0000;
    let (sign, magnitude) = parts(x);
    match magnitude {
        // In units of 2⁻⁴⁰ that is 16 bits.
        ..LEAST_NORMAL => sign | (((x.abs() * 2f32.powi(40)) as u32 + (word >> 16)) >> 16) as u16,
        // 13 bits less of mantissa, and the bias of the exponent is 15 instead of 127.
        LEAST_NORMAL..=INFINITY => sign | (((magnitude + (word >> 19)) >> 13) - (112 << 10)).min(0x7C00) as u16,
        _ => NAN,
    }
}

const INFINITY: u32 = f32::INFINITY.to_bits();
/// In both types.
const NAN: u16 = 0x7FFF;

#[inline(always)]
fn parts(x: f32) -> (u16, u32) {
    ((x.to_bits() >> 16 & 0x8000) as u16, x.to_bits() & 0x7FFF_FFFF)
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    /// Every kind of number, above zero: subnormal ones of both types, powers of 2, the greatest.
    const NUMBERS: [f32; 12] =
        [1e-41, 3.3e-39, 2e-9, 1.7e-7, 6.097e-5, 6.1035156e-5, 0.1, 1.0, 1.0002, 1.999, 255.3, 65_503.7];

    fn neighbors<T: Float>(x: f32, bits: impl Fn(f32, u32) -> u16) -> [f64; 2] {
        [0, u32::MAX].map(|word| f64::from(bytemuck::cast::<u16, T>(bits(x, word)).to_f32()))
    }

    /// Over all the 16 bits that decide, each once: the mean is the number itself, but for what a subnormal f16 cuts off.
    #[test]
    fn the_mean_is_the_number() {
        fn check<T: Float>(bits: impl Fn(f32, u32) -> u16, cut: f64) {
            for x in NUMBERS.into_iter().flat_map(|x| [x, -x]) {
                let [low, high] = neighbors::<T>(x, &bits);
                let mean = (0..1u32 << 16)
                    .map(|word| f64::from(bytemuck::cast::<u16, T>(bits(x, word << 16)).to_f32()))
                    .inspect(|&y| assert!(y == low || y == high, "{x:e} rounded to {y:e}"))
                    .sum::<f64>()
                    / f64::from(1 << 16);
                let error = (mean - f64::from(x)).abs();
                assert!(error <= cut, "{x:e} in {}: mean {mean:e}", T::NAME);
                assert!(low.abs() <= f64::from(x).abs() && f64::from(x).abs() <= high.abs().max(low.abs() + cut));
            }
        }
        check::<bf16>(bf16_bits, 0.0);
        check::<f16>(f16_bits, 2f64.powi(-40));
    }

    #[test]
    fn what_needs_no_rounding_stays() {
        for bits in 0..=u16::MAX {
            for word in [0, 1, 0x8000_0000, u32::MAX] {
                let (narrow, half) = (bf16::from_bits(bits), f16::from_bits(bits));
                let (to_bf16, to_f16) = (bf16_bits(narrow.to_f32(), word), f16_bits(half.to_f32(), word));
                assert_eq!(to_bf16, if narrow.is_nan() { NAN } else { bits });
                assert_eq!(to_f16, if half.is_nan() { NAN } else { bits });
            }
        }
    }

    #[test]
    fn beyond_the_greatest_comes_infinity() {
        assert_eq!(bf16_bits(f32::MAX, 0), 0x7F7F);
        assert_eq!(bf16_bits(f32::MAX, u32::MAX), 0x7F80);
        assert_eq!(f16_bits(65_520.0, 0), 0x7BFF);
        assert_eq!(f16_bits(65_520.0, 0x8000_0000), 0x7C00);
        assert_eq!(f16_bits(-65_536.0, 0), 0xFC00);
        assert_eq!(f16_bits(f32::MAX, 0), 0x7C00);
    }

    #[test]
    fn elements_are_numbered_across_calls() {
        let x: Vec<f32> = (0..103).map(|i| 1.0 + i as f32 / 1000.0).collect();
        let mut whole = vec![bf16::ZERO; x.len()];
        round(7, 1 << 40, u64::MAX - 30, &x, &mut whole);
        for cut in [0, 1, 2, 30, 31, 102] {
            let mut parts = vec![bf16::ZERO; x.len()];
            round(7, 1 << 40, u64::MAX - 30, &x[..cut], &mut parts[..cut]);
            round(7, 1 << 40, (u64::MAX - 30).wrapping_add(cut as u64), &x[cut..], &mut parts[cut..]);
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }
}
