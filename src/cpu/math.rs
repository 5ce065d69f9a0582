//! Elementary functions and reductions in f32 that compile to vector instructions.
//!
//! Everything here is `#[inline(always)]` and free of branches (a select compiles to a blend), so that a loop over a
//! slice inside [`simd`](super::simd) becomes a vector loop. Polynomials are minimax fits (Remez exchange in 40 digits,
//! weighted by the error that each contributes to the result); the range reduction of `exp` is Cody and Waite's
//! (*Software Manual for the Elementary Functions*, 1980).

/// Adding 1.5 · 2²³ rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has few enough bits that its product with an exponent is exact without FMA too.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// eʳ for |r| ≤ ln 2 / 2.
#[inline(always)]
fn exp_reduced(r: f32) -> f32 {
    let p = polynomial(r, [0.5, 0.166_665_2, 0.041_666_21, 0.008_368_832, 0.001_395_036_7]);
    (r * r).mul_add(p, r) + 1.0
}

/// eˣ within 2 units in the last place. 0 below −104, where it rounds to 0; ∞ above 88.73; NaN for NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // The comparisons are written so that NaN passes through.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let p = exp_reduced(n.mul_add(-LN2_LO, n.mul_add(-LN2_HI, x)));
    // 2ⁿ as two factors: n reaches 128 and −150, which one exponent cannot hold.
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// eˣ for −87 ≤ x ≤ 88, where one exponent holds the result; what lies outside counts as the nearer bound. With NaN the
/// result is unspecified: `x` must enter what it is used for in another way, too.
#[inline(always)]
pub fn exp_clamped(x: f32) -> f32 {
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let p = exp_reduced(n.mul_add(-LN2_LO, n.mul_add(-LN2_HI, x)));
    // The low bits of `rounded` are n, and shifted they reach the exponent; ROUND's own bits are shifted out.
    f32::from_bits(p.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// The error function, within 3 units in the last place.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let t = x.abs();
    // From 4 on, erf rounds to 1.
    let t = if t > 4.0 { 4.0 } else { t };
    let near = polynomial(
        x * x,
        [0.128_379_15, -0.376_124_9, 0.112_817_59, -0.026_763_955, 0.004_988_582_4, -0.000_596_457_3],
    )
    .mul_add(x, x);
    // 1 − erfc t, with ln(erfc t) / t as the polynomial.
    let log_erfc =
        t * polynomial(t, [-1.128_510_7, -0.635_731, -0.105_244_57, 0.022_878_55, -0.003_211_298, 0.000_213_530_45]);
    let far = (1.0 - exp(log_erfc)).copysign(x);
    if t < 0.93 { near } else { far }
}

/// Horner's rule, lowest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum.mul_add(x, coefficients[i]);
    }
    sum
}

/// 2ⁿ for −127 < n < 128.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// How many partial results a reduction keeps: enough vector registers to hide the latency of an addition.
pub const LANES: usize = 32;

/// Reduces rows of one length element by element. Element i goes to partial result i mod [`LANES`], so the order of
/// additions depends on the length alone.
#[inline(always)]
pub fn fold<const N: usize>(rows: [&[f32]; N], init: f32, step: impl Fn(f32, [f32; N]) -> f32) -> [f32; LANES] {
    let len = rows[0].len();
    let rows = rows.map(|row| &row[..len]);
    let mut lanes = [init; LANES];
    let whole = len - len % LANES;
    let mut start = 0;
    while start < whole {
        // Copied, so that each chunk is loaded as vectors: where the elements are picked out of slices, it is left to chance
        // (as little as another cargo feature) whether the compiler puts the lanes together again.
        let chunks = rows.map(|row| {
            let mut chunk = [0.0; LANES];
            chunk.copy_from_slice(&row[start..start + LANES]);
            chunk
        });
        for lane in 0..LANES {
            lanes[lane] = step(lanes[lane], std::array::from_fn(|row| chunks[row][lane]));
        }
        start += LANES;
    }
    for i in whole..len {
        lanes[i - whole] = step(lanes[i - whole], rows.map(|row| row[i]));
    }
    lanes
}

