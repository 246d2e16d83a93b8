//! Seeded random numbers.
//!
//! Each decision draws from a stream of its own, seeded by (seed, purpose, account, day). So an account's day depends
//! neither on other accounts nor on the number of days.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The purpose of a random stream. The numbers are part of its seed, so they must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Stream {
    Account = 1,
    Persona,
    Workday,
    Behavior,
    Delivery,
    Catalog,
    Rollout,
    Attack,
    /// Episodes. Each kind adds its own number.
    Episode = 100,
    /// Writes through the APIs.
    Writes = 1_000,
    /// Mechanisms of worlds. Each adds its own number.
    Mechanism = 2_000,
}

/// A stream of random numbers.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// Starts the stream of an account and a day.
    pub(crate) fn new(key: u64, stream: Stream, user: u32, day: u32) -> Dice {
        Dice::numbered(key, stream, 0, user, day)
    }

    /// Starts one of several streams for the same purpose.
    pub(crate) fn numbered(key: u64, stream: Stream, number: u32, user: u32, day: u32) -> Dice {
        let position = u64::from(user) << 32 | u64::from(day);
        let purpose = u64::from(stream as u32 + number);
        let seed = mix(mix(mix(key) ^ position) ^ purpose);
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Returns 64 random bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns 128 random bits.
    pub(crate) fn uuid(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    /// Returns true with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Draws uniformly from [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random::<f64>()
    }

    /// Draws uniformly from [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Draws uniformly from the whole numbers `low..=high`.
    pub(crate) fn whole(&mut self, low: u32, high: u32) -> u32 {
        self.0.random_range(low..=high.max(low))
    }

    /// Draws from the standard normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Draws from a log-normal distribution.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Draws from a Poisson distribution: by Knuth's multiplication method, or by the normal approximation from a mean of
    /// 30 on.
    pub(crate) fn count(&mut self, mean: f64) -> u32 {
        if mean >= 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let limit = (-mean.max(0.0)).exp();
        let (mut product, mut count) = (self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Draws the days until the next event, at least 1, from an exponential distribution with this mean.
    pub(crate) fn gap(&mut self, mean: f64) -> u32 {
        (-(1.0 - self.unit()).ln() * mean).ceil().clamp(1.0, 1e6) as u32
    }

    /// Picks an item uniformly.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get((self.unit() * items.len() as f64) as usize)
    }

    /// Picks an item, preferring the front of the list (product of two uniform numbers).
    pub(crate) fn habit<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let position = self.unit() * self.unit();
        items.get((position * items.len() as f64) as usize)
    }

    /// Picks a value by weight.
    pub(crate) fn weighted<T: Copy>(&mut self, first: T, rest: &[(T, f64)], first_weight: f64) -> T {
        let total = first_weight + rest.iter().map(|(_, weight)| weight).sum::<f64>();
        let mut left = self.unit() * total;
        for &(value, weight) in rest {
            if left < weight {
                return value;
            }
            left -= weight;
        }
        first
    }

    /// Returns `count` different items in random order, or all of them if there are fewer.
    pub(crate) fn sample<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut shuffled: Vec<(u64, usize)> = (0..items.len()).map(|index| (self.word(), index)).collect();
        shuffled.sort_unstable();
        shuffled.into_iter().take(count).filter_map(|(_, index)| items.get(index).cloned()).collect()
    }
}

/// Mixes the bits of a number (SplitMix64, Steele, Lea and Flood 2014).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_independent_and_repeatable() {
        let word = |stream, user, day| Dice::new(7, stream, user, day).word();
        assert_eq!(word(Stream::Workday, 1, 2), word(Stream::Workday, 1, 2));
        let mut words = vec![
            word(Stream::Workday, 1, 2),
            word(Stream::Behavior, 1, 2),
            word(Stream::Workday, 2, 1),
            word(Stream::Workday, 1, 3),
        ];
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 4);
    }

    #[test]
    fn counts_have_their_mean() {
        let mut dice = Dice::new(1, Stream::Behavior, 0, 0);
        for mean in [0.0, 0.5, 4.0, 80.0] {
            let sum: u32 = (0..4000).map(|_| dice.count(mean)).sum();
            let observed = f64::from(sum) / 4000.0;
            assert!((observed - mean).abs() <= 0.1 + mean * 0.05, "{observed} for {mean}");
        }
    }

    #[test]
    fn samples_do_not_repeat() {
        let mut dice = Dice::new(1, Stream::Behavior, 0, 0);
        let mut sample = dice.sample(&[1, 2, 3, 4, 5], 4);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 4);
        assert_eq!(dice.sample(&[1, 2], 9).len(), 2);
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
