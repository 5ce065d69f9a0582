//! How results are compared with their f64 reference.

use warpweave::tensor::Float;

/// How far a result may be from its f64 reference: `abs + rel · |reference|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub abs: f64,
    pub rel: f64,
}

impl Tolerance {
    /// For sums of `terms` products of numbers around `scale`, in f32: rounding errors add up like a random walk, and
    /// 8 standard deviations are allowed.
    pub fn sum(terms: usize, scale: f64) -> Self {
        let unit = f64::from(f32::EPSILON);
        Tolerance { abs: 8.0 * unit * scale * (terms.max(1) as f64).sqrt(), rel: 8.0 * unit }
    }

    /// For what was computed in f32 within this tolerance and rounded once to T: half a unit in the last place more.
    pub fn rounded<T: Float>(self) -> Self {
        let (unit, least) = rounding::<T>();
        // A value near a tie may go either way: the f32 error widens the interval, which `self` accounts for.
        Tolerance { abs: self.abs + least, rel: self.rel + unit }
    }
}

/// The greatest error of rounding to T: relative, and absolute near 0. Nothing for f32, which results are computed in.
fn rounding<T: Float>() -> (f64, f64) {
    match T::NAME {
        "f32" => (0.0, 0.0),
        "bf16" => (2f64.powi(-8), 2f64.powi(-134)),
        "f16" => (2f64.powi(-11), 2f64.powi(-25)),
        name => panic!("{name}"),
    }
}

/// Fails unless each element is within the tolerance. NaN is within it only where the reference is NaN too.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f64], tolerance: Tolerance) {
    assert_eq!(got.len(), want.len(), "{what}: number of elements");
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let allowed = if w.is_finite() { tolerance.abs + tolerance.rel * w.abs() } else { 0.0 };
        let ok = (f64::from(g) - w).abs() <= allowed || f64::from(g) == w || (g.is_nan() && w.is_nan());
        assert!(ok, "{what}: element {i} is {g}, reference {w}, allowed difference {allowed:e}");
    }
}

/// Fails unless the greatest error of a result in T is at most twice that of the `unfused` computation, which rounds each
/// intermediate result to T, plus the rounding of the greatest reference to T: FlashAttention's rule.
#[track_caller]
pub fn assert_no_worse_than_unfused<T: Float>(what: &str, got: &[f32], want: &[f64], unfused: &[f32]) {
    assert_eq!((got.len(), unfused.len()), (want.len(), want.len()), "{what}: number of elements");
    let greatest = |errors: &mut dyn Iterator<Item = f64>| {
        // Not `f64::max`, which would lose NaN.
        errors.fold(0.0, |greatest: f64, error| if error <= greatest { greatest } else { error })
    };
    let error = |x: &[f32]| greatest(&mut x.iter().zip(want).map(|(&x, &want)| (f64::from(x) - want).abs()));
    let (unit, least) = rounding::<T>();
    let floor = unit * greatest(&mut want.iter().map(|want| want.abs())) + least;
    let (ours, theirs) = (error(got), error(unfused));
    assert!(
        ours <= 2.0 * theirs + floor,
        "{what} in {}: greatest error {ours:e}, unfused {theirs:e}, rounding {floor:e}",
        T::NAME
    );
}

/// The same numbers in f64.
pub fn to_f64(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// The bits of numbers, to compare NaN and zeros too.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

mod tests {
    use half::{bf16, f16};

    use super::*;

    #[test]
    #[should_panic(expected = "element 1 is NaN")]
    fn a_nan_is_never_close_to_a_number() {
        assert_close("x", &[1.0, f32::NAN], &[1.0, 1.0], Tolerance { abs: 1e9, rel: 1e9 });
    }

    #[test]
    #[should_panic(expected = "element 0 is 0")]
    fn only_infinity_is_close_to_infinity() {
        assert_close("x", &[0.0], &[f64::NEG_INFINITY], Tolerance { abs: 1.0, rel: 1.0 });
    }

    #[test]
    #[should_panic(expected = "element 0 is 1.001")]
    fn a_difference_beyond_the_tolerance_fails() {
        assert_close("x", &[1.001], &[1.0], Tolerance { abs: 1e-4, rel: 1e-4 });
    }

    #[test]
    fn rounding_is_half_a_unit() {
        fn check<T: Float>() {
            // Halfway between 1 and the next number, and a little less than halfway to the one after it.
            let next =
                (1..).map(|i| 2f32.powi(-i)).take_while(|&x| T::from_f32(1.0 + x).to_f32() > 1.0).last().unwrap();
            let tie = 1.0 + f64::from(next) / 2.0;
            let exact = Tolerance { abs: 0.0, rel: 0.0 }.rounded::<T>();
            assert_close("tie", &[T::from_f32(tie as f32).to_f32()], &[tie], exact);
            let beyond =
                std::panic::catch_unwind(|| assert_close("beyond", &[1.0], &[1.0 + 0.6 * f64::from(next)], exact));
            assert!(beyond.is_err(), "{}", T::NAME);
        }
        check::<bf16>();
        check::<f16>();
    }

    #[test]
    fn twice_the_error_of_the_unfused_computation_is_the_limit() {
        let check = |got: f32| {
            let (want, unfused) = ([1.0, 0.0], [1.0, 0.01]);
            std::panic::catch_unwind(|| assert_no_worse_than_unfused::<bf16>("x", &[1.0, got], &want, &unfused)).is_ok()
        };
        assert!(check(0.0199) && check(-0.0199) && check(0.0238));
        assert!(!check(0.0241) && !check(f32::NAN) && !check(f32::INFINITY));
    }
}