/// As [`fold`] over one row that `step` may change.
#[inline(always)]
pub fn fold_mut(row: &mut [f32], init: f32, step: impl Fn(f32, &mut f32) -> f32) -> [f32; LANES] {
    let mut lanes = [init; LANES];
    let mut chunks = row.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            lanes[lane] = step(lanes[lane], &mut chunk[lane]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(chunks.into_remainder()) {
        *lane = step(*lane, x);
    }
    lanes
}

/// The sum of partial results.
#[inline(always)]
pub fn total(lanes: [f32; LANES]) -> f32 {
    join(
        lanes,
        #[inline(always)]
        |a, b| a + b,
    )
}

/// Reduces partial results pairwise.
#[inline(always)]
pub fn join(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Σ x.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    total(fold(
        [x],
        0.0,
        #[inline(always)]
        |sum, [x]| sum + x,
    ))
}

/// Σ x·y.
#[inline(always)]
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    total(fold(
        [x, y],
        0.0,
        #[inline(always)]
        |sum, [x, y]| x.mul_add(y, sum),
    ))
}

/// The greater of two numbers; `a` where `b` is NaN.
#[inline(always)]
pub fn greater(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The greatest element that is not NaN, −∞ if there is none.
#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    join(
        fold(
            [x],
            f32::NEG_INFINITY,
            #[inline(always)]
            |max, [x]| greater(max, x),
        ),
        greater,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd;

    /// Every 1021st float, of both signs, with the greatest error of `f` in units of its last place.
    fn greatest_error(f: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64) -> f64 {
        let mut greatest = 0.0f64;
        for bits in (0..=f32::INFINITY.to_bits()).step_by(1021) {
            for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                let (got, want) = (f64::from(f(x)), reference(f64::from(x)));
                let rounded = want as f32;
                if !rounded.is_finite() {
                    assert_eq!(got, f64::from(rounded), "at {x}");
                    continue;
                }
                let unit = f64::from(rounded.abs().next_up()) - f64::from(rounded.abs());
                let error = (got - want).abs() / unit;
                assert!(!error.is_nan(), "at {x}: {got}");
                greatest = greatest.max(error);
            }
        }
        greatest
    }

    /// erf in f64: its Maclaurin series near 0, the continued fraction of erfc beyond (Abramowitz and Stegun 7.1.5, 7.1.14).
    fn erf_f64(x: f64) -> f64 {
        let t = x.abs();
        if t < 2.5 {
            let (mut term, mut sum, mut n) = (x, x, 0.0);
            while term != 0.0 && term.abs() > 1e-18 * sum.abs() {
                n += 1.0;
                term *= -x * x / n;
                sum += term / (2.0 * n + 1.0);
            }
            return sum * std::f64::consts::FRAC_2_SQRT_PI;
        }
        let fraction = (1..=60).rev().fold(t, |below, k| t + f64::from(k) / 2.0 / below);
        (1.0 - (-t * t).exp() / fraction / std::f64::consts::PI.sqrt()).copysign(x)
    }

    #[test]
    fn exp_is_within_2_ulp_everywhere() {
        let error = simd(|| greatest_error(exp, f64::exp));
        assert!(error < 2.0, "{error} ulp");
    }

    #[test]
    fn exp_clamped_is_within_2_ulp_in_its_range() {
        let error = simd(|| greatest_error(exp_clamped, |x: f64| x.clamp(-87.0, 88.0).exp()));
        assert!(error < 2.0, "{error} ulp");
    }

    #[test]
    fn erf_is_within_3_ulp_everywhere() {
        let error = simd(|| greatest_error(erf, erf_f64));
        assert!(error < 3.0, "{error} ulp");
    }

    #[test]
    fn limits_and_nan() {
        simd(|| {
            assert_eq!(
                [exp(f32::NEG_INFINITY), exp(-105.0), exp(0.0), exp(f32::INFINITY)],
                [0.0, 0.0, 1.0, f32::INFINITY]
            );
            assert_eq!([erf(f32::NEG_INFINITY), erf(-0.0), erf(f32::INFINITY)], [-1.0, 0.0, 1.0]);
            for f in [exp, erf] {
                assert!(f(f32::NAN).is_nan() && f(-f32::NAN).is_nan());
            }
        });
    }

    #[test]
    fn reductions_of_every_length() {
        for len in 0..=3 * LANES + 1 {
            let x: Vec<f32> = (0..len).map(|i| ((i * 7) % 13) as f32 - 20.0).collect();
            let y: Vec<f32> = (0..len).map(|i| (i % 5) as f32).collect();
            // Small integers: every sum is exact.
            assert_eq!(simd(|| sum(&x)), x.iter().sum::<f32>());
            assert_eq!(simd(|| dot(&x, &y)), x.iter().zip(&y).map(|(x, y)| x * y).sum::<f32>());
            assert_eq!(simd(|| max(&x)), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
        assert_eq!(max(&[f32::NAN, -3.0, f32::NAN]), -3.0);
    }
}
