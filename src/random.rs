//! Philox 4x32-10, the counter-based random numbers of the whole crate.
//!
//! A number depends on a seed and a position alone, so the same seed gives the same dropout mask, initial weights and
//! order of batches on every device and with any number of threads.
//! Source: Salmon, Moraes, Dror, Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011.

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Four random words for one `key` and `counter`: ten rounds of Philox 4x32.
#[inline(always)]
pub fn philox(key: u64, counter: [u32; 4]) -> [u32; 4] {
    let (mut k0, mut k1) = (key as u32, (key >> 32) as u32);
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIER[0]) * u64::from(c0);
        let p1 = u64::from(MULTIPLIER[1]) * u64::from(c2);
        (c0, c1, c2, c3) = ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// A position in one stream of Philox numbers, for what is drawn one after another: initial weights, batches, samples.
#[derive(Debug, Clone)]
pub struct Rng {
    seed: u64,
    stream: u64,
    position: u64,
    /// The block that the next word comes from.
    words: [u32; 4],
}

impl Rng {
    /// Stream number `stream` of `seed`, below 2⁶²: those above are for sampling, from 2⁶³ on for dropout. Different streams are
    /// independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        Rng { seed, stream, position: 0, words: [0; 4] }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let (block, word) = (self.position / 4, (self.position % 4) as usize);
        if word == 0 {
            let counter = [block as u32, (block >> 32) as u32, self.stream as u32, (self.stream >> 32) as u32];
            self.words = philox(self.seed, counter);
        }
        self.position += 1;
        self.words[word]
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    pub fn uniform(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform among 0 … `n` − 1, without bias (Lemire 2019). 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n <= 1 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let word = u64::from(self.next_u32()) << 32 | u64::from(self.next_u32());
            let product = u128::from(word) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as usize;
            }
        }
    }

    /// Normal with mean 0 and standard deviation 1 (Box-Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(self.uniform());
        (radius * angle.cos()) as f32
    }

    /// Puts `items` into a random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of the authors' Random123 library (`kat_vectors`, philox4x32 10).
    #[test]
    fn known_answers() {
        assert_eq!(philox(0, [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox(u64::MAX, [u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox(0x299f_31d0_a409_3822, pi), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn moments_of_the_normal() {
        let mut rng = Rng::new(7, 0);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(rng.normal())).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_repeats() {
        let draw = || {
            let mut items: Vec<u32> = (0..1000).collect();
            Rng::new(3, 1).shuffle(&mut items);
            items
        };
        let mut items = draw();
        assert_eq!(items, draw());
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut rng = Rng::new(1, 2);
        let mut counts = [0u32; 7];
        (0..70_000).for_each(|_| counts[rng.below(7)] += 1);
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
    }
}
